//! `preflight`: what both ends say, judged, with a cure for each finding. `migrate` runs it first.

mod clocks;
mod destination;
mod names;
mod source;

use super::error::Error;
use super::facts::{DestinationFacts, Ends, SourceFacts};
use super::run::Signals;
use super::{job, migrate};
use crate::cli::job::JobArgs;
use crate::config::ends::{EndConfig, TokenSetting};
use crate::config::env::Env;
use crate::config::job::JobConfig;
use crate::exit::ExitCode;
use crate::influx::client::Client;
use crate::influx::error::{Error as InfluxError, FailureKind};
use crate::influx::secrets;
use crate::model::side::Side;
use crate::model::time::Timestamp;
use crate::pipeline::write::bucket::type_conflict::{self, TypesByKey};
use crate::report::preflight::{Finding, PreflightReport, Row, Verdict};
use crate::report::text::Glyphs;
use crate::report::{json, stream};

/// Runs the command.
pub async fn run(args: JobArgs, env: Env) -> Result<ExitCode, Error> {
    let signals = Signals::default();
    let config = migrate::load(&args, env, &signals).await?;
    let ends = Ends::connect(&config, &signals.observer())?;
    let report = check(&config, &ends).await?.report;
    if config.output.json {
        stream::print(json::preflight(&report));
    } else {
        for line in report.lines(Glyphs::Ascii) {
            stream::print(line);
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
pub async fn check(config: &JobConfig, ends: &Ends) -> Result<Checked, Error> {
    let mut report = PreflightReport::default();
    let source = gathered(SourceFacts::gather(config, &ends.source).await)?;
    let mut source = source::rows(config, &ends.source, source, &mut report.source);
    let content = source.as_ref().map(Content::of);
    let destination = if config.ends.has_destination() {
        let client = &ends.destination;
        let facts = DestinationFacts::gather(config, client, source.as_ref()).await;
        destination::judge(config, client, gathered(facts)?, content.as_ref(), &mut report)
    } else {
        None
    };
    if let Some(source) = &mut source {
        if let Some(org) = destination.as_ref().and_then(|facts| facts.source_org.clone()) {
            source.org = org;
        }
        source::org_row(config, source, &mut report.source);
    }
    if destination.is_some() {
        let named = source.as_ref().map(|source| job::of_source(config, source));
        report.progress.extend(names::row(&job::keys(named.as_ref().unwrap_or(config))));
    }
    let seen_at = migrate::local_now();
    report.source.extend(clocks::row(&ends.source, seen_at));
    if config.ends.has_destination() {
        report.destination.extend(clocks::row(&ends.destination, seen_at));
    }
    if let Some(spool) = &config.ends.spool {
        report.destination.push(Row::fact("spool", spool.place.clone()));
    }
    report.quota_bytes_spent = ends.source.quota().usage().window_bytes;
    let failed = report.verdict() == Verdict::Fail;
    report.exit = if failed { ExitCode::Permanent.number() } else { ExitCode::Done.number() };
    Ok(Checked { report, source, destination })
}

/// What comes to the destination, as far as it has to fit there.
#[derive(Debug)]
pub struct Content {
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
    fn of(source: &SourceFacts) -> Self {
        Self {
            bucket_id: Some(source.bucket.id.clone()),
            oldest: source.earliest,
            now: source.now,
            types: source.survey.field_types().map(type_conflict::by_key),
            one_type_ns: source.one_type_ns(),
        }
    }
}

/// The same checks of a destination alone; `facts` tell of what comes there.
pub async fn check_load(
    config: &JobConfig,
    client: &Client,
    facts: Vec<(&'static str, String)>,
    content: &Content,
) -> Result<(PreflightReport, Option<DestinationFacts>), Error> {
    let source = facts.into_iter().map(|(subject, text)| Row::fact(subject, text)).collect();
    let mut report = PreflightReport { source, ..PreflightReport::default() };
    let destination = gathered(DestinationFacts::gather(config, client, None).await)?;
    let destination = destination::judge(config, client, destination, Some(content), &mut report);
    report.progress.extend(names::row(&job::keys(config)));
    Ok((report, destination))
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
    match error.kind() {
        FailureKind::Connect
        | FailureKind::Tls
        | FailureKind::Proxy
        | FailureKind::Unframed
        | FailureKind::Forbidden
        | FailureKind::NotFound
        | FailureKind::BadRequest
        | FailureKind::Redirect
        | FailureKind::Unexpected => true,
        // Nothing has ever answered there.
        FailureKind::Interrupted | FailureKind::Timeout => !error.reached,
        _ => false,
    }
}

/// An end that cannot be used as it is given; `address` is the code of its address.
fn out_of_reach(address: &str, side: Side, error: &InfluxError) -> Row {
    let (code, subject, cure) = match error.kind() {
        FailureKind::NotFound if error.message.contains("organization") => {
            ("P04", "org", format!("--{side}-org NAME, as the server has it"))
        }
        FailureKind::Forbidden => ("P02", "token", "give a token with this right".to_owned()),
        FailureKind::Proxy => (
            address,
            "proxy",
            "put user and password into the proxy's variable, or the address into NO_PROXY"
                .to_owned(),
        ),
        FailureKind::Redirect => {
            (address, "address", format!("give --{side}-host the address that it leads to"))
        }
        _ => {
            let start = match side {
                Side::Source => "check --source-host and the network",
                Side::Destination => "start InfluxDB there, or give --destination-host",
            };
            (address, "address", start.to_owned())
        }
    };
    let cure = error.cure.map_or(cure, str::to_owned);
    finding(code, Verdict::Fail, subject, error.without_cure(), Some(cure))
}

/// The address, and the proxy on the way to it.
fn host_row(end: &EndConfig, client: &Client) -> Row {
    let proxy = client.proxy().map_or(String::new(), |proxy| format!("   (through proxy {proxy})"));
    Row::fact("host", format!("{}{proxy}", end.host))
}

/// The token's place, and who else can read it, there or on its way.
fn token_rows(end: &EndConfig, client: &Client, rows: &mut Vec<Row>) {
    let (verdict, text, cure) = match (client.token_doubt(), &end.token) {
        (Some(doubt), TokenSetting::File(path)) => {
            (Verdict::Warn, doubt, Some(format!("chmod 600 {}", path.display())))
        }
        (Some(doubt), _) => (Verdict::Warn, doubt, None),
        (None, token) => (Verdict::Ok, token.origin(), None),
    };
    rows.push(finding("P02", verdict, "token", text, cure));
    if client.is_in_the_clear() {
        let text = "http to another machine: the token crosses the network in the clear";
        let cure = "give an https:// address, or use a tunnel that encrypts".to_owned();
        rows.push(finding("P20", Verdict::Warn, "TLS", text, Some(cure)));
    }
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
        text: secrets::redact(text.into()),
        cure: cure.map(secrets::redact),
    })
}
