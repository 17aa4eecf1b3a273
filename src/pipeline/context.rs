//! What all stages of one run share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;

use crate::influx::client::Client;
use crate::limits::{
    HELD_UNIT_VALUES, HELD_VALUES_MAX, SLICE_BYTES_MAX, SLICE_SECONDS_MAX, SLICE_VALUES_MAX,
};
use crate::model::batch::BatchPlan;
use crate::model::filter::Filter;
use crate::model::interval::Interval;
use crate::model::scale::scaled;
use crate::model::time::TimeRange;
use crate::model::transport::Transport;
use crate::pipeline::commit::keeper::Keeper;
use crate::pipeline::event::Event;
use crate::pipeline::permits::Permits;
use crate::pipeline::plan::choice::Choices;
use crate::pipeline::source::shape::{SourceShape, TypeHistory};
use crate::pipeline::source::layer::Layer;
use crate::pipeline::read::witness::Witness;
use crate::pipeline::source::unreturned::Unreturned;
use crate::pipeline::source::route::{InfluxqlAccess, Routes};
use crate::pipeline::write::outlet::Outlet;
use crate::wire::flux::{self, Selection};

/// What is read, with everything resolved.
#[derive(Debug, Clone)]
pub struct Job {
    /// Bucket that is read.
    pub source_bucket: String,
    /// How its storage is cut.
    pub shape: SourceShape,
    /// What of it is moved.
    pub filter: Filter,
    /// Who reads what.
    pub routes: Routes,
    /// The transport that was asked for; else each measurement gets its own.
    pub transport: Option<Transport>,
    /// The column that holds the field name after the rename.
    pub field_label: String,
    /// True if string values with a carriage return may exist.
    pub strings: bool,
    /// Retention of the source bucket, if it is finite: older values vanish while they are read.
    pub source_retention_ns: Option<i64>,
    /// The whole job, from its start to this run's stop.
    pub range: TimeRange,
    /// The batches of this run.
    pub plan: BatchPlan,
    /// Their length.
    pub interval: Interval,
    /// Slices read at one time.
    pub slices_in_flight: usize,
    /// Source bytes of one slice at the most, by prediction.
    pub slice_bytes_max: u64,
    /// Source bytes of this run at the most.
    pub transfer_bytes_max: Option<u64>,
    /// Bytes charged to the quota, since the program's start, at which reading is cut off in the middle of a batch. For
    /// trials: a migration ends between batches.
    pub cut_at_bytes: Option<u64>,
}

impl Job {
    /// All of a bucket, to be counted only.
    pub fn to_count(bucket: &str, shape: SourceShape, range: TimeRange) -> Self {
        let interval = Interval::from_ns(shape.shard_group_ns);
        Self {
            source_bucket: bucket.to_owned(),
            shape,
            filter: Filter::default(),
            routes: Routes::default(),
            transport: Some(Transport::Flux),
            field_label: flux::FIELD_LABEL.to_owned(),
            strings: false,
            source_retention_ns: None,
            range,
            plan: BatchPlan::new(range.start, interval, range.stop),
            interval,
            slices_in_flight: 1,
            slice_bytes_max: SLICE_BYTES_MAX,
            transfer_bytes_max: None,
            cut_at_bytes: None,
        }
    }

