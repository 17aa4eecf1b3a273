//! What stands in the place of a file and is none, or not the one that was written: nothing waits for it, nothing reads
//! it without an end.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::spool::error::Error;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::round_trip::{Job0, frames_of, point};
use super::{files, read_all, write_batch};
use crate::support::golden::{Point, Value};
use crate::support::process::{Ended, bare, run};

fn points(n: i64, value: i64) -> Vec<Point> {
    (0..40).map(|at| point("a", n * 100 + at, b"f", Value::Integer(at * value))).collect()
}

fn made(place: &Path, value: i64) -> Vec<Point> {
    let spool = Spool::open(&Storage::folder(place), &Job0::from(0), false).unwrap();
    let bounds = |n: i64| Timestamp::from_ns(n * 100);
    for n in 0..2 {
        let range = TimeRange::new(bounds(n), bounds(n + 1));
        write_batch(&spool, range, &frames_of(&points(n, value))).unwrap();
    }
    spool.close().unwrap();
    [points(0, value), points(1, value)].concat()
}

/// All commands that read a spool.
async fn read_by_all(place: &Path, home: &Path) -> Vec<Ended> {
    let place = place.display().to_string();
    let mut all = Vec::new();
    for args in [
        &["spool", "verify", &place][..],
        &["spool", "describe", &place],
        &["spool", "compact", &place],
        &["export", &place, "--format", "lp", "--output", "-"],
        &["load", &place, "--destination-host", "http://127.0.0.1:1", "--destination-org", "o"],
    ] {
        let mut command = bare(args);
        command.env("INFLUX_TOKEN", "own-token").env("HOME", home);
        all.push(run(command).await);
    }
    all
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn kinds() -> [(&'static str, fn(&Path)); 5] {
    [
        ("a device", |path| symlink("/dev/zero", path).unwrap()),
        ("a pipe", pipe),
        ("a folder", |path| fs::create_dir(path).unwrap()),
        ("a socket", |path| {
            // Its path may be longer than an address may be.
            let short = tempfile::tempdir().unwrap();
            UnixListener::bind(short.path().join("s")).unwrap();
            fs::rename(short.path().join("s"), path).unwrap();
        }),
        // Its length is 0, and reading it waits for the next message.
        ("bytes instead of", |path| symlink("/proc/kmsg", path).unwrap()),
    ]
}

#[tokio::test]
async fn what_is_no_file_is_named_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("stage");
    made(&place, 1);
    let data = files(&place).into_iter().find(|path| path.starts_with("data")).unwrap();
    for own in [data, "manifest.json".into(), "journal/records".into()] {
        let (path, kept) = (place.join(&own), folder.path().join("kept"));
        fs::rename(&path, &kept).unwrap();
        for (what, make) in kinds() {
            if what.starts_with("bytes") && !own.starts_with("data") {
                continue;
            }
            make(&path);
            for ended in read_by_all(&place, folder.path()).await {
                ended.assert_code(13);
                // A screen breaks its lines.
                let plain = |text: &str| text.split_whitespace().collect::<String>();
                let told = plain(&format!("{}{}", ended.out, ended.err));
                let name = own.display().to_string();
                assert!(told.contains(&plain(what)) && told.contains(&name), "{what}: {ended:?}");
            }
            let removed =
                if path.is_dir() { fs::remove_dir(&path) } else { fs::remove_file(&path) };
            removed.unwrap();
        }
        fs::rename(&kept, &path).unwrap();
    }
    for (what, make) in kinds() {
        if what.starts_with("bytes") {
            continue;
        }
        fs::remove_file(place.join("lock")).unwrap();
        make(&place.join("lock"));
        let error = Spool::open(&Storage::folder(&place), &Job0::from(0), false).unwrap_err();
        assert!(error.is_state() && error.to_string().contains(what), "{error}");
        // Nobody else needs it.
        read_all(&Storage::folder(&place)).unwrap();
        let _ = fs::remove_dir(place.join("lock")).or_else(|_| fs::remove_file(place.join("lock")));
        fs::write(place.join("lock"), "").unwrap();
    }
}

/// A file of another spool that is as long, one with a second name, and the same file over a link.
#[test]
fn a_file_is_known_by_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let expected = made(&one, 1);
    made(&two, 2);
    let parquet = |place: &Path| -> Vec<PathBuf> {
        let mut all = files(place);
        all.retain(|path| path.starts_with("data"));
        all.iter().map(|path| place.join(path)).collect()
    };
    let (own, others) = (parquet(&one), parquet(&two));
    let storage = Storage::folder(&one);
    let length = fs::metadata(&own[0]).unwrap().len();
    let mut twin = fs::read(&others[0]).unwrap();
    twin.resize(usize::try_from(length).unwrap(), 0);
    let kept = fs::read(&own[0]).unwrap();
    fs::write(&own[0], &twin).unwrap();
    let error = read_all(&storage).unwrap_err();
    assert!(matches!(&error, Error::Damaged { what, .. } if what.contains("digest")), "{error}");
    fs::write(&own[0], &kept).unwrap();
    fs::hard_link(&own[0], folder.path().join("second name")).unwrap();
    assert_eq!(read_all(&storage).unwrap(), expected);
    fs::remove_file(&own[1]).unwrap();
    let moved = folder.path().join("moved");
    fs::rename(&own[0], &moved).unwrap();
    symlink(&moved, &own[0]).unwrap();
    let error = read_all(&storage).unwrap_err();
    assert!(matches!(&error, Error::Missing { .. }), "{error}");
}

