//! Measurement and tag set: what InfluxDB calls a series.

use std::fmt;

use super::printable::printable;

/// A name or tag value as stored: bytes, nearly always UTF-8.
pub type Name = Box<[u8]>;

/// True for a name that an answer spells as it is: what is not UTF-8 arrives as replacement characters.
pub(crate) fn is_spelt(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| !name.contains(char::REPLACEMENT_CHARACTER))
}

/// A measurement with its tag set. Tags are sorted by key and never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Series {
    /// The measurement's name.
    pub measurement: Name,
    /// Key and value, sorted by key. A tag with an empty value does not exist in InfluxDB and is left out.
    pub tags: Vec<(Name, Name)>,
}

impl Series {
    /// A series of these tags, in any order; empty values are dropped.
    pub fn new(measurement: impl Into<Name>, tags: impl IntoIterator<Item = (Name, Name)>) -> Self {
        let mut tags: Vec<_> = tags.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        tags.sort();
        Self { measurement: measurement.into(), tags }
    }

    /// Bytes that it takes.
    pub fn memory_bytes(&self) -> usize {
        let texts: usize = self.tags.iter().map(|(key, value)| key.len() + value.len()).sum();
        size_of::<Self>()
            + self.measurement.len()
            + self.tags.len() * size_of::<(Name, Name)>()
            + texts
    }
}

/// `measurement,key=value`, for people: not escaped, bytes that are not UTF-8 replaced, control characters escaped.
impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Readable(&self.measurement))?;
        for (key, value) in &self.tags {
            write!(f, ",{}={}", Readable(key), Readable(value))?;
        }
        Ok(())
    }
}

/// A name for an Arrow schema: as it is, or percent-encoded where it is not UTF-8.
pub(crate) fn schema_label(name: &[u8]) -> String {
    use fmt::Write as _;
    if let Ok(text) = std::str::from_utf8(name) {
        return text.to_owned();
    }
    let mut label = String::new();
    for chunk in name.utf8_chunks() {
        label.push_str(&chunk.valid().replace('%', "%25"));
        for byte in chunk.invalid() {
            let _ = write!(label, "%{byte:02X}");
        }
    }
    label
}

/// Shows bytes to a person: as text where they are UTF-8, with control characters escaped.
#[derive(Debug, Clone, Copy)]
pub struct Readable<'a>(pub &'a [u8]);

impl Readable<'_> {
    /// Each of some names.
    pub(crate) fn all<'a>(names: impl IntoIterator<Item = &'a Name>) -> Vec<String> {
        names.into_iter().map(|name| Readable(name).to_string()).collect()
    }
}

impl fmt::Display for Readable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&String::from_utf8_lossy(self.0)))
    }
}
