//! The local lock: a second run of the same job on this machine is refused at once. The lock is the system's: it is
//! gone with its process, however that ended.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why the job cannot be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("another run of this job is active on this machine (it holds {path})")]
    Held {
        /// The lock file.
        path: PathBuf,
    },
    /// The state folder cannot be used.
    #[error("cannot use {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

/// Holds the lock as long as it lives.
#[derive(Debug)]
pub struct JobLock {
    _file: File,
}

impl JobLock {
    /// Takes the lock in the job's state folder, which is made if need be (mode 0700).
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join("lock");
        let io = |source| LockError::Io { path: path.clone(), source };
        make_private(folder).map_err(io)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held { path }),
            Err(TryLockError::Error(source)) => Err(LockError::Io { path, source }),
        }
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_refused_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let job = folder.path().join("job");
        let first = JobLock::take(&job).unwrap();
        assert!(matches!(JobLock::take(&job), Err(LockError::Held { .. })));
        drop(first);
        JobLock::take(&job).unwrap();
        assert!(matches!(JobLock::take(Path::new("/proc/none")), Err(LockError::Io { .. })));
    }
}
