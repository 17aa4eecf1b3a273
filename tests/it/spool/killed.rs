//! A run that is killed at any change of the storage: what is committed can be read, and the next run ends the same way.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::memory::InMemory;
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::spool::compact::CompactedSizes;
use sluice::testing::spool::error::Error;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::round_trip::{Job0, frames_of, point};
use super::{files, read, read_all, write_batch};
use crate::support::golden::{Point, Value};

pub(super) const BATCHES: i64 = 3;

pub(super) fn range(n: i64) -> TimeRange {
    TimeRange::new(Timestamp::from_ns(n * 100), Timestamp::from_ns(n * 100 + 100))
}

/// What batch `n` holds; the second writing of the middle one differs.
fn points(n: i64, again: bool) -> Vec<Point> {
    let add = i64::from(again) * 1_000;
    vec![
        point("a", n * 100, b"f", Value::Integer(n + add)),
        point("a", n * 100 + 50, b"f", Value::Integer(n + add + 1)),
        point("b", n * 100 + 50, b"f", Value::Text(format!("{n}").into_bytes().into())),
    ]
}

/// All batches from the watermark on, the middle one written again, everything merged.
pub(super) fn run(storage: &Storage) -> Result<(), Error> {
    let spool = Spool::open(storage, &Job0::from(0), true)?;
    for n in spool.watermark().ns() / 100..BATCHES {
        write_batch(&spool, range(n), &frames_of(&points(n, false)))?;
    }
    match write_batch(&spool, range(1), &frames_of(&points(1, true))) {
        Err(Error::Compacted { .. }) => {}
        result => result?,
    }
    spool.compact(CompactedSizes::default())?;
    spool.close()
}

pub(super) fn content(batches: i64, again: bool) -> Vec<Point> {
    let mut all: Vec<_> = (0..batches).flat_map(|n| points(n, again && n == 1)).collect();
    all.sort();
    all
}

/// Kills the run after each number of changes; `make` gives a fresh place, and the same place anew.
fn kill_everywhere(make: impl Fn() -> Box<dyn Fn() -> Storage>) -> u64 {
    let whole = make();
    let storage = whole();
    run(&storage).unwrap();
    let steps = storage.faults().steps();
    assert_eq!(read_all(&storage).unwrap(), content(BATCHES, true));
    for step in 0..steps {
        let place = make();
        let storage = place();
        storage.faults().fail_after(step);
        run(&storage).unwrap_err();
        drop(storage);

        match Stored::open(&place()) {
            Err(Error::NoSpool { .. }) => {}
            Err(error) => panic!("killed after {step}: {error}"),
            Ok(stored) => {
                let found = read(&stored, &StoredSelection::ALL).unwrap();
                let batches = stored.watermark().ns() / 100;
                assert!(
                    [false, true].map(|again| content(batches, again)).contains(&found),
                    "killed after {step}: {found:?}"
                );
            }
        }
        run(&place()).unwrap_or_else(|error| panic!("killed after {step}: {error}"));
        assert_eq!(read_all(&place()).unwrap(), content(BATCHES, true), "killed after {step}");
        let stored = Stored::open(&place()).unwrap();
        assert_eq!(stored.files(&StoredSelection::ALL).len(), 2, "killed after {step}");
    }
    steps
}

#[test]
fn a_run_killed_at_any_change_of_a_folder_is_resumed() {
    let steps = kill_everywhere(|| {
        let folder = tempfile::tempdir().unwrap();
        Box::new(move || Storage::folder(folder.path().join("spool")))
    });
    assert!(steps > 60, "only {steps} changes");
}

#[test]
fn a_run_killed_at_any_change_of_an_object_store_is_resumed() {
    let steps = kill_everywhere(|| {
        let store = Arc::new(InMemory::new());
        let staging = tempfile::tempdir().unwrap();
        Box::new(move || {
            let store = Arc::clone(&store) as Arc<dyn object_store::ObjectStore>;
            Storage::objects(store, "some/prefix", staging.path()).unwrap()
        })
    });
    assert!(steps > 40, "only {steps} changes");
}

