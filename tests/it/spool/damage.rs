//! Every kind of damage is named before a row is given out, or the content is what it was.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::spool::error::Error;
use sluice::testing::spool::state::StagedJob;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::forgery::Forgery;
use super::round_trip::{Job0, frames_of, point};
use super::{files, read_all, write_batch};
use crate::support::golden::{Point, Value, flatten};

/// Files that tell nothing of the content.
const HARMLESS: [&str; 2] = ["lock", "rejects.lp"];

/// A spool of three batches, one of them with conflicts.
fn made(folder: &Path) -> Vec<Point> {
    made_of(folder, &Job0::from(0), 1)
}

fn made_of(folder: &Path, job: &StagedJob, factor: i64) -> Vec<Point> {
    let storage = Storage::folder(folder);
    let spool = Spool::open(&storage, job, false).unwrap();
    let mut all = Vec::new();
    for n in 0..3i64 {
        let value = |at: i64| Value::Integer(at * at * factor);
        let mut points: Vec<_> =
            (0..40).map(|at| point("a", n * 100 + at, b"f", value(at))).collect();
        if n == 1 {
            points.push(point("b", 150, b"f", Value::Text((*b"text").into())));
        }
        write_batch(&spool, range(n), &frames_of(&points)).unwrap();
        all.extend(points);
    }
    spool.close().unwrap();
    fs::write(folder.join("lock"), [b'l'; 64]).unwrap();
    let rejects =
        "# batch 1970-01-01T00:00:00Z 1970-01-01T00:00:00.0000001Z\n# 1 values: no\nm f=1 1\n";
    fs::write(folder.join("rejects.lp"), rejects).unwrap();
    all.sort();
    all
}

fn range(n: i64) -> TimeRange {
    TimeRange::new(Timestamp::from_ns(n * 100), Timestamp::from_ns(n * 100 + 100))
}

/// One file of each kind.
fn kinds(folder: &Path) -> Vec<PathBuf> {
    let all = files(folder);
    let first = |start: &str| {
        let found = all.iter().find(|path| path.display().to_string().starts_with(start));
        found.unwrap_or_else(|| panic!("no {start}")).clone()
    };
    ["data/", "conflicts/", "journal/", "manifest.json", "lock", "rejects.lp"].map(first).into()
}

fn is_harmless(file: &Path) -> bool {
    HARMLESS.iter().any(|name| file == Path::new(name))
}

/// The spool must read as before, or be refused for one of these files before the first row. True if it was refused.
fn refused(folder: &Path, touched: &[&Path], expected: &[Point], what: &str) -> bool {
    let stored = Stored::open(&Storage::folder(folder));
    match stored.and_then(|stored| stored.frames(&StoredSelection::ALL)) {
        Ok(frames) => {
            let frames: Result<Vec<_>, _> = frames.collect();
            let frames = frames.unwrap_or_else(|error| panic!("{what}: too late: {error}"));
            assert_eq!(flatten(&frames), expected, "{what}");
            false
        }
        Err(error) => {
            assert!(error.is_state(), "{what}: {error:?}");
            let text = error.to_string();
            let named = |file: &&Path| text.contains(&file.display().to_string());
            assert!(touched.iter().any(named), "{what}: {error}");
            true
        }
    }
}

