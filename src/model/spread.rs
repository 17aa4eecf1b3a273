//! A number with its edges, as samples foretell it.

use super::scale::scaled;

/// A number that is not known exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Spread {
    /// The least that the samples foretell.
    pub low: u64,
    /// The most likely.
    pub likely: u64,
    /// The most.
    pub high: u64,
}

impl Spread {
    /// A number that is known.
    pub const fn exact(n: u64) -> Self {
        Self { low: n, likely: n, high: n }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            low: self.low.saturating_add(other.low),
            likely: self.likely.saturating_add(other.likely),
            high: self.high.saturating_add(other.high),
        }
    }

    /// Each number times `by / of`.
    #[must_use]
    pub fn scaled(self, by: u64, of: u64) -> Self {
        let Self { low, likely, high } = self;
        Self {
            low: scaled(low, by, of),
            likely: scaled(likely, by, of),
            high: scaled(high, by, of),
        }
    }

    /// So often.
    #[must_use]
    pub fn times(self, often: Self) -> Self {
        Self {
            low: self.low.saturating_mul(often.low),
            likely: self.likely.saturating_mul(often.likely),
            high: self.high.saturating_mul(often.high),
        }
    }

    /// The least, the mean and the most of some numbers; zero without any.
    pub fn of_samples(numbers: &[u64]) -> Self {
        let sum: u128 = numbers.iter().map(|n| u128::from(*n)).sum();
        let mean = sum.checked_div(numbers.len() as u128).unwrap_or(0);
        Self {
            low: numbers.iter().copied().min().unwrap_or(0),
            likely: u64::try_from(mean).unwrap_or(u64::MAX),
            high: numbers.iter().copied().max().unwrap_or(0),
        }
    }

    /// Bytes of so many values, where these are thousandths of a byte for each value.
    #[must_use]
    pub fn bytes_of(self, values: u64) -> Self {
        self.scaled(values, 1_000)
    }

    /// Time to read so many bytes at a steady rate, in milliseconds; none at no rate.
    pub fn duration_ms(self, bytes_per_s: u64) -> Option<Self> {
        (bytes_per_s > 0).then(|| self.scaled(1_000, bytes_per_s))
    }
}
