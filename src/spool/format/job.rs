//! What a spool is for, as the manifest keeps it, and the id that stands in each of its files.

use serde::{Deserialize, Serialize};

use crate::checkpoint::identity::{Difference, Identity};
use crate::checkpoint::record::StoredFields;
use crate::model::time::Timestamp;
use crate::model::time_type::TimeType;
use crate::spool::digest;

/// The format of new spools. One of an older format keeps it.
pub const FORMAT: u64 = 2;

/// The first one: the id of its job is a digest of another text.
pub(crate) const FIRST_FORMAT: u64 = 1;

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
pub(crate) struct StoredJob {
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
    pub(crate) fn new(job: &Job) -> Self {
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

    pub(crate) fn differences(&self, job: &Job) -> Vec<Difference> {
        let mut differences = job.identity.differences(&self.identity);
        if self.time_type != job.time_type {
            let (stored, given) = (self.time_type.to_string(), job.time_type.to_string());
            differences.push(Difference { part: "time_type", stored, given });
        }
        differences
    }

    /// The job; `None` if its identity is not whole.
    pub(crate) fn job(&self) -> Option<Job> {
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

    /// How its files hold times.
    pub(crate) fn time_type(&self) -> TimeType {
        self.time_type
    }

    /// The length of the shard groups at the source, and of stretches with one type.
    pub(crate) fn lengths_ns(&self) -> [Option<i64>; 2] {
        [self.shard_group_ns, self.one_type_ns]
    }

    /// A short text that is equal for equal identities: 16 digits of a SHA-256. It goes over the name and the text of
    /// each part, sorted by name, each with its length (8 bytes, the low ones first) before it. In the first format it
    /// went over a text in which the parts stand between quotation marks.
    pub(crate) fn id(&self, format: u64) -> String {
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

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
}
