//! Values by measurement: what the source counts of a batch, and what has arrived of it. Two sums may agree where one
//! measurement misses what another one has twice. Pure.

use std::collections::BTreeMap;

use crate::model::frame::Frame;
use crate::model::series::{Name, is_spelt};
use crate::pipeline::source::layer::Window;

/// Values by measurement, as far as the source tells them apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MeasurementCounts {
    named: BTreeMap<Name, u64>,
    /// Values of fields of several types, which are not counted by measurement.
    undivided: u64,
    /// Some stand under names that no answer spells as they are.
    is_blurred: bool,
}

/// A measurement of which another number of values has arrived than was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MeasurementDifference {
    /// Its name.
    pub measurement: Name,
    /// Values that the source counts.
    pub counted: u64,
    /// Values that have arrived.
    pub read: u64,
}

impl MeasurementCounts {
    /// What the source counts.
    pub(crate) fn counted(windows: &[Window]) -> Self {
        let mut counts = Self::default();
        for (name, &values) in windows.iter().flat_map(|window| &window.counts) {
            counts.add_named(name, values);
        }
        counts
    }

    /// What an answer has brought; `values` of it in all, some of which may be in no frame.
    pub(crate) fn arrived(frames: &[Frame], values: u64) -> Self {
        let mut counts = Self::default();
        for frame in frames {
            counts.add_named(&frame.measurement, frame.values);
        }
        counts.is_blurred |= counts.named.values().sum::<u64>() != values;
        counts
    }

    /// As they were named before.
    pub(crate) fn of(named: BTreeMap<Name, u64>) -> Self {
        Self { named, ..Self::default() }
    }

    /// The same where the source does not count by measurement.
    #[must_use]
    pub(crate) fn undivided(self) -> Self {
        let undivided = self.undivided + self.named.values().sum::<u64>();
        Self { named: BTreeMap::new(), undivided, is_blurred: false }
    }

    /// The first measurement in which the other, which has arrived, differs; none where names are not to be trusted.
    pub(crate) fn difference(&self, read: &Self) -> Option<MeasurementDifference> {
        if self.is_blurred || read.is_blurred {
            return None;
        }
        let of = |counts: &Self, name: &Name| counts.named.get(name).copied().unwrap_or(0);
        self.named.keys().chain(read.named.keys()).find_map(|name| {
            let (counted, read) = (of(self, name), of(read, name));
            (counted != read).then(|| MeasurementDifference {
                measurement: name.clone(),
                counted,
                read,
            })
        })
    }

    /// Values of each measurement; those that are not counted by measurement are left out.
    pub(crate) fn named(&self) -> &BTreeMap<Name, u64> {
        &self.named
    }

    /// Adds others.
    pub(crate) fn add(&mut self, other: Self) {
        for (name, values) in other.named {
            *self.named.entry(name).or_default() += values;
        }
        self.undivided += other.undivided;
        self.is_blurred |= other.is_blurred;
    }

    fn add_named(&mut self, name: &Name, values: u64) {
        if name.is_empty() {
            self.undivided += values;
            return;
        }
        // Flux drops carriage returns, from names in counts too.
        self.is_blurred |= !is_spelt(name) || name.contains(&b'\r');
        *self.named.entry(name.clone()).or_default() += values;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(named: &[(&str, u64)]) -> MeasurementCounts {
        let mut counts = MeasurementCounts::default();
        for (name, values) in named {
            counts.add_named(&name.as_bytes().into(), *values);
        }
        counts
    }

    #[test]
    fn what_one_measurement_lacks_another_does_not_make_up_for() {
        let counted = counts(&[("a", 3), ("b", 2), ("", 9)]);
        assert_eq!(counted.difference(&counts(&[("b", 2), ("a", 3)])), None);
        for (read, name, expected, found) in [
            (counts(&[("a", 2), ("b", 3)]), "a", 3, 2),
            (counts(&[("a", 5)]), "a", 3, 5),
            (counts(&[("a", 3)]), "b", 2, 0),
            (counts(&[("a", 3), ("b", 2), ("c", 1)]), "c", 0, 1),
        ] {
            let difference = MeasurementDifference {
                measurement: name.as_bytes().into(),
                counted: expected,
                read: found,
            };
            assert_eq!(counted.difference(&read), Some(difference));
        }
    }

    #[test]
    fn names_that_no_answer_spells_tell_nothing() {
        let counted = counts(&[("a", 3), ("b", 2)]);
        for name in ["a\rb", "\u{FFFD}"] {
            assert_eq!(counted.difference(&counts(&[(name, 5)])), None);
            assert_eq!(counts(&[(name, 5)]).difference(&counted), None);
        }
        let mut others = counts(&[("a", 1)]);
        others.add(MeasurementCounts::arrived(&[], 1));
        assert_eq!(counted.difference(&others), None, "one value was in no frame");
    }

    #[test]
    fn what_is_not_counted_by_measurement_is_not_compared_by_it() {
        let mut read = counts(&[("a", 3)]);
        read.add(counts(&[("b", 7)]).undivided());
        assert_eq!(counts(&[("a", 3), ("", 7)]).difference(&read), None);
    }
}
