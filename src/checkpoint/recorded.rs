//! What the runs of a job have recorded of the content of its batches, to be held against what is there.

use std::fmt;

use super::record::{StoredFields, stored_time};
use crate::model::content_digest::ContentDigest;
use crate::model::number;
use crate::model::time::{TimeRange, Timestamp};

/// One batch that held something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedBatch {
    /// Its range.
    pub range: TimeRange,
    /// Time of its record.
    pub time: Timestamp,
    /// Values read.
    pub read: u64,
    /// Values that the destination acknowledged.
    pub acknowledged: u64,
    /// Values that were refused, or left out unread.
    pub rejected: u64,
    /// The digest of what was acknowledged.
    pub digest: Result<ContentDigest, NoDigest>,
}

/// Why a batch has no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoDigest {
    /// So many values were refused.
    Refused(u64),
    /// So many passed the source's retention line while they were read.
    Expired(u64),
    /// It kept changing while it was read.
    Changed,
    /// None was taken: strings with carriage returns came in two ways, or an older version has recorded it.
    NotTaken,
}

impl NoDigest {
    /// By what was noted of the batch.
    pub fn why(expired: u64, changed: bool) -> Self {
        match (expired, changed) {
            (1.., _) => Self::Expired(expired),
            (0, true) => Self::Changed,
            (0, false) => Self::NotTaken,
        }
    }
}

impl fmt::Display for NoDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = |count| number::counted(count, "value was", "values were");
        match self {
            Self::Refused(count) => write!(f, "{} refused", values(*count)),
            Self::Expired(count) => {
                let values = number::counted(*count, "value", "values");
                write!(f, "{values} expired at the source while it was read")
            }
            Self::Changed => f.write_str("it kept changing while it was read"),
            Self::NotTaken => f.write_str("its record has no digest"),
        }
    }
}

impl RecordedBatch {
    /// True if nothing was there to be moved.
    pub fn is_empty(&self) -> bool {
        self.read == 0 && self.rejected == 0 && matches!(self.digest, Err(NoDigest::NotTaken))
    }

    /// The fields that hold it.
    pub const FIELDS: [&'static str; 8] =
        ["start", "stop", "read", "acknowledged", "expired", "rejected", "changed", "digest"];

    /// From stored details; `None` if they are not whole.
    pub fn stored(time: Timestamp, fields: &StoredFields) -> Option<Self> {
        let number = |name: &str| fields.get(name)?.parse::<u64>().ok();
        let bound = |name: &'static str| stored_time(fields, name).ok();
        let digest = fields.get("digest").and_then(|text| text.parse().ok());
        let (rejected, expired) = (number("rejected").unwrap_or(0), number("expired").unwrap_or(0));
        Some(Self {
            range: TimeRange::new(bound("start")?, bound("stop")?),
            time,
            read: number("read")?,
            acknowledged: number("acknowledged")?,
            rejected,
            digest: digest.ok_or(match rejected {
                // An older version took none then.
                1.. => NoDigest::Refused(rejected),
                0 => NoDigest::why(expired, matches!(number("changed"), Some(1..))),
            }),
        })
    }
}
