//! Batches: the half-open ranges that the checkpoint counts in.

use super::interval::Interval;
use super::time::{TimeRange, Timestamp};

/// The sequence of batches of one run: boundary k is `origin + k * interval`, the last one clamped at `stop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPlan {
    origin: Timestamp,
    interval: Interval,
    stop: Timestamp,
}

impl BatchPlan {
    /// The batches of `[origin, stop)`.
    pub fn new(origin: Timestamp, interval: Interval, stop: Timestamp) -> Self {
        Self { origin, interval, stop: stop.max(origin) }
    }

    /// What all batches cover together.
    pub fn range(&self) -> TimeRange {
        TimeRange { start: self.origin, stop: self.stop }
    }

    /// Batch number `seq`, or `None` at the end.
    pub fn nth(&self, seq: u64) -> Option<TimeRange> {
        let start = self.boundary(seq);
        (start < self.stop).then(|| TimeRange { start, stop: self.boundary(seq + 1) })
    }

    /// Number of the batch that holds this instant, or `None` outside the plan.
    pub fn at(&self, time: Timestamp) -> Option<u64> {
        if !self.range().contains(time) {
            return None;
        }
        let (mut low, mut high) = (0, self.len());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.boundary(middle) <= time { low = middle } else { high = middle }
        }
        Some(low)
    }

    /// How many batches there are; found by halving, so that a plan of any length costs nothing.
    pub fn len(&self) -> u64 {
        let (mut low, mut high) = (0u64, 1u64);
        while self.nth(high).is_some() {
            low = high;
            high *= 2;
        }
        if self.nth(low).is_none() {
            return 0;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.nth(middle).is_some() { low = middle } else { high = middle }
        }
        high
    }

    /// True if there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.nth(0).is_none()
    }

    fn boundary(&self, seq: u64) -> Timestamp {
        let nth = i64::try_from(seq).ok().and_then(|k| self.interval.nth_after(self.origin, k));
        nth.map_or(self.stop, |time| time.min(self.stop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(start: &str, interval: &str, stop: &str) -> BatchPlan {
        BatchPlan::new(start.parse().unwrap(), interval.parse().unwrap(), stop.parse().unwrap())
    }

    #[test]
    fn batches_cover_the_range_once_and_the_last_is_clamped() {
        for (start, interval, stop, count) in [
            ("2022-01-01", "1h", "2022-02-01", 744),
            ("2022-01-01", "35d", "2022-02-01", 1),
            ("2024-01-31", "1mo", "2024-05-01", 4),
            ("2022-01-01", "7h", "2022-01-02", 4),
            ("1677-09-22", "1y", "2262-04-11", 585),
            ("1677-09-22", "7300d", "2262-04-11", 30),
            ("2022-01-02", "1h", "2022-01-02", 0),
            ("2022-01-02", "1h", "2022-01-01", 0),
        ] {
            let plan = plan(start, interval, stop);
            assert_eq!(plan.len(), count, "{start} {interval} {stop}");
            let mut at = plan.range().start;
            for seq in 0..count {
                let range = plan.nth(seq).unwrap();
                assert_eq!(range.start, at);
                assert!(!range.is_empty());
                at = range.stop;
            }
            assert_eq!(at, plan.range().stop);
            assert_eq!(plan.nth(count), None);
        }
    }
}
