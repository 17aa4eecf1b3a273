//! What was read by key tags is kept as equal once its series were listed again, and never where one came in place of another.

use std::time::Duration;

use sluice::testing::config::job::JobConfig;
use sluice::testing::config::values::EvidenceChoice;
use sluice::testing::exit::ExitCode;
use sluice::testing::job::verify::KeptFindings;
use sluice::testing::model::transport::Transport;
use sluice::testing::sim::{Fault, Matcher, StoreChange, When};
use tokio::time::timeout;

use super::verified::{is_equal, wanted};
use crate::support::rig::{BUCKET, Rig, oss_source, store_of, with};
use crate::support::virtual_time::run;

const HOURS: i64 = 6;
const BATCHES: u64 = 6;

/// A minute apart. `host` tells the series apart, and each may stand in another zone.
fn lines(zone: &str) -> Vec<u8> {
    let at = |host: i64, minute: i64| {
        let time = 1_640_995_200 + minute * 60;
        format!("m,host=a{host},rack=r{host},zone={zone} v={minute}i {time}000000000\n")
    };
    let all = (0..10).flat_map(|host| (0..HOURS * 60).map(move |minute| at(host, minute)));
    all.collect::<String>().into_bytes()
}

/// Reads of values by key tags.
fn keyed() -> Matcher {
    Matcher::path("/api/v2/query").body("keep(columns: [\\\"_time\\\", \\\"_value\\\"")
}

async fn moved() -> (Rig, JobConfig) {
    let rig = Rig::start(oss_source(), store_of(&lines("old"), 86_400)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T06:00:00Z", "1h");
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let keyed = |config: &mut JobConfig| config.pace.transport = Some(Transport::FluxKeyed);
    let config = with(rig.config(), keyed);
    (rig, config)
}

/// Begins a comparison of both ends in which one batch comes late and another one never, and gives it up.
async fn stopped(rig: &Rig, config: &JobConfig) -> KeptFindings {
    let stall = |ms| Fault::Stall { after_bytes: 0, ms };
    rig.destination_fault(keyed().skip(2), 1, stall(40_000));
    rig.destination_fault(keyed().skip(4), 1, stall(3_600_000));
    let kept = KeptFindings::default();
    let wanted = wanted(Some(EvidenceChoice::Read));
    let comparing = Box::pin(rig.verify_kept(config, &wanted, Some(&kept)));
    let given_up = timeout(Duration::from_secs(80), comparing).await;
    assert!(given_up.is_err(), "it ended: {given_up:?}");
    rig.destination.clear_faults();
    kept
}

#[test]
fn what_waits_for_its_series_is_kept_once_they_were_listed() {
    run(async {
        let (rig, config) = moved().await;
        let kept = stopped(&rig, &config).await;
        assert!(kept.is_any());
        let wanted = wanted(Some(EvidenceChoice::Read));
        let again = rig.verify_kept(&config, &wanted, Some(&kept)).await.expect("compared");
        let resumed = again.verified.resumed.expect("it goes on");
        assert!((1..BATCHES).contains(&resumed.batches), "{resumed:?}");
        assert!(is_equal(&again) && again.verified.batches == BATCHES, "{:?}", again.verified);
        assert!(!kept.is_any(), "it came to its end");
        // Whoever keeps nothing uses nothing.
        stopped(&rig, &config).await;
        let whole = rig.verify(&config, &wanted).await.expect("compared");
        assert_eq!((whole.verified.resumed, whole.verified.batches), (None, BATCHES));
    });
}

/// Read by their key tags the values look as before: nothing of that is ever taken for equal.
#[test]
fn what_stands_on_series_that_were_replaced_is_not_kept() {
    run(async {
        let (rig, config) = moved().await;
        let bucket = BUCKET.to_owned();
        let (start, stop) = (i64::MIN, i64::MAX);
        let delete = StoreChange::Delete { bucket: bucket.clone(), measurement: None, start, stop };
        let write = StoreChange::Write { bucket, lines: lines("new") };
        for change in [delete, write] {
            rig.destination_fault(keyed().skip(3), 1, Fault::Change { when: When::Before, change });
        }
        let kept = stopped(&rig, &config).await;
        assert!(!kept.is_any());
        let wanted = wanted(Some(EvidenceChoice::Read));
        let again = rig.verify_kept(&config, &wanted, Some(&kept)).await.expect("compared");
        assert_eq!(again.verified.resumed, None);
        assert_eq!(again.verified.differing_batches, BATCHES, "{:?}", again.verified);
    });
}
