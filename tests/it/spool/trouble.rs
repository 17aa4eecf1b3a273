//! A spool in an object store that fails: what passes is outlasted, what does not is told, nothing is lost or doubled.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use object_store::ObjectStore;
use sluice::testing::commands::error::Error as CommandError;
use sluice::testing::exit::ExitCode;
use sluice::testing::limits::{LEASE_STALE_MS, OBJECT_ATTEMPTS_MAX};
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::spool::error::Error;
use sluice::testing::spool::storage::{Reach, Storage};
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::faulty::{Faulty, Trouble};
use super::killed::{self, BATCHES};
use super::round_trip::{Job0, frames_of, point};
use super::{read_all, write_batch};
use crate::support::golden::{Point, Value};

/// A way to the store from a folder of its own: another machine, as far as the lock can tell.
fn reached(store: &Arc<Faulty>, local: &Path) -> Storage {
    Storage::reach(Reach {
        store: Arc::clone(store) as Arc<dyn ObjectStore>,
        prefix: "some/prefix".to_owned(),
        place: "s3://bucket/some/prefix".to_owned(),
        local: local.to_owned(),
        secrets: vec!["hidden-secret".to_owned()],
        pause_ms: 0,
    })
    .unwrap()
}

pub(super) fn range(n: i64) -> TimeRange {
    TimeRange::new(Timestamp::from_ns(n * 10), Timestamp::from_ns(n * 10 + 10))
}

fn exit(error: Error) -> ExitCode {
    CommandError::from(Box::new(error)).exit()
}

/// 10 MB that do not compress, so that they go in parts.
pub(super) fn large() -> Vec<Point> {
    let mut seed = 1u64;
    let mut noise = || {
        let text = (0..500_000).map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed.to_be_bytes()[0]
        });
        text.collect::<Vec<u8>>()
    };
    let mut points: Vec<_> = (0..20)
        .map(|n| point("a", n % 10, if n < 10 { b"f" } else { b"g" }, Value::Text(noise().into())))
        .collect();
    points.sort();
    points
}

#[test]
fn requests_that_fail_once_change_nothing() {
    let names = |store: &Faulty| {
        let (inner, runtime) = (&store.inner, tokio::runtime::Builder::new_current_thread());
        let runtime = { runtime }.build().unwrap();
        let all = futures_util::TryStreamExt::try_collect::<Vec<_>>(inner.list(None));
        let mut names: Vec<_> = runtime
            .block_on(all)
            .unwrap()
            .iter()
            .map(|object| object.location.to_string())
            .collect();
        names.sort();
        names
    };
    let clean = {
        let (store, local) = (Faulty::new(Trouble::None), tempfile::tempdir().unwrap());
        killed::run(&reached(&store, local.path())).unwrap();
        names(&store)
    };
    assert!(clean.iter().all(|name| !name.ends_with("lock") && !name.ends_with("clock")));
    for trouble in [Trouble::Busy, Trouble::Lost, Trouble::Cut] {
        let (store, local) = (Faulty::new(trouble), tempfile::tempdir().unwrap());
        let storage = reached(&store, local.path());
        killed::run(&storage).unwrap_or_else(|error| panic!("{trouble:?}: {error}"));
        assert_eq!(read_all(&storage).unwrap(), killed::content(BATCHES, true), "{trouble:?}");
        assert_eq!(names(&store), clean, "{trouble:?}: the same objects, the same records");
    }
}

#[test]
fn large_files_are_sent_and_fetched_through_trouble() {
    let points = large();
    for trouble in [Trouble::None, Trouble::Busy, Trouble::Lost, Trouble::Cut] {
        let (store, local) = (Faulty::new(trouble), tempfile::tempdir().unwrap());
        let storage = reached(&store, local.path());
        let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
        write_batch(&spool, range(0), &frames_of(&points)).unwrap();
        spool.close().unwrap();
        assert!(read_all(&storage).unwrap() == points, "{trouble:?}");
    }
}

#[test]
fn an_outage_ends_the_run_after_as_many_tries_as_are_named() {
    let (store, local) = (Faulty::new(Trouble::None), tempfile::tempdir().unwrap());
    let storage = reached(&store, local.path());
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    let batch = spool.begin(range(0)).finish().unwrap();
    store.set(Trouble::Gone);
    let before = store.requests();
    let error = spool.commit(batch).unwrap_err();
    assert_eq!(store.requests() - before, u64::from(OBJECT_ATTEMPTS_MAX));
    let text = error.to_string();
    assert!(text.contains("SlowDown") && text.contains("journal/000000000001"), "{text}");
    assert!(text.contains("***") && !text.contains("hidden-secret"), "{text}");
    assert_eq!(exit(error), ExitCode::Temporary);
    store.set(Trouble::None);
    drop(spool);
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    assert_eq!(spool.watermark(), Timestamp::EPOCH, "nothing of it was committed");
}

