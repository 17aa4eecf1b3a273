//! Where time is cut: windows that the source reads whole, and slices of bearable size. Pure.

use crate::limits::{HELD_INSTANT_BYTES_MAX, HELD_SLICE_BYTES_MAX, SPLIT_DEPTH_MAX};
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::pipeline::plan::target::Target;
use crate::pipeline::plan::window::Layer;

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
pub fn assumed_shard_group_ns(retention_ns: Option<i64>) -> i64 {
    match retention_ns {
        Some(ns) if ns < 48 * HOUR_NS => HOUR_NS,
        _ => 24 * HOUR_NS,
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A part of a batch that one request reads.
#[derive(Debug, Clone)]
pub struct Slice {
    /// When.
    pub range: TimeRange,
    /// Which values.
    pub layer: Layer,
    /// What of them, and how.
    pub target: Target,
    /// Values expected in it.
    pub values_predicted: u64,
    /// How often it was cut in halves.
    pub depth: u32,
    /// Bytes of frames that may be held for it.
    pub held_bytes_max: usize,
}

/// Cuts a window into slices of about `values_max` expected values each: at whole seconds, and where a second holds too
/// many, by measurement or series too.
pub fn slices(
    window: TimeRange,
    layer: Layer,
    target: &Target,
    values: u64,
    values_max: u64,
) -> Vec<Slice> {
    if values == 0 {
        return Vec::new();
    }
    let ranges = even_parts(window, values.div_ceil(values_max.max(1)));
    let by_range = values.div_ceil(ranges.len().max(1) as u64);
    let groups = usize::try_from(by_range / values_max.max(1)).unwrap_or(usize::MAX);
    let targets = if groups > 1 { target.divided(groups) } else { vec![target.clone()] };
    let values_predicted = by_range.div_ceil(targets.len().max(1) as u64);
    let held_bytes_max = HELD_SLICE_BYTES_MAX;
    let slice =
        |range, target| Slice { range, layer, target, values_predicted, depth: 0, held_bytes_max };
    ranges
        .into_iter()
        .flat_map(|range| targets.iter().cloned().map(move |target| slice(range, target)))
        .collect()
}

/// Cuts a range into at most `parts` parts of equal length in whole seconds.
fn even_parts(range: TimeRange, parts: u64) -> Vec<TimeRange> {
    let second = i128::from(NS_PER_S);
    let length = range.duration_ns() / i128::from(parts.max(1));
    let step = ((length + second - 1) / second).max(1) * second;
    let mut ranges = Vec::new();
    let mut start = range.start;
    while start < range.stop {
        let next = (i128::from(start.ns()) + step).div_euclid(second) * second;
        let stop =
            i64::try_from(next).map_or(range.stop, |ns| Timestamp::from_ns(ns).min(range.stop));
        ranges.push(TimeRange { start, stop });
        start = stop;
    }
    ranges
}

impl Slice {
    /// Parts of a slice that proved too large: halves in time down to a second, then by measurement or series, then
    /// below a second. `None` if it cannot be cut any further.
    pub fn parts(&self) -> Option<Vec<Self>> {
        if self.depth >= SPLIT_DEPTH_MAX {
            return None;
        }
        let part = |range, target, of: usize| Self {
            range,
            layer: self.layer,
            target,
            values_predicted: self.values_predicted.div_ceil(of.max(1) as u64),
            depth: self.depth + 1,
            held_bytes_max: self.held_bytes_max,
        };
        let halves = self.range.halves();
        if self.range.duration_ns() <= i128::from(NS_PER_S) || halves.is_none() {
            let targets = self.target.divided(2);
            if targets.len() > 1 {
                let of = targets.len();
                return Some(
                    targets.into_iter().map(|target| part(self.range, target, of)).collect(),
                );
            }
        }
        let (first, second) = halves?;
        Some([first, second].map(|range| part(range, self.target.clone(), 2)).into())
    }

    /// The same where it cannot be cut, but holds more than other slices may; `None` if it had that leave already.
    pub fn held_whole(&self) -> Option<Self> {
        let more = self.held_bytes_max < HELD_INSTANT_BYTES_MAX;
        more.then(|| Self { held_bytes_max: HELD_INSTANT_BYTES_MAX, ..self.clone() })
    }

    /// The same values by another target.
    #[must_use]
    pub fn by(&self, target: Target) -> Self {
        Self { target, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::plan::target::Scope;

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

    fn flux() -> Target {
        Target::Flux(Scope::All)
    }

    #[test]
    fn slices_cover_their_windows_and_stay_small() {
        for (window, values, max, count) in [
            (range("2020-01-01", "2020-01-02"), 1, 1_000_000, 1),
            (range("2020-01-01", "2020-01-02"), 8_640_000, 1_000_000, 9),
            (range("2020-01-01T00:00:00.5Z", "2020-01-01T00:00:03.25Z"), 100, 1, 4),
            (range("2020-01-01", "2020-01-02"), 0, 10, 0),
        ] {
            let slices = slices(window, Layer::Plain, &flux(), values, max);
            assert_eq!(slices.len(), count);
            let mut at = window.start;
            for slice in &slices {
                assert_eq!(slice.range.start, at);
                assert!(!slice.range.is_empty());
                at = slice.range.stop;
            }
            assert!(count == 0 || at == window.stop);
        }
        let end = range("2262-04-11T23:47:16.854775800Z", "2262-04-11T23:47:16.854775806Z");
        let cut = slices(end, Layer::Plain, &flux(), 5, 1);
        assert_eq!(cut.len(), 1, "nothing below a second is cut in advance");
    }

    #[test]
    fn a_second_that_holds_too_much_is_cut_by_measurement() {
        let names = ["a", "b", "c"].map(|name| name.as_bytes().into()).to_vec();
        let target = Target::Flux(Scope::Measurements(names));
        let second = range("2020-01-01T00:00:00Z", "2020-01-01T00:00:01Z");
        assert_eq!(slices(second, Layer::Plain, &target, 300, 100).len(), 3);
        let slice = Slice {
            range: second,
            layer: Layer::Plain,
            target,
            values_predicted: 300,
            depth: 0,
            held_bytes_max: 1,
        };
        let parts = slice.parts().unwrap();
        assert_eq!(parts.iter().map(|part| part.target.measurements().len()).sum::<usize>(), 3);
        assert!(parts.len() == 2 && parts.iter().all(|part| part.range == second));
    }

    #[test]
    fn halving_ends() {
        let of = |range| Slice {
            range,
            layer: Layer::Plain,
            target: flux(),
            values_predicted: 3,
            depth: 0,
            held_bytes_max: 1,
        };
        let mut slice = of(range("2020-01-01", "2020-01-02"));
        let mut cuts = 0;
        while let Some(parts) = slice.parts() {
            slice = parts[0].clone();
            cuts += 1;
        }
        assert_eq!(cuts, SPLIT_DEPTH_MAX);
        let instant = of(range("2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000000001Z"));
        assert!(instant.parts().is_none());
    }
}
