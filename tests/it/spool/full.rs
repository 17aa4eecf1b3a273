//! A full disk: a clear error, nothing lost, and the next run goes on once there is room.

use std::io;
use std::path::Path;
use std::process::Command;

use sluice::testing::spool::compact::CompactedSizes;
use sluice::testing::spool::error::Error;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::killed::{BATCHES, content, range, run};
use super::round_trip::{Job0, frames_of, point};
use super::{read, read_all, write_batch};
use crate::support::golden::{Point, Value};
use crate::support::need::{What, need};

/// The error of a full disk, which names a file.
fn assert_full(error: &Error, what: &str) {
    let Error::Io { file, source } = error else { panic!("{what}: {error:?}") };
    assert_eq!(source.kind(), io::ErrorKind::StorageFull, "{what}: {error:?}");
    assert!(!file.is_empty() && error.to_string().contains(file.as_str()), "{what}: {error}");
}

#[test]
fn a_disk_that_is_full_from_any_change_on_loses_nothing() {
    let mut steps = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("spool");
        let storage = Storage::folder(&place);
        storage.faults().fill_after(steps);
        let what = format!("full after {steps}");
        let Err(error) = run(&storage) else { break };
        assert_full(&error, &what);
        drop(storage);
        let batches = match Stored::open(&Storage::folder(&place)) {
            Err(Error::NoSpool { .. }) => 0,
            Err(error) => panic!("{what}: {error}"),
            Ok(stored) => {
                let found = read(&stored, &StoredSelection::ALL).unwrap();
                let batches = stored.watermark().ns() / 100;
                let known = [false, true].map(|again| content(batches, again));
                assert!(known.contains(&found), "{what}: {found:?}");
                batches
            }
        };
        assert!(batches <= BATCHES);
        run(&Storage::folder(&place)).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(read_all(&Storage::folder(&place)).unwrap(), content(BATCHES, true), "{what}");
        let stored = Stored::open(&Storage::folder(&place)).unwrap();
        assert_eq!(stored.files(&StoredSelection::ALL).len(), 2, "{what}");
        steps += 1;
    }
    assert!(steps > 60, "only {steps} changes need room");
}

/// A small file system of its own.
pub(crate) struct Disk(tempfile::TempDir);

impl Disk {
    /// Where it can be mounted.
    pub(crate) fn mount() -> Option<Self> {
        need(What::Mount)?;
        let folder = tempfile::tempdir().unwrap();
        assert!(Self::mount_at(folder.path(), "size=64k"), "not mounted");
        Some(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    fn mount_at(path: &Path, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path);
        mount.output().is_ok_and(|output| output.status.success())
    }

    /// From now on nothing can be written.
    pub(crate) fn read_only(&self) {
        assert!(Self::mount_at(self.path(), "remount,ro"), "read-only");
    }

    /// May not be smaller than what it holds.
    pub(crate) fn resize(&self, kib: u64) {
        assert!(Self::mount_at(self.path(), &format!("remount,size={kib}k")), "{kib} KiB");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.path()).status();
        assert!(
            unmounted.is_ok_and(|status| status.success()),
            "{} stays mounted",
            self.path().display()
        );
    }
}

/// About 25 KiB that cannot be compressed.
fn noise(n: i64) -> Vec<Point> {
    let mut state = n.unsigned_abs() + 1;
    let mut byte = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    let mut text = || (0..500).map(|_| byte()).collect::<Vec<u8>>();
    (0..50).map(|at| point("a", n * 100 + at, b"s", Value::Text(text().into()))).collect()
}

fn run_noise(storage: &Storage) -> Result<(), Error> {
    let spool = Spool::open(storage, &Job0::from(0), false)?;
    for n in spool.watermark().ns() / 100..BATCHES {
        write_batch(&spool, range(n), &frames_of(&noise(n)))?;
    }
    spool.compact(CompactedSizes::default())?;
    spool.close()
}

#[test]
fn a_disk_that_is_really_full_loses_nothing() {
    let Some(disk) = Disk::mount() else { return };
    let place = disk.path().join("spool");
    let (mut kib, mut committed) = (0, [false; 4]);
    loop {
        kib += 8;
        disk.resize(kib);
        let what = format!("{kib} KiB");
        let Err(error) = run_noise(&Storage::folder(&place)) else { break };
        assert_full(&error, &what);
        let batches = match Stored::open(&Storage::folder(&place)) {
            Err(Error::NoSpool { .. }) => 0,
            Err(error) => panic!("{what}: {error}"),
            Ok(stored) => {
                let batches = stored.watermark().ns() / 100;
                let expected: Vec<_> = (0..batches).flat_map(noise).collect();
                assert_eq!(read(&stored, &StoredSelection::ALL).unwrap(), expected, "{what}");
                batches
            }
        };
        committed[usize::try_from(batches).unwrap()] = true;
        disk.resize(1_024);
        run_noise(&Storage::folder(&place)).unwrap_or_else(|error| panic!("{what}: {error}"));
        let expected: Vec<_> = (0..BATCHES).flat_map(noise).collect();
        assert_eq!(read_all(&Storage::folder(&place)).unwrap(), expected, "{what}");
        std::fs::remove_dir_all(&place).unwrap();
    }
    assert_eq!(
        committed, [true; 4],
        "it was full before the first batch, after each, and while merging"
    );
}
