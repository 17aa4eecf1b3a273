//! A spool on a server of Azure Blob Storage.

use sluice::testing::spool::error::Error;
use sluice::testing::spool::place::{self, Surroundings};
use sluice::testing::spool::writable::Spool;

use super::killed::{self, BATCHES};
use super::round_trip::{Job0, frames_of};
use super::trouble::{large, range};
use super::{read_all, write_batch};
use crate::support::stores::{AZURE_CONTAINER, Azure};

#[test]
fn all_that_a_spool_does_works_on_azure() {
    let Some(server) = Azure::start() else { return };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let storage = |prefix: &str, n: usize| {
        let surroundings =
            Surroundings::new(&server.variables(), Some(folders[n].path().to_owned()));
        place::storage(&format!("az://{AZURE_CONTAINER}/{prefix}"), &surroundings).unwrap()
    };
    let stage = storage("a/stage", 0);
    killed::run(&stage).unwrap();
    killed::run(&stage).unwrap();
    assert_eq!(read_all(&stage).unwrap(), killed::content(BATCHES, true));

    let [here, there] = [0, 1].map(|n| storage("large", n));
    let first = Spool::open(&here, &Job0::from(0), false).unwrap();
    let held = Spool::open(&there, &Job0::from(0), false).unwrap_err();
    assert!(matches!(&held, Error::Held { .. }), "{held}");
    let second = Spool::open(&there, &Job0::from(0), true).unwrap();
    let error = write_batch(&first, range(0), &[]).unwrap_err();
    assert!(matches!(&error, Error::TakenOver { .. }), "{error}");
    let points = large();
    write_batch(&second, range(0), &frames_of(&points)).unwrap();
    second.close().unwrap();
    assert!(read_all(&here).unwrap() == points, "in parts");
}
