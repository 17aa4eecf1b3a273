//! What a spool holds, as the manifest keeps it and the records of the journal change it. Pure values.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::job::{StoredJob, is_default};
use super::name::{self, FilePlace, PartitionKeys, Tree};
use crate::model::content_digest::ContentDigest;
use crate::model::frame::FieldType;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
use crate::spool::digest;

pub use super::job::{FORMAT, StagedJob};

/// One file of the spool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its place inside the spool.
    pub path: String,
    /// Name of the bucket, percent-encoded.
    pub bucket: String,
    /// Name of the measurement, percent-encoded.
    pub measurement: String,
    /// `YYYY-MM`.
    pub month: String,
    /// The ranges of its batches, each `[start, stop)` in ns; neighbours are one.
    pub batches: Vec<(i64, i64)>,
    /// Time of its first value, ns.
    pub time_min: i64,
    /// Time of its last value, ns.
    pub time_max: i64,
    /// Length.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Rows.
    pub rows: u64,
    /// Values: cells that are not null.
    pub values: u64,
    /// [`ContentDigest`] of its values.
    pub digest: String,
}

impl FileEntry {
    /// The smallest range that holds all its values.
    pub fn range(&self) -> TimeRange {
        TimeRange::new(
            Timestamp::from_ns(self.time_min),
            Timestamp::from_ns(self.time_max).saturating_add_ns(1),
        )
    }

    /// The smallest range that holds all its batches.
    pub fn batch_range(&self) -> TimeRange {
        let start = self.batches.iter().map(|(start, _)| *start).min();
        let stop = self.batches.iter().map(|(_, stop)| *stop).max();
        let at = |ns: Option<i64>, else_ns| Timestamp::from_ns(ns.unwrap_or(else_ns));
        TimeRange::new(at(start, self.time_min), at(stop, self.time_max))
    }

    /// True if one of its values may lie in the range. What the manifest says of its times is not enough to leave it out: they
    /// are held against the file itself where that is opened.
    pub fn touches(&self, range: TimeRange) -> bool {
        let (start, stop) = (range.start.ns(), range.stop.ns());
        let by_batch = self.batches.iter().any(|batch| batch.0 < stop && batch.1 > start);
        by_batch || self.time_min < stop && self.time_max >= start
    }

    /// The tree that it stands in.
    pub(crate) fn tree(&self) -> Option<Tree> {
        Tree::of(&self.path)
    }
}

/// What was settled about a measurement when its first files were written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settled {
    /// Keys of its partitions.
    pub(crate) keys: PartitionKeys,
    /// The type of each field (name percent-encoded) in `data`.
    pub(crate) types: BTreeMap<String, String>,
    /// All tags seen, percent-encoded.
    pub(crate) tags: BTreeSet<String>,
}

impl Settled {
    pub(crate) fn type_of(&self, field: &Name) -> Option<FieldType> {
        FieldType::named(self.types.get(&name::encode(field))?)
    }

    pub(crate) fn settle(&mut self, field: &Name, kind: FieldType) {
        self.types.insert(name::encode(field), kind.name().to_owned());
    }
}

/// One record of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum JournalRecord {
    /// A batch is committed.
    Batch {
        start: i64,
        stop: i64,
        rows: u64,
        values: u64,
        /// Values of the batch that are not in it.
        #[serde(default, skip_serializing_if = "is_default")]
        rejected: u64,
        digest: String,
        files: Vec<FileEntry>,
        /// Files of the same batch that were there before.
        removed: Vec<String>,
        /// Measurements of which something was settled.
        settled: BTreeMap<String, Settled>,
    },
    /// Files that are about to appear below the watermark.
    Announce { files: Vec<String> },
    /// A run begins, in an object store: what another one still wants to write does not follow from this.
    Begin { run: String },
    /// What it holds may be wrong, and why: nobody is to take it from here on.
    Doubt { text: String },
    /// Files were merged.
    Compact { files: Vec<FileEntry>, removed: Vec<String> },
}

/// A batch by its last record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeptBatch {
    pub(crate) stop: i64,
    pub(crate) values: u64,
    pub(crate) digest: ContentDigest,
}

