//! Object stores: the lock, the records, and an end that is too early.

use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use sluice::model::time::{TimeRange, Timestamp};
use sluice::spool::error::Error;
use sluice::spool::storage::Storage;
use sluice::spool::writable::Spool;

use super::round_trip::{Job0, frames_of, point};
use super::{read_all, write_batch};
use crate::support::golden::Value;

fn range(n: i64) -> TimeRange {
    TimeRange::new(Timestamp::from_ns(n * 10), Timestamp::from_ns(n * 10 + 10))
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn spooled() -> (Arc<dyn ObjectStore>, tempfile::TempDir, Storage) {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let staging = tempfile::tempdir().unwrap();
    let storage = Storage::objects(Arc::clone(&store), "", staging.path()).unwrap();
    (store, staging, storage)
}

#[test]
fn one_run_at_a_time_and_the_slower_of_two_is_stopped_by_the_journal() {
    let (_, _staging, storage) = spooled();
    let first = Spool::open(&storage, &Job0::from(0), false).unwrap();
    assert!(matches!(Spool::open(&storage, &Job0::from(0), false), Err(Error::Locked { .. })));
    // Somebody takes over although the first one lives.
    let second = Spool::open(&storage, &Job0::from(0), true).unwrap();
    let at = |n: i64| frames_of(&[point("a", n * 10, b"f", Value::Integer(n))]);
    write_batch(&second, range(0), &at(0)).unwrap();
    let error = write_batch(&first, range(0), &at(0)).unwrap_err();
    assert!(matches!(&error, Error::Locked { lock } if lock.starts_with("journal/")), "{error}");
    second.close().unwrap();
    assert_eq!(read_all(&storage).unwrap().len(), 1);
    Spool::open(&storage, &Job0::from(0), false).unwrap().close().unwrap();
}

#[test]
fn large_files_go_in_parts_and_come_back() {
    let (store, _staging, storage) = spooled();
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
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
    write_batch(&spool, range(0), &frames_of(&points)).unwrap();
    spool.close().unwrap();
    assert_eq!(read_all(&storage).unwrap(), points);

    // A record or a file that is gone is named.
    for name in ["journal/000000000000", "manifest.json"] {
        let path = Path::from(name);
        let bytes = run(async { store.get(&path).await.unwrap().bytes().await.unwrap() });
        run(store.delete(&path)).unwrap();
        let error = read_all(&storage).unwrap_err();
        assert!(error.is_state() && error.to_string().contains(&name[..7]), "{error}");
        run(store.put(&path, bytes.into())).unwrap();
    }
    assert_eq!(read_all(&storage).unwrap(), points);
}
