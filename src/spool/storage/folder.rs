//! A folder, written with the strongest means a file system has.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::faults::Faults;
use super::regular::{self, Stamp};
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
        regular::make_folder(folder).map_err(Error::io(name))?;
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
        let mut file = regular::open(name, &path, OpenOptions::new().create(true).append(true))?;
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
    pub(super) fn open(&self, name: &str) -> Result<Option<(File, Stamp)>, Error> {
        let file = match regular::open(name, &self.root.join(name), OpenOptions::new().read(true)) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            file => file?,
        };
        let stamp = Stamp::of(&file.metadata().map_err(Error::io(name))?);
        Ok(Some((file, stamp)))
    }

    /// Shows all bytes that it has now, piece by piece, once `fits` has agreed to their number; `None` if there is no
    /// such file.
    pub(super) fn each(
        &self,
        name: &str,
        fits: &dyn Fn(u64) -> Result<(), Error>,
        see: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<Option<Stamp>, Error> {
        let Some((mut file, stamp)) = self.open(name)? else { return Ok(None) };
        let length = file.metadata().map_err(Error::io(name))?.len();
        fits(length)?;
        let (mut buffer, mut left) = (vec![0; SPOOL_STEP_BYTES / 8], length);
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let read = file.read(&mut buffer[..wanted]).map_err(Error::io(name))?;
            if read == 0 {
                return Err(Error::damaged(name, "it became shorter while it was read"));
            }
            see(&buffer[..read])?;
            left -= read as u64;
        }
        Ok(Some(stamp))
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
