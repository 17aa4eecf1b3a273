//! One type per measurement, field and destination shard group, fixed before anything of it is written: the
//! destination's own, else the source's majority. What has another type follows `--on-type-conflict`, never the order in
//! which it arrives.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;

use arrow::array::AsArray;
use arrow::datatypes::TimestampNanosecondType;

use crate::influx::client::Client;
use crate::model::filter::Filter;
use crate::model::frame::{FieldType, Frame};
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::context::Context;
use crate::pipeline::error::Error;
use crate::pipeline::plan::catalogue::value_type;
use crate::pipeline::survey::route::FieldKey;
use crate::pipeline::survey::schema::FieldTypes;
use crate::pipeline::write::outlet::Bucket;
use crate::wire::csv::table::{self, CsvTable};
use crate::wire::flux::{self, Selection};

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

    /// Fixes the types that the shard groups of the bucket hold already, for every one that `range` touches; gives the
    /// fields and shard groups without a type.
    pub async fn prepare(
        &self,
        bucket: &Bucket,
        range: TimeRange,
    ) -> Result<Vec<(FieldKey, TimeRange)>, Error> {
        let mut left = Vec::new();
        if self.is_empty() {
            return Ok(left);
        }
        for part in range.shard_group_parts(bucket.shard_group_ns) {
            let group = part.start.shard_group(bucket.shard_group_ns);
            for key in &self.watched {
                if self.lock().contains_key(&(key.clone(), group.start)) {
                    continue;
                }
                match own_type(&bucket.client, &bucket.name, key, group).await? {
                    Some(own) => self.fix(key, group, own),
                    None => left.push((key.clone(), group)),
                }
            }
        }
        Ok(left)
    }

    /// Fixes the type of a field in a shard group.
    pub fn fix(&self, key: &FieldKey, group: TimeRange, kind: FieldType) {
        self.lock().insert((key.clone(), group.start), kind);
    }

    /// Splits a frame, whose rows lie in one shard group of the destination, by policy: columns of the fixed type stay,
    /// others are renamed or taken out. The frames taken out hold one field each.
    pub fn apply(
        &self,
        frame: Frame,
        duration_ns: i64,
        policy: ConflictPolicy,
    ) -> (Frame, Vec<Frame>) {
        let Some(time) = first_time(&frame) else { return (frame, Vec::new()) };
        let group = time.shard_group(duration_ns).start;
        let clashing: Vec<usize> = (0..frame.fields.len())
            .filter(|&index| {
                let (name, kind) = &frame.fields[index];
                let key = (frame.measurement.clone(), name.clone());
                self.lock().get(&(key, group)).is_some_and(|fixed| fixed != kind)
            })
            .collect();
        if clashing.is_empty() {
            return (frame, Vec::new());
        }
        match policy {
            ConflictPolicy::Suffix => (renamed(frame, &clashing), Vec::new()),
            ConflictPolicy::Stop | ConflictPolicy::Reject => {
                let out = clashing.iter().map(|&index| only(&frame, index)).collect();
                (without(&frame, &clashing), out)
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(FieldKey, Timestamp), FieldType>> {
        self.fixed.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Types of fields, by the bytes of their names.
pub type TypesByKey = BTreeMap<FieldKey, BTreeSet<String>>;

/// The same as a server tells it, which only knows names in UTF-8.
pub fn by_key(types: &FieldTypes) -> TypesByKey {
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
pub fn watched(
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

async fn own_type(
    client: &Client,
    bucket: &str,
    key: &FieldKey,
    group: TimeRange,
) -> Result<Option<FieldType>, Error> {
    let filter = field_filter(key, None);
    let selection =
        Selection { bucket, range: group, filter: &filter, measurements: &[], without: &[] };
    let tables = ask(client, &flux::first(selection), key, group).await?;
    Ok(tables.iter().filter(|table| !table.rows.is_empty()).find_map(value_type))
}

/// The type of most values of the field at the source. Counts come by series, and so do types.
pub async fn majority(
    context: &Context,
    key: &FieldKey,
    group: TimeRange,
) -> Result<Option<FieldType>, Error> {
    let group = group.intersect(context.job.range);
    let filter = field_filter(key, Some(&context.job.filter));
    let mut votes: BTreeMap<FieldType, i64> = BTreeMap::new();
    for range in context.job.shape.read_windows(group) {
        let selection = Selection {
            bucket: &context.job.source_bucket,
            range,
            filter: &filter,
            measurements: &[],
            without: &[],
        };
        let firsts = ask(&context.source, &flux::first(selection), key, range).await?;
        let types: BTreeMap<Vec<(Name, Name)>, FieldType> = firsts
            .iter()
            .flat_map(|table| {
                (0..table.rows.len())
                    .filter_map(move |row| Some((series_of(table, row), value_type(table)?)))
            })
            .collect();
        for table in ask(&context.source, &flux::count_by_series(selection), key, range).await? {
            for row in 0..table.rows.len() {
                if let (Some(kind), Some(count)) =
                    (types.get(&series_of(&table, row)), table.long(row, "_value"))
                {
                    *votes.entry(*kind).or_default() += count;
                }
            }
        }
    }
    Ok(votes.into_iter().max_by_key(|(_, count)| *count).map(|(kind, _)| kind))
}

async fn ask(
    client: &Client,
    query: &str,
    key: &FieldKey,
    range: TimeRange,
) -> Result<Vec<CsvTable>, Error> {
    let what = format!("types of field {} in {range}", String::from_utf8_lossy(&key.1));
    let answer =
        client.query_all(query, &what).await.map_err(|error| Error::influx(&what, error))?;
    let mut tables = table::read_tables(&answer).map_err(|error| Error::csv(&what, error))?;
    // A name that no query can spell finds others that look like it.
    let is_key = |table: &CsvTable| {
        table.bytes(0, "_measurement") == Some(&key.0) && table.bytes(0, "_field") == Some(&key.1)
    };
    tables.retain(is_key);
    Ok(tables)
}

fn field_filter((measurement, field): &FieldKey, job: Option<&Filter>) -> Filter {
    let own = format!(
        "{} and {}",
        flux::literal::is_measurement(measurement),
        flux::literal::is_field(field)
    );
    let base = job.cloned().unwrap_or_default();
    let predicate = match &base.predicate {
        Some(predicate) => format!("{own} and ({predicate})"),
        None => own,
    };
    Filter { predicate: Some(predicate), ..base }
}

fn series_of(table: &CsvTable, row: usize) -> Vec<(Name, Name)> {
    let bounds: [&[u8]; 2] = [b"_start", b"_stop"];
    let mut cells: Vec<_> = table
        .columns
        .iter()
        .zip(&table.rows[row])
        .filter(|(column, _)| column.group && !bounds.contains(&&*column.label))
        .map(|(column, cell)| (column.label.clone(), cell.clone()))
        .collect();
    cells.sort();
    cells
}

fn first_time(frame: &Frame) -> Option<Timestamp> {
    let times = frame.batch.column(0).as_primitive_opt::<TimestampNanosecondType>()?;
    (frame.rows() > 0).then(|| Timestamp::from_ns(times.value(0)))
}

fn renamed(mut frame: Frame, clashing: &[usize]) -> Frame {
    for &index in clashing {
        let (name, kind) = &mut frame.fields[index];
        *name = [&**name, b"_", kind.name().as_bytes()].concat().into();
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
