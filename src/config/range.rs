//! Where a job begins and where a run ends: fixed times, or times that are counted back from a present that is not known yet.

use super::error::ConfigError;
use super::given::Given;
use super::grammar;
use crate::model::interval::Interval;
use crate::model::time::Timestamp;

/// Where a job begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeStart {
    /// At the oldest value of the source.
    Earliest,
    /// Here.
    At(Timestamp),
    /// So far back from the present.
    Back(Interval),
}

impl RangeStart {
    /// The instant, as a clock that shows `now` counts it; none for the oldest value.
    pub fn counted_from(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Earliest => None,
            Self::At(time) => Some(time),
            Self::Back(interval) => Some(back(interval, now)),
        }
    }
}

/// Where a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeStop {
    /// So far behind the present.
    Now {
        /// How far.
        settle_ns: i64,
    },
    /// Here, as given.
    At(Timestamp),
    /// So far back from the present.
    Back(Interval),
}

impl RangeStop {
    /// The instant, as a clock that shows `now` counts it.
    pub fn counted_from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Now { settle_ns } => now.saturating_add_ns(-settle_ns),
            Self::At(time) => time,
            Self::Back(interval) => back(interval, now),
        }
    }
}

fn back(interval: Interval, now: Timestamp) -> Timestamp {
    interval.nth_after(now, -1).unwrap_or(Timestamp::MIN).max(Timestamp::MIN)
}

pub(super) fn read_start(given: &Given) -> Result<RangeStart, ConfigError> {
    match given.text() {
        "earliest" => Ok(RangeStart::Earliest),
        text => match grammar::parse_back(text) {
            Some(interval) => Ok(RangeStart::Back(interval)),
            None => Ok(RangeStart::At(at(given)?.max(Timestamp::MIN))),
        },
    }
}

/// Nothing for the present, which stays behind the clock by what another flag says.
pub(super) fn read_stop(given: &Given) -> Result<Option<RangeStop>, ConfigError> {
    match given.text() {
        "now" => Ok(None),
        text => match grammar::parse_back(text) {
            Some(interval) => Ok(Some(RangeStop::Back(interval))),
            None => Ok(Some(RangeStop::At(at(given)?))),
        },
    }
}

fn at(given: &Given) -> Result<Timestamp, ConfigError> {
    const TIME: &str = "a time such as 2022-01-01T00:00:00Z, 2022-01-01 or -30d, between 1677-09-21 and 2262-04-11";
    const LEAP: &str =
        "a time that InfluxDB has: it counts no second 60; give second 59, or the minute behind it";
    let expected = if grammar::is_leap_second(given.text()) { LEAP } else { TIME };
    given.form(grammar::parse_time, expected)
}
