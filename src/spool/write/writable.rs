//! A spool that is written to: opened by one run at a time, resumed where it stopped.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use super::batch::{BatchWriter, FinishedBatch};
use super::open::{Kept, OpenSpool, sweep};
use crate::model::time::{TimeRange, Timestamp};
use crate::spool::error::Error;
use crate::spool::format::job::{StagedJob, StoredJob};
use crate::spool::format::journal::{self, End};
use crate::spool::format::sound;
use crate::spool::format::state::{FileEntry, JournalRecord, SpoolState};
use crate::spool::held::held;
use crate::spool::lock::{LOCK, Lock};
use crate::spool::storage::{Staged, Storage};

/// A spool that this run writes to. Calls block; batches may be written from any thread.
#[derive(Debug, Clone)]
pub struct Spool {
    pub(super) inner: Arc<OpenSpool>,
}

impl Spool {
    /// Opens the spool of a job, or begins it. A spool of another job is refused, and one that another run holds. What a
    /// killed run left behind is removed. `take_over` ignores the lock of an object store, which outlives its run.
    pub fn open(storage: &Storage, job: &StagedJob, take_over: bool) -> Result<Self, Error> {
        let lock = Lock::take(storage, take_over)?;
        match Self::open_locked(storage, job, &lock) {
            Ok((state, end)) => Ok(Self::new(storage, job, lock, state, end)),
            Err(error) => {
                // One that cannot be let go grows old.
                let _ = lock.release();
                Err(error)
            }
        }
    }

    /// Looks whether [`Spool::open`] would open it, and up to where it is committed, if it is there. Changes nothing.
    pub fn look(
        storage: &Storage,
        job: &StagedJob,
        take_over: bool,
    ) -> Result<Option<Timestamp>, Error> {
        Lock::look(storage, take_over)?;
        let Some((state, _)) = journal::read(storage)? else { return Ok(None) };
        refuse_other(storage, &state, job)?;
        Ok(Some(Timestamp::from_ns(state.watermark)))
    }

    fn open_locked(
        storage: &Storage,
        job: &StagedJob,
        lock: &Lock,
    ) -> Result<(SpoolState, End), Error> {
        storage.sweep_staging()?;
        // Before it is written: no reader would take another one.
        let stored = StoredJob::new(job);
        sound::job(&stored)
            .map_err(|what| Error::Encode { file: journal::MANIFEST.to_owned(), what })?;
        let (mut state, mut end) = if let Some(known) = journal::read(storage)? {
            known
        } else {
            let state = SpoolState::new(job);
            journal::begin(storage, &state)?;
            (state, End::default())
        };
        refuse_other(storage, &state, job)?;
        if let Some(run) = lock.run() {
            // From here on no other run can commit: nothing that is removed below was committed meanwhile.
            let record = JournalRecord::Begin { run: run.to_owned() };
            journal::append(storage, &mut state, &mut end, record)?;
        }
        if state.job != stored {
            state.job = stored;
            journal::write_manifest(storage, &state)?;
        }
        sweep(storage, &state)?;
        Ok((state, end))
    }

