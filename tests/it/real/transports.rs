//! Every transport against a real server: random content, written by the encoder, read in each form.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;
use sluice::testing::model::catalogue::Catalogue;
use sluice::testing::model::filter::Filter;
use sluice::testing::model::frame::FieldType;
use sluice::testing::model::series::{Name, Series};
use sluice::testing::model::time::TimeRange;
use sluice::testing::wire::csv::decoder::{CsvDecoder, CsvDecoderSettings as CsvSettings, Form};
use sluice::testing::wire::flux::{self, Selection, literal};
use sluice::testing::wire::frames::series_of::SeriesOf;
use sluice::testing::wire::frames::totals::AnswerTotals;
use sluice::testing::wire::influxql::decoder::{
    AskedStatement, Format, InfluxqlDecoder, InfluxqlDecoderSettings,
};
use sluice::testing::wire::influxql::query::{self, Grouping, SelectStatement};
use sluice::testing::wire::influxql::show::{
    parse_series_cardinality, parse_show_keys, parse_show_series,
};
use sluice::testing::wire::line::body::EncoderSettings;
use sluice::testing::wire::line::encoder::Encoder;

use super::Real;
use crate::support::cases::ask;
use crate::support::golden::{Point, Value, flatten};
use crate::support::random::{Content, Letters, content};

const BUCKET: &str = "transports";
const KINDS: &[FieldType] = &[
    FieldType::Float,
    FieldType::Integer,
    FieldType::Unsigned,
    FieldType::Boolean,
    FieldType::String,
];

/// Contents that line protocol can carry, each with the lines that write it and a measurement of its own.
fn contents(letters: Letters, count: usize, prefix: &str) -> Vec<(Content, Vec<u8>)> {
    let mut runner = TestRunner::deterministic();
    let strategy = content(b"m", letters, KINDS);
    let mut contents = Vec::new();
    while contents.len() < count {
        let random = strategy.new_tree(&mut runner).unwrap().current();
        let measurement = format!("{prefix} {}", contents.len());
        let series = random.series.into_iter().map(|(series, mut rows)| {
            // A shard for each far-off time would take the server long.
            rows.retain(|time, _| (-2..2_000_000_000_000_000_000).contains(time));
            (Series::new(measurement.as_bytes(), series.tags), rows)
        });
        let content = Content {
            measurement: measurement.as_bytes().into(),
            types: random.types,
            series: series.filter(|(_, rows)| !rows.is_empty()).collect(),
        };
        let lines = lines(&content);
        if let Some(lines) = lines.filter(|lines| !lines.is_empty()) {
            contents.push((content, lines));
        }
    }
    contents
}

/// The lines of a content, or `None` if line protocol cannot carry all of it.
fn lines(content: &Content) -> Option<Vec<u8>> {
    let form = crate::wire_influxql::Form {
        format: Format::MessagePack,
        chunk: None,
        keys: None,
        shuffle: 0,
    };
    let answer = crate::wire_influxql::write(std::slice::from_ref(content), &form);
    let statement = AskedStatement {
        measurement: content.measurement.clone(),
        types: Arc::new(content.types.clone()),
        series: SeriesOf::Whole,
    };
    let frames = read_influxql(Format::MessagePack, statement, &answer).0;
    let mut encoder = Encoder::new(EncoderSettings::default());
    let (mut bodies, mut rejected) = (Vec::new(), Vec::new());
    for frame in &frames {
        encoder.push(frame, &mut bodies, &mut rejected);
    }
    encoder.finish(&mut bodies);
    rejected.is_empty().then(|| bodies.iter().flat_map(|body| body.bytes.to_vec()).collect())
}

fn read_influxql(
    format: Format,
    statement: AskedStatement,
    answer: &[u8],
) -> (Vec<sluice::testing::model::frame::Frame>, AnswerTotals) {
    let mut decoder =
        InfluxqlDecoder::new(InfluxqlDecoderSettings { format, statements: vec![statement] });
    let mut frames = Vec::new();
    let read = decoder.push(answer, &mut frames).and_then(|()| decoder.finish(&mut frames));
    let text = || String::from_utf8_lossy(answer).into_owned();
    (frames, read.unwrap_or_else(|error| panic!("{error}: {}", text())))
}

