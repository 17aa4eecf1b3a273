//! One batch on its way through Parquet. `cargo bench --bench spool` measures many of them, merging and memory.

use divan::Bencher;
use divan::counter::ItemsCount;
use sluice::testing::model::content_digest::ContentDigest;
use sluice::testing::model::frame::Frame;
use sluice::testing::sim::tsbs::Workload;
use sluice::testing::spool::batch::FinishedBatch;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;
use tempfile::TempDir;

use super::empty_spool;
use super::sized;

const KINDS: [&str; 2] = ["integers", "floats"];

/// A batch of two hours.
struct Batch {
    workload: Workload,
    frames: Vec<Frame>,
}

impl Batch {
    fn of(kind: &str) -> Self {
        let (hosts, points_per_host) = sized((20, 720), (2, 10));
        let floats = kind == "floats";
        let workload = Workload { hosts, points_per_host, floats, ..Workload::default() };
        let hosts = (0..hosts).map(|host| workload.host(host));
        let frames = hosts.map(|host| workload.frame(&host, 0..points_per_host)).collect();
        Self { workload, frames }
    }

    fn values(&self) -> ItemsCount {
        ItemsCount::new(self.workload.values())
    }

    fn spool(&self) -> (Spool, Storage, TempDir) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let storage = Storage::folder(folder.path());
        (empty_spool::open(&storage, self.workload.start_ns), storage, folder)
    }

    /// Sorted, encoded and synced.
    fn write(&self, spool: &Spool) -> FinishedBatch {
        let batch = spool.begin(self.workload.range(0..self.workload.points_per_host));
        for frame in &self.frames {
            batch.push(frame).expect("a frame inside of the batch");
        }
        batch.finish().expect("room on the disk")
    }
}

#[divan::bench(args = KINDS, sample_count = 30, sample_size = 1)]
fn write(bencher: Bencher<'_, '_>, kind: &str) {
    let batch = Batch::of(kind);
    bencher.counter(batch.values()).with_inputs(|| batch.spool()).bench_local_values(|place| {
        // In this order they are dropped: the folder last.
        (batch.write(&place.0), place)
    });
}

#[divan::bench(args = KINDS, sample_count = 30, sample_size = 1)]
fn read(bencher: Bencher<'_, '_>, kind: &str) {
    let batch = Batch::of(kind);
    let (spool, storage, _folder) = batch.spool();
    spool.commit(batch.write(&spool)).expect("the first batch");
    spool.close().expect("a manifest");
    let stored = Stored::open(&storage).expect("a spool");
    stored.verify(&StoredSelection::ALL).expect("whole files");
    bencher.counter(batch.values()).bench_local(|| {
        let frames = stored.frames(&StoredSelection::ALL).expect("whole files");
        let values = frames.map(|frame| frame.expect("whole files").values).sum::<u64>();
        assert_eq!(values, batch.workload.values(), "what was written is read");
    });
}

/// Of the content, value by value: the spool keeps it, `verify` compares it.
#[divan::bench(args = KINDS, sample_count = 30, sample_size = 1)]
fn digest(bencher: Bencher<'_, '_>, kind: &str) {
    let batch = Batch::of(kind);
    bencher.counter(batch.values()).bench_local(|| {
        let mut digest = ContentDigest::default();
        batch.frames.iter().for_each(|frame| digest.add_frame(frame));
        digest
    });
}
