//! Random numbers that a seed gives again, on every machine and in every version.

/// SplitMix64, by hand: ten lines whose numbers tests and workloads rely on, where a crate may change its own.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Of this seed and what it is for: numbers for one thing do not depend on how many another has taken.
    pub fn of(seed: u64, what: &[u64]) -> Self {
        let mixed = what.iter().fold(seed, |seed, part| Self(seed ^ part.rotate_left(17)).next());
        Self(mixed)
    }

    /// The next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        // The upper half of 128 bits.
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Between 0 and 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit into a float")]
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A place in a list of this length; 0 for an empty one.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// Puts a list in random order; each order is equally likely.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.index(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_and_every_order_comes() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (0..5).map(|_| random.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert_ne!(Random::of(1, &[2, 3]).next(), Random::of(1, &[3, 2]).next());
        let mut orders = std::collections::BTreeMap::new();
        for seed in 0..6_000 {
            let mut list = [1, 2, 3];
            Random::new(seed).shuffle(&mut list);
            *orders.entry(list).or_insert(0) += 1;
        }
        assert_eq!(orders.len(), 6);
        assert!(orders.values().all(|count| (850..1_150).contains(count)), "{orders:?}");
        assert_eq!((Random::new(1).below(0), Random::new(1).index(0)), (0, 0));
    }
}
