//! The batches of a spool: which files lie in which, and what of them is read at one time. The manifest knows all counts. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::NextBatch;
use crate::model::batch::BatchPlan;
use crate::model::interval::Interval;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
use crate::spool::name;
use crate::spool::state::FileEntry;
use crate::spool::stored::{Stored, StoredSelection};

/// What of a spool is read.
#[derive(Debug, Clone)]
pub struct SpoolJob {
    /// The spool.
    pub stored: Stored,
    /// These measurements only.
    pub measurements: Option<BTreeSet<Name>>,
    /// The whole job, from its start to this run's stop.
    pub range: TimeRange,
    /// The batches of this run.
    pub plan: BatchPlan,
    /// Their length.
    pub interval: Interval,
    /// Measurements read at one time.
    pub slices_in_flight: usize,
    /// What it does not hold of the job.
    pub lacking: Lacking,
}

/// What a spool does not hold of what it was meant to hold: nobody may take a load of it for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lacking {
    /// Up to where it is staged, and up to where it was to be, if that is more.
    pub staged: Option<(Timestamp, Timestamp)>,
    /// Values that were refused or left out as it was staged.
    pub values: u64,
}

impl SpoolJob {
    /// Its files and values in a range.
    pub(crate) fn selection(&self, range: TimeRange) -> StoredSelection {
        StoredSelection { range, measurements: self.measurements.clone(), buckets: None }
    }
}

/// The batches of a spool, in sequence. What it keeps grows with the files, never with the batches.
#[derive(Debug)]
pub struct SpoolBatches {
    plan: BatchPlan,
    next: u64,
    /// Files that no batch has reached yet, the next one last.
    ahead: Vec<Reach>,
    /// Files of the next batch.
    here: Vec<Reach>,
}

/// A file and its batches.
#[derive(Debug)]
struct Reach {
    first: u64,
    last: u64,
    file: FileEntry,
}

impl SpoolBatches {
    /// The batches of a job.
    pub fn new(job: &SpoolJob) -> Self {
        let plan = job.plan;
        let reach = |file: &FileEntry| {
            let inside = file.range().intersect(plan.range());
            let last = Timestamp::from_ns(inside.stop.ns() - 1);
            Some(Reach { first: plan.at(inside.start)?, last: plan.at(last)?, file: file.clone() })
        };
        let files = job.stored.files(&job.selection(plan.range()));
        let mut ahead: Vec<Reach> = files.into_iter().filter_map(reach).collect();
        ahead.sort_by_key(|reach| std::cmp::Reverse(reach.first));
        Self { plan, next: 0, ahead, here: Vec::new() }
    }
}

impl Iterator for SpoolBatches {
    type Item = NextBatch<Vec<FileEntry>>;

    fn next(&mut self) -> Option<NextBatch<Vec<FileEntry>>> {
        let seq = self.next;
        let range = self.plan.nth(seq)?;
        self.here.retain(|reach| reach.last >= seq);
        while let Some(reach) = self.ahead.pop_if(|reach| reach.first <= seq) {
            self.here.push(reach);
        }
        if self.here.is_empty() {
            self.next = self.ahead.last().map_or_else(|| self.plan.len(), |reach| reach.first);
            return Some(NextBatch::Empty(seq..self.next));
        }
        self.next += 1;
        let files = self.here.iter().map(|reach| reach.file.clone()).collect();
        Some(NextBatch::Batch { seq, range, holds: files })
    }
}

/// One measurement of a batch, as the manifest tells of it.
#[derive(Debug, Default)]
pub(crate) struct StoredSlice {
    /// The measurement.
    pub measurement: Name,
    /// Its files.
    pub files: Vec<FileEntry>,
    /// Values, if they are spread evenly over files that reach further than the batch.
    pub values: u64,
    /// The same of the bytes.
    pub bytes: u64,
    /// True if a file reaches further: then the values are a guess.
    pub reaches_further: bool,
}

/// The measurements of a batch.
pub(crate) fn measurements(files: Vec<FileEntry>, batch: TimeRange) -> Vec<StoredSlice> {
    let mut all: BTreeMap<Name, StoredSlice> = BTreeMap::new();
    for file in files {
        let Some(measurement) = name::decode(&file.measurement) else { continue };
        let own = all.entry(measurement.clone()).or_default();
        let whole = file.range();
        let inside = whole.intersect(batch);
        own.measurement = measurement;
        own.reaches_further |= inside != whole;
        own.values += whole.share(file.values, inside);
        own.bytes += whole.share(file.bytes, inside);
        own.files.push(file);
    }
    all.into_values().collect()
}

