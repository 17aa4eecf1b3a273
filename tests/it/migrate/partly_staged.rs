//! A spool that does not hold all of its job: no load of it ends as if it were all.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::atomic::{AtomicU32, Ordering};

use sluice::testing::config::range::RangeStop;
use sluice::testing::exit::ExitCode;
use sluice::testing::pipeline::event::Event;
use sluice::testing::pipeline::plan::spool::Lacking;

use crate::support::rig::{BUCKET, Rig, cloud, plant, store_of, time};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_of_what_is_staged_so_far_says_so_until_all_is_there() {
    let rig = Rig::start(cloud(), store_of(&plant(0..6), 3_600)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T06:00:00Z", "1h");
    let seen = AtomicU32::new(0);
    let third = move |event: &Event| {
        matches!(event, Event::Committed { .. }) && seen.fetch_add(1, Ordering::Relaxed) == 2
    };
    rig.migrate_until(rig.stage_config(), third).await;
    for _ in 0..2 {
        let run = rig.load(rig.load_config()).await;
        run.assert_exit(ExitCode::Rejected);
        let Lacking { staged, values } = run.finished().outcome.lacking;
        let (to, stop) = staged.unwrap();
        assert!(to >= time("2022-01-01T03:00:00Z") && to < stop, "{to}");
        assert_eq!((stop, values), (time("2022-01-01T06:00:00Z"), 0));
    }
    // Who asks for no more than is there has all of it.
    let mut config = rig.load_config();
    config.scope.stop = RangeStop::At(time("2022-01-01T03:00:00Z"));
    rig.load(config).await.assert_exit(ExitCode::Done);
    rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Done);
    rig.load(rig.load_config()).await.assert_exit(ExitCode::Done);
    assert_eq!(rig.source.store().count(BUCKET), rig.destination.store().count(BUCKET));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_repeats_what_the_staging_left_out() {
    // A tag that Flux takes for its own column: without InfluxQL it is left out.
    let mut lines = plant(0..3);
    lines.extend_from_slice(b"odd,_value=x f=1 1640999000000000000\n");
    let rig = Rig::start(cloud(), store_of(&lines, 3_600)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T03:00:00Z", "1h");
    rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Rejected);
    for _ in 0..2 {
        let run = rig.load(rig.load_config()).await;
        run.assert_exit(ExitCode::Rejected);
        assert_eq!(run.finished().outcome.lacking, Lacking { staged: None, values: 1 });
    }
}
