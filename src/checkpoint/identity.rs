//! What makes a job the same job: compared before anything is resumed.

use std::fmt;

use super::record::{Keys, StoredFields};
use crate::model::filter::Filter;
use crate::model::point::{FieldValue, Point};
use crate::model::time::Timestamp;

/// The kind of the details point that holds the identity.
pub(crate) const KIND_IDENTITY: &str = "identity";

/// The field that tells what the destination held before the job.
const EXISTING: &str = "existing";
/// Its value for nothing, and for what another program has recorded.
const EXISTING_NONE: &str = "none";
/// See [`EXISTING_NONE`].
const EXISTING_ADOPTED: &str = "adopted";

/// The part that is the address of the source.
const SOURCE_HOST: &str = "source_host";
/// The part that is the id of the source bucket.
pub(crate) const SOURCE_BUCKET: &str = "source_bucket_id";
/// The part that is the id of the destination bucket.
pub(crate) const DESTINATION_BUCKET: &str = "destination_bucket_id";
/// The part that is the text of the filter.
pub(crate) const FILTER: &str = "filter";
/// The field that tells where the job begins: every point of it has it.
pub(crate) const START: &str = "start";
/// The field that tells how far runs of the job may have written. No part of what makes it the same job.
const REACH: &str = "stop";

/// What the destination held before the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Nothing in the job's range.
    Nothing,
    /// Perhaps something, which nobody knows.
    Something,
    /// What another program, such as the official task, has moved and recorded.
    Adopted,
}

/// The parts that may not change between runs of one job. Stop, interval and tuning may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Address of the source.
    pub source_host: String,
    /// Id of the source bucket: a bucket that was made again under its old name has another.
    pub source_bucket_id: String,
    /// Id of the destination bucket.
    pub destination_bucket_id: String,
    /// First instant of the job.
    pub start: Timestamp,
    /// What is moved, as [`filter_text`] writes it.
    pub filter: String,
}

/// One part that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which part.
    pub part: &'static str,
    /// As the job was begun.
    pub stored: String,
    /// As it is asked for now.
    pub given: String,
}

impl Difference {
    /// True if a bucket is another one: no settings bring that of the job back.
    pub fn is_of_bucket(&self) -> bool {
        matches!(self.part, SOURCE_BUCKET | DESTINATION_BUCKET)
    }
}

impl fmt::Display for Difference {
    /// In words that say what became of it, where that is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, stored, given } = self;
        match *part {
            SOURCE_BUCKET => write!(
                f,
                "the source bucket was {stored}, now it is {given}: it was deleted and made again, or is another one"
            ),
            DESTINATION_BUCKET if given.is_empty() => {
                write!(f, "its destination bucket {stored} is not there any more")
            }
            DESTINATION_BUCKET => write!(
                f,
                "the destination bucket was {stored}, now it is {given}: it was deleted and made again"
            ),
            START => match (stored.parse::<Timestamp>(), given.parse::<Timestamp>()) {
                (Ok(stored), Ok(given)) => write!(f, "start was {stored}, now it is {given}"),
                _ => write!(f, "start was {stored}, now it is {given}"),
            },
            part => write!(f, "{} was {stored}, now it is {given}", part.replace('_', " ")),
        }
    }
}