/// Ranges in order; neighbours become one.
pub(crate) fn joined(mut ranges: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    ranges.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (start, stop) in ranges {
        match joined.last_mut() {
            Some(last) if last.1 >= start => last.1 = last.1.max(stop),
            _ => joined.push((start, stop)),
        }
    }
    joined
}

/// Everything that is known of a spool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpoolState {
    pub(crate) format: u64,
    pub(crate) job: StoredJob,
    /// Everything before it is committed, ns.
    pub(crate) watermark: i64,
    pub(crate) files: BTreeMap<String, FileEntry>,
    pub(crate) measurements: BTreeMap<String, Settled>,
    /// Values that are not in the files, for each batch (its start, ns) that lacks some.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) rejected: BTreeMap<i64, u64>,
    /// Why what it holds may be wrong.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) doubts: BTreeSet<String>,
    /// Files that may be there although they are not listed.
    pub(crate) leftovers: BTreeSet<String>,
    /// Records of the journal that are in here, and the digest of the last one.
    pub(crate) records: u64,
    pub(crate) chain: String,
    /// All batches by their starts, ns. The records tell of them.
    #[serde(skip)]
    pub(crate) batches: BTreeMap<i64, KeptBatch>,
}

impl SpoolState {
    /// Of a new spool.
    pub(crate) fn new(job: &StagedJob) -> Self {
        Self::before_all(StoredJob::new(job), FORMAT)
    }

    /// Before the first record.
    pub(crate) fn before_all(job: StoredJob, format: u64) -> Self {
        let chain = digest::sha256(format!("sluice spool {format} {}", job.id(format)).as_bytes());
        Self {
            format,
            watermark: job.job().map_or(i64::MIN, |job| job.identity.start.ns()),
            job,
            files: BTreeMap::new(),
            measurements: BTreeMap::new(),
            rejected: BTreeMap::new(),
            doubts: BTreeSet::new(),
            leftovers: BTreeSet::new(),
            records: 0,
            chain,
            batches: BTreeMap::new(),
        }
    }

    /// The id of its job, as its files have it.
    pub(crate) fn job_id(&self) -> String {
        self.job.id(self.format)
    }

    /// Applies the next record, which is sound after this state, and the digest of the chain with it.
    pub(crate) fn apply(&mut self, record: JournalRecord, chain: String) {
        match record {
            JournalRecord::Batch {
                start,
                stop,
                files,
                removed,
                settled,
                rejected,
                values,
                digest,
                ..
            } => {
                self.watermark = self.watermark.max(stop);
                self.rejected.remove(&start);
                if rejected > 0 {
                    self.rejected.insert(start, rejected);
                }
                self.measurements.extend(settled);
                let digest = digest.parse().unwrap_or_default();
                self.batches.insert(start, KeptBatch { stop, values, digest });
                self.replace(files, removed);
            }
            JournalRecord::Announce { files } => self.leftovers.extend(files),
            JournalRecord::Begin { .. } => {}
            JournalRecord::Doubt { text } => drop(self.doubts.insert(text)),
            JournalRecord::Compact { files, removed } => self.replace(files, removed),
        }
        self.records += 1;
        self.chain = chain;
    }

    fn replace(&mut self, files: Vec<FileEntry>, removed: Vec<String>) {
        for path in removed {
            self.files.remove(&path);
            self.leftovers.insert(path);
        }
        for file in files {
            self.leftovers.remove(&file.path);
            self.files.insert(file.path.clone(), file);
        }
    }

    /// True if the file may have been left by a run that ended too early, and means nothing.
    pub(crate) fn is_leftover(&self, path: &str) -> bool {
        let later = |range: TimeRange| range.start.ns() >= self.watermark;
        let is_place = FilePlace::of(path).is_some();
        self.leftovers.contains(path) || is_place && name::range_of(path).is_some_and(later)
    }

    /// Values that are not in the files, in all batches.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Rows and values of all files.
    pub(crate) fn totals(&self) -> (u64, u64) {
        self.files
            .values()
            .fold((0, 0), |(rows, values), file| (rows + file.rows, values + file.values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_joined() {
        assert_eq!(joined(vec![(5, 7), (0, 2), (2, 5), (9, 10)]), [(0, 7), (9, 10)]);
        assert_eq!(joined(Vec::new()), []);
    }
}
