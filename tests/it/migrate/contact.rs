//! Before a run has had its first answers it gives up soon; afterwards it is patient.

use std::time::Duration;

use sluice::testing::influx::signal::Observer;
use sluice::testing::job::ends::Ends;
use sluice::testing::job::judge;
use sluice::testing::report::preflight::Verdict;
use sluice::testing::sim::{BucketStore, Fault, Matcher};
use tokio::time::Instant;

use crate::support::rig::{Rig, cloud, oss, plant, store_of, with};
use crate::support::virtual_time;

async fn rig() -> Rig {
    let data = store_of(&plant(0..3), 7 * 86_400);
    Rig::between(cloud(), data, oss(), BucketStore::default().into()).await
}

/// Both ends are asked at once, however long each of them says nothing.
#[test]
fn two_ends_that_say_nothing_cost_ten_seconds_in_all() {
    virtual_time::run(async {
        let rig = rig().await;
        let silence = || Fault::Stall { after_bytes: 0, ms: 3_600_000 };
        rig.source_fault(Matcher::default(), u32::MAX, silence());
        rig.destination_fault(Matcher::default(), u32::MAX, silence());
        for (wait_ms, least_s, most_s) in [(0, 10, 11), (60_000, 60, 72)] {
            let config = with(rig.config(), |config| config.ends.wait_ms = wait_ms);
            let quiet: Observer = std::sync::Arc::new(|_| ());
            let ends = Ends::connect(&config, &quiet).unwrap();
            let begun = Instant::now();
            let report = judge::check(&config, &ends).await.unwrap().report;
            let took = begun.elapsed();
            let (least, most) = (Duration::from_secs(least_s), Duration::from_secs(most_s));
            assert!(took >= least && took < most, "{took:?}");
            assert_eq!(report.count(Verdict::Fail), 2, "{report:?}");
            for finding in report.findings() {
                assert!(finding.text.ends_with("timed out: no answer within 10 s"), "{finding:?}");
            }
        }
    });
}