/// After it was verified a file is shortened, grows, is written over, is exchanged.
#[test]
fn a_file_that_changes_after_it_was_verified_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let expected = made(folder.path(), 1);
    let data = files(folder.path()).into_iter().find(|path| path.starts_with("data")).unwrap();
    let path = folder.path().join(&data);
    let kept = fs::read(&path).unwrap();
    let open = || OpenOptions::new().write(true).open(&path).unwrap();
    let changes: [(&str, &dyn Fn()); 5] = [
        ("shorter", &|| open().set_len(kept.len() as u64 / 2).unwrap()),
        ("longer", &|| open().set_len(1 << 40).unwrap()),
        ("other bytes", &|| open().write_all_at(b"xxxx", 100).unwrap()),
        ("exchanged", &|| {
            fs::remove_file(&path).unwrap();
            fs::write(&path, kept.iter().rev().copied().collect::<Vec<_>>()).unwrap();
        }),
        ("gone", &|| fs::remove_file(&path).unwrap()),
    ];
    for (what, change) in changes {
        let stored = Stored::open(&Storage::folder(folder.path())).unwrap();
        stored.verify(&StoredSelection::ALL).unwrap();
        change();
        let read = super::read(&stored, &StoredSelection::ALL);
        let error = read.expect_err(what);
        let text = error.to_string();
        assert!(error.is_state() && text.contains(data.to_str().unwrap()), "{what}: {text}");
        // And by whoever comes later, however long it says that it is.
        let error = read_all(&Storage::folder(folder.path())).expect_err(what);
        assert!(error.is_state(), "{what}: {error}");
        let _ = fs::remove_file(&path);
        fs::write(&path, &kept).unwrap();
    }
    // What is written anew and holds the same is the same.
    let stored = Stored::open(&Storage::folder(folder.path())).unwrap();
    stored.verify(&StoredSelection::ALL).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, &kept).unwrap();
    assert_eq!(super::read(&stored, &StoredSelection::ALL).unwrap(), expected);
    // A decoder that is at work meets the end of the file.
    let stored = Stored::open(&Storage::folder(folder.path())).unwrap();
    let mut frames = stored.frames(&StoredSelection::ALL).unwrap();
    open().set_len(10).unwrap();
    let read = frames.try_fold(0, |rows, frame| frame.map(|frame| rows + frame.rows()));
    assert!(read.unwrap_err().is_state());
    fs::write(&path, &kept).unwrap();
    assert_eq!(read_all(&Storage::folder(folder.path())).unwrap(), expected);
}

/// Manifest and journal of any length: nothing of them is held before that is known.
#[test]
fn a_journal_without_end_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path(), 1);
    for name in ["manifest.json", "journal/records"] {
        let path = folder.path().join(name);
        let kept = fs::read(&path).unwrap();
        File::options().append(true).open(&path).unwrap().set_len(1 << 42).unwrap();
        let error = Stored::open(&Storage::folder(folder.path())).unwrap_err();
        assert!(error.to_string().contains("larger than 1073741824 bytes"), "{error}");
        fs::write(&path, kept).unwrap();
    }
}

