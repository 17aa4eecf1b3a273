//! Series that a read never returns, and those whose values answer for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bucket::{Chunks, SeriesEntry, StoredBucket};
use super::points;
use crate::model::series::Series;

impl StoredBucket {
    /// A read makes the key of a series anew from its names. For an unreadable series that is no key or the key of its
    /// neighbour: `disk\ c` is listed, and the values of `disk c` with the same tags answer for it, as far as the
    /// shard groups know the fields of both. To be called after each change.
    pub(super) fn find_aliases(&mut self) {
        self.aliases.clear();
        if self.order.len() == self.entries.len() {
            return;
        }
        let mut shards: BTreeMap<&Arc<Series>, BTreeSet<i64>> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| !self.order.contains_key(&entry.series)) {
            let known = entry.fields.values().flat_map(BTreeMap::keys).copied();
            shards.entry(&entry.series).or_default().extend(known);
        }
        for (series, shards) in shards {
            let Some(&at) = self.by_key.get(&points::key_of_series(series)[..]) else { continue };
            let mut fields: BTreeMap<Arc<[u8]>, Chunks> = BTreeMap::new();
            for (field, types) in self.types.get(&series.measurement).into_iter().flatten() {
                let Some((field, chunks)) = self.entries[at].fields.get_key_value(&**field) else {
                    continue;
                };
                let known = |shard: &&i64| shards.contains(shard);
                let found = types
                    .keys()
                    .filter(known)
                    .filter_map(|shard| chunks.get(shard).map(|chunk| (*shard, Arc::clone(chunk))));
                let found: Chunks = found.collect();
                if !found.is_empty() {
                    fields.insert(Arc::clone(field), found);
                }
            }
            if !fields.is_empty() {
                self.aliases.push(SeriesEntry { series: Arc::clone(series), fields });
            }
        }
    }

    /// What reads answer with, in their order.
    pub(crate) fn readable(&self) -> impl Iterator<Item = &SeriesEntry> {
        let mut all: Vec<_> = self.own().chain(&self.aliases).collect();
        if !self.aliases.is_empty() {
            all.sort_by(|a, b| a.series.cmp(&b.series));
        }
        all.into_iter()
    }
}
