//! What of the bucket is moved.

/// The job's filter. Different kinds are joined by *and*; several measurements or fields, or several values of one
/// tag key, by *or*. The empty filter moves everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// `--measurement`, any of these.
    pub measurements: Vec<String>,
    /// `--tag key=value`.
    pub tags: Vec<(String, String)>,
    /// `--field`, any of these.
    pub fields: Vec<String>,
    /// `--predicate`: a Flux expression over `r`, used as it is.
    pub predicate: Option<String>,
}

impl Filter {
    /// True if nothing is left out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// True if `--measurement` lets a name pass.
    pub(crate) fn takes_measurement(&self, name: &str) -> bool {
        self.measurements.is_empty() || self.measurements.iter().any(|own| own == name)
    }

    /// True if `--field` lets a name pass.
    pub(crate) fn takes_field(&self, name: &str) -> bool {
        self.fields.is_empty() || self.fields.iter().any(|own| own == name)
    }
}
