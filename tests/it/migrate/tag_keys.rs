//! Tag keys that order, or a query, takes for something else.

#![expect(clippy::unwrap_used, reason = "a test may")]

use sluice::testing::exit::ExitCode;
use sluice::testing::model::transport::Transport;
use sluice::testing::pipeline::event::Event;
use sluice::testing::sim::{Fault, Matcher, ServerSettings};

use crate::support::rig::{BUCKET, Rig, Run, cloud, oss_source, store_of};

const WEEK_S: u64 = 7 * 86_400;

fn transports() -> impl Iterator<Item = Option<Transport>> {
    Transport::ALL.into_iter().map(Some).chain([None])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_sort_behind_all_texts_are_carried() {
    let largest = "\u{10FFFF}".as_bytes();
    let mut lines = Vec::new();
    for (at, key) in
        [&b"\xff\xa0"[..], b"\xf5", b"\xfe", b"\xf4\x90", b"~f", b""].iter().enumerate()
    {
        for times in 0..2 {
            let key = [&largest.repeat(times), *key, b"k"].concat();
            lines.extend_from_slice(b"m,host=a,");
            lines.extend_from_slice(&key);
            lines.extend(format!("=x v={at}i,w={times}i 164099520000000000{at}\n").bytes());
        }
    }
    for source in [cloud(), oss_source()] {
        for transport in transports() {
            let (rig, run) = copy(&lines, source.clone(), transport).await;
            run.assert_exit(ExitCode::Done);
            rig.assert_copied();
        }
    }
}

async fn copy(lines: &[u8], source: ServerSettings, transport: Option<Transport>) -> (Rig, Run) {
    let rig = Rig::start(source, store_of(lines, WEEK_S)).await;
    let run = copy_from(&rig, transport).await;
    (rig, run)
}

async fn copy_from(rig: &Rig, transport: Option<Transport>) -> Run {
    let mut config = rig.config();
    config.pace.transport = transport;
    rig.migrate(config).await
}

/// Names that a condition of the storage engine takes for the value, for the measurement, or fails over.
const TAKEN: [&str; 3] = ["$", "_name", "_tagKey"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_with_names_of_the_storage_engine_are_carried() {
    let mut lines = Vec::new();
    for key in TAKEN {
        // Strings with a carriage return, which the search in the tags took for values of such a tag; and values like theirs.
        let of_key = format!(
            "m,{key}=a v=1i,f=1.5,s=\"a\" 1640995200000000000\n\
             m,{key}=b,host=h v=2i,f=2.5,s=\"x\ry\" 1640995200000000001\n\
             n v=3i,s=\"a\" 1640995200000000002\n"
        );
        lines.extend(of_key.bytes());
    }
    for source in [cloud(), oss_source()] {
        for transport in transports() {
            let (rig, run) = copy(&lines, source.clone(), transport).await;
            run.assert_exit(ExitCode::Done);
            rig.assert_copied();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carriage_return_in_such_a_tag_arrives_or_is_named() {
    for key in TAKEN {
        // Quotes hide from the decoder that the server has dropped something.
        for value in ["c\rd", "c\r\"d"] {
            let lines = format!(
                "m,{key}={value} v=1i,s=\"a\" 1640995200000000000\n\
                 m,{key}=b v=2i 1640995200000000001\n\
                 n,{key}=b v=3i,s=\"a\" 1640995200000000002\n"
            );
            for transport in transports() {
                let (rig, run) = copy(lines.as_bytes(), oss_source(), transport).await;
                assert_eq!(run.exit(), ExitCode::Done, "{key} {transport:?} {}", run.words());
                rig.assert_copied();
                let (rig, run) = copy(lines.as_bytes(), cloud(), transport).await;
                assert_eq!(run.exit(), ExitCode::Rejected, "{key} {transport:?} {}", run.words());
                let words = format!("tag '{key}' holds a carriage return");
                assert!(rig.rejects().contains(&words), "{}", rig.rejects());
                assert_eq!(rig.destination.store().count(BUCKET), 2, "{key} {transport:?}");
            }
        }
    }
}

/// Series that only such a tag tells apart: more of them at one instant than a sample may hold, and a slice that is too much
/// for the source.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series_that_only_such_a_tag_tells_apart_are_carried() {
    for key in TAKEN {
        let line =
            |n| format!("m,{key}=d{n},host=h{} v={n}i,s=\"d{n}\" 1640995200000000000\n", n % 3);
        let lines: String = (0..1_200).map(line).collect();
        for (source, transport) in [
            (cloud(), Transport::FluxKeyed),
            (oss_source(), Transport::FluxKeyed),
            (oss_source(), Transport::FluxPivot),
            (oss_source(), Transport::Influxql),
        ] {
            let rig = Rig::start(source, store_of(lines.as_bytes(), WEEK_S)).await;
            // No time to divide.
            let rig = rig.over("2022-01-01", "2022-01-01T00:00:00.000000001Z", "1h");
            let body = "memory allocation limit reached: limit 5 bytes".to_owned();
            let fault = Fault::Status { status: 400, retry_after: None, body };
            rig.source_fault(
                Matcher::path("/api/v2/query").body("keep(columns: [\"_time\", \"_value\""),
                1,
                fault,
            );
            let run = copy_from(&rig, Some(transport)).await;
            run.assert_exit(ExitCode::Done);
            rig.assert_copied();
            let fell_back =
                run.count(|event| matches!(event, Event::Notice(text) if text.contains("instead")));
            assert_eq!(fell_back, 0, "{key} {transport:?}");
        }
    }
}
