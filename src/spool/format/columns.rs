//! The columns of a file: which tags and fields stand where, and how the schema tells them apart.
//!
//! A label is for people and other readers: the name as it is, or percent-encoded where it is not UTF-8, and lengthened
//! where a tag, a field and the time would share it. The metadata of each column holds its role, and its name wherever
//! the label is another text. Reading goes by the metadata alone.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::name::{self, Month};
use super::times;
use crate::model::frame::FieldType;
use crate::model::series::{Name, Series, schema_label};
use crate::model::time_type::TimeType;

/// Of InfluxDB 3: the measurement of a file, as text.
const MEASUREMENT_KEY: &str = "iox::measurement::name";
/// Of InfluxDB 3: the role and type of a column.
const ROLE_KEY: &str = "iox::column::type";
const TIME_ROLE: &str = "iox::column_type::timestamp";
const TAG_ROLE: &str = "iox::column_type::tag";
/// The name of a column, percent-encoded, where its label is another text.
const NAME_KEY: &str = "sluice.name";
/// The measurement's name, percent-encoded.
const RAW_MEASUREMENT_KEY: &str = "sluice.measurement";
/// The time column, and the label that no other column gets.
pub(crate) const TIME: &str = "time";
/// Where it stands.
pub(crate) const TIME_AT: usize = 0;

/// The size of a row before it is encoded, for readers that choose how many rows they take at one time.
pub(crate) const BYTES_KEY: &str = "sluice.bytes";

fn role_of(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Float => "iox::column_type::field::float",
        FieldType::Integer => "iox::column_type::field::integer",
        FieldType::Unsigned => "iox::column_type::field::uinteger",
        FieldType::String => "iox::column_type::field::string",
        FieldType::Boolean => "iox::column_type::field::boolean",
    }
}

/// What the values of a field are stored as.
pub(crate) fn data_type(kind: FieldType, binary: bool) -> DataType {
    match kind {
        FieldType::Float => DataType::Float64,
        FieldType::Integer => DataType::Int64,
        FieldType::Unsigned => DataType::UInt64,
        FieldType::Boolean => DataType::Boolean,
        FieldType::String if binary => DataType::Binary,
        FieldType::String => DataType::Utf8,
    }
}

/// Which tags and fields some rows hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    /// Tags, and whether one of the values is not UTF-8.
    pub(crate) tags: BTreeMap<Name, bool>,
    /// Fields with a type, their values, and whether one of them is not UTF-8.
    pub(crate) fields: BTreeMap<(Name, FieldType), (u64, bool)>,
}

impl Shape {
    pub(crate) fn add_series(&mut self, series: &Series) {
        for (key, value) in &series.tags {
            let binary = std::str::from_utf8(value).is_err();
            match self.tags.get_mut(key) {
                Some(known) => *known |= binary,
                None => {
                    self.tags.insert(key.clone(), binary);
                }
            }
        }
    }

    pub(crate) fn add_field(&mut self, name: &Name, kind: FieldType, values: u64, binary: bool) {
        if values > 0 {
            let field = self.fields.entry((name.clone(), kind)).or_default();
            field.0 += values;
            field.1 |= binary;
        }
    }

    /// Adds all that the other has.
    pub(crate) fn add(&mut self, other: &Self) {
        for (name, binary) in &other.tags {
            *self.tags.entry(name.clone()).or_default() |= binary;
        }
        for ((name, kind), (values, binary)) in &other.fields {
            self.add_field(name, *kind, *values, *binary);
        }
    }

    /// What all months hold together.
    pub(crate) fn of_all(shapes: &BTreeMap<Month, Self>) -> Self {
        let mut all = Self::default();
        for shape in shapes.values() {
            all.add(shape);
        }
        all
    }

    /// The columns with these fields, and times in nanoseconds.
    pub(crate) fn columns(
        &self,
        measurement: &Name,
        keep: impl Fn(&Name, FieldType) -> bool,
    ) -> Columns {
        let fields = self.fields.iter().filter(|((name, kind), _)| keep(name, *kind));
        Columns::new(
            measurement.clone(),
            self.tags.iter().map(|(name, binary)| (name.clone(), *binary)),
            fields.map(|((name, kind), (_, binary))| (name.clone(), *kind, *binary)),
        )
    }
}

