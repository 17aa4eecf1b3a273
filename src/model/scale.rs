//! Proportions of whole numbers.

use std::time::Duration;

/// `n * by / of`, rounded down; the largest number where it is larger still. Nothing is divided by as if it were one.
pub(crate) fn scaled(n: u64, by: u64, of: u64) -> u64 {
    u64::try_from(u128::from(n) * u128::from(by) / u128::from(of.max(1))).unwrap_or(u64::MAX)
}

/// Whole milliseconds, rounded down.
pub(crate) fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges() {
        assert_eq!(scaled(7, 10, 4), 17);
        assert_eq!(scaled(7, 10, 0), 70);
        assert_eq!(scaled(u64::MAX, u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(scaled(u64::MAX, 2, 1), u64::MAX);
    }
}
