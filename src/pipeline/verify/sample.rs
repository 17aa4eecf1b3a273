//! Some of the batches that hold something instead of all of them. Pure.

use std::fmt;

use crate::model::content_digest::mix;
use crate::model::time::Timestamp;

/// Which share of the batches is compared, and which of them. The same share, seed and batches make the same choice, on any
/// machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSample {
    /// The share, in thousandths.
    pub per_mille: u32,
    /// Another one chooses other batches.
    pub seed: u64,
}

/// What of the batches that hold something was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampledBatches {
    /// How it was chosen.
    pub sample: BatchSample,
    /// Batches that were compared.
    pub chosen: u64,
    /// Of how many.
    pub of_batches: u64,
}

impl BatchSample {
    /// How many of so many batches are chosen: the share, rounded up, so that it is at least one where there are any.
    fn count(self, of_batches: usize) -> usize {
        let share = (of_batches as u128 * u128::from(self.per_mille)).div_ceil(1_000);
        usize::try_from(share).unwrap_or(of_batches).min(of_batches)
    }

    /// Which ones are, of batches that begin at these times: true for each that is.
    pub(super) fn choose(self, starts: &[Timestamp]) -> Vec<bool> {
        let mut ranked: Vec<_> = starts
            .iter()
            .enumerate()
            .map(|(at, start)| (mix(mix(0, self.seed), start.ns().cast_unsigned()), at))
            .collect();
        ranked.sort_unstable();
        let mut is_chosen = vec![false; starts.len()];
        for (_, at) in ranked.into_iter().take(self.count(starts.len())) {
            is_chosen[at] = true;
        }
        is_chosen
    }
}

impl fmt::Display for BatchSample {
    /// The share: `5 %`, `0.5 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.per_mille / 10, self.per_mille % 10) {
            (whole, 0) => write!(f, "{whole} %"),
            (whole, tenths) => write!(f, "{whole}.{tenths} %"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(count: i64) -> Vec<Timestamp> {
        (0..count).map(|at| Timestamp::from_ns(at * 3_600_000_000_000)).collect()
    }

    #[test]
    fn the_share_is_exact_and_at_least_one() {
        for (per_mille, batches, chosen) in [
            (50, 240, 12),
            (50, 241, 13),
            (1, 999, 1),
            (1, 1_001, 2),
            (500, 1, 1),
            (999, 10, 10),
            (50, 0, 0),
        ] {
            for seed in [0, 1, 7, u64::MAX] {
                let sample = BatchSample { per_mille, seed };
                let found = sample.choose(&starts(batches));
                let count = found.iter().filter(|is_chosen| **is_chosen).count();
                assert_eq!(count, chosen, "{sample:?} of {batches}");
                assert_eq!(found, sample.choose(&starts(batches)), "the same again");
            }
        }
    }

    /// It is documented how they are ranked: whoever has the seed can tell which ones were looked at.
    #[test]
    fn a_seed_chooses_what_it_always_has() {
        let chosen = |seed| {
            let is_chosen = BatchSample { per_mille: 100, seed }.choose(&starts(40));
            (0..40).filter(|at| is_chosen[*at]).collect::<Vec<_>>()
        };
        assert_eq!(chosen(0), [0, 1, 22, 34]);
        assert_eq!(chosen(1), [2, 6, 7, 30]);
    }

    #[test]
    fn every_batch_is_chosen_by_some_seed() {
        let starts = starts(500);
        let mut times = vec![0; starts.len()];
        for seed in 0..400 {
            let is_chosen = BatchSample { per_mille: 50, seed }.choose(&starts);
            times.iter_mut().zip(is_chosen).for_each(|(times, chosen)| *times += u32::from(chosen));
        }
        // Twenty times each on average.
        assert!(times.iter().all(|times| (4..45).contains(times)), "{times:?}");
    }
}
