//! One run at a time writes to a spool, and none merges files that somebody reads.
//!
//! In a folder the system holds the lock, and lets it go with its process. In an object store it is an object that
//! tells who holds it. Its run keeps it young; one that has grown old is of a run that was killed. Nothing rests on
//! that: a run that is taken for dead although it lives is stopped by the journal, whose records are created only where
//! nothing stands.

use std::fs::File;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::digest;
use super::error::Error;
use super::storage::{Beat, Storage};
use crate::limits::LEASE_STALE_MS;
use crate::lock_file::{self, LockAttempt, LockFile};
use crate::model::time::Timestamp;

/// The lock: held by the system in a folder, an object in a store.
pub(super) const LOCK: &str = "lock";

/// An object that somebody else has put at the place of the lock is not read further.
const LOCK_BYTES_MAX: u64 = 64 * 1024;

/// Who holds the lock of a spool in an object store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// The run, unlike any other.
    pub run: String,
    /// Its machine.
    pub machine: String,
    /// Its process there.
    pub process: u32,
    /// Its folder there, which is locked by the system as long as it runs.
    pub folder: String,
    /// When it began, by the clock of its machine.
    pub since: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { run, machine, process, since, .. } = self;
        write!(f, "run {run} (process {process} on machine {machine}, since {since})")
    }
}

/// Held as long as it lives.
#[derive(Debug)]
pub(super) struct Lock {
    /// Of this machine. In a folder it is all there is.
    _file: LockFile,
    object: Option<Object>,
}

/// Those who read a spool hold its folder together, and who merges its files holds it alone: no file is taken away
/// from under a reader. It needs no right to write. In an object store nobody can hold anything so: there a reader is
/// told what became of its file.
#[derive(Debug)]
pub(super) struct Reading {
    /// None where a folder cannot be locked: it can be read all the same.
    _folder: Option<LockFile>,
}

impl Reading {
    /// Together with other readers.
    pub(super) fn together(storage: &Storage) -> Result<Self, Error> {
        let busy = || Error::Merging { place: storage.place() };
        Self::of(storage, LockFile::share_soon).ok_or_else(busy)
    }

    /// With no reader besides.
    pub(super) fn alone(storage: &Storage) -> Result<Self, Error> {
        let busy = || Error::BeingRead { place: storage.place() };
        Self::of(storage, LockFile::take_soon).ok_or_else(busy)
    }

    /// None if somebody holds the folder in another way.
    fn of(storage: &Storage, lock: fn(File) -> LockAttempt) -> Option<Self> {
        let folder = match storage.folder_itself().map(lock) {
            Some(Ok(attempt)) => Some(attempt.ok()?),
            Some(Err(_)) | None => None,
        };
        Some(Self { _folder: folder })
    }
}

fn locked(file: &File) -> Error {
    Error::Locked { lock: LOCK.to_owned(), holder: lock_file::holder(file) }
}

/// The lock of an object store.
#[derive(Debug)]
struct Object {
    storage: Storage,
    text: Vec<u8>,
    run: String,
    _beat: Beat,
}

impl Lock {
    /// Takes the lock. `take_over` takes that of an object store although its run seems to live.
    pub(super) fn take(storage: &Storage, take_over: bool) -> Result<Self, Error> {
        let file = storage.lock_file(LOCK)?;
        let attempt = LockFile::take_soon(file).map_err(Error::io(LOCK))?;
        let file = attempt.map_err(|file| locked(&file))?;
        let object =
            if storage.is_objects() { Some(Object::take(storage, take_over)?) } else { None };
        Ok(Self { _file: file, object })
    }

    /// Makes sure that [`Lock::take`] would get it. Makes nothing, and holds nothing when it returns.
    pub(super) fn look(storage: &Storage, take_over: bool) -> Result<(), Error> {
        if let Some(file) = storage.known_lock_file(LOCK)? {
            let attempt = LockFile::share_soon(file).map_err(Error::io(LOCK))?;
            attempt.map_err(|file| locked(&file))?;
        }
        if storage.is_objects() && !take_over {
            Holder::here(storage).may_follow(storage)
        } else {
            Ok(())
        }
    }

    /// The run, where it has to be told apart from others by what it writes.
    pub(super) fn run(&self) -> Option<&str> {
        self.object.as_ref().map(|object| &*object.run)
    }

    /// Makes sure that nobody has taken the lock over.
    pub(super) fn is_held(&self) -> Result<bool, Error> {
        match &self.object {
            None => Ok(true),
            Some(own) => {
                let found = own.storage.read(LOCK, LOCK_BYTES_MAX)?;
                Ok(found.is_some_and(|found| found == own.text))
            }
        }
    }

    /// Lets the lock go, if it is still held.
    pub(super) fn release(self) -> Result<(), Error> {
        if let Some(own) = &self.object
            && self.is_held()?
        {
            own.storage.remove(LOCK)?;
        }
        Ok(())
    }
}

impl Object {
    fn take(storage: &Storage, take_over: bool) -> Result<Self, Error> {
        let holder = Holder::here(storage);
        let text = serde_json::to_vec(&holder).expect("a holder is plain data");
        if !storage.create(LOCK, &text)? {
            if !take_over {
                holder.may_follow(storage)?;
            }
            storage.put(LOCK, &text)?;
        }
        if let Err(error) = storage.prove_create(LOCK, &text) {
            // It was put all the same.
            let _ = storage.remove(LOCK);
            return Err(error);
        }
        let beat = storage.beat(LOCK, &text)?;
        Ok(Self { storage: storage.clone(), text, run: holder.run, _beat: beat })
    }
}

impl Holder {
    fn here(storage: &Storage) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let now = Timestamp::from_ns(i64::try_from(now).unwrap_or(i64::MAX));
        let (machine, process) = (machine(), std::process::id());
        let unique = format!("{machine} {process} {} {}", storage.local(), now.ns());
        Self {
            run: digest::sha256(unique.as_bytes())[..16].to_owned(),
            machine,
            process,
            folder: storage.local(),
            since: now.to_string(),
        }
    }

    /// Makes sure that the run that holds the lock is dead. This one holds the lock of its folder: had the other one
    /// been of the same folder, it would hold that.
    fn may_follow(&self, storage: &Storage) -> Result<(), Error> {
        let (Some(age_ms), Some(found)) =
            (storage.age_ms(LOCK)?, storage.read(LOCK, LOCK_BYTES_MAX)?)
        else {
            return Ok(());
        };
        let found = serde_json::from_slice::<Self>(&found).ok();
        let is_same =
            |other: &Self| (&other.machine, &other.folder) == (&self.machine, &self.folder);
        if age_ms > LEASE_STALE_MS || found.as_ref().is_some_and(is_same) {
            return Ok(());
        }
        let by =
            found.map_or_else(|| "somebody that it does not tell".to_owned(), |by| by.to_string());
        Err(Error::Held { by, age_s: age_ms / 1_000 })
    }
}

/// What tells machines apart: the machine id where there is one, else the host name.
pub(crate) fn machine() -> String {
    ["/etc/machine-id", "/proc/sys/kernel/hostname"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .map(|text| text.trim().to_owned())
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}
