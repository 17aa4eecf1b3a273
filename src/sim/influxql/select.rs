//! `SELECT`: which columns, which series of storage together, and where their values lie.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::columns::{self, SelectedColumn, Take};
use super::condition::{TIME_MIN, Test, TimeBounds, split};
use super::format::{Conversion, ResultCell, SeriesHead, SeriesTags};
use super::rows::{ChunkCursor, ColumnSource, Leaf, MergedRows};
use super::schema::{MeasurementSchema, SYSTEM_FIELDS, Shards, measurements};
use super::series::{Pieces, ResultSeries, SeriesContent, StatementOutcome};
use super::statement::{ParsedSelect, SelectItem};
use crate::model::frame::FieldType;
use crate::sim::data::bucket::{SeriesEntry, StoredBucket};
use crate::sim::data::chunk::type_panic;
use crate::sim::data::chunk::{Chunk, ColumnValues};
use crate::sim::data::points::key_of_series;

/// Plans a statement; the error is that of its result.
pub(super) fn select(
    bucket: &StoredBucket,
    select: &ParsedSelect,
) -> Result<StatementOutcome, String> {
    let condition = select.condition.as_ref();
    // Whether a name is one of a field is known only once the time is.
    let (times, _) = split(condition, &|_| false)?;
    let by_all = check_dimensions(&select.dimensions)?;
    let counts = columns::check(&select.items)?;
    if counts && (select.limit > 0 || select.offset > 0) {
        return Err("LIMIT of a count is not simulated".to_owned());
    }
    let groups = bucket.groups_between(times.first, times.last);
    let (Some((first, _)), Some((last, _))) = (groups.first(), groups.last()) else {
        return Ok(StatementOutcome::Series(Vec::new(), Pieces::ByRows));
    };
    let shards = *first..=*last;
    let names = measurements(bucket, Some(&select.from), &shards);
    let schema = MeasurementSchema::new(bucket, &names, &shards);
    let (_, test) = split(condition, &|name| schema.fields.contains_key(name.as_bytes()))?;
    let mut dimensions: BTreeSet<Arc<[u8]>> = BTreeSet::new();
    for item in &select.dimensions {
        if let SelectItem::Reference { name, .. } = item {
            dimensions.insert(name.as_bytes().into());
        }
    }
    let columns = columns::expand(&select.items, &schema, by_all, &dimensions);
    if by_all {
        dimensions.extend(schema.tags.iter().map(|key| Arc::from(*key)));
    }
    let mut head_columns: Vec<Box<[u8]>> = vec![b"time".as_slice().into()];
    head_columns.extend(columns::names(&columns));
    let plan = Plan {
        bucket,
        shards,
        times,
        test,
        dimensions: dimensions.into_iter().collect(),
        order: columns::order(&columns),
        columns,
        head_columns: head_columns.into(),
    };
    if let Some(text) = names.iter().find_map(|name| plan.type_panic(name)) {
        return Err(format!("SELECT [panic:{text}]"));
    }
    let mut series = Vec::new();
    for name in names {
        for (tags, rows) in plan.groups(name) {
            let columns = Arc::clone(&plan.head_columns);
            let head = SeriesHead { name: name.into(), tags, columns };
            series.extend(if counts {
                plan.count(head, &rows)
            } else {
                read(head, rows, select.limit, select.offset)
            });
        }
    }
    Ok(StatementOutcome::Series(series, Pieces::ByRows))
}

/// Whether all tags tell series apart.
fn check_dimensions(dimensions: &[SelectItem]) -> Result<bool, String> {
    let mut all = false;
    for item in dimensions {
        match item {
            SelectItem::Wildcard(_) => all = true,
            SelectItem::Reference { name, .. } if name.eq_ignore_ascii_case("time") => {
                return Err("time() is a function and expects at least one argument".to_owned());
            }
            SelectItem::Reference { .. } => {}
            SelectItem::Call { .. } => return Err("GROUP BY time() is not simulated".to_owned()),
            SelectItem::Literal => return Err("only time and tag dimensions allowed".to_owned()),
        }
    }
    Ok(all)
}

fn read(head: SeriesHead, mut rows: MergedRows, limit: u64, offset: u64) -> Option<ResultSeries> {
    for _ in 0..offset {
        rows.advance();
    }
    rows.has_row().then_some(ResultSeries { head, content: SeriesContent::Read { rows, limit } })
}

struct Plan<'a> {
    bucket: &'a StoredBucket,
    shards: Shards,
    times: TimeBounds,
    test: Option<Test>,
    /// Sorted.
    dimensions: Vec<Arc<[u8]>>,
    columns: Vec<SelectedColumn>,
    order: Arc<[usize]>,
    head_columns: Arc<[Box<[u8]>]>,
}

