//! All that a simulated server holds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bucket::{BucketInfo, StoredBucket, default_shard_s};
use super::chunk::{Chunk, ColumnValues, Value};
use super::digest::Digest;
use super::{points, write};
use crate::model::series::Series;
use crate::sim::dbrp::Dbrp;
use crate::sim::go::text::json_string;

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

/// All buckets of one server. Cheap to share; a lock guards the content, reads work on snapshots of it.
#[derive(Debug, Default)]
pub struct BucketStore {
    buckets: Mutex<Vec<StoredBucket>>,
    /// Names of InfluxQL that were made while the server ran.
    mapped: Mutex<Vec<Dbrp>>,
}

impl BucketStore {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Vec<StoredBucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a name of InfluxQL, behind those that the server had at its start.
    pub fn map(&self, made: Dbrp) {
        self.mapped.lock().unwrap_or_else(PoisonError::into_inner).push(made);
    }

    /// The names that were made so.
    pub(crate) fn mapped(&self) -> Vec<Dbrp> {
        self.mapped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a bucket, shard groups of the length InfluxDB chooses for the retention, and gives its id.
    /// A bucket that exists keeps its content and takes the retention.
    pub fn create_bucket(&self, name: &str, retention_s: u64) -> String {
        self.create_bucket_with(name, retention_s, default_shard_s(retention_s))
    }

    /// As [`BucketStore::create_bucket`], with the length of a shard group.
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
        buckets.push(StoredBucket::new(BucketInfo {
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

    pub(crate) fn update(&self, id: &str, change: impl FnOnce(&mut BucketInfo)) {
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
        let bucket = named(&mut buckets, bucket)?;
        write::apply(bucket, &points, None).map_err(|refused| refused.message(&bucket.info.id))
    }

    /// Loads a whole column of one series: ascending times, one value each. Fast, for generated data.
    /// Values of a type that a shard group does not have are refused with the server's text.
    pub fn load_column(
        &self,
        bucket: &str,
        series: &Series,
        field: &[u8],
        times: &[i64],
        values: &ColumnValues,
    ) -> Result<(), String> {
        let mut buckets = self.lock();
        let bucket = named(&mut buckets, bucket)?;
        let entry = bucket.entry_of_key(&points::key_of_series(series));
        let mut row = 0;
        while row < times.len() {
            let (shard, shard_end) = bucket.shard_group(times[row]);
            let end = row + times[row..].partition_point(|&time| time < shard_end);
            let known =
                bucket.type_or_insert(&series.measurement, field, shard, values.field_type());
            if known != values.field_type() {
                return Err(format!("field {} is of type {}", json_string(field), known.name()));
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

    /// The server is started again: the first shard group of all time of each bucket goes out of reach.
    pub fn restart(&self) {
        self.lock().iter_mut().for_each(StoredBucket::restart);
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

    /// A digest of what [`BucketStore::dump`] lists: equal for equal content, whatever the order of the writes or
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

fn named<'a>(buckets: &'a mut [StoredBucket], name: &str) -> Result<&'a mut StoredBucket, String> {
    let found = buckets.iter_mut().find(|bucket| bucket.info.name == name);
    found.ok_or_else(|| format!("bucket {name:?} not found"))
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
