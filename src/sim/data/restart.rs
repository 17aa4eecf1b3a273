//! What becomes of the first shard group of all time when the server is started again.
//!
//! It begins before the smallest time, and its begin is kept in nanoseconds, which wrap around to the end of all times. From
//! the next start on a query finds it only if it begins before the group's end and reaches to where the group now seems to
//! begin. Values that are written there later make another group beside it, which is found until the start after that.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bucket::{Chunks, StoredBucket, WrappedGroup};

impl StoredBucket {
    /// The key of a shard group that begins before the smallest time.
    pub(super) const fn first_key(&self) -> i64 {
        if self.wrapped.is_some() { WrappedGroup::KEY + 1 } else { WrappedGroup::KEY }
    }

    /// Starts the server again, as far as this bucket can tell.
    pub(super) fn restart(&mut self) {
        let key = self.first_key();
        let (begin, _) = self.group_by_length(i64::MIN + 2);
        let Some(end) = self.groups.remove(&key) else { return };
        // What is too small for 64 bits comes back as so much less than what is too large.
        let wraps = i128::from(i64::MAX) - i128::from(i64::MIN) + 1;
        let seems = i64::try_from(begin + wraps).unwrap_or(i64::MIN);
        self.wrapped = Some(WrappedGroup { seems, end });
        if key != WrappedGroup::KEY {
            self.join(key);
        }
    }

    /// Puts the values of a second such group to those of the first one.
    fn join(&mut self, key: i64) {
        for chunks in self.entries.iter_mut().flat_map(|entry| entry.fields.values_mut()) {
            let Some(chunk) = chunks.remove(&key) else { continue };
            match chunks.get_mut(&WrappedGroup::KEY) {
                Some(first) => {
                    let first = Arc::make_mut(first);
                    for (row, &time) in chunk.times.iter().enumerate() {
                        first.set(time, chunk.values.get(row));
                    }
                }
                None => drop(chunks.insert(WrappedGroup::KEY, chunk)),
            }
        }
        for types in self.types.values_mut().flat_map(BTreeMap::values_mut) {
            if let Some(kind) = types.remove(&key) {
                types.entry(WrappedGroup::KEY).or_insert(kind);
            }
        }
        self.find_aliases();
    }

    /// What is known of the shard groups that a Flux read looks up, in the order in which it reads them.
    pub(crate) fn in_shards<'a, T>(
        &self,
        known: &'a BTreeMap<i64, T>,
        start: i64,
        stop: i64,
    ) -> Vec<(i64, &'a T)> {
        let first = self.first_shard(start);
        let mut found: Vec<_> =
            known.range(first..stop.max(first)).map(|(shard, of)| (*shard, of)).collect();
        let Some(wrapped) = self.wrapped else { return found };
        found.retain(|(shard, _)| *shard != WrappedGroup::KEY);
        if wrapped.touches(start, stop)
            && let Some(of) = known.get(&WrappedGroup::KEY)
        {
            // Groups are sorted by their ends, and then by their begins.
            let beside = found.first().is_some_and(|(shard, _)| *shard == self.first_key());
            found.insert(usize::from(beside), (WrappedGroup::KEY, of));
        }
        found
    }

    /// True if a Flux read that looks up these shard groups meets one of these chunks.
    pub(crate) fn meets(&self, chunks: &Chunks, start: i64, stop: i64) -> bool {
        !self.in_shards(chunks, start, stop).is_empty()
    }
}
