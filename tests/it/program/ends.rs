//! Ways in which a run ends without having copied what was asked for: each has words and a code of its own.

use sluice::testing::sim::BucketStore;

use super::{BUCKET, Ended, World, cloud_settings, oss_settings, sink};
use crate::support::process::flat;

const LOOKS: [&[&str]; 4] = [&["preflight"], &["plan"], &["migrate", "--dry-run"], &["migrate"]];

fn flowing(ended: &Ended) -> String {
    flat(&format!("{}{}", ended.out, ended.err))
}

#[tokio::test]
async fn a_filter_that_matches_nothing_is_a_failure_that_names_what_is_there() {
    let world = World::new().await;
    for (more, words) in [
        (&["--measurement", "cpuu"][..], "P28 cure: did you mean --measurement \"cpu\"?"),
        (
            &["--measurement", "cpuu", "--start", "2020-01-01"],
            "did you mean --measurement \"cpu\"?",
        ),
        // One of several that is not there is no less missing.
        (&["--measurement", "cpu", "--measurement", "mem"], "nothing of --measurement \"mem\""),
        (&["--field", "usage_usr"], "P28 cure: did you mean --field \"usage_user\"?"),
        (&["--tag", "hostnam=host_0"], "P28 cure: did you mean --tag \"hostname=host_0\"?"),
        (&["--tag", "hostname=host_00"], "P28 cure: did you mean --tag \"hostname=host_0\"?"),
        (
            &["--predicate", "r.hostname == \"x\""],
            "no value at the source matches all of predicate:",
        ),
    ] {
        for look in LOOKS {
            let ended = world.start(world.job(look[0], &[&look[1..], more].concat())).ended().await;
            ended.assert_code(7);
            let said = flowing(&ended);
            assert!(said.contains("FAIL [P28]") && said.contains(words), "no {words}: {said}");
            assert!(!said.contains("carriage") && !said.contains("complete"), "{said}");
        }
    }
    assert!(world.oss.store().bucket(BUCKET).is_none(), "nothing is made for it");
    // What a begun job matched may have expired since.
    let only = ["--measurement", "cpu"];
    world.migrate(&only).await.assert_code(0);
    let cloud = world.cloud.store();
    cloud.delete(BUCKET, None, i64::MIN, i64::MAX);
    let ended = world.migrate(&[&only[..], &["--stop", "2020-01-02"]].concat()).await;
    // That the source has lost it is told by the counts.
    ended.assert_code(3);
    assert!(flowing(&ended).contains("WARN [P28]"), "{ended:?}");
}

#[tokio::test]
async fn an_empty_bucket_or_range_is_nothing_to_copy() {
    let empty = BucketStore::default();
    empty.create_bucket(BUCKET, 0);
    let world = World::of(cloud_settings(), empty, oss_settings(), sink()).await;
    for look in LOOKS {
        let ended = world.start(world.job(look[0], &look[1..])).ended().await;
        ended.assert_code(0);
        let said = flowing(&ended);
        assert!(!said.contains("complete"), "{said}");
        assert_eq!(look == ["migrate"], ended.out.starts_with("NOTHING TO COPY   "), "{said}");
    }
    let world = World::new().await;
    for (more, row) in [
        (&["--stop", "2019-01-01"][..], "no value lies in the range"),
        (&["--start", "2021-01-01", "--stop", "2021-01-02"], "NOTHING TO COPY"),
        (
            &["--start", "2021-01-01", "--stop", "2021-01-02", "--field", "usage_user"],
            "no value lies in the range; there are values from WARN [P09] 2020-01-01T00:00:00Z",
        ),
    ] {
        let own = format!("{}-{}", more.len(), more[1]);
        let more = [more, &["--batch-interval", "1h", "--batch-bucket", &own]].concat();
        let ended = world.migrate(&more).await;
        ended.assert_code(0);
        assert!(flowing(&ended).contains(row), "no {row}: {ended:?}");
        assert!(ended.out.starts_with("NOTHING TO COPY   "), "{ended:?}");
        let ended = world.migrate(&[&more[..], &["--json"]].concat()).await;
        let result = ended.lines().last().unwrap()["result"].clone();
        assert!(result == "nothing_to_copy" || result == "complete", "{result}");
    }
}

