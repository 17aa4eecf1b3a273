//! The spool: what a value takes on disk, how fast it is written, merged and read, and the memory while 200 measurements
//! arrive in turns. Data in the manner of TSBS cpu-only.
//!
//! `cargo bench --bench spool`; without `--bench` a tiny size, only to see that it runs. Fails beyond its limits.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampNanosecondArray};
use arrow::datatypes::{Field, Schema};
use sluice::checkpoint::identity::Identity;
use sluice::model::frame::{FieldType, Frame, Run};
use sluice::model::series::Series;
use sluice::model::time::{TimeRange, Timestamp};
use sluice::model::time_type::TimeType;
use sluice::sim::Column;
use sluice::sim::tsbs::Workload;
use sluice::spool::compact::Sizes;
use sluice::spool::state::Job;
use sluice::spool::storage::Storage;
use sluice::spool::stored::{Selection, Stored};
use sluice::spool::writable::Spool;

/// Limits, after merging.
const INTEGER_BYTES_MAX: f64 = 1.5;
const FLOAT_BYTES_MAX: f64 = 8.0;
const PEAK_MIB_MAX: u64 = 384;

/// Rows of a host in one batch: two hours, ten seconds apart.
const BATCH_ROWS: usize = 720;

fn main() {
    let measure = std::env::args().any(|arg| arg == "--bench")
        && !std::env::args().any(|arg| arg == "--test");
    // First, because what later parts hold once stays with the process.
    let (measurements, rounds) = if measure { (200, 60) } else { (5, 2) };
    println!(
        "{:<10} {:>11} {:>14} {:>14} {:>16}",
        "in turns", "count", "before, MiB", "write, MiB", "merge, MiB"
    );
    for (name, floats) in [("integers", false), ("floats", true)] {
        let peak = memory(name, measurements, rounds, floats);
        assert!(!measure || peak <= PEAK_MIB_MAX, "{name}: {peak} MiB of memory");
    }
    let (hosts, batches) = if measure { (100, 12) } else { (2, 2) };
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
        assert!(!measure || merged <= bytes_max, "{name}: {merged} bytes per value, merged");
    }
}

/// Writes batch by batch, merges, reads; gives the bytes of a value after merging.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn speed(name: &str, workload: &Workload) -> f64 {
    let batches = workload.points_per_host / BATCH_ROWS;
    let hosts: Vec<_> = (0..workload.hosts).map(|host| workload.host(host)).collect();
    let times = workload.times();
    let frames = (0..batches).map(|batch| {
        let rows = batch * BATCH_ROWS..(batch + 1) * BATCH_ROWS;
        let own = hosts
            .iter()
            .map(|(series, columns)| frame(series, &times[rows.clone()], columns, rows.clone()));
        own.collect::<Vec<_>>()
    });
    let frames: Vec<_> = frames.collect();
    drop(hosts);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let storage = Storage::folder(folder.path());
    let spool = open(&storage, workload.start_ns);
    let values = workload.values() as f64;

    let begin = Instant::now();
    for (batch, frames) in frames.iter().enumerate() {
        write(&spool, range(workload, batch * BATCH_ROWS, BATCH_ROWS), frames.iter().cloned());
    }
    let write_s = begin.elapsed().as_secs_f64();
    drop(frames);
    let written = bytes(folder.path());
    let begin = Instant::now();
    spool.compact(Sizes::default()).expect("whole files");
    let merge_s = begin.elapsed().as_secs_f64();
    spool.close().expect("a manifest");
    let merged = bytes(folder.path());

    let stored = Stored::open(&storage).expect("a spool");
    stored.verify(&Selection::ALL).expect("whole files");
    let begin = Instant::now();
    let frames = stored.frames(&Selection::ALL).expect("whole files");
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
    let spool = open(&storage, workload.start_ns);
    let piece = |measurement: u32, round: usize| {
        let start_ns = range(&workload, round * BATCH_ROWS, 1).start.ns();
        let workload = Workload { start_ns, seed: round as u64, ..workload };
        let (series, columns) = workload.host(measurement);
        let series =
            Series { measurement: format!("cpu{measurement}").into_bytes().into(), ..series };
        frame(&series, &workload.times(), &columns, 0..BATCH_ROWS)
    };
    reset_peak();
    let before = peak_mib();
    for batch in 0..2 {
        let rounds = batch * rounds..(batch + 1) * rounds;
        let whole = range(&workload, rounds.start * BATCH_ROWS, rounds.len() * BATCH_ROWS);
        let turns = rounds.flat_map(|round| (0..measurements).map(move |m| (m, round)));
        write(&spool, whole, turns.map(|(measurement, round)| piece(measurement, round)));
    }
    let write = peak_mib();
    reset_peak();
    spool.compact(Sizes::default()).expect("whole files");
    let merge = peak_mib();
    let (_, values) = spool.totals();
    spool.close().expect("a manifest");
    println!("{name:<10} {values:>11} {before:>14} {write:>14} {merge:>16}");
    write.max(merge)
}

