//! What the source says of itself.

use super::{finding, no_org};
use crate::commands::facts::{SourceFacts, seconds};
use crate::commands::quota;
use crate::config::migrate::{MigrateConfig, Start};
use crate::influx::error::Error as InfluxError;
use crate::report::preflight::{Row, Verdict};

/// What the source says of itself, judged.
pub(super) fn rows(
    config: &MigrateConfig,
    facts: Result<Option<SourceFacts>, InfluxError>,
    rows: &mut Vec<Row>,
) -> Option<SourceFacts> {
    rows.push(Row::fact("host", config.source.host.clone()));
    let facts = match facts {
        Ok(Some(facts)) => facts,
        Ok(None) => {
            let text = format!(
                "bucket {} is not there, or this token cannot read it",
                config.source_bucket
            );
            let cure =
                "create an API token with read access to the bucket and set INFLUXDB_CLOUD_TOKEN"
                    .to_owned();
            rows.push(finding("P03", Verdict::Fail, "bucket", text, Some(cure)));
            return None;
        }
        Err(error) => {
            rows.push(finding(
                "P01",
                Verdict::Fail,
                "address",
                error.to_string(),
                Some("check --source-host and the network".to_owned()),
            ));
            return None;
        }
    };
    let version = facts.info.version.as_deref().unwrap_or("Cloud");
    let org = config.source.org.as_deref().unwrap_or("?");
    rows.push(Row::fact("org", format!("{org} {}   ({version})", facts.bucket.org_id)));
    rows.push(Row::fact(
        "bucket",
        format!(
            "{} {}, keeps {}",
            facts.bucket.name,
            facts.bucket.id,
            seconds(facts.bucket.retention_s)
        ),
    ));
    rows.push(finding("P02", Verdict::Ok, "token", config.source.token.origin(), None));
    if config.source.org.is_none() && config.has_destination() {
        rows.push(no_org("--source-org NAME (the checkpoint records hold it)"));
    }
    rows.push(quota::row(config, &facts));
    language_rows(config, &facts, rows);
    match (config.start, facts.earliest) {
        (Start::Earliest, Some(time)) => rows.push(Row::fact("oldest", time.to_string())),
        (Start::Earliest, None) => {
            rows.push(finding("P09", Verdict::Warn, "oldest", "the bucket is empty", None));
        }
        (Start::At(time), _) => rows.push(Row::fact("start", time.to_string())),
    }
    Some(facts)
}

/// What each query language can do with this bucket.
fn language_rows(config: &MigrateConfig, facts: &SourceFacts, rows: &mut Vec<Row>) {
    let survey = &facts.survey;
    match &survey.influxql {
        Ok(known) => match &known.reads {
            Ok(encoding) => {
                let text = format!("reads the bucket as {} ({encoding:?})", known.database);
                rows.push(finding("P07", Verdict::Ok, "InfluxQL", text, None));
            }
            Err(why) => {
                let text = format!("not used: {why}");
                rows.push(finding("P07", Verdict::Warn, "InfluxQL", text, None));
            }
        },
        Err(refused) => {
            let text = "no InfluxQL: the job reads more bytes".to_owned();
            let cure = format!(
                "influx v1 dbrp create --bucket-id {} --db {:?} --rp autogen --default (the source says: {refused})",
                facts.bucket.id, config.source_bucket
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
    if survey.nameless_tags > 0 && facts.routes.access.is_none() {
        let text = format!(
            "{} tag keys are not UTF-8: carriage returns in their values may be lost unseen",
            survey.nameless_tags
        );
        rows.push(finding("P08", Verdict::Warn, "Flux", text, None));
    }
}