#[test]
fn what_is_not_allowed_is_told_at_once() {
    let (store, local) = (Faulty::new(Trouble::Denied), tempfile::tempdir().unwrap());
    let error = Spool::open(&reached(&store, local.path()), &Job0::from(0), false).unwrap_err();
    assert_eq!(store.requests(), 1);
    assert!(matches!(&error, Error::Refused { file, .. } if file == "lock"), "{error}");
    assert!(error.to_string().contains("AccessDenied") && !error.is_state(), "{error}");
    assert_eq!(exit(error), ExitCode::Permanent);
}

#[test]
fn a_store_that_cannot_keep_runs_apart_is_refused() {
    for trouble in [Trouble::Careless, Trouble::Unable] {
        let (store, local) = (Faulty::new(trouble), tempfile::tempdir().unwrap());
        let error = Spool::open(&reached(&store, local.path()), &Job0::from(0), false).unwrap_err();
        assert!(matches!(&error, Error::NoCondition { .. }), "{error}");
        assert!(error.to_string().contains("only where none stands"), "{error}");
        assert_eq!(exit(error), ExitCode::Permanent);
    }
}

#[test]
fn an_object_that_changes_while_it_is_read_is_named() {
    let (store, local) = (Faulty::new(Trouble::None), tempfile::tempdir().unwrap());
    let storage = reached(&store, local.path());
    killed::run(&storage).unwrap();
    let stored = Stored::open(&storage).unwrap();
    store.replace.store(true, Ordering::SeqCst);
    let error = stored.verify(&StoredSelection::ALL).unwrap_err();
    assert!(error.to_string().contains("changed while it was read"), "{error}");
    // One that is exchanged after it was verified is not read either.
    stored.verify(&StoredSelection::ALL).unwrap();
    let path = format!("some/prefix/{}", stored.files(&StoredSelection::ALL)[0].path);
    let path = object_store::path::Path::parse(path).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let put = object_store::ObjectStoreExt::put(&*store.inner, &path, "x".into());
    runtime.block_on(put).unwrap();
    let read = stored.frames(&StoredSelection::ALL).unwrap().collect::<Result<Vec<_>, _>>();
    let error = read.unwrap_err();
    assert!(matches!(&error, Error::Damaged { .. }), "{error}");
}

/// A load reads many batches from one file.
#[test]
fn a_file_that_was_fetched_is_not_fetched_again() {
    let (store, local) = (Faulty::new(Trouble::None), tempfile::tempdir().unwrap());
    let storage = reached(&store, local.path());
    killed::run(&storage).unwrap();
    let stored = Stored::open(&storage).unwrap();
    let read = || super::read(&stored, &StoredSelection::ALL).unwrap();
    assert_eq!(read(), killed::content(BATCHES, true));
    let before = store.requests();
    assert_eq!(read(), killed::content(BATCHES, true));
    assert_eq!(store.requests(), before);
    let left = std::fs::read_dir(local.path().join("staging")).unwrap().count();
    assert_eq!(left, 0, "its copy has no name");
}

/// Two machines at one store.
struct Two {
    store: Arc<Faulty>,
    here: Storage,
    there: Storage,
    _folders: [tempfile::TempDir; 2],
}

fn two() -> Two {
    let store = Faulty::new(Trouble::None);
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [here, there] = [0, 1].map(|n: usize| reached(&store, folders[n].path()));
    Two { store, here, there, _folders: folders }
}

pub(super) fn at(n: i64) -> Vec<Point> {
    vec![point("a", n * 10, b"f", Value::Integer(n))]
}

