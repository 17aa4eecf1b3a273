//! Who reads and who merges keep out of each other's way; who stages and who reads do not meet.

use std::path::Path;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use sluice::testing::commands::error::Error as CommandError;
use sluice::testing::exit::ExitCode;
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::spool::compact::CompactedSizes;
use sluice::testing::spool::error::Error;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::full::Disk;
use super::round_trip::{Job0, frames_of, point};
use super::{read, read_all, write_batch};
use crate::support::golden::{Point, Value};
use crate::support::process::{bare, run};

fn range(n: i64) -> TimeRange {
    TimeRange::new(Timestamp::from_ns(n * 100), Timestamp::from_ns(n * 100 + 100))
}

fn points(n: i64) -> Vec<Point> {
    vec![point("a", n * 100, b"f", Value::Integer(n))]
}

fn made(storage: &Storage) -> Vec<Point> {
    let spool = Spool::open(storage, &Job0::from(0), false).unwrap();
    for n in 0..3 {
        write_batch(&spool, range(n), &frames_of(&points(n))).unwrap();
    }
    spool.close().unwrap();
    (0..3).flat_map(points).collect()
}

fn exit(error: Error) -> ExitCode {
    CommandError::from(Box::new(error)).exit()
}

async fn sluice(args: &[&str], place: &Path) -> crate::support::process::Ended {
    let place = place.display().to_string();
    run(bare(&[args, &[&place]].concat())).await
}

#[tokio::test]
async fn nothing_is_merged_under_a_reader_and_nothing_read_while_it_is_merged() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let expected = made(&storage);
    let (one, two) = (Stored::open(&storage).unwrap(), Stored::open(&storage).unwrap());
    let ended = sluice(&["spool", "compact"], folder.path()).await;
    ended.assert_code(11);
    assert!(ended.err.contains("reads the spool"), "{ended:?}");
    drop(one);
    sluice(&["spool", "compact"], folder.path()).await.assert_code(11);
    assert_eq!(read(&two, &StoredSelection::ALL).unwrap(), expected);
    // Others read at the same time.
    sluice(&["spool", "verify"], folder.path()).await.assert_code(0);
    drop(two);
    // As a compaction holds it.
    let merging = std::fs::File::open(folder.path()).unwrap();
    merging.lock().unwrap();
    let error = Stored::open(&storage).unwrap_err();
    assert!(error.to_string().contains("spool compact merges"), "{error}");
    assert_eq!(exit(error), ExitCode::Locked);
    for args in [&["spool", "verify"][..], &["spool", "describe"]] {
        sluice(args, folder.path()).await.assert_code(11);
    }
    sluice(&["export", "--format", "lp", "--output", "-"], folder.path()).await.assert_code(11);
    merging.unlock().unwrap();
    sluice(&["spool", "compact"], folder.path()).await.assert_code(0);
    assert_eq!(read_all(&storage).unwrap(), expected);
}

#[test]
fn a_spool_is_read_while_a_run_stages_into_it() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let expected = made(&storage);
    let stored = Stored::open(&storage).unwrap();
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    for n in 3..8 {
        write_batch(&spool, range(n), &frames_of(&points(n))).unwrap();
        let now = Stored::open(&storage).unwrap();
        assert_eq!(now.verify_content(&StoredSelection::ALL).unwrap().files, n.unsigned_abs() + 1);
        assert_eq!(
            read(&stored, &StoredSelection::ALL).unwrap(),
            expected,
            "as it was when opened"
        );
    }
    assert_eq!(exit(spool.compact(CompactedSizes::default()).unwrap_err()), ExitCode::Locked);
}

/// Where no lock can hold a compaction back, a reader is told what became of its file.
#[test]
fn a_reader_of_an_object_store_is_told_that_files_were_merged() {
    let store = Arc::new(InMemory::new());
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [storage, there] = [0, 1].map(|n: usize| {
        let store = Arc::clone(&store) as Arc<dyn ObjectStore>;
        Storage::objects(store, "a/prefix", folders[n].path()).unwrap()
    });
    let expected = made(&there);
    let stored = Stored::open(&storage).unwrap();
    let verified = Stored::open(&storage).unwrap();
    verified.verify(&StoredSelection::ALL).unwrap();
    let spool = Spool::open(&there, &Job0::from(0), false).unwrap();
    spool.compact(CompactedSizes::default()).unwrap();
    spool.close().unwrap();
    for result in [
        stored.verify(&StoredSelection::ALL).map(|_| ()),
        stored.prove(|_| ()).map(|_| ()),
        read(&verified, &StoredSelection::ALL).map(|_| ()),
    ] {
        let error = result.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("was merged with others") && text.contains("data/"), "{text}");
        assert!(matches!(&error, Error::Changed { .. }) && !error.is_state(), "{error}");
        assert_eq!(exit(error), ExitCode::Locked);
    }
    assert_eq!(read_all(&storage).unwrap(), expected);
}

/// To read takes no right to write, the lock included.
#[tokio::test]
async fn a_folder_that_cannot_be_written_is_read() {
    let Some(disk) = Disk::mount() else { return };
    disk.resize(1_024);
    let place = disk.path().join("stage");
    made(&Storage::folder(&place));
    disk.read_only();
    sluice(&["spool", "verify"], &place).await.assert_code(0);
    sluice(&["spool", "describe"], &place).await.assert_code(0);
    sluice(&["export", "--format", "lp", "--output", "-"], &place).await.assert_code(0);
    let reader = Stored::open(&Storage::folder(&place)).unwrap();
    let ended = sluice(&["spool", "compact"], &place).await;
    ended.assert_code(7);
    assert!(ended.err.contains("Read-only file system"), "{ended:?}");
    drop(reader);
}

/// A batch that is given up anywhere, with parts on their way to disk, ends quietly where nothing may block.
#[tokio::test]
async fn an_unfinished_batch_of_an_object_store_may_be_dropped_anywhere() {
    let staging = tempfile::tempdir().unwrap();
    let local = staging.path().to_owned();
    let make = move || {
        let store = Arc::new(InMemory::new());
        let storage = Storage::objects(store, "p", &local).unwrap();
        let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
        let batch = spool.begin(range(0));
        batch.push(&frames_of(&points(0))[0]).unwrap();
        (storage, spool, batch)
    };
    for finished in [false, true] {
        let own = tokio::task::spawn_blocking(make.clone()).await.unwrap();
        let (storage, spool, batch) = own;
        drop((storage, spool));
        if finished {
            let batch = tokio::task::spawn_blocking(move || batch.finish().unwrap());
            drop(batch.await.unwrap());
        } else {
            drop(batch);
        }
    }
}
