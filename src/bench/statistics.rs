//! Medians and spreads of a few runs, and how far a ratio of two medians can be trusted.

use crate::limits::BOOTSTRAP_ROUNDS;
use crate::model::random::Random;
use crate::model::spread::Spread;

/// The median of some numbers, rounded down between two; none without any.
pub(crate) fn median(numbers: &[u64]) -> Option<u64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if !sorted.len().is_multiple_of(2) {
        return Some(upper);
    }
    let lower = sorted[middle - 1];
    Some(u64::midpoint(lower, upper))
}

/// The least, the median and the most of some numbers; none without any. A mean would let one bad run decide.
pub fn spread(numbers: &[u64]) -> Option<Spread> {
    Some(Spread {
        low: numbers.iter().copied().min()?,
        likely: median(numbers)?,
        high: numbers.iter().copied().max()?,
    })
}

/// How many times the first median is the second, with the bounds between which 95 of 100 such ratios fall.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[expect(clippy::struct_field_names, reason = "it is the name in the files of a bench")]
pub struct Ratio {
    /// The ratio of the medians.
    pub ratio: f64,
    /// The 2.5th percentile of the resampled ratios.
    pub low: f64,
    /// The 97.5th percentile.
    pub high: f64,
}

/// The ratio of two medians with its 95 % interval by the percentile bootstrap: both lists are drawn anew from
/// themselves, with repetition, [`BOOTSTRAP_ROUNDS`] times, from a fixed seed. None if a list is empty or the second
/// median is 0. From one run each the interval has no width, which says nothing of its truth.
pub(crate) fn ratio(first: &[u64], second: &[u64]) -> Option<Ratio> {
    let quotient = |first: &[u64], second: &[u64]| {
        let (first, second) = (median(first)?, median(second)?);
        (second > 0).then(|| float(first) / float(second))
    };
    let whole = quotient(first, second)?;
    let mut random = Random::new(SEED);
    let mut drawn = Vec::with_capacity(BOOTSTRAP_ROUNDS);
    for _ in 0..BOOTSTRAP_ROUNDS {
        let mut again = |list: &[u64]| -> Vec<u64> {
            list.iter().map(|_| list[random.index(list.len())]).collect()
        };
        let (first, second) = (again(first), again(second));
        drawn.extend(quotient(&first, &second));
    }
    drawn.sort_by(f64::total_cmp);
    let at = |per_mille: usize| drawn[(drawn.len() - 1) * per_mille / 1_000];
    (!drawn.is_empty()).then(|| Ratio { ratio: whole, low: at(25), high: at(975) })
}

/// Any number does; it only has to stay the same.
const SEED: u64 = 0x5355_4943_4542_454e;

#[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
fn float(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The element with as many on either side, found by counting.
    fn slow_median(numbers: &[u64]) -> Option<u64> {
        let at = |rank: usize| {
            numbers.iter().copied().find(|n| {
                let below = numbers.iter().filter(|other| *other < n).count();
                let equal = numbers.iter().filter(|other| *other == n).count();
                (below..below + equal).contains(&rank)
            })
        };
        let n = numbers.len();
        if n == 0 {
            return None;
        }
        let (low, high) = (at((n - 1) / 2)?, at(n / 2)?);
        Some(u64::midpoint(low, high))
    }

    #[test]
    fn medians_are_those_of_the_slow_way() {
        let mut random = Random::new(3);
        for length in 0..40 {
            for most in [1, 5, 1_000, u64::MAX] {
                let numbers: Vec<u64> = (0..length).map(|_| random.below(most)).collect();
                assert_eq!(median(&numbers), slow_median(&numbers), "{numbers:?}");
                let found = spread(&numbers);
                assert_eq!(found.map(|s| s.low), numbers.iter().copied().min());
                assert_eq!(found.map(|s| s.high), numbers.iter().copied().max());
            }
        }
        assert_eq!(median(&[u64::MAX, u64::MAX]), Some(u64::MAX));
        // One run out of three that went wrong decides nothing.
        assert_eq!(median(&[10, 11, 9_000]), Some(11));
    }

    #[test]
    fn the_interval_of_a_ratio_holds_the_truth_about_as_often_as_it_says() {
        let mut random = Random::new(11);
        let mut held = 0;
        let rounds = 200;
        for _ in 0..rounds {
            let mut draw = |centre: u64| -> Vec<u64> {
                (0..15).map(|_| centre - 50 + random.below(101)).collect()
            };
            let (first, second) = (draw(2_000), draw(1_000));
            let found = ratio(&first, &second).unwrap();
            assert!(found.low <= found.ratio && found.ratio <= found.high, "{found:?}");
            held += u32::from(found.low <= 2.0 && 2.0 <= found.high);
        }
        assert!((176..=200).contains(&held), "{held} of {rounds}");
    }

    #[test]
    fn ratios_replay_and_have_no_width_from_one_run() {
        assert_eq!(ratio(&[3, 1, 2], &[5, 4]), ratio(&[3, 1, 2], &[5, 4]));
        assert_eq!(ratio(&[20], &[10]), Some(Ratio { ratio: 2.0, low: 2.0, high: 2.0 }));
        assert_eq!((ratio(&[], &[1]), ratio(&[1], &[]), ratio(&[1], &[0])), (None, None, None));
    }
}
