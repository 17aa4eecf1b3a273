//! The local folder of files that are not complete.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::faults::Faults;
use super::regular;
use crate::limits::STAGED_NAME_TRIES;
use crate::spool::error::Error;

/// Its name, below the root of a folder.
pub(super) const STAGING: &str = "staging";

/// The folder; it is made when something is written.
#[derive(Debug)]
pub(super) struct Staging {
    folder: PathBuf,
    faults: Faults,
    files: AtomicU64,
}

/// A file in it.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) path: PathBuf,
    name: String,
}

impl Staging {
    pub(super) fn new(folder: PathBuf, faults: Faults) -> Self {
        Self { folder, faults, files: AtomicU64::new(0) }
    }

    /// A new file.
    pub(super) fn stage(&self) -> Result<(Staged, File), Error> {
        for _ in 1..STAGED_NAME_TRIES {
            match self.stage_next() {
                // Of a process that had the same number, here or in another container.
                Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {}
                staged => return staged,
            }
        }
        self.stage_next()
    }

    fn stage_next(&self) -> Result<(Staged, File), Error> {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let own = format!("{}-{number}.partial", std::process::id());
        let name = format!("{STAGING}/{own}");
        self.faults.step(&name)?;
        regular::make_folders(&self.folder).map_err(Error::io(&name))?;
        let path = self.folder.join(own);
        let mut options = OpenOptions::new();
        options.create_new(true).read(true).write(true);
        let file = regular::open(&name, &path, &mut options)?;
        Ok((Staged { path, name }, file))
    }

    /// Makes sure that a file survives a crash.
    pub(super) fn sync(&self, staged: &Staged, file: &File) -> Result<(), Error> {
        self.faults.step(&staged.name)?;
        file.sync_all().map_err(Error::io(&staged.name))
    }

    /// Removes a file.
    pub(super) fn discard(&self, staged: &Staged) -> Result<(), Error> {
        self.faults.removal(&staged.name)?;
        match fs::remove_file(&staged.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(&staged.name)(error))
            }
            _ => Ok(()),
        }
    }

    /// Removes all files.
    pub(super) fn sweep(&self) -> Result<(), Error> {
        let entries = match fs::read_dir(&self.folder) {
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
}
