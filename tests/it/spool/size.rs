//! What a value takes on disk, with data in the manner of TSBS cpu-only. `cargo bench --bench spool` measures more of it.

use sluice::testing::sim::tsbs::Workload;
use sluice::testing::spool::compact::CompactedSizes;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::round_trip::Job0;

/// Rows of a host in one batch: two hours.
const BATCH_ROWS: usize = 720;

/// Bytes of a value: as written in batches of two hours, and merged.
fn bytes_per_value(floats: bool, hosts: u32, batches: usize) -> (f64, f64) {
    let points_per_host = batches * BATCH_ROWS;
    let workload = Workload { hosts, points_per_host, floats, ..Workload::default() };
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let spool = Spool::open(&storage, &Job0::from(workload.start_ns), false).unwrap();
    let content: Vec<_> = (0..hosts).map(|host| workload.host(host)).collect();
    for first in (0..points_per_host).step_by(BATCH_ROWS) {
        let rows = first..first + BATCH_ROWS;
        let batch = spool.begin(workload.range(rows.clone()));
        for host in &content {
            batch.push(&workload.frame(host, rows.clone())).unwrap();
        }
        spool.commit(batch.finish().unwrap()).unwrap();
    }
    let bytes = |storage: &Storage| {
        let found = Stored::open(storage).unwrap().verify(&StoredSelection::ALL).unwrap();
        assert_eq!(found.values, workload.values());
        found.bytes as f64 / found.values as f64
    };
    let written = bytes(&storage);
    spool.compact(CompactedSizes::default()).unwrap();
    (written, bytes(&storage))
}

#[test]
fn integers_and_floats_take_little_room() {
    let (written, merged) = bytes_per_value(false, 10, 6);
    eprintln!("integers: {written:.3} bytes per value, {merged:.3} merged");
    assert!(merged <= 1.5 && merged <= written, "{written} {merged}");
    let (written, merged) = bytes_per_value(true, 10, 6);
    eprintln!("floats: {written:.3} bytes per value, {merged:.3} merged");
    assert!(merged <= 8.0, "{written} {merged}");
}
