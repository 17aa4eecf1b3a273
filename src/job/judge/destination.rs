//! What the destination says of itself, and what it will make of the content.

use crate::config::job::{JobConfig, JobSafety};
use crate::influx::bucket::Bucket;
use crate::influx::client::Client;
use crate::influx::error::Error as InfluxError;
use crate::job::destination_facts::{DestinationFacts, watched, would_drop};
use crate::job::judge::finding::{
    bucket_meant, bucket_row, finding, host_row, names_of, no_org, out_of_reach, seconds,
    token_rows,
};
use crate::job::source_facts::SourceFacts;
use crate::model::number;
use crate::model::series::Readable;
use crate::model::side::Side;
use crate::model::time::Timestamp;
use crate::pipeline::write::bucket::type_conflict::{self, ConflictPolicy, TypesByKey};
use crate::report::preflight::{PreflightReport, Row, Verdict};

/// What comes to the destination, as far as it has to fit there.
#[derive(Debug)]
pub(crate) struct Content {
    /// The id of the bucket that it is in, if it is in one.
    pub bucket_id: Option<String>,
    /// Time of the oldest value, if it is known.
    pub oldest: Option<Timestamp>,
    /// The present.
    pub now: Timestamp,
    /// Types of its fields, if they are known.
    pub types: Option<TypesByKey>,
    /// Length of the stretches in which a field has one type, if there are such.
    pub one_type_ns: Option<i64>,
}

impl Content {
    /// All of a source.
    pub(crate) fn of(source: &SourceFacts) -> Self {
        Self {
            bucket_id: Some(source.bucket.id.clone()),
            oldest: source.earliest,
            now: source.now,
            types: source.survey.field_types().map(type_conflict::by_key),
            one_type_ns: source.one_type_ns(),
        }
    }
}

/// Judges all of it; the facts, unless it is out of reach.
pub(super) fn judge(
    config: &JobConfig,
    client: &Client,
    facts: Result<DestinationFacts, InfluxError>,
    content: Option<&Content>,
    report: &mut PreflightReport,
) -> Option<DestinationFacts> {
    let facts =
        destination_rows(config, client, facts, content.is_some(), &mut report.destination)?;
    if let Some(content) = content {
        let wanted = (config.safety.on_type_conflict, config.safety.create_buckets);
        content_rows(wanted, content, &facts, &mut report.destination);
    }
    progress_rows(config, &facts, content, &mut report.progress);
    Some(facts)
}

fn destination_rows(
    config: &JobConfig,
    client: &Client,
    facts: Result<DestinationFacts, InfluxError>,
    has_content: bool,
    rows: &mut Vec<Row>,
) -> Option<DestinationFacts> {
    rows.push(host_row(&config.ends.destination, client));
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => {
            rows.push(out_of_reach("P10", Side::Destination, &config.ends.destination, &error));
            return None;
        }
    };
    if let Some(seen) = &facts.orgs_seen {
        rows.push(no_org(Side::Destination, &config.ends.destination, seen));
        return None;
    }
    if let Some(why) = &facts.no_org {
        let cure = "--destination-org with its id (influx org list), or with its name where the token may read it".to_owned();
        rows.push(finding("P04", Verdict::Fail, "org", why.clone(), Some(cure)));
        return None;
    }
    let version = facts.info.version.as_deref().unwrap_or("?");
    let org_id = facts.org_id.as_deref();
    let org = match (&facts.org, org_id) {
        (Some(org), Some(id)) if org != id => format!("{org} {id}"),
        (Some(one), None) => one.clone(),
        (_, Some(id)) => format!("{id}, of a name that the token cannot see"),
        (None, None) => "not to be seen by the token".to_owned(),
    };
    rows.push(
        Row::fact("org", format!("{org}   (OSS {version})"))
            .with("org", facts.org.as_deref())
            .with("org_id", org_id)
            .with("version", facts.info.version.as_deref()),
    );
    token_rows(&config.ends.destination, client, rows);
    if facts.org_id.is_none() && config.safety.create_buckets {
        let text = "no bucket can be created: the organization is not there, or not to be seen";
        let cure =
            "a token that may read it too (influx auth create ... --read-orgs), --destination-org with its id (influx org list), or create the buckets by hand".to_owned();
        rows.push(finding("P04", Verdict::Fail, "org", text, Some(cure)));
    }
    match &facts.bucket {
        Some(bucket) => rows.push(bucket_row(bucket)),
        // The name is the source's, and that is in doubt.
        None if !has_content && config.ends.destination_bucket == config.ends.source_bucket => {
            let text = format!("{}: not judged before the source", config.ends.source_bucket);
            rows.push(Row::fact("bucket", text));
        }
        None => {
            let (name, seen) = (&config.ends.destination_bucket, &facts.buckets_seen);
            rows.push(missing_bucket(&config.safety, "P13", name, seen));
        }
    }
    for refused in &facts.writes_refused {
        let cure = "give a token that may: influx auth create --read-bucket ID --write-bucket ID for each bucket (influx bucket list)".to_owned();
        rows.push(finding("P05", Verdict::Fail, "rights", refused.clone(), Some(cure)));
    }
    Some(facts)
}

