//! What a spool holds, as the manifest keeps it and the records of the journal change it. Pure values.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::digest;
use super::name::{self, PartitionKeys, Tree};
use crate::checkpoint::identity::{Difference, Identity};
use crate::checkpoint::record::StoredFields;
use crate::model::frame::FieldType;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
use crate::model::time_type::TimeType;

/// The format that this program writes.
pub const FORMAT: u64 = 1;

/// What a spool is for: whose content it holds. No part of it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What must not change between runs; the destination is the spool itself.
    pub identity: Identity,
    /// Name of the source's organization.
    pub source_org: String,
    /// Name of the source bucket.
    pub source_bucket: String,
    /// Where the run stops; a later run may go on.
    pub stop: Timestamp,
    /// Length of the source's shard groups, if it is known.
    pub shard_group_ns: Option<i64>,
    /// Length of the stretches in which each field has one type, if the source has such.
    pub one_type_ns: Option<i64>,
    /// A text that is equal for equal plans.
    pub plan: String,
    /// How its files hold times; must not change between runs.
    pub time_type: TimeType,
}

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredJob {
    identity: StoredFields,
    source_org: String,
    source_bucket: String,
    stop: i64,
    shard_group_ns: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    one_type_ns: Option<i64>,
    plan: String,
    #[serde(default, skip_serializing_if = "is_default")]
    time_type: TimeType,
}

impl StoredJob {
    pub(super) fn new(job: &Job) -> Self {
        Self {
            identity: job.identity.stored(),
            source_org: job.source_org.clone(),
            source_bucket: job.source_bucket.clone(),
            stop: job.stop.ns(),
            shard_group_ns: job.shard_group_ns,
            one_type_ns: job.one_type_ns,
            plan: job.plan.clone(),
            time_type: job.time_type,
        }
    }

    pub(super) fn differences(&self, job: &Job) -> Vec<Difference> {
        let mut differences = job.identity.differences(&self.identity);
        if self.time_type != job.time_type {
            let (stored, given) = (self.time_type.to_string(), job.time_type.to_string());
            differences.push(Difference { part: "time_type", stored, given });
        }
        differences
    }

    /// The job; `None` if its identity is not whole.
    pub(super) fn job(&self) -> Option<Job> {
        let part = |name: &str| self.identity.get(name).cloned();
        Some(Job {
            identity: Identity {
                source_host: part("source_host")?,
                source_bucket_id: part("source_bucket_id")?,
                destination_bucket_id: part("destination_bucket_id")?,
                start: part("start")?.parse().ok()?,
                filter: part("filter")?,
            },
            source_org: self.source_org.clone(),
            source_bucket: self.source_bucket.clone(),
            stop: Timestamp::from_ns(self.stop),
            shard_group_ns: self.shard_group_ns,
            one_type_ns: self.one_type_ns,
            plan: self.plan.clone(),
            time_type: self.time_type,
        })
    }

    /// A short text that is equal for equal identities.
    pub(super) fn id(&self) -> String {
        digest::sha256(format!("{:?}", self.identity).as_bytes())[..16].to_owned()
    }
}

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
    /// [`ContentDigest`](super::digest::ContentDigest) of its values.
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

    /// True if one of its values may lie in the range.
    pub fn touches(&self, range: TimeRange) -> bool {
        self.time_min < range.stop.ns() && self.time_max >= range.start.ns()
    }

    /// The tree that it stands in.
    pub(super) fn tree(&self) -> Option<Tree> {
        Tree::of(&self.path)
    }
}

/// What was settled about a measurement when its first files were written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settled {
    /// Keys of its partitions.
    pub(super) keys: PartitionKeys,
    /// The type of each field (name percent-encoded) in `data`.
    pub(super) types: BTreeMap<String, String>,
    /// All tags seen, percent-encoded.
    pub(super) tags: BTreeSet<String>,
}

impl Settled {
    pub(super) fn type_of(&self, field: &Name) -> Option<FieldType> {
        FieldType::named(self.types.get(&name::encode(field))?)
    }

    pub(super) fn settle(&mut self, field: &Name, kind: FieldType) {
        self.types.insert(name::encode(field), kind.name().to_owned());
    }
}

/// One record of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Record {
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
    /// Files were merged.
    Compact { files: Vec<FileEntry>, removed: Vec<String> },
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Everything that is known of a spool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    pub(super) format: u64,
    pub(super) job: StoredJob,
    /// Everything before it is committed, ns.
    pub(super) watermark: i64,
    pub(super) files: BTreeMap<String, FileEntry>,
    pub(super) measurements: BTreeMap<String, Settled>,
    /// Values that are not in the files, for each batch (its start, ns) that lacks some.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) rejected: BTreeMap<i64, u64>,
    /// Files that may be there although they are not listed.
    pub(super) leftovers: BTreeSet<String>,
    /// Records of the journal that are in here, and the digest of the last one.
    pub(super) records: u64,
    pub(super) chain: String,
}

impl State {
    pub(super) fn new(job: &Job) -> Self {
        let stored = StoredJob::new(job);
        let chain = digest::sha256(format!("sluice spool {FORMAT} {}", stored.id()).as_bytes());
        Self {
            format: FORMAT,
            job: stored,
            watermark: job.identity.start.ns(),
            files: BTreeMap::new(),
            measurements: BTreeMap::new(),
            rejected: BTreeMap::new(),
            leftovers: BTreeSet::new(),
            records: 0,
            chain,
        }
    }

    /// The digest that the chain begins with.
    pub(super) fn chain_start(&self) -> String {
        digest::sha256(format!("sluice spool {FORMAT} {}", self.job.id()).as_bytes())
    }

    /// Where the first batch began, ns.
    pub(super) fn origin(&self) -> i64 {
        self.job.job().map_or(i64::MIN, |job| job.identity.start.ns())
    }

    /// Applies the next record; false if it does not fit.
    pub(super) fn apply(&mut self, record: Record) -> bool {
        match record {
            Record::Batch { start, stop, files, removed, settled, rejected, .. } => {
                if start == self.watermark && stop >= start {
                    self.watermark = stop;
                } else if stop > self.watermark {
                    return false;
                }
                self.rejected.remove(&start);
                if rejected > 0 {
                    self.rejected.insert(start, rejected);
                }
                self.measurements.extend(settled);
                self.replace(files, removed)
            }
            Record::Announce { files } => {
                self.leftovers.extend(files);
                true
            }
            Record::Begin { .. } => true,
            Record::Compact { files, removed } => self.replace(files, removed),
        }
    }

    fn replace(&mut self, files: Vec<FileEntry>, removed: Vec<String>) -> bool {
        for path in removed {
            if self.files.remove(&path).is_none() {
                return false;
            }
            self.leftovers.insert(path);
        }
        for file in files {
            self.leftovers.remove(&file.path);
            self.files.insert(file.path.clone(), file);
        }
        true
    }

    /// True if the file may have been left by a run that ended too early, and means nothing.
    pub(super) fn is_leftover(&self, path: &str) -> bool {
        let later = |range: TimeRange| range.start.ns() >= self.watermark;
        self.leftovers.contains(path) || name::range_of(path).is_some_and(later)
    }

    /// Values that are not in the files, in all batches.
    pub(super) fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Rows and values of all files.
    pub(super) fn totals(&self) -> (u64, u64) {
        self.files
            .values()
            .fold((0, 0), |(rows, values), file| (rows + file.rows, values + file.values))
    }
}
