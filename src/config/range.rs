//! Where a job begins and where a run ends: fixed times, or times that are counted back from a present that is not known yet.

use super::error::ConfigError;
use super::given::Given;
use super::grammar;
use super::layers::Settings;
use super::origin::Origin;
use crate::model::interval::Interval;
use crate::model::time::Timestamp;

/// Where a job begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the oldest value of the source.
    Earliest,
    /// Here.
    At(Timestamp),
    /// So far back from the present.
    Back(Interval),
}

impl Start {
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
pub enum Stop {
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

impl Stop {
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

/// Start and stop. Where both are fixed, or both count from the same present, they are held against each other at once.
pub(super) fn range(settings: &Settings, now: Timestamp) -> Result<(Start, Stop), ConfigError> {
    let (first, last) = (settings.value("start")?, settings.value("stop")?);
    let settle = settings.value("settle")?;
    let settle_ns = grammar::duration_ns(settle.text())
        .ok_or_else(|| settle.wrong("a duration such as 10m or 0s"))?;
    let start = match first.text() {
        "earliest" => Start::Earliest,
        text => match grammar::back(text) {
            Some(interval) => Start::Back(interval),
            None => Start::At(at(&first)?.max(Timestamp::MIN)),
        },
    };
    let stop = match last.text() {
        "now" => Stop::Now { settle_ns },
        text => match grammar::back(text) {
            Some(interval) => Stop::Back(interval),
            None => Stop::At(at(&last)?),
        },
    };
    // One fixed and one counted wait for the clock of the source.
    let both = matches!((start, stop), (Start::At(_), Stop::At(_)))
        || matches!((start, stop), (Start::Back(_), Stop::Now { .. } | Stop::Back(_)));
    if both {
        hold_range((start, first.origin), (stop, last.origin), now)?;
    }
    Ok((start, stop))
}

/// The same, counted from this machine's clock: for what asks no source.
pub(super) fn range_counted(
    settings: &Settings,
    now: Timestamp,
) -> Result<(Start, Stop), ConfigError> {
    let (start, stop) = range(settings, now)?;
    let (first, last) = (settings.value("start")?, settings.value("stop")?);
    hold_range((start, first.origin), (stop, last.origin), now)?;
    Ok(counted((start, stop), now))
}

/// Fixed times instead of counted ones; what depends on the source stays.
fn counted((start, stop): (Start, Stop), now: Timestamp) -> (Start, Stop) {
    let stop = match stop {
        Stop::Back(_) => Stop::At(stop.counted_from(now)),
        stop => stop,
    };
    (start.counted_from(now).map_or(Start::Earliest, Start::At), stop)
}

fn at(given: &Given) -> Result<Timestamp, ConfigError> {
    const TIME: &str = "a time such as 2022-01-01T00:00:00Z, 2022-01-01 or -30d, between 1677-09-21 and 2262-04-11";
    const LEAP: &str =
        "a time that InfluxDB has: it counts no second 60; give second 59, or the minute behind it";
    let expected = if grammar::is_leap_second(given.text()) { LEAP } else { TIME };
    grammar::time(given.text()).ok_or_else(|| given.wrong(expected))
}

pub(super) fn hold_range(
    (start, first): (Start, Origin),
    (stop, last): (Stop, Origin),
    now: Timestamp,
) -> Result<(), ConfigError> {
    let stop_at = stop.counted_from(now);
    match start.counted_from(now) {
        Some(start_at) if start_at >= stop_at => Err(ConfigError::EmptyRange {
            start: format!("{first} ({start_at})"),
            stop: format!("{last} ({stop_at})"),
        }),
        _ => Ok(()),
    }
}
