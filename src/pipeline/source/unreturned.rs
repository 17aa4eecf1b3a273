//! Measurements that the source lists, and whose values it returns to no query.
//!
//! InfluxDB stores a series under its name as it was written and lists it with the escapes taken off; for a read it makes the
//! key anew from what it lists. Where a backslash stands directly before a character that needs an escape, that is another
//! key: the read finds nothing, or the values of another measurement, which then come, and are counted, under this name.
//! Seen on InfluxDB OSS 2.9.1. So what is listed under such a name is kept out of every query, and named.

use std::fmt;

use super::at_least::at_least;
use super::listed;
use super::schema::InfluxqlSchema;
use crate::influx::client::Client;
use crate::model::filter::Filter;
use crate::model::series::{Name, Readable};
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::wire::flux::{self, Selection, literal};

/// A measurement that is listed, and of which nothing is returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreturned {
    /// Its name as it is listed.
    pub measurement: Name,
    /// Its series by the source's index, each of which holds some value; 0 where that does not tell.
    pub series: u64,
}

impl Unreturned {
    /// The condition that keeps it out of a query.
    pub fn without(&self) -> String {
        literal::not_measurement(&self.measurement)
    }
}

impl fmt::Display for Unreturned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "measurement \"{}\"", Readable(&self.measurement))?;
        match self.series {
            0 => Ok(()),
            1 => f.write_str(", 1 series"),
            series => write!(f, ", {series} series"),
        }
    }
}

/// Values that no bounded query returns; `first_group.rs` finds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfReach {
    /// They lie before this time.
    pub before: Timestamp,
    /// How many; `None` where the source ran out of time over them.
    pub values: Option<u64>,
}

impl OutOfReach {
    /// What returns them, as Flux.
    pub fn query(&self, bucket: &str) -> String {
        let (all, before) = (TimeRange::ALL, self.before);
        let bucket = flux::literal::quote(bucket.as_bytes());
        let (start, stop) = (all.start, all.stop);
        format!(
            "from(bucket: {bucket}) |> range(start: {start}, stop: {stop}) |> filter(fn: (r) => r._time < {before})"
        )
    }
}

impl fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.values {
            None => f.write_str("values")?,
            Some(1) => f.write_str("1 value")?,
            Some(values) => write!(f, "{values} values")?,
        }
        write!(f, " before {} in the first shard group of all time", self.before)
    }
}

/// Finds those that the filter does not leave out, and takes them out of the schema.
pub(crate) async fn take(
    source: &Client,
    bucket: &str,
    filter: &Filter,
    schema: Option<&mut InfluxqlSchema>,
) -> Result<Vec<Unreturned>, Error> {
    let listed: Vec<Name> = match &schema {
        Some(schema) => schema.types.keys().map(|name| name.as_bytes().into()).collect(),
        None => listed::measurements(source, bucket).await?,
    };
    let mut names: Vec<Name> = Vec::new();
    for name in listed {
        if is_misnamed(&name) || (is_suspect(&name) && is_hollow(source, bucket, &name).await?) {
            names.push(name);
        }
    }
    if let Some(schema) = schema {
        let known = |name: &String| names.iter().any(|found| **found == *name.as_bytes());
        schema.types.retain(|name, _| !known(name));
        if let Some(keys) = &mut schema.tag_keys {
            keys.retain(|name, _| !known(name));
        }
    }
    let mut found = Vec::new();
    for measurement in names {
        let series = listed::cardinality(source, bucket, &measurement).await?.unwrap_or(0);
        found.push(Unreturned { measurement, series });
    }
    let wanted = |name: &[u8]| filter.measurements.iter().any(|m| m.as_bytes() == name);
    found.retain(|found| filter.measurements.is_empty() || wanted(&found.measurement));
    Ok(found)
}

/// True if a read by this name asks for another key than that under which its values are stored.
pub(super) fn is_misnamed(listed: &[u8]) -> bool {
    listed.windows(2).any(|pair| pair[0] == b'\\' && b" ,=\"".contains(&pair[1]))
}

/// True if it may have been written with an escape that it does not need, and that the list does not show.
fn is_suspect(listed: &[u8]) -> bool {
    listed.iter().any(|byte| b"=\"".contains(byte))
}

/// True if no value comes back under this name.
async fn is_hollow(source: &Client, bucket: &str, name: &Name) -> Result<bool, Error> {
    let what = format!("values of measurement \"{}\"", Readable(name));
    let filter = Filter::default();
    let measurements = std::slice::from_ref(name);
    let selection =
        Selection { bucket, range: TimeRange::ALL, filter: &filter, measurements, without: &[] };
    Ok(at_least(source, selection, &what).await? == Some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_before_what_needs_an_escape_makes_another_key() {
        for name in ["disk\\ c", "com\\,ma", "a\\\\ z", "eq\\=x", "qu\\\"o", "\\ ", "x\\ y\\"] {
            assert!(is_misnamed(name.as_bytes()), "{name}");
        }
        for name in ["a\\z", "plain\\\\x", "a b", "a=b", "\\", "x\\\ty", "\\ü", "\\'"] {
            assert!(!is_misnamed(name.as_bytes()), "{name}");
        }
    }
}
