//! What the source says of itself.

use crate::checkpoint::identity::filter_text;
use crate::config::job::{JobConfig, JobEnds};
use crate::config::range::{RangeStart, RangeStop};
use crate::influx::client::Client;
use crate::influx::error::Error as InfluxError;
use crate::job::judge::finding::{
    bucket_meant, bucket_row, finding, host_row, names_of, no_org, out_of_reach, token_rows,
};
use crate::job::matched::{Holds, named};
use crate::job::quota;
use crate::job::source_facts::{SourceFacts, SourceSeen};
use crate::model::number;
use crate::model::side::Side;
use crate::model::time::Timestamp;
use crate::report::preflight::{Row, Verdict};

/// What the source says of itself, judged.
pub(super) fn rows(
    config: &JobConfig,
    client: &Client,
    seen: Result<SourceSeen, InfluxError>,
    rows: &mut Vec<Row>,
) -> Option<SourceFacts> {
    rows.push(host_row(&config.ends.source, client));
    let bucket = &config.ends.source_bucket;
    let facts = match seen {
        Ok(SourceSeen::Facts(facts)) => *facts,
        Ok(SourceSeen::NoBucket(seen)) => {
            let text = format!("{bucket} is not there, or this token cannot read it");
            let token = "make a token that may read it: Load Data > API Tokens, or influx auth create --read-bucket ID";
            let names = names_of(&seen);
            let sees = match names.as_slice() {
                [] => String::new(),
                names => format!("; this token sees: {}", named(names)),
            };
            let cure = match bucket_meant(bucket, &seen) {
                Some(meant) => format!("{meant} If not, {token}"),
                None => token.to_owned(),
            };
            let row = finding("P03", Verdict::Fail, "bucket", text + &sees, Some(cure));
            rows.push(row.with("bucket", bucket.as_str()).with("there", names));
            return None;
        }
        Ok(SourceSeen::NoOrg(seen)) => {
            rows.push(no_org(Side::Source, &config.ends.source, &seen));
            return None;
        }
        Ok(SourceSeen::InSeveral(ids)) => {
            let text =
                format!("buckets called {bucket} are in the organizations {}", ids.join(", "));
            let cure = "--source-org NAME, or its id".to_owned();
            let row = finding("P04", Verdict::Fail, "org", text, Some(cure));
            rows.push(row.with("bucket", bucket.as_str()).with("there", ids));
            return None;
        }
        Err(error) => {
            rows.push(out_of_reach("P01", Side::Source, &config.ends.source, &error));
            return None;
        }
    };
    let version = facts.info.version.as_deref().unwrap_or("Cloud");
    let id = &facts.bucket.org_id;
    let org = if facts.is_org_named && facts.org != *id {
        format!("{} {id}   ({version})", facts.org)
    } else {
        format!("{id}, of a name that the token cannot see   ({version})")
    };
    rows.push(
        Row::fact("org", org)
            .with("org", facts.is_org_named.then_some(facts.org.as_str()))
            .with("org_id", facts.bucket.org_id.as_str())
            .with("version", facts.info.version.as_deref()),
    );
    rows.push(bucket_row(&facts.bucket));
    token_rows(&config.ends.source, client, rows);
    if client.is_unchecked() {
        let text =
            "large answers come without gzip and without TLS: a flipped bit would not be seen";
        let cure = "https://, or a proxy in between that lets gzip pass".to_owned();
        rows.push(finding("P21", Verdict::Warn, "checksum", text, Some(cure)));
    }
    rows.push(quota::row(config, &facts));
    language_rows(bucket, &facts, rows);
    match (config.scope.start, facts.earliest) {
        (RangeStart::Earliest, Some(time)) => {
            rows.push(Row::fact("oldest", time.to_string()).with("time", time.to_string()));
        }
        (RangeStart::Earliest, None) => {}
        (RangeStart::At(_) | RangeStart::Back(_), time) => {
            let time = time.map(|time| time.to_string());
            let text = time.clone().unwrap_or_else(|| "?".to_owned());
            rows.push(Row::fact("start", text).with("time", time));
        }
    }
    rows.extend(stop_ahead(config, &facts));
    Some(facts)
}

/// Whether there is anything to copy. A job that has begun may have outlived what it matched.
pub(super) fn content_rows(
    config: &JobConfig,
    facts: &SourceFacts,
    has_begun: bool,
    rows: &mut Vec<Row>,
) {
    let filter = &config.scope.filter;
    let verdict = if has_begun { Verdict::Warn } else { Verdict::Fail };
    for part in &facts.unmatched {
        let text = if part.there.is_empty() {
            format!("the source has nothing of {}; the bucket has none", part.typed)
        } else {
            format!("the source has nothing of {}; it has: {}", part.typed, part.told())
        };
        let cure = match &part.meant {
            Some(meant) => format!("did you mean {meant}?"),
            None => "give one that is there, or leave it out".to_owned(),
        };
        let row = finding("P28", verdict, "filter", text, Some(cure));
        let meant = part.meant.as_deref();
        rows.push(row.with("flag", &*part.typed).with("there", &*part.there).with("meant", meant));
    }
    match facts.holds {
        Holds::Nothing if !filter.is_empty() && facts.unmatched.is_empty() => {
            let text = format!("no value at the source matches all of {}", filter_text(filter));
            let cure = "leave a part of the filter out, or give another".to_owned();
            rows.push(finding("P28", verdict, "filter", text, Some(cure)));
        }
        Holds::Nothing if filter.is_empty() => {
            let text = "the bucket is empty: there is nothing to copy";
            rows.push(finding("P09", Verdict::Warn, "oldest", text, None));
        }
        Holds::NotInRange { oldest, newest } => {
            rows.push(not_in_range(config, facts, oldest, newest));
        }
        Holds::Something | Holds::Nothing => {}
    }
}

