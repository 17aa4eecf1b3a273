//! Look-ups for the choice of a transport: one that takes long is waited for by those only who need it.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::fmt::Write as _;
use std::sync::Arc;

use sluice::testing::influx::signal::Observer;
use sluice::testing::job::ends::Ends;
use sluice::testing::job::judge;
use sluice::testing::job::plan_run::plan_look;
use sluice::testing::model::series::Name;
use sluice::testing::pipeline::plan::choice::Choices;
use sluice::testing::pipeline::source::SourceBucket;
use sluice::testing::sim::{Fault, Matcher};

use crate::support::rig::{Rig, oss_source, store_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_catalogue_stops_no_other_measurement() {
    let mut lines = String::new();
    for at in 0..60 {
        for measurement in ["slow", "fast"] {
            let time = 1_640_995_200_000_000_000_i64 + at * 60_000_000_000;
            writeln!(lines, "{measurement},host=a f=1 {time}").unwrap();
        }
    }
    let rig = Rig::start(oss_source(), store_of(lines.as_bytes(), 86_400)).await;
    let config = rig.config();
    let observer: Observer = Arc::new(|_| ());
    let ends = Ends::connect_with(&config, &rig.client, &observer).unwrap();
    let source = judge::check(&config, &ends).await.unwrap().source.unwrap();
    let job = plan_look(&config, &ends, &source, None).await.unwrap();
    let bucket = SourceBucket::unheard(job, ends.source.clone());
    let choices = Choices::new();
    let [slow, fast] = ["slow", "fast"].map(|name| Name::from(name.as_bytes()));
    // It does not answer as long as this test runs.
    let catalogue = Matcher::path("/query").body("\"slow\"");
    rig.source_fault(catalogue, 1, Fault::Stall { after_bytes: 0, ms: 3_600_000 });
    let values = 1_000_000;
    let look_up = choices.choice_for(&bucket, &slow, values);
    tokio::pin!(look_up);
    let others = async {
        // The slow one is under way.
        while !rig.source.faults_used_up() {
            tokio::task::yield_now().await;
        }
        for _ in 0..2 {
            let choice = choices.choice_for(&bucket, &fast, values).await.unwrap();
            assert!(choice.known.is_some(), "its series were looked at: {}", choice.reason);
            let again = choices.choice_for(&bucket, &fast, values).await.unwrap();
            assert!(Arc::ptr_eq(&choice, &again), "kept");
            choices.forget(&fast);
        }
        choices.forget(&slow);
        // Who asks now does not wait for the look-up of before.
        let choice = choices.choice_for(&bucket, &slow, values).await.unwrap();
        assert!(choice.known.is_some(), "{}", choice.reason);
    };
    tokio::select! {
        biased;
        _ = &mut look_up => panic!("the slow catalogue has answered"),
        () = others => {}
    }
}
