//! What a spool holds, as the manifest keeps it and the records of the journal change it. Pure values.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::digest::{self, ContentDigest};
use super::name::{self, PartitionKeys, Tree};
use crate::checkpoint::identity::{Difference, Identity};
use crate::checkpoint::record::StoredFields;
use crate::model::frame::FieldType;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
use crate::model::time_type::TimeType;

/// The format of new spools. One of an older format keeps it.
pub const FORMAT: u64 = 2;

/// The first one: the id of its job is a digest of another text, see [`StoredJob::id`].
pub const FIRST_FORMAT: u64 = 1;

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

    /// The length of the shard groups at the source, and of stretches with one type.
    pub(super) fn lengths_ns(&self) -> [Option<i64>; 2] {
        [self.shard_group_ns, self.one_type_ns]
    }

    /// A short text that is equal for equal identities: 16 digits of a SHA-256. It goes over the name and the text of
    /// each part, sorted by name, each with its length (8 bytes, the low ones first) before it. In the first format it
    /// went over a text in which the parts stand between quotation marks.
    pub(super) fn id(&self, format: u64) -> String {
        let mut bytes = Vec::new();
        if format == FIRST_FORMAT {
            bytes = first_text(&self.identity).into_bytes();
        } else {
            for text in self.identity.iter().flat_map(|(name, text)| [name, text]) {
                bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
                bytes.extend_from_slice(text.as_bytes());
            }
        }
        digest::sha256(&bytes)[..16].to_owned()
    }
}

/// What the first format made of an identity: `{"name": "text", ...}`.
fn first_text(identity: &StoredFields) -> String {
    let quoted = |text: &String| {
        let escaped = text.chars().map(|letter| match letter {
            '\'' => letter.to_string(),
            _ => letter.escape_debug().to_string(),
        });
        format!("\"{}\"", escaped.collect::<String>())
    };
    let pairs = identity.iter().map(|(name, text)| format!("{}: {}", quoted(name), quoted(text)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
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

/// A batch by its last record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) stop: i64,
    pub(super) values: u64,
    pub(super) digest: ContentDigest,
}

/// Ranges in order; neighbours become one.
pub(super) fn joined(mut ranges: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
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
    /// All batches by their starts, ns. The records tell of them.
    #[serde(skip)]
    pub(super) batches: BTreeMap<i64, Batch>,
}

impl State {
    /// Of a new spool.
    pub(super) fn new(job: &Job) -> Self {
        Self::before_all(StoredJob::new(job), FORMAT)
    }

    /// Before the first record.
    pub(super) fn before_all(job: StoredJob, format: u64) -> Self {
        let chain = digest::sha256(format!("sluice spool {format} {}", job.id(format)).as_bytes());
        Self {
            format,
            watermark: job.job().map_or(i64::MIN, |job| job.identity.start.ns()),
            job,
            files: BTreeMap::new(),
            measurements: BTreeMap::new(),
            rejected: BTreeMap::new(),
            leftovers: BTreeSet::new(),
            records: 0,
            chain,
            batches: BTreeMap::new(),
        }
    }

    /// The id of its job, as its files have it.
    pub(super) fn job_id(&self) -> String {
        self.job.id(self.format)
    }

    /// Applies the next record, which is sound after this state, and the digest of the chain with it.
    pub(super) fn apply(&mut self, record: Record, chain: String) {
        match record {
            Record::Batch {
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
                self.batches.insert(start, Batch { stop, values, digest });
                self.replace(files, removed);
            }
            Record::Announce { files } => self.leftovers.extend(files),
            Record::Begin { .. } => {}
            Record::Compact { files, removed } => self.replace(files, removed),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(filter: &str) -> StoredJob {
        let identity = Identity {
            source_host: "https://cloud.example".into(),
            source_bucket_id: "0123456789abcdef".into(),
            destination_bucket_id: String::new(),
            start: Timestamp::EPOCH,
            filter: filter.into(),
        };
        StoredJob::new(&Job {
            identity,
            source_org: "org".into(),
            source_bucket: "plant".into(),
            stop: Timestamp::STOP_MAX,
            shard_group_ns: None,
            one_type_ns: None,
            plan: String::new(),
            time_type: TimeType::NsUtc,
        })
    }

    /// It stands in every file: another text here makes all spools foreign.
    #[test]
    fn the_id_of_a_job_is_what_it_always_was() {
        let plain = stored("none");
        assert_eq!(plain.id(FIRST_FORMAT), "d22f56315bb2474f");
        assert_eq!(plain.id(FORMAT), "be942551431133cc");
        let odd = stored("predicate: r.x == \"it's\\\t\u{e9}\u{301}\u{200b}\"");
        assert_eq!(odd.id(FIRST_FORMAT), "15d38fb3d6172aeb");
        assert_eq!(odd.id(FORMAT), "9587c303a634db90");
        assert_eq!(
            first_text(&StoredFields::from([("a".into(), "it's \"\\\n\0\u{7f}é\u{200b}".into())])),
            r#"{"a": "it's \"\\\n\0\u{7f}é\u{200b}"}"#
        );
    }

    /// Lengths keep apart what only differs in where a text ends.
    #[test]
    fn other_identities_have_other_ids() {
        let (mut one, mut two) = (stored("none"), stored("none"));
        one.identity = StoredFields::from([("a".into(), "bc".into()), ("d".into(), String::new())]);
        two.identity = StoredFields::from([("a".into(), "b".into()), ("cd".into(), String::new())]);
        assert_ne!(one.id(FORMAT), two.id(FORMAT));
    }

    #[test]
    fn neighbours_are_joined() {
        assert_eq!(joined(vec![(5, 7), (0, 2), (2, 5), (9, 10)]), [(0, 7), (9, 10)]);
        assert_eq!(joined(Vec::new()), []);
    }
}
