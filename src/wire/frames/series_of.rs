//! How an answer names its series.

use std::fmt;
use std::sync::Arc;

use crate::model::catalogue::Catalogue;
use crate::model::series::{Name, Readable, Series};

/// How an answer names its series. Frames look the same either way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SeriesOf {
    /// By measurement and all tags.
    #[default]
    Whole,
    /// By the key tags of the catalogue alone, which holds the rest.
    Keyed {
        /// The only measurement of the answer.
        measurement: Name,
        /// Its series.
        catalogue: Arc<Catalogue>,
    },
}

/// Key tags that no series of the catalogue has: the series was added after the catalogue was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "measurement {} has a series that was not there when the series were listed: {}",
    Readable(measurement),
    Tags(tags)
)]
pub struct UnknownSeries {
    /// The measurement.
    pub measurement: Name,
    /// The key tags with their values, empty where the series does not have the tag.
    pub tags: Vec<(Name, Name)>,
}

/// A time that does not rise inside what the catalogue holds for one series: the key stands for several series by now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key of series {series} is no longer its own: its times do not rise at {time_ns} ns")]
pub struct KeyNotUnique {
    /// The series that the catalogue knows by this key.
    pub series: Arc<Series>,
    /// The time.
    pub time_ns: i64,
}

/// The series with these values of the catalogue's keys, in their order.
pub(in crate::wire) fn restore(
    measurement: &Name,
    catalogue: &Catalogue,
    values: &[impl AsRef<[u8]>],
) -> Result<Arc<Series>, UnknownSeries> {
    catalogue.get(values.iter().map(AsRef::as_ref)).map(Arc::clone).ok_or_else(|| {
        let keys = catalogue.keys().iter().cloned();
        UnknownSeries {
            measurement: measurement.clone(),
            tags: keys.zip(values.iter().map(|value| value.as_ref().into())).collect(),
        }
    })
}

struct Tags<'a>(&'a [(Name, Name)]);

impl fmt::Display for Tags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("without key tags");
        }
        for (at, (key, value)) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{}={}", Readable(key), Readable(value))?;
        }
        Ok(())
    }
}
