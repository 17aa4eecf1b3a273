//! A spool on a real server of S3.

use sluice::testing::commands::error::Error as CommandError;
use sluice::testing::exit::ExitCode;
use sluice::testing::spool::error::Error;
use sluice::testing::spool::place::{self, Surroundings};
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::writable::Spool;

use super::killed::{self, BATCHES};
use super::round_trip::{Job0, frames_of};
use super::trouble::{at, large, range};
use super::{files, read_all, write_batch};
use crate::support::stores::{Rough, S3, S3_BUCKET, S3_SECRET};

/// The storage of a spool in the bucket, as seen from a folder of state.
fn storage(server: &S3, prefix: &str, state: &std::path::Path) -> Storage {
    let surroundings = Surroundings::new(&server.variables(), Some(state.to_owned()));
    place::storage(&format!("s3://{S3_BUCKET}/{prefix}"), &surroundings).unwrap()
}

#[test]
fn all_that_a_spool_does_works_on_a_real_server() {
    let Some(server) = S3::start() else { return };
    let state = tempfile::tempdir().unwrap();
    let storage = storage(&server, "a/stage%25", state.path());
    killed::run(&storage).unwrap();
    assert_eq!(read_all(&storage).unwrap(), killed::content(BATCHES, true));
    // Again, with nothing to do.
    killed::run(&storage).unwrap();
    assert_eq!(read_all(&storage).unwrap(), killed::content(BATCHES, true));
    let left: Vec<_> = files(&server.objects().join("a/stage%")).into_iter().collect();
    let data = left.iter().filter(|path| path.starts_with("data") || path.starts_with("conflicts"));
    assert_eq!(data.count(), 2, "{left:?}");
    assert!(!left.iter().any(|path| path.ends_with("lock") || path.ends_with("clock")), "{left:?}");
}

/// What the client itself makes of trouble on the line: it repeats some requests, and must not repeat others.
#[test]
fn a_rough_line_changes_nothing() {
    let Some(server) = S3::start() else { return };
    for rough in [Rough::Busy, Rough::Lost, Rough::Cut] {
        let (state, prefix) = (tempfile::tempdir().unwrap(), format!("{rough:?}"));
        let surroundings = Surroundings::new(&server.rough(rough), Some(state.path().to_owned()));
        let place = format!("s3://{S3_BUCKET}/{prefix}");
        let storage = place::storage(&place, &surroundings).unwrap();
        let written = || -> Result<_, Error> {
            let spool = Spool::open(&storage, &Job0::from(0), false)?;
            for n in 0..3 {
                write_batch(&spool, range(n), &frames_of(&at(n)))?;
            }
            spool.close()?;
            read_all(&storage)
        };
        let content = written().unwrap_or_else(|error| panic!("{rough:?}: {error}"));
        assert_eq!(content, [at(0), at(1), at(2)].concat(), "{rough:?}");
        // The beginning of the run and three batches; none is there twice.
        assert_eq!(files(&server.objects().join(prefix).join("journal")).len(), 4, "{rough:?}");
    }
}

#[test]
fn a_file_in_parts_arrives_whole() {
    let Some(server) = S3::start() else { return };
    let state = tempfile::tempdir().unwrap();
    let storage = storage(&server, "stage", state.path());
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    let points = large();
    write_batch(&spool, range(0), &frames_of(&points)).unwrap();
    spool.close().unwrap();
    assert!(read_all(&storage).unwrap() == points);
}

/// Every tenth change, so that it does not take minutes: the store in memory is killed at each.
#[test]
fn a_run_killed_on_a_real_server_is_resumed() {
    let Some(server) = S3::start() else { return };
    let state = tempfile::tempdir().unwrap();
    let steps = {
        let whole = storage(&server, "whole", state.path());
        killed::run(&whole).unwrap();
        whole.faults().steps()
    };
    for step in (0..steps).step_by(10) {
        let prefix = format!("killed-{step}");
        let first = storage(&server, &prefix, state.path());
        first.faults().fail_after(step);
        killed::run(&first).unwrap_err();
        drop(first);
        let next = storage(&server, &prefix, state.path());
        killed::run(&next).unwrap_or_else(|error| panic!("killed after {step}: {error}"));
        assert_eq!(read_all(&next).unwrap(), killed::content(BATCHES, true), "{step}");
    }
}

#[test]
fn the_server_keeps_two_runs_apart() {
    let Some(server) = S3::start() else { return };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [here, there] = [0, 1].map(|n: usize| storage(&server, "stage", folders[n].path()));
    let first = Spool::open(&here, &Job0::from(0), false).unwrap();
    let error = Spool::open(&there, &Job0::from(0), false).unwrap_err();
    assert!(matches!(&error, Error::Held { .. }), "{error}");
    let second = Spool::open(&there, &Job0::from(0), true).unwrap();
    let error = write_batch(&first, range(0), &[]).unwrap_err();
    assert!(matches!(&error, Error::TakenOver { .. }), "{error}");
    write_batch(&second, range(0), &[]).unwrap();
    second.close().unwrap();
}

#[test]
fn wrong_keys_and_buckets_are_told_without_the_key() {
    let Some(server) = S3::start() else { return };
    let state = tempfile::tempdir().unwrap();
    let opened = |bucket: &str, change: Option<(&str, &str)>| {
        let mut variables = server.variables();
        if let Some((name, value)) = change {
            variables.insert(name.to_owned(), value.to_owned());
        }
        let surroundings = Surroundings::new(&variables, Some(state.path().to_owned()));
        let storage = place::storage(&format!("s3://{bucket}/x"), &surroundings).unwrap();
        Spool::open(&storage, &Job0::from(0), false).map(drop).unwrap_err()
    };
    let wrong = "cAnArY-wrong-0123456789";
    for (bucket, change, wanted) in [
        (S3_BUCKET, Some(("AWS_SECRET_ACCESS_KEY", wrong)), "SignatureDoesNotMatch"),
        (S3_BUCKET, Some(("AWS_ACCESS_KEY_ID", "nobody")), "access key"),
        ("no-such-bucket", None, "NoSuchBucket"),
    ] {
        let error = opened(bucket, change);
        let text = error.to_string();
        assert!(text.contains(wanted) && text.contains("refuses lock"), "{text}");
        assert!(!text.contains("cAnArY") && !text.contains(S3_SECRET), "{text}");
        assert_eq!(CommandError::from(Box::new(error)).exit(), ExitCode::Permanent, "{text}");
    }
}
