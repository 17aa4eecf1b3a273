//! What values cost to read, learned from the answers.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::{SLICE_SECONDS_MAX, SLICE_VALUES_MAX};
use crate::model::scale::scaled;
use crate::model::transport::Transport;

/// What a value costs to read, as the answers so far have shown it.
#[derive(Debug)]
pub struct LearnedCost {
    milli_bytes: AtomicU64,
    picoseconds: AtomicU64,
}

/// Half a million values per second: a slow server. Only a slower one makes slices smaller.
const FIRST_GUESS_PICOSECONDS: u64 = 2_000_000;

/// Answers of fewer values say more about the way there and back than about values.
const TIMED_VALUES_MIN: u64 = 10_000;

impl LearnedCost {
    /// A first guess: what the form costs for floats of 17 digits, the dearest that is common; names make the difference.
    pub fn of(transport: Transport) -> Self {
        let milli_bytes = match transport {
            Transport::Flux => 130_000,
            Transport::FluxKeyed => 66_000,
            Transport::FluxPivot => 22_000,
            Transport::Influxql => 10_000,
        };
        Self {
            milli_bytes: AtomicU64::new(milli_bytes),
            picoseconds: AtomicU64::new(FIRST_GUESS_PICOSECONDS),
        }
    }

    /// Takes an answer of so many values for the whole truth: what a look has measured.
    pub fn settle(&self, values: u64, bytes: u64) {
        if values > 0 {
            self.milli_bytes.store(scaled(bytes, 1_000, values), Ordering::Relaxed);
        }
    }

    /// Expected bytes of an answer with so many values.
    pub fn bytes(&self, values: u64) -> u64 {
        let milli = self.milli_bytes.load(Ordering::Relaxed);
        scaled(values, milli, 1_000)
    }

    /// Values of a slice that is expected to bring no more than so many bytes and to last no longer than
    /// [`SLICE_SECONDS_MAX`].
    pub fn values_in(&self, bytes: u64) -> u64 {
        let by_bytes = scaled(bytes, 1_000, self.milli_bytes.load(Ordering::Relaxed));
        let picoseconds = self.picoseconds.load(Ordering::Relaxed);
        by_bytes.min(scaled(SLICE_SECONDS_MAX, 1_000_000_000_000, picoseconds))
    }

    /// Values of a slice that is expected to bring no more than so many bytes; at least one.
    pub fn slice_values(&self, bytes_max: u64) -> u64 {
        self.values_in(bytes_max).clamp(1, SLICE_VALUES_MAX)
    }

    /// An answer with `values` values had `bytes` bytes and took `elapsed_ms`, in which its values were also written:
    /// moves a quarter of the way there.
    pub fn learn(&self, values: u64, bytes: u64, elapsed_ms: u64) {
        if values > 0 {
            approach(&self.milli_bytes, scaled(bytes, 1_000, values));
        }
        if values >= TIMED_VALUES_MIN {
            approach(&self.picoseconds, scaled(elapsed_ms, 1_000_000_000, values));
        }
    }
}

fn approach(learned: &AtomicU64, seen: u64) {
    let _ = learned
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| Some((old / 4 * 3) + seen / 4));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_follows_the_answers() {
        let cost = LearnedCost::of(Transport::Flux);
        assert_eq!(cost.bytes(1_000), 130_000);
        for _ in 0..50 {
            cost.learn(1_000_000, 6_400_000, 500);
        }
        assert!((6_300..6_500).contains(&cost.bytes(1_000)), "{}", cost.bytes(1_000));
        assert!((1_530_000..1_600_000).contains(&cost.values_in(10_000_000)));
        cost.learn(0, 5, 5);
    }

    #[test]
    fn a_slow_source_gets_smaller_slices() {
        let cost = LearnedCost::of(Transport::Flux);
        assert_eq!(cost.values_in(u64::MAX), 15_000_000);
        cost.learn(10, 1_300, 90_000);
        assert_eq!(cost.values_in(u64::MAX), 15_000_000, "few values tell nothing of time");
        for _ in 0..50 {
            cost.learn(100_000, 13_000_000, 60_000);
        }
        assert!((49_000..51_000).contains(&cost.values_in(u64::MAX)));
    }
}
