//! What all stages of one run share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::clash::TypePlan;
use super::event::{Counters, Event};
use super::permits::Permits;
use super::plan::SourceShape;
use super::survey::Unreadable;
use crate::checkpoint::lease::Lease;
use crate::checkpoint::record::Keys;
use crate::influx::client::Client;
use crate::limits::SLICE_SECONDS_MAX;
use crate::model::batch::BatchPlan;
use crate::model::filter::Filter;
use crate::model::interval::Interval;
use crate::model::time::{TimeRange, Timestamp};
use crate::wire::flux::Selection;

/// Who hears of events. Called from async code: must not block.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;

/// What to do with a value whose field has another type at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// End the run.
    Stop,
    /// Keep the value in the rejects file.
    Reject,
    /// Write it to the field `<name>_<type>`.
    Suffix,
}

/// One migration, with everything resolved.
#[derive(Debug, Clone)]
pub struct Job {
    /// Bucket that is read.
    pub source_bucket: String,
    /// How its storage is cut.
    pub shape: SourceShape,
    /// What of it is moved.
    pub filter: Filter,
    /// What Flux cannot carry and what is therefore left out: counted, and named in the rejects.
    pub without: Vec<Unreadable>,
    /// The same as conditions of the queries.
    pub conditions: Vec<String>,
    /// The column that holds the field name after the rename.
    pub field_label: String,
    /// True if string values with a carriage return may exist.
    pub strings: bool,
    /// Values at the largest time, which Flux does not reach: left out too.
    pub at_largest_time: u64,
    /// Retention of the source bucket, if it is finite: older values vanish while they are read.
    pub source_retention_ns: Option<i64>,
    /// Bucket that is written.
    pub destination_bucket: String,
    /// Length of its shard groups.
    pub destination_shard_group_ns: i64,
    /// Bucket of the checkpoint.
    pub batch_bucket: String,
    /// The three tags of the records.
    pub keys: Keys,
    /// The lease this run holds.
    pub lease: Lease,
    /// The whole job, from its start to this run's stop.
    pub range: TimeRange,
    /// The batches of this run.
    pub plan: BatchPlan,
    /// Their length.
    pub interval: Interval,
    /// Time of the newest record found, and of none if the job is new.
    pub newest_record: Option<Timestamp>,
    /// Policy for type conflicts.
    pub on_type_conflict: ConflictPolicy,
    /// Values refused in the batches that earlier runs have committed.
    pub rejected_before: u64,
    /// Refused values at the most, earlier runs included.
    pub reject_limit: u64,
    /// Where refused lines go.
    pub rejects: PathBuf,
    /// Slices read at one time.
    pub slices_in_flight: usize,
    /// Writes at one time.
    pub writes_in_flight: usize,
    /// Source bytes of one slice at the most, by prediction.
    pub slice_bytes_max: u64,
    /// Source bytes of this run at the most.
    pub transfer_bytes_max: Option<u64>,
}

impl Job {
    /// The query selection for a range of this job.
    pub fn selection(&self, range: TimeRange) -> Selection<'_> {
        Selection {
            bucket: &self.source_bucket,
            range,
            filter: &self.filter,
            without: &self.conditions,
        }
    }
}

/// Job, clients, permits and totals.
pub struct Context {
    /// What to do.
    pub job: Job,
    /// Reads.
    pub source: Client,
    /// Writes.
    pub destination: Client,
    /// Who hears of events.
    pub events: EventSink,
    /// Totals.
    pub counters: Arc<Counters>,
    /// Permits for slices.
    pub slices: Permits,
    /// Permits for writes.
    pub writes: Permits,
    /// What a value costs to read.
    pub cost: LearnedCost,
    /// One type per field and destination shard group.
    pub types: TypePlan,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("job", &self.job).finish_non_exhaustive()
    }
}

impl Context {
    /// Tells the reporter.
    pub fn tell(&self, event: Event) {
        (self.events)(event);
    }
}

/// What a value costs to read, as the answers so far have shown it.
#[derive(Debug)]
pub struct LearnedCost {
    milli_bytes: AtomicU64,
    picoseconds: AtomicU64,
}

/// The `flux` form of TSBS data costs 116 bytes per integer and 131 per float; names make the difference.
const FIRST_GUESS_MILLI_BYTES: u64 = 130_000;

/// Half a million values per second: a slow server. Only a slower one makes slices smaller.
const FIRST_GUESS_PICOSECONDS: u64 = 2_000_000;

/// Answers of fewer values say more about the way there and back than about values.
const TIMED_VALUES_MIN: u64 = 10_000;

impl Default for LearnedCost {
    fn default() -> Self {
        Self {
            milli_bytes: AtomicU64::new(FIRST_GUESS_MILLI_BYTES),
            picoseconds: AtomicU64::new(FIRST_GUESS_PICOSECONDS),
        }
    }
}

impl LearnedCost {
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

fn scaled(n: u64, by: u64, of: u64) -> u64 {
    u64::try_from(u128::from(n) * u128::from(by) / u128::from(of.max(1))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_follows_the_answers() {
        let cost = LearnedCost::default();
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
        let cost = LearnedCost::default();
        assert_eq!(cost.values_in(u64::MAX), 15_000_000);
        cost.learn(10, 1_300, 90_000);
        assert_eq!(cost.values_in(u64::MAX), 15_000_000, "few values tell nothing of time");
        for _ in 0..50 {
            cost.learn(100_000, 13_000_000, 60_000);
        }
        assert!((49_000..51_000).contains(&cost.values_in(u64::MAX)));
    }
}