/// Copies all files of a folder.
fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(&file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(from.join(&file), target).unwrap();
    }
}

/// More files than are merged at one time, in two trees: sorted parts on disk are among the changes.
#[test]
fn a_compaction_killed_at_any_change_is_whole_before_and_after() {
    const MANY: i64 = 18;
    let made = tempfile::tempdir().unwrap();
    let spool = Spool::open(&Storage::folder(made.path()), &Job0::from(0), false).unwrap();
    for n in 0..MANY {
        write_batch(&spool, range(n), &frames_of(&points(n, false))).unwrap();
    }
    spool.close().unwrap();
    let expected = content(MANY, false);
    let merge = |storage: &Storage| {
        let spool = Spool::open(storage, &Job0::from(0), false)?;
        spool.compact(CompactedSizes::default())?;
        spool.close()
    };
    let mut steps = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        copy(made.path(), folder.path());
        let storage = Storage::folder(folder.path());
        storage.faults().fail_after(steps);
        let done = merge(&storage).is_ok();
        drop(storage);
        let storage = Storage::folder(folder.path());
        let stored = Stored::open(&storage).unwrap();
        assert_eq!(read(&stored, &StoredSelection::ALL).unwrap(), expected, "killed after {steps}");
        assert_eq!(stored.watermark(), range(MANY).start);
        drop(stored);
        if done {
            break;
        }
        merge(&storage).unwrap_or_else(|error| panic!("killed after {steps}: {error}"));
        assert_eq!(read_all(&storage).unwrap(), expected, "killed after {steps}");
        let left = files(folder.path());
        let parquet = |path: &PathBuf| path.extension().is_some_and(|e| e == "parquet");
        let partial = |path: &PathBuf| path.extension().is_some_and(|e| e == "partial");
        assert_eq!(left.iter().filter(|path| parquet(path)).count(), 2, "killed after {steps}");
        assert!(!left.iter().any(partial), "killed after {steps}: {left:?}");
        steps += 1;
    }
    assert!(steps > 70, "only {steps} changes");
}

/// The first manifest, one with a later stop, and the last one: each is there as a whole or not at all.
#[test]
fn a_manifest_killed_at_any_change_is_the_old_one_or_the_new_one() {
    let first = Job0::from(0);
    let mut later = first.clone();
    later.stop = Timestamp::from_ns(5_000);
    for (before, after) in [(None, &first), (Some(&first), &first), (Some(&first), &later)] {
        let mut steps = 0;
        loop {
            let folder = tempfile::tempdir().unwrap();
            let storage = Storage::folder(folder.path());
            if let Some(job) = before {
                let spool = Spool::open(&storage, job, false).unwrap();
                write_batch(&spool, range(0), &frames_of(&points(0, false))).unwrap();
                spool.close().unwrap();
            }
            let known = fs::read(folder.path().join("manifest.json")).ok();
            storage.faults().fail_after(steps);
            let ended = Spool::open(&storage, after, false).and_then(Spool::close);
            let found = fs::read(folder.path().join("manifest.json")).ok();
            match Stored::open(&Storage::folder(folder.path())) {
                Err(Error::NoSpool { .. }) => assert!(before.is_none() && found.is_none()),
                Err(error) => panic!("killed after {steps}: {error}"),
                Ok(stored) => {
                    let is_old = found == known;
                    let job = if is_old { before.unwrap_or(after) } else { after };
                    assert_eq!(stored.job(), *job, "killed after {steps}");
                    let expected = content(i64::from(before.is_some()), false);
                    assert_eq!(read(&stored, &StoredSelection::ALL).unwrap(), expected);
                }
            }
            let again = Spool::open(&Storage::folder(folder.path()), after, false);
            again.and_then(Spool::close).unwrap_or_else(|error| panic!("after {steps}: {error}"));
            assert_eq!(Stored::open(&Storage::folder(folder.path())).unwrap().job(), *after);
            if ended.is_ok() {
                break;
            }
            steps += 1;
        }
        assert!(steps >= 5, "only {steps} changes");
    }
}
