//! One small bucket as OSS 2.9.1 answered it in every form (`tests/golden/wire`, chunks of two rows): all forms give the lines
//! that were written, however the answers are cut.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;
use std::sync::Arc;

use influxdb_line_protocol::{FieldValue, parse_lines};
use sluice::testing::model::catalogue::Catalogue;
use sluice::testing::model::frame::{FieldType, Frame};
use sluice::testing::model::series::{Name, Series};
use sluice::testing::wire::csv::decoder::{CsvDecoder, CsvDecoderSettings as CsvSettings, Form};
use sluice::testing::wire::frames::series_of::SeriesOf;
use sluice::testing::wire::frames::totals::AnswerTotals;
use sluice::testing::wire::influxql::decoder::{
    AskedStatement, Format, InfluxqlDecoder, InfluxqlDecoderSettings,
};
use sluice::testing::wire::influxql::show::parse_show_series;

use crate::support::golden::{Point, Value, flatten, read};

fn file(name: &str) -> Vec<u8> {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/wire").join(name))
}

/// What was written, sorted.
fn points() -> Vec<Point> {
    let text = String::from_utf8(file("lines.lp")).unwrap();
    let mut points = Vec::new();
    for line in parse_lines(&text) {
        let line = line.unwrap();
        let name = |text: &str| Name::from(text.as_bytes());
        let tags = line.series.tag_set.iter().flatten();
        let tags = tags.map(|(key, value)| (name(key.as_str()), name(value.as_str())));
        let series = Series::new(*b"cpu", tags);
        for (field, value) in &line.field_set {
            let value = match value {
                FieldValue::I64(value) => Value::Integer(*value),
                FieldValue::U64(value) => Value::Unsigned(*value),
                FieldValue::F64(value) => Value::Float(value.to_bits()),
                FieldValue::Boolean(value) => Value::Boolean(*value),
                FieldValue::String(value) => Value::Text(name(value.as_str())),
            };
            let (field, time) = (name(field.as_str()), line.timestamp.unwrap());
            points.push(Point { series: series.clone(), field, time, value });
        }
    }
    points.sort();
    points
}

fn keyed() -> SeriesOf {
    let catalogue = Catalogue::new(parse_show_series(&file("show-series.json")).unwrap());
    assert_eq!(catalogue.keys(), [(*b"host").into()]);
    SeriesOf::Keyed { measurement: (*b"cpu").into(), catalogue: Arc::new(catalogue) }
}

/// Reads an answer in pieces of every length and at every cut.
fn check(
    name: &str,
    decode: impl Fn(&mut dyn Iterator<Item = &[u8]>) -> (Vec<Frame>, AnswerTotals),
    expected: &[Point],
) {
    let bytes = file(name);
    let whole = decode(&mut std::iter::once(&bytes[..]));
    assert_eq!(flatten(&whole.0), expected, "{name}");
    assert_eq!(whole.1.values, expected.len() as u64, "{name}");
    for size in [1, 2, 3, 64] {
        let (frames, totals) = decode(&mut bytes.chunks(size));
        assert_eq!((flatten(&frames), &totals), (expected.to_vec(), &whole.1), "{name}");
    }
    for at in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(at);
        let (frames, totals) = decode(&mut [head, tail].into_iter());
        assert_eq!(totals, whole.1, "{name} cut at {at}");
        for (cut, whole) in frames.iter().zip(&whole.0) {
            assert_eq!(cut.batch, whole.batch, "{name} cut at {at}");
        }
    }
}

#[test]
fn flux_answers_give_what_was_written() {
    let decode = |form: Form, series: SeriesOf| {
        let settings =
            CsvSettings { form, series, field_label: "~f".to_owned(), unescape_strings: false };
        move |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let mut decoder = CsvDecoder::new(settings.clone());
            let mut frames = Vec::new();
            for piece in pieces {
                decoder.push(piece, &mut frames).unwrap();
            }
            let totals = decoder.finish(&mut frames).unwrap();
            (frames, totals)
        }
    };
    let mut expected = points();
    check("flux.csv", decode(Form::Narrow, SeriesOf::Whole), &expected);
    check("flux-keyed.csv", decode(Form::Narrow, keyed()), &expected);
    expected.retain(|point| *point.field != *b"note");
    check("flux-pivot.csv", decode(Form::Pivoted, keyed()), &expected);
}

#[test]
fn influxql_answers_give_what_was_written() {
    let types = [
        ("busy", FieldType::Integer),
        ("load", FieldType::Float),
        ("note", FieldType::String),
        ("total", FieldType::Unsigned),
        ("up", FieldType::Boolean),
    ];
    let types = types.map(|(field, kind)| (Name::from(field.as_bytes()), kind));
    let decode = |format: Format, series: SeriesOf| {
        let types = Arc::new(types.clone().into());
        let statement = AskedStatement { measurement: (*b"cpu").into(), types, series };
        let settings = InfluxqlDecoderSettings { format, statements: vec![statement] };
        move |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let mut decoder = InfluxqlDecoder::new(settings.clone());
            let mut frames = Vec::new();
            for piece in pieces {
                decoder.push(piece, &mut frames).unwrap();
            }
            let totals = decoder.finish(&mut frames).unwrap();
            (frames, totals)
        }
    };
    let expected = points();
    check("influxql-all.msgpack", decode(Format::MessagePack, SeriesOf::Whole), &expected);
    check("influxql-keyed.msgpack", decode(Format::MessagePack, keyed()), &expected);
    check("influxql-all.json", decode(Format::Json, SeriesOf::Whole), &expected);
    check("influxql-keyed.json", decode(Format::Json, keyed()), &expected);
}