/// A bench of nothing ends as a migration would, and leaves no files.
#[tokio::test]
async fn a_bench_of_nothing_is_no_bench() {
    let world = World::new().await;
    let folder = world.folder.path().join("here");
    std::fs::create_dir(&folder).unwrap();
    let bench = async |world: &World, more: &[&str]| {
        let mut job = world.job("bench", more);
        job.current_dir(&folder);
        let ended = world.start(job).ended().await;
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "no files: {ended:?}");
        ended
    };
    let ended = bench(&world, &["--measurement", "cpuu"]).await;
    ended.assert_code(7);
    let said = flowing(&ended);
    assert!(said.contains("FAIL [P28]") && said.contains("did you mean --measurement"), "{said}");
    let beside = ["--start", "2021-01-01", "--stop", "2021-01-02"];
    let ended = bench(&world, &beside).await;
    ended.assert_code(0);
    let said = "NOTHING TO MEASURE ops-eu/plant no value lies in the range; there are values from \
        2020-01-01T00:00:00Z to 2020-01-01T00:59:50Z no trial was run, and no file is written";
    assert_eq!(flat(&ended.out), said);
    let ended = bench(&world, &[&beside[..], &["--json"]].concat()).await;
    ended.assert_code(0);
    let last = ended.lines().pop().unwrap();
    let facts = (&last["message_type"], &last["stopped"], &last["trials"]);
    assert_eq!(facts, (&"bench_verdict".into(), &"nothing to measure".into(), &0.into()));
    let empty = BucketStore::default();
    empty.create_bucket(BUCKET, 0);
    let world = World::of(cloud_settings(), empty, oss_settings(), sink()).await;
    let ended = bench(&world, &[]).await;
    ended.assert_code(0);
    assert!(ended.out.starts_with("NOTHING TO MEASURE   ops-eu/plant\n"), "{ended:?}");
}

#[tokio::test]
async fn a_top_up_says_whether_anything_came_and_what_a_later_one_does() {
    const LATER: &str = "Later: the same command tops up to now";
    let world = World::new().await;
    // A fixed stop is never passed.
    let ended = world.migrate(&[]).await;
    ended.assert_code(0);
    assert!(!ended.out.contains("Later"), "{}", ended.out);
    let args: Vec<_> = world.job("migrate", &[]).get_args().map(ToOwned::to_owned).collect();
    let until_now = || {
        let stop = args.iter().position(|arg| arg == "--stop").unwrap();
        let mut job = world.command(&[]);
        job.args(&args[..stop]).args(&args[stop + 2..]).args(["--batch-interval", "35d"]);
        let five = job.get_args().position(|arg| arg == "--batch-interval").unwrap();
        let all: Vec<_> = job.get_args().map(ToOwned::to_owned).collect();
        let mut job = world.command(&[]);
        job.args(&all[..five]).args(&all[five + 2..]);
        job
    };
    let ended = world.start(until_now()).ended().await;
    ended.assert_code(0);
    assert!(ended.out.starts_with("NOTHING NEW since 2020-01-01T01:00:00Z   "), "{}", ended.out);
    assert!(ended.out.contains(LATER), "{}", ended.out);
    assert!(!ended.out.contains("planned 0"), "{}", ended.out);
    world
        .cloud
        .store()
        .write_lp(BUCKET, b"cpu,hostname=late usage_user=1i 1577840500000000000\n")
        .unwrap();
    let mut json = until_now();
    json.arg("--json");
    let ended = world.start(json).ended().await;
    // It lies before the place: it came late, and that is told.
    ended.assert_code(3);
    assert_eq!(ended.lines().last().unwrap()["result"], "changed", "{ended:?}");
}
