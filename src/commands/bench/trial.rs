//! One trial: the stages of a migration over a part of the job, watched, and cut off where its budget ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::machine;
use super::scratch::Scratch;
use crate::bench::record::{Trial, TrialBatch, TrialEnding};
use crate::bench::schedule::terms::PlannedTrial;
use crate::bench::statistics::spread;
use crate::commands::error::Error;
use crate::influx::client::Client;
use crate::influx::signal::{Observer, Signal, WaitCause};
use crate::job::error::chain;
use crate::limits::BENCH_BATCHES_KEPT_MAX;
use crate::model::batch::BatchPlan;
use crate::model::schema::FieldKey;
use crate::model::side::Side;
use crate::model::time::Timestamp;
use crate::pipeline;
use crate::pipeline::commit::Checkpoint;
use crate::pipeline::error::Error as PipelineError;
use crate::pipeline::event::{Counters, Event};
use crate::pipeline::read::BatchOrigin;
use crate::pipeline::source::job::BucketJob;
use crate::pipeline::stop::{StopSignal, stop_pair};
use crate::pipeline::write::bucket::DestinationBucket;
use crate::pipeline::write::bucket::type_conflict::ConflictPolicy;
use crate::pipeline::write::rejects::limit::RejectLimit;
use crate::pipeline::write::{Destination, DestinationWriter};
use crate::report::stream;

/// What all trials share.
#[derive(Debug)]
pub(super) struct Stand {
    /// The whole job.
    pub(super) job: BucketJob,
    /// Reads, within the quota.
    pub(super) client: Client,
    /// Hears what the client says.
    pub(super) watch: Watch,
    /// Where values go; nowhere if none.
    pub(super) destination: Option<TrialDestination>,
}

/// A destination in which buckets for trials can be made.
#[derive(Debug)]
pub(super) struct TrialDestination {
    pub(super) client: Client,
    pub(super) org_id: String,
    pub(super) shard_ns: i64,
    pub(super) on_type_conflict: ConflictPolicy,
    pub(super) watched: Vec<FieldKey>,
}

/// A trial, and what went wrong beside it.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) trial: Trial,
    /// Why it failed.
    pub(super) error: Option<Error>,
    /// The bucket of the trial could not be deleted.
    pub(super) left: Option<Error>,
}

/// When a trial ends early.
#[derive(Debug, Clone)]
pub(super) struct EarlyEnd {
    pub(super) stop: StopSignal,
    pub(super) deadline: Option<Instant>,
}

impl EarlyEnd {
    /// Waits for either; gives its name.
    pub(super) async fn wait(&self) -> &'static str {
        let mut stop = self.stop.clone();
        let deadline = async {
            match self.deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = stop.wait() => "signal",
            () = deadline => "time budget",
        }
    }
}

/// Runs it.
pub(super) async fn run(
    stand: &Stand,
    planned: &PlannedTrial,
    number: u64,
    ends: &EarlyEnd,
) -> Result<Ran, Error> {
    let scratch = match &stand.destination {
        Some(to) => Some(Scratch::create(&to.client, &to.org_id, to.shard_ns).await?),
        None => None,
    };
    let sink = match (&stand.destination, &scratch) {
        (Some(to), Some(scratch)) => Destination::Bucket(DestinationBucket {
            body_bytes_target: planned.setting.body_bytes,
            ..DestinationBucket::new(
                to.client.clone(),
                &scratch.name,
                to.shard_ns,
                to.on_type_conflict,
                to.watched.clone(),
            )
        }),
        _ => Destination::Discard,
    };
    let (trial, error) = measured(stand, planned, number, sink, ends).await;
    let left = match scratch {
        Some(scratch) => scratch.delete().await.err(),
        None => None,
    };
    Ok(Ran { trial, error, left })
}

async fn measured(
    stand: &Stand,
    planned: &PlannedTrial,
    number: u64,
    sink: Destination,
    ends: &EarlyEnd,
) -> (Trial, Option<Error>) {
    let quota = stand.client.quota();
    let (bytes_before, requests_before) = (quota.total_bytes(), stand.client.requests());
    let setting = planned.setting;
    let plan = BatchPlan::new(planned.range.start, setting.interval, planned.range.stop);
    let job = BucketJob {
        transport: setting.transport.0,
        plan,
        interval: setting.interval,
        slices_in_flight: setting.concurrency,
        transfer_bytes_max: None,
        cut_at_bytes: Some(bytes_before.saturating_add(planned.bytes_max)),
        ..stand.job.clone()
    };
    machine::forget_memory_peak();
    let cpu_before = machine::cpu_us();
    let counters = Arc::new(Counters::default());
    stand.watch.begin(Arc::new({
        let client = stand.client.clone();
        move || client.quota().total_bytes()
    }));
    let events = stand.watch.events();
    // What is refused belongs to no migration.
    let out = DestinationWriter::new(sink, RejectLimit::none(), events, Arc::clone(&counters));
    let source = BatchOrigin::Bucket(Box::new(job), stand.client.clone());
    let begun = Instant::now();
    // Never asked to stop: a trial that has to end is dropped as it stands.
    let (_stopper, never) = stop_pair();
    let work = pipeline::run(source, Arc::new(out), Checkpoint::None, None, never);
    let (ending, error) = tokio::select! {
        biased;
        by = ends.wait() => (TrialEnding::Cut { by: by.to_owned() }, None),
        result = work => ended(result),
    };
    let elapsed_us = micros(begun.elapsed());
    let seen = stand.watch.end();
    let begun_bytes = seen.begun.map_or(0, |(_, bytes)| bytes.saturating_sub(bytes_before));
    let cpu_us = machine::cpu_us().zip(cpu_before).map(|(now, before)| now.saturating_sub(before));
    let trial = Trial {
        number,
        setting,
        repetition: planned.repetition,
        warm_up: planned.warm_up,
        stratum: planned.stratum,
        start: planned.range.start,
        stop: planned.range.stop,
        ending,
        values_predicted: planned.values_predicted,
        bytes_predicted: planned.bytes_predicted,
        values: Counters::get(&counters.values_read),
        bytes_wire: Counters::get(&counters.slice_bytes_wire),
        bytes_decoded: Counters::get(&counters.slice_bytes_decoded),
        bytes_charged: quota.total_bytes() - bytes_before,
        bytes_begun: begun_bytes,
        requests: stand.client.requests() - requests_before,
        elapsed_us,
        begun_us: seen.begun.map_or(0, |(at, _)| micros(at.duration_since(begun))),
        waited_us: micros(seen.waited),
        slices: seen.slices_us.len() as u64,
        first_byte_us: spread(&seen.first_bytes_us).unwrap_or_default(),
        slice_us: spread(&seen.slices_us).unwrap_or_default(),
        answers_us: seen.slices_us.iter().sum(),
        reader_busy_us: micros(seen.reader_busy),
        written_us: micros(seen.written),
        retries: Counters::get(&counters.retries),
        splits: Counters::get(&counters.splits),
        cpu_us,
        memory_bytes_max: machine::memory_peak_bytes(),
        bodies: Counters::get(&counters.bodies),
        body_bytes_sum: Counters::get(&counters.body_bytes),
        transports: seen.transports.iter().map(|name| (*name).to_owned()).collect(),
        batches: seen.batches.into_values().take(BENCH_BATCHES_KEPT_MAX).collect(),
    };
    (trial, error)
}

