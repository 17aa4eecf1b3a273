//! What was moved between two buckets of a real server, compared: equal, then damaged in one way after the other, each found
//! and repaired.

use serde_json::json;

use super::Real;
use crate::support::golden::Case;
use crate::support::process::Ended;

/// 2022-01-01, in seconds.
const START_S: i64 = 1_640_995_200;

impl Real {
    async fn verify(&self, source: &str, destination: &str, more: &[&str]) -> Ended {
        self.run("verify", source, destination, more).await
    }

    async fn delete(&self, bucket: &str, hours: std::ops::Range<i64>, predicate: &str) {
        let time = |hour: i64| {
            let at = START_S + hour * 3_600;
            let time = sluice::testing::model::time::Timestamp::from_ns(at * 1_000_000_000);
            time.to_string()
        };
        let body =
            json!({"start": time(hours.start), "stop": time(hours.end), "predicate": predicate});
        let path = format!("/api/v2/delete?org={}&bucket={bucket}", self.org);
        self.api("POST", &path, &body).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_golden_case_is_equal_by_what_is_recorded_and_by_reading() {
    let Some(real) = Real::start().await else { return };
    let mut proven = 0;
    for name in Case::names_of_buckets() {
        let (source, destination) = (format!("v-{name}"), format!("w-{name}"));
        real.bucket(&source, None).await;
        real.load(&source, &Case::open(&name).bytes("data.lp")).await;
        let long = ["--batch-interval", "50y"];
        let moved = real
            .migrate(&source, &destination, &[&long[..], &["--verify", "batch"]].concat())
            .await;
        let expected = match moved.code {
            Some(0) => 0,
            Some(3) => 3,
            _ => panic!("{name}: {} {}", moved.out, moved.err),
        };
        for evidence in ["recorded", "read"] {
            let more = [&long[..], &["--source", evidence]].concat();
            let found = real.verify(&source, &destination, &more).await;
            assert_eq!(
                found.code.is_some_and(|code| code == 0),
                expected == 0,
                "{name} {}",
                found.out
            );
            proven += u32::from(expected == 0);
        }
    }
    assert!(proven > 30, "{proven}");
}

/// A value, a series, a stretch, a measurement, a moved time, a tag, an empty string.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_damage_is_found_and_repaired() {
    let Some(real) = Real::start().await else { return };
    let (source, destination) = ("damaged-from", "damaged");
    let mut lines = String::new();
    for (hour, host) in (0..6).flat_map(|hour| [(hour, "a"), (hour, "b")]) {
        for minute in 0..60 {
            let at = START_S + hour * 3_600 + minute * 60;
            lines +=
                &format!("m,host={host} f={minute}.5,i={hour}i,s=\"x{minute}\" {at}000000000\n");
            lines += &format!("n,host={host} f={minute} {at}000000000\n");
        }
    }
    real.bucket(source, Some(3_600)).await;
    real.load(source, lines.as_bytes()).await;
    let hourly = ["--batch-interval", "1h"];
    real.migrate(source, destination, &[&hourly[..], &["--verify", "end"]].concat())
        .await
        .assert_code(0);
    // What is only there at the destination is never deleted.
    let damages: [(&str, Option<&str>, Option<(std::ops::Range<i64>, &str)>, bool); 7] = [
        ("value", Some("m,host=a f=1000 1640995260000000000\n"), None, false),
        ("empty string", Some("m,host=a s=\"\" 1640995260000000000\n"), None, false),
        ("series", None, Some((0..6, "_measurement=\"m\" AND host=\"b\"")), false),
        ("stretch", None, Some((2..3, "")), false),
        ("measurement", None, Some((0..6, "_measurement=\"n\"")), false),
        ("time", Some("m,host=a f=1.5 1640995260000000001\n"), None, true),
        ("tag", Some("m,host=a\u{ff} f=1.5 1640995260000000000\n"), None, true),
    ];
    for (what, written, deleted, is_extra) in damages {
        if let Some(lines) = written {
            real.load(destination, lines.as_bytes()).await;
        }
        if let Some((hours, predicate)) = deleted {
            real.delete(destination, hours, predicate).await;
        }
        for evidence in ["recorded", "read"] {
            let more = [&hourly[..], &["--source", evidence, "--differences", "1"]].concat();
            let found = real.verify(source, destination, &more).await;
            assert_eq!(found.code, Some(4), "{what} {evidence}: {} {}", found.out, found.err);
        }
        let repair = [&hourly[..], &["--repair"]].concat();
        let repaired = real.verify(source, destination, &repair).await;
        assert_eq!(repaired.code, Some(if is_extra { 4 } else { 0 }), "{what}: {}", repaired.out);
        if is_extra {
            real.delete(destination, 0..1, "_measurement=\"m\"").await;
            real.verify(source, destination, &repair).await.assert_code(0);
        }
        real.verify(source, destination, &hourly).await.assert_code(0);
    }
}
