//! Instants in nanoseconds since 1970 and half-open ranges of them.

use std::fmt;
use std::str::FromStr;

/// An instant: nanoseconds since 1970-01-01T00:00:00Z, as InfluxDB stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Nanoseconds per second.
pub const NS_PER_S: i64 = 1_000_000_000;

impl Timestamp {
    /// Milliseconds since another time; less than nothing if that is later.
    pub(crate) fn ms_since(self, then: Self) -> i128 {
        (i128::from(self.0) - i128::from(then.0)) / 1_000_000
    }

    /// The smallest time InfluxDB stores: 1677-09-21T00:12:43.145224194Z.
    pub const MIN: Self = Self(i64::MIN + 2);
    /// The largest time InfluxDB stores: 2262-04-11T23:47:16.854775806Z.
    pub const MAX: Self = Self(i64::MAX - 1);
    /// The largest bound a Flux range takes. Even so the point at [`Timestamp::MAX`] stays out of its reach.
    pub const STOP_MAX: Self = Self(i64::MAX);
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The instant `ns` nanoseconds after 1970-01-01T00:00:00Z.
    pub const fn from_ns(ns: i64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub const fn ns(self) -> i64 {
        self.0
    }

    /// This instant moved by `ns`, held inside the 64-bit range.
    #[must_use]
    pub const fn saturating_add_ns(self, ns: i64) -> Self {
        Self(self.0.saturating_add(ns))
    }

    /// RFC 3339 with exactly nine fractional digits and `Z`: the form of the checkpoint's strings.
    pub fn to_rfc3339_nano(self) -> String {
        format!("{:.9}", self.jiff())
    }

    /// The shard group of this instant where shard groups last `duration_ns`. InfluxDB counts them from the year 1, so
    /// that groups of seven days begin on Mondays. Held inside the 64-bit range.
    ///
    /// # Panics
    ///
    /// If the duration is not positive.
    pub fn shard_group(self, duration_ns: i64) -> TimeRange {
        /// From 0001-01-01T00:00:00Z to 1970-01-01T00:00:00Z.
        const YEAR_1_TO_1970_NS: i128 = 719_162 * 86_400 * 1_000_000_000;
        assert!(duration_ns > 0, "a shard group has a length");
        let since = i128::from(self.0) + YEAR_1_TO_1970_NS;
        let start = i128::from(self.0) - since.rem_euclid(i128::from(duration_ns));
        let held =
            |ns: i128| Self(i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX }));
        TimeRange { start: held(start), stop: held(start + i128::from(duration_ns)) }
    }

    fn jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_nanosecond(i128::from(self.0))
            .expect("64-bit nanoseconds lie inside jiff's range")
    }
}

/// RFC 3339 in UTC, fraction without trailing zeros: the shortest text that Flux reads back exactly.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.jiff().fmt(f)
    }
}

/// A text that is not an RFC 3339 time (or a bare date) inside 1677 to 2262.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no RFC 3339 time between 1677-09-21 and 2262-04-11")]
pub struct ParseTimeError {
    /// What was given.
    pub text: String,
}

impl FromStr for Timestamp {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || ParseTimeError { text: text.to_owned() };
        let stamp: jiff::Timestamp = if text.len() == "2020-01-01".len() {
            format!("{text}T00:00:00Z").parse().map_err(|_| bad())?
        } else {
            text.parse().map_err(|_| bad())?
        };
        i64::try_from(stamp.as_nanosecond()).map(Self).map_err(|_| bad())
    }
}

/// A half-open range of time, `[start, stop)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeRange {
    /// First instant inside.
    pub start: Timestamp,
    /// First instant after.
    pub stop: Timestamp,
}

impl TimeRange {
    /// The range `[start, stop)`; a stop before the start gives the empty range at `start`.
    pub fn new(start: Timestamp, stop: Timestamp) -> Self {
        Self { start, stop: stop.max(start) }
    }

    /// Everything a Flux `range` can see.
    pub const ALL: Self = Self { start: Timestamp::MIN, stop: Timestamp::STOP_MAX };

    /// True if no instant lies inside.
    pub fn is_empty(self) -> bool {
        self.start >= self.stop
    }

    /// Length in nanoseconds (more than 63 bits for the whole of time).
    pub fn duration_ns(self) -> i128 {
        i128::from(self.stop.ns()) - i128::from(self.start.ns())
    }

