//! One bit of a word that an answer is read by: a label of a table, a name in JSON. Without a checksum nothing but the word
//! itself tells, and an answer without it must not be taken for an answer that holds nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use sluice::testing::config::range::RangeStop;
use sluice::testing::exit::ExitCode;
use sluice::testing::model::side::Side;
use sluice::testing::sim::{BucketStore, Fault, Matcher, Rule, ServerSettings};

use crate::support::rig::{Rig, cloud, oss, oss_source, store_of, time, with};
use crate::support::rows;

const WEEK_S: u64 = 7 * 86_400;

/// In two shard groups: a field of one type, one of several, one with carriage returns.
const LINES: &str = "air,host=a f=1,s=\"x\" 1640995200000000000\n\
                     air,host=b f=2,s=\"a\rb\" 1640995260000000000\n\
                     air,host=a f=3 1641600000000000000\n\
                     mixed,host=a v=1i 1640995200000000000\n\
                     mixed,host=a v=1.5 1641600000000000000\n";

/// What CSV is read by, and what JSON is.
const CSV: [&str; 6] = ["_time", "_measurement", "_field", "_value", "#datatype", "long"];
const JSON: [&str; 6] = ["results", "series", "values", "columns", "name", "buckets"];

/// A job whose first batch is committed: there are records to be read.
async fn half_done(source: ServerSettings) -> Rig {
    let store = store_of(LINES.as_bytes(), WEEK_S);
    let rig = Rig::between(source, store, oss(), Arc::new(BucketStore::default())).await;
    let rig = rig.over("2022-01-01T00:00:00Z", "2022-01-15T00:00:00Z", "7d");
    let half = with(rig.config(), |config| {
        config.scope.stop = RangeStop::At(time("2022-01-08T00:00:00Z"));
    });
    rig.migrate(half).await.assert_exit(ExitCode::Done);
    rig
}

fn server(rig: &Rig, side: Side) -> &sluice::testing::sim::Server {
    match side {
        Side::Source => &rig.source,
        Side::Destination => &rig.destination,
    }
}

/// Every answer of a run has a word wrong when it is asked for first: the run ends as if nothing had been.
async fn assert_no_word_is_lost(source: &ServerSettings, side: Side) {
    let plain = half_done(source.clone()).await;
    let before = server(&plain, side).records().len();
    plain.migrate(plain.config()).await.assert_exit(ExitCode::Done);
    let asked: BTreeSet<(String, String)> = server(&plain, side)
        .records()
        .into_iter()
        .skip(before)
        .filter(|record| record.path != "/api/v2/write")
        .map(|record| (record.path, record.body_head))
        .collect();
    rows::all_of(CSV.into_iter().chain(JSON).map(|word| {
        let (source, asked) = (source.clone(), asked.clone());
        async move {
            let rig = half_done(source).await;
            for (path, text) in &asked {
                let rule = Rule {
                    matcher: Matcher::path(path).body(text),
                    times: 1,
                    fault: Fault::Misspell { word },
                };
                server(&rig, side).inject(rule);
            }
            let run = rig.migrate(rig.config()).await;
            let what = format!("{word:?}: {}", run.words());
            assert_eq!(run.exit(), ExitCode::Done, "{what}");
            rig.assert_copied();
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_source() {
    for source in [oss_source(), ServerSettings { influxql: false, ..cloud() }] {
        assert_no_word_is_lost(&source, Side::Source).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_destination() {
    assert_no_word_is_lost(&oss_source(), Side::Destination).await;
}
