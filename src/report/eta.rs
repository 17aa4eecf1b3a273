//! How long it still takes: a range, and none at all before there is something to go by.

use crate::model::number;

/// Share of the run, in thousandths, before which no end is foretold.
pub(crate) const ETA_PER_MILLE_MIN: u32 = 10;

/// The range around an estimate, in sixteenths: later data is more often denser than earlier data, so more above.
const LOW_SIXTEENTHS: u128 = 15;
const HIGH_SIXTEENTHS: u128 = 19;

/// Shortest and longest time that is likely left, in ms. Each estimate is (done, whole) in a unit of its own, such as
/// time or bytes; the first one is the run's and decides whether there is a forecast.
pub(crate) fn remaining_ms(elapsed_ms: u64, estimates: &[(u128, u128)]) -> Option<(u64, u64)> {
    let &(done, whole) = estimates.first()?;
    if number::per_mille(done, whole) < ETA_PER_MILLE_MIN {
        return None;
    }
    let left =
        estimates.iter().filter(|(done, whole)| *done > 0 || *whole == 0).map(|&(done, whole)| {
            // Shares of 2^32 keep the product inside 128 bits.
            let share = (done.min(whole) << 32).checked_div(whole).unwrap_or(1 << 32).max(1);
            u128::from(elapsed_ms) * ((1 << 32) - share) / share
        });
    let (low, high) = left.fold((u128::MAX, 0), |(low, high), ms| (low.min(ms), high.max(ms)));
    let scaled = |ms: u128, sixteenths| {
        u64::try_from(ms.saturating_mul(sixteenths) / 16).unwrap_or(u64::MAX)
    };
    Some((scaled(low, LOW_SIXTEENTHS), scaled(high, HIGH_SIXTEENTHS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_end_is_foretold_before_one_percent() {
        assert_eq!(remaining_ms(5_000, &[]), None);
        assert_eq!(remaining_ms(5_000, &[(0, 1_000)]), None);
        assert_eq!(remaining_ms(5_000, &[(9, 1_000), (500, 1_000)]), None);
        assert!(remaining_ms(5_000, &[(10, 1_000)]).is_some());
    }

    #[test]
    fn the_range_spans_all_estimates_and_is_wider_above() {
        assert_eq!(remaining_ms(1_600, &[(1, 2)]), Some((1_500, 1_900)));
        assert_eq!(remaining_ms(1_600, &[(1, 2), (1, 3)]), Some((1_500, 3_800)));
        assert_eq!(remaining_ms(1_600, &[(1, 2), (0, 3)]), Some((1_500, 1_900)));
        assert_eq!(remaining_ms(1_600, &[(2, 2)]), Some((0, 0)));
        assert_eq!(remaining_ms(1_600, &[(0, 0)]), Some((0, 0)));
        let decades = 18_446_744_073_709_551_615u128;
        assert!(remaining_ms(u64::MAX, &[(decades / 90, decades), (1, decades)]).is_some());
    }
}
