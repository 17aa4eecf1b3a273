//! Where a spool lives: a folder, or a prefix of an object store. Names are relative, with `/` between their parts.
//!
//! In a folder a file is complete and synced in `staging` before it is renamed to its place, and the folder is synced
//! after that. A put into an object store is atomic by itself. All calls block, so they belong on threads that may.

mod faults;
mod fetched;
mod folder;
mod objects;
mod regular;
mod section;
pub(super) mod several;
mod staging;

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;

pub(crate) use faults::Faults;
use fetched::FetchedFiles;
use folder::Folder;
use objects::Objects;
pub use objects::Reach;
pub(super) use objects::age::Beat;
pub(super) use objects::trouble::Secrets;
pub(super) use objects::worker::Worker;
pub(super) use regular::Stamp;
pub(super) use section::Section;
pub(super) use staging::Staged;
use staging::{STAGING, Staging};

use super::digest::Sha256;
use super::error::Error;
use crate::limits::{OBJECT_PAUSE_MS, OBJECT_TRANSFERS_MAX};
use crate::model::series::Readable;

/// A place for a spool.
#[derive(Debug, Clone)]
pub struct Storage {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    place: Place,
    /// A folder of this machine for what is not complete, and for the lock among its runs.
    local: PathBuf,
    staging: Staging,
    fetched: FetchedFiles,
    faults: Faults,
}

#[derive(Debug)]
enum Place {
    Folder(Folder),
    Objects(Objects),
}

