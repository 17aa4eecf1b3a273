//! The choices of a seed, which means the same on every machine.

use sluice::testing::model::random::Random;

#[derive(Debug, Clone)]
pub(crate) struct Dice(Random);

impl Dice {
    /// Each part of a case throws dice of its own, so that one more throw in a part leaves the others as they are.
    pub(crate) const fn new(seed: u64, part: u64) -> Self {
        let part = part.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ part))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.next()
    }

    /// Less than `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound.max(1)
    }

    /// From `first` to `last`, both among them.
    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// True in `hits` of `all` throws.
    pub(crate) fn hits(&mut self, hits: u64, all: u64) -> bool {
        self.below(all) < hits
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }
}