async fn influxql(real: &Real, statement: &str, format: Format) -> Vec<u8> {
    let q: String = statement.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let path = format!("/query?db={BUCKET}&epoch=ns&chunked=true&chunk_size=3&q={q}");
    let accept = match format {
        Format::MessagePack => "application/x-msgpack",
        Format::Json => "application/json",
    };
    let headers = [
        ("Authorization".to_owned(), format!("Token {}", real.token)),
        ("Accept".to_owned(), accept.to_owned()),
    ];
    let answer = ask(real.addr, "GET", &path, &headers, b"").await;
    assert_eq!(answer.status, 200, "{statement}: {}", answer.text());
    answer.body
}

/// What the server itself says about a measurement.
struct Listed {
    types: Arc<BTreeMap<Name, FieldType>>,
    catalogue: Option<Arc<Catalogue>>,
}

async fn listed(real: &Real, measurement: &str, content: &Content) -> Listed {
    let shown = real.influxql(BUCKET, query::SHOW_FIELD_KEYS).await;
    let fields = parse_show_keys(&shown.body).unwrap().remove(measurement).unwrap_or_default();
    let kind = |text: &str| match text {
        "float" => FieldType::Float,
        "integer" => FieldType::Integer,
        "unsigned" => FieldType::Unsigned,
        "boolean" => FieldType::Boolean,
        "string" => FieldType::String,
        other => panic!("{other}"),
    };
    let types = fields.iter().map(|field| (field[0].as_bytes().into(), kind(&field[1]))).collect();
    let shown = real.influxql(BUCKET, &query::show_series(measurement)).await;
    let series = parse_show_series(&shown.body).ok();
    if let Some(series) = &series {
        let expected: Vec<_> = content.series.keys().cloned().collect();
        let mut sorted = series.clone();
        sorted.sort();
        assert_eq!(sorted, expected);
        let counted = real.influxql(BUCKET, &query::show_series_cardinality(measurement)).await;
        let counts = parse_series_cardinality(&counted.body).unwrap();
        assert_eq!(counts[measurement], expected.len() as u64);
    }
    Listed {
        types: Arc::new(types),
        catalogue: series.map(|series| Arc::new(Catalogue::new(series))),
    }
}