/// One tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) label: String,
    pub(crate) name: Name,
    pub(crate) binary: bool,
}

/// One field with one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldColumn {
    pub(crate) label: String,
    pub(crate) name: Name,
    pub(crate) kind: FieldType,
    pub(crate) binary: bool,
}

/// The columns of a file: the time, the tags sorted by name, the fields sorted by name and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) measurement: Name,
    pub(crate) time: TimeType,
    pub(crate) tags: Vec<Tag>,
    pub(crate) fields: Vec<FieldColumn>,
}

impl Columns {
    fn new(
        measurement: Name,
        tags: impl Iterator<Item = (Name, bool)>,
        fields: impl Iterator<Item = (Name, FieldType, bool)>,
    ) -> Self {
        let mut used = HashSet::from([TIME.to_owned()]);
        let mut free = |name: &[u8], what: &str| {
            let mut label = schema_label(name);
            if label.is_empty() || used.contains(&label) {
                label = format!("{label}~{what}");
            }
            while !used.insert(label.clone()) {
                label.push('~');
            }
            label
        };
        let tags: Vec<_> =
            tags.map(|(name, binary)| Tag { label: free(&name, "tag"), name, binary }).collect();
        let fields = fields
            .map(|(name, kind, binary)| FieldColumn {
                label: free(&name, kind.name()),
                name,
                kind,
                binary,
            })
            .collect();
        Self { measurement, time: TimeType::NsUtc, tags, fields }
    }

