//! What came of each batch of a comparison, where somebody keeps it: for a receipt.

use std::collections::BTreeMap;

use super::compared::{Compared, EqualBy, HeldContent, PieceVerdict, SumPart};
use crate::limits::VERIFY_RANGES_MAX;
use crate::model::content_digest::ContentDigest;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::read::measurement_counts::MeasurementCounts;

/// What was found of a stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BatchFinding {
    /// It is equal.
    Equal {
        /// Values that the destination holds of it.
        values: u64,
        /// Their digest, where they were read.
        digest: Option<ContentDigest>,
        /// How that is known.
        by: EqualBy,
    },
    /// It differs.
    Different {
        /// Values that should be there.
        expected: u64,
        /// What is.
        held: Box<HeldContent>,
        /// Which measurements differ, readable.
        measurements: Vec<String>,
    },
    /// Nothing is known of it, and why.
    Unproven(String),
}

/// A batch, a stretch between two, or a stretch of empty batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerEntry {
    /// Where it is.
    pub range: TimeRange,
    /// How many batches it stands for.
    pub batches: u64,
    /// What was found.
    pub finding: BatchFinding,
    /// When, if a comparison that was stopped has found it.
    pub earlier: Option<Timestamp>,
}

/// What came of all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchLedger {
    entries: BTreeMap<Timestamp, LedgerEntry>,
    /// Values of what is equal.
    counts: MeasurementCounts,
    /// Of how many that differ it is kept what the destination holds.
    differing: usize,
}

impl BatchLedger {
    /// All of it, in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &LedgerEntry> {
        self.entries.values()
    }

    /// Values of each measurement, in what is equal. What is not counted by measurement is left out.
    pub(crate) fn counts(&self) -> &BTreeMap<Name, u64> {
        self.counts.named()
    }

    /// Takes what was found.
    pub(super) fn note(&mut self, compared: &mut Compared) {
        let Compared { batches, range, held, by, parts, earlier, .. } = compared;
        let held = std::mem::take(held);
        let finding = match &compared.verdict {
            PieceVerdict::Equal if !parts.is_empty() => {
                self.counts.add(held.counts);
                return self.note_sum(parts, *earlier);
            }
            PieceVerdict::Equal => {
                self.counts.add(held.counts);
                BatchFinding::Equal { values: held.values, digest: held.digest, by: *by }
            }
            PieceVerdict::Differs { expected, measurements } => {
                self.differing += 1;
                // Of no more than these it is found out whether they are equal after all.
                let is_kept = self.differing <= VERIFY_RANGES_MAX;
                let held = if is_kept { held } else { HeldContent::values(held.values) };
                BatchFinding::Different {
                    expected: *expected,
                    held: Box::new(held),
                    measurements: measurements.clone(),
                }
            }
            PieceVerdict::Unproven(why) => BatchFinding::Unproven(why.clone()),
        };
        self.put(LedgerEntry { range: *range, batches: *batches, finding, earlier: *earlier });
    }

    fn note_sum(&mut self, parts: &[SumPart], earlier: Option<Timestamp>) {
        let digests = parts.iter().filter(|part| part.batch.is_some()).count() as u64;
        for SumPart { range, batch } in parts {
            let (values, digest) = batch.unwrap_or_default();
            let by = match (batch, digests) {
                (None, _) => EqualBy::Nothing,
                // The others hold nothing.
                (Some(_), 1) => EqualBy::Digest,
                (Some(_), _) => EqualBy::Sum(digests),
            };
            let finding = BatchFinding::Equal { values, digest: Some(digest), by };
            let batches = u64::from(batch.is_some());
            self.put(LedgerEntry { range: *range, batches, finding, earlier });
        }
    }

    fn put(&mut self, entry: LedgerEntry) {
        self.entries.insert(entry.range.start, entry);
    }

    /// A stretch that differed is equal after all.
    pub(crate) fn settle(&mut self, range: TimeRange, by: EqualBy) {
        let Some(entry) = self.entries.get_mut(&range.start) else { return };
        if let BatchFinding::Different { held, .. } = &mut entry.finding {
            let HeldContent { values, digest, counts } = std::mem::take(&mut **held);
            self.counts.add(counts);
            entry.finding = BatchFinding::Equal { values, digest, by };
        }
    }

    /// Takes the place of what was found before for a range.
    pub(super) fn replace(&mut self, range: TimeRange, again: Self) {
        let before: Vec<_> =
            self.entries.range(range.start..range.stop).map(|(start, _)| *start).collect();
        for start in before {
            self.entries.remove(&start);
        }
        self.entries.extend(again.entries);
        self.counts.add(again.counts);
    }
}
