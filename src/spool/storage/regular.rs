//! Regular files only, for their owner only. What stands in a folder may be anything, and some of it never ends, or
//! waits for somebody who does not come.

use std::fs::{self, DirBuilder, File, FileType, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _,
    PermissionsExt as _,
};
use std::path::Path;

use crate::spool::error::Error;

/// What a folder is made with: its owner reads, writes and enters it.
const FOLDER_MODE: u32 = 0o700;
/// What a file is made with.
const FILE_MODE: u32 = 0o600;

/// Opens a regular file, or one that these options make; what is anything else is not opened, and nothing is waited for.
pub(super) fn open(name: &str, path: &Path, options: &mut OpenOptions) -> Result<File, Error> {
    let known = match fs::metadata(path) {
        // A device may act on being opened alone.
        Ok(found) => {
            expect_file(name, &found)?;
            true
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(Error::io(name)(error)),
    };
    let options = options.mode(FILE_MODE).custom_flags(libc::O_NONBLOCK);
    let file = options.open(path).map_err(Error::io(name))?;
    let found = file.metadata().map_err(Error::io(name))?;
    // It may be another one by now.
    expect_file(name, &found)?;
    if !known && found.mode() & 0o777 != FILE_MODE {
        // The umask took something. A file system without modes keeps its own; the folder tells then.
        let _ = file.set_permissions(Permissions::from_mode(FILE_MODE));
    }
    Ok(file)
}

fn expect_file(name: &str, found: &Metadata) -> Result<(), Error> {
    match other_than_file(found.file_type()) {
        Some(what) => Err(Error::damaged(name, format!("{what} stands in its place"))),
        None => Ok(()),
    }
}

fn other_than_file(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a folder")
    } else if kind.is_fifo() {
        Some("a pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}

/// Makes a folder, whatever the umask says. One that is there already is left as it is.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => {
            // As for files.
            let _ = fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE));
            Ok(())
        }
    }
}

/// The same with all folders above it that are missing.
pub(super) fn make_folders(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        make_folders(above)?;
    }
    make_folder(path)
}

/// Opens a folder itself; `None` where none stands that may be read.
pub(super) fn open_folder(path: &Path) -> Option<File> {
    let flags = libc::O_DIRECTORY | libc::O_NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags).open(path).ok()
}

/// The mode of a folder that others than its owner can look into; `None` if they cannot, or if it is not there.
pub(super) fn open_to_others(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

/// What tells a file from another one at the same place, and from itself after it was written to. Of objects, nothing:
/// what is read of them is held against their digest each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stamp(Option<[i64; 5]>);

impl Stamp {
    pub(super) fn of(found: &Metadata) -> Self {
        let (device, inode) = (found.dev().cast_signed(), found.ino().cast_signed());
        let length = found.len().cast_signed();
        Self(Some([device, inode, length, found.mtime(), found.mtime_nsec()]))
    }
}