impl Storage {
    /// A folder; it is made when something is written.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        let (root, faults) = (path.into(), Faults::default());
        let staging = Staging::new(root.join(STAGING), faults.clone());
        let place = Place::Folder(Folder::new(root.clone(), faults.clone()));
        Self::new(place, root, staging, faults)
    }

    fn new(place: Place, local: PathBuf, staging: Staging, faults: Faults) -> Self {
        let inner = Inner { place, local, staging, fetched: FetchedFiles::default(), faults };
        Self { inner: Arc::new(inner) }
    }

    /// A prefix of an object store, with a local folder for files that are not complete.
    pub fn objects(
        store: Arc<dyn ObjectStore>,
        prefix: impl Into<String>,
        local: impl Into<PathBuf>,
    ) -> Result<Self, Error> {
        let (prefix, local) = (prefix.into(), local.into());
        let place = format!("{store}/{prefix}");
        let (secrets, pause_ms) = (Vec::new(), OBJECT_PAUSE_MS);
        Self::reach(Reach { store, prefix, place, local, secrets, pause_ms })
    }

    /// The same with everything that can be chosen.
    pub fn reach(reach: Reach) -> Result<Self, Error> {
        let faults = Faults::default();
        let local = reach.local.clone();
        let staging = Staging::new(local.join(STAGING), faults.clone());
        let place = Place::Objects(Objects::new(reach)?);
        Ok(Self::new(place, local, staging, faults))
    }

    /// The hook of its faults.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// For people.
    pub fn place(&self) -> String {
        match &self.inner.place {
            Place::Folder(folder) => folder.root.display().to_string(),
            Place::Objects(objects) => objects.place().to_owned(),
        }
    }

    /// True if the records of the journal are objects of their own, because nothing can be appended to one.
    pub(super) fn is_objects(&self) -> bool {
        matches!(&self.inner.place, Place::Objects(_))
    }

    /// The folder of this machine that belongs to the place.
    pub(super) fn local(&self) -> String {
        self.inner.local.display().to_string()
    }

    fn as_objects(&self) -> &Objects {
        match &self.inner.place {
            Place::Objects(objects) => objects,
            Place::Folder(_) => {
                unreachable!("a folder has locks of the system and can be appended to")
            }
        }
    }

    /// A new file in `staging`.
    pub(super) fn stage(&self) -> Result<(Staged, File), Error> {
        self.inner.staging.stage()
    }

    /// Makes sure that a staged file survives a crash.
    pub(super) fn sync(&self, staged: &Staged, file: &File) -> Result<(), Error> {
        self.inner.staging.sync(staged, file)
    }

    /// Removes a staged file.
    pub(super) fn discard(&self, staged: &Staged) -> Result<(), Error> {
        self.inner.staging.discard(staged)
    }

    /// Removes all staged files, but not where a link leads to.
    pub(super) fn sweep_staging(&self) -> Result<(), Error> {
        if self.is_link(STAGING) { Ok(()) } else { self.inner.staging.sweep() }
    }

    /// True for a link in a folder. What stands behind it may be somebody else's.
    pub(super) fn is_link(&self, name: &str) -> bool {
        match &self.inner.place {
            Place::Folder(folder) => folder.root.join(name).is_symlink(),
            Place::Objects(_) => false,
        }
    }

    /// Moves a staged and synced file to its place, over what was there.
    fn publish(&self, staged: &Staged, name: &str) -> Result<(), Error> {
        match &self.inner.place {
            Place::Folder(folder) => folder.publish(staged, name),
            Place::Objects(objects) => {
                self.inner.faults.step(name)?;
                objects.upload(&staged.path, name)?;
                self.discard(staged)
            }
        }
    }

    /// Moves staged and synced files to their places.
    pub(super) fn publish_all(&self, files: &[(Staged, String)]) -> Result<(), Error> {
        several::each(files, self.at_one_time(), |(staged, name)| self.publish(staged, name))
    }

    /// How many files are sent, or fetched, at one time.
    pub(super) fn at_one_time(&self) -> usize {
        if self.is_objects() { OBJECT_TRANSFERS_MAX } else { 1 }
    }

    /// Puts these bytes at a place, over what was there.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        if let Place::Objects(objects) = &self.inner.place {
            self.inner.faults.step(name)?;
            return objects.put(name, bytes);
        }
        let (staged, mut file) = self.stage()?;
        self.inner.faults.step(name)?;
        file.write_all(bytes).map_err(Error::io(name))?;
        self.sync(&staged, &file)?;
        self.publish(&staged, name)
    }

    /// Puts these bytes at a place of an object store where nothing stands; false if something else does. No two runs
    /// may put the same bytes: what stands there and is equal counts as put by this call, whose answer was lost.
    pub(super) fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, Error> {
        self.inner.faults.step(name)?;
        self.as_objects().create(name, bytes)
    }

    /// Makes sure that an object store does not put these bytes over themselves when it is told to put them only where
    /// nothing stands. One that does cannot keep a spool.
    pub(super) fn prove_create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.inner.faults.step(name)?;
        self.as_objects().prove_create(name, bytes)
    }

    /// How long ago something was put into an object store, by the store's own clock, ms; `None` if it is not there.
    pub(super) fn age_ms(&self, name: &str) -> Result<Option<u64>, Error> {
        self.as_objects().age_ms(name)
    }

    /// Puts these bytes again and again over themselves, as long as the answer lives and nothing else stands there.
    pub(super) fn beat(&self, name: &str, bytes: &[u8]) -> Result<Beat, Error> {
        self.as_objects().beat(name, bytes)
    }

    /// Appends to a file of a folder, after its first `length` bytes: what a broken append left behind them is cut.
    pub(super) fn append(&self, name: &str, length: u64, bytes: &[u8]) -> Result<(), Error> {
        match &self.inner.place {
            Place::Folder(folder) => folder.append(name, length, bytes),
            Place::Objects(_) => unreachable!("nothing can be appended to an object"),
        }
    }

    /// The bytes at a place; `None` if nothing is there.
    pub(super) fn read(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, Error> {
        let mut all = Vec::new();
        let fits = |bytes: u64| {
            if bytes <= bytes_max {
                return Ok(());
            }
            Err(Error::damaged(name, format!("larger than {bytes_max} bytes")))
        };
        let found = self.each(name, &fits, &mut |bytes| {
            all.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok(found.map(|_| all))
    }

    /// SHA-256 of what is at a place, once `fits` has agreed to its length.
    pub(super) fn digest(
        &self,
        name: &str,
        fits: &dyn Fn(u64) -> Result<(), Error>,
    ) -> Result<Option<(String, Stamp)>, Error> {
        let mut sha256 = Sha256::new();
        let found = self.each(name, fits, &mut |bytes| {
            sha256.update(bytes);
            Ok(())
        })?;
        Ok(found.map(|stamp| (sha256.finish(), stamp)))
    }

    /// Shows all bytes, piece by piece, once `fits` has agreed to their number; `None` if there is nothing.
    fn each(
        &self,
        name: &str,
        fits: &dyn Fn(u64) -> Result<(), Error>,
        see: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<Option<Stamp>, Error> {
        match &self.inner.place {
            Place::Folder(folder) => folder.each(name, fits, see),
            Place::Objects(objects) => Ok(objects.each(name, fits, see)?.then(Stamp::default)),
        }
    }

    /// The file at a place, of this length, to be read at random. An object is copied to `staging` first, and held
    /// against its digest on the way, so that what is read is what was verified.
    pub(super) fn open(
        &self,
        name: &str,
        (bytes, sha256): (u64, &str),
    ) -> Result<(Section, Stamp), Error> {
        let missing = || Error::Missing { file: name.to_owned() };
        let (file, stamp) = match &self.inner.place {
            Place::Folder(folder) => folder.open(name)?.ok_or_else(missing)?,
            Place::Objects(objects) => {
                if let Some(section) = self.inner.fetched.get(sha256) {
                    return Ok((section, Stamp::default()));
                }
                let file = self.fetch(objects, name, (bytes, sha256))?.ok_or_else(missing)?;
                (file, Stamp::default())
            }
        };
        let length = file.metadata().map_err(Error::io(name))?.len();
        has(name, bytes, length)?;
        let section = Section::new(Arc::new(file), 0, length);
        if self.is_objects() {
            self.inner.fetched.keep(sha256, &section);
        }
        Ok((section, stamp))
    }

    fn fetch(
        &self,
        objects: &Objects,
        name: &str,
        (bytes, sha256): (u64, &str),
    ) -> Result<Option<File>, Error> {
        let (staged, mut file) = self.stage()?;
        // Nameless from here on: gone with its last reader, however that ends.
        self.discard(&staged)?;
        let mut copied = Sha256::new();
        let found = objects.each(name, &|found| has(name, bytes, found), &mut |bytes| {
            copied.update(bytes);
            file.write_all(bytes).map_err(Error::io(name))
        })?;
        if found && copied.finish() != sha256 {
            return Err(Error::damaged(name, "its digest does not match"));
        }
        Ok(found.then_some(file))
    }

    /// The names of all files below a folder, sorted. Those of others are for people: what is no letter is escaped.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        let mut names = match &self.inner.place {
            Place::Folder(own) => own.list(folder)?,
            Place::Objects(objects) => objects.list(folder)?,
        };
        for name in &mut names {
            if name.contains(char::is_control) {
                *name = Readable(name.as_bytes()).to_string();
            }
        }
        names.sort();
        Ok(names)
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<(), Error> {
        self.inner.faults.removal(name)?;
        match &self.inner.place {
            Place::Folder(folder) => folder.remove(name),
            Place::Objects(objects) => objects.remove(name),
        }
    }

    /// Opens the file that runs of this machine lock the place by.
    pub(super) fn lock_file(&self, name: &str) -> Result<File, Error> {
        regular::make_folders(&self.inner.local).map_err(Error::io(name))?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        regular::open(name, &self.inner.local.join(name), &mut options)
    }

    /// The same, where it is there already.
    pub(super) fn known_lock_file(&self, name: &str) -> Result<Option<File>, Error> {
        let path = self.inner.local.join(name);
        if !path.exists() {
            return Ok(None);
        }
        regular::open(name, &path, OpenOptions::new().read(true)).map(Some)
    }

    /// Opens the folder of a spool itself: a lock on it needs no right to write. `None` where there is no such folder.
    pub(super) fn folder_itself(&self) -> Option<File> {
        match &self.inner.place {
            Place::Folder(folder) => regular::open_folder(&folder.root),
            Place::Objects(_) => None,
        }
    }

    /// The mode of the folder, if others than its owner can look into it.
    pub fn open_to_others(&self) -> Option<u32> {
        match &self.inner.place {
            Place::Folder(folder) => regular::open_to_others(&folder.root),
            Place::Objects(_) => None,
        }
    }
}

/// A file that has another length is another file.
pub(super) fn has(name: &str, bytes: u64, found: u64) -> Result<(), Error> {
    if bytes == found {
        return Ok(());
    }
    Err(Error::damaged(name, format!("it has {found} bytes instead of {bytes}")))
}
