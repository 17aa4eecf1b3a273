//! A file that appears under its name once it is complete and synced. What was there before stays until then; what is not
//! completed leaves nothing behind.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::signals::HalfDone;

/// Data is for its owner.
const MODE: u32 = 0o600;

/// A file that is being written, under `FILE.partial`. Dropped before it is finished, it is gone.
#[derive(Debug)]
pub(crate) struct WholeFile {
    file: File,
    partial: PathBuf,
    path: PathBuf,
    is_finished: bool,
    _half: HalfDone,
}

impl WholeFile {
    /// Begins.
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".partial");
        let partial = PathBuf::from(name);
        let file = open(&partial)?;
        // What is stopped leaves nothing behind: what it has so far is of no use to anybody.
        let half = HalfDone::begin(&partial, path);
        let path = path.to_owned();
        Ok(Self { file, partial, path, is_finished: false, _half: half })
    }

    /// What is written to.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// The name that it will have.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Ends: from now on it has its name.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.partial, &self.path)?;
        self.is_finished = true;
        File::open(folder(&self.path))?.sync_all()
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if !self.is_finished {
            // The next one to write there would replace it anyway.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What a stopped program has left is replaced; what is under way is not. Anything but a file, a link to one too, is
/// left alone, and nothing is waited for.
fn open(partial: &Path) -> io::Result<File> {
    let no_file = || {
        let text = format!("{} is there already and is no file", partial.display());
        io::Error::new(io::ErrorKind::AlreadyExists, text)
    };
    match partial.symlink_metadata() {
        Ok(found) if !found.is_file() => return Err(no_file()),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(false);
    options.mode(MODE).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.open(partial)?;
    if !file.metadata()?.is_file() {
        return Err(no_file());
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let text = format!("another program writes {}", partial.display());
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, text));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // It may be one of another mode, and the umask may have taken from this one. A file system may have no modes.
    let _ = file.set_permissions(Permissions::from_mode(MODE));
    file.set_len(0)?;
    Ok(file)
}
