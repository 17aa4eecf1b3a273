//! One bucket: series, values by shard group, and the type each shard group knows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::chunk::{Chunk, Value};
use super::points;
use crate::model::frame::FieldType;
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

/// The values of one field of one series, by start of the shard group.
pub(super) type Chunks = BTreeMap<i64, Arc<Chunk>>;

/// The type of a field by start of the shard group.
pub(super) type TypesByShard = BTreeMap<i64, FieldType>;

#[derive(Debug)]
pub(crate) struct SeriesEntry {
    pub(crate) series: Arc<Series>,
    pub(crate) fields: BTreeMap<Arc<[u8]>, Chunks>,
}

/// The first shard group of all time, once a start has wrapped its begin; see `restart.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrappedGroup {
    /// Where it seems to begin.
    pub(super) seems: i64,
    /// Where it ends.
    pub(super) end: i64,
}

impl WrappedGroup {
    /// What its values are kept by. No time is so small, and no group beside it has this key.
    pub(super) const KEY: i64 = i64::MIN;

    /// True if a query looks it up.
    pub(super) const fn touches(self, first: i64, last: i64) -> bool {
        self.seems <= last && self.end > first
    }
}

/// A bucket with its content.
#[derive(Debug)]
pub(crate) struct StoredBucket {
    pub(crate) info: BucketInfo,
    pub(super) by_key: HashMap<Box<[u8]>, usize>,
    /// Every series ever written; some keys are never found again by reads.
    pub(crate) entries: Vec<SeriesEntry>,
    /// Readable series in the order of reads.
    pub(crate) order: BTreeMap<Arc<Series>, usize>,
    pub(crate) types: BTreeMap<Name, BTreeMap<Name, TypesByShard>>,
    /// Start and end of the shard groups there are, but for one that a restart has put out of reach.
    pub(super) groups: BTreeMap<i64, i64>,
    /// See [`StoredBucket::restart`].
    pub(super) wrapped: Option<WrappedGroup>,
    /// Unreadable series that a read takes for another one, with the values of that one. See [`StoredBucket::find_aliases`].
    pub(super) aliases: Vec<SeriesEntry>,
}

impl StoredBucket {
    pub(crate) fn new(info: BucketInfo) -> Self {
        Self {
            info,
            by_key: HashMap::new(),
            entries: Vec::new(),
            order: BTreeMap::new(),
            types: BTreeMap::new(),
            groups: BTreeMap::new(),
            wrapped: None,
            aliases: Vec::new(),
        }
    }

    /// Start and end of the shard group for `time`. One that exists is used even if its length is an older setting.
    pub(super) fn shard_group(&mut self, time: i64) -> (i64, i64) {
        let before = self.groups.range(..=time).next_back().map(|(&start, &end)| (start, end));
        if let Some(group) = before.filter(|(_, end)| time < *end) {
            return group;
        }
        let (start, end) = self.group_by_length(time);
        let end = i64::try_from(end).unwrap_or(i64::MAX);
        let start = i64::try_from(start)
            .unwrap_or_else(|_| self.first_key())
            .max(before.map_or(i64::MIN, |(_, end)| end));
        let end = self.groups.range(time..).next().map_or(end, |(&next, _)| end.min(next));
        self.groups.insert(start, end);
        (start, end)
    }

    /// Where the shard group for `time` begins and ends by its length: it may begin before the smallest time.
    pub(super) fn group_by_length(&self, time: i64) -> (i128, i128) {
        let length = i128::from(self.info.shard_s) * i128::from(NS_PER_S);
        let origin = YEAR_1_S * i128::from(NS_PER_S);
        let start = (i128::from(time) - origin).div_euclid(length) * length + origin;
        (start, start + length)
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
    pub(crate) fn groups_between(&self, first: i64, last: i64) -> Vec<(i64, i64)> {
        let touches = |&(&start, &end): &(&i64, &i64)| start <= last && end > first;
        let wrapped = self.wrapped.filter(|group| group.touches(first, last));
        let wrapped = wrapped.map(|group| (WrappedGroup::KEY, group.end));
        let others = self.groups.iter().filter(touches).map(|(&start, &end)| (start, end));
        wrapped.into_iter().chain(others).collect()
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
    pub(crate) fn put(&mut self, entry: usize, field: &[u8], shard: i64, time: i64, value: Value) {
        let chunks = match self.entries[entry].fields.get_mut(field) {
            Some(chunks) => chunks,
            None => self.entries[entry].fields.entry(field.into()).or_default(),
        };
        let chunk =
            chunks.entry(shard).or_insert_with(|| Arc::new(Chunk::empty(value.field_type())));
        Arc::make_mut(chunk).set(time, value);
    }

    /// The readable series in the order of reads, each with its own values.
    pub(crate) fn own(&self) -> impl Iterator<Item = &SeriesEntry> {
        self.order.values().map(|&at| &self.entries[at])
    }

    /// Every tag key by measurement, of unreadable series too.
    pub(crate) fn tag_keys(&self) -> BTreeMap<&[u8], BTreeSet<&[u8]>> {
        let mut keys: BTreeMap<&[u8], BTreeSet<&[u8]>> = BTreeMap::new();
        for entry in &self.entries {
            let tags = entry.series.tags.iter().map(|(key, _)| &key[..]);
            keys.entry(&entry.series.measurement).or_default().extend(tags);
        }
        keys
    }
}

/// The length of a shard group that InfluxDB chooses for a retention.
pub(crate) const fn default_shard_s(retention_s: u64) -> u64 {
    const DAY: u64 = 86_400;
    match retention_s {
        0 => 7 * DAY,
        s if s >= 180 * DAY => 7 * DAY,
        s if s >= 2 * DAY => DAY,
        _ => 3_600,
    }
}