    /// What a plain Flux query reads of a range.
    pub fn selection(&self, range: TimeRange) -> Selection<'_> {
        self.selection_of(Layer::Plain, range)
    }

    /// What a Flux query reads of a layer; with [`Job::filter_of`] that layer.
    pub fn selection_of(&self, layer: Layer, range: TimeRange) -> Selection<'_> {
        Selection {
            bucket: &self.source_bucket,
            range,
            filter: &self.filter,
            measurements: &[],
            without: match layer {
                Layer::Plain | Layer::InfluxqlOnly => &self.routes.plain,
                Layer::Mixed | Layer::LargestTime => &self.routes.unreadable,
            },
        }
    }

    /// The filter of a layer.
    pub fn filter_of(&self, layer: Layer) -> Filter {
        let mut filter = self.filter.clone();
        if layer == Layer::Mixed {
            let mixed = self.routes.is_mixed();
            filter.predicate = Some(match filter.predicate {
                Some(predicate) => format!("({mixed}) and ({predicate})"),
                None => mixed,
            });
        }
        filter
    }

    /// How time is cut for a layer; `None` if the job has no such layer.
    pub fn shape_of(&self, layer: Layer) -> Option<SourceShape> {
        match layer {
            Layer::Plain | Layer::LargestTime => Some(self.shape),
            Layer::Mixed => (!self.routes.mixed.is_empty())
                .then_some(SourceShape { types: TypeHistory::Several, ..self.shape }),
            Layer::InfluxqlOnly => self.routes.access.as_ref().map(|_| self.shape),
        }
    }

    /// What the source lists and never returns: told with the first batch of the job, since nobody knows its times.
    pub fn unreturned_in(&self, batch: TimeRange) -> &[Unreturned] {
        if batch.start == self.range.start { &self.routes.unreturned } else { &[] }
    }

    /// Batches of the whole job, those that earlier runs have moved among them.
    pub fn batches_of_whole(&self) -> u64 {
        BatchPlan::new(self.range.start, self.interval, self.range.stop).len()
    }

    /// Values that a slice should hold if they cost this much.
    pub fn values_max(&self, cost: &LearnedCost) -> u64 {
        cost.values_in(self.slice_bytes_max).clamp(1, SLICE_VALUES_MAX)
    }

    /// How InfluxQL names a measurement that it reads.
    pub fn influxql_name<'a>(&'a self, measurement: &'a [u8]) -> Option<(&'a InfluxqlAccess, &'a str)> {
        let access = self.routes.access.as_ref()?;
        let known = self.routes.influxql.contains_key(measurement);
        Some((access, std::str::from_utf8(measurement).ok().filter(|_| known)?))
    }
}

/// Job, source, permits, and what it has learned.
pub struct Context {
    /// What to do.
    pub job: Job,
    /// Reads.
    pub source: Client,
    /// Where the values go.
    pub out: Arc<Outlet>,
    /// Keeps what later runs must know.
    pub keeper: Keeper,
    /// Permits for slices.
    pub slices: Permits,
    /// What a value costs to read in plain Flux.
    pub cost: LearnedCost,
    /// How each measurement is read.
    pub choices: Choices,
    /// What was held against plain Flux by content.
    pub witness: Witness,
    /// Values held back in memory until their slice is proven, in units of `HELD_UNIT_VALUES`.
    pub held: Arc<Semaphore>,
    /// A filter that leaves nothing out.
    pub nothing_filtered: Filter,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("job", &self.job).finish_non_exhaustive()
    }
}

impl Context {
    /// What a run shares, at its beginning.
    pub fn new(job: Job, source: Client, out: Arc<Outlet>) -> Self {
        let held = usize::try_from(HELD_VALUES_MAX / HELD_UNIT_VALUES).unwrap_or(1);
        Self {
            slices: Permits::new("fetch", job.slices_in_flight),
            job,
            source,
            out,
            keeper: Keeper::Nobody,
            cost: LearnedCost::of(Transport::Flux),
            choices: Choices::default(),
            witness: Witness::new(None),
            held: Arc::new(Semaphore::new(held)),
            nothing_filtered: Filter::default(),
        }
    }

    /// The same of a job whose checkpoint is kept.
    #[must_use]
    pub fn kept_by(self, keeper: Keeper) -> Self {
        Self { keeper, ..self }
    }

    /// The same client and totals for another job that only reads.
    #[must_use]
    pub fn for_job(&self, job: Job) -> Self {
        Self::new(job, self.source.clone(), Arc::clone(&self.out))
    }

