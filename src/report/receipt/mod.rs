//! The receipt of a comparison: what was compared, with what, when and by whom, and what came of each batch. Its text
//! holds its own SHA-256, so that a change of any byte is found; it is no signature.

mod canonical;
pub(crate) mod check;
pub(crate) mod told;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::content_digest::ContentDigest;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::verify::ResumedBatches;
use crate::pipeline::verify::compared::EqualBy;
use crate::pipeline::verify::ledger::{BatchFinding, LedgerEntry};
use crate::spool::digest::sha256;

/// What a file says that it is.
const NAME: &str = "sluice receipt";

/// The format of new receipts.
pub(crate) const NUMBER: u64 = 1;

/// The member that is put in last.
const DIGEST_MEMBER: &str = ",\"sha256\":\"";

/// All of the file but its SHA-256. As everywhere here, the fields stand in the order of their names: the text has them so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole<R> {
    format: Format,
    receipt: R,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Format {
    name: String,
    number: u64,
}

/// What was compared, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receipt {
    /// Each batch and what lies between, in order and without a gap.
    pub(crate) batches: Vec<ReceiptBatch>,
    /// When the comparison began, by the clock of its machine: of one that was stopped and went on, its first begin.
    #[serde(with = "text")]
    pub(crate) began: Timestamp,
    /// Where the values are.
    pub(crate) destination: ReceiptEnd,
    /// What may have been read wrongly, in words.
    pub(crate) doubts: Vec<String>,
    /// When it ended.
    #[serde(with = "text")]
    pub(crate) ended: Timestamp,
    /// `recorded`, `read` or `counts`.
    pub(crate) evidence: String,
    /// Which job it was.
    pub(crate) job: ReceiptJob,
    /// Values of each measurement in the batches that are equal.
    pub(crate) measurements: Vec<ReceiptMeasurement>,
    /// What was compared.
    pub(crate) range: ReceiptRange,
    /// What came of it.
    pub(crate) result: ReceiptResult,
    /// The version of the program.
    pub(crate) sluice: String,
    /// Where the values came from.
    pub(crate) source: ReceiptEnd,
    /// The sums over all batches.
    pub(crate) totals: ReceiptTotals,
    /// Of what nothing is known beside batches.
    pub(crate) unproven: Vec<ReceiptUnproven>,
}

/// The job that has moved the values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptJob {
    /// The bucket that keeps its progress.
    pub(crate) batch_bucket: String,
    /// What of the source is moved; `none` for all of it.
    pub(crate) filter: String,
    /// The length of a batch, where the comparison was cut by one.
    pub(crate) interval: Option<String>,
}

/// An end, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptEnd {
    /// Name of the bucket.
    pub(crate) bucket: String,
    /// Its id.
    pub(crate) bucket_id: Option<String>,
    /// What kind of server it is: `OSS`, or as it says.
    pub(crate) build: Option<String>,
    /// Its address.
    pub(crate) host: Option<String>,
    /// Name of the organization.
    pub(crate) org: Option<String>,
    /// Its id.
    pub(crate) org_id: Option<String>,
    /// The version of the server, if it was asked.
    pub(crate) version: Option<String>,
}

/// From the first instant to the first one that is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptRange {
    #[serde(with = "text")]
    start: Timestamp,
    #[serde(with = "text")]
    stop: Timestamp,
}

/// Values of a measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptMeasurement {
    /// Its name, percent-encoded; none for what is not counted by measurement.
    pub(crate) measurement: Option<String>,
    /// How many.
    pub(crate) values: u64,
}

/// A stretch of which nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptUnproven {
    #[serde(with = "text")]
    start: Timestamp,
    #[serde(with = "text")]
    stop: Timestamp,
    why: String,
}

/// What came of a comparison, or of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReceiptResult {
    /// They differ.
    Different,
    /// All of it is equal.
    Equal,
    /// Nothing of the job is in the range.
    Nothing,
    /// Of some of it nothing is known.
    Unproven,
}

/// How it is known that a batch is equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReceiptProof {
    /// As many values of each measurement.
    Counts,
    /// The digest is the expected one.
    Digest,
    /// Nothing is there, and nothing should be.
    Nothing,
    /// The sum of this digest and those of its neighbours is the expected one.
    Sum,
    /// Value by value; the destination may hold more.
    Superset,
    /// Value by value.
    Values,
}

/// A batch, a stretch between two, or a stretch of batches that are empty. What does not belong to its result is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptBatch {
    /// How many batches it is: none where nothing was moved, several that are empty.
    pub(crate) batches: u64,
    /// Equal, as a comparison that was stopped has found it: when.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text_if_known")]
    pub(crate) compared: Option<Timestamp>,
    /// Equal: the digest of what the destination holds, where it was read.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text_if_known")]
    pub(crate) digest: Option<ContentDigest>,
    /// Different: values that should be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expected: Option<u64>,
    /// Different: values that are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) found: Option<u64>,
    /// Different: which measurements, readable; none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) measurements: Option<Vec<String>>,
    /// Equal: how that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<ReceiptProof>,
    /// What came of it.
    pub(crate) result: ReceiptResult,
    /// Its first instant.
    #[serde(with = "text")]
    pub(crate) start: Timestamp,
    /// The first one that is not in it.
    #[serde(with = "text")]
    pub(crate) stop: Timestamp,
    /// Proven by a sum: of so many digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sum_of: Option<u64>,
    /// Equal: values that the destination holds of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) values: Option<u64>,
    /// Unproven: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
}

