//! A spool that is read: every file is held against the manifest before the first of its rows is handed out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::checked_file::{Seen, check_file, open_file};
use super::file_reader::FileReader;
use crate::model::content_digest::ContentDigest;
use crate::model::frame::FieldType;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
use crate::spool::error::Error;
use crate::spool::format::job::StagedJob;
use crate::spool::format::journal;
use crate::spool::format::name::{self, Tree};
use crate::spool::format::state::{FileEntry, SpoolState};
use crate::spool::held::held;
use crate::spool::lock::Reading;
use crate::spool::storage::{Stamp, Storage, several};

/// What of a spool is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSelection {
    /// Times.
    pub range: TimeRange,
    /// Any of these; `None` takes all.
    pub measurements: Option<BTreeSet<Name>>,
    /// Any of these; `None` takes all.
    pub buckets: Option<BTreeSet<Name>>,
}

impl StoredSelection {
    /// Everything.
    pub const ALL: Self = Self { range: TimeRange::ALL, measurements: None, buckets: None };

    fn takes(&self, file: &FileEntry) -> bool {
        let among = |names: &Option<BTreeSet<Name>>, encoded: &str| {
            let own = name::decode(encoded);
            names.as_ref().is_none_or(|names| own.is_some_and(|own| names.contains(&own)))
        };
        file.touches(self.range)
            && among(&self.measurements, &file.measurement)
            && among(&self.buckets, &file.bucket)
    }
}

/// A batch, as it was recorded when it was read from the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredBatch {
    /// Its range.
    pub(crate) range: TimeRange,
    /// Values.
    pub(crate) values: u64,
    /// The digest of its content.
    pub(crate) digest: ContentDigest,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verified {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows that the manifest tells of.
    pub rows: u64,
    /// Values, likewise.
    pub values: u64,
}

/// A spool as it was when it was opened.
#[derive(Debug, Clone)]
pub struct Stored {
    storage: Storage,
    state: Arc<SpoolState>,
    /// Files whose digest matched, as they were then.
    verified: Arc<Mutex<BTreeMap<String, Stamp>>>,
    /// True once the trees were searched for files that do not belong there.
    searched: Arc<AtomicBool>,
    _reading: Arc<Reading>,
}

/// What lies among the data of a spool and is not listed.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    /// Of a run that was stopped, or that has not committed them yet.
    pub(crate) leftovers: u64,
    /// Nobody's.
    pub(crate) foreign: Vec<String>,
}

impl Stored {
    /// Opens a spool to read it. What a run commits meanwhile is not seen. Files are merged by nobody as long as this, or
    /// a clone of it, lives, but for those in an object store: that is told where it is met.
    pub fn open(storage: &Storage) -> Result<Self, Error> {
        let reading = Reading::together(storage)?;
        let state = read_state(storage)?;
        Ok(Self {
            storage: storage.clone(),
            state: Arc::new(state),
            verified: Arc::default(),
            searched: Arc::default(),
            _reading: Arc::new(reading),
        })
    }

    /// Whose content a spool holds. Takes no lock.
    ///
    /// # Panics
    ///
    /// Never: a manifest without a whole job is refused.
    pub fn job_of(storage: &Storage) -> Result<StagedJob, Error> {
        Ok(read_state(storage)?.job.job().expect("checked when the manifest was read"))
    }

