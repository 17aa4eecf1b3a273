//! What came of one piece of a comparison.

use crate::model::content_digest::ContentDigest;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::read::measurement_counts::MeasurementCounts;

/// What came of a piece.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) batches: u64,
    pub(super) range: TimeRange,
    pub(super) held: HeldContent,
    pub(super) refused: u64,
    pub(super) verdict: PieceVerdict,
    /// How it is known to be equal, if it is.
    pub(super) by: EqualBy,
    /// What it is the sum of, where it is one.
    pub(super) parts: Vec<SumPart>,
    /// By what its pieces are known again, if they can be.
    pub(super) marks: Option<Vec<PieceMark>>,
    /// When it was compared, if a comparison that was stopped has done that.
    pub(super) earlier: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) enum PieceVerdict {
    Equal,
    Differs { expected: u64, measurements: Vec<String> },
    Unproven(String),
}

/// How a stretch was found to be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EqualBy {
    /// Its digest is the expected one.
    Digest,
    /// The sum of its digest and those of its neighbours is the expected one: so many digests in all.
    Sum(u64),
    /// Both ends hold the same, value by value.
    Values,
    /// The destination holds each value of the source, and may hold more.
    Superset,
    /// Both ends count as many values of each measurement.
    Counts,
    /// Nothing is there, and nothing should be.
    Nothing,
}

/// What the destination holds of a stretch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct HeldContent {
    /// How many values.
    pub values: u64,
    /// Their digest, where they were read.
    pub(super) digest: Option<ContentDigest>,
    /// How many of each measurement.
    pub(super) counts: MeasurementCounts,
}

impl HeldContent {
    /// So many, and nothing more is known.
    pub(super) fn values(values: u64) -> Self {
        Self { values, ..Self::default() }
    }
}

/// By what a piece is known again in a later comparison: where it is, and what it was held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PieceMark {
    /// Its range.
    pub range: TimeRange,
    /// Digits of a SHA-256 of what was expected.
    pub expected: u128,
}

/// A batch whose digest is a part of a sum.
#[derive(Debug)]
pub(super) struct SumPart {
    pub(super) range: TimeRange,
    /// Of a batch; none of a stretch between two.
    pub(super) batch: Option<(u64, ContentDigest)>,
}
