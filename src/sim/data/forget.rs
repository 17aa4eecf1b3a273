//! What a bucket loses: measurements, and values of a range.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::bucket::{SeriesEntry, StoredBucket};
use crate::model::series::{Name, Series};

impl StoredBucket {
    /// Forgets a measurement.
    pub(crate) fn drop_measurement(&mut self, name: &[u8]) {
        self.types.remove(name);
        self.retain_entries(|entry| *entry.series.measurement != *name);
    }

    fn retain_entries(&mut self, keeps: impl Fn(&SeriesEntry) -> bool) {
        let entries = std::mem::take(&mut self.entries);
        let keys = std::mem::take(&mut self.by_key);
        let mut moved = HashMap::new();
        let readable = std::mem::take(&mut self.order);
        for (at, entry) in entries.into_iter().enumerate() {
            if keeps(&entry) {
                moved.insert(at, self.entries.len());
                self.entries.push(entry);
            }
        }
        self.by_key =
            keys.into_iter().filter_map(|(key, at)| Some((key, *moved.get(&at)?))).collect();
        self.order =
            readable.into_iter().filter_map(|(key, at)| Some((key, *moved.get(&at)?))).collect();
        self.find_aliases();
    }

    /// Forgets the values of a range, of one measurement or of all; how many there were.
    pub(crate) fn delete(&mut self, measurement: Option<&[u8]>, start: i64, stop: i64) -> u64 {
        let is_of = |series: &Series| measurement.is_none_or(|name| *series.measurement == *name);
        self.delete_where(is_of, start, stop)
    }

    /// The same of some series. What no value is left of, the index forgets too.
    pub(crate) fn delete_where(
        &mut self,
        is_meant: impl Fn(&Series) -> bool,
        start: i64,
        stop: i64,
    ) -> u64 {
        let mut deleted = 0;
        for entry in &mut self.entries {
            if !is_meant(&entry.series) {
                continue;
            }
            for chunks in entry.fields.values_mut() {
                for chunk in chunks.values_mut() {
                    let rows = chunk.rows(start, stop);
                    deleted += rows.len() as u64;
                    if !rows.is_empty() {
                        Arc::make_mut(chunk).remove(rows);
                    }
                }
                chunks.retain(|_, chunk| !chunk.times.is_empty());
            }
            entry.fields.retain(|_, chunks| !chunks.is_empty());
        }
        self.retain_entries(|entry| !entry.fields.is_empty());
        let shards = |entry: &SeriesEntry| -> BTreeSet<i64> {
            entry.fields.values().flat_map(BTreeMap::keys).copied().collect()
        };
        let mut known: BTreeMap<Name, BTreeSet<i64>> = BTreeMap::new();
        for entry in &self.entries {
            known.entry(entry.series.measurement.clone()).or_default().extend(shards(entry));
        }
        self.types.retain(|name, fields| {
            let known = known.get(name);
            for types in fields.values_mut() {
                types.retain(|shard, _| known.is_some_and(|known| known.contains(shard)));
            }
            fields.retain(|_, types| !types.is_empty());
            !fields.is_empty()
        });
        deleted
    }
}
