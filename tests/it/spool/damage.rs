//! Every kind of damage is named, or the content is what it was.

use std::path::{Path, PathBuf};

use sluice::model::time::{TimeRange, Timestamp};
use sluice::spool::error::Error;
use sluice::spool::storage::Storage;
use sluice::spool::stored::{Selection, Stored};
use sluice::spool::writable::Spool;

use super::round_trip::{Job0, frames_of, point};
use super::{files, read, read_all, write_batch};
use crate::support::golden::{Point, Value};

/// A spool of three batches, one of them with conflicts.
fn made(folder: &Path) -> Vec<Point> {
    let storage = Storage::folder(folder);
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    let mut all = Vec::new();
    for n in 0..3i64 {
        let mut points: Vec<_> =
            (0..40).map(|at| point("a", n * 100 + at, b"f", Value::Integer(at * at))).collect();
        if n == 1 {
            points.push(point("b", 150, b"f", Value::Text((*b"text").into())));
        }
        let range = TimeRange::new(Timestamp::from_ns(n * 100), Timestamp::from_ns(n * 100 + 100));
        write_batch(&spool, range, &frames_of(&points)).unwrap();
        all.extend(points);
    }
    spool.close().unwrap();
    all.sort();
    all
}

/// One file of each kind.
fn kinds(folder: &Path) -> [PathBuf; 4] {
    let all = files(folder);
    let first = |start: &str| {
        let found = all.iter().find(|path| path.display().to_string().starts_with(start));
        found.unwrap_or_else(|| panic!("no {start}")).clone()
    };
    [first("data/"), first("conflicts/"), first("journal/"), first("manifest.json")]
}