impl Plan<'_> {
    /// The series of the answer that have rows, in its order.
    fn groups(&self, measurement: &[u8]) -> Vec<(SeriesTags, MergedRows)> {
        /// By shard group the series of storage, each with its key.
        type Members = BTreeMap<i64, Vec<(Vec<u8>, Leaf)>>;
        let mut groups: BTreeMap<Vec<u8>, (SeriesTags, Members)> = BTreeMap::new();
        let entries =
            self.bucket.readable().filter(|entry| *entry.series.measurement == *measurement);
        for entry in entries {
            if self.test.as_ref().is_some_and(|test| !test.holds(&entry.series)) {
                continue;
            }
            let chunks = entry.fields.values().flat_map(|chunks| chunks.range(self.shards.clone()));
            let shards: BTreeSet<i64> = chunks.map(|(&shard, _)| shard).collect();
            for shard in shards {
                let leaf = Leaf::new(self.sources(entry, shard), self.times.last);
                if leaf.is_empty() {
                    continue;
                }
                let values = self.dimensions.iter().map(|key| tag(entry, key));
                let id = values.clone().collect::<Vec<_>>().join(&0);
                let (_, members) = groups.entry(id).or_insert_with(|| {
                    let pairs = self.dimensions.iter().zip(values);
                    let tags = pairs.map(|(key, value)| (Arc::clone(key), value.into()));
                    (tags.collect(), Members::new())
                });
                members.entry(shard).or_default().push((key_of_series(&entry.series), leaf));
            }
        }
        let merge = |(tags, members): (SeriesTags, Members)| {
            let of_shard = |mut leaves: Vec<(Vec<u8>, Leaf)>| {
                leaves.sort_by(|a, b| a.0.cmp(&b.0));
                let leaves = leaves.into_iter().map(|(_, leaf)| MergedRows::One(leaf)).collect();
                MergedRows::merged(leaves, &self.order)
            };
            (tags, MergedRows::merged(members.into_values().map(of_shard).collect(), &self.order))
        };
        groups.into_values().map(merge).collect()
    }

    /// Values of a neighbour that stand for those of a series of another type end the statement.
    fn type_panic(&self, measurement: &[u8]) -> Option<String> {
        let types = self.bucket.types.get(measurement)?;
        let stop = self.times.last.saturating_add(1);
        let clash = |entry: &SeriesEntry| {
            entry.fields.iter().find_map(|(field, chunks)| {
                chunks.range(self.shards.clone()).find_map(|(shard, chunk)| {
                    let known = *types.get(&**field)?.get(shard)?;
                    let stored = chunk.values.field_type();
                    let read = stored != known && !chunk.rows(self.times.first, stop).is_empty();
                    read.then(|| type_panic(stored, known))
                })
            })
        };
        let named = |entry: &&SeriesEntry| *entry.series.measurement == *measurement;
        self.bucket.readable().filter(named).find_map(clash)
    }

    fn sources(&self, entry: &SeriesEntry, shard: i64) -> Vec<ColumnSource> {
        self.columns.iter().map(|column| self.source(&column.take, entry, shard)).collect()
    }

    fn source(&self, take: &Take, entry: &SeriesEntry, shard: i64) -> ColumnSource {
        match take {
            Take::Nothing => ColumnSource::Null,
            Take::Tag(key) => match tag(entry, key) {
                [] => ColumnSource::Null,
                value => ColumnSource::Text(value.into()),
            },
            Take::Field(name, wanted) => {
                let cursor = if SYSTEM_FIELDS.contains(&&**name) {
                    self.system_field(name, entry, shard)
                } else {
                    let chunk = entry.fields.get(&**name).and_then(|chunks| chunks.get(&shard));
                    chunk.and_then(|chunk| self.cursor(chunk, *wanted))
                };
                cursor.map_or(ColumnSource::Null, ColumnSource::Values)
            }
        }
    }

    fn cursor(&self, chunk: &Arc<Chunk>, wanted: FieldType) -> Option<ChunkCursor> {
        use FieldType::{Float, Integer, Unsigned};
        let conversion = match (wanted, chunk.values.field_type()) {
            (wanted, stored) if wanted == stored => Conversion::None,
            (Float, Integer | Unsigned) => Conversion::ToFloat,
            (Integer, Float | Unsigned) => Conversion::ToInteger,
            (Unsigned, Float | Integer) => Conversion::ToUnsigned,
            _ => return None,
        };
        let rows = chunk.rows(self.times.first, self.times.last.saturating_add(1));
        let chunk = Arc::clone(chunk);
        let cursor = ChunkCursor { chunk, at: rows.start, end: rows.end, conversion };
        (!rows.is_empty()).then_some(cursor)
    }

    /// Names instead of values, all of them in 1970 and whatever the range begins with.
    fn system_field(&self, name: &[u8], entry: &SeriesEntry, shard: i64) -> Option<ChunkCursor> {
        let series = &entry.series;
        let texts: Vec<Arc<[u8]>> = match name {
            b"_name" => vec![(*series.measurement).into()],
            b"_seriesKey" => vec![key_of_series(series).into()],
            b"_tagKey" => series.tags.iter().map(|(key, _)| (**key).into()).collect(),
            b"_tagValue" => series.tags.iter().map(|(_, value)| (**value).into()).collect(),
            _ => {
                let fields = self.bucket.types.get(&series.measurement);
                let known = fields.into_iter().flatten();
                known
                    .filter(|(_, types)| types.contains_key(&shard))
                    .map(|(field, _)| (**field).into())
                    .collect()
            }
        };
        let end = texts.len();
        let chunk = Arc::new(Chunk { times: vec![0; end], values: ColumnValues::String(texts) });
        (end > 0).then_some(ChunkCursor { chunk, at: 0, end, conversion: Conversion::None })
    }

    /// One row of counts; null where there are no values, and no row if there are none at all.
    fn count(&self, head: SeriesHead, rows: &MergedRows) -> Option<ResultSeries> {
        let counts: Vec<_> = (0..self.columns.len()).map(|column| rows.values(column)).collect();
        let time = if self.times.first == TIME_MIN { 0 } else { self.times.first };
        let mut cells = vec![ResultCell::Time(time)];
        cells.extend(counts.iter().map(|&count| match count {
            0 => ResultCell::Null,
            _ => ResultCell::Integer(i64::try_from(count).unwrap_or(i64::MAX)),
        }));
        counts.iter().any(|&count| count > 0).then(|| ResultSeries::ready(head, vec![cells]))
    }
}

fn tag<'a>(entry: &'a SeriesEntry, key: &[u8]) -> &'a [u8] {
    let tags = &entry.series.tags;
    tags.binary_search_by(|(known, _)| (**known).cmp(key)).map_or(&[], |at| &tags[at].1)
}
