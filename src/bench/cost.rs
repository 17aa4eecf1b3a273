//! What a way to read costs, as far as the trials have shown: how many bytes the next trial takes at the most.

use super::record::{Ending, Trial, scaled};
use crate::limits::BENCH_COUNT_BYTES;
use crate::model::transport::Transport;
use crate::pipeline::plan::cost::LearnedCost;

/// What a way to read costs, as far as seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// Thousandths of a byte for each value by which lengths are chosen: the first that were seen, so that all settings are
    /// measured alike.
    milli: u64,
    /// The most that were seen.
    milli_max: u64,
    /// Look-ups before the first batch, at the most.
    begun_bytes_max: u64,
    /// How far values went beyond what the density let expect, at the most, in thousandths; 1,000 at the least.
    excess_per_mille: u64,
    seen: bool,
}

impl Cost {
    /// Before the first trial.
    pub(super) fn guessed(transport: Transport) -> Self {
        let milli = LearnedCost::of(transport).bytes(1_000);
        Self { milli, milli_max: milli, begun_bytes_max: 0, excess_per_mille: 1_000, seen: false }
    }

    /// Values that take so many bytes.
    pub(super) fn values(self, bytes: u64) -> u64 {
        scaled(bytes, 1_000, self.milli.max(1))
    }

    /// Bytes of so many values in so many batches, at the most.
    pub(super) fn bytes(self, values: u64, batches: u64) -> u64 {
        let values = scaled(values, self.excess_per_mille, 1_000);
        let counts = batches.saturating_mul(BENCH_COUNT_BYTES);
        scaled(values, self.milli_max, 1_000)
            .saturating_add(counts)
            .saturating_add(self.begun_bytes_max)
    }

    pub(super) fn learn(&mut self, trial: &Trial) {
        self.begun_bytes_max = self.begun_bytes_max.max(trial.bytes_begun);
        if trial.values == 0 {
            return;
        }
        let milli = trial.milli_bytes_per_value().max(1);
        if self.seen {
            self.milli_max = self.milli_max.max(milli);
        } else {
            (self.milli, self.milli_max, self.seen) = (milli, milli, true);
        }
        if trial.ending == Ending::Complete {
            let excess = scaled(trial.values, 1_000, trial.values_predicted.max(1));
            self.excess_per_mille = self.excess_per_mille.max(excess);
        }
    }
}