/// Sums over all batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptTotals {
    /// Batches that are equal.
    pub(crate) batches: u64,
    /// Stretches that differ.
    pub(crate) different: u64,
    /// Values that the job has not moved, in batches that are equal else.
    pub(crate) refused: u64,
    /// Stretches of which nothing is known.
    pub(crate) unproven: u64,
    /// Values that are equal.
    pub(crate) values: u64,
}

impl Receipt {
    /// The file.
    pub(crate) fn to_text(&self) -> Vec<u8> {
        let format = Format { name: NAME.to_owned(), number: NUMBER };
        with_sha256(canonical::text(&Whole { format, receipt: self }))
    }

    /// The range.
    pub(crate) fn range(&self) -> TimeRange {
        TimeRange::new(self.range.start, self.range.stop)
    }

    /// What of it a comparison that was stopped has found, which nobody has looked at since.
    pub(crate) fn resumed(&self) -> Option<ResumedBatches> {
        let one = |batch: &ReceiptBatch| {
            let (at, values) = (batch.compared?, batch.values.unwrap_or_default());
            Some(ResumedBatches { batches: batch.batches, values, first: at, last: at })
        };
        self.batches.iter().filter_map(one).reduce(ResumedBatches::and)
    }
}

/// Puts the SHA-256 of a text into it, as its last member.
fn with_sha256(mut text: Vec<u8>) -> Vec<u8> {
    let sha256 = sha256(&text);
    text.pop();
    text.extend([DIGEST_MEMBER.as_bytes(), sha256.as_bytes(), b"\"}\n"].concat());
    text
}

impl ReceiptBatch {
    /// Of a stretch that was compared.
    pub(crate) fn new(entry: &LedgerEntry) -> Self {
        let LedgerEntry { range: TimeRange { start, stop }, batches, finding, earlier } = entry;
        let none = Self {
            batches: *batches,
            compared: *earlier,
            digest: None,
            expected: None,
            found: None,
            measurements: None,
            proof: None,
            result: ReceiptResult::Unproven,
            start: *start,
            stop: *stop,
            sum_of: None,
            values: None,
            why: None,
        };
        match finding {
            BatchFinding::Equal { values, digest, by } => Self {
                result: ReceiptResult::Equal,
                values: Some(*values),
                digest: *digest,
                proof: Some(ReceiptProof::of(*by)),
                sum_of: if let EqualBy::Sum(digests) = by { Some(*digests) } else { None },
                ..none
            },
            BatchFinding::Different { expected, held, measurements } => Self {
                result: ReceiptResult::Different,
                expected: Some(*expected),
                found: Some(held.values),
                measurements: Some(measurements.clone()),
                ..none
            },
            BatchFinding::Unproven(why) => Self { why: Some(why.clone()), ..none },
        }
    }

    /// Its range.
    pub(crate) fn range(&self) -> TimeRange {
        TimeRange::new(self.start, self.stop)
    }
}

impl ReceiptProof {
    fn of(by: EqualBy) -> Self {
        match by {
            EqualBy::Digest => Self::Digest,
            EqualBy::Sum(_) => Self::Sum,
            EqualBy::Values => Self::Values,
            EqualBy::Superset => Self::Superset,
            EqualBy::Counts => Self::Counts,
            EqualBy::Nothing => Self::Nothing,
        }
    }
}

impl From<TimeRange> for ReceiptRange {
    fn from(TimeRange { start, stop }: TimeRange) -> Self {
        Self { start, stop }
    }
}

impl From<(TimeRange, String)> for ReceiptUnproven {
    fn from((TimeRange { start, stop }, why): (TimeRange, String)) -> Self {
        Self { start, stop, why }
    }
}

/// A value as the text that it prints.
mod text {
    use super::{Deserialize as _, Deserializer, FromStr, Serializer, fmt};

    pub(super) fn serialize<S: Serializer>(
        value: &impl fmt::Display,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, D, T>(from: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: FromStr<Err: fmt::Display>,
    {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The same of one that may not be there.
mod text_if_known {
    #![expect(clippy::ref_option, reason = "serde calls it so")]

    use super::{Deserialize as _, Deserializer, FromStr, Serialize as _, Serializer, fmt};

    pub(super) fn serialize<S: Serializer>(
        value: &Option<impl fmt::Display>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(ToString::to_string).serialize(to)
    }

    pub(super) fn deserialize<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: FromStr<Err: fmt::Display>,
    {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}
