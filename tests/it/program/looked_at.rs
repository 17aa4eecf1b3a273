//! What only looks tells what a run would end with: an address that nobody gave, a range beside the data, folders that take
//! nothing.

use std::fs;

use super::{BUCKET, World};
use crate::support::process::flat;

const LOOKS: [&[&str]; 4] = [&["preflight"], &["plan"], &["migrate", "--dry-run"], &["migrate"]];

#[tokio::test]
async fn a_missing_end_is_named_with_all_ways_to_give_it() {
    let world = World::new().await;
    for word in ["plan", "preflight", "migrate", "bench"] {
        let ended = world.start(world.command(&[word, "--source-bucket", BUCKET])).ended().await;
        ended.assert_code(2);
        for part in ["--source-host is missing", "SLUICE_SOURCE_HOST", "migration.source_host"] {
            assert!(ended.err.contains(part), "{word}: {ended:?}");
        }
        assert!(!ended.err.contains("localhost:8086"), "{ended:?}");
    }
}

/// The token of a destination is given and no address: then it is the default's, and that is said.
#[tokio::test]
async fn the_default_of_an_address_is_told_as_one() {
    let world = World::new().await;
    let cloud = world.cloud.url();
    for word in ["plan", "preflight", "migrate"] {
        let args = [word, "--source-host", &cloud, "--source-bucket", BUCKET];
        let ended = world.start(world.command(&args)).ended().await;
        ended.assert_code(7);
        let said = (ended.out.clone() + &ended.err).replace('\n', " ");
        let said = flat(&said);
        for part in [
            "the default of --destination-host",
            "no address of the destination is given: give --destination-host, \
             SLUICE_DESTINATION_HOST, or destination_host in the file named by --config",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

/// The data lie in the first hour of 2020.
#[tokio::test]
async fn a_range_beside_the_data_is_told_at_the_begin() {
    let world = World::new().await;
    let ways: [(&[&str], &str); 2] = [
        (
            &["--start", "2021-01-01", "--stop", "2021-02-01"],
            "--start 2020-01-01T00:00:00Z, or any",
        ),
        (&["--start", "2019-01-01", "--stop", "2019-02-01"], "--stop behind 2020-01-01T00:00:00Z"),
    ];
    for (range, cure) in ways {
        for look in LOOKS {
            let progress = ["--batch-bucket", range[1]];
            let more = [&look[1..], range, &progress].concat();
            let ended = world.start(world.job(look[0], &more)).ended().await;
            ended.assert_code(0);
            let said = ended.out.clone() + &ended.err;
            let told = flat(&said).replace("WARN [P09] ", "");
            let data = "there are values from 2020-01-01T00:00:00Z to 2020-01-01T00:59:50Z";
            assert!(told.contains(data), "{look:?}: {said}");
            assert!(told.contains(&format!("P09 cure: {cure}")), "{look:?}: {said}");
        }
    }
    let ended = world.migrate(&["--stop", "2019-02-01", "--batch-bucket", "c"]).await;
    ended.assert_code(0);
    assert!(ended.err.contains("P09 cure: --stop behind"), "{ended:?}");
    assert!(ended.out.starts_with("NOTHING TO COPY"), "{ended:?}");
    // With something in the range, nothing is said.
    let ended = world.start(world.job("preflight", &["--start", "2020-01-01"])).ended().await;
    assert!(!ended.out.contains("P09"), "{ended:?}");
}

/// What is written later into a batch that is committed already comes too late: said before, and after.
#[tokio::test]
async fn a_stop_ahead_of_the_clock_is_told() {
    let world = World::new().await;
    let ahead = ["--stop", "2100-01-01", "--batch-interval", "1y"];
    for look in LOOKS {
        let ended = world.start(world.job(look[0], &[&look[1..], &ahead].concat())).ended().await;
        ended.assert_code(0);
        let said = ended.out.clone() + &ended.err;
        assert!(
            said.contains("P09 cure: leave --stop out, until nothing more"),
            "{look:?}: {said}"
        );
    }
    let again = world.migrate(&["--stop", "now"]).await;
    again.assert_code(0);
    let said = flat(&again.out);
    assert!(
        said.contains("No top-up: this job is committed up to a time that lies ahead"),
        "{said}"
    );
    assert!(!said.contains("Later:"), "{said}");
}

#[tokio::test]
async fn folders_that_take_nothing_are_found_by_the_look() {
    let world = World::new().await;
    let file = world.folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let inside = |name: &str| file.join(name).to_str().unwrap().to_owned();
    let (rejects, stage) = (inside("a/rejects.lp"), inside("stage"));
    let cases: [(&[&str], &str, &str); 3] = [
        (&[], "P27", "XDG_STATE_HOME"),
        (&["--rejects", &rejects], "P27", "--rejects FILE"),
        (&["--spool", "parquet", "--spool-dir", &stage], "P27", "--spool-dir"),
    ];
    for (more, code, cure) in cases {
        let is_state = more.is_empty();
        for look in LOOKS {
            if look == ["plan"] && cure == "--spool-dir" {
                continue;
            }
            let mut job = world.job(look[0], &[&look[1..], more].concat());
            if is_state {
                job.env("XDG_STATE_HOME", inside("state"));
            }
            let ended = world.start(job).ended().await;
            ended.assert_code(7);
            let said = ended.out.clone() + &ended.err;
            assert!(said.contains(code) && said.contains(cure), "{look:?} {more:?}: {said}");
        }
    }
    assert_eq!(world.oss.store().count(BUCKET), 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "x");
}

/// Only a user without the rights of root is refused by modes.
#[tokio::test]
async fn a_folder_of_somebody_else_is_found_by_the_look() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let world = World::new().await;
    let folder = world.folder.path();
    if fs::metadata(folder).unwrap().uid() == 0 {
        return;
    }
    let closed = folder.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    let mut job = world.job("preflight", &[]);
    job.env("XDG_STATE_HOME", closed.join("state"));
    let ended = world.start(job).ended().await;
    ended.assert_code(7);
    assert!(ended.out.contains("P27") && ended.out.contains("Permission denied"), "{ended:?}");
}

/// Without a home all of them say what is missing.
#[tokio::test]
async fn a_run_without_a_place_for_its_state_says_so() {
    let world = World::new().await;
    for look in LOOKS {
        let mut job = world.job(look[0], &look[1..]);
        job.env_remove("HOME").env_remove("XDG_STATE_HOME");
        let ended = world.start(job).ended().await;
        ended.assert_code(2);
        let said = ended.out.clone() + &ended.err;
        assert!(said.contains("P27") && said.contains("HOME"), "{look:?}: {ended:?}");
    }
    assert_eq!(world.oss.store().count(BUCKET), 0);
}
