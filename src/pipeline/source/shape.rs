//! How the source's storage is cut in time, and how far one query may reach. Pure.

use crate::model::time::{NS_PER_S, TimeRange, Timestamp};

/// One hour: shard groups are never shorter.
const HOUR_NS: i64 = 3_600 * NS_PER_S;

/// What is known of the source's types over time, which decides how far one query may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeHistory {
    /// Every field has one type, in all shards: a count may reach over any range.
    Single,
    /// Not known: nothing crosses a shard group, and emptiness needs three answers.
    Unknown,
    /// Some field has several types: nothing crosses an hour of a shard group.
    Several,
}

/// How the source's storage is cut in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceShape {
    /// Length of its shard groups.
    pub shard_group_ns: i64,
    /// What is known of its types.
    pub types: TypeHistory,
}

impl SourceShape {
    /// Parts of `range` inside which a read is whole: Flux stops without a word where a field changes its type, and
    /// that can only be between two shard groups.
    pub fn read_windows(self, range: TimeRange) -> Vec<TimeRange> {
        range.shard_group_parts(self.window_ns())
    }

    /// Parts of `range` inside which a count is exact.
    pub fn count_windows(self, range: TimeRange) -> Vec<TimeRange> {
        match self.types {
            TypeHistory::Single if range.is_empty() => Vec::new(),
            TypeHistory::Single => vec![range],
            TypeHistory::Unknown | TypeHistory::Several => self.read_windows(range),
        }
    }

    /// How many windows a range touches.
    pub fn window_count(self, range: TimeRange) -> u64 {
        u64::try_from(range.duration_ns() / i128::from(self.window_ns().max(1))).unwrap_or(0) + 1
    }

    /// Both halves of a range that reaches over several read windows, cut between two of them; `None` inside one window.
    pub fn halves(self, range: TimeRange) -> Option<(TimeRange, TimeRange)> {
        let window_ns = self.window_ns();
        if range.start.shard_group(window_ns).stop >= range.stop {
            return None;
        }
        let middle = i64::try_from(i128::from(range.start.ns()) + range.duration_ns() / 2).ok()?;
        let group = Timestamp::from_ns(middle).shard_group(window_ns);
        let cut = if group.start > range.start { group.start } else { group.stop };
        Some((TimeRange::new(range.start, cut), TimeRange::new(cut, range.stop)))
    }

    fn window_ns(self) -> i64 {
        match self.types {
            TypeHistory::Single | TypeHistory::Unknown => self.shard_group_ns,
            TypeHistory::Several => gcd(self.shard_group_ns, HOUR_NS),
        }
    }
}

/// The shard group length of a bucket that does not tell it: InfluxDB's defaults, the shorter one for short retention.
pub(crate) fn assumed_shard_group_ns(retention_ns: Option<i64>) -> i64 {
    match retention_ns {
        Some(ns) if ns < 48 * HOUR_NS => HOUR_NS,
        _ => 24 * HOUR_NS,
    }
}

/// Seconds as nanoseconds, none for "for ever".
pub(crate) fn retention_ns(every_seconds: u64) -> Option<i64> {
    (every_seconds > 0).then(|| {
        i64::try_from(every_seconds).unwrap_or(i64::MAX / NS_PER_S).saturating_mul(NS_PER_S)
    })
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: &str, stop: &str) -> TimeRange {
        TimeRange::new(start.parse().unwrap(), stop.parse().unwrap())
    }

    #[test]
    fn windows_follow_what_is_known_of_types() {
        let week = 7 * 24 * HOUR_NS;
        let all = range("2020-01-06", "2020-01-20");
        let windows = |types| {
            let shape = SourceShape { shard_group_ns: week, types };
            (shape.read_windows(all).len(), shape.count_windows(all).len())
        };
        assert_eq!(windows(TypeHistory::Single), (2, 1));
        assert_eq!(windows(TypeHistory::Unknown), (2, 2));
        assert_eq!(windows(TypeHistory::Several), (14 * 24, 14 * 24));
        assert_eq!(assumed_shard_group_ns(None), 24 * HOUR_NS);
        assert_eq!(assumed_shard_group_ns(Some(47 * HOUR_NS)), HOUR_NS);
    }

    #[test]
    fn halves_are_cut_between_windows() {
        let shape = SourceShape { shard_group_ns: 7 * 24 * HOUR_NS, types: TypeHistory::Single };
        for whole in [
            range("2020-01-01", "2020-01-14"),
            range("1680-01-01", "2262-04-11"),
            range("2020-01-12", "2020-01-14"),
        ] {
            let (first, second) = shape.halves(whole).unwrap();
            assert_eq!(
                (first.start, first.stop, second.stop),
                (whole.start, second.start, whole.stop)
            );
            assert_eq!(first.stop.shard_group(shape.shard_group_ns).start, first.stop);
            assert!(!first.is_empty() && !second.is_empty());
        }
        assert_eq!(shape.halves(range("2020-01-06", "2020-01-13")), None);
    }
}
