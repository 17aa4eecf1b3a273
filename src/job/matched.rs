//! Whether the filter of a job matches anything at the source; if not, which part of it does not, and what is there instead.

use crate::config::job::JobConfig;
use crate::config::range::RangeStart;
use crate::influx::client::Client;
use crate::job::error::Error;
use crate::limits::{NAMES_LISTED_MAX, NAMES_SHOWN_MAX};
use crate::model::filter::Filter;
use crate::model::nearest::nearest;
use crate::model::series::Readable;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::source::earliest::{earliest, latest};
use crate::pipeline::source::listed;
use crate::pipeline::source::route::Routes;
use crate::wire::flux::{Selection, askable};

/// What of a job's values is at the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Something, as far as it was looked for.
    Something,
    /// Nothing in the range; what there is lies elsewhere.
    NotInRange {
        /// The oldest value.
        oldest: Timestamp,
        /// The newest one, as far as it is told.
        newest: Option<Timestamp>,
    },
    /// Nothing at all.
    Nothing,
}

/// A part of a filter that names what is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    /// The flag, with its value as it is typed.
    pub typed: String,
    /// What is there instead.
    pub there: Vec<String>,
    /// The one of them that was probably meant, as it is typed.
    pub meant: Option<String>,
}

impl Unmatched {
    /// `typed` puts a name into the flag as it is typed.
    fn new(given: &str, there: &[Vec<u8>], typed: impl Fn(&str) -> String) -> Self {
        let text = |name: &Vec<u8>| String::from_utf8_lossy(name).into_owned();
        let there: Vec<String> = there.iter().map(text).collect();
        let meant = nearest(given, there.iter().map(String::as_str)).map(&typed);
        Self { typed: typed(given), there, meant }
    }

    /// What is there, in words.
    pub fn told(&self) -> String {
        named(&self.there)
    }
}

/// Names in words: the first of them, and how many more there are.
pub(crate) fn named(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(NAMES_SHOWN_MAX)
        .map(|name| Readable(name.as_bytes()).to_string())
        .collect();
    match (shown.is_empty(), names.len() - shown.len()) {
        (true, _) => "none".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What of the job's values is there.
pub(crate) async fn holds(
    config: &JobConfig,
    source: &Client,
    routes: &Routes,
    (oldest, range): (Option<Timestamp>, TimeRange),
) -> Result<Holds, Error> {
    let selection = |range| Selection {
        bucket: &config.ends.source_bucket,
        range,
        filter: &config.scope.filter,
        measurements: &[],
        without: &routes.plain,
    };
    let oldest = match (config.scope.start, oldest) {
        (RangeStart::Earliest, Some(oldest)) if oldest < range.stop => {
            return Ok(Holds::Something);
        }
        (RangeStart::Earliest, oldest) => oldest,
        // What plain Flux does not read is not looked for.
        _ if routes.not_plain.is_some() || range.is_empty() => return Ok(Holds::Something),
        _ if earliest(source, selection(range)).await?.is_some() => return Ok(Holds::Something),
        _ => earliest(source, selection(TimeRange::ALL)).await?,
    };
    let Some(oldest) = oldest else { return Ok(Holds::Nothing) };
    let newest = latest(source, selection(TimeRange::ALL)).await?;
    Ok(Holds::NotInRange { oldest, newest })
}

/// The parts of a filter that name what is not there. What the source has too much of to list is believed.
pub(crate) async fn unmatched(
    filter: &Filter,
    source: &Client,
    bucket: &str,
) -> Result<Vec<Unmatched>, Error> {
    let mut found = Vec::new();
    let is_in = |there: &[Vec<u8>], name: &String| there.iter().any(|one| *one == name.as_bytes());
    if !filter.measurements.is_empty() {
        let there = listed::measurements(source, bucket).await?;
        let there: Vec<_> = there.iter().map(|name| name.to_vec()).collect();
        let missing = filter.measurements.iter().filter(|name| !is_in(&there, name));
        found
            .extend(missing.map(|name| {
                Unmatched::new(name, &there, |name| format!("--measurement {name:?}"))
            }));
    }
    if !filter.fields.is_empty() {
        let there = listed::field_keys(source, bucket).await?;
        let missing = filter.fields.iter().filter(|name| !is_in(&there, name));
        found.extend(
            missing.map(|name| Unmatched::new(name, &there, |name| format!("--field {name:?}"))),
        );
    }
    if !filter.tags.is_empty() {
        let mut keys = listed::tag_keys(source, bucket, TimeRange::ALL).await?;
        keys.retain(|key| askable::is_askable(key));
        for (key, value) in &filter.tags {
            let typed = |key: &str, value: &str| format!("--tag {:?}", format!("{key}={value}"));
            if !is_in(&keys, key) {
                found.push(Unmatched::new(key, &keys, |key| typed(key, value)));
            } else if listed::tag_values(source, bucket, key, Some(value), 1).await?.is_empty() {
                let max = NAMES_LISTED_MAX;
                let there = listed::tag_values(source, bucket, key, None, max).await?;
                found.push(Unmatched::new(value, &there, |value| typed(key, value)));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_where_they_are_many() {
        let names: Vec<String> = (0..NAMES_SHOWN_MAX + 3).map(|n| format!("m{n}")).collect();
        assert!(named(&names).ends_with(&format!(", m{} and 3 more", NAMES_SHOWN_MAX - 1)));
        assert_eq!((named(&names[..2]), named(&[])), ("m0, m1".to_owned(), "none".to_owned()));
    }

    #[test]
    fn what_was_probably_meant_is_typed_whole() {
        let there = || vec![b"a".to_vec(), b"host 1".to_vec()];
        let typed = |value: &str| format!("--tag {:?}", format!("host={value}"));
        let meant = |given| Unmatched::new(given, &there(), typed).meant;
        assert_eq!(meant("host1").as_deref(), Some("--tag \"host=host 1\""));
        assert_eq!(meant("something else"), None);
    }
}
