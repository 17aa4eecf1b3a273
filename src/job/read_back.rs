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
use crate::job::error::chain;
use crate::job::verify::{VerifyJob, compare};
use crate::limits::{READ_BACK_MS_MIN, READ_BACK_PER_CENT};
use crate::model::time::TimeRange;
use crate::pipeline::event::{Event, EventSink, VerifyProgress};
use crate::pipeline::stop::StopSignal;
use crate::pipeline::verify::VerifyFindings;
use crate::report::read_back::ReadBack;
use crate::report::state::stop_name;

/// What a run needs to read back what it has moved.
#[derive(Debug)]
pub(crate) struct ReadsBack {
    /// The job.
    pub(crate) config: JobConfig,
    /// Both ends.
    pub(crate) ends: Ends,
}

impl ReadsBack {
    /// Reads back what a run of this length has committed in this range. Whatever comes of it, what is committed stays so.
    pub(crate) async fn run(
        &self,
        range: TimeRange,
        run_ms: u64,
        (observer, events): (&Observer, &EventSink),
        stop: &StopSignal,
    ) -> ReadBack {
        let begun = Instant::now();
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
        let job = VerifyJob { config, wanted, ends, observer, events: &readers };
        let progress = |at: VerifyProgress| events(Event::Verifying(at));
        let limit_ms = match self.config.safety.verify {
            ReadBackChoice::Auto => (run_ms / 100 * READ_BACK_PER_CENT).max(READ_BACK_MS_MIN),
            ReadBackChoice::End | ReadBackChoice::Off => u64::MAX / 2,
        };
        let comparing = timeout(Duration::from_millis(limit_ms), compare(job, &progress));
        let (findings, not_ended) = match stop.unless(Box::pin(comparing)).await {
            Ok(Ok(Ok(outcome))) => (outcome.verified, None),
            Ok(Ok(Err(error))) => (VerifyFindings::default(), Some(chain(&error).join(": "))),
            Ok(Err(_)) => {
                let why =
                    "it takes longer than a third of the run (--verify end has no such limit)";
                (VerifyFindings::default(), Some(why.to_owned()))
            }
            Err(reason) => {
                (VerifyFindings::default(), Some(format!("stopped by {}", stop_name(reason))))
            }
        };
        let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        ReadBack { findings, not_ended, elapsed_ms }
    }
}

/// What reads back, where that is asked for and there is a bucket to read.
pub(crate) fn of(config: &JobConfig, ends: &Ends) -> Option<ReadsBack> {
    let is_wanted = config.safety.verify != ReadBackChoice::Off && config.ends.spool.is_none();
    is_wanted.then(|| ReadsBack { config: config.clone(), ends: ends.clone() })
}
