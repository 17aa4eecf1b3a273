//! What an open spool and its batches share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use crate::model::time::{TimeRange, Timestamp};
use crate::spool::error::Error;
use crate::spool::format::job::Job;
use crate::spool::format::journal::{self, End};
use crate::spool::format::name::{self, Tree};
use crate::spool::format::state::{FileEntry, Record, Settled, State};
use crate::spool::held::held;
use crate::spool::lock::Lock;
use crate::spool::storage::Storage;

/// What the spool and its open batches share.
#[derive(Debug)]
pub(super) struct OpenSpool {
    pub(super) storage: Storage,
    pub(super) job: Job,
    /// Both go into the files.
    pub(super) job_id: String,
    pub(super) format: u64,
    pub(super) kept: Mutex<Kept>,
    /// What is settled of each measurement, by batches that are not committed too.
    pub(super) settled: Mutex<BTreeMap<String, Settled>>,
    /// Bytes of frames that all open batches hold.
    pub(super) held_bytes: AtomicUsize,
    /// One batch at a time is sorted and encoded, so that the memory for it is needed once.
    pub(super) finishing: Mutex<()>,
    /// Files at their places whose batch will not be committed, not yet in the journal.
    pub(super) given_up: Mutex<Vec<String>>,
    pub(super) lock: Mutex<Option<Lock>>,
}

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) state: State,
    pub(super) end: End,
    /// Files since the last manifest.
    files_since: usize,
}

impl Kept {
    pub(super) fn new(state: State, end: End) -> Self {
        Self { state, end, files_since: 0 }
    }

    /// The files of an earlier commit of the same range.
    pub(super) fn replaced(&self, range: TimeRange) -> Result<Vec<String>, Error> {
        let watermark = Timestamp::from_ns(self.state.watermark);
        if range.start == watermark && !range.is_empty() {
            return Ok(Vec::new());
        }
        let own = (range.start.ns(), range.stop.ns());
        let mut replaced = Vec::new();
        for file in self.state.files.values() {
            if file.batches == [own] {
                replaced.push(file.path.clone());
            } else if file.batches.iter().any(|(start, stop)| *start < own.1 && own.0 < *stop) {
                return Err(Error::Compacted { batch: range, file: file.path.clone() });
            }
        }
        if self.state.batches.get(&own.0).is_none_or(|known| known.stop != own.1) {
            return Err(Error::OutOfSequence { batch: range, watermark });
        }
        Ok(replaced)
    }

    /// A record of its own for files that were given up: before any other one, so that none of them can be taken for a
    /// foreign one once the watermark has passed it.
    pub(super) fn announce_given_up(&mut self, inner: &OpenSpool) -> Result<(), Error> {
        let mut files = std::mem::take(&mut *held(&inner.given_up));
        files.retain(|path| !self.state.files.contains_key(path));
        if files.is_empty() {
            return Ok(());
        }
        let record = Record::Announce { files };
        journal::append(&inner.storage, &mut self.state, &mut self.end, record)
    }

    pub(super) fn announce(&mut self, inner: &OpenSpool, files: Vec<String>) -> Result<(), Error> {
        let record = Record::Announce { files };
        journal::append(&inner.storage, &mut self.state, &mut self.end, record)
    }

    pub(super) fn append(&mut self, inner: &OpenSpool, record: Record) -> Result<(), Error> {
        if let Record::Batch { files, .. } = &record {
            self.files_since += files.len();
        }
        self.announce_given_up(inner)?;
        journal::append(&inner.storage, &mut self.state, &mut self.end, record)?;
        // Each manifest holds all files: written when a quarter of them is new, it costs a constant share.
        if self.files_since > 0 && self.files_since * 4 >= self.state.files.len() {
            journal::write_manifest(&inner.storage, &self.state)?;
            self.files_since = 0;
        }
        Ok(())
    }
}

impl OpenSpool {
    /// True if files of this range may be published before their batch is committed: they lie past the watermark, so
    /// nobody takes them for more than leftovers.
    pub(super) fn is_past_watermark(&self, range: TimeRange) -> bool {
        range.start.ns() >= held(&self.kept).state.watermark
    }

    /// Files that were published and will not be committed. The next record tells of them; if there is none, the next
    /// run finds them by their range. May be called where nothing may block.
    pub(super) fn give_up(&self, files: Vec<String>) {
        held(&self.given_up).extend(files);
    }

    /// What is settled of a measurement, after `settle` had its say.
    pub(super) fn settle(&self, measurement: &[u8], settle: impl FnOnce(&mut Settled)) -> Settled {
        let mut all = held(&self.settled);
        let own = all.entry(name::encode(measurement)).or_default();
        settle(own);
        own.clone()
    }

    pub(super) fn newly_settled(
        &self,
        state: &State,
        files: &[FileEntry],
    ) -> BTreeMap<String, Settled> {
        let all = held(&self.settled);
        let touched: BTreeSet<&String> = files.iter().map(|file| &file.measurement).collect();
        let new = touched.into_iter().filter_map(|measurement| {
            let own = all.get(measurement)?;
            (state.measurements.get(measurement) != Some(own))
                .then(|| (measurement.clone(), own.clone()))
        });
        new.collect()
    }
}

/// Removes files that a killed run left; those of others stay, and are named when the spool is read. They are known by
/// their names alone, so what a link leads to stays too.
pub(super) fn sweep(storage: &Storage, state: &State) -> Result<(), Error> {
    for tree in Tree::ALL.into_iter().filter(|tree| !storage.is_link(tree.folder())) {
        for path in storage.list(tree.folder())? {
            if !state.files.contains_key(&path) && state.is_leftover(&path) {
                storage.remove(&path)?;
            }
        }
    }
    Ok(())
}
