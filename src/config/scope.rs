//! What of a bucket is meant: its range, and the filter.

use super::error::ConfigError;
use super::layers::Layers;
use super::origin::ValueOrigin;
use super::range::{RangeStart, RangeStop};
use super::shown::ShownValue;
use super::table::{BATCH_INTERVAL, FIELD, MEASUREMENT, PREDICATE, SETTLE, START, STOP, TAG};
use super::values::IntervalChoice;
use crate::model::filter::Filter;
use crate::model::number;
use crate::model::time::Timestamp;

/// What is copied, and in which steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobScope {
    /// Where the job begins.
    pub start: RangeStart,
    /// Where this run ends.
    pub stop: RangeStop,
    /// Length of a batch.
    pub batch_interval: IntervalChoice,
    /// What is copied.
    pub filter: Filter,
}

impl JobScope {
    /// Checks the flags.
    pub(super) fn new(layers: &Layers, now: Timestamp) -> Result<Self, ConfigError> {
        let (start, stop) = range(layers, now)?;
        let batch_interval = layers.get(BATCH_INTERVAL)?;
        Ok(Self { start, stop, batch_interval, filter: read_filter(layers)? })
    }

    /// Refuses a range without an instant in it, as a clock that shows `now` counts it.
    pub fn hold_range(&self, now: Timestamp) -> Result<(), ConfigError> {
        let origin = |name| ValueOrigin::Flag(name);
        hold_range((self.start, origin(START.flag.name)), (self.stop, origin(STOP.flag.name)), now)
    }
}

/// Start and stop. Where both are fixed, or both count from the same present, they are held against each other at once.
fn range(layers: &Layers, now: Timestamp) -> Result<(RangeStart, RangeStop), ConfigError> {
    let (first, last) = (layers.given_or_default(START.flag)?, layers.given_or_default(STOP.flag)?);
    let settle_ns = layers.get(SETTLE)?;
    let start = START.read(&first)?;
    let stop = STOP.read(&last)?.unwrap_or(RangeStop::Now { settle_ns });
    // One fixed and one counted wait for the clock of the source.
    let both = matches!((start, stop), (RangeStart::At(_), RangeStop::At(_)))
        || matches!(
            (start, stop),
            (RangeStart::Back(_), RangeStop::Now { .. } | RangeStop::Back(_))
        );
    if both {
        hold_range((start, first.origin), (stop, last.origin), now)?;
    }
    Ok((start, stop))
}

/// The same, counted from this machine's clock: for what asks no source.
pub(super) fn range_counted(
    layers: &Layers,
    now: Timestamp,
) -> Result<(RangeStart, RangeStop), ConfigError> {
    let (start, stop) = range(layers, now)?;
    let (first, last) = (layers.given_or_default(START.flag)?, layers.given_or_default(STOP.flag)?);
    hold_range((start, first.origin), (stop, last.origin), now)?;
    Ok(counted((start, stop), now))
}

/// Fixed times instead of counted ones; what depends on the source stays.
fn counted((start, stop): (RangeStart, RangeStop), now: Timestamp) -> (RangeStart, RangeStop) {
    let stop = match stop {
        RangeStop::Back(_) => RangeStop::At(stop.counted_from(now)),
        stop => stop,
    };
    (start.counted_from(now).map_or(RangeStart::Earliest, RangeStart::At), stop)
}

fn hold_range(
    (start, first): (RangeStart, ValueOrigin),
    (stop, last): (RangeStop, ValueOrigin),
    now: Timestamp,
) -> Result<(), ConfigError> {
    let stop_at = stop.counted_from(now);
    match start.counted_from(now) {
        Some(start_at) if start_at >= stop_at => Err(ConfigError::EmptyRange {
            start: format!("{first} ({start_at})"),
            stop: match (last, stop) {
                (ValueOrigin::Default(_), RangeStop::Now { settle_ns: 0 }) => "now".to_owned(),
                (ValueOrigin::Default(_), RangeStop::Now { settle_ns }) => {
                    let settle = number::duration(settle_ns.unsigned_abs() / 1_000_000);
                    format!("now less {settle} (--settle)")
                }
                (last, _) => format!("{last} ({stop_at})"),
            },
        }),
        _ => Ok(()),
    }
}

pub(super) fn read_filter(layers: &Layers) -> Result<Filter, ConfigError> {
    let predicate = layers.find(PREDICATE)?;
    let filter = Filter {
        measurements: layers.find(MEASUREMENT)?.unwrap_or_default(),
        tags: layers.find(TAG)?.unwrap_or_default(),
        fields: layers.find(FIELD)?.unwrap_or_default(),
        predicate,
    };
    match layers.task().and_then(|task| task.filter.as_ref()) {
        Some(text) if filter.is_empty() => {
            Err(ConfigError::TaskFilters { text: ShownValue::new(text) })
        }
        _ => Ok(filter),
    }
}
