//! How a file holds times. In the program a time is always nanoseconds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// The type of a time column, for the sake of other readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum TimeType {
    /// Arrow's `Timestamp(ns, "UTC")`.
    #[default]
    #[serde(rename = "ns-utc")]
    NsUtc,
    /// Arrow's `Timestamp(us, "UTC")`, for readers that know no nanoseconds. It holds whole microseconds only.
    #[serde(rename = "us-utc")]
    UsUtc,
    /// Plain 64-bit integers: nanoseconds since 1970-01-01T00:00:00Z.
    #[serde(rename = "i64")]
    I64,
}

impl TimeType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NsUtc, Self::UsUtc, Self::I64];

    /// Its name on the command line and in manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NsUtc => "ns-utc",
            Self::UsUtc => "us-utc",
            Self::I64 => "i64",
        }
    }

    /// Nanoseconds of one of its units.
    pub const fn unit_ns(self) -> i64 {
        match self {
            Self::NsUtc | Self::I64 => 1,
            Self::UsUtc => 1_000,
        }
    }

    /// True if the time comes back with all its digits.
    pub const fn holds(self, time: Timestamp) -> bool {
        time.ns() % self.unit_ns() == 0
    }
}

impl fmt::Display for TimeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no time type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no time type of that name: ns-utc, us-utc or i64")]
pub struct UnknownTimeType;

impl FromStr for TimeType {
    type Err = UnknownTimeType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|own| own.name() == text).ok_or(UnknownTimeType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_everywhere() {
        for own in TimeType::ALL {
            assert_eq!(own.name().parse(), Ok(own));
            assert_eq!(serde_json::to_string(&own).unwrap(), format!("\"{own}\""));
        }
        assert_eq!("ns".parse::<TimeType>(), Err(UnknownTimeType));
    }

    #[test]
    fn microseconds_hold_no_digits_below() {
        for (ns, held) in [(0, true), (1, false), (-1, false), (-1_000, true), (i64::MAX, false)] {
            assert_eq!(TimeType::UsUtc.holds(Timestamp::from_ns(ns)), held, "{ns}");
            assert!(TimeType::NsUtc.holds(Timestamp::from_ns(ns)));
            assert!(TimeType::I64.holds(Timestamp::from_ns(ns)));
        }
    }
}
