//! What is foretold of a run: how each measurement is read, what all of it takes.

use std::fmt;

use super::spread::Spread;
use crate::model::number;

/// How often the official task downloads each batch.
pub(crate) const DOWNLOADS_OF_THE_TASK: u64 = 3;

/// A measurement, or the sum of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanMeasurement {
    /// Its name; of a sum how many.
    pub name: String,
    /// Its values in the range.
    pub values: u64,
    /// Its series in the bucket.
    pub series: Option<u64>,
    /// How it is read.
    pub transport: String,
    /// Why, in words.
    pub reason: String,
    /// Thousandths of a byte for each value.
    pub milli_bytes_per_value: Spread,
    /// How many samples that is from; none is a first guess.
    pub samples: u64,
    /// Bytes of all its values.
    pub bytes: Spread,
    /// Thousandths of a byte for each value in the other transports, or why not.
    pub others: Vec<(String, Result<u64, String>)>,
}

/// A field with more than one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Its measurement.
    pub measurement: String,
    /// Its name.
    pub field: String,
    /// Its types at the source.
    pub source: Vec<String>,
    /// Its types at the destination; empty if it is not there.
    pub destination: Vec<String>,
}

/// `batchInterval = (read-rate-limit-mb / response-body-size-mb) * range-duration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guide {
    /// The read limit of one window.
    pub limit_bytes: u64,
    /// Foretold size of the answer for the range.
    pub body_bytes: u64,
    /// The range: the last day with values.
    pub range_ns: i64,
    /// What the formula gives.
    pub interval_ns: i64,
}

/// What a run will take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// Batches, empty ones included.
    pub batches: u64,
    /// Batches that may hold something.
    pub batches_held: u64,
    /// Requests to the source.
    pub requests: Spread,
    /// Bytes read for values.
    pub bytes: Spread,
    /// Bytes read for counts.
    pub count_bytes: Spread,
    /// The quota of one window; none without.
    pub quota_bytes: Option<u64>,
    /// Bytes per second that the pacing grants now.
    pub bytes_per_s: Option<u64>,
    /// Time to read all of it at that rate.
    pub time_ms: Option<Spread>,
    /// Disk for all of it as a spool, not yet compacted; none without a sample.
    pub spool_bytes: Option<Spread>,
    /// Time of the official task for the same at the whole quota.
    pub task_ms: Option<u64>,
}

impl Guide {
    /// What is left of it where each batch is downloaded three times.
    pub fn third_ns(self) -> i64 {
        self.interval_ns / i64::try_from(DOWNLOADS_OF_THE_TASK).unwrap_or(i64::MAX)
    }
}

/// How much a run would move, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// Values that were counted.
    pub values: u64,
    /// False if some were too dear to count.
    pub is_whole: bool,
    /// Bytes read for them.
    pub bytes: Spread,
    /// Time within the quota; none where no quota binds, since nothing is known of the engines then.
    pub time_ms: Option<Spread>,
}

impl Outlook {
    /// How many values, and in brackets what they take: `1.73 M values (3.5 MB, 1h50 - 2h30)`.
    pub(crate) fn much(&self) -> String {
        format!("{} ({})", self.values(), self.takes())
    }

    fn values(&self) -> String {
        let least = if self.is_whole { "" } else { "at least " };
        format!("{least}{}", number::counted(self.values, "value", "values"))
    }

    fn takes(&self) -> String {
        let bytes = number::bytes(self.bytes.likely);
        match self.time_ms {
            Some(Spread { low, high, .. }) => {
                format!("{bytes}, {}", number::duration_range(low, high))
            }
            None => bytes,
        }
    }
}

impl fmt::Display for Outlook {
    /// `1.73 M values, 3.5 MB, 1h50 - 2h30`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.values(), self.takes())
    }
}