fn open(storage: &Storage, start_ns: i64) -> Spool {
    let job = Job {
        identity: Identity {
            source_host: "https://cloud.example".into(),
            source_bucket_id: "0123456789abcdef".into(),
            destination_bucket_id: String::new(),
            start: Timestamp::from_ns(start_ns),
            filter: "none".into(),
        },
        source_org: "org".into(),
        source_bucket: "plant".into(),
        stop: Timestamp::STOP_MAX,
        shard_group_ns: None,
        one_type_ns: None,
        plan: String::new(),
        time_type: TimeType::NsUtc,
    };
    Spool::open(storage, &job, false).expect("an empty folder")
}

fn write(spool: &Spool, batch: TimeRange, frames: impl Iterator<Item = Frame>) {
    let batch = spool.begin(batch);
    for frame in frames {
        batch.push(&frame).expect("a frame inside of the batch");
    }
    spool.commit(batch.finish().expect("room on the disk")).expect("batches in sequence");
}

/// The time of some rows of a workload.
fn range(workload: &Workload, first: usize, rows: usize) -> TimeRange {
    let at = |row: usize| {
        let row = i64::try_from(row).expect("few rows");
        Timestamp::from_ns(workload.start_ns + row * workload.interval_ns)
    };
    TimeRange::new(at(first), at(first + rows))
}

fn frame(
    series: &Series,
    times: &[i64],
    columns: &[(&'static str, Column)],
    rows: std::ops::Range<usize>,
) -> Frame {
    let times = TimestampNanosecondArray::from(times.to_vec()).with_timezone("UTC");
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(times)];
    let mut fields = Vec::new();
    for (name, column) in columns {
        let (kind, array): (_, ArrayRef) = match column {
            Column::Integer(own) => {
                (FieldType::Integer, Arc::new(Int64Array::from(own[rows.clone()].to_vec())))
            }
            Column::Float(own) => {
                (FieldType::Float, Arc::new(Float64Array::from(own[rows.clone()].to_vec())))
            }
            _ => unreachable!("the generator knows these two"),
        };
        fields.push((name.as_bytes().into(), kind));
        arrays.push(array);
    }
    let schema: Vec<_> = arrays
        .iter()
        .enumerate()
        .map(|(at, array)| Field::new(format!("c{at}"), array.data_type().clone(), at > 0))
        .collect();
    Frame {
        measurement: series.measurement.clone(),
        values: (rows.len() * fields.len()) as u64,
        fields,
        batch: RecordBatch::try_new(Arc::new(Schema::new(schema)), arrays).expect("one length"),
        runs: vec![Run { end_row: rows.len(), series: Arc::new(series.clone()) }],
    }
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

/// Forgets the peak so far; where that cannot be done, the peak is that of the whole run.
fn reset_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Peak of resident memory, 0 where nobody tells.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1_024
}
