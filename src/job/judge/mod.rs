//! What both ends say, judged, with a cure for each finding: before every run, and for itself in `preflight`.

mod clocks;
pub(crate) mod destination;
mod finding;
mod keys;
mod refused;
mod source;

use self::destination::Content;
use self::finding::{finding, is_finding};
use crate::config::job::JobConfig;
use crate::exit::ExitCode;
use crate::influx::client::Client;
use crate::influx::error::{Error as InfluxError, FailureKind};
use crate::job::destination_facts::DestinationFacts;
use crate::job::ends::Ends;
use crate::job::error::Error;
use crate::job::load_config::local_now;
use crate::job::place::{JobPlace, PlaceSeen, Wanted};
use crate::job::source_facts::SourceFacts;
use crate::job::{begin_spool, contact, fields, names, place};
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
    /// Where the job stands, as far as that could be seen.
    pub place: Option<JobPlace>,
    /// What a run ends with if nothing else stands against it. It is among the findings.
    refused: Option<Error>,
}

/// What passed the checks.
#[derive(Debug)]
pub struct Passed {
    /// The source.
    pub source: SourceFacts,
    /// The destination, unless a spool is written.
    pub destination: Option<DestinationFacts>,
    /// Where the job stands.
    pub place: Option<JobPlace>,
}

impl Checked {
    /// The ends of a run and its place, if nothing failed. There is a destination unless a spool is written.
    pub fn passed(self) -> Result<Passed, Error> {
        match (self.report.verdict(), self.source) {
            (Verdict::Ok | Verdict::Warn, Some(source)) => {
                Ok(Passed { source, destination: self.destination, place: self.place })
            }
            _ => Err(Error::failed_checks(&self.report, self.refused)),
        }
    }
}

/// Asks both ends and judges what they say. Fails only for what is not a finding: a refused token, or trouble that may
/// pass.
pub async fn check(config: &JobConfig, ends: &Ends) -> Result<Checked, Error> {
    let mut report = PreflightReport::default();
    let met = contact::meet(config, ends).await;
    let source = gathered(met.source, SourceFacts::gather(config, &ends.source), &mut report);
    let source = Box::pin(source).await?;
    let mut source = source::rows(config, &ends.source, source, &mut report.source);
    let content = source.as_ref().map(Content::of);
    let destination = if config.ends.has_destination() {
        let client = &ends.destination;
        let facts = DestinationFacts::gather(config, client, source.as_ref());
        let facts = gathered(met.destination, facts, &mut report).await?;
        destination::judge(config, client, facts, content.as_ref(), &mut report)
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
    let looked = Box::pin(look(config, ends, source.as_ref(), destination.as_ref())).await;
    if let Some(source) = &source {
        let has_begun = looked.place.as_ref().is_some_and(|place| !place.is_new);
        source::content_rows(config, source, has_begun, &mut report.source);
    }
    let refused = refused::told(&config.ends, looked.refused, &mut report)?;
    let quota = source.as_ref().and_then(|source| source.quota.bytes_per_window());
    report.has_quota = quota.is_some();
    report.quota_bytes_spent = ends.source.quota().usage().window_bytes;
    report.source_end = Some(fields::of_source(config, source.as_ref()));
    report.destination_end =
        config.ends.has_destination().then(|| fields::of_destination(config, destination.as_ref()));
    Ok(Checked { report, source, destination, place: looked.place, refused })
}

/// Looks at the place that a run would take, as far as both ends are known.
async fn look(
    config: &JobConfig,
    ends: &Ends,
    source: Option<&SourceFacts>,
    destination: Option<&DestinationFacts>,
) -> PlaceSeen {
    let nowhere = PlaceSeen { place: None, refused: None };
    let Some(source) = source else { return nowhere };
    let config = &names::of_source(config, source);
    match (&config.ends.spool, destination) {
        (Some(choice), _) => begin_spool::look(config, choice, source).await,
        (None, Some(destination)) => {
            let wanted = Wanted::of(config, source);
            place::look(config, &ends.destination, destination, &wanted).await
        }
        (None, None) => nowhere,
    }
}

/// What [`check_load`] has found.
#[derive(Debug)]
pub(crate) struct LoadChecked {
    /// The screen.
    pub report: PreflightReport,
    /// The destination, unless it is out of reach.
    pub destination: Option<DestinationFacts>,
    /// What a load ends with if nothing else stands against it. It is among the findings.
    pub refused: Option<Error>,
}

/// The same checks of a destination alone; `facts` tell of what comes there, and `nothing` why that is nothing.
pub(crate) async fn check_load(
    config: &JobConfig,
    client: &Client,
    (facts, nothing): (Vec<(&'static str, String)>, Option<String>),
    content: &Content,
    wanted: &Wanted,
) -> Result<LoadChecked, Error> {
    let mut source: Vec<_> =
        facts.into_iter().map(|(subject, text)| Row::fact(subject, text)).collect();
    source.extend(nothing.map(|text| finding("P09", Verdict::Warn, "range", text, None)));
    let mut report = PreflightReport { source, ..PreflightReport::default() };
    let met = client.meet(config.ends.wait_ms).await;
    let facts = DestinationFacts::gather(config, client, None);
    let destination = gathered(met, facts, &mut report).await?;
    let destination = destination::judge(config, client, destination, Some(content), &mut report);
    report.progress.extend(keys::row(&names::keys(&config.ends)));
    let looked = match &destination {
        Some(destination) => place::look(config, client, destination, wanted).await,
        None => PlaceSeen { place: None, refused: None },
    };
    let refused = refused::told(&config.ends, looked.refused, &mut report)?;
    Ok(LoadChecked { report, destination, refused })
}

/// The facts of an end, asked for once it was met. A failure that a person can cure is a finding; everything else ends the
/// command with its own exit code.
async fn gathered<T>(
    met: Result<(), InfluxError>,
    facts: impl Future<Output = Result<T, Error>>,
    report: &mut PreflightReport,
) -> Result<Result<T, InfluxError>, Error> {
    let facts = match met {
        Ok(()) => facts.await,
        Err(error) => Err(error.into()),
    };
    match facts {
        Ok(facts) => Ok(Ok(facts)),
        Err(Error::Influx(error)) if is_finding(&error) => {
            if error.kind() == FailureKind::Unauthorized {
                report.refusals.push(ExitCode::TokenRefused);
            }
            Ok(Err(error))
        }
        Err(error) => Err(error),
    }
}
