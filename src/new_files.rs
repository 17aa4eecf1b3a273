//! Whether a folder can take new files, found without leaving one: for what is only looked at.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, absolute};

/// Fails as making the folder, or a file in it, would. Where it is not there yet, the nearest one above it is asked.
pub(crate) fn can_take_files(folder: &Path) -> io::Result<()> {
    let folder = absolute(folder)?;
    for folder in folder.ancestors() {
        match fs::metadata(folder) {
            Ok(found) if found.is_dir() => return open_unnamed(folder),
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A file without a name, which is gone when it is closed. A file system that has none tells nothing.
#[cfg(target_os = "linux")]
fn open_unnamed(folder: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(libc::O_TMPFILE);
    match options.open(folder) {
        Ok(_) => Ok(()),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::IsADirectory)
                || error.raw_os_error() == Some(libc::EOPNOTSUPP) =>
        {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Other systems have no such files.
#[cfg(not(target_os = "linux"))]
fn open_unnamed(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_tells_what_making_would_and_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        can_take_files(folder.path()).unwrap();
        can_take_files(&folder.path().join("a/b")).unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        for folder in [file.clone(), file.join("a/b")] {
            let error = can_take_files(&folder).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotADirectory, "{folder:?}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
