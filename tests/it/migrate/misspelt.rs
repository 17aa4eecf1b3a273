//! One bit of a word that an answer is read by: a label of a table, a name in JSON. Without a checksum nothing but the word
//! itself tells, and an answer without it must not be taken for an answer that holds nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice::testing::exit::ExitCode;
use sluice::testing::model::side::Side;
use sluice::testing::sim::{BucketStore, Fault, Matcher, ServerSettings};

use crate::support::rig::{BUCKET, Rig, cloud, oss, oss_source, store_of};
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

/// Questions that differ in their numbers alone are of one form.
const OF_EACH_FORM: usize = 2;

async fn rig_of(source: ServerSettings) -> Rig {
    let store = store_of(LINES.as_bytes(), WEEK_S);
    let rig = Rig::between(source, store, oss(), Arc::new(BucketStore::default())).await;
    rig.over("2022-01-01T00:00:00Z", "2022-01-15T00:00:00Z", "7d")
}

fn server(rig: &Rig, side: Side) -> &sluice::testing::sim::Server {
    match side {
        Side::Source => &rig.source,
        Side::Destination => &rig.destination,
    }
}

/// Each answer of a run has each of the words wrong once: the run ends as if nothing had been.
async fn assert_no_word_is_lost(source: &ServerSettings, side: Side) {
    let plain = rig_of(source.clone()).await;
    let exit = plain.migrate(plain.config()).await.exit();
    assert!(matches!(exit, ExitCode::Done | ExitCode::Rejected), "{exit:?}");
    let copied = plain.destination.store().dump(BUCKET);
    let mut forms: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut asked: BTreeMap<String, usize> = BTreeMap::new();
    let mut cases = Vec::new();
    for record in server(&plain, side).records() {
        let skip = asked.entry(record.path.clone()).or_default();
        let form = record.body_head.replace(|letter: char| letter.is_ascii_digit(), "");
        let seen = forms.entry((record.path.clone(), form)).or_default();
        let words = if record.path == "/api/v2/query" { &CSV[..] } else { &JSON[..] };
        if *seen < OF_EACH_FORM && record.path != "/api/v2/write" {
            cases.extend(words.iter().map(|word| (record.path.clone(), *skip, *word)));
        }
        *seen += 1;
        *skip += 1;
    }
    rows::all_of(cases.into_iter().map(|(path, skip, word)| {
        let (source, copied) = (source.clone(), copied.clone());
        async move {
            let rig = rig_of(source).await;
            let matcher = Matcher::path(&path).skip(u32::try_from(skip).unwrap_or(u32::MAX));
            let fault = Fault::Misspell { word };
            match side {
                Side::Source => rig.source_fault(matcher, 1, fault),
                Side::Destination => rig.destination_fault(matcher, 1, fault),
            }
            let run = rig.migrate(rig.config()).await;
            let what = format!("{word:?} in answer {skip} of {path}: {}", run.words());
            assert_eq!(run.exit(), exit, "{what}");
            assert!(rig.destination.store().dump(BUCKET) == copied, "{what}");
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
