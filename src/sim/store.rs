//! What a simulated server holds: buckets, series, values by shard group, and the type each shard group knows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::chunk::{Chunk, Column, FieldType, Value};
use super::digest::Digest;
use super::points;
use crate::model::series::{Name, Series};

const NS_PER_S: i64 = 1_000_000_000;

/// InfluxDB cuts time into shard groups from the year 1 on, not from 1970.
const YEAR_1_S: i128 = -62_135_596_800;

/// A bucket without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketInfo {
    /// Sixteen hexadecimal digits.
    pub id: String,
    /// Unique in its organisation.
    pub name: String,
    /// Values older than this are refused; 0 keeps everything.
    pub retention_s: u64,
    /// Length of a shard group.
    pub shard_s: u64,
}

/// One value with its place, for comparisons.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredValue {
    /// Measurement and tags.
    pub series: Arc<Series>,
    /// Field key.
    pub field: Arc<[u8]>,
    /// Nanoseconds since 1970.
    pub time: i64,
    /// Type and value.
    pub value: Value,
}

/// The values of one field of one series, by start of the shard group.
pub(super) type Chunks = BTreeMap<i64, Arc<Chunk>>;

/// The type of a field by start of the shard group.
pub(super) type TypesByShard = BTreeMap<i64, FieldType>;

#[derive(Debug)]
pub(super) struct SeriesEntry {
    pub(super) series: Arc<Series>,
    pub(super) fields: BTreeMap<Arc<[u8]>, Chunks>,
}

/// A bucket with its content.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) info: BucketInfo,
    pub(super) by_key: HashMap<Box<[u8]>, usize>,
    /// Every series ever written; some keys are never found again by reads.
    pub(super) entries: Vec<SeriesEntry>,
    /// Readable series in the order of reads.
    pub(super) order: BTreeMap<Arc<Series>, usize>,
    pub(super) types: BTreeMap<Name, BTreeMap<Name, TypesByShard>>,
    /// Start and end of the shard groups there are.
    groups: BTreeMap<i64, i64>,
    /// Unreadable series that a read takes for another one, with the values of that one. See [`Bucket::find_aliases`].
    pub(super) aliases: Vec<SeriesEntry>,
}

impl Bucket {
    fn new(info: BucketInfo) -> Self {
        Self {
            info,
            by_key: HashMap::new(),
            entries: Vec::new(),
            order: BTreeMap::new(),
            types: BTreeMap::new(),
            groups: BTreeMap::new(),
            aliases: Vec::new(),
        }
    }

    /// Start and end of the shard group for `time`. One that exists is used even if its length is an older setting.
    pub(super) fn shard_group(&mut self, time: i64) -> (i64, i64) {
        let before = self.groups.range(..=time).next_back().map(|(&start, &end)| (start, end));
        if let Some(group) = before.filter(|(_, end)| time < *end) {
            return group;
        }
        let length = i128::from(self.info.shard_s) * i128::from(NS_PER_S);
        let origin = YEAR_1_S * i128::from(NS_PER_S);
        let start = (i128::from(time) - origin).div_euclid(length) * length + origin;
        let end = i64::try_from(start + length).unwrap_or(i64::MAX);
        let start =
            i64::try_from(start).unwrap_or(i64::MIN).max(before.map_or(i64::MIN, |(_, end)| end));
        let end = self.groups.range(time..).next().map_or(end, |(&next, _)| end.min(next));
        self.groups.insert(start, end);
        (start, end)
    }

    /// The start of the first shard group that reaches beyond `time`, or `time`.
    pub(super) fn first_shard(&self, time: i64) -> i64 {
        self.groups
            .range(..=time)
            .next_back()
            .filter(|(_, end)| time < **end)
            .map_or(time, |(&start, _)| start)
    }

