//! Only regular files are opened: opening a pipe or a device can block, or do something.

use std::fs::{self, File, FileType, OpenOptions};
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

/// Why a file is not opened.
#[derive(Debug)]
pub(super) enum Unopened {
    /// The system's error.
    Io(io::Error),
    /// What is there is another thing.
    NoFile(&'static str),
}

impl From<io::Error> for Unopened {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Opens the regular file at the path, or that a link there leads to, and tells its length; `None` if nothing is there.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Option<(File, u64)>, Unopened> {
    match fs::metadata(path) {
        Ok(metadata) => hold_regular(metadata.file_type())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let file = options.open(path)?;
    // Another may lie there by now.
    let metadata = file.metadata()?;
    hold_regular(metadata.file_type())?;
    Ok(Some((file, metadata.len())))
}

fn hold_regular(found: FileType) -> Result<(), Unopened> {
    let what = if found.is_file() {
        return Ok(());
    } else if found.is_dir() {
        "a folder"
    } else if found.is_fifo() {
        "a pipe"
    } else if found.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(Unopened::NoFile(what))
}
