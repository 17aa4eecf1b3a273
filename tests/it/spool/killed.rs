//! A run that is killed at any change of the storage: what is committed can be read, and the next run ends the same way.

use std::sync::Arc;

use object_store::memory::InMemory;
use sluice::model::time::{TimeRange, Timestamp};
use sluice::spool::compact::Sizes;
use sluice::spool::error::Error;
use sluice::spool::storage::Storage;
use sluice::spool::stored::{Selection, Stored};
use sluice::spool::writable::Spool;

use super::round_trip::{Job0, frames_of, point};
use super::{read, read_all, write_batch};
use crate::support::golden::{Point, Value};

const BATCHES: i64 = 3;

fn range(n: i64) -> TimeRange {
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
fn run(storage: &Storage) -> Result<(), Error> {
    let spool = Spool::open(storage, &Job0::from(0), true)?;
    for n in spool.watermark().ns() / 100..BATCHES {
        write_batch(&spool, range(n), &frames_of(&points(n, false)))?;
    }
    match write_batch(&spool, range(1), &frames_of(&points(1, true))) {
        Err(Error::Compacted { .. }) => {}
        result => result?,
    }
    spool.compact(Sizes::default())?;
    spool.close()
}

fn content(batches: i64, again: bool) -> Vec<Point> {
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
                let found = read(&stored, &Selection::ALL).unwrap();
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
        assert_eq!(stored.files(&Selection::ALL).len(), 2, "killed after {step}");
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