    /// Start and end of the shard groups that a range touches, as queries look them up: both ends count.
    pub(super) fn groups_between(&self, first: i64, last: i64) -> Vec<(i64, i64)> {
        let touches = |&(&start, &end): &(&i64, &i64)| start <= last && end > first;
        self.groups.iter().filter(touches).map(|(&start, &end)| (start, end)).collect()
    }

    /// Index of the series of an escaped key, made if new.
    pub(super) fn entry_of_key(&mut self, key: &[u8]) -> usize {
        if let Some(&at) = self.by_key.get(key) {
            return at;
        }
        let (series, readable) = points::series_of_key(key);
        let at = self.entries.len();
        if readable {
            self.order.insert(Arc::clone(&series), at);
        }
        self.entries.push(SeriesEntry { series, fields: BTreeMap::new() });
        self.by_key.insert(key.into(), at);
        at
    }

    /// The type that the shard group has for the field, set to `field_type` if it has none yet.
    pub(super) fn type_or_insert(
        &mut self,
        measurement: &[u8],
        field: &[u8],
        shard: i64,
        field_type: FieldType,
    ) -> FieldType {
        if let Some(types) =
            self.types.get_mut(measurement).and_then(|fields| fields.get_mut(field))
        {
            return *types.entry(shard).or_insert(field_type);
        }
        *self
            .types
            .entry(measurement.into())
            .or_default()
            .entry(field.into())
            .or_default()
            .entry(shard)
            .or_insert(field_type)
    }

    /// Stores one value whose type was checked.
    pub(super) fn put(&mut self, entry: usize, field: &[u8], shard: i64, time: i64, value: Value) {
        let chunks = match self.entries[entry].fields.get_mut(field) {
            Some(chunks) => chunks,
            None => self.entries[entry].fields.entry(field.into()).or_default(),
        };
        let chunk =
            chunks.entry(shard).or_insert_with(|| Arc::new(Chunk::empty(value.field_type())));
        Arc::make_mut(chunk).set(time, value);
    }

    /// The readable series in the order of reads, each with its own values.
    pub(super) fn own(&self) -> impl Iterator<Item = &SeriesEntry> {
        self.order.values().map(|&at| &self.entries[at])
    }

    /// Every tag key by measurement, of unreadable series too.
    pub(super) fn tag_keys(&self) -> BTreeMap<&[u8], BTreeSet<&[u8]>> {
        let mut keys: BTreeMap<&[u8], BTreeSet<&[u8]>> = BTreeMap::new();
        for entry in &self.entries {
            let tags = entry.series.tags.iter().map(|(key, _)| &key[..]);
            keys.entry(&entry.series.measurement).or_default().extend(tags);
        }
        keys
    }
}

/// All buckets of one server. Cheap to share; a lock guards the content, reads work on snapshots of it.
#[derive(Debug, Default)]
pub struct Store {
    buckets: Mutex<Vec<Bucket>>,
}

impl Store {
    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a bucket, shard groups of the length InfluxDB chooses for the retention, and gives its id.
    /// A bucket that exists keeps its content and takes the retention.
    pub fn create_bucket(&self, name: &str, retention_s: u64) -> String {
        self.create_bucket_with(name, retention_s, default_shard_s(retention_s))
    }

