//! `preflight`: what both ends say, judged, with a cure for each finding. `migrate` runs it first.

use super::facts::{DestinationFacts, Ends, SourceFacts, seconds, watched_fields, would_drop};
use super::run::Signals;
use super::{migrate, quota};
use crate::cli::job::JobArgs;
use crate::config::env::Env;
use crate::config::migrate::{MigrateConfig, Start};
use crate::exit::ExitCode;
use crate::influx::error::{Error as InfluxError, FailureKind};
use crate::model::series::Readable;
use crate::pipeline::write::clash::ConflictPolicy;
use crate::report::json;
use crate::report::preflight::{Finding, PreflightReport, Row, Verdict};
use crate::report::text::Glyphs;

use super::error::Error;

/// Runs the command.
pub async fn run(args: JobArgs, env: Env) -> Result<ExitCode, Error> {
    let signals = Signals::default();
    let config = migrate::load(&args, env, &signals).await?;
    let ends = Ends::connect(&config, &signals.observer())?;
    let report = check(&config, &ends).await?.report;
    if config.json {
        println!("{}", json::preflight(&report));
    } else {
        for line in report.lines(Glyphs::Ascii) {
            println!("{line}");
        }
    }
    Ok(if report.verdict() == Verdict::Fail { ExitCode::Permanent } else { ExitCode::Done })
}

/// What was found, and the facts it was found in; facts only where the end could be asked.
#[derive(Debug)]
pub struct Checked {
    /// The screen.
    pub report: PreflightReport,
    /// The source, unless it or its bucket is out of reach.
    pub source: Option<SourceFacts>,
    /// The destination, unless it is out of reach.
    pub destination: Option<DestinationFacts>,
}

/// Asks both ends and judges what they say. Fails only for what is not a finding: a refused token, or trouble that may
/// pass.
pub async fn check(config: &MigrateConfig, ends: &Ends) -> Result<Checked, Error> {
    let mut report = PreflightReport::default();
    let source = gathered(SourceFacts::gather(config, &ends.source).await)?;
    let destination = if config.has_destination() {
        Some(gathered(DestinationFacts::gather(config, &ends.destination).await)?)
    } else {
        None
    };
    let source = source_rows(config, source, &mut report.source);
    let destination =
        destination.and_then(|facts| destination_rows(config, facts, &mut report.destination));
    if let (Some(source), Some(destination)) = (&source, &destination) {
        both_rows(config, source, destination, &mut report);
    }
    if let Some(destination) = &destination {
        progress_rows(config, destination, source.as_ref(), &mut report.progress);
    }
    report.quota_bytes_spent = ends.source.quota().usage().window_bytes;
    report.exit = if report.verdict() == Verdict::Fail { 7 } else { 0 };
    Ok(Checked { report, source, destination })
}

