//! What both ends say, judged, with a cure for each finding: before every run, and for itself in `preflight`.

mod clocks;
pub(crate) mod destination;
mod finding;
mod keys;
mod source;

use self::destination::Content;
use crate::config::job::JobConfig;
use crate::influx::client::Client;
use crate::influx::error::{Error as InfluxError, FailureKind};
use crate::job::contact;
use crate::job::destination_facts::DestinationFacts;
use crate::job::ends::Ends;
use crate::job::error::Error;
use crate::job::fields;
use crate::job::load_config::local_now;
use crate::job::names;
use crate::job::source_facts::SourceFacts;
use crate::report::preflight::{PreflightReport, Row, Verdict};

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

impl Checked {
    /// The ends of a run, if nothing failed. There is a destination unless a spool is written.
    pub fn passed(self) -> Result<(SourceFacts, Option<DestinationFacts>), Error> {
        match (self.report.verdict(), self.source) {
            (Verdict::Ok | Verdict::Warn, Some(source)) => Ok((source, self.destination)),
            _ => Err(Error::preflight(&self.report)),
        }
    }
}

/// Asks both ends and judges what they say. Fails only for what is not a finding: a refused token, or trouble that may
/// pass.
pub async fn check(config: &JobConfig, ends: &Ends) -> Result<Checked, Error> {
    let mut report = PreflightReport::default();
    let met = contact::meet(config, ends).await;
    let source = match met.source {
        Ok(()) => SourceFacts::gather(config, &ends.source).await,
        Err(error) => Err(error.into()),
    };
    let source = gathered(source)?;
    let mut source = source::rows(config, &ends.source, source, &mut report.source);
    let content = source.as_ref().map(Content::of);
    let destination = if config.ends.has_destination() {
        let client = &ends.destination;
        let facts = match met.destination {
            Ok(()) => DestinationFacts::gather(config, client, source.as_ref()).await,
            Err(error) => Err(error.into()),
        };
        destination::judge(config, client, gathered(facts)?, content.as_ref(), &mut report)
    } else {
        None
    };
    if let Some(source) = &mut source {
        if let Some(org) = destination.as_ref().and_then(|facts| facts.source_org.clone()) {
            source.org = org;
        }
        source::org_row(&config.ends, source, &mut report.source);
    }
    if destination.is_some() {
        let named = source.as_ref().map(|source| names::of_source(config, source));
        let keys = names::keys(&named.as_ref().unwrap_or(config).ends);
        report.progress.extend(keys::row(&keys));
    }
    let seen_at = local_now();
    report.source.extend(clocks::row(&ends.source, seen_at));
    if config.ends.has_destination() {
        report.destination.extend(clocks::row(&ends.destination, seen_at));
    }
    if let Some(spool) = &config.ends.spool {
        report.destination.push(Row::fact("spool", spool.place.clone()));
    }
    report.quota_bytes_spent = ends.source.quota().usage().window_bytes;
    report.source_end = Some(fields::of_source(config, source.as_ref()));
    report.destination_end =
        config.ends.has_destination().then(|| fields::of_destination(config, destination.as_ref()));
    Ok(Checked { report, source, destination })
}

/// The same checks of a destination alone; `facts` tell of what comes there.
pub(crate) async fn check_load(
    config: &JobConfig,
    client: &Client,
    facts: Vec<(&'static str, String)>,
    content: &Content,
) -> Result<(PreflightReport, Option<DestinationFacts>), Error> {
    let source = facts.into_iter().map(|(subject, text)| Row::fact(subject, text)).collect();
    let mut report = PreflightReport { source, ..PreflightReport::default() };
    let destination = match client.meet(config.ends.wait_ms).await {
        Ok(()) => DestinationFacts::gather(config, client, None).await,
        Err(error) => Err(error.into()),
    };
    let destination = gathered(destination)?;
    let destination = destination::judge(config, client, destination, Some(content), &mut report);
    report.progress.extend(keys::row(&names::keys(&config.ends)));
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
        | FailureKind::Unexpected
        | FailureKind::OtherProduct => true,
        // Nothing has ever answered there.
        FailureKind::Interrupted
        | FailureKind::Timeout
        | FailureKind::ServerError
        | FailureKind::Unavailable { .. } => !error.reached,
        _ => false,
    }
}