    /// As [`Store::create_bucket`], with the length of a shard group.
    pub fn create_bucket_with(&self, name: &str, retention_s: u64, shard_s: u64) -> String {
        let mut buckets = self.lock();
        if let Some(bucket) = buckets.iter_mut().find(|bucket| bucket.info.name == name) {
            bucket.info.retention_s = retention_s;
            bucket.info.shard_s = shard_s;
            return bucket.info.id.clone();
        }
        // Deterministic and well spread, like the ids of a real server.
        let nth =
            |number: u64| format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 << 60);
        // One that was removed has left a gap in their count.
        let unused = |id: &String| buckets.iter().all(|bucket| bucket.info.id != *id);
        let mut ids = (buckets.len() as u64 + 1..).map(nth);
        let id = ids.find(unused).unwrap_or_default();
        buckets.push(Bucket::new(BucketInfo {
            id: id.clone(),
            name: name.to_owned(),
            retention_s,
            shard_s,
        }));
        id
    }

    /// All buckets, by name.
    pub fn buckets(&self) -> Vec<BucketInfo> {
        let mut all: Vec<_> = self.lock().iter().map(|bucket| bucket.info.clone()).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The bucket of this id or name.
    pub fn bucket(&self, id_or_name: &str) -> Option<BucketInfo> {
        let buckets = self.lock();
        let by = |id| {
            buckets.iter().find(move |bucket| {
                if id { bucket.info.id == id_or_name } else { bucket.info.name == id_or_name }
            })
        };
        by(true).or_else(|| by(false)).map(|bucket| bucket.info.clone())
    }

    pub(super) fn update(&self, id: &str, change: impl FnOnce(&mut BucketInfo)) {
        if let Some(bucket) = self.lock().iter_mut().find(|bucket| bucket.info.id == id) {
            change(&mut bucket.info);
        }
    }

    /// Removes a bucket and its content; false if there is none of this id.
    pub fn remove_bucket(&self, id: &str) -> bool {
        let mut buckets = self.lock();
        let before = buckets.len();
        buckets.retain(|bucket| bucket.info.id != id);
        buckets.len() < before
    }

    /// Writes line protocol in nanoseconds straight into a bucket, without a clock: every line needs a time, and
    /// retention is not applied. The error is the server's text.
    pub fn write_lp(&self, bucket: &str, lines: &[u8]) -> Result<(), String> {
        let points = points::parse_body(lines, 1)
            .map_err(|text| String::from_utf8_lossy(&text).into_owned())?;
        let mut buckets = self.lock();
        let bucket = buckets
            .iter_mut()
            .find(|b| b.info.name == bucket)
            .ok_or_else(|| format!("bucket {bucket:?} not found"))?;
        super::write::apply(bucket, &points, None)
            .map_err(|refused| refused.message(&bucket.info.id))
    }

    /// Loads a whole column of one series: ascending times, one value each. Fast, for generated data.
    /// Values of a type that a shard group does not have are refused with the server's text.
    pub fn load_column(
        &self,
        bucket: &str,
        series: &Series,
        field: &[u8],
        times: &[i64],
        values: &Column,
    ) -> Result<(), String> {
        let mut buckets = self.lock();
        let bucket = buckets
            .iter_mut()
            .find(|b| b.info.name == bucket)
            .ok_or_else(|| format!("bucket {bucket:?} not found"))?;
        let entry = bucket.entry_of_key(&points::key_of_series(series));
        let mut row = 0;
        while row < times.len() {
            let (shard, shard_end) = bucket.shard_group(times[row]);
            let end = row + times[row..].partition_point(|&time| time < shard_end);
            let known =
                bucket.type_or_insert(&series.measurement, field, shard, values.field_type());
            if known != values.field_type() {
                return Err(format!("field {} is of type {}", points::quoted(field), known.name()));
            }
            let chunks = bucket.entries[entry].fields.entry(field.into()).or_default();
            if let std::collections::btree_map::Entry::Vacant(free) = chunks.entry(shard) {
                free.insert(Arc::new(Chunk {
                    times: times[row..end].to_vec(),
                    values: values.slice(row..end),
                }));
            } else {
                for (at, &time) in times.iter().enumerate().take(end).skip(row) {
                    bucket.put(entry, field, shard, time, values.get(at));
                }
            }
            row = end;
        }
        Ok(())
    }

    /// Deletes the values with `start <= time < stop`, of one measurement or of all; how many there were.
    pub fn delete(&self, bucket: &str, measurement: Option<&[u8]>, start: i64, stop: i64) -> u64 {
        let mut buckets = self.lock();
        let bucket = buckets.iter_mut().find(|known| known.info.name == bucket);
        bucket.map_or(0, |bucket| bucket.delete(measurement, start, stop))
    }

    /// Number of values in a bucket.
    pub fn count(&self, bucket: &str) -> u64 {
        let buckets = self.lock();
        let entries = buckets.iter().filter(|b| b.info.name == bucket).flat_map(|b| &b.entries);
        entries
            .flat_map(|entry| entry.fields.values())
            .flat_map(BTreeMap::values)
            .map(|chunk| chunk.times.len() as u64)
            .sum()
    }

    /// Everything that can be read from a bucket under its own name, sorted by measurement, tags, field, time.
    pub fn dump(&self, bucket: &str) -> Vec<StoredValue> {
        let mut all = Vec::new();
        self.visit(bucket, |series, field, chunk| all.extend(stored(series, field, chunk)));
        all
    }

    /// What is stored under keys that no read makes, in no order: listed with its series, never returned.
    pub fn unread(&self, bucket: &str) -> Vec<StoredValue> {
        let buckets = self.lock();
        let bucket = buckets.iter().find(|known| known.info.name == bucket);
        let keys = bucket
            .into_iter()
            .flat_map(|bucket| bucket.by_key.iter().map(|(key, at)| (key, &bucket.entries[*at])));
        let unread = keys.filter(|(key, entry)| points::key_of_series(&entry.series)[..] != ***key);
        let chunks = unread.flat_map(|(_, entry)| {
            let fields = entry.fields.iter();
            fields.flat_map(move |(field, chunks)| chunks.values().map(move |c| (entry, field, c)))
        });
        chunks.flat_map(|(entry, field, chunk)| stored(&entry.series, field, chunk)).collect()
    }

    /// A digest of what [`Store::dump`] lists: equal for equal content, whatever the order of the writes or
    /// the length of the shard groups.
    pub fn digest(&self, bucket: &str) -> u64 {
        let mut digest = Digest::new();
        let mut last: Option<(Arc<Series>, Arc<[u8]>)> = None;
        self.visit(bucket, |series, field, chunk| {
            if last.as_ref().is_none_or(|(s, f)| s != series || f != field) {
                digest.bytes(&points::key_of_series(series));
                digest.bytes(field);
                last = Some((Arc::clone(series), Arc::clone(field)));
            }
            for (row, &time) in chunk.times.iter().enumerate() {
                digest.word(time.cast_unsigned());
                match chunk.values.get(row) {
                    Value::Float(v) => digest.typed(0, v.to_bits()),
                    Value::Integer(v) => digest.typed(1, v.cast_unsigned()),
                    Value::Unsigned(v) => digest.typed(2, v),
                    Value::Boolean(v) => digest.typed(3, u64::from(v)),
                    Value::String(v) => {
                        digest.word(4);
                        digest.bytes(&v);
                    }
                }
            }
        });
        digest.finish()
    }

    fn visit(&self, bucket: &str, mut each: impl FnMut(&Arc<Series>, &Arc<[u8]>, &Chunk)) {
        let buckets = self.lock();
        let Some(bucket) = buckets.iter().find(|b| b.info.name == bucket) else { return };
        for entry in bucket.own() {
            for (field, chunks) in &entry.fields {
                for chunk in chunks.values() {
                    each(&entry.series, field, chunk);
                }
            }
        }
    }
}

fn stored<'a>(
    series: &'a Arc<Series>,
    field: &'a Arc<[u8]>,
    chunk: &'a Chunk,
) -> impl Iterator<Item = StoredValue> + 'a {
    chunk.times.iter().enumerate().map(|(row, &time)| StoredValue {
        series: Arc::clone(series),
        field: Arc::clone(field),
        time,
        value: chunk.values.get(row),
    })
}

/// The length of a shard group that InfluxDB chooses for a retention.
pub(super) const fn default_shard_s(retention_s: u64) -> u64 {
    const DAY: u64 = 86_400;
    match retention_s {
        0 => 7 * DAY,
        s if s >= 180 * DAY => 7 * DAY,
        s if s >= 2 * DAY => DAY,
        _ => 3_600,
    }
}