fn ended<T>(result: Result<T, PipelineError>) -> (TrialEnding, Option<Error>) {
    match result {
        Ok(_) => (TrialEnding::Complete, None),
        Err(PipelineError::CutOff { .. }) => {
            (TrialEnding::Cut { by: "byte budget".to_owned() }, None)
        }
        Err(error) => {
            let error = Error::from(error);
            (TrialEnding::Failed { error: chain(&error).join(": ") }, Some(error))
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Bytes charged so far.
type Charged = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Listens to one trial after the other.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Seen>>);

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// What was seen of a trial.
#[derive(Default)]
struct Seen {
    charged: Option<Charged>,
    /// When the first batch was opened, and what had been charged by then.
    begun: Option<(Instant, u64)>,
    first_bytes_us: Vec<u64>,
    slices_us: Vec<u64>,
    reader_busy: Duration,
    written: Duration,
    transports: BTreeSet<&'static str>,
    batches: BTreeMap<Timestamp, TrialBatch>,
    /// Requests that wait for the quota now, since when any does, and how long any did.
    waiting: u32,
    waiting_since: Option<Instant>,
    waited: Duration,
}

impl Watch {
    /// For the clients: waits are kept, tries and notices are said.
    pub(super) fn observer(&self) -> Observer {
        let watch = self.clone();
        Arc::new(move |signal| watch.signal(&signal))
    }

    fn begin(&self, charged: Charged) {
        *self.seen() = Seen { charged: Some(charged), ..Seen::default() };
    }

    fn end(&self) -> Seen {
        let mut seen = std::mem::take(&mut *self.seen());
        if let Some(since) = seen.waiting_since {
            seen.waited += since.elapsed();
        }
        seen
    }

    fn events(&self) -> Arc<dyn Fn(Event) + Send + Sync> {
        let watch = self.clone();
        Arc::new(move |event| watch.event(&event))
    }

    fn signal(&self, signal: &Signal) {
        let mut seen = self.seen();
        match signal {
            Signal::WaitBegan {
                side: Side::Source,
                cause: WaitCause::Quota | WaitCause::RateLimited,
                ..
            } => {
                seen.waiting += 1;
                seen.waiting_since.get_or_insert_with(Instant::now);
            }
            Signal::WaitEnded {
                side: Side::Source,
                cause: WaitCause::Quota | WaitCause::RateLimited,
                ..
            } => {
                seen.waiting = seen.waiting.saturating_sub(1);
                if seen.waiting == 0
                    && let Some(since) = seen.waiting_since.take()
                {
                    seen.waited += since.elapsed();
                }
            }
            Signal::Retried { side, what, attempt, error } => {
                stream::say(format_args!("retry: {side}, {what}: try {attempt} failed: {error}"));
            }
            Signal::Notice { text, .. } => stream::say(format_args!("notice: {text}")),
            _ => {}
        }
    }

    fn event(&self, event: &Event) {
        let mut seen = self.seen();
        match event {
            Event::BatchOpened { batch, values, .. } => {
                if seen.begun.is_none()
                    && let Some(charged) = seen.charged.clone()
                {
                    seen.begun = Some((Instant::now(), charged()));
                }
                let (start, values) = (batch.start, *values);
                seen.batches.insert(start, TrialBatch { start, values, bytes: 0 });
            }
            Event::SliceRead {
                batch,
                bytes,
                transport,
                first_byte,
                elapsed,
                reader_busy,
                written,
                ..
            } => {
                seen.first_bytes_us.push(micros(*first_byte));
                seen.slices_us.push(micros(*elapsed));
                seen.reader_busy += *reader_busy;
                seen.written += *written;
                seen.transports.insert(transport.name());
                if let Some(own) = seen.batches.get_mut(&batch.start) {
                    own.bytes += bytes;
                }
            }
            Event::Notice(text) => stream::say(format_args!("notice: {text}")),
            _ => {}
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
