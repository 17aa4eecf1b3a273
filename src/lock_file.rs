//! Locks of the system on files: each is gone with its process, however that ended.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::limits::{LOCK_TRIES, LOCK_TRY_MS};

/// A file, or a folder, that is locked. Dropped, the lock is let go at once, even while a process that was just begun still
/// shares the open file.
#[derive(Debug)]
pub(crate) struct LockFile(File);

/// The lock, or the file as it was where somebody else has that.
pub(crate) type LockAttempt = io::Result<Result<LockFile, File>>;

impl LockFile {
    /// Opens a file that is there to be locked: made if need be, for its owner alone.
    pub(crate) fn open(path: &Path) -> io::Result<File> {
        Self::options().create(true).truncate(false).open(path)
    }

    /// How such a file is opened: to read and to write, mode 0600.
    pub(crate) fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600);
        options
    }

    /// Takes the lock as soon as nobody else has it. Blocks.
    pub(crate) fn wait(file: File) -> io::Result<Self> {
        file.lock().map(|()| Self(file))
    }

    /// Takes the lock, unless somebody else has it.
    pub(crate) fn take(file: File) -> LockAttempt {
        attempt(file, 1, File::try_lock)
    }

    /// Takes it together with others, unless somebody has it alone.
    pub(crate) fn share(file: File) -> LockAttempt {
        attempt(file, 1, File::try_lock_shared)
    }

    /// As [`LockFile::take`], where the lock may be that of a run that has ended: a program that is just being started, by
    /// another thread, holds all files of this process until it runs. So this takes a few tries, and blocks meanwhile.
    pub(crate) fn take_soon(file: File) -> LockAttempt {
        attempt(file, LOCK_TRIES, File::try_lock)
    }

    /// As [`LockFile::share`], likewise.
    pub(crate) fn share_soon(file: File) -> LockAttempt {
        attempt(file, LOCK_TRIES, File::try_lock_shared)
    }

    /// The file.
    pub(crate) fn file(&self) -> &File {
        &self.0
    }
}

/// Which process holds the lock of a file, in words for a message: `process 4711`, where the system tells.
pub(crate) fn holder(file: &File) -> String {
    let inode = file.metadata().map(|metadata| metadata.ino());
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let process = inode.ok().and_then(|inode| process_of(&locks, inode));
    process.map_or_else(|| "a process".to_owned(), |id| format!("process {id}"))
}

/// The process with a lock on this file, of the lines of `/proc/locks`: `1: FLOCK ADVISORY WRITE 4711 fe:00:123 0 EOF`. One
/// of another container has no number here.
fn process_of(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, process, file, ..] = words[..] else { return None };
        let is_it = file.rsplit(':').next()?.parse() == Ok(inode);
        process.parse().ok().filter(|process| is_it && *process != 0)
    })
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // Closing the file lets it go too, only later.
        let _ = self.0.unlock();
    }
}

#[expect(clippy::disallowed_methods, reason = "what is waited for happens outside of any clock")]
fn attempt(file: File, tries: u32, lock: fn(&File) -> Result<(), TryLockError>) -> LockAttempt {
    let mut left = tries;
    loop {
        match lock(&file) {
            Ok(()) => return Ok(Ok(LockFile(file))),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => left -= 1,
        }
        if left == 0 {
            return Ok(Err(file));
        }
        sleep(Duration::from_millis(LOCK_TRY_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let open = || LockFile::open(&folder.path().join("lock")).unwrap();
        let held = LockFile::take(open()).unwrap().unwrap();
        assert!(LockFile::take(open()).unwrap().is_err());
        assert!(LockFile::share(open()).unwrap().is_err());
        if std::path::Path::new("/proc/locks").exists() {
            assert_eq!(holder(&open()), format!("process {}", std::process::id()));
        }
        // The copy of a program that is being started.
        let _shared = held.file().try_clone().unwrap();
        drop(held);
        let readers = [LockFile::share(open()), LockFile::share_soon(open())];
        assert!(LockFile::take(open()).unwrap().is_err());
        drop(readers);
        drop(LockFile::take_soon(open()).unwrap().unwrap());
        drop(LockFile::wait(open()).unwrap());
        assert_eq!(holder(&open()), "a process");
    }

    #[test]
    fn the_holder_of_a_lock_is_found_by_its_file() {
        let locks = "1: POSIX  ADVISORY  WRITE 10 fe:00:7 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 11 fe:00:77 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 12 fe:00:8 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 0 fe:00:9 0 EOF\n\
                     4: FLOCK  ADVISORY  READ  13 fe:00:7 0 EOF\n";
        let found = [7, 8, 9, 77, 1].map(|inode| process_of(locks, inode));
        assert_eq!(found, [Some(13), None, None, Some(11), None]);
    }
}