/// A bucket that is not there: made, if that was asked for.
fn missing_bucket(safety: &JobSafety, code: &str, name: &str, seen: &[Bucket]) -> Row {
    let refused = name.starts_with('_') || name.contains('"');
    if safety.create_buckets && refused {
        let text = format!(
            "{name} cannot be created: InfluxDB takes no name that begins with _ or holds a quotation mark"
        );
        let flag = if code == "P15" { "--batch-bucket" } else { "--destination-bucket" };
        return finding(code, Verdict::Fail, "bucket", text, Some(format!("give another {flag}")));
    }
    let is_id_of = seen.iter().any(|bucket| bucket.id == name);
    if safety.create_buckets && !is_id_of {
        let text = format!("{name} will be created (right not tried)");
        return finding(code, Verdict::Ok, "bucket", text, None)
            .with("bucket", name)
            .with("is_created", true);
    }
    let meant = bucket_meant(name, seen).map_or_else(String::new, |meant| meant + " If not: ");
    let cure = format!(
        "{meant}--create-buckets, or: influx bucket create --name {name} --retention 0; if it is there: a token that may read it"
    );
    let text = format!("{name} is not there, or this token cannot read it");
    finding(code, Verdict::Fail, "bucket", text, Some(cure))
        .with("bucket", name)
        .with("there", names_of(seen))
}

fn content_rows(
    (policy, is_creating): (ConflictPolicy, bool),
    content: &Content,
    destination: &DestinationFacts,
    rows: &mut Vec<Row>,
) {
    if let Some(bucket) = &destination.bucket {
        if content.bucket_id.as_ref() == Some(&bucket.id) {
            let text = "this is the source bucket itself".to_owned();
            rows.push(finding(
                "P17",
                Verdict::Fail,
                "bucket",
                text,
                Some("give another --destination-bucket or --destination-host".to_owned()),
            ));
        }
        let oldest = content.oldest.unwrap_or(content.now);
        if would_drop(bucket.retention_s, oldest, content.now) {
            let text =
                format!("keeps {}: would drop values since {oldest}", seconds(bucket.retention_s));
            let cure = format!("influx bucket update --id {} --retention 0", bucket.id);
            rows.push(
                finding("P11", Verdict::Fail, "retention", text, Some(cure))
                    .with("bucket_id", bucket.id.as_str())
                    .with("retention_s", bucket.retention_s)
                    .with("oldest", oldest.to_string()),
            );
        }
    }
    rows.extend(clashes((policy, is_creating), content, destination));
}