    /// How InfluxQL names a measurement that it reads, unless it was found to read it otherwise than Flux.
    pub fn influxql_name<'a>(&'a self, measurement: &'a [u8]) -> Option<(&'a InfluxqlAccess, &'a str)> {
        self.job.influxql_name(measurement).filter(|_| self.witness.refusal(measurement).is_none())
    }

    /// Tells the reporter.
    pub fn tell(&self, event: Event) {
        self.out.tell(event);
    }
}

/// What a value costs to read, as the answers so far have shown it.
#[derive(Debug)]
pub struct LearnedCost {
    milli_bytes: AtomicU64,
    picoseconds: AtomicU64,
}

/// Half a million values per second: a slow server. Only a slower one makes slices smaller.
const FIRST_GUESS_PICOSECONDS: u64 = 2_000_000;

/// Answers of fewer values say more about the way there and back than about values.
const TIMED_VALUES_MIN: u64 = 10_000;

impl LearnedCost {
    /// A first guess: what the form costs for floats of 17 digits, the dearest that is common; names make the difference.
    pub fn of(transport: Transport) -> Self {
        let milli_bytes = match transport {
            Transport::Flux => 130_000,
            Transport::FluxKeyed => 66_000,
            Transport::FluxPivot => 22_000,
            Transport::Influxql => 10_000,
        };
        Self {
            milli_bytes: AtomicU64::new(milli_bytes),
            picoseconds: AtomicU64::new(FIRST_GUESS_PICOSECONDS),
        }
    }

    /// Takes an answer of so many values for the whole truth: what a look has measured.
    pub fn settle(&self, values: u64, bytes: u64) {
        if values > 0 {
            self.milli_bytes.store(scaled(bytes, 1_000, values), Ordering::Relaxed);
        }
    }

    /// Expected bytes of an answer with so many values.
    pub fn bytes(&self, values: u64) -> u64 {
        let milli = self.milli_bytes.load(Ordering::Relaxed);
        scaled(values, milli, 1_000)
    }

    /// Values of a slice that is expected to bring no more than so many bytes and to last no longer than
    /// [`SLICE_SECONDS_MAX`].
    pub fn values_in(&self, bytes: u64) -> u64 {
        let by_bytes = scaled(bytes, 1_000, self.milli_bytes.load(Ordering::Relaxed));
        let picoseconds = self.picoseconds.load(Ordering::Relaxed);
        by_bytes.min(scaled(SLICE_SECONDS_MAX, 1_000_000_000_000, picoseconds))
    }

    /// An answer with `values` values had `bytes` bytes and took `elapsed_ms`, in which its values were also written:
    /// moves a quarter of the way there.
    pub fn learn(&self, values: u64, bytes: u64, elapsed_ms: u64) {
        if values > 0 {
            approach(&self.milli_bytes, scaled(bytes, 1_000, values));
        }
        if values >= TIMED_VALUES_MIN {
            approach(&self.picoseconds, scaled(elapsed_ms, 1_000_000_000, values));
        }
    }
}

fn approach(learned: &AtomicU64, seen: u64) {
    let _ = learned
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| Some((old / 4 * 3) + seen / 4));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_follows_the_answers() {
        let cost = LearnedCost::of(Transport::Flux);
        assert_eq!(cost.bytes(1_000), 130_000);
        for _ in 0..50 {
            cost.learn(1_000_000, 6_400_000, 500);
        }
        assert!((6_300..6_500).contains(&cost.bytes(1_000)), "{}", cost.bytes(1_000));
        assert!((1_530_000..1_600_000).contains(&cost.values_in(10_000_000)));
        cost.learn(0, 5, 5);
    }

    #[test]
    fn a_slow_source_gets_smaller_slices() {
        let cost = LearnedCost::of(Transport::Flux);
        assert_eq!(cost.values_in(u64::MAX), 15_000_000);
        cost.learn(10, 1_300, 90_000);
        assert_eq!(cost.values_in(u64::MAX), 15_000_000, "few values tell nothing of time");
        for _ in 0..50 {
            cost.learn(100_000, 13_000_000, 60_000);
        }
        assert!((49_000..51_000).contains(&cost.values_in(u64::MAX)));
    }
}