/// A stop ahead of the source's clock: what is written until then comes too late for its batch.
fn stop_ahead(config: &JobConfig, facts: &SourceFacts) -> Option<Row> {
    let RangeStop::At(stop) = config.scope.stop else { return None };
    if stop <= facts.now {
        return None;
    }
    let text = format!(
        "--stop {stop} lies ahead of the source's clock ({}): what is written before it after this run, no later run tops up",
        facts.now
    );
    let cure =
        "leave --stop out, until nothing more is written: each run then goes to now".to_owned();
    let row = finding("P09", Verdict::Warn, "range", text, Some(cure));
    Some(row.with("stop", stop.to_string()).with("time", facts.now.to_string()))
}

/// A range beside all that is there: where that lies, and how it is met.
fn not_in_range(
    config: &JobConfig,
    facts: &SourceFacts,
    oldest: Timestamp,
    newest: Option<Timestamp>,
) -> Row {
    let stop = facts.stop(&config.scope);
    let start = facts.earliest.unwrap_or(stop);
    let to = newest.map_or_else(String::new, |newest| format!(" to {newest}"));
    let text = format!("no value lies in the range; there are values from {oldest}{to}");
    let cure = match newest {
        _ if oldest >= stop => format!("--stop behind {oldest}, the oldest value"),
        Some(newest) if newest < start => format!("--start {oldest}, or any up to {newest}"),
        _ => "another --start or --stop, if something was to be copied".to_owned(),
    };
    finding("P09", Verdict::Warn, "range", text, Some(cure))
        .with("start", start.to_string())
        .with("stop", stop.to_string())
        .with("oldest", oldest.to_string())
        .with("newest", newest.map(|newest| newest.to_string()))
}

/// What the progress calls the organization, where the token may not know its name.
pub(super) fn org_row(ends: &JobEnds, facts: &SourceFacts, rows: &mut Vec<Row>) {
    if facts.is_org_named || !ends.has_destination() {
        return;
    }
    let text =
        format!("this token may not know its name; the progress is kept under {}", facts.org);
    let cure = "--source-org NAME keeps it under the name, as the official task does".to_owned();
    rows.push(finding("P04", Verdict::Warn, "org", text, Some(cure)));
}

/// What each query language can do with this bucket.
fn language_rows(source_bucket: &str, facts: &SourceFacts, rows: &mut Vec<Row>) {
    let survey = &facts.survey;
    match &survey.influxql {
        Ok(known) => match &known.reads {
            Ok(encoding) => {
                let text = format!("reads the bucket as {} ({encoding:?})", known.database);
                let row = finding("P07", Verdict::Ok, "InfluxQL", text, None);
                let encoding = format!("{encoding:?}");
                rows.push(
                    row.with("database", known.database.to_string()).with("encoding", encoding),
                );
            }
            // Of nothing that is to be copied nobody has to read anything.
            Err(_) if facts.holds == Holds::Nothing => {}
            Err(why) => {
                let text = format!("not used: {why}");
                rows.push(finding("P07", Verdict::Warn, "InfluxQL", text, None));
            }
        },
        Err(refused) => {
            let text = "no InfluxQL: the job reads more bytes".to_owned();
            let cure = format!(
                "influx v1 dbrp create --bucket-id {} --db {:?} --rp autogen --default (the source says: {refused})",
                facts.bucket.id, source_bucket
            );
            rows.push(finding("P07", Verdict::Warn, "InfluxQL", text, Some(cure)));
        }
    }
    for found in &facts.routes.lost {
        let text = format!("left out: {}", found.why);
        rows.push(finding("P08", Verdict::Warn, "answers", text, None));
    }
    for found in &survey.unreturned {
        let text = format!("left out: {found}: listed, but returned to no query");
        let cure = "influxd inspect export-lp on the stopped source has its values".to_owned();
        rows.push(finding("P08", Verdict::Warn, "answers", text, Some(cure)));
    }
    if let Some(found) = &facts.routes.out_of_reach {
        let text = format!(
            "left out: {found}: the source returns them only to queries that reach to the end of all times"
        );
        let query = found.query(source_bucket);
        let cure =
            format!("`{query}` has them, and influxd inspect export-lp on the stopped source");
        rows.push(finding("P08", Verdict::Warn, "answers", text, Some(cure)));
    }
    if survey.nameless_tags > 0 && facts.routes.access.is_none() {
        let keys = number::all_counted(survey.nameless_tags as u64, "tag key is", "tag keys are");
        let text = format!("{keys} not UTF-8: carriage returns in such values may be lost unseen");
        let row = finding("P08", Verdict::Warn, "Flux", text, None);
        rows.push(row.with("tag_keys", survey.nameless_tags));
    }
}