/// A run on it ends with an error or leaves it as it was; it never goes on with something else.
fn opened(folder: &Path, what: &str) {
    match Spool::open(&Storage::folder(folder), &Job0::from(0), false) {
        Ok(spool) => assert_eq!(spool.watermark(), range(2).stop, "{what}"),
        Err(error) => assert!(error.is_state(), "{what}: {error:?}"),
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

#[test]
fn a_file_cut_anywhere_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let expected = made(folder.path());
    for file in kinds(folder.path()) {
        let path = folder.path().join(&file);
        let bytes = fs::read(&path).unwrap();
        // The first cut leaves an empty file.
        for part in 0..64 {
            fs::write(&path, &bytes[..bytes.len() * part / 64]).unwrap();
            let what = format!("{} cut at {part}/64", file.display());
            let refused = refused(folder.path(), &[&file], &expected, &what);
            assert_eq!(refused, !is_harmless(&file), "{what}");
            opened(folder.path(), &what);
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(read_all(&Storage::folder(folder.path())).unwrap(), expected);
}

#[test]
fn flipped_bits_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let expected = made(folder.path());
    for (seed, file) in (0x5eed..).zip(kinds(folder.path())) {
        let path = folder.path().join(&file);
        let bytes = fs::read(&path).unwrap();
        let mut random = Random(seed);
        for n in 0..1_000 {
            let at = random.below(bytes.len() * 8);
            let mut damaged = bytes.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            fs::write(&path, &damaged).unwrap();
            let what = format!("seed {seed:#x}, flip {n}: {} bit {at}", file.display());
            let refused = refused(folder.path(), &[&file], &expected, &what);
            assert_eq!(refused, !is_harmless(&file), "{what}");
        }
        opened(folder.path(), "the last flip");
        fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(read_all(&Storage::folder(folder.path())).unwrap(), expected);
}

#[test]
fn a_folder_in_the_place_of_a_file_and_a_file_in_that_of_a_folder_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let expected = made(folder.path());
    let moved = folder.path().join("elsewhere");
    for file in kinds(folder.path()) {
        let path = folder.path().join(&file);
        fs::rename(&path, &moved).unwrap();
        fs::create_dir(&path).unwrap();
        let what = format!("a folder for {}", file.display());
        assert_eq!(refused(folder.path(), &[&file], &expected, &what), !is_harmless(&file));
        opened(folder.path(), &what);
        fs::remove_dir(&path).unwrap();
        fs::rename(&moved, &path).unwrap();
    }
    for name in ["data", "conflicts", "journal", "staging"] {
        let path = folder.path().join(name);
        fs::rename(&path, &moved).unwrap();
        fs::write(&path, "no folder").unwrap();
        let what = format!("a file for {name}");
        let refused = refused(folder.path(), &[Path::new(name)], &expected, &what);
        assert_eq!(refused, name != "staging", "{what}");
        opened(folder.path(), &what);
        fs::remove_file(&path).unwrap();
        fs::rename(&moved, &path).unwrap();
    }
    assert_eq!(read_all(&Storage::folder(folder.path())).unwrap(), expected);
}

#[test]
fn files_that_change_places_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let expected = made(folder.path());
    let kinds = kinds(folder.path());
    let swap = |one: &Path, other: &Path| {
        let (one, other) = (folder.path().join(one), folder.path().join(other));
        let moved = folder.path().join("elsewhere");
        fs::rename(&one, &moved).unwrap();
        fs::rename(&other, &one).unwrap();
        fs::rename(&moved, &other).unwrap();
    };
    for (at, one) in kinds.iter().enumerate() {
        for other in &kinds[at + 1..] {
            swap(one, other);
            let what = format!("{} and {}", one.display(), other.display());
            let refused = refused(folder.path(), &[one, other], &expected, &what);
            assert_eq!(refused, !(is_harmless(one) && is_harmless(other)), "{what}");
            opened(folder.path(), &what);
            swap(one, other);
        }
    }
    let data: Vec<_> =
        files(folder.path()).into_iter().filter(|path| path.starts_with("data")).collect();
    swap(&data[0], &data[1]);
    let error = read_all(&Storage::folder(folder.path())).unwrap_err();
    assert!(matches!(error, Error::Swapped { .. }), "{error}");
    swap(&data[0], &data[1]);
    assert_eq!(read_all(&Storage::folder(folder.path())).unwrap(), expected);
}

/// Of another job, of the same job with other values, and of the same spool at an earlier time.
#[test]
fn a_file_of_another_spool_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let expected = made(folder.path());
    let mut job = Job0::from(0);
    for (id, factor) in [("feedfacefeedface", 1), ("0123456789abcdef", 2)] {
        job.identity.source_bucket_id = id.into();
        let other = tempfile::tempdir().unwrap();
        made_of(other.path(), &job, factor);
        for (file, twin) in kinds(folder.path()).into_iter().zip(kinds(other.path())) {
            let path = folder.path().join(&file);
            let bytes = fs::read(&path).unwrap();
            fs::copy(other.path().join(&twin), &path).unwrap();
            let what = format!("{} of bucket {id}", twin.display());
            // A manifest tells of files, and it is they that differ where the job is the same.
            let all = files(folder.path());
            let mut touched: Vec<&Path> = vec![&file, &twin];
            if file.ends_with("manifest.json") {
                touched.extend(all.iter().map(PathBuf::as_path));
            }
            let known: BTreeSet<_> = all.iter().collect();
            let same = fs::read(&path).unwrap() == bytes;
            assert!(known.contains(&file));
            assert_eq!(refused(folder.path(), &touched, &expected, &what), !same, "{what}");
            fs::write(&path, &bytes).unwrap();
        }
    }
    assert_eq!(read_all(&Storage::folder(folder.path())).unwrap(), expected);
}

