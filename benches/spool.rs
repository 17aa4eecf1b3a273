//! The spool: what a value takes on disk, how fast it is written, merged and read, and the memory while 200 measurements
//! arrive in turns. Data in the manner of TSBS cpu-only.
//!
//! `cargo bench --bench spool`; without `--bench` a tiny size, only to see that it runs. Fails beyond its limits.

mod empty_spool;
mod size;

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use sluice::testing::commands::bench::machine;
use sluice::testing::model::frame::Frame;
use sluice::testing::model::series::Series;
use sluice::testing::model::time::TimeRange;
use sluice::testing::sim::tsbs::Workload;
use sluice::testing::spool::compact::CompactedSizes;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use self::size::Size;

/// Limits, after merging.
const INTEGER_BYTES_MAX: f64 = 1.5;
const FLOAT_BYTES_MAX: f64 = 8.0;
const PEAK_MIB_MAX: u64 = 384;

/// Rows of a host in one batch: two hours, ten seconds apart.
const BATCH_ROWS: usize = 720;

fn main() {
    let Some(size) = Size::asked() else { return };
    // First, because what later parts hold once stays with the process.
    let (measurements, rounds) = size.of((200, 60), (5, 2));
    println!(
        "{:<10} {:>11} {:>14} {:>14} {:>16}",
        "in turns", "count", "before, MiB", "write, MiB", "merge, MiB"
    );
    for (name, floats) in [("integers", false), ("floats", true)] {
        let peak = memory(name, measurements, rounds, floats);
        assert!(size == Size::Tiny || peak <= PEAK_MIB_MAX, "{name}: {peak} MiB of memory");
    }
    let (hosts, batches) = size.of((100, 12), (2, 2));
    println!(
        "{:<10} {:>11} {:>14} {:>14} {:>16} {:>16} {:>16}",
        "values", "count", "B/value", "merged", "write values/s", "merge values/s", "read values/s"
    );
    for (name, floats, bytes_max) in
        [("integers", false, INTEGER_BYTES_MAX), ("floats", true, FLOAT_BYTES_MAX)]
    {
        let points_per_host = batches * BATCH_ROWS;
        let workload = Workload { hosts, points_per_host, floats, ..Workload::default() };
        let merged = speed(name, &workload);
        assert!(
            size == Size::Tiny || merged <= bytes_max,
            "{name}: {merged} bytes per value, merged"
        );
    }
}

/// The rows of one batch of a host.
fn rows(batch: usize) -> Range<usize> {
    batch * BATCH_ROWS..(batch + 1) * BATCH_ROWS
}

/// Writes batch by batch, merges, reads; gives the bytes of a value after merging.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn speed(name: &str, workload: &Workload) -> f64 {
    let batches = workload.points_per_host / BATCH_ROWS;
    let hosts: Vec<_> = (0..workload.hosts).map(|host| workload.host(host)).collect();
    let frames = (0..batches).map(|batch| {
        hosts.iter().map(|host| workload.frame(host, rows(batch))).collect::<Vec<_>>()
    });
    let frames: Vec<_> = frames.collect();
    drop(hosts);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let storage = Storage::folder(folder.path());
    let spool = empty_spool::open(&storage, workload.start_ns);
    let values = workload.values() as f64;

    let begin = Instant::now();
    for (batch, frames) in frames.iter().enumerate() {
        write(&spool, workload.range(rows(batch)), frames.iter().cloned());
    }
    let write_s = begin.elapsed().as_secs_f64();
    drop(frames);
    let written = bytes(folder.path());
    let begin = Instant::now();
    spool.compact(CompactedSizes::default()).expect("whole files");
    let merge_s = begin.elapsed().as_secs_f64();
    spool.close().expect("a manifest");
    let merged = bytes(folder.path());

    let stored = Stored::open(&storage).expect("a spool");
    stored.verify(&StoredSelection::ALL).expect("whole files");
    let begin = Instant::now();
    let frames = stored.frames(&StoredSelection::ALL).expect("whole files");
    let read: u64 = frames.map(|frame| frame.expect("whole files").values).sum();
    let read_s = begin.elapsed().as_secs_f64();
    assert_eq!(read, workload.values(), "what was written is read");
    println!(
        "{name:<10} {:>11} {:>14.2} {:>14.2} {:>16.0} {:>16.0} {:>16.0}",
        workload.values(),
        written as f64 / values,
        merged as f64 / values,
        values / write_s,
        values / merge_s,
        values / read_s
    );
    merged as f64 / values
}

/// Two batches of many measurements that arrive in turns, then merged; gives the peak of all.
fn memory(name: &str, measurements: u32, rounds: usize, floats: bool) -> u64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let storage = Storage::folder(folder.path());
    let workload = Workload { points_per_host: BATCH_ROWS, floats, ..Workload::default() };
    let spool = empty_spool::open(&storage, workload.start_ns);
    let piece = |measurement: u32, round: usize| {
        let start_ns = workload.range(rows(round)).start.ns();
        let workload = Workload { start_ns, seed: round as u64, ..workload };
        let (series, columns) = workload.host(measurement);
        let series =
            Series { measurement: format!("cpu{measurement}").into_bytes().into(), ..series };
        workload.frame(&(series, columns), 0..BATCH_ROWS)
    };
    machine::forget_memory_peak();
    let before = peak_mib();
    for batch in 0..2 {
        let rounds = batch * rounds..(batch + 1) * rounds;
        let whole = workload.range(rounds.start * BATCH_ROWS..rounds.end * BATCH_ROWS);
        let turns = rounds.flat_map(|round| (0..measurements).map(move |m| (m, round)));
        write(&spool, whole, turns.map(|(measurement, round)| piece(measurement, round)));
    }
    let write = peak_mib();
    machine::forget_memory_peak();
    spool.compact(CompactedSizes::default()).expect("whole files");
    let merge = peak_mib();
    let (_, values) = spool.totals();
    spool.close().expect("a manifest");
    println!("{name:<10} {values:>11} {before:>14} {write:>14} {merge:>16}");
    write.max(merge)
}

fn write(spool: &Spool, batch: TimeRange, frames: impl Iterator<Item = Frame>) {
    let batch = spool.begin(batch);
    for frame in frames {
        batch.push(&frame).expect("a frame inside of the batch");
    }
    spool.commit(batch.finish().expect("room on the disk")).expect("batches in sequence");
}

/// Bytes of all Parquet files below a folder.
fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let own = entries.map(|entry| match entry.path() {
        path if path.is_dir() => bytes(&path),
        path if path.extension().is_some_and(|extension| extension == "parquet") => {
            entry.metadata().expect("a file").len()
        }
        _ => 0,
    });
    own.sum()
}

/// Peak of resident memory, 0 where nobody tells.
fn peak_mib() -> u64 {
    machine::memory_peak_bytes().unwrap_or(0) >> 20
}
