//! Names and values that lost a carriage return on their way.

use std::fmt;

use crate::limits::CSV_SUSPECTS_MAX;
use crate::model::series::{Name, Readable};

/// What lost a carriage return.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SuspectPlace {
    /// The measurement's name.
    Measurement,
    /// The name of a tag.
    TagKey(Name),
    /// A value of this tag.
    TagValue(Name),
    /// The name of a field, as it came.
    FieldName(Name),
    /// Values of this string field.
    FieldValue(Name),
}

impl fmt::Display for SuspectPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measurement => write!(f, "a name"),
            Self::TagKey(key) => write!(f, "a tag {}", Readable(key)),
            Self::TagValue(key) => write!(f, "a value of the tag {}", Readable(key)),
            Self::FieldName(name) => write!(f, "a field {}", Readable(name)),
            Self::FieldValue(name) => write!(f, "a value of the field {}", Readable(name)),
        }
    }
}

/// A place where the answer is not exact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Suspect {
    /// The measurement, as it came.
    pub measurement: Name,
    /// What of it.
    pub place: SuspectPlace,
    /// How many values. Those under a name that lost something are in no frame.
    pub count: u64,
}

/// The suspects of one answer, a bounded number of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Suspects {
    /// The first ones, each place once.
    pub listed: Vec<Suspect>,
    /// Values at places that found no room in the list.
    pub unlisted: u64,
    /// Of which under names that lost something.
    pub unlisted_under_names: u64,
}

impl Suspects {
    /// True if nothing was lost, as far as the answer can tell.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.unlisted == 0
    }

    pub(in crate::wire) fn add(&mut self, measurement: &[u8], place: SuspectPlace, values: u64) {
        if values == 0 {
            return;
        }
        // The latest is the likeliest: values of one field come in a row.
        let known = self
            .listed
            .iter_mut()
            .rev()
            .find(|suspect| suspect.place == place && *suspect.measurement == *measurement);
        if let Some(suspect) = known {
            suspect.count += values;
        } else if self.listed.len() < CSV_SUSPECTS_MAX {
            self.listed.push(Suspect { measurement: measurement.into(), place, count: values });
        } else {
            self.unlisted += values;
            if !matches!(place, SuspectPlace::FieldValue(_)) {
                self.unlisted_under_names += values;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_bounded_and_the_rest_counted() {
        let mut suspects = Suspects::default();
        assert!(suspects.is_empty());
        for round in 0..2 {
            for at in 0..CSV_SUSPECTS_MAX + 3 {
                suspects.add(format!("m{at}").as_bytes(), SuspectPlace::Measurement, 1);
            }
            assert!(suspects.listed.iter().all(|suspect| suspect.count == round + 1));
        }
        assert_eq!((suspects.listed.len(), suspects.unlisted), (CSV_SUSPECTS_MAX, 6));
    }
}
