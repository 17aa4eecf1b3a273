//! What is tried: a batch interval, a way to read, requests at one time, and the size of bodies.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::text;
use crate::limits::{BODY_BYTES_MAX, BODY_BYTES_TARGET, SLICES_IN_FLIGHT_MAX};
use crate::model::interval::Interval;
use crate::model::number;
use crate::model::time::NS_PER_S;
use crate::model::transport::{Transport, UnknownTransport};

/// How the source is read: one transport for everything, or each measurement by its own as `migrate` chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Way(pub Option<Transport>);

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.map_or("auto", Transport::name))
    }
}

impl FromStr for Way {
    type Err = UnknownTransport;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" { Ok(Self(None)) } else { text.parse().map(Some).map(Self) }
    }
}

/// One combination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Setting {
    /// Length of a batch.
    #[serde(with = "text")]
    pub interval: Interval,
    /// How it is read.
    #[serde(with = "text")]
    pub transport: Way,
    /// Slices read at one time.
    pub concurrency: usize,
    /// Bytes of a body after which it is sent.
    pub body_bytes: usize,
}

impl Setting {
    /// Where it stands in a list.
    pub fn order(&self) -> impl Ord + use<> {
        let Self { interval, transport, concurrency, body_bytes } = self;
        // Two words for one length are two settings.
        (*transport, interval.about_ns(), interval.to_string(), *concurrency, *body_bytes)
    }

    /// Length of a batch in nanoseconds; a month counts 30 days.
    pub fn interval_ns(&self) -> i64 {
        self.interval.about_ns().max(1)
    }
}

/// As in `auto 1h x2`; the size of bodies only where it is not the usual one.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { interval, transport, concurrency, body_bytes } = self;
        write!(f, "{transport} {interval} x{concurrency}")?;
        match *body_bytes {
            BODY_BYTES_TARGET => Ok(()),
            other => write!(f, " {}", number::bytes(other as u64)),
        }
    }
}

/// The values of one setting that may be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis<T> {
    /// To begin with.
    pub values: Vec<T>,
    /// Whether values beside the best one may be tried as well. Not where somebody has named them.
    pub open: bool,
}

impl<T> Axis<T> {
    /// These and no others.
    pub const fn only(values: Vec<T>) -> Self {
        Self { values, open: false }
    }

    /// These first.
    pub const fn from(values: Vec<T>) -> Self {
        Self { values, open: true }
    }
}

/// Everything that may be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axes {
    /// Batch intervals, rising.
    pub intervals: Axis<Interval>,
    /// Ways to read, the likeliest first.
    pub transports: Axis<Way>,
    /// Slices at one time.
    pub concurrencies: Axis<usize>,
    /// Sizes of bodies.
    pub bodies: Axis<usize>,
}

/// Intervals that are tried beside the best one.
const LADDER_S: [i64; 20] = [
    60,
    2 * 60,
    5 * 60,
    10 * 60,
    15 * 60,
    30 * 60,
    3_600,
    2 * 3_600,
    3 * 3_600,
    6 * 3_600,
    12 * 3_600,
    86_400,
    2 * 86_400,
    3 * 86_400,
    7 * 86_400,
    14 * 86_400,
    30 * 86_400,
    60 * 86_400,
    90 * 86_400,
    365 * 86_400,
];

/// Smallest body that is tried beside the best one.
const BODY_BYTES_MIN: usize = 256 * 1024;

impl Axes {
    /// What is tried first. Where all is left open: every interval in the likeliest way, every other way at a middle one.
    /// Named values are all combined.
    pub fn first(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        for (rank, transport) in self.transports.values.iter().enumerate() {
            let narrow = rank > 0 && self.transports.open && self.intervals.open;
            let all = &self.intervals.values[..];
            let middle = all.len() / 2..(all.len() / 2 + 1).min(all.len());
            let intervals = if narrow { &all[middle] } else { all };
            for interval in intervals {
                for concurrency in &self.concurrencies.values {
                    for body_bytes in &self.bodies.values {
                        settings.push(Setting {
                            interval: *interval,
                            transport: *transport,
                            concurrency: *concurrency,
                            body_bytes: *body_bytes,
                        });
                    }
                }
            }
        }
        settings
    }

    /// The next shorter interval: of the named ones, or of all.
    pub fn shorter(&self, than: Interval) -> Option<Interval> {
        let all = LADDER_S.iter().map(|length| Interval::from_ns(length * NS_PER_S));
        let all = all.filter(|_| self.intervals.open).chain(self.intervals.values.iter().copied());
        all.filter(|own| own.about_ns() < than.about_ns()).max_by_key(|own| own.about_ns())
    }