    /// The same with times of this type.
    #[must_use]
    pub(crate) fn with_time(self, time: TimeType) -> Self {
        Self { time, ..self }
    }

    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        let tags = self.tags.iter().map(|tag| &*tag.label);
        let fields = self.fields.iter().map(|field| &*field.label);
        std::iter::once(TIME).chain(tags).chain(fields)
    }

    /// The schema of the file.
    pub(crate) fn schema(&self) -> SchemaRef {
        let meta = |role: &str, name: &[u8], label: &str| {
            let mut meta = HashMap::from([(ROLE_KEY.to_owned(), role.to_owned())]);
            if name != label.as_bytes() {
                meta.insert(NAME_KEY.to_owned(), name::encode(name));
            }
            meta
        };
        let time = Field::new(TIME, times::data_type(self.time), false).with_metadata(meta(
            TIME_ROLE,
            TIME.as_bytes(),
            TIME,
        ));
        let tags = self.tags.iter().map(|tag| {
            let values = data_type(FieldType::String, tag.binary);
            let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(values));
            Field::new(&tag.label, kind, true).with_metadata(meta(TAG_ROLE, &tag.name, &tag.label))
        });
        let fields =
            self.fields.iter().map(|field| {
                Field::new(&field.label, data_type(field.kind, field.binary), true)
                    .with_metadata(meta(role_of(field.kind), &field.name, &field.label))
            });
        let all: Vec<_> = std::iter::once(time).chain(tags).chain(fields).collect();
        let meta = HashMap::from([
            (MEASUREMENT_KEY.to_owned(), schema_label(&self.measurement)),
            (RAW_MEASUREMENT_KEY.to_owned(), name::encode(&self.measurement)),
        ]);
        Arc::new(Schema::new_with_metadata(all, meta))
    }

    /// The columns that a schema tells of. Gives what is wrong with it otherwise.
    pub(crate) fn of_schema(schema: &Schema) -> Result<Self, String> {
        let raw = schema.metadata().get(RAW_MEASUREMENT_KEY);
        let measurement = raw.and_then(|raw| name::decode(raw)).ok_or("no measurement")?;
        let time = TimeType::NsUtc;
        let mut columns = Self { measurement, time, tags: Vec::new(), fields: Vec::new() };
        for (at, field) in schema.fields().iter().enumerate() {
            columns
                .add(at, field)
                .ok_or_else(|| format!("column {:?} is strange", field.name()))?;
        }
        if schema.fields().is_empty() {
            return Err("no columns".into());
        }
        Ok(columns)
    }

    fn add(&mut self, at: usize, field: &Field) -> Option<()> {
        let label = field.name().clone();
        let role = field.metadata().get(ROLE_KEY)?;
        let name = match field.metadata().get(NAME_KEY) {
            Some(raw) => name::decode(raw)?,
            None => label.as_bytes().into(),
        };
        if (at == TIME_AT) != (role == TIME_ROLE) {
            return None;
        }
        if role == TIME_ROLE {
            let is_own = |kind: &TimeType| times::data_type(*kind) == *field.data_type();
            self.time = TimeType::ALL.into_iter().find(is_own)?;
            return (!field.is_nullable()).then_some(());
        }
        if role == TAG_ROLE {
            let DataType::Dictionary(key, values) = field.data_type() else { return None };
            let binary = **values == DataType::Binary;
            let fits = **key == DataType::Int32
                && **values == data_type(FieldType::String, binary)
                && self.fields.is_empty()
                && self.tags.last().is_none_or(|last| last.name < name);
            self.tags.push(Tag { label, name, binary });
            return fits.then_some(());
        }
        let kind = FieldType::ALL.into_iter().find(|kind| role_of(*kind) == role)?;
        let binary = *field.data_type() == DataType::Binary;
        let fits = *field.data_type() == data_type(kind, binary)
            && self.fields.last().is_none_or(|last| (&last.name, last.kind) < (&name, kind));
        self.fields.push(FieldColumn { label, name, kind, binary });
        fits.then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        let mut shape = Shape::default();
        for tag in [&b"host"[..], b"time", b"\xff", b"", b"f~float"] {
            shape.tags.insert(tag.into(), tag == b"\xff");
        }
        for (field, kind, binary) in [
            (&b"host"[..], FieldType::String, true),
            (b"time", FieldType::Integer, false),
            (b"time", FieldType::Float, false),
            (b"f", FieldType::Boolean, false),
            (b"f", FieldType::Unsigned, false),
            (b"f~float", FieldType::Float, false),
            (b"%FF", FieldType::Float, false),
            (b"", FieldType::Float, false),
        ] {
            shape.add_field(&field.into(), kind, 1, binary);
        }
        shape.columns(&(*b"m\xff").into(), |_, _| true)
    }

    #[test]
    fn names_that_clash_get_labels_of_their_own_and_come_back() {
        let columns = columns();
        let labels: Vec<_> = columns.labels().collect();
        assert_eq!(labels[0], "time");
        assert_eq!(labels.iter().collect::<HashSet<_>>().len(), labels.len(), "{labels:?}");
        for (label, shown) in [
            ("host", true),
            ("host~string", true),
            ("time~integer", true),
            ("%FF", true),
            ("", false),
        ] {
            assert_eq!(labels.contains(&label), shown, "{label}: {labels:?}");
        }
        for time in TimeType::ALL {
            let own = columns.clone().with_time(time);
            assert_eq!(Columns::of_schema(&own.schema()), Ok(own));
        }
    }

    #[test]
    fn strange_schemas_are_refused() {
        let schema = columns().schema();
        let with = |at: usize, field: Field| {
            let mut fields: Vec<_> = schema.fields().iter().map(|f| f.as_ref().clone()).collect();
            fields[at] = field;
            Schema::new_with_metadata(fields, schema.metadata().clone())
        };
        let time = schema.field(0).clone();
        let tag = schema.field(1).clone();
        for bad in [
            with(0, time.clone().with_nullable(true)),
            with(0, time.clone().with_data_type(DataType::UInt64)),
            with(0, tag.clone()),
            with(1, time.clone()),
            with(1, tag.clone().with_metadata(HashMap::new())),
            with(1, tag.with_data_type(DataType::Utf8)),
            Schema::new(vec![time]),
            Schema::empty(),
            Schema::empty().with_metadata(schema.metadata().clone()),
        ] {
            assert!(Columns::of_schema(&bad).is_err(), "{bad:?}");
        }
    }
}
