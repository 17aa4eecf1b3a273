//! Where a spool lives: a folder, or a prefix of an object store. Names are relative, with `/` between their parts.
//!
//! A folder is written with the strongest means a file system has: a file is complete and synced in `staging` before it
//! is renamed to its place, and the folder is synced after that. A put into an object store is atomic by itself. All
//! calls block, so they belong on threads that may.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use object_store::path::Path as Location;
use object_store::{
    GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
};
use tokio::runtime::{Builder, Runtime};

use super::digest::Sha256;
use super::error::Error;
use super::read::Section;
use crate::limits::SPOOL_STEP_BYTES;

/// The folder of files that are not complete, below the root.
const STAGING: &str = "staging";

/// A place for a spool.
#[derive(Debug, Clone)]
pub struct Storage {
    place: Arc<Place>,
    faults: Faults,
    temporary: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    Objects(Objects),
}

#[derive(Debug)]
struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    /// A local folder for files that are not complete.
    staging: PathBuf,
    runtime: Option<Runtime>,
}

/// Lets the changes of a storage fail from a chosen one on: all of them, as if the process had been killed there, or
/// those that need room, as on a full disk. For tests of what is left behind; nothing fails unless asked to.
#[derive(Debug, Clone)]
pub struct Faults {
    left: Arc<AtomicU64>,
    done: Arc<AtomicU64>,
    full: Arc<AtomicBool>,
}

impl Default for Faults {
    fn default() -> Self {
        let left = Arc::new(AtomicU64::new(u64::MAX));
        Self { left, done: Arc::default(), full: Arc::default() }
    }
}

impl Faults {
    /// The next `steps` changes work, all after them fail.
    pub fn fail_after(&self, steps: u64) {
        self.left.store(steps, Ordering::SeqCst);
    }

    /// The next `steps` changes that need room work, then the disk is full.
    pub fn fill_after(&self, steps: u64) {
        self.full.store(true, Ordering::SeqCst);
        self.fail_after(steps);
    }

    /// How many changes worked so far.
    pub fn steps(&self) -> u64 {
        self.done.load(Ordering::SeqCst)
    }

    /// A change is about to happen.
    fn step(&self, file: &str) -> Result<(), Error> {
        let less = |left: u64| if left == u64::MAX { Some(left) } else { left.checked_sub(1) };
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => {
                self.done.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
            Err(_) if self.is_full() => Err(Error::io(file)(io::ErrorKind::StorageFull.into())),
            Err(_) => Err(Error::io(file)(io::Error::other("a fault that was asked for"))),
        }
    }

    /// Something is about to be removed, which needs no room.
    fn removal(&self, file: &str) -> Result<(), Error> {
        if self.is_full() { Ok(()) } else { self.step(file) }
    }

    fn is_full(&self) -> bool {
        self.full.load(Ordering::SeqCst)
    }
}

/// A file in `staging`.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) path: PathBuf,
    name: String,
}

