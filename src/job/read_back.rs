//! The end of a migration: what it has moved is read back from the destination, and compared with what it has recorded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::config::job::JobConfig;
use crate::config::range::{RangeStart, RangeStop};
use crate::config::values::{EvidenceChoice, ReadBackChoice};
use crate::config::verify::VerifyConfig;
use crate::influx::signal::Observer;
use crate::job::ends::Ends;
use crate::job::error::{Error, chain};
use crate::job::verify::{VerifyJob, compare};
use crate::limits::{READ_BACK_MS_MIN, READ_BACK_PER_CENT};
use crate::model::scale::whole_ms;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::RunOutcome;
use crate::pipeline::event::{Event, EventSink, VerifyProgress};
use crate::pipeline::stop::StopSignal;
use crate::pipeline::verify::VerifyFindings;
use crate::report::read_back::ReadBack;
use crate::report::state::stop_name;

/// Why it is not ended.
const TOO_LONG: &str = "it takes longer than a third of the run (--verify end has no such limit)";

/// What a run needs to read back what it has moved.
#[derive(Debug)]
pub(crate) struct ReadsBack {
    /// The job.
    pub(crate) config: JobConfig,
    /// Both ends.
    pub(crate) ends: Ends,
}

impl ReadsBack {
    /// Reads back what a run of this length has committed from here on, and has not read back before it was recorded. Whatever
    /// comes of it, what is committed stays so.
    pub(crate) async fn run(
        &self,
        (resume, outcome): (Timestamp, &RunOutcome),
        run_ms: u64,
        hear: (&Observer, &EventSink),
        stop: &StopSignal,
    ) -> ReadBack {
        let begun = Instant::now();
        let proven = &outcome.proven;
        let moved = TimeRange::new(resume, outcome.watermark);
        let reading = async {
            let mut all = VerifyFindings::default();
            for range in beside(moved, proven.range) {
                all.add(self.read(range, hear).await?);
            }
            Ok::<_, Error>(all)
        };
        let limit_ms = match self.config.safety.verify {
            ReadBackChoice::Auto => (run_ms / 100 * READ_BACK_PER_CENT).max(READ_BACK_MS_MIN),
            ReadBackChoice::Batch | ReadBackChoice::End | ReadBackChoice::Off => u64::MAX / 2,
        };
        let reading = timeout(Duration::from_millis(limit_ms), Box::pin(reading));
        let mut findings = proven.findings.clone();
        let before_record = findings.batches;
        let not_ended = match proven.given_up.clone() {
            Some(why) => Some(why),
            None => match stop.unless(Box::pin(reading)).await {
                Ok(Ok(Ok(found))) => {
                    findings.add(found);
                    None
                }
                Ok(Ok(Err(error))) => Some(chain(&error).join(": ")),
                Ok(Err(_)) => Some(TOO_LONG.to_owned()),
                Err(reason) => Some(format!("stopped by {}", stop_name(reason))),
            },
        };
        let elapsed_ms = whole_ms(begun.elapsed());
        ReadBack { findings, before_record, not_ended, elapsed_ms }
    }

    /// Reads back a range.
    async fn read(
        &self,
        range: TimeRange,
        (observer, events): (&Observer, &EventSink),
    ) -> Result<VerifyFindings, Error> {
        let mut config = self.config.clone();
        (config.scope.start, config.scope.stop) =
            (RangeStart::At(range.start), RangeStop::At(range.stop));
        let wanted = VerifyConfig {
            evidence: Some(EvidenceChoice::Recorded),
            // One is enough to know that a batch differs from its source too.
            values_shown: 1,
            ..VerifyConfig::default()
        };
        let told = Arc::clone(events);
        let readers: EventSink = Arc::new(move |event| {
            if matches!(event, Event::Notice(_)) {
                told(event);
            }
        });
        let (config, wanted, ends) = (&config, &wanted, &self.ends);
        let job = VerifyJob { config, wanted, ends, observer, events: &readers, kept: None };
        let progress = |at: VerifyProgress| events(Event::Verifying(at));
        Ok(compare(job, &progress).await?.verified)
    }
}

/// What of a range lies before another one, and behind it.
fn beside(range: TimeRange, inner: Option<TimeRange>) -> Vec<TimeRange> {
    let Some(inner) = inner else { return vec![range] };
    let mut parts =
        vec![TimeRange::new(range.start, inner.start), TimeRange::new(inner.stop, range.stop)];
    parts.retain(|part| !part.is_empty());
    parts
}

/// What reads back, where that is asked for and there is a bucket to read.
pub(crate) fn of(config: &JobConfig, ends: &Ends) -> Option<ReadsBack> {
    let is_wanted = config.safety.verify != ReadBackChoice::Off && config.ends.spool.is_none();
    is_wanted.then(|| ReadsBack { config: config.clone(), ends: ends.clone() })
}