    fn new(storage: &Storage, job: &StagedJob, lock: Lock, state: SpoolState, end: End) -> Self {
        let inner = OpenSpool {
            job: job.clone(),
            job_id: state.job_id(),
            format: state.format,
            settled: Mutex::new(state.measurements.clone()),
            kept: Mutex::new(Kept::new(state, end)),
            storage: storage.clone(),
            held_bytes: AtomicUsize::new(0),
            finishing: Mutex::new(()),
            given_up: Mutex::default(),
            lock: Mutex::new(Some(lock)),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Everything before this is committed.
    pub fn watermark(&self) -> Timestamp {
        Timestamp::from_ns(held(&self.inner.kept).state.watermark)
    }

    /// Rows and values of all committed batches.
    pub fn totals(&self) -> (u64, u64) {
        held(&self.inner.kept).state.totals()
    }

    /// How many files there are, and their bytes.
    pub fn size(&self) -> (u64, u64) {
        let files = self.files();
        (files.len() as u64, files.iter().map(|file| file.bytes).sum())
    }

    /// Values of committed batches that are not in their files.
    pub fn rejected(&self) -> u64 {
        held(&self.inner.kept).state.rejected()
    }

    /// The committed batches that hold something, in sequence, each with its values.
    pub fn committed(&self) -> Vec<(TimeRange, u64)> {
        let kept = held(&self.inner.kept);
        let time = Timestamp::from_ns;
        let batches = kept.state.batches.iter().filter(|(_, batch)| batch.values > 0);
        batches
            .map(|(start, batch)| (TimeRange::new(time(*start), time(batch.stop)), batch.values))
            .collect()
    }

    /// Begins to write a batch. Several may be open at one time.
    pub fn begin(&self, batch: TimeRange) -> BatchWriter {
        BatchWriter::new(Arc::clone(&self.inner), batch)
    }

    /// Commits a batch: from now on it is part of the spool, whatever happens. A batch begins at the watermark, or
    /// replaces one that was committed with the same range.
    pub fn commit(&self, batch: FinishedBatch) -> Result<(), Error> {
        let mut kept = held(&self.inner.kept);
        let range = batch.range();
        let replaced = kept.replaced(range)?;
        let rejected = batch.rejected();
        let (files, staged, totals) = batch.into_parts();
        let new: BTreeSet<&str> = files.iter().map(|file| &*file.path).collect();
        if !staged.is_empty() {
            kept.announce(&self.inner, staged.iter().map(|(_, path)| path.clone()).collect())?;
            self.inner.storage.publish_all(&staged)?;
        }
        let gone: Vec<_> =
            replaced.iter().filter(|path| !new.contains(path.as_str())).cloned().collect();
        let record = JournalRecord::Batch {
            start: range.start.ns(),
            stop: range.stop.ns(),
            rows: totals.rows,
            values: totals.values,
            rejected,
            digest: totals.digest.to_string(),
            settled: self.inner.newly_settled(&kept.state, &files),
            files,
            removed: replaced,
        };
        kept.append(&self.inner, record)?;
        for path in &gone {
            self.inner.storage.remove(path)?;
        }
        Ok(())
    }

    /// Keeps for all who open it that what it holds may be wrong: they refuse it, with the error that this gives.
    pub fn doubt(&self, text: &str) -> Error {
        let record = JournalRecord::Doubt { text: text.to_owned() };
        match held(&self.inner.kept).append(&self.inner, record) {
            Ok(()) => Error::Doubtful { text: text.to_owned() },
            Err(error) => error,
        }
    }

    /// Ends the run: the manifest holds everything, what was given up is removed, and the lock is let go.
    pub fn close(self) -> Result<(), Error> {
        let Some(lock) = held(&self.inner.lock).take() else { return Ok(()) };
        if !lock.is_held()? {
            // What would be tidied up now is another run's.
            return Err(Error::TakenOver { file: LOCK.to_owned() });
        }
        let mut kept = held(&self.inner.kept);
        kept.announce_given_up(&self.inner)?;
        journal::write_manifest(&self.inner.storage, &kept.state)?;
        sweep(&self.inner.storage, &kept.state)?;
        drop(kept);
        lock.release()
    }

    /// All files, sorted by their places.
    pub(super) fn files(&self) -> Vec<FileEntry> {
        held(&self.inner.kept).state.files.values().cloned().collect()
    }

    pub(super) fn with_state<T>(&self, work: impl FnOnce(&SpoolState) -> T) -> T {
        work(&held(&self.inner.kept).state)
    }

    /// Puts one file in the place of several.
    pub(super) fn replace(
        &self,
        staged: Staged,
        file: FileEntry,
        old: &[FileEntry],
    ) -> Result<(), Error> {
        let mut kept = held(&self.inner.kept);
        let removed: Vec<_> = old.iter().map(|file| file.path.clone()).collect();
        kept.announce(&self.inner, vec![file.path.clone()])?;
        let place = file.path.clone();
        self.inner.storage.publish_all(&[(staged, place.clone())])?;
        let record = JournalRecord::Compact { files: vec![file], removed: removed.clone() };
        kept.append(&self.inner, record)?;
        journal::write_manifest(&self.inner.storage, &kept.state)?;
        for path in removed.iter().filter(|path| **path != place) {
            self.inner.storage.remove(path)?;
        }
        Ok(())
    }
}

fn refuse_other(storage: &Storage, state: &SpoolState, job: &StagedJob) -> Result<(), Error> {
    let differences = state.job.differences(job);
    if differences.is_empty() {
        Ok(())
    } else {
        Err(Error::OtherJob { place: storage.place(), differences })
    }
}
