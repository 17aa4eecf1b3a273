//! Data is for its owner, whatever the umask says.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::writable::Spool;

use super::round_trip::{Job0, frames_of, point};
use super::write_batch;
use crate::support::golden::Value;
use crate::support::process::bare;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

/// A folder and all that lies below it, with their modes.
fn modes(path: &Path) -> Vec<(PathBuf, u32)> {
    let mut all = vec![(path.to_owned(), mode(path))];
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            all.extend(modes(&entry.unwrap().path()));
        }
    }
    all
}

fn assert_private(path: &Path) {
    for (path, mode) in modes(path) {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, wanted, "{}: {mode:o}", path.display());
    }
}

/// Runs the program under a umask.
fn under(umask: &str, args: &[&str]) -> std::process::Output {
    let program = bare(args);
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
    shell.arg(program.get_program()).args(program.get_args());
    shell.output().unwrap()
}

/// The umask of a test belongs to all tests, so a compaction by the program stands for a run: it makes files of every kind.
#[test]
fn a_spool_is_for_its_owner() {
    for umask in ["000", "022", "077", "177"] {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a/b/stage");
        let spool = Spool::open(&Storage::folder(&place), &Job0::from(0), false).unwrap();
        let batch = |n: i64| {
            let at = |n: i64| Timestamp::from_ns(n * 100);
            let frames = frames_of(&[point("a", n * 100, b"f", Value::Integer(n))]);
            write_batch(&spool, TimeRange::new(at(n), at(n + 1)), &frames).unwrap();
        };
        batch(0);
        batch(1);
        let staged = spool.begin(TimeRange::ALL);
        drop(staged);
        spool.close().unwrap();
        assert_private(&folder.path().join("a"));
        let typed = place.display().to_string();
        // All of it anew, but for the folders.
        fs::remove_file(place.join("lock")).unwrap();
        let output = under(umask, &["spool", "compact", &typed]);
        assert!(output.status.success(), "{umask}: {output:?}");
        assert_private(&folder.path().join("a"));
        let text = folder.path().join("text");
        let target = text.display().to_string();
        fs::write(folder.path().join("text.partial"), "left").unwrap();
        fs::set_permissions(folder.path().join("text.partial"), fs::Permissions::from_mode(0o666))
            .unwrap();
        let output = under(umask, &["export", &typed, "--format", "lp", "--output", &target]);
        assert!(output.status.success(), "{umask}: {output:?}");
        assert_eq!(mode(&text), 0o600, "{umask}");
    }
}

#[test]
fn a_folder_of_the_user_keeps_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("stage");
    fs::create_dir(&place).unwrap();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    let storage = Storage::folder(&place);
    assert_eq!(storage.open_to_others(), Some(0o755));
    Spool::open(&storage, &Job0::from(0), false).unwrap().close().unwrap();
    assert_eq!(mode(&place), 0o755);
    for (path, mode) in modes(&place) {
        assert!(path == place || mode.trailing_zeros() >= 6, "{}: {mode:o}", path.display());
    }
    fs::set_permissions(&place, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(storage.open_to_others(), None);
}
