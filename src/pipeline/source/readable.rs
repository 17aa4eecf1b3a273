//! What InfluxQL can read of a schema, and of the rest why not. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::filter::Filter;
use crate::model::frame::FieldType;
use crate::model::schema::FieldTypes;
use crate::model::series::Name;
use crate::wire::influxql::query;

/// Measurements whose names InfluxQL keeps for itself: it refuses to read them.
const SYSTEM_MEASUREMENTS: [&str; 7] =
    ["_series", "_tags", "_tagKeys", "_tagKey", "_measurements", "_fieldKeys", "_name"];

/// Fields whose names InfluxQL keeps for itself: it gives metadata in place of their values.
const SYSTEM_FIELDS: [&str; 5] = ["_name", "_tagKey", "_tagValue", "_seriesKey", "_fieldKey"];

/// The fields of a measurement that InfluxQL reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InfluxqlFields {
    /// Their types: one for each.
    pub types: Arc<BTreeMap<Name, FieldType>>,
    /// Their names, where they are not all that the measurement has.
    pub listed: Vec<String>,
}

/// What InfluxQL can read, and of the rest why not.
pub(super) fn readable(
    types: &FieldTypes,
    filter: &Filter,
) -> (BTreeMap<Name, InfluxqlFields>, BTreeMap<Name, String>) {
    let (mut can, mut cannot) = (BTreeMap::new(), BTreeMap::new());
    for (measurement, fields) in types {
        if !filter.takes_measurement(measurement) {
            continue;
        }
        let name = Name::from(measurement.as_bytes());
        match fields_of(measurement, fields, filter) {
            Ok(fields) => drop(can.insert(name, fields)),
            Err(why) => drop(cannot.insert(name, why.to_owned())),
        }
    }
    (can, cannot)
}

/// True if statements reach a field by its name, and the tags of the filter by theirs.
pub(crate) fn can_be_asked_for(measurement: &str, field: &str, filter: &Filter) -> bool {
    why_not_measurement(measurement, filter).is_none() && why_not_field(field).is_none()
}

/// Why no statement reaches a measurement, or the tags of the filter.
fn why_not_measurement(measurement: &str, filter: &Filter) -> Option<&'static str> {
    let is_of_influxql = |key: &str| key.eq_ignore_ascii_case("time") || key == "_name";
    // JSON shows bytes that are not UTF-8 in this way, and no statement can name them.
    if measurement.contains(char::REPLACEMENT_CHARACTER) {
        Some("its name may not be UTF-8")
    } else if SYSTEM_MEASUREMENTS.contains(&measurement) {
        Some("InfluxQL takes it for one of its own")
    } else if filter.tags.iter().any(|(key, _)| is_of_influxql(key)) {
        Some("InfluxQL takes a tag of --tag for a column of its own")
    } else {
        None
    }
}

/// Why no statement reaches a field.
fn why_not_field(field: &str) -> Option<&'static str> {
    if field.contains(char::REPLACEMENT_CHARACTER) {
        Some("the name of a field may not be UTF-8")
    } else if SYSTEM_FIELDS.contains(&field) {
        Some("InfluxQL takes a field for one of its own")
    } else {
        None
    }
}

/// The fields of a measurement that have one type, or why InfluxQL cannot read it.
fn fields_of(
    measurement: &str,
    fields: &BTreeMap<String, BTreeSet<String>>,
    filter: &Filter,
) -> Result<InfluxqlFields, &'static str> {
    if let Some(why) = why_not_measurement(measurement, filter) {
        return Err(why);
    }
    let mut types = BTreeMap::new();
    let mut listed = Vec::new();
    let mut all = true;
    for (field, names) in fields {
        if let Some(why) = why_not_field(field) {
            return Err(why);
        }
        let wanted = filter.takes_field(field);
        let one = match names.iter().next() {
            Some(name) if names.len() == 1 => {
                Some(FieldType::named(name).ok_or("a field of unknown type")?)
            }
            _ => None,
        };
        match one.filter(|_| wanted) {
            Some(kind) => {
                types.insert(Name::from(field.as_bytes()), kind);
                listed.push(field.clone());
            }
            None => all = false,
        }
    }
    if types.is_empty() {
        return Err("all its fields have several types");
    }
    if all {
        listed.clear();
    } else if listed.iter().any(|field| query::nameable(field.as_bytes()).is_none()) {
        return Err("no statement can name one of its fields");
    }
    Ok(InfluxqlFields { types: Arc::new(types), listed })
}
