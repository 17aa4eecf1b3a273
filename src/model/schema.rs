//! What a bucket has besides values: its measurements and fields, and their types.

use std::collections::{BTreeMap, BTreeSet};

use super::series::Name;

/// Measurement and field.
pub(crate) type FieldKey = (Name, Name);

/// Types of a bucket's fields as InfluxQL shows them: measurement, field, the names of its types.
pub(crate) type FieldTypes = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;