/// Names of folders are data: spaces, line feeds, signs of patterns; bytes that are no text cannot be typed here.
#[tokio::test]
async fn folders_of_any_name_hold_spools() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a b", "a\nb", "-", "*?[x]", "%41", "Stage", "stage", "é\u{1b}[1m"] {
        let place = folder.path().join(name);
        let expected = made(&place, 1);
        assert_eq!(read_all(&Storage::folder(&place)).unwrap(), expected);
        let typed = place.display().to_string();
        for args in [&["verify"][..], &["describe"], &["compact"], &["verify"]] {
            let ended = run(bare(&[&["spool"], args, &[&typed]].concat())).await;
            ended.assert_code(0);
            assert!(!ended.out.contains('\u{1b}'), "{ended:?}");
        }
    }
    let bytes = folder.path().join(OsStr::from_bytes(b"a\xffb"));
    let expected = made(&bytes, 1);
    assert_eq!(read_all(&Storage::folder(&bytes)).unwrap(), expected);
    let mut command = bare(&["spool", "verify"]);
    command.arg(&bytes);
    let ended = run(command).await;
    ended.assert_code(2);
    assert!(ended.err.contains("UTF-8"), "{ended:?}");
}

/// What somebody has put among the data is named in letters, whatever its name holds.
#[tokio::test]
async fn foreign_names_are_shown_and_not_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path(), 1);
    fs::write(folder.path().join(OsStr::from_bytes(b"data/\x1b[31m\n\xff")), "x").unwrap();
    let place = folder.path().display().to_string();
    for args in
        [&["spool", "verify", &place][..], &["export", &place, "--format", "lp", "--output", "-"]]
    {
        let ended = run(bare(args)).await;
        ended.assert_code(13);
        let told = format!("{}{}", ended.out, ended.err);
        assert!(told.contains("\\u{1b}[31m\\n") && !told.contains('\u{1b}'), "{ended:?}");
    }
}

/// A spool of a stranger, whose folders lead elsewhere: a run on it removes nothing there.
#[test]
fn nothing_is_removed_where_a_link_leads_to() {
    let folder = tempfile::tempdir().unwrap();
    let (own, strange) = (folder.path().join("own"), folder.path().join("strange"));
    let expected = made(&own, 1);
    let downloads = folder.path().join("downloads");
    fs::create_dir(&downloads).unwrap();
    fs::write(downloads.join("film.partial"), "half").unwrap();
    // Nothing is committed in it, so all files of the other one look like those of a run that was killed.
    let spool = Spool::open(&Storage::folder(&strange), &Job0::from(0), false).unwrap();
    spool.close().unwrap();
    symlink(own.join("data"), strange.join("data")).unwrap();
    fs::remove_dir(strange.join("staging")).unwrap();
    symlink(&downloads, strange.join("staging")).unwrap();
    for _ in 0..2 {
        let spool = Spool::open(&Storage::folder(&strange), &Job0::from(0), false).unwrap();
        spool.compact(sluice::testing::spool::compact::CompactedSizes::default()).unwrap();
        spool.close().unwrap();
    }
    assert_eq!(fs::read(downloads.join("film.partial")).unwrap(), b"half");
    assert_eq!(read_all(&Storage::folder(&own)).unwrap(), expected);
}

/// What a stopped run has staged, and what somebody has put there.
#[test]
fn what_stands_in_staging_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let staging = folder.path().join("staging");
    let expected = made(folder.path(), 1);
    let name = |n: u32| staging.join(format!("{}-{n}.partial", std::process::id()));
    symlink("/dev/full", name(0)).unwrap();
    pipe(&name(1));
    File::create(name(2)).unwrap().write_all(b"old").unwrap();
    let spool = Spool::open(&Storage::folder(folder.path()), &Job0::from(0), false).unwrap();
    assert_eq!(fs::read_dir(&staging).unwrap().count(), 0, "swept");
    // Another process of this number stages there too.
    fs::write(name(3), "another's").unwrap();
    fs::write(name(4), "another's").unwrap();
    let range = TimeRange::new(Timestamp::from_ns(200), Timestamp::from_ns(300));
    write_batch(&spool, range, &frames_of(&points(2, 1))).unwrap();
    spool.close().unwrap();
    assert_eq!(fs::read(name(4)).unwrap(), b"another's");
    let all = [expected, points(2, 1)].concat();
    assert_eq!(read_all(&Storage::folder(folder.path())).unwrap(), all);
}
