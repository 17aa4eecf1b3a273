//! The local lock: a second run of the same job in the same state folder is refused at once. The lock is the system's: it
//! is gone with its process, however that ended.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::lock_file::{LockFile, holder};
use crate::new_files::can_take_files;

/// Hexadecimal digits that the file holds, so that no other lock file is taken for it.
const ID_DIGITS: usize = 32;

/// Why the job cannot be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("another run of this job is active on this machine ({holder} holds {path})")]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// The state folder cannot be used.
    #[error("cannot use {path}; set XDG_STATE_HOME to a folder that sluice may write to")]
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
    _file: LockFile,
    id: String,
}

impl JobLock {
    /// Takes the lock in the job's state folder, which is made if need be (mode 0700). One that is only looked at is free
    /// again in a moment. Blocks.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join("lock");
        let io = |source| LockError::Io { path: path.clone(), source };
        make_private(folder).map_err(io)?;
        let file = LockFile::open(&path).map_err(io)?;
        match LockFile::take_soon(file).map_err(io)? {
            Ok(file) => {
                let id = identify(file.file()).map_err(io)?;
                Ok(Self { _file: file, id })
            }
            Err(file) => Err(LockError::Held { holder: holder(&file), path }),
        }
    }

    /// The id that [`JobLock::take`] would find, if a run was there before; an error where it would end with one. Makes
    /// nothing, and holds nothing when it returns. Blocks.
    pub fn look(folder: &Path) -> Result<Option<String>, LockError> {
        let path = folder.join("lock");
        let io = |source| LockError::Io { path: path.clone(), source };
        let file = match LockFile::options().open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                can_take_files(folder).map_err(io)?;
                return Ok(None);
            }
            Err(error) => return Err(io(error)),
        };
        match LockFile::share_soon(file).map_err(io)? {
            Ok(shared) => Ok(known(shared.file()).map_err(io)?),
            Err(file) => Err(LockError::Held { holder: holder(&file), path }),
        }
    }

    /// What tells this lock from every other of the machine: whoever holds a lock of the same id has the same file. A path
    /// would not do, because containers of one machine have the same paths.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// What the file holds, which is written at its first use, and its number in the file system: a copy is another lock.
fn identify(mut file: &File) -> io::Result<String> {
    if let Some(id) = known(file)? {
        return Ok(id);
    }
    let inode = file.metadata()?.ino();
    let random = random_digits();
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(random.as_bytes())?;
    file.sync_all()?;
    Ok(format!("{random}-{inode:x}"))
}

/// The id, if the file holds one.
fn known(file: &File) -> io::Result<Option<String>> {
    let inode = file.metadata()?.ino();
    let mut held = Vec::new();
    file.take(ID_DIGITS as u64 + 1).read_to_end(&mut held)?;
    let random = String::from_utf8(held).ok().filter(|text| {
        text.len() == ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    Ok(random.map(|random| format!("{random}-{inode:x}")))
}

/// 128 bits from the system, as the standard library's hashers are seeded by them.
pub(crate) fn random_digits() -> String {
    let half = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", half(), half())
}

/// Makes a folder for its owner alone, with those above it, if need be.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
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
        assert!(matches!(JobLock::look(&job), Err(LockError::Held { .. })));
        let id = first.id().to_owned();
        drop(first);
        // Looked at by others at this moment, too.
        assert_eq!(JobLock::look(&job).unwrap(), Some(id));
        JobLock::take(&job).unwrap();
        assert_eq!(JobLock::look(&folder.path().join("other")).unwrap(), None);
        assert!(!folder.path().join("other").exists(), "a look makes nothing");
        assert!(matches!(JobLock::take(Path::new("/proc/none")), Err(LockError::Io { .. })));
    }

    #[test]
    fn a_lock_keeps_its_id_and_shares_it_with_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two, copy] = ["one", "two", "copy"].map(|name| folder.path().join(name));
        let id = |job: &Path| JobLock::take(job).unwrap().id().to_owned();
        let first = id(&one);
        assert_eq!(id(&one), first);
        assert_ne!(id(&two), first);
        fs::create_dir(&copy).unwrap();
        fs::copy(one.join("lock"), copy.join("lock")).unwrap();
        assert_ne!(id(&copy), first, "a copy is another lock");
        // What other versions, or anybody, have left there is replaced.
        for junk in ["", "junk", &"x".repeat(32), &"a".repeat(10_000)] {
            fs::write(one.join("lock"), junk).unwrap();
            let new = id(&one);
            assert_eq!((new == first, id(&one) == new), (false, true), "{junk:.40}");
        }
    }
}
