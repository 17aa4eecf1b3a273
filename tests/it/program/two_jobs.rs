//! Two jobs into one destination bucket: neither writes over the other unasked, whatever the order in which they run.

use sluice::testing::sim::tsbs::Workload;
use sluice::testing::sim::{Fault, Matcher, Rule};

use super::refusals::{LOOKS, all_end_alike};
use super::{BUCKET, CLOUD_ORG, DATA, PROGRESS, World, cloud_settings, oss_settings};
use crate::support::process::{Ended, Running};

/// The bucket of the other job: the same series and times, other values.
const OTHER: &str = "other";
const HALF: &str = "2020-01-01T00:30:00Z";

async fn world() -> World {
    let world = World::with(cloud_settings(), oss_settings()).await;
    // Ids are numbers of a server: those of the two ends must differ.
    for bucket in ["between-1", "between-2", OTHER] {
        world.cloud.store().create_bucket(bucket, 0);
    }
    Workload { seed: 2, ..DATA }.load(world.cloud.store(), OTHER).unwrap();
    world
}

/// A job of the other bucket into the same one.
fn of_other<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["--source-bucket", OTHER, "--destination-bucket", BUCKET][..], more].concat()
}

#[tokio::test]
async fn no_run_goes_on_into_the_range_of_another_job() {
    let world = world().await;
    world.migrate(&["--stop", HALF]).await.assert_code(0);
    world.migrate(&of_other(&["--start", HALF])).await.assert_code(0);
    let copied = world.oss.store().digest(BUCKET);
    let words = format!("another job moves {CLOUD_ORG}/{OTHER} there, over");
    all_end_alike(&world, &[], 7, "P29", &words).await;
    all_end_alike(&world, &[], 7, "P29", "--existing merge if both shall lie in one").await;
    assert_eq!(world.oss.store().digest(BUCKET), copied);
    // What lies side by side goes on side by side.
    world.migrate(&["--stop", HALF]).await.assert_code(0);
    world.migrate(&of_other(&["--start", HALF])).await.assert_code(0);
    // Who asks for it has it, and need not ask again for what was asked for; the end says what that costs.
    let ended = world.migrate(&["--existing", "merge"]).await;
    ended.assert_code(0);
    let words = "the destination holds other data in the range: what it lost may hide behind it";
    assert!(ended.out.contains(words), "{ended:?}");
    let ended = world.migrate(&["--json"]).await;
    assert_eq!(ended.lines().pop().unwrap()["destination_is_shared"], true, "{ended:?}");
    world.migrate(&[]).await.assert_code(0);
    let mut longer = DATA;
    longer.points_per_host += 60;
    longer.load(world.cloud.store(), BUCKET).unwrap();
    let later = ["--stop", "2020-01-01T01:10:00Z"];
    world.migrate(&later).await.assert_code(0);
    // The other job reaches less far, and may not follow.
    let ended = world.migrate(&of_other(&["--start", HALF, later[0], later[1]])).await;
    ended.assert_code(7);
    assert!(ended.err.contains(&format!("another job moves {CLOUD_ORG}/{BUCKET}")), "{ended:?}");
}

#[tokio::test]
async fn records_of_another_program_stand_for_a_job_too() {
    let world = world().await;
    for bucket in [BUCKET, PROGRESS] {
        world.oss.store().create_bucket(bucket, 0);
    }
    let tags = format!("dstBucket={BUCKET},srcBucket={OTHER},srcOrg={CLOUD_ORG}");
    let record = |start: &str, stop: &str, at: i64| {
        let line = format!(
            "batches,{tags} batch_start=\"{start}\",batch_stop=\"{stop}\",percent_complete=50,rows=7i {at}"
        );
        world.oss.store().write_lp(PROGRESS, line.as_bytes()).unwrap();
    };
    record("2019-12-31T22:00:00.000000000Z", "2019-12-31T23:00:00.000000000Z", 1_700_000_000);
    for look in LOOKS {
        world.start(world.job(look[0], &look[1..])).ended().await.assert_code(0);
    }
    record("2019-12-31T23:00:00.000000000Z", "2020-01-01T00:30:00.000000000Z", 1_700_000_001);
    let words = format!("[2019-12-31T22:00:00Z, {HALF}); this run writes");
    all_end_alike(&world, &[], 7, "P29", &words).await;
    world.migrate(&["--start", HALF]).await.assert_code(0);
}

