//! What was read by key tags, and the series it was restored from: believed once they were listed again.
//!
//! The number of series tells that one was added. It does not tell that one was deleted and another one written that has
//! the same key tags. So all series are listed once more, when enough was read since the last list, for the last batch of a
//! plan, and when all is committed. A batch that is still open is read again by plain Flux; of what is committed already it
//! is kept for good that it may be wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::RELIST_VALUES_PER_SERIES_MIN;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::plan::catalogue::KnownSeries;

/// What stands on the series that were listed at some time.
#[derive(Debug, Default)]
pub(crate) struct Restored(Mutex<Standing>);

#[derive(Debug, Default)]
struct Standing {
    /// Batches that are being read, by their starts.
    open: BTreeSet<Timestamp>,
    /// Those of them that are to be read again.
    marked: BTreeSet<Timestamp>,
    unproven: BTreeMap<Name, Vec<OnSeries>>,
    /// Lists under way: what they prove is taken out already.
    lists_open: usize,
    lists_done: u64,
}

/// Values of a batch.
#[derive(Debug)]
pub(super) struct OnSeries {
    pub(super) batch: TimeRange,
    pub(super) known: Arc<KnownSeries>,
    pub(super) values: u64,
}

/// When series are listed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relist {
    /// Where so much was read that it costs little.
    WhereItPays,
    /// Whatever is not proven.
    All,
}

impl Restored {
    /// A batch is read from its beginning. What was read of it before counts no more.
    pub(super) fn open(&self, batch: TimeRange) {
        let mut standing = self.standing();
        standing.open.insert(batch.start);
        standing.marked.remove(&batch.start);
        for each in standing.unproven.values_mut() {
            each.retain(|one| one.batch != batch);
        }
    }

    /// A batch was read to its end; true if it was to be read again.
    pub(super) fn close(&self, batch: TimeRange) -> bool {
        let mut standing = self.standing();
        standing.open.remove(&batch.start);
        standing.marked.remove(&batch.start)
    }

    /// Values of a batch are about to be written.
    pub(super) fn note(
        &self,
        batch: TimeRange,
        (measurement, known): (&Name, &Arc<KnownSeries>),
        values: u64,
    ) {
        let mut standing = self.standing();
        let each = standing.unproven.entry(measurement.clone()).or_default();
        let same = |one: &&mut OnSeries| one.batch == batch && Arc::ptr_eq(&one.known, known);
        match each.iter_mut().find(same) {
            Some(one) => one.values += values,
            None => each.push(OnSeries { batch, known: Arc::clone(known), values }),
        }
    }

    /// Takes out what is to be proven now.
    pub(super) fn take(&self, when: Relist) -> BTreeMap<Name, Vec<OnSeries>> {
        let is_due = |(_, each): &(Name, Vec<OnSeries>)| {
            let values: u64 = each.iter().map(|one| one.values).sum();
            let series = each.iter().map(|one| one.known.cardinality).max().unwrap_or(0);
            values > 0
                && (when == Relist::All
                    || values >= series.saturating_mul(RELIST_VALUES_PER_SERIES_MIN))
        };
        let mut standing = self.standing();
        let (due, rest) = std::mem::take(&mut standing.unproven).into_iter().partition(is_due);
        standing.unproven = rest;
        let due: BTreeMap<_, _> = due;
        standing.lists_open += usize::from(!due.is_empty());
        due
    }

    /// What was taken out was listed, and what is wrong of it is noted.
    pub(super) fn listed(&self) {
        let mut standing = self.standing();
        standing.lists_open -= 1;
        standing.lists_done += 1;
    }

    /// How often series were listed again.
    pub(crate) fn lists_done(&self) -> u64 {
        self.standing().lists_done
    }

    /// True if nothing that was read of a batch stands on series that are still to be listed again, or are being listed.
    pub(crate) fn is_proven(&self, batch: TimeRange) -> bool {
        let standing = self.standing();
        let stands = |one: &OnSeries| !one.batch.intersect(batch).is_empty();
        standing.lists_open == 0 && !standing.unproven.values().flatten().any(stands)
    }

    /// Marks those of these batches that are open; gives the rest, with what was read of them.
    pub(super) fn mark(&self, wrong: &[OnSeries]) -> Vec<(TimeRange, u64)> {
        let mut standing = self.standing();
        let mut rest = Vec::new();
        for one in wrong {
            if standing.open.contains(&one.batch.start) {
                standing.marked.insert(one.batch.start);
            } else {
                rest.push((one.batch, one.values));
            }
        }
        rest
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