/// Fields that can clash with what the destination knows them as.
fn clashes(
    (policy, is_creating): (ConflictPolicy, bool),
    content: &Content,
    destination: &DestinationFacts,
) -> Option<Row> {
    let types = content.types.as_ref()?;
    let watched = watched(Some(types), content.one_type_ns, destination);
    if watched.is_empty() {
        return None;
    }
    let taken = match policy {
        ConflictPolicy::Suffix => type_conflict::names_taken(&watched, types),
        ConflictPolicy::Stop | ConflictPolicy::Reject => Vec::new(),
    };
    if let Some((measurement, field)) = taken.first() {
        let text = format!(
            "--on-type-conflict suffix would write over {}.{}, a field of its own at the source",
            Readable(measurement),
            Readable(field)
        );
        let cure = Some("--on-type-conflict reject".to_owned());
        return Some(
            finding("P12", Verdict::Fail, "types", text, cure).with("fields", taken.len()),
        );
    }
    let verdict = if policy == ConflictPolicy::Stop { Verdict::Fail } else { Verdict::Warn };
    let told = |key| type_conflict::clash(key, types, &destination.field_types);
    let first: Vec<String> = watched.iter().take(3).map(told).collect();
    let fields = number::counted(watched.len() as u64, "field", "fields");
    let text = format!("{fields} can clash in type: {}", first.join("; "));
    let by_policy = match policy {
        ConflictPolicy::Stop => Some("--on-type-conflict reject or suffix"),
        ConflictPolicy::Reject => Some("--on-type-conflict suffix keeps all of them there"),
        ConflictPolicy::Suffix => None,
    };
    // A new bucket knows no types yet, and gets the source's shard groups.
    let theirs = type_conflict::by_key(&destination.field_types);
    let helps = content.one_type_ns.is_some() || watched.iter().any(|key| theirs.contains_key(key));
    let by_bucket = match (&destination.bucket, is_creating) {
        (Some(_), true) if helps => Some("another, new --destination-bucket"),
        (Some(_), false) if helps => {
            Some("another, new --destination-bucket with --create-buckets")
        }
        _ => None,
    };
    let cures: Vec<&str> = by_policy.into_iter().chain(by_bucket).collect();
    let cure = (!cures.is_empty()).then(|| cures.join(", or "));
    Some(finding("P12", verdict, "types", text, cure).with("fields", watched.len()))
}

fn progress_rows(
    config: &JobConfig,
    destination: &DestinationFacts,
    content: Option<&Content>,
    rows: &mut Vec<Row>,
) {
    match &destination.batch_bucket {
        Some(bucket) if bucket.retention_s > 0 => {
            let text = format!(
                "bucket {:?} keeps {}: resume would be lost",
                bucket.name,
                seconds(bucket.retention_s)
            );
            let cure = format!("influx bucket update --id {} --retention 0", bucket.id);
            rows.push(
                finding("P15", Verdict::Fail, "retention", text, Some(cure))
                    .with("bucket", bucket.name.as_str())
                    .with("bucket_id", bucket.id.as_str())
                    .with("retention_s", bucket.retention_s),
            );
        }
        Some(bucket) => {
            let text = format!("{:?} keeps for ever", bucket.name);
            rows.push(
                finding("P15", Verdict::Ok, "bucket", text, None)
                    .with("bucket", bucket.name.as_str())
                    .with("bucket_id", bucket.id.as_str())
                    .with("retention_s", 0),
            );
        }
        None => {
            let (name, seen) = (&config.ends.batch_bucket, &destination.buckets_seen);
            rows.push(missing_bucket(&config.safety, "P15", name, seen));
        }
    }
    if !destination.other_jobs.is_empty() {
        let text = format!(
            "also holds jobs into {}: the official task would resume wrongly here",
            destination.other_jobs.join(", ")
        );
        let cure = "another --batch-bucket, if the official task shall take over".to_owned();
        let row = finding("P19", Verdict::Warn, "jobs", text, Some(cure));
        rows.push(row.with("jobs", &*destination.other_jobs));
    }
    for task in &destination.active_tasks {
        let verdict = if config.safety.pause_task { Verdict::Warn } else { Verdict::Fail };
        let text = format!("task {:?} writes the same progress", task.name);
        let cure =
            format!("--pause-task, or: influx task update --id {} --status inactive", task.id);
        let row = finding("P16", verdict, "task", text, Some(cure));
        rows.push(row.with("task", &*task.name).with("task_id", &*task.id));
    }
    if config.ends.batch_bucket == config.ends.destination_bucket
        || content.is_some_and(|content| same_bucket(destination, content))
    {
        let cure = "give another --batch-bucket".to_owned();
        rows.push(finding(
            "P18",
            Verdict::Fail,
            "bucket",
            "the progress cannot live among the data",
            Some(cure),
        ));
    }
}

fn same_bucket(destination: &DestinationFacts, content: &Content) -> bool {
    let batches = destination.batch_bucket.as_ref().map(|bucket| &bucket.id);
    batches.is_some() && batches == content.bucket_id.as_ref()
}
