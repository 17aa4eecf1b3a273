//! A folder, written with the strongest means a file system has.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::faults::Faults;
use super::staging::Staged;
use crate::limits::SPOOL_STEP_BYTES;
use crate::spool::error::Error;

#[derive(Debug)]
pub(super) struct Folder {
    pub(super) root: PathBuf,
    faults: Faults,
}

impl Folder {
    pub(super) fn new(root: PathBuf, faults: Faults) -> Self {
        Self { root, faults }
    }

    /// Moves a synced file to its place, over what was there.
    pub(super) fn publish(&self, staged: &Staged, name: &str) -> Result<(), Error> {
        let path = self.root.join(name);
        let folder = path.parent().expect("a name has a folder");
        self.make(name, folder)?;
        self.faults.step(name)?;
        fs::rename(&staged.path, &path).map_err(Error::io(name))?;
        self.sync(name, folder)
    }

    fn make(&self, name: &str, folder: &Path) -> Result<(), Error> {
        if folder.is_dir() {
            return Ok(());
        }
        let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
        if let Some(above) = above {
            self.make(name, above)?;
        }
        self.faults.step(name)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io(name)(error));
            }
            _ => {}
        }
        above.map_or(Ok(()), |above| self.sync(name, above))
    }

    fn sync(&self, name: &str, folder: &Path) -> Result<(), Error> {
        self.faults.step(name)?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io(name))
    }

    /// Appends to a file, after its first `length` bytes: what a broken append left behind them is cut.
    pub(super) fn append(&self, name: &str, length: u64, bytes: &[u8]) -> Result<(), Error> {
        let path = self.root.join(name);
        let folder = path.parent().expect("a name has a folder");
        self.make(name, folder)?;
        self.faults.step(name)?;
        let is_new = !path.exists();
        let mut file =
            OpenOptions::new().create(true).append(true).open(&path).map_err(Error::io(name))?;
        file.set_len(length).map_err(Error::io(name))?;
        if is_new {
            self.sync(name, folder)?;
        }
        let (head, tail) = bytes.split_at(bytes.len() / 2);
        file.write_all(head).map_err(Error::io(name))?;
        self.faults.step(name)?;
        file.write_all(tail).map_err(Error::io(name))?;
        self.faults.step(name)?;
        file.sync_all().map_err(Error::io(name))
    }

    /// The file at a place; `None` if there is none.
    pub(super) fn open(&self, name: &str) -> Result<Option<File>, Error> {
        match File::open(self.root.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            file => file.map(Some).map_err(Error::io(name)),
        }
    }

    /// Shows all bytes, piece by piece; false if there is no such file.
    pub(super) fn each(
        &self,
        name: &str,
        see: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let Some(mut file) = self.open(name)? else { return Ok(false) };
        let mut buffer = vec![0; SPOOL_STEP_BYTES / 8];
        loop {
            match file.read(&mut buffer).map_err(Error::io(name))? {
                0 => return Ok(true),
                read => see(&buffer[..read])?,
            }
        }
    }

    /// The names of all files below a folder.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        list(&self.root.join(folder), folder, &mut names)?;
        Ok(names)
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<(), Error> {
        match fs::remove_file(self.root.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(name)(error)),
            _ => Ok(()),
        }
    }
}

fn list(path: &Path, name: &str, names: &mut Vec<String>) -> Result<(), Error> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::io(name))?,
    };
    for entry in entries {
        let entry = entry.map_err(Error::io(name))?;
        let own = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().map_err(Error::io(&own))?.is_dir() {
            list(&entry.path(), &own, names)?;
        } else {
            names.push(own);
        }
    }
    Ok(())
}