    /// True if `time` lies inside.
    pub fn contains(self, time: Timestamp) -> bool {
        self.start <= time && time < self.stop
    }

    /// The common part, possibly empty.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self::new(self.start.max(other.start), self.stop.min(other.stop))
    }

    /// How many of `count` things in this range lie in a part of it, if they are spread evenly.
    pub fn share(self, count: u64, part: Self) -> u64 {
        let share = i128::from(count) * part.duration_ns() / self.duration_ns().max(1);
        u64::try_from(share).unwrap_or(0)
    }

    /// Both halves, cut at a whole second where there is one; `None` if the range cannot be divided.
    ///
    /// # Panics
    /// Never: a point between two 64-bit times is one itself.
    pub fn halves(self) -> Option<(Self, Self)> {
        let length = self.duration_ns();
        if length < 2 {
            return None;
        }
        let middle = i128::from(self.start.ns()) + length / 2;
        let second = middle.div_euclid(i128::from(NS_PER_S)) * i128::from(NS_PER_S);
        let cut = if second > i128::from(self.start.ns()) { second } else { middle };
        let cut =
            Timestamp(i64::try_from(cut).expect("a point between two 64-bit times is one itself"));
        Some((Self { start: self.start, stop: cut }, Self { start: cut, stop: self.stop }))
    }

    /// Cuts where shard groups of `step_ns` meet, see [`Timestamp::shard_group`].
    pub fn shard_group_parts(self, step_ns: i64) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut start = self.start;
        while start < self.stop {
            let stop = start.shard_group(step_ns).stop.min(self.stop);
            parts.push(Self { start, stop });
            start = stop;
        }
        parts
    }
}

/// `[start, stop)` in RFC 3339.
impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.stop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back_what_they_print() {
        for (text, ns) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1677-09-21T00:12:43.145224194Z", i64::MIN + 2),
            ("2262-04-11T23:47:16.854775806Z", i64::MAX - 1),
            ("1969-12-31T23:59:59.999999999Z", -1),
            ("2020-01-01T00:00:00.5Z", 1_577_836_800_500_000_000),
        ] {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!(time.ns(), ns);
            assert_eq!(time.to_string(), text);
        }
        assert_eq!(
            "2020-01-01".parse::<Timestamp>().unwrap().to_rfc3339_nano(),
            "2020-01-01T00:00:00.000000000Z"
        );
        assert_eq!(
            "2020-01-01T02:00:00+02:00".parse::<Timestamp>().unwrap(),
            "2020-01-01".parse().unwrap()
        );
        for bad in
            ["", "now", "1500-01-01T00:00:00Z", "3000-01-01", "2020-13-01", "2020-01-01T00:00:00"]
        {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
    }

    #[test]
    fn halves_and_shard_group_parts_cover_without_gap_or_overlap() {
        for (start, stop) in [
            (0, 2),
            (-7, 3_000_000_001),
            (i64::MIN + 2, i64::MAX),
            (5, 6),
            (1_500_000_000, 1_500_000_003),
        ] {
            let range = TimeRange::new(Timestamp(start), Timestamp(stop));
            match range.halves() {
                Some((a, b)) => {
                    assert!(!a.is_empty() && !b.is_empty());
                    assert_eq!((a.start, a.stop, b.stop), (range.start, b.start, range.stop));
                }
                None => assert!(range.duration_ns() < 2),
            }
        }
        let day = 86_400 * NS_PER_S;
        let parts = TimeRange::new(Timestamp(-day - 1), Timestamp(day + 1)).shard_group_parts(day);
        let bounds: Vec<_> = parts.iter().map(|part| (part.start.ns(), part.stop.ns())).collect();
        assert_eq!(bounds, [(-day - 1, -day), (-day, 0), (0, day), (day, day + 1)]);
        let weeks = TimeRange::new("2020-01-01".parse().unwrap(), "2020-01-14".parse().unwrap())
            .shard_group_parts(7 * day);
        let mondays: Vec<_> = weeks[1..].iter().map(|week| week.start.to_string()).collect();
        assert_eq!(mondays, ["2020-01-06T00:00:00Z", "2020-01-13T00:00:00Z"]);
        let end =
            TimeRange::new(Timestamp(i64::MAX - 5), Timestamp::STOP_MAX).shard_group_parts(day);
        assert_eq!(end.last().unwrap().stop, Timestamp::STOP_MAX);
    }
}