/// A failure that a person can cure is a finding; everything else ends the command with its own exit code.
fn gathered<T>(facts: Result<T, Error>) -> Result<Result<T, InfluxError>, Error> {
    match facts {
        Ok(facts) => Ok(Ok(facts)),
        Err(Error::Influx(error)) if is_finding(&error) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

fn is_finding(error: &InfluxError) -> bool {
    matches!(
        error.kind(),
        FailureKind::Connect
            | FailureKind::Tls
            | FailureKind::Forbidden
            | FailureKind::NotFound
            | FailureKind::Redirect
            | FailureKind::Unexpected
    )
}

fn finding(
    code: &str,
    verdict: Verdict,
    subject: &str,
    text: impl Into<String>,
    cure: Option<String>,
) -> Row {
    Row::Finding(Finding {
        code: code.to_owned(),
        verdict,
        subject: subject.to_owned(),
        text: text.into(),
        cure,
    })
}

fn source_rows(
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
        let cure = "--source-org NAME (the checkpoint records hold it)".to_owned();
        rows.push(finding(
            "P04",
            Verdict::Fail,
            "org",
            "the organization's name is not given",
            Some(cure),
        ));
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
    if survey.nameless_tags > 0 && facts.routes.access.is_none() {
        let text = format!(
            "{} tag keys are not UTF-8: carriage returns in their values may be lost unseen",
            survey.nameless_tags
        );
        rows.push(finding("P08", Verdict::Warn, "Flux", text, None));
    }
}

fn destination_rows(
    config: &MigrateConfig,
    facts: Result<DestinationFacts, InfluxError>,
    rows: &mut Vec<Row>,
) -> Option<DestinationFacts> {
    rows.push(Row::fact("host", config.destination.host.clone()));
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => {
            let cure = "start InfluxDB there, or give --destination-host".to_owned();
            rows.push(finding("P10", Verdict::Fail, "address", error.to_string(), Some(cure)));
            return None;
        }
    };
    let version = facts.info.version.as_deref().unwrap_or("?");
    let org = config.destination.org.as_deref().unwrap_or("?");
    rows.push(Row::fact(
        "org",
        format!("{org} {}   (OSS {version})", facts.org_id.as_deref().unwrap_or("?")),
    ));
    rows.push(finding("P02", Verdict::Ok, "token", config.destination.token.origin(), None));
    if config.destination.org.is_none() {
        let cure = "--destination-org NAME".to_owned();
        rows.push(finding(
            "P04",
            Verdict::Fail,
            "org",
            "the organization's name is not given",
            Some(cure),
        ));
    }
    match &facts.bucket {
        Some(bucket) => {
            rows.push(Row::fact(
                "bucket",
                format!("{} {}, keeps {}", bucket.name, bucket.id, seconds(bucket.retention_s)),
            ));
        }
        None if config.create_buckets => {
            rows.push(finding(
                "P13",
                Verdict::Ok,
                "bucket",
                format!("{} will be created", config.destination_bucket),
                None,
            ));
        }
        None => {
            let cure = format!(
                "--create-buckets, or: influx bucket create --name {} --retention 0",
                config.destination_bucket
            );
            rows.push(finding(
                "P13",
                Verdict::Fail,
                "bucket",
                format!("{} is not there", config.destination_bucket),
                Some(cure),
            ));
        }
    }
    if let Some(refused) = &facts.write_refused {
        let cure = "give the token write access to the bucket".to_owned();
        rows.push(finding("P05", Verdict::Fail, "rights", refused.clone(), Some(cure)));
    }
    Some(facts)
}

fn both_rows(
    config: &MigrateConfig,
    source: &SourceFacts,
    destination: &DestinationFacts,
    report: &mut PreflightReport,
) {
    let rows = &mut report.destination;
    if let Some(bucket) = &destination.bucket {
        if bucket.id == source.bucket.id {
            let text = "this is the source bucket itself".to_owned();
            rows.push(finding(
                "P17",
                Verdict::Fail,
                "bucket",
                text,
                Some("give another --destination-bucket or --destination-host".to_owned()),
            ));
        }
        let oldest = source.earliest.unwrap_or(source.now);
        if would_drop(bucket.retention_s, oldest, source.now) {
            let text =
                format!("keeps {}: would drop values since {oldest}", seconds(bucket.retention_s));
            let cure = format!("influx bucket update --id {} --retention 0", bucket.id);
            rows.push(finding("P11", Verdict::Fail, "retention", text, Some(cure)));
        }
    }
    let watched = watched_fields(source, destination);
    if !watched.is_empty() {
        let verdict = if config.on_type_conflict == ConflictPolicy::Stop {
            Verdict::Fail
        } else {
            Verdict::Warn
        };
        let first: Vec<String> = watched
            .iter()
            .take(3)
            .map(|(measurement, field)| format!("{}.{}", Readable(measurement), Readable(field)))
            .collect();
        let text = format!("{} fields can clash in type: {}", watched.len(), first.join(", "));
        let cure = "--on-type-conflict reject or suffix, or a bucket with the source's shard groups (--create-buckets)".to_owned();
        rows.push(finding("P12", verdict, "types", text, Some(cure)));
    }
}

fn progress_rows(
    config: &MigrateConfig,
    destination: &DestinationFacts,
    source: Option<&SourceFacts>,
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
            rows.push(finding("P15", Verdict::Fail, "retention", text, Some(cure)));
        }
        Some(bucket) => rows.push(finding(
            "P15",
            Verdict::Ok,
            "bucket",
            format!("{:?} keeps for ever", bucket.name),
            None,
        )),
        None if config.create_buckets => {
            rows.push(finding(
                "P15",
                Verdict::Ok,
                "bucket",
                format!("{} will be created", config.batch_bucket),
                None,
            ));
        }
        None => {
            let cure = format!(
                "--create-buckets, or: influx bucket create --name {} --retention 0",
                config.batch_bucket
            );
            rows.push(finding(
                "P15",
                Verdict::Fail,
                "bucket",
                format!("{} is not there", config.batch_bucket),
                Some(cure),
            ));
        }
    }
    if !destination.other_jobs.is_empty() {
        let text = format!(
            "also holds jobs into {}: the official task would resume wrongly here",
            destination.other_jobs.join(", ")
        );
        let cure = "another --batch-bucket, if the official task shall take over".to_owned();
        rows.push(finding("P19", Verdict::Warn, "jobs", text, Some(cure)));
    }
    for task in &destination.active_tasks {
        let verdict = if config.pause_task { Verdict::Warn } else { Verdict::Fail };
        let text = format!("task {:?} writes the same progress", task.name);
        let cure =
            format!("--pause-task, or: influx task update --id {} --status inactive", task.id);
        rows.push(finding("P16", verdict, "task", text, Some(cure)));
    }
    if config.batch_bucket == config.destination_bucket
        || source.is_some_and(|source| same_bucket(destination, source))
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

fn same_bucket(destination: &DestinationFacts, source: &SourceFacts) -> bool {
    destination.batch_bucket.as_ref().is_some_and(|bucket| bucket.id == source.bucket.id)
}