impl Identity {
    fn parts(&self) -> [(&'static str, String); 5] {
        [
            (SOURCE_HOST, self.source_host.clone()),
            (SOURCE_BUCKET, self.source_bucket_id.clone()),
            (DESTINATION_BUCKET, self.destination_bucket_id.clone()),
            (START, self.start.to_rfc3339_nano()),
            (FILTER, self.filter.clone()),
        ]
    }

    /// The point that holds it, what the destination held before, and the last stop of all runs: `start` for a job of which
    /// nothing was written.
    pub fn point(
        &self,
        keys: &Keys,
        time: Timestamp,
        existing: Existing,
        reach: Timestamp,
    ) -> Point {
        let existing = match existing {
            Existing::Nothing => EXISTING_NONE,
            Existing::Something => "merge",
            Existing::Adopted => EXISTING_ADOPTED,
        };
        let more = [(EXISTING, existing.to_owned()), (REACH, reach.to_rfc3339_nano())];
        let parts = self.parts().into_iter().chain(more);
        let fields = parts.map(|(name, text)| (name, FieldValue::String(text))).collect();
        Point { series: keys.details_series(KIND_IDENTITY), fields, time }
    }

    /// The parts by name, in the form that [`Identity::differences`] compares.
    pub fn stored(&self) -> StoredFields {
        self.parts().into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
    }

    /// The parts in which `stored` (the fields of the newest identity point) differs. A part that an older version
    /// did not store cannot differ.
    pub fn differences(&self, stored: &StoredFields) -> Vec<Difference> {
        self.parts()
            .into_iter()
            .filter_map(|(part, given)| {
                let stored = stored.get(part).filter(|stored| **stored != given)?;
                Some(Difference { part, stored: stored.clone(), given })
            })
            .collect()
    }

    /// What the destination held before the job.
    pub fn stored_existing(stored: &StoredFields) -> Existing {
        match stored.get(EXISTING).map(String::as_str) {
            Some(EXISTING_NONE) => Existing::Nothing,
            Some(EXISTING_ADOPTED) => Existing::Adopted,
            _ => Existing::Something,
        }
    }

    /// The start of a stored identity.
    pub fn stored_start(stored: &StoredFields) -> Option<Timestamp> {
        stored.get(START)?.parse().ok()
    }

    /// How far runs of the job may have written; older versions did not say.
    pub fn stored_reach(stored: &StoredFields) -> Option<Timestamp> {
        stored.get(REACH)?.parse().ok()
    }

    /// True for a job that was given up before a run of it wrote anything.
    pub fn is_given_up(stored: &StoredFields) -> bool {
        let start = Self::stored_start(stored);
        start.is_some() && Self::stored_reach(stored) == start
    }

    /// The address of the source of a stored identity.
    pub fn stored_host(stored: &StoredFields) -> Option<&str> {
        stored.get(SOURCE_HOST).map(String::as_str)
    }

    /// The id of the source bucket of a stored identity.
    pub fn stored_source(stored: &StoredFields) -> Option<&str> {
        stored.get(SOURCE_BUCKET).map(String::as_str)
    }

    /// The id of the destination bucket of a stored identity.
    pub fn stored_destination(stored: &StoredFields) -> Option<&str> {
        stored.get(DESTINATION_BUCKET).map(String::as_str)
    }
}

/// A text that is equal for equal filters, whatever the order in which they were given.
pub(crate) fn filter_text(filter: &Filter) -> String {
    let sorted = |values: &[String]| {
        let mut values: Vec<_> = values.iter().map(|value| format!("{value:?}")).collect();
        values.sort();
        values.dedup();
        values.join(",")
    };
    let tags: Vec<_> = filter.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut parts = Vec::new();
    for (kind, text) in [
        ("measurement", sorted(&filter.measurements)),
        ("tag", sorted(&tags)),
        ("field", sorted(&filter.fields)),
        ("predicate", filter.predicate.clone().unwrap_or_default()),
    ] {
        if !text.is_empty() {
            parts.push(format!("{kind}: {text}"));
        }
    }
    if parts.is_empty() { "none".to_owned() } else { parts.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            source_host: "https://cloud".into(),
            source_bucket_id: "01".into(),
            destination_bucket_id: "02".into(),
            start: "2022-01-01".parse().unwrap(),
            filter: "none".into(),
        }
    }

    fn stored(identity: &Identity) -> StoredFields {
        identity.parts().into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
    }

    #[test]
    fn names_every_part_that_differs() {
        let first = identity();
        assert!(first.differences(&stored(&first)).is_empty());
        let other = Identity {
            filter: "measurement: \"cpu\"".into(),
            start: "2021-01-01".parse().unwrap(),
            ..identity()
        };
        let parts: Vec<_> = other
            .differences(&stored(&first))
            .into_iter()
            .map(|difference| difference.part)
            .collect();
        assert_eq!(parts, ["start", "filter"]);
        assert_eq!(Identity::stored_start(&stored(&first)), Some(first.start));
    }

    #[test]
    fn equal_filters_have_equal_texts() {
        let filter = |measurements: &[&str]| Filter {
            measurements: measurements.iter().map(|m| (*m).to_owned()).collect(),
            ..Filter::default()
        };
        assert_eq!(filter_text(&filter(&["a", "b"])), filter_text(&filter(&["b", "a", "a"])));
        assert_ne!(filter_text(&filter(&["a", "b"])), filter_text(&filter(&["a\",\"b"])));
        assert_eq!(filter_text(&Filter::default()), "none");
    }
}