/// Reads by InfluxQL in each format and grouping; gives how many of them were possible.
async fn check_influxql(real: &Real, content: &Content, letters: Letters) -> usize {
    let measurement = std::str::from_utf8(&content.measurement).unwrap();
    let mut listed = listed(real, measurement, content).await;
    if letters == Letters::Bytes {
        // JSON does not name all fields exactly.
        listed.types = Arc::new(content.types.clone());
        listed.catalogue = Some(Arc::new(content.catalogue()));
    }
    let keys = listed.catalogue.as_ref().and_then(|catalogue| {
        let keys = catalogue.keys().iter();
        keys.map(|key| query::nameable(key).map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    let mut read = 0;
    for format in [Format::MessagePack, Format::Json] {
        if format == Format::Json && letters == Letters::Bytes {
            continue;
        }
        for grouping in [Some(Grouping::All), keys.as_deref().map(Grouping::Keys)] {
            let Some(grouping) = grouping else { continue };
            let series = match (&grouping, &listed.catalogue) {
                (Grouping::Keys(_), Some(catalogue)) => SeriesOf::Keyed {
                    measurement: content.measurement.clone(),
                    catalogue: Arc::clone(catalogue),
                },
                _ => SeriesOf::Whole,
            };
            let filter = Filter::default();
            let select = SelectStatement {
                measurement,
                range: TimeRange::ALL,
                filter: &filter,
                grouping,
                among: None,
            };
            let answer = influxql(real, &query::select(&select), format).await;
            let statement = AskedStatement {
                measurement: content.measurement.clone(),
                types: Arc::clone(&listed.types),
                series,
            };
            let (frames, totals) = read_influxql(format, statement, &answer);
            assert_eq!(flatten(&frames), content.points(), "{measurement} {format:?} {grouping:?}");
            assert_eq!(
                (totals.rows, totals.values),
                (content.rows(), content.points().len() as u64)
            );
            read += 1;
        }
    }
    read
}

/// Reads by Flux in each form; gives how many of them were possible.
async fn check_flux(real: &Real, content: &Content) -> usize {
    let filter = Filter::default();
    let strings = |point: &Point| matches!(point.value, Value::Text(_));
    let without: Vec<_> = content
        .types
        .iter()
        .filter(|(_, kind)| **kind == FieldType::String)
        .map(|(field, _)| literal::not_field(&content.measurement, field))
        .collect();
    let keys: Vec<_> = content.catalogue().keys().iter().map(|key| key.to_vec()).collect();
    let tags = content.tag_keys();
    let label = flux::field_label(tags.iter().map(|tag| &**tag));
    let all = Selection {
        bucket: BUCKET,
        range: TimeRange::ALL,
        filter: &filter,
        measurements: &[],
        without: &[],
    };
    let numbers = Selection { without: &without, ..all };
    let names_are_text = keys.iter().all(|key| std::str::from_utf8(key).is_ok());
    let only = [literal::is_measurement(&content.measurement)];
    let whole = flux::read(Selection { without: &only, ..all }, &label);
    let keyed = flux::read_keyed(all, &label, &content.measurement, &keys);
    let pivoted = flux::read_pivoted(numbers, &label, &content.measurement, &keys);
    let can_pivot = content.types.keys().all(|field| !keys.iter().any(|key| **key == **field));
    let mut read = 0;
    for (query, form, is_keyed, is_possible) in [
        (whole, Form::Narrow, false, true),
        (keyed, Form::Narrow, true, names_are_text),
        (pivoted, Form::Pivoted, true, names_are_text && can_pivot),
    ] {
        if !is_possible {
            continue;
        }
        let answer = real.query(&query).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let series = if is_keyed {
            let (measurement, catalogue) = (content.measurement.clone(), content.catalogue());
            SeriesOf::Keyed { measurement, catalogue: Arc::new(catalogue) }
        } else {
            SeriesOf::Whole
        };
        let settings =
            CsvSettings { form, series, field_label: label.clone(), unescape_strings: false };
        let mut decoder = CsvDecoder::new(settings);
        let mut frames = Vec::new();
        let outcome =
            decoder.push(&answer.body, &mut frames).and_then(|()| decoder.finish(&mut frames));
        let totals = outcome.unwrap_or_else(|error| panic!("{query}: {error}: {}", answer.text()));
        let mut expected = content.points();
        if form == Form::Pivoted {
            expected.retain(|point| !strings(point));
        }
        assert_eq!(flatten(&frames), expected, "{query}");
        assert_eq!(totals.values, expected.len() as u64);
        read += 1;
    }
    read
}

#[tokio::test]
async fn every_transport_gives_the_same() {
    let Some(real) = Real::start().await else { return };
    real.bucket(BUCKET, None).await;
    let mut read = [0, 0];
    for (letters, count, prefix) in [
        (Letters::NoCarriageReturn, 40, "flux"),
        (Letters::Text, 40, "text"),
        (Letters::Bytes, 40, "by\\te"),
    ] {
        for (content, lines) in contents(letters, count, prefix) {
            real.load(BUCKET, &lines).await;
            let letters =
                if letters == Letters::NoCarriageReturn { Letters::Bytes } else { letters };
            read[0] += check_influxql(&real, &content, letters).await;
            if prefix == "flux" {
                read[1] += check_flux(&real, &content).await;
            }
        }
    }
    eprintln!("answers read: {} InfluxQL, {} Flux", read[0], read[1]);
    assert!(read[0] > 250 && read[1] > 100, "{read:?}");
}
