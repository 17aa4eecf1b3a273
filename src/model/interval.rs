//! Flux durations: `1h`, `3d12h`, `1mo`. Months and years keep the day of the month, as Flux does.

use std::fmt;
use std::str::FromStr;

use super::time::Timestamp;

/// A positive Flux duration: months (calendar) and nanoseconds (exact), added in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    months: i32,
    ns: i64,
}

/// Flux units from the longest to the shortest; years and months count as months, the others as nanoseconds.
const UNITS: [(&str, Unit); 11] = [
    ("y", Unit::Months(12)),
    ("mo", Unit::Months(1)),
    ("w", Unit::Ns(7 * 86_400_000_000_000)),
    ("d", Unit::Ns(86_400_000_000_000)),
    ("h", Unit::Ns(3_600_000_000_000)),
    ("m", Unit::Ns(60_000_000_000)),
    ("s", Unit::Ns(1_000_000_000)),
    ("ms", Unit::Ns(1_000_000)),
    ("us", Unit::Ns(1_000)),
    ("µs", Unit::Ns(1_000)),
    ("ns", Unit::Ns(1)),
];

#[derive(Clone, Copy)]
enum Unit {
    Months(i32),
    Ns(i64),
}

impl Interval {
    /// An exact duration.
    pub const fn from_ns(ns: i64) -> Self {
        Self { months: 0, ns }
    }

    /// The exact length in nanoseconds, or `None` if it holds calendar months.
    pub const fn exact_ns(self) -> Option<i64> {
        if self.months == 0 { Some(self.ns) } else { None }
    }

    /// A length good enough for estimates: a month counts 30 days.
    pub fn about_ns(self) -> i64 {
        i64::from(self.months).saturating_mul(30 * 86_400_000_000_000).saturating_add(self.ns)
    }

    /// `origin + k * self`, or `None` past the end of time. Counted from the origin and never chained, so
    /// that month steps from the 31st come back to the 31st.
    pub fn nth_after(self, origin: Timestamp, k: i64) -> Option<Timestamp> {
        let months = i64::from(self.months).checked_mul(k)?;
        let origin_ns = i128::from(origin.ns());
        let base_ns = if months == 0 {
            origin_ns
        } else {
            let zoned =
                jiff::Timestamp::from_nanosecond(origin_ns).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
            let span = jiff::Span::new().try_months(months).ok()?;
            zoned.checked_add(span).ok()?.timestamp().as_nanosecond()
        };
        // From the first of all times to the last one is more than 64 bits hold.
        let ns = base_ns + i128::from(self.ns) * i128::from(k);
        i64::try_from(ns).ok().map(Timestamp::from_ns)
    }
}

/// The Flux text, longest unit first.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut months, mut ns) = (self.months, self.ns);
        for (name, unit) in UNITS {
            match unit {
                Unit::Months(size) if months >= size => {
                    write!(f, "{}{name}", months / size)?;
                    months %= size;
                }
                Unit::Ns(size) if ns >= size => {
                    write!(f, "{}{name}", ns / size)?;
                    ns %= size;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A text that is no positive Flux duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no positive Flux duration such as 1h, 35d or 1mo (units: y mo w d h m s ms us ns)"
)]
pub struct ParseIntervalError {
    /// What was given.
    pub text: String,
}

impl FromStr for Interval {
    type Err = ParseIntervalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseIntervalError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Interval> {
    let mut interval = Interval { months: 0, ns: 0 };
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == &rest[..letters])?;
        match *unit {
            Unit::Months(size) => {
                let months = i32::try_from(count).ok()?.checked_mul(size)?;
                interval.months = interval.months.checked_add(months)?;
            }
            Unit::Ns(size) => interval.ns = interval.ns.checked_add(count.checked_mul(size)?)?,
        }
        rest = &rest[letters..];
    }
    (interval.months > 0 || interval.ns > 0).then_some(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_flux_durations_and_prints_them() {
        for (text, shown) in [
            ("1h", "1h"),
            ("90m", "1h30m"),
            ("3d12h", "3d12h"),
            ("1mo", "1mo"),
            ("35d", "5w"),
            ("1y2mo", "1y2mo"),
            ("5us", "5us"),
        ] {
            let interval: Interval = text.parse().unwrap();
            assert_eq!(interval.to_string(), shown);
            assert_eq!(shown.parse::<Interval>().unwrap(), interval);
        }
        for bad in [
            "",
            "h",
            "1",
            "-1h",
            "1.5h",
            "0s",
            "1M",
            "1 h",
            "99999999999999999999s",
            "9223372036854775807h",
        ] {
            assert!(bad.parse::<Interval>().is_err(), "{bad}");
        }
    }

    #[test]
    fn month_steps_keep_the_day() {
        let month: Interval = "1mo".parse().unwrap();
        let origin: Timestamp = "2024-01-31".parse().unwrap();
        let steps: Vec<_> =
            (0..4).map(|k| month.nth_after(origin, k).unwrap().to_string()).collect();
        assert_eq!(
            steps,
            [
                "2024-01-31T00:00:00Z",
                "2024-02-29T00:00:00Z",
                "2024-03-31T00:00:00Z",
                "2024-04-30T00:00:00Z"
            ]
        );
        assert_eq!(month.nth_after(origin, i64::MAX), None);
    }
}
