//! Golden cases through the program: what is in the source's bucket is in the destination's.

use sluice::testing::model::filter::Filter;
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::wire::csv::decoder::{CsvDecoder, CsvDecoderSettings};
use sluice::testing::wire::flux::{self, Selection};

use super::Real;
use crate::support::golden::{Case, flatten};

/// Cases whose content the plain read of the comparison cannot tell exactly: carriage returns, types that change.
const NOT_TOLD: [&str; 8] = [
    "02-newlines",
    "03-names-control",
    "03-names-start-stop",
    "03-names-time-value",
    "04-times",
    "07-type-bool-uint-int",
    "07-type-int-float",
    "07-type-int-float-string",
];

/// Everything, in the plainest words of both languages.
async fn words(real: &Real, bucket: &str) -> [String; 2] {
    let everything = format!(
        "from(bucket: \"{bucket}\") |> range(start: {}, stop: {})",
        TimeRange::ALL.start,
        TimeRange::ALL.stop
    );
    let flux = real.query(&everything).await;
    let influxql = real.influxql(bucket, "SELECT * FROM /.*/ GROUP BY *").await;
    [flux.text(), influxql.text()]
}

async fn carried(real: &Real, name: &str) -> Option<String> {
    let case = Case::open(name);
    let (source, destination) = (format!("src-{name}"), format!("dst-{name}"));
    // Types that change do so from day to day.
    let shard_s = if name.starts_with("07") { 86_400 } else { 604_800 };
    real.bucket(&source, Some(shard_s)).await;
    real.load(&source, &case.bytes("data.lp")).await;
    let stop = case.expected().iter().map(|point| point.time).max()?;
    let stop = Timestamp::from_ns(stop).saturating_add_ns(1).min(TimeRange::ALL.stop).to_string();
    let begun = std::time::Instant::now();
    let ended = real.migrate(&source, &destination, &["--stop", &stop]).await;
    eprintln!("{name}: {:?}", begun.elapsed());
    if ended.code != Some(0) {
        return Some(format!(
            "{name}: {:?} instead of 0\n{}\n{}",
            ended.code, ended.out, ended.err
        ));
    }
    let (here, there) = (words(real, &source).await, words(real, &destination).await);
    if here != there {
        return Some(format!(
            "{name}: the ends differ\n{}\n{}\n{}\n{}",
            here[0], there[0], here[1], there[1]
        ));
    }
    if NOT_TOLD.contains(&name) {
        return None;
    }
    let filter = Filter::default();
    let selection = Selection {
        bucket: &destination,
        range: TimeRange::ALL,
        filter: &filter,
        measurements: &[],
        without: &[],
    };
    let answer = real.query(&flux::read(selection, "\u{10ffff}~f")).await;
    let settings = CsvDecoderSettings {
        field_label: "\u{10ffff}~f".to_owned(),
        ..CsvDecoderSettings::default()
    };
    let mut decoder = CsvDecoder::new(settings);
    let mut frames = Vec::new();
    let read = decoder.push(&answer.body, &mut frames).and_then(|()| decoder.finish(&mut frames));
    if let Err(error) = read {
        return Some(format!("{name}: {error}: {}", answer.text()));
    }
    let (found, expected) = (flatten(&frames), case.expected());
    let lost: Vec<_> = expected.iter().filter(|point| !found.contains(point)).take(3).collect();
    (found != expected)
        .then(|| format!("{name}: {} of {} values, lost {lost:?}", found.len(), expected.len()))
}

#[tokio::test]
async fn golden_cases_are_carried_from_end_to_end() {
    let golden = crate::support::golden();
    let Some(real) = Real::start().await else { return };
    let mut names: Vec<_> = std::fs::read_dir(golden.join("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|dir| dir.join("data.lp").exists() && dir.join("expected.jsonl").exists())
        .map(|dir| dir.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() > 15, "{names:?}");
    let mut wrong = Vec::new();
    for name in &names {
        wrong.extend(carried(&real, name).await);
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), names.len(), wrong.join("\n\n"));
}