/// The spool must read as before, or fail at this file.
fn same_or_named(folder: &Path, file: &Path, expected: &[Point], what: &str) {
    let result =
        Stored::open(&Storage::folder(folder)).and_then(|stored| read(&stored, &Selection::ALL));
    match result {
        Ok(points) => assert_eq!(points, expected, "{what}"),
        Err(error) => {
            assert!(error.is_state(), "{what}: {error}");
            assert!(error.to_string().contains(&*file.display().to_string()), "{what}: {error}");
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let expected = made(folder.path());
    for file in kinds(folder.path()) {
        let path = folder.path().join(&file);
        let bytes = std::fs::read(&path).unwrap();
        for part in 0..64 {
            std::fs::write(&path, &bytes[..bytes.len() * part / 64]).unwrap();
            let what = format!("{} cut at {part}/64", file.display());
            same_or_named(folder.path(), &file, &expected, &what);
            assert!(read_all(&Storage::folder(folder.path())).is_err(), "{what}");
        }
        std::fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(read_all(&Storage::folder(folder.path())).unwrap(), expected);
}

#[test]
fn flipped_bits_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let expected = made(folder.path());
    let mut seed = 0x5eed_u64;
    for file in kinds(folder.path()) {
        let path = folder.path().join(&file);
        let bytes = std::fs::read(&path).unwrap();
        for _ in 0..1_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = usize::try_from(seed >> 33).unwrap() % (bytes.len() * 8);
            let mut damaged = bytes.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            std::fs::write(&path, &damaged).unwrap();
            let what = format!("{} bit {at}", file.display());
            same_or_named(folder.path(), &file, &expected, &what);
        }
        std::fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn missing_swapped_and_foreign_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let expected = made(folder.path());
    let storage = Storage::folder(folder.path());
    let data: Vec<_> = files(folder.path())
        .into_iter()
        .filter(|path| path.starts_with("data"))
        .map(|path| folder.path().join(path))
        .collect();
    let moved = folder.path().join("elsewhere");

    for file in kinds(folder.path()) {
        let file = folder.path().join(file);
        std::fs::rename(&file, &moved).unwrap();
        let error = read_all(&storage).unwrap_err();
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        // A run does not begin anew over it either, but where only data are gone it can write them again.
        let opened = Spool::open(&storage, &Job0::from(0), false);
        assert_eq!(opened.is_err(), !file.ends_with(file.file_name().unwrap()) || is_state(&file));
        drop(opened);
        std::fs::rename(&moved, &file).unwrap();
    }

    std::fs::rename(&data[0], &moved).unwrap();
    std::fs::rename(&data[1], &data[0]).unwrap();
    std::fs::rename(&moved, &data[1]).unwrap();
    let error = read_all(&storage).unwrap_err();
    assert!(matches!(error, Error::Swapped { .. }), "{error}");
    std::fs::rename(&data[0], &moved).unwrap();
    std::fs::rename(&data[1], &data[0]).unwrap();
    std::fs::rename(&moved, &data[1]).unwrap();

    for name in ["copy.parquet", "_SUCCESS", "x.parquet.partial"] {
        let extra = data[0].with_file_name(name);
        std::fs::copy(&data[0], &extra).unwrap();
        let error = read_all(&storage).unwrap_err();
        assert!(matches!(&error, Error::Foreign { file } if file.ends_with(name)), "{error}");
        // A run leaves it alone.
        drop(Spool::open(&storage, &Job0::from(0), false).unwrap());
        assert!(extra.exists());
        std::fs::remove_file(&extra).unwrap();
    }

    // A file of a batch that is not committed means nothing, and the next run removes it.
    let name = "19700101T000000.0000003Z_19700101T000000.0000004Z-0123456789abcdef.parquet";
    let left = data[0].with_file_name(name);
    std::fs::write(&left, "half").unwrap();
    assert_eq!(read_all(&storage).unwrap(), expected);
    drop(Spool::open(&storage, &Job0::from(0), false).unwrap());
    assert!(!left.exists());
}

fn is_state(file: &Path) -> bool {
    file.ends_with("manifest.json") || file.ends_with("records")
}

#[test]
fn a_torn_record_is_dropped_and_what_stands_before_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    let manifest = std::fs::read(folder.path().join("manifest.json")).unwrap();
    let journal = folder.path().join("journal/records");
    let range =
        |n: i64| TimeRange::new(Timestamp::from_ns(n * 10), Timestamp::from_ns(n * 10 + 10));
    let at = |n: i64| point("a", n * 10, b"f", Value::Integer(n));
    write_batch(&spool, range(0), &frames_of(&[at(0)])).unwrap();
    let first = std::fs::read(&journal).unwrap();
    write_batch(&spool, range(1), &frames_of(&[at(1)])).unwrap();
    drop(spool);
    let both = std::fs::read(&journal).unwrap();
    // As if the manifest of neither had been written.
    std::fs::write(folder.path().join("manifest.json"), &manifest).unwrap();
    for length in (first.len()..both.len()).step_by(7) {
        std::fs::write(&journal, &both[..length]).unwrap();
        assert_eq!(read_all(&storage).unwrap(), [at(0)], "{length}");
    }
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    assert_eq!(spool.watermark(), Timestamp::from_ns(10));
    write_batch(&spool, range(1), &frames_of(&[at(1)])).unwrap();
    spool.close().unwrap();
    assert_eq!(std::fs::read(&journal).unwrap(), both);
    assert_eq!(read_all(&storage).unwrap(), [at(0), at(1)]);
}

#[test]
fn another_job_another_run_and_another_format_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    assert!(matches!(Stored::open(&storage), Err(Error::NoSpool { .. })));
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    assert!(matches!(Spool::open(&storage, &Job0::from(0), false), Err(Error::Locked { .. })));
    drop(spool);
    let mut other = Job0::from(0);
    other.identity.source_bucket_id = "feedfacefeedface".into();
    let error = Spool::open(&storage, &other, false).unwrap_err();
    assert!(matches!(&error, Error::OtherJob { differences, .. } if differences.len() == 1));
    let text = error.to_string();
    assert!(text.contains("0123456789abcdef") && text.contains("feedfacefeedface"), "{text}");
    let manifest = folder.path().join("manifest.json");
    let kept = std::fs::read_to_string(&manifest).unwrap();
    let json = kept.lines().next().unwrap().replacen("\"format\":1", "\"format\":2", 1);
    let digest = ring::digest::digest(&ring::digest::SHA256, json.as_bytes());
    let hex: Vec<_> = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let other = format!("{json}\n{{\"sha256\":\"{}\"}}\n", hex.concat());
    std::fs::write(&manifest, other).unwrap();
    assert!(matches!(Stored::open(&storage), Err(Error::Format { found: 2, known: 1, .. })));
    std::fs::write(&manifest, kept).unwrap();
    // A later stop goes on with the same spool.
    let mut later = Job0::from(0);
    later.stop = Timestamp::from_ns(5);
    Spool::open(&storage, &later, false).unwrap().close().unwrap();
    assert_eq!(Stored::open(&storage).unwrap().job(), later);
}
