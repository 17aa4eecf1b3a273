//! What must be known of a job and cannot be noted at its destination now: kept in its state folder until it can.
//!
//! A destination whose disk is full takes no note, and InfluxDB can lose what it has acknowledged when it is started again
//! after that. So the run that meets it leaves word here, and the next one notes it for good before it moves anything.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What is said of a destination whose disk was full.
pub(crate) const DISK_WAS_FULL: &str = "the disk of the destination was full while this job wrote to it: InfluxDB can lose what it has acknowledged when it \
     is started again after that. Once it was, and has room, move the data into a new bucket (--destination-bucket and \
     --batch-bucket)";

fn file(folder: &Path) -> PathBuf {
    folder.join("doubt")
}

/// Leaves word in the state folder of a job.
pub(crate) fn keep(folder: &Path, doubt: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file =
        options.create(true).truncate(true).write(true).mode(0o600).open(file(folder))?;
    file.write_all(doubt.as_bytes())?;
    file.sync_all()
}

/// The word that was left there.
pub(crate) fn kept(folder: &Path) -> io::Result<Option<String>> {
    match fs::read(file(folder)) {
        Ok(text) => Ok(Some(String::from_utf8_lossy(&text).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes it away once it is noted elsewhere.
pub(crate) fn forget(folder: &Path) -> io::Result<()> {
    match fs::remove_file(file(folder)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