#[tokio::test]
async fn a_top_up_looks_where_no_run_of_its_job_has_been() {
    let world = world().await;
    world.migrate(&["--stop", HALF]).await.assert_code(0);
    let minute_40 = 1_577_836_800_000_000_000 + 40 * 60_000_000_000_i64;
    let theirs = format!("cpu,hostname=host_0 usage_user=7i {minute_40}");
    world.oss.store().write_lp(BUCKET, theirs.as_bytes()).unwrap();
    let words = format!("holds 1 value in [{HALF},");
    all_end_alike(&world, &[], 7, "P14", &words).await;
    world.migrate(&["--existing", "merge"]).await.assert_code(0);
}

/// Both look before either has written a word of itself.
fn hold_the_looks(world: &World) {
    let look = Matcher::path("/api/v2/query").body("identity");
    let fault = Fault::Stall { after_bytes: 0, ms: 150 };
    world.oss.inject(Rule { matcher: look, times: u32::MAX, fault });
}

/// Of two that ended, at least one was stopped, and what is there is of the other alone.
fn assert_one_at_most(world: &World, [one, two]: &[Ended; 2], round: u32) {
    let codes = [one.code, two.code];
    let held = world.oss.store().digest(BUCKET);
    let of = |bucket: &str| world.cloud.store().digest(bucket);
    match codes {
        [Some(0), Some(7)] => assert_eq!(held, of(BUCKET), "{round}"),
        [Some(7), Some(0)] => assert_eq!(held, of(OTHER), "{round}"),
        [Some(7), Some(7)] => assert_eq!(world.oss.store().count(BUCKET), 0, "{round}"),
        _ => panic!("{round}: {one:?}\n{two:?}"),
    }
}

#[tokio::test]
async fn of_two_jobs_that_begin_at_once_one_stops_before_it_writes() {
    for round in 0..4 {
        let world = world().await;
        hold_the_looks(&world);
        let both = [&[][..], &of_other(&[])].map(|more| world.start(world.job("migrate", more)));
        let [one, two] = both.map(Running::ended);
        let (one, two) = tokio::join!(one, two);
        let both_stopped = (one.code, two.code) == (Some(7), Some(7));
        assert_one_at_most(&world, &[one, two], round);
        if both_stopped {
            // Neither has left a trace that bars the other.
            world.migrate(&of_other(&[])).await.assert_code(0);
            assert_eq!(world.oss.store().digest(BUCKET), world.cloud.store().digest(OTHER));
        }
    }
}

#[tokio::test]
async fn of_two_loads_that_begin_at_once_one_stops_before_it_writes() {
    let world = world().await;
    let places = ["one", "two"].map(|name| world.folder.path().join(name).display().to_string());
    for (place, more) in places.iter().zip([vec![], of_other(&[])]) {
        let stage = ["--spool", "parquet", "--spool-dir", place];
        world.migrate(&[&more[..], &stage].concat()).await.assert_code(0);
    }
    let url = world.oss.url();
    let load = |place: &str| {
        let to = ["--destination-host", &url, "--destination-bucket", BUCKET, "--create-buckets"];
        world.command(&[&["load", place, "--destination-org", "ops"][..], &to].concat())
    };
    hold_the_looks(&world);
    let both = [load(&places[0]), load(&places[1])].map(|command| world.start(command));
    let [one, two] = both.map(Running::ended);
    let (one, two) = tokio::join!(one, two);
    assert_one_at_most(&world, &[one, two], 0);
    // One after the other is no better.
    let mut codes = Vec::new();
    for place in &places {
        codes.push(world.start(load(place)).ended().await.code);
    }
    assert!(codes.contains(&Some(0)) && codes.contains(&Some(7)), "{codes:?}");
}
