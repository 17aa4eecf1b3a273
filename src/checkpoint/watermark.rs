//! The watermark: batches complete in any order and are committed strictly in sequence.

use std::collections::BTreeMap;
use std::ops::Range;

/// Holds completed batches back until all before them are complete. `T` is what is known of a batch, or of a stretch of
/// batches that became complete together; a stretch of any length takes one entry.
#[derive(Debug)]
pub struct Watermark<T> {
    next: u64,
    waiting: BTreeMap<u64, (u64, T)>,
}

impl<T> Watermark<T> {
    /// The first batch to be committed is number `first`.
    pub fn new(first: u64) -> Self {
        Self { next: first, waiting: BTreeMap::new() }
    }

    /// Number of the batch that has to be complete next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Stretches held back.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// These batches are complete: gives the stretches that may be committed now, in sequence (often none).
    ///
    /// # Panics
    /// If a batch is reported twice: it would be committed twice. If there is no batch in the range.
    pub fn complete(&mut self, seq: Range<u64>, batch: T) -> Vec<T> {
        assert!(seq.start < seq.end, "no batch in {seq:?}");
        assert!(seq.start >= self.next, "batch {} was committed before", seq.start);
        let before = self.waiting.range(..seq.end).next_back();
        assert!(
            before.is_none_or(|(_, (end, _))| *end <= seq.start),
            "a batch of {seq:?} is complete for the second time"
        );
        self.waiting.insert(seq.start, (seq.end, batch));
        let mut ready = Vec::new();
        while let Some((end, batch)) = self.waiting.remove(&self.next) {
            ready.push(batch);
            self.next = end;
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_order_of_completion_is_committed_in_sequence(
            (lengths, order) in prop::collection::vec(1u64..5, 1..40)
                .prop_flat_map(|lengths| {
                    let order = (0..lengths.len()).collect::<Vec<_>>();
                    (Just(lengths), Just(order).prop_shuffle())
                })
        ) {
            let first = |stretch: usize| lengths[..stretch].iter().sum::<u64>();
            let mut watermark = Watermark::new(0);
            let mut committed = Vec::new();
            let mut complete = std::collections::BTreeSet::new();
            for stretch in order {
                complete.insert(stretch);
                committed.extend(watermark.complete(first(stretch)..first(stretch + 1), stretch));
                let prefix = (0..lengths.len()).take_while(|n| complete.contains(n)).count();
                prop_assert_eq!(watermark.next(), first(prefix));
                prop_assert_eq!(watermark.waiting(), complete.len() - prefix);
            }
            prop_assert_eq!(committed, (0..lengths.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_stretch_of_any_length_is_one_entry() {
        let mut watermark = Watermark::new(0);
        assert!(watermark.complete(1..u64::MAX, "rest").is_empty());
        assert_eq!(watermark.waiting(), 1);
        assert_eq!(watermark.complete(0..1, "first"), ["first", "rest"]);
        assert_eq!(watermark.next(), u64::MAX);
    }

    #[test]
    #[should_panic(expected = "for the second time")]
    fn a_batch_cannot_complete_twice() {
        let mut watermark = Watermark::new(0);
        watermark.complete(3..4, ());
        watermark.complete(3..4, ());
    }

    #[test]
    #[should_panic(expected = "for the second time")]
    fn stretches_do_not_overlap() {
        let mut watermark = Watermark::new(0);
        watermark.complete(3..9, ());
        watermark.complete(2..4, ());
    }

    #[test]
    #[should_panic(expected = "committed before")]
    fn what_was_committed_does_not_come_again() {
        let mut watermark = Watermark::new(0);
        watermark.complete(0..2, ());
        watermark.complete(1..3, ());
    }
}
