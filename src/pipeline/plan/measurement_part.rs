//! A part of one measurement: some of its fields, of some of its series. Pure.

use std::sync::Arc;

use super::choice::Choice;
use super::series_group::{SeriesGroup, groups};
use crate::model::frame::FieldType;
use crate::model::series::Name;
use crate::wire::flux::{joined, literal};

/// A part of one measurement. Requests that read a measurement together have parts without a common value, which leave none
/// out; whatever form one of them is asked for in, it keeps its part.
#[derive(Debug, Clone)]
pub(crate) struct MeasurementPart {
    /// The measurement, and what is known of it.
    pub choice: Arc<Choice>,
    /// Which series, if not all.
    pub among: Option<SeriesGroup>,
    /// Which fields.
    pub fields: FieldKinds,
}

/// Which fields of a measurement, by their types as they were known when it was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldKinds {
    /// All.
    All,
    /// Those that hold strings.
    Strings,
    /// All but those, new ones too.
    WithoutStrings,
}

impl MeasurementPart {
    /// All series.
    pub(crate) fn of(choice: &Arc<Choice>, fields: FieldKinds) -> Self {
        Self { choice: Arc::clone(choice), among: None, fields }
    }

    /// True if nothing of the measurement is left out.
    pub(crate) fn is_whole(&self) -> bool {
        let has_strings = || self.choice.types.values().any(|kind| *kind == FieldType::String);
        self.among.is_none()
            && match self.fields {
                FieldKinds::All => true,
                FieldKinds::Strings => false,
                FieldKinds::WithoutStrings => !has_strings(),
            }
    }

    /// True for a field that it reads.
    pub(crate) fn reads(&self, field: &Name) -> bool {
        let holds_strings = || self.choice.types.get(field) == Some(&FieldType::String);
        match self.fields {
            FieldKinds::All => true,
            FieldKinds::Strings => holds_strings(),
            FieldKinds::WithoutStrings => !holds_strings(),
        }
    }

    /// The same of some of its series only.
    #[must_use]
    pub(crate) fn only_among(self, among: &SeriesGroup) -> Self {
        Self { among: Some(among.clone()), ..self }
    }

    /// Parts by series, at most about so many; one if it cannot be divided.
    pub(crate) fn divided(&self, parts: usize) -> Vec<Self> {
        let groups = groups(&self.choice, self.among.as_ref(), parts);
        groups.into_iter().map(|among| Self { among, ..self.clone() }).collect()
    }

    /// Flux expressions that are true together for what it reads of its measurement.
    pub(crate) fn conditions(&self) -> Vec<String> {
        let fields = match self.fields {
            FieldKinds::All => None,
            FieldKinds::Strings => self.fields_of_strings(literal::is_field, " or "),
            FieldKinds::WithoutStrings => self.fields_of_strings(literal::is_other_field, " and "),
        };
        fields.into_iter().chain(self.among.as_ref().map(SeriesGroup::condition)).collect()
    }

    /// A test of each field that holds strings, joined; none if there is no such field.
    fn fields_of_strings(&self, test: impl Fn(&[u8]) -> String, join: &str) -> Option<String> {
        let fields = self.choice.types.iter().filter(|(_, kind)| **kind == FieldType::String);
        let tests: Vec<_> = fields.map(|(name, _)| test(name)).collect();
        (!tests.is_empty()).then(|| format!("({})", joined(&tests, join)))
    }
}
