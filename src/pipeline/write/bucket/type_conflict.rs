//! One type per measurement, field and destination shard group, fixed before anything of it is written: the
//! destination's own, else the source's majority. What has another type follows `--on-type-conflict`, never the order in
//! which it arrives. Pure: nobody is asked here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;

use arrow::array::AsArray;
use arrow::datatypes::TimestampNanosecondType;

use crate::model::frame::{FieldType, Frame};
use crate::model::schema::{FieldKey, FieldTypes};
use crate::model::series::{Name, Readable};
use crate::model::time::{TimeRange, Timestamp};

/// What to do with a value whose field has another type at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// End the run.
    Stop,
    /// Keep the value in the rejects file.
    Reject,
    /// Write it to the field `<name>_<type>`.
    Suffix,
}

/// The fields that may clash, and the types fixed for them so far.
#[derive(Debug, Default)]
pub struct TypePlan {
    watched: BTreeSet<FieldKey>,
    fixed: Mutex<HashMap<(FieldKey, Timestamp), FieldType>>,
}

impl TypePlan {
    /// Watches these fields.
    pub fn new(watched: impl IntoIterator<Item = FieldKey>) -> Self {
        Self { watched: watched.into_iter().collect(), fixed: Mutex::default() }
    }

    /// True if no field can clash.
    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// True if fields of this measurement can clash.
    pub fn watches(&self, measurement: &Name) -> bool {
        self.watched.iter().any(|(watched, _)| watched == measurement)
    }

    /// The fields and shard groups that `range` touches and that have no type yet.
    pub fn unfixed(&self, range: TimeRange, shard_group_ns: i64) -> Vec<(FieldKey, TimeRange)> {
        if self.is_empty() {
            return Vec::new();
        }
        let fixed = self.lock();
        let groups = range.shard_group_parts(shard_group_ns).into_iter();
        let groups = groups.map(|part| part.start.shard_group(shard_group_ns));
        let all = groups.flat_map(|group| self.watched.iter().map(move |key| (key.clone(), group)));
        all.filter(|(key, group)| !fixed.contains_key(&(key.clone(), group.start))).collect()
    }

    /// Fixes the type of a field in a shard group.
    pub fn fix(&self, key: &FieldKey, group: TimeRange, kind: FieldType) {
        self.lock().insert((key.clone(), group.start), kind);
    }

