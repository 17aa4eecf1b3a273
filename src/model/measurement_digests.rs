//! Digests of content by measurement, so that a difference is found without reading everything again.

use std::collections::BTreeMap;

use crate::model::content_digest::ContentDigest;
use crate::model::frame::Frame;
use crate::model::held_value::HeldValue;
use crate::model::series::{Name, Series};
use crate::model::time::Timestamp;

/// Digests of a set of values, one for each measurement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MeasurementDigests(BTreeMap<Name, ContentDigest>);

impl MeasurementDigests {
    /// Adds all values of a frame.
    pub(crate) fn add_frame(&mut self, frame: &Frame) {
        self.of(&frame.measurement).add_frame(frame);
    }

    /// Adds one value.
    pub(crate) fn add_value(
        &mut self,
        series: &Series,
        field: &[u8],
        time: Timestamp,
        value: &HeldValue,
    ) {
        self.of(&series.measurement).add_held(series, field, time, value);
    }

    /// Adds strings that are written over what came of them first, without their carriage returns.
    pub(crate) fn add_restored(&mut self, frame: &Frame) {
        self.of(&frame.measurement).add_restored(frame);
    }

    fn of(&mut self, measurement: &Name) -> &mut ContentDigest {
        if !self.0.contains_key(measurement) {
            self.0.insert(measurement.clone(), ContentDigest::default());
        }
        self.0.get_mut(measurement).expect("it was just put in")
    }

    /// Adds all values of another set.
    pub(crate) fn add(&mut self, other: Self) {
        for (measurement, digest) in other.0 {
            self.change(measurement, |sum| sum.add(digest));
        }
    }

    /// Takes the values of another set away that were added before, or will be.
    pub(crate) fn take_away(&mut self, other: Self) {
        for (measurement, digest) in other.0 {
            self.change(measurement, |sum| sum.take_away(digest));
        }
    }

    /// A measurement of which nothing is left is none.
    fn change(&mut self, measurement: Name, by: impl FnOnce(&mut ContentDigest)) {
        let mut sum = self.0.remove(&measurement).unwrap_or_default();
        by(&mut sum);
        if sum != ContentDigest::default() {
            self.0.insert(measurement, sum);
        }
    }

    /// The digest of all of them.
    pub fn whole(&self) -> ContentDigest {
        let mut whole = ContentDigest::default();
        self.0.values().for_each(|digest| whole.add(*digest));
        whole
    }

    /// Each measurement with its digest.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&Name, ContentDigest)> {
        self.0.iter().map(|(name, digest)| (name, *digest))
    }

    /// The measurements of two sets that differ.
    pub(crate) fn differing(&self, other: &Self) -> Vec<Name> {
        let mut names: Vec<_> = self.0.keys().chain(other.0.keys()).cloned().collect();
        names.sort();
        names.dedup();
        names.retain(|name| self.get(name) != other.get(name));
        names
    }

    fn get(&self, name: &Name) -> ContentDigest {
        self.0.get(name).copied().unwrap_or_default()
    }
}

impl FromIterator<(Name, ContentDigest)> for MeasurementDigests {
    fn from_iter<I: IntoIterator<Item = (Name, ContentDigest)>>(each: I) -> Self {
        Self(each.into_iter().collect())
    }
}
