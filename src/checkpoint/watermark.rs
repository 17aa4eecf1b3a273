//! The watermark: batches complete in any order and are committed strictly in sequence.

use std::collections::BTreeMap;

/// Holds completed batches back until all before them are complete. `T` is what is known of a batch.
#[derive(Debug)]
pub struct Watermark<T> {
    next: u64,
    waiting: BTreeMap<u64, T>,
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

    /// Batches held back.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Batch `seq` is complete: gives the batches that may be committed now, in sequence (often none).
    ///
    /// # Panics
    /// If a batch is reported twice: it would be committed twice.
    pub fn complete(&mut self, seq: u64, batch: T) -> Vec<T> {
        assert!(seq >= self.next, "batch {seq} was committed before");
        let before = self.waiting.insert(seq, batch);
        assert!(before.is_none(), "batch {seq} is complete for the second time");
        let mut ready = Vec::new();
        while let Some(batch) = self.waiting.remove(&self.next) {
            ready.push(batch);
            self.next += 1;
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
        fn any_order_of_completion_is_committed_in_sequence(order in Just((0u64..40).collect::<Vec<_>>()).prop_shuffle()) {
            let mut watermark = Watermark::new(0);
            let mut committed = Vec::new();
            let mut complete = std::collections::BTreeSet::new();
            for seq in order {
                complete.insert(seq);
                committed.extend(watermark.complete(seq, seq));
                let prefix = (0..=40).take_while(|n| complete.contains(n)).count() as u64;
                prop_assert_eq!(watermark.next(), prefix);
            }
            prop_assert_eq!(committed, (0..40).collect::<Vec<_>>());
            prop_assert_eq!(watermark.waiting(), 0);
        }
    }

    #[test]
    #[should_panic(expected = "for the second time")]
    fn a_batch_cannot_complete_twice() {
        let mut watermark = Watermark::new(0);
        watermark.complete(3, ());
        watermark.complete(3, ());
    }
}