#[test]
fn a_lock_tells_who_holds_it_and_how_to_take_it_over() {
    let two = two();
    let first = Spool::open(&two.here, &Job0::from(0), false).unwrap();
    let error = Spool::open(&two.there, &Job0::from(0), false).unwrap_err();
    let text = error.to_string();
    let process = format!("process {}", std::process::id());
    for part in ["held by run ", &process, "since 20", "0 s ago", "after 180 s", "--adopt"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(exit(error), ExitCode::Locked);
    // On the same machine the system knows.
    let again = Spool::open(&two.here, &Job0::from(0), true).unwrap_err();
    assert!(matches!(again, Error::Locked { .. }), "{again}");
    first.close().unwrap();
    Spool::open(&two.there, &Job0::from(0), false).unwrap().close().unwrap();
}

#[test]
fn the_lock_of_a_dead_run_is_no_hindrance() {
    let two = two();
    // Killed: its lock stays, but its folder is free.
    drop(Spool::open(&two.here, &Job0::from(0), false).unwrap());
    Spool::open(&two.here, &Job0::from(0), false).unwrap().close().unwrap();
    // Killed, and another machine goes on.
    drop(Spool::open(&two.here, &Job0::from(0), false).unwrap());
    let limit = i64::try_from(LEASE_STALE_MS).unwrap();
    two.store.lock_older_ms.store(limit - 60_000, Ordering::SeqCst);
    let held = Spool::open(&two.there, &Job0::from(0), false).unwrap_err();
    assert!(held.to_string().contains(" 120 s ago"), "{held}");
    two.store.lock_older_ms.store(limit + 2_000, Ordering::SeqCst);
    Spool::open(&two.there, &Job0::from(0), false).unwrap().close().unwrap();
}

#[test]
fn a_run_whose_spool_was_taken_over_stops_and_removes_nothing() {
    for commits_first in [true, false] {
        let two = two();
        let zombie = Spool::open(&two.here, &Job0::from(0), false).unwrap();
        // Its files stand at their places, but it has not committed them when the other one takes over.
        let batch = zombie.begin(range(0));
        for frame in frames_of(&at(0)) {
            batch.push(&frame).unwrap();
        }
        let finished = batch.finish().unwrap();
        let heir = Spool::open(&two.there, &Job0::from(0), true).unwrap();
        let late = || zombie.commit(finished).unwrap_err();
        let error = if commits_first {
            let error = late();
            write_batch(&heir, range(0), &frames_of(&at(0))).unwrap();
            error
        } else {
            write_batch(&heir, range(0), &frames_of(&at(0))).unwrap();
            late()
        };
        let taken = matches!(&error, Error::TakenOver { file } if file.starts_with("journal/"));
        assert!(taken, "{error}");
        assert_eq!(exit(error), ExitCode::Locked);
        write_batch(&heir, range(1), &frames_of(&at(1))).unwrap();
        // What it would tidy up is not its own any longer.
        let error = zombie.close().unwrap_err();
        assert!(matches!(&error, Error::TakenOver { file } if file == "lock"), "{error}");
        write_batch(&heir, range(2), &frames_of(&at(2))).unwrap();
        heir.close().unwrap();
        assert_eq!(read_all(&two.here).unwrap(), [at(0), at(1), at(2)].concat());
    }
}

#[test]
fn of_two_that_begin_a_spool_at_one_time_one_is_stopped() {
    let two = two();
    let first = Spool::open(&two.here, &Job0::from(0), false).unwrap();
    let mut other = Job0::from(0);
    other.identity.source_bucket_id = "feedfacefeedface".into();
    let error = Spool::open(&two.there, &other, true).unwrap_err();
    assert!(matches!(error, Error::OtherJob { .. }), "{error}");
    // The one that is refused has not harmed the one that holds it.
    write_batch(&first, range(0), &frames_of(&at(0))).unwrap();
    assert_eq!(read_all(&two.here).unwrap(), at(0));
}

/// A value that holds files at a store is dropped where a task ends: on a thread that must not block.
#[tokio::test]
async fn everything_can_be_dropped_on_an_asynchronous_thread() {
    let (store, local) = (Faulty::new(Trouble::None), tempfile::tempdir().unwrap());
    let storage = reached(&store, local.path());
    let open = {
        let storage = storage.clone();
        move || Spool::open(&storage, &Job0::from(0), false)
    };
    let spool = tokio::task::spawn_blocking(open).await.unwrap().unwrap();
    let own = spool.clone();
    let (finished, unfinished) = tokio::task::spawn_blocking(move || {
        let batches = [0, 1].map(|n| {
            let batch = own.begin(range(n));
            for frame in frames_of(&at(n)) {
                batch.push(&frame).unwrap();
            }
            batch
        });
        let [first, second] = batches;
        (first.finish().unwrap(), second)
    })
    .await
    .unwrap();
    let before = store.requests();
    drop(finished);
    drop(unfinished);
    assert_eq!(store.requests(), before, "nothing is sent from here");
    tokio::task::spawn_blocking(move || {
        write_batch(&spool, range(0), &frames_of(&at(5)[..0])).unwrap();
        write_batch(&spool, range(1), &frames_of(&at(1))).unwrap();
        spool.close().unwrap();
        // What was given up is gone, though the watermark has passed it.
        assert_eq!(read_all(&storage).unwrap(), at(1));
        // The calls themselves may come from a thread of a runtime too: they wait, and that is all.
        storage
    })
    .await
    .map(|storage| {
        let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
        spool.close().unwrap();
        drop(storage);
    })
    .unwrap();
}