#[test]
fn missing_and_extra_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let expected = made(folder.path());
    let storage = Storage::folder(folder.path());
    let moved = folder.path().join("elsewhere");
    for file in kinds(folder.path()) {
        let path = folder.path().join(&file);
        fs::rename(&path, &moved).unwrap();
        let what = format!("no {}", file.display());
        let refused = refused(folder.path(), &[&file], &expected, &what);
        assert_eq!(refused, !is_harmless(&file), "{what}");
        // A run does not begin anew over it either, but where only data are gone it can write them again.
        let opened = Spool::open(&storage, &Job0::from(0), false);
        let is_state = file.ends_with("manifest.json") || file.ends_with("records");
        assert_eq!(opened.is_err(), is_state, "{what}");
        drop(opened);
        fs::rename(&moved, &path).unwrap();
    }

    let data = files(folder.path()).into_iter().find(|path| path.starts_with("data")).unwrap();
    let data = folder.path().join(data);
    for name in ["copy.parquet", "_SUCCESS", "x.parquet.partial", "empty.parquet"] {
        let extra = data.with_file_name(name);
        fs::copy(&data, &extra).unwrap();
        if name.starts_with("empty") {
            fs::write(&extra, "").unwrap();
        }
        let error = read_all(&storage).unwrap_err();
        assert!(matches!(&error, Error::Foreign { file } if file.ends_with(name)), "{error}");
        // A run leaves it alone.
        drop(Spool::open(&storage, &Job0::from(0), false).unwrap());
        assert!(extra.exists());
        fs::remove_file(&extra).unwrap();
    }

    // Outside of the data nobody looks.
    for name in ["notes.txt", "journal/other", "staging/other"] {
        fs::write(folder.path().join(name), "x").unwrap();
        assert_eq!(read_all(&storage).unwrap(), expected, "{name}");
        opened(folder.path(), name);
    }

    // A file of a batch that is not committed means nothing, and the next run removes it.
    let name = "19700101T000000.0000003Z_19700101T000000.0000004Z-0123456789abcdef.parquet";
    let left = data.with_file_name(name);
    fs::write(&left, "half").unwrap();
    assert_eq!(read_all(&storage).unwrap(), expected);
    drop(Spool::open(&storage, &Job0::from(0), false).unwrap());
    assert!(!left.exists());
}

#[test]
fn a_torn_record_is_dropped_and_what_stands_before_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    let manifest = fs::read(folder.path().join("manifest.json")).unwrap();
    let journal = folder.path().join("journal/records");
    let range =
        |n: i64| TimeRange::new(Timestamp::from_ns(n * 10), Timestamp::from_ns(n * 10 + 10));
    let at = |n: i64| point("a", n * 10, b"f", Value::Integer(n));
    write_batch(&spool, range(0), &frames_of(&[at(0)])).unwrap();
    let first = fs::read(&journal).unwrap();
    write_batch(&spool, range(1), &frames_of(&[at(1)])).unwrap();
    drop(spool);
    let both = fs::read(&journal).unwrap();
    // As if the manifest of neither had been written.
    fs::write(folder.path().join("manifest.json"), &manifest).unwrap();
    for length in (first.len()..both.len()).step_by(7) {
        fs::write(&journal, &both[..length]).unwrap();
        assert_eq!(read_all(&storage).unwrap(), [at(0)], "{length}");
    }
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    assert_eq!(spool.watermark(), Timestamp::from_ns(10));
    write_batch(&spool, range(1), &frames_of(&[at(1)])).unwrap();
    spool.close().unwrap();
    assert_eq!(fs::read(&journal).unwrap(), both);
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
    let kept = fs::read_to_string(&manifest).unwrap();
    fs::create_dir_all(folder.path().join("journal")).unwrap();
    fs::write(folder.path().join("journal/records"), "").unwrap();
    let mut forgery = Forgery::of(folder.path());
    for format in [0, 3] {
        forgery.manifest["format"] = format.into();
        forgery.write();
        let error = Stored::open(&storage).unwrap_err();
        assert!(matches!(&error, Error::Format { found, .. } if *found == format), "{error}");
    }
    fs::write(&manifest, kept).unwrap();
    // A later stop goes on with the same spool.
    let mut later = Job0::from(0);
    later.stop = Timestamp::from_ns(5);
    Spool::open(&storage, &later, false).unwrap().close().unwrap();
    assert_eq!(Stored::open(&storage).unwrap().job(), later);
}