    /// Splits a frame, whose rows lie in one shard group of the destination, by policy: columns of the fixed type stay,
    /// others are renamed or taken out. The frames taken out hold one field each, and come with the fixed type.
    pub fn apply(
        &self,
        frame: Frame,
        duration_ns: i64,
        policy: ConflictPolicy,
    ) -> (Frame, Vec<(Frame, FieldType)>) {
        let Some(time) = first_time(&frame) else { return (frame, Vec::new()) };
        let group = time.shard_group(duration_ns).start;
        let (clashing, fixed): (Vec<usize>, Vec<FieldType>) = (0..frame.fields.len())
            .filter_map(|index| {
                let (name, kind) = &frame.fields[index];
                let key = (frame.measurement.clone(), name.clone());
                let fixed = self.lock().get(&(key, group)).copied();
                fixed.filter(|fixed| fixed != kind).map(|fixed| (index, fixed))
            })
            .unzip();
        if clashing.is_empty() {
            return (frame, Vec::new());
        }
        match policy {
            ConflictPolicy::Suffix => (renamed(frame, &clashing), Vec::new()),
            ConflictPolicy::Stop | ConflictPolicy::Reject => {
                let out = clashing.iter().map(|&index| only(&frame, index));
                (without(&frame, &clashing), out.zip(fixed).collect())
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(FieldKey, Timestamp), FieldType>> {
        self.fixed.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Types of fields, by the bytes of their names.
pub(crate) type TypesByKey = BTreeMap<FieldKey, BTreeSet<String>>;

/// The same as a server tells it, which only knows names in UTF-8.
pub(crate) fn by_key(types: &FieldTypes) -> TypesByKey {
    let name = |text: &str| Name::from(text.as_bytes());
    let of = |(measurement, fields): (&String, &BTreeMap<String, BTreeSet<String>>)| {
        let measurement = name(measurement);
        let key = |(field, types): (&String, &BTreeSet<String>)| {
            ((measurement.clone(), name(field)), types.clone())
        };
        fields.iter().map(key).collect::<Vec<_>>()
    };
    types.iter().flat_map(of).collect()
}

/// A name as JSON shows it: U+FFFD for each byte that is not UTF-8.
fn shown(name: &[u8]) -> String {
    name.utf8_chunks().fold(String::new(), |mut text, chunk| {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
        text
    })
}

/// The fields that can clash at the destination. A field that changes its type at the source cannot if each destination
/// shard group lies inside a stretch in which the source keeps to one type.
///
/// `one_type_ns` is the length of these stretches: the shard groups of an InfluxDB OSS. `None` where there are none: in
/// Cloud the series of one field may have a type each.
pub(crate) fn watched(
    source: &TypesByKey,
    one_type_ns: Option<i64>,
    destination: &FieldTypes,
    destination_ns: i64,
) -> Vec<FieldKey> {
    let nested = one_type_ns.is_some_and(|length| length % destination_ns == 0);
    let can_clash = |((measurement, field), types): &(&FieldKey, &BTreeSet<String>)| {
        let fields = destination.get(&shown(measurement));
        let theirs = fields.and_then(|fields| fields.get(&shown(field)));
        let foreign = theirs.is_some_and(|theirs| !theirs.is_subset(types));
        foreign || (types.len() > 1 && !nested)
    };
    source.iter().filter(can_clash).map(|(key, _)| key.clone()).collect()
}

/// A field that can clash, with its types at both ends as far as they are known.
pub(crate) fn clash(key: &FieldKey, source: &TypesByKey, destination: &FieldTypes) -> String {
    let (measurement, field) = key;
    let joined = |types: Option<&BTreeSet<String>>| {
        let names: Vec<&str> = types.into_iter().flatten().map(String::as_str).collect();
        names.join(" and ")
    };
    let ours = joined(source.get(key));
    let fields = destination.get(&shown(measurement));
    let theirs = joined(fields.and_then(|fields| fields.get(&shown(field))));
    let theirs = if theirs.is_empty() { "none yet" } else { &theirs };
    let (measurement, field) = (Readable(measurement), Readable(field));
    format!("{measurement}.{field}: {ours} at the source, {theirs} at the destination")
}

/// The fields of the source whose names a field that can clash would get by [`ConflictPolicy::Suffix`]: both would be one.
pub(crate) fn names_taken(watched: &[FieldKey], source: &TypesByKey) -> Vec<FieldKey> {
    let renamed = watched.iter().flat_map(|key @ (measurement, field)| {
        let types = source.get(key).into_iter().flatten();
        types.map(move |kind| (measurement.clone(), suffixed(field, kind)))
    });
    renamed.filter(|key| source.contains_key(key)).collect()
}

fn suffixed(field: &Name, kind: &str) -> Name {
    [field, b"_".as_slice(), kind.as_bytes()].concat().into()
}

fn first_time(frame: &Frame) -> Option<Timestamp> {
    let times = frame.batch.column(0).as_primitive_opt::<TimestampNanosecondType>()?;
    (frame.rows() > 0).then(|| Timestamp::from_ns(times.value(0)))
}

fn renamed(mut frame: Frame, clashing: &[usize]) -> Frame {
    for &index in clashing {
        let (name, kind) = &mut frame.fields[index];
        *name = suffixed(name, kind.name());
    }
    frame
}

fn without(frame: &Frame, clashing: &[usize]) -> Frame {
    let kept: Vec<usize> =
        (0..frame.fields.len()).filter(|index| !clashing.contains(index)).collect();
    with_columns(frame, &kept)
}

fn only(frame: &Frame, index: usize) -> Frame {
    with_columns(frame, &[index])
}

fn with_columns(frame: &Frame, kept: &[usize]) -> Frame {
    let columns: Vec<usize> =
        std::iter::once(0).chain(kept.iter().map(|index| index + 1)).collect();
    let batch = frame
        .batch
        .project(&columns)
        .expect("the columns exist: they were counted from the frame's fields");
    let values =
        batch.columns()[1..].iter().map(|column| (column.len() - column.null_count()) as u64).sum();
    Frame {
        measurement: frame.measurement.clone(),
        fields: kept.iter().map(|&index| frame.fields[index].clone()).collect(),
        batch,
        runs: frame.runs.clone(),
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(fields: &[(&str, &[&str])]) -> FieldTypes {
        let fields = fields.iter().map(|(field, types)| {
            ((*field).to_owned(), types.iter().map(|t| (*t).to_owned()).collect())
        });
        FieldTypes::from([("m".to_owned(), fields.collect())])
    }

    #[test]
    fn fields_that_can_clash() {
        let day = 86_400_000_000_000;
        let source = types(&[("one", &["float"]), ("two", &["float", "integer"])]);
        let names = |destination: &FieldTypes, one_type_ns, destination_ns| -> Vec<String> {
            let found = watched(&by_key(&source), one_type_ns, destination, destination_ns);
            found
                .into_iter()
                .map(|(_, field)| String::from_utf8_lossy(&field).into_owned())
                .collect()
        };
        let none = FieldTypes::new();
        assert!(names(&none, Some(day), day).is_empty());
        assert!(names(&none, Some(7 * day), day).is_empty(), "each day lies in one week");
        assert_eq!(names(&none, Some(day), 7 * day), ["two"]);
        assert_eq!(names(&none, None, day), ["two"], "series of one time may differ");
        assert_eq!(names(&types(&[("one", &["string"])]), Some(day), day), ["one"]);
        let earlier = types(&[("two", &["integer"])]);
        assert!(names(&earlier, Some(day), day).is_empty(), "what an earlier run wrote");
        let bytes = |field: &[u8]| (Name::from(*b"m"), Name::from(field));
        let source = TypesByKey::from([(bytes(b"\xe2\x82"), BTreeSet::from(["float".to_owned()]))]);
        for (theirs, clashes) in [("\u{fffd}\u{fffd}", 1), ("\u{fffd}", 0)] {
            let destination = types(&[(theirs, &["string"])]);
            assert_eq!(watched(&source, Some(day), &destination, day).len(), clashes, "{theirs}");
        }
    }
}