/// What is read next of a range: all of it, or one shard group. Where no file has anything, none is looked for.
pub(crate) fn next_part(
    range: TimeRange,
    files: &[FileEntry],
    shard_group_ns: Option<i64>,
) -> Option<TimeRange> {
    let ahead = files.iter().map(FileEntry::range).map(|own| own.intersect(range));
    let start = ahead.filter(|own| !own.is_empty()).map(|own| own.start).min()?;
    let stop = shard_group_ns.map_or(range.stop, |ns| start.shard_group(ns).stop);
    Some(TimeRange::new(start, stop.min(range.stop)))
}

/// The batch interval that nobody has to choose: so long that no file reaches over two of its batches, if they begin
/// together, and that a batch is worth its record.
pub(crate) fn interval(files: &[&FileEntry], range: TimeRange, values_min: u64) -> Interval {
    let span = |file: &&FileEntry| file.batch_range().duration_ns();
    let whole = range.duration_ns().max(1);
    let longest = files.iter().map(span).max().unwrap_or(whole).clamp(1, whole);
    let values: u64 = files.iter().map(|file| file.values).sum();
    let batches = whole / longest + 1;
    let per_batch = (i128::from(values) / batches).max(1);
    // Never cut to what an interval can hold: it would not be a multiple any more.
    let times_max = (i128::from(i64::MAX) / longest).clamp(1, batches);
    let times = (i128::from(values_min) / per_batch).clamp(1, times_max);
    Interval::from_ns(i64::try_from(longest * times).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::NS_PER_S;

    fn file(time_min: i64, time_max: i64) -> FileEntry {
        FileEntry {
            path: String::new(),
            bucket: String::new(),
            measurement: String::new(),
            month: String::new(),
            batches: Vec::new(),
            time_min,
            time_max,
            bytes: 1,
            sha256: String::new(),
            rows: 1,
            values: 1,
            digest: String::new(),
        }
    }

    fn parts(
        range: TimeRange,
        files: &[FileEntry],
        shard_group_ns: Option<i64>,
    ) -> Vec<(i64, i64)> {
        let (mut parts, mut start) = (Vec::new(), range.start);
        let rest = |start| TimeRange::new(start, range.stop);
        while let Some(part) = next_part(rest(start), files, shard_group_ns) {
            parts.push((part.start.ns(), part.stop.ns()));
            start = part.stop;
        }
        parts
    }

    /// All of time is longer than the longest interval.
    #[test]
    fn an_interval_is_a_multiple_of_the_longest_batch() {
        let week = 7 * 86_400 * NS_PER_S;
        let mut own = file(0, 1);
        own.batches = vec![(0, week)];
        let of = |range, min| interval(&[&own], range, min).to_string();
        assert_eq!(of(TimeRange::ALL, 1), "1w");
        assert_eq!(of(TimeRange::ALL, 1_000), "1000w");
        assert_eq!(of(TimeRange::ALL, 1_000_000), "15250w");
        let weeks = |n: i64| TimeRange::new(Timestamp::from_ns(0), Timestamp::from_ns(n * week));
        assert_eq!(of(weeks(3), 1_000_000), "4w");
    }

    /// However short shard groups are said to be, only those are looked at that hold something.
    #[test]
    fn parts_are_shard_groups_with_files() {
        let range = TimeRange::new(Timestamp::from_ns(-10), Timestamp::from_ns(100 * NS_PER_S));
        let files = [file(3, 4), file(5, NS_PER_S), file(70 * NS_PER_S, 70 * NS_PER_S)];
        assert_eq!(parts(range, &files, None), [(3, 100 * NS_PER_S)]);
        let seconds = [(3, NS_PER_S), (NS_PER_S, 2 * NS_PER_S), (70 * NS_PER_S, 71 * NS_PER_S)];
        assert_eq!(parts(range, &files, Some(NS_PER_S)), seconds);
        assert_eq!(parts(TimeRange::ALL, &[file(1, 1)], Some(1)), [(1, 2)]);
        let last = i64::MAX - 1;
        assert_eq!(parts(TimeRange::ALL, &[file(last, last)], Some(NS_PER_S)), [(last, i64::MAX)]);
        assert_eq!(parts(range, &[], Some(1)), []);
    }
}