impl Storage {
    /// A folder; it is made when something is written.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self::new(Place::Folder(path.into()))
    }

    /// A prefix of an object store (no `/` at its ends; may be empty), with a local folder for files that are not
    /// complete.
    pub fn objects(
        store: Arc<dyn ObjectStore>,
        prefix: impl Into<String>,
        staging: impl Into<PathBuf>,
    ) -> io::Result<Self> {
        let runtime = Some(Builder::new_current_thread().enable_all().build()?);
        let (prefix, staging) = (prefix.into(), staging.into());
        Ok(Self::new(Place::Objects(Objects { store, prefix, staging, runtime })))
    }

    fn new(place: Place) -> Self {
        Self { place: Arc::new(place), faults: Faults::default(), temporary: Arc::default() }
    }

    /// The hook of its faults.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// For people.
    pub fn place(&self) -> String {
        match &*self.place {
            Place::Folder(root) => root.display().to_string(),
            Place::Objects(objects) => format!("{}/{}", objects.store, objects.prefix),
        }
    }

    /// True if the records of the journal are objects of their own, because nothing can be appended to one.
    pub(super) fn is_objects(&self) -> bool {
        matches!(&*self.place, Place::Objects(_))
    }

    fn staging(&self) -> PathBuf {
        match &*self.place {
            Place::Folder(root) => root.join(STAGING),
            Place::Objects(objects) => objects.staging.clone(),
        }
    }

    /// A new file in `staging`.
    pub(super) fn stage(&self) -> Result<(Staged, File), Error> {
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let name = format!("{STAGING}/{}-{number}.partial", std::process::id());
        self.faults.step(&name)?;
        let folder = self.staging();
        fs::create_dir_all(&folder).map_err(Error::io(&name))?;
        let path = folder.join(format!("{}-{number}.partial", std::process::id()));
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).read(true).write(true);
        let file = options.open(&path).map_err(Error::io(&name))?;
        Ok((Staged { path, name }, file))
    }

    /// Makes sure that a staged file survives a crash.
    pub(super) fn sync(&self, staged: &Staged, file: &File) -> Result<(), Error> {
        self.faults.step(&staged.name)?;
        file.sync_all().map_err(Error::io(&staged.name))
    }

    /// Removes a staged file.
    pub(super) fn discard(&self, staged: &Staged) -> Result<(), Error> {
        self.faults.removal(&staged.name)?;
        match fs::remove_file(&staged.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(&staged.name)(error))
            }
            _ => Ok(()),
        }
    }

    /// Removes all staged files.
    pub(super) fn sweep_staging(&self) -> Result<(), Error> {
        let entries = match fs::read_dir(self.staging()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(Error::io(STAGING))?,
        };
        for entry in entries {
            let path = entry.map_err(Error::io(STAGING))?.path();
            if path.extension().is_some_and(|extension| extension == "partial") {
                self.faults.removal(STAGING)?;
                fs::remove_file(&path).map_err(Error::io(STAGING))?;
            }
        }
        Ok(())
    }

    /// Moves a staged and synced file to its place, over what was there.
    pub(super) fn publish(&self, staged: &Staged, name: &str) -> Result<(), Error> {
        match &*self.place {
            Place::Folder(root) => {
                let path = root.join(name);
                let folder = path.parent().expect("a name has a folder");
                self.make_folder(name, folder)?;
                self.faults.step(name)?;
                fs::rename(&staged.path, &path).map_err(Error::io(name))?;
                self.sync_folder(name, folder)
            }
            Place::Objects(objects) => {
                self.faults.step(name)?;
                objects.upload(&staged.path, name)?;
                self.discard(staged)
            }
        }
    }

    fn make_folder(&self, name: &str, folder: &Path) -> Result<(), Error> {
        if folder.is_dir() {
            return Ok(());
        }
        let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
        if let Some(above) = above {
            self.make_folder(name, above)?;
        }
        self.faults.step(name)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io(name)(error));
            }
            _ => {}
        }
        above.map_or(Ok(()), |above| self.sync_folder(name, above))
    }

    fn sync_folder(&self, name: &str, folder: &Path) -> Result<(), Error> {
        self.faults.step(name)?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io(name))
    }

    /// Puts these bytes at a place, over what was there.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        if let Place::Objects(objects) = &*self.place {
            self.faults.step(name)?;
            return objects.put(name, bytes.to_vec(), PutMode::Overwrite).map(|_| ());
        }
        let (staged, mut file) = self.stage()?;
        self.faults.step(name)?;
        file.write_all(bytes).map_err(Error::io(name))?;
        self.sync(&staged, &file)?;
        self.publish(&staged, name)
    }

    /// Puts these bytes at a place of an object store where nothing stands; false if something does.
    pub(super) fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, Error> {
        let Place::Objects(objects) = &*self.place else {
            unreachable!("a folder has a lock of the system and a journal to append to")
        };
        self.faults.step(name)?;
        objects.put(name, bytes.to_vec(), PutMode::Create)
    }

    /// Appends to a file of a folder, after its first `length` bytes: what a broken append left behind them is cut.
    pub(super) fn append(&self, name: &str, length: u64, bytes: &[u8]) -> Result<(), Error> {
        let Place::Folder(root) = &*self.place else {
            unreachable!("nothing can be appended to an object")
        };
        let path = root.join(name);
        let folder = path.parent().expect("a name has a folder");
        self.make_folder(name, folder)?;
        self.faults.step(name)?;
        let is_new = !path.exists();
        let mut file =
            OpenOptions::new().create(true).append(true).open(&path).map_err(Error::io(name))?;
        file.set_len(length).map_err(Error::io(name))?;
        if is_new {
            self.sync_folder(name, folder)?;
        }
        let (head, tail) = bytes.split_at(bytes.len() / 2);
        file.write_all(head).map_err(Error::io(name))?;
        self.faults.step(name)?;
        file.write_all(tail).map_err(Error::io(name))?;
        self.faults.step(name)?;
        file.sync_all().map_err(Error::io(name))
    }

    /// The bytes at a place; `None` if nothing is there.
    pub(super) fn read(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, Error> {
        let mut all = Vec::new();
        let found = self.each_step(name, |bytes| {
            if (all.len() + bytes.len()) as u64 > bytes_max {
                return Err(Error::damaged(name, format!("larger than {bytes_max} bytes")));
            }
            all.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok(found.then_some(all))
    }

    /// Length and SHA-256 of what is at a place.
    pub(super) fn digest(&self, name: &str) -> Result<Option<(u64, String)>, Error> {
        let (mut sha256, mut length) = (Sha256::new(), 0);
        let found = self.each_step(name, |bytes| {
            sha256.update(bytes);
            length += bytes.len() as u64;
            Ok(())
        })?;
        Ok(found.then(|| (length, sha256.finish())))
    }

    /// Shows all bytes, piece by piece; false if there is nothing.
    fn each_step(
        &self,
        name: &str,
        mut see: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        match &*self.place {
            Place::Folder(root) => {
                let mut file = match File::open(root.join(name)) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                    file => file.map_err(Error::io(name))?,
                };
                let mut buffer = vec![0; SPOOL_STEP_BYTES / 8];
                loop {
                    match file.read(&mut buffer).map_err(Error::io(name))? {
                        0 => return Ok(true),
                        read => see(&buffer[..read])?,
                    }
                }
            }
            Place::Objects(objects) => {
                let mut at = 0;
                while let Some((bytes, total)) = objects.get(name, at)? {
                    see(&bytes)?;
                    at += bytes.len() as u64;
                    if at >= total || bytes.is_empty() {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    /// The file at a place, to be read at random. An object is copied to `staging` first, so what is read is what was
    /// digested.
    pub(super) fn open(&self, name: &str) -> Result<Section, Error> {
        let file = match &*self.place {
            Place::Folder(root) => match File::open(root.join(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(Error::Missing { file: name.to_owned() });
                }
                file => file.map_err(Error::io(name))?,
            },
            Place::Objects(_) => {
                let (staged, mut file) = self.stage()?;
                // Nameless from here on: gone with its last reader, however that ends.
                self.discard(&staged)?;
                let copy = |bytes: &[u8]| file.write_all(bytes).map_err(Error::io(name));
                if !self.each_step(name, copy)? {
                    return Err(Error::Missing { file: name.to_owned() });
                }
                file
            }
        };
        let length = file.metadata().map_err(Error::io(name))?.len();
        Ok(Section::new(Arc::new(file), 0, length))
    }

    /// The names of all files below a folder, sorted.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        let mut names = match &*self.place {
            Place::Folder(root) => {
                let mut names = Vec::new();
                list_folder(&root.join(folder), folder, &mut names)?;
                names
            }
            Place::Objects(objects) => objects.list(folder)?,
        };
        names.sort();
        Ok(names)
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<(), Error> {
        self.faults.removal(name)?;
        match &*self.place {
            Place::Folder(root) => match fs::remove_file(root.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(Error::io(name)(error))
                }
                _ => Ok(()),
            },
            Place::Objects(objects) => objects.remove(name),
        }
    }

    /// Opens the file that a folder is locked by; `None` for an object store.
    pub(super) fn lock_file(&self, name: &str) -> Result<Option<File>, Error> {
        let Place::Folder(root) = &*self.place else { return Ok(None) };
        fs::create_dir_all(root).map_err(Error::io(name))?;
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(root.join(name));
        file.map(Some).map_err(Error::io(name))
    }
}

fn list_folder(path: &Path, name: &str, names: &mut Vec<String>) -> Result<(), Error> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::io(name))?,
    };
    for entry in entries {
        let entry = entry.map_err(Error::io(name))?;
        let own = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().map_err(Error::io(&own))?.is_dir() {
            list_folder(&entry.path(), &own, names)?;
        } else {
            names.push(own);
        }
    }
    Ok(())
}

impl Objects {
    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.as_ref().expect("taken only when dropped").block_on(work)
    }

    /// The parts of names hold no letters that a location would have to escape.
    fn location(&self, name: &str) -> Location {
        let whole = if self.prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.prefix)
        };
        Location::parse(&whole).unwrap_or_else(|_| Location::from(whole))
    }

    fn error(name: &str) -> impl FnOnce(object_store::Error) -> Error {
        let file = name.to_owned();
        move |source| Error::Objects { file, source: Box::new(source) }
    }

    fn put(&self, name: &str, bytes: Vec<u8>, mode: PutMode) -> Result<bool, Error> {
        let options = PutOptions { mode, ..PutOptions::default() };
        let location = self.location(name);
        match self.run(self.store.put_opts(&location, PutPayload::from(bytes), options)) {
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            result => result.map(|_| true).map_err(Self::error(name)),
        }
    }

    /// Sends a file in parts: it is there as a whole or not at all.
    fn upload(&self, path: &Path, name: &str) -> Result<(), Error> {
        let mut file = File::open(path).map_err(Error::io(name))?;
        let length = file.metadata().map_err(Error::io(name))?.len();
        if length <= SPOOL_STEP_BYTES as u64 {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(Error::io(name))?;
            return self.put(name, bytes, PutMode::Overwrite).map(|_| ());
        }
        let location = self.location(name);
        let mut upload =
            self.run(self.store.put_multipart(&location)).map_err(Self::error(name))?;
        loop {
            let mut part = Vec::with_capacity(SPOOL_STEP_BYTES);
            let mut limited = Read::by_ref(&mut file).take(SPOOL_STEP_BYTES as u64);
            limited.read_to_end(&mut part).map_err(Error::io(name))?;
            if part.is_empty() {
                break;
            }
            if let Err(error) = self.run(upload.put_part(part.into())) {
                // The store's own rule for unfinished uploads removes what this cannot.
                let _ = self.run(upload.abort());
                return Err(Self::error(name)(error));
            }
        }
        self.run(upload.complete()).map(|_| ()).map_err(Self::error(name))
    }

    /// Some bytes from a place on, and how many there are altogether.
    fn get(&self, name: &str, at: u64) -> Result<Option<(Bytes, u64)>, Error> {
        let range = (at > 0).then_some(GetRange::Bounded(at..at + SPOOL_STEP_BYTES as u64));
        let location = self.location(name);
        let first = match self.run(self.store.head(&location)) {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            meta => meta.map_err(Self::error(name))?,
        };
        let range = match range {
            None if first.size > SPOOL_STEP_BYTES as u64 => {
                Some(GetRange::Bounded(0..SPOOL_STEP_BYTES as u64))
            }
            range => range,
        };
        let options = GetOptions { range, ..GetOptions::default() };
        let answer =
            self.run(self.store.get_opts(&location, options)).map_err(Self::error(name))?;
        let bytes = self.run(answer.bytes()).map_err(Self::error(name))?;
        Ok(Some((bytes, first.size)))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        let (mut names, mut folders) = (Vec::new(), vec![self.location(folder)]);
        let skipped = self.location("x").as_ref().len() - 1;
        while let Some(next) = folders.pop() {
            let listed = self
                .run(self.store.list_with_delimiter(Some(&next)))
                .map_err(Self::error(folder))?;
            folders.extend(listed.common_prefixes);
            let own =
                listed.objects.iter().filter_map(|object| object.location.as_ref().get(skipped..));
            names.extend(own.map(str::to_owned));
        }
        Ok(names)
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        match self.run(self.store.delete(&self.location(name))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Self::error(name)(error)),
        }
    }
}

/// A runtime must not wait for its threads where nothing may block.
impl Drop for Objects {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