    pub(crate) fn state(&self) -> &SpoolState {
        &self.state
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Whose content it holds.
    ///
    /// # Panics
    ///
    /// Never: a manifest without a whole job is refused.
    pub fn job(&self) -> StagedJob {
        self.state.job.job().expect("checked when the manifest was read")
    }

    /// Everything before this is there.
    pub fn watermark(&self) -> Timestamp {
        Timestamp::from_ns(self.state.watermark)
    }

    /// All batches, one behind the other and without a gap.
    pub(crate) fn batches(&self) -> impl Iterator<Item = StoredBatch> {
        self.state.batches.iter().map(|(start, batch)| StoredBatch {
            range: TimeRange::new(Timestamp::from_ns(*start), Timestamp::from_ns(batch.stop)),
            values: batch.values,
            digest: batch.digest,
        })
    }

    /// Values that could not be staged, in all batches.
    pub fn rejected(&self) -> u64 {
        self.state.rejected()
    }

    /// The same in the batches that begin in a range.
    pub fn rejected_in(&self, range: TimeRange) -> u64 {
        let is_in = |start: &i64| range.contains(Timestamp::from_ns(*start));
        let batches = self.state.rejected.iter().filter(|(start, _)| is_in(start));
        batches.map(|(_, values)| values).sum()
    }

    /// Batches that lack values which could not be staged, rising, and how many each.
    pub fn unstaged(&self) -> Vec<(TimeRange, u64)> {
        let state = &self.state;
        let batch = |(start, values): (&i64, &u64)| {
            let stop = state.batches.get(start).map_or(state.watermark, |batch| batch.stop);
            (TimeRange::new(Timestamp::from_ns(*start), Timestamp::from_ns(stop)), *values)
        };
        state.rejected.iter().map(batch).collect()
    }

    /// The types of each field in the files of a selection, by measurement and field; these files are verified first.
    pub fn field_types(
        &self,
        selection: &StoredSelection,
    ) -> Result<BTreeMap<(Name, Name), BTreeSet<FieldType>>, Error> {
        self.verify(selection)?;
        let mut types: BTreeMap<(Name, Name), BTreeSet<FieldType>> = BTreeMap::new();
        for file in self.files(selection) {
            // What is in `data` was settled once; only the others tell by themselves.
            if file.tree() == Some(Tree::Conflicts) {
                let reader = self.reader(file, None)?;
                let columns = reader.columns();
                for field in &columns.fields {
                    let key = (columns.measurement.clone(), field.name.clone());
                    types.entry(key).or_default().insert(field.kind);
                }
            }
        }
        for (measurement, settled) in &self.state.measurements {
            for (field, kind) in &settled.types {
                let names = name::decode(measurement).zip(name::decode(field));
                if let Some((names, kind)) = names.zip(FieldType::named(kind)) {
                    types.entry(names).or_default().insert(kind);
                }
            }
        }
        Ok(types)
    }

    /// The files of a selection, by bucket, measurement, month and time.
    pub fn files(&self, selection: &StoredSelection) -> Vec<&FileEntry> {
        let mut files: Vec<_> =
            self.state.files.values().filter(|file| selection.takes(file)).collect();
        files.sort_by(|a, b| order(a).cmp(&order(b)));
        files
    }

    /// Makes sure that each file of the selection is the one that was written, and that no other lies among them.
    pub fn verify(&self, selection: &StoredSelection) -> Result<Verified, Error> {
        self.verify_step_by_step(selection, |_| ())
    }

    /// The same; `tell` hears after each file what was looked at so far.
    pub fn verify_step_by_step(
        &self,
        selection: &StoredSelection,
        mut tell: impl FnMut(&Verified),
    ) -> Result<Verified, Error> {
        self.search()?;
        let mut verified = Verified::default();
        let at_one_time = self.storage.at_one_time();
        for files in self.files(selection).chunks(at_one_time) {
            several::each(files, at_one_time, |file| self.verify_file(file))?;
            for file in files {
                verified.files += 1;
                verified.bytes += file.bytes;
                verified.rows += file.rows;
                verified.values += file.values;
                tell(&verified);
            }
        }
        Ok(verified)
    }

    /// The same, and decodes everything: rows, values and content must be those of the manifest.
    pub fn verify_content(&self, selection: &StoredSelection) -> Result<Verified, Error> {
        let verified = self.verify(selection)?;
        self.files(selection).into_iter().try_for_each(|file| self.verify_decoded(file))?;
        Ok(verified)
    }

    /// Decodes a file: rows, values and content must be those of the manifest.
    pub(crate) fn verify_decoded(&self, file: &FileEntry) -> Result<(), Error> {
        let mut seen = Seen::default();
        for block in self.reader(file, None)? {
            seen.add(&block?);
        }
        seen.hold_against(file)
    }

    pub(crate) fn verify_file(&self, file: &FileEntry) -> Result<(), Error> {
        let known = held(&self.verified).contains_key(&file.path);
        if !known {
            let stamp = self.told(check_file(&self.storage, &self.state, file))?;
            held(&self.verified).insert(file.path.clone(), stamp);
        }
        Ok(())
    }

    pub(crate) fn reader(
        &self,
        file: &FileEntry,
        range: Option<TimeRange>,
    ) -> Result<FileReader, Error> {
        let known = held(&self.verified).get(&file.path).copied();
        self.told(open_file(&self.storage, &self.state, file, range, known))
    }

    /// A file that is gone may have been merged since, where no lock prevents that.
    fn told<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        match result {
            Err(Error::Missing { file })
                if !read_state(&self.storage)?.files.contains_key(&file) =>
            {
                Err(Error::Changed { file })
            }
            other => other,
        }
    }

    /// What lies among the data and is not listed.
    pub(crate) fn strangers(&self) -> Result<Strangers, Error> {
        let mut found = Strangers::default();
        for tree in Tree::ALL {
            for path in self.storage.list(tree.folder())? {
                if self.state.files.contains_key(&path) {
                    continue;
                }
                if self.state.is_leftover(&path) {
                    found.leftovers += 1;
                } else {
                    found.foreign.push(path);
                }
            }
        }
        if !found.foreign.is_empty() {
            // Or it was written since.
            let now = read_state(&self.storage)?;
            let is_known = |path: &&String| now.files.contains_key(*path) || now.is_leftover(path);
            if let Some(file) = found.foreign.iter().find(is_known).cloned() {
                return Err(Error::Changed { file });
            }
        }
        Ok(found)
    }

    /// Looks for files that nobody knows.
    pub(super) fn search(&self) -> Result<(), Error> {
        if self.searched.load(Ordering::SeqCst) {
            return Ok(());
        }
        if let Some(file) = self.strangers()?.foreign.into_iter().next() {
            return Err(Error::Foreign { file });
        }
        self.searched.store(true, Ordering::SeqCst);
        Ok(())
    }
}

fn read_state(storage: &Storage) -> Result<SpoolState, Error> {
    let (state, _) =
        journal::read(storage)?.ok_or_else(|| Error::NoSpool { place: storage.place() })?;
    Ok(state)
}

fn order(file: &FileEntry) -> (&str, &str, &str, i64, Option<Tree>, &str) {
    (&file.bucket, &file.measurement, &file.month, file.time_min, file.tree(), &file.path)
}