    /// What lies beside a setting: one step longer and shorter, the likeliest way, twice and half of each number; of the
    /// open ones.
    pub fn beside(&self, setting: Setting) -> Vec<Setting> {
        let mut beside = Vec::new();
        if self.intervals.open {
            let own = setting.interval_ns() / NS_PER_S;
            let shorter = LADDER_S.iter().rev().find(|length| **length < own);
            let longer = LADDER_S.iter().find(|length| **length > own);
            for length in shorter.into_iter().chain(longer) {
                let interval = Interval::from_ns(length * NS_PER_S);
                beside.push(Setting { interval, ..setting });
            }
        }
        if let Some(likeliest) = self.transports.values.first().filter(|_| self.transports.open)
            && *likeliest != setting.transport
        {
            beside.push(Setting { transport: *likeliest, ..setting });
        }
        if self.concurrencies.open {
            let own = setting.concurrency;
            let more = own.saturating_mul(2).min(SLICES_IN_FLIGHT_MAX);
            for concurrency in [more, (own / 2).max(1)].into_iter().filter(|n| *n != own) {
                beside.push(Setting { concurrency, ..setting });
            }
        }
        if self.bodies.open {
            let own = setting.body_bytes;
            let more = own.saturating_mul(2).min(BODY_BYTES_MAX);
            for body_bytes in
                [more, (own / 2).max(BODY_BYTES_MIN)].into_iter().filter(|n| *n != own)
            {
                beside.push(Setting { body_bytes, ..setting });
            }
        }
        beside
    }
}

/// Intervals to begin with: the one that `migrate` would choose, two coarse steps below it and one above, none longer than
/// the job.
pub fn intervals_around(chosen: Interval, job_ns: i128) -> Vec<Interval> {
    const COARSE_S: [i64; 10] = [
        60,
        300,
        900,
        3_600,
        6 * 3_600,
        86_400,
        7 * 86_400,
        30 * 86_400,
        90 * 86_400,
        365 * 86_400,
    ];
    let own = chosen.about_ns() / NS_PER_S;
    let mut lengths: Vec<i64> =
        COARSE_S.iter().rev().filter(|length| **length < own).take(2).copied().collect();
    lengths.reverse();
    lengths.push(own);
    lengths.extend(COARSE_S.iter().find(|length| **length > own));
    let fits = |length: &i64| i128::from(*length) * i128::from(NS_PER_S) <= job_ns;
    let shown = |length: i64| {
        if length == own { chosen } else { Interval::from_ns(length * NS_PER_S) }
    };
    let fitting: Vec<_> = lengths.into_iter().filter(fits).map(shown).collect();
    if fitting.is_empty() { vec![chosen] } else { fitting }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(text: &str) -> Interval {
        text.parse().unwrap()
    }

    fn axes() -> Axes {
        Axes {
            intervals: Axis::from(vec![interval("1h"), interval("6h"), interval("1d")]),
            transports: Axis::from(vec![Way(None), Way(Some(Transport::Flux))]),
            concurrencies: Axis::from(vec![2]),
            bodies: Axis::only(vec![2_097_152]),
        }
    }

    #[test]
    fn the_likeliest_way_is_tried_with_every_interval() {
        let texts = |axes: &Axes| axes.first().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts(&axes()), ["auto 1h x2", "auto 6h x2", "auto 1d x2", "flux 6h x2"]);
        let named = Axes { transports: Axis::only(axes().transports.values), ..axes() };
        assert_eq!(texts(&named).len(), 6);
    }

    #[test]
    fn beside_the_best_lies_one_step_each_way() {
        let best = axes().first()[1];
        let texts: Vec<_> = axes().beside(best).iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["auto 3h x2", "auto 12h x2", "auto 6h x4", "auto 6h x1"]);
        let small = Setting { body_bytes: 1_000_000, ..best };
        assert_eq!(small.to_string(), "auto 6h x2 1.0 MB");
        let ends = Setting { interval: interval("1m"), concurrency: 1, ..best };
        assert_eq!(axes().beside(ends).len(), 2);
        let closed =
            Axes { intervals: Axis::only(vec![]), concurrencies: Axis::only(vec![2]), ..axes() };
        assert!(closed.beside(best).is_empty());
    }

    #[test]
    fn the_first_intervals_lie_around_the_chosen_one() {
        let shown = |chosen: &str, days: i128| {
            let job = days * 86_400 * i128::from(NS_PER_S);
            let list = intervals_around(interval(chosen), job);
            list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown("1d", 2_090), "1h 6h 1d 1w");
        assert_eq!(shown("1m", 2_090), "1m 5m");
        assert_eq!(shown("1mo", 2_090), "1d 1w 1mo 12w6d");
        assert_eq!(shown("365d", 1), "52w1d", "one batch of the whole job");
        assert_eq!(shown("1d", 0), "1d");
    }

    #[test]
    fn settings_are_kept_as_people_write_them() {
        let setting = Setting { interval: interval("1h"), ..axes().first()[3] };
        let json = serde_json::to_string(&setting).unwrap();
        assert_eq!(
            json,
            r#"{"interval":"1h","transport":"flux","concurrency":2,"body_bytes":2097152}"#
        );
        assert_eq!(serde_json::from_str::<Setting>(&json).unwrap(), setting);
        assert!(serde_json::from_str::<Setting>(&json.replace("1h", "1x")).is_err());
    }
}
