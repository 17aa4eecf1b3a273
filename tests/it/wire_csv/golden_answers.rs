//! The golden answers of OSS 2.9.1.

use sluice::testing::model::frame::Frame;
use sluice::testing::model::series::Series;
use sluice::testing::model::time::Timestamp;
use sluice::testing::wire::csv::decoder::{AnswerTotals, CsvDecoder, CsvDecoderSettings};
use sluice::testing::wire::csv::error::Error;
use sluice::testing::wire::csv::suspect::{Suspect, SuspectPlace};
use sluice::testing::wire::csv::table::read_tables;

use crate::support::golden::{Case, Point, Value, flatten};

/// Decodes an answer that comes in these pieces.
pub(super) fn decode_pieces<'a>(
    settings: &CsvDecoderSettings,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<Frame>, AnswerTotals), Error> {
    let mut decoder = CsvDecoder::new(settings.clone());
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.push(piece, &mut frames)?;
    }
    let totals = decoder.finish(&mut frames)?;
    let handed_on: u64 = frames.iter().map(|frame| frame.values).sum();
    assert_eq!(
        totals.values,
        handed_on + under_lost_names(&totals),
        "each value is in a frame or counted"
    );
    assert_eq!(totals.rows, frames.iter().map(|frame| frame.rows() as u64).sum::<u64>());
    Ok((frames, totals))
}

/// Values under names that lost a carriage return: they are counted, and in no frame.
fn under_lost_names(totals: &AnswerTotals) -> u64 {
    let names = totals
        .suspects
        .listed
        .iter()
        .filter(|suspect| !matches!(suspect.place, SuspectPlace::FieldValue(_)));
    names.map(|suspect| suspect.count).sum::<u64>() + totals.suspects.unlisted_under_names
}

pub(super) fn settings(field_label: &str) -> CsvDecoderSettings {
    CsvDecoderSettings { field_label: field_label.to_owned(), ..CsvDecoderSettings::default() }
}

pub(super) fn decode(bytes: &[u8]) -> Result<(Vec<Frame>, AnswerTotals), Error> {
    decode_pieces(&settings("_field"), [bytes])
}

/// Cases whose plain answer is exact.
const EXACT: [&str; 14] = [
    "01-strings",
    "01-types",
    "03-names",
    "03-names-long",
    "03-names-reserved",
    "03-names-tag-is-field",
    "03-names-utf8",
    "04-duplicates",
    "05-schema",
    "06-nulls",
    "08-sensors",
    "09-metadata",
    "12-checkpoint",
    "04-times",
];

fn without_the_largest_time(points: Vec<Point>) -> Vec<Point> {
    points.into_iter().filter(|point| point.time != i64::MAX - 1).collect()
}

#[test]
fn plain_answers_are_exact_however_they_are_cut() {
    for name in EXACT {
        let case = Case::open(name);
        let bytes = case.bytes("plain.csv");
        let expected = without_the_largest_time(case.expected());
        let (frames, totals) = decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(flatten(&frames), expected, "{name}");
        assert!(totals.suspects.is_empty(), "{name}");
        assert_eq!(totals.values, expected.len() as u64);
        assert_eq!(totals.bytes, bytes.len() as u64);
        assert_eq!(
            totals.time_min.map(Timestamp::ns),
            expected.iter().map(|point| point.time).min()
        );
        assert_eq!(
            totals.time_max.map(Timestamp::ns),
            expected.iter().map(|point| point.time).max()
        );
        let same = |pieces: Vec<&[u8]>, what: &str| {
            let (cut, cut_totals) = decode_pieces(&settings("_field"), pieces)
                .unwrap_or_else(|error| panic!("{name} {what}: {error}"));
            assert_eq!(cut_totals, totals, "{name} {what}");
            assert_eq!(cut.len(), frames.len());
            for (cut, whole) in cut.iter().zip(&frames) {
                assert_eq!(
                    (&cut.batch, &cut.fields),
                    (&whole.batch, &whole.fields),
                    "{name} {what}"
                );
            }
        };
        for size in [1, 2, 3, 7, 64, 4096] {
            same(bytes.chunks(size).collect(), &format!("in pieces of {size}"));
        }
        if bytes.len() < 6_000 {
            for at in 0..=bytes.len() {
                let (head, tail) = bytes.split_at(at);
                same(vec![head, tail], &format!("cut at {at}"));
            }
        }
    }
}

/// Offsets behind a blank line outside of quotes: the only places where a cut is invisible.
fn blind_spots(bytes: &[u8]) -> Vec<usize> {
    let (mut quoted, mut line, mut spots) = (false, 0, Vec::new());
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => {
                if &bytes[line..=at] == b"\r\n" {
                    spots.push(at + 1);
                }
                line = at + 1;
            }
            _ => {}
        }
    }
    spots
}

#[test]
fn a_body_cut_anywhere_is_incomplete_but_at_a_table_edge() {
    for name in EXACT.into_iter().chain(["02-newlines", "03-names-control", "07-type-int-float"]) {
        let case = Case::open(name);
        let bytes = case.bytes("plain.csv");
        if bytes.len() > 6_000 {
            continue;
        }
        let spots = blind_spots(&bytes);
        assert_eq!(spots.last(), Some(&bytes.len()));
        for end in 0..=bytes.len() {
            let outcome = decode(&bytes[..end]);
            let tables = read_tables(&bytes[..end]);
            if spots.contains(&end) {
                assert!(outcome.is_ok() && tables.is_ok(), "{name} cut at {end}");
            } else {
                assert!(
                    matches!(outcome, Err(Error::Incomplete { .. })),
                    "{name} cut at {end}: {outcome:?}"
                );
                assert!(matches!(tables, Err(Error::Incomplete { .. })), "{name} cut at {end}");
            }
        }
    }
}

#[test]
fn fields_of_one_series_share_rows() {
    let case = Case::open("08-sensors");
    let (frames, totals) = decode(&case.bytes("plain.csv")).unwrap();
    assert_eq!((totals.values, totals.rows, totals.tables), (3_600, 1_200, 24));
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].runs.len(), 8);
    assert_eq!(frames[0].fields.len(), 3);
}

#[test]
fn field_major_answers_are_exact() {
    for name in ["05-schema", "08-sensors"] {
        let case = Case::open(name);
        let (frames, _) = decode(&case.bytes("drop_bounds.csv")).unwrap();
        assert_eq!(flatten(&frames), case.expected(), "{name}");
    }
}

#[test]
fn type_changes_by_shard_stay_exact_inside_a_shard() {
    for (name, shards) in
        [("07-type-int-float", 2), ("07-type-int-float-string", 3), ("07-type-bool-uint-int", 4)]
    {
        let case = Case::open(name);
        let mut points = Vec::new();
        for shard in 0..shards {
            let (frames, _) = decode(&case.bytes(&format!("shard{shard}.csv"))).unwrap();
            points.extend(flatten(&frames));
        }
        points.sort();
        assert_eq!(points, case.expected(), "{name}");
    }
}

#[test]
fn annotations_come_in_any_order_and_odd_result_names_are_fine() {
    let case = Case::open("05-schema");
    for (file, values) in
        [("annotations_gdd.csv", 10), ("yield_odd_name.csv", 2), ("comment_prefix.csv", 1)]
    {
        assert_eq!(decode(&case.bytes(file)).unwrap().1.values, values, "{file}");
    }
    for file in ["empty_result.csv", "empty_result_range.csv"] {
        let empty =
            AnswerTotals { bytes: 2, values_by_statement: vec![0], ..AnswerTotals::default() };
        assert_eq!(decode(&case.bytes(file)).unwrap().1, empty);
    }
}

#[test]
fn other_dialects_and_more_results_are_refused() {
    let case = Case::open("05-schema");
    for file in [
        "annotations_datatype.csv",
        "annotations_default.csv",
        "noannotations.csv",
        "no_header.csv",
        "delimiter_tab.csv",
    ] {
        assert!(matches!(decode(&case.bytes(file)), Err(Error::Malformed { .. })), "{file}");
    }
    assert!(
        matches!(decode(&case.bytes("yields.csv")), Err(Error::Results { found: 12 })),
        "{:?}",
        decode(&case.bytes("yields.csv")).map(|t| t.1)
    );
    assert!(matches!(decode(&case.bytes("yields_some_empty.csv")), Err(Error::Results { .. })));
    assert!(matches!(decode(b"\r\n\r\n"), Err(Error::Results { found: 2 })));
    assert!(matches!(decode(b""), Err(Error::Incomplete { .. })));
    assert!(matches!(
        decode(&case.bytes("nan_inf.csv")),
        Err(Error::Malformed { .. } | Error::NotFinite { .. })
    ));
}

#[test]
fn tags_that_share_a_label_of_flux_are_named() {
    let case = Case::open("03-names-start-stop");
    let error = decode(&case.bytes("plain.csv")).err().unwrap();
    assert_eq!(
        error,
        Error::DuplicateColumn { label: b"_start"[..].into(), measurement: Some(b"m"[..].into()) }
    );
    assert_eq!(error.to_string(), "measurement m has a tag called _start, which Flux cannot read");
}

#[test]
fn lost_carriage_returns_are_named() {
    let case = Case::open("02-newlines");
    let (frames, totals) = decode(&case.bytes("plain.csv")).unwrap();
    let without_cr =
        |text: &[u8]| text.iter().copied().filter(|byte| *byte != b'\r').collect::<Vec<_>>().into();
    let mut expected = case.expected();
    for point in &mut expected {
        if let Value::Text(text) = &mut point.value {
            *text = without_cr(text);
        }
    }
    assert_eq!(flatten(&frames), expected);
    let field = || SuspectPlace::FieldValue(b"s"[..].into());
    assert_eq!(
        totals.suspects.listed,
        [
            Suspect { measurement: b"nl"[..].into(), place: field(), count: 5 },
            Suspect { measurement: b"nl1"[..].into(), place: field(), count: 2 },
        ]
    );
    let case = Case::open("03-names-control");
    let mut places: Vec<_> = decode(&case.bytes("plain.csv")).unwrap().1.suspects.listed;
    places.sort();
    let suspect =
        |measurement: &[u8], place| Suspect { measurement: measurement.into(), place, count: 1 };
    assert_eq!(
        places,
        [
            suspect(b"c", SuspectPlace::TagKey(b"kq"[..].into())),
            suspect(b"c", SuspectPlace::TagValue(b"k"[..].into())),
            suspect(b"c", SuspectPlace::FieldName(b"fg"[..].into())),
            suspect(b"cd", SuspectPlace::Measurement),
        ]
    );
}

#[test]
fn escaped_strings_come_back_exactly() {
    let case = Case::open("02-newlines");
    let settings = CsvDecoderSettings { unescape_strings: true, ..settings("_field") };
    let bytes = case.bytes("escaped.csv");
    let (frames, totals) = decode_pieces(&settings, [&bytes[..]]).unwrap();
    assert_eq!(flatten(&frames), case.expected());
    assert!(totals.suspects.is_empty());
    for size in [1, 3, 64] {
        assert_eq!(
            flatten(&decode_pieces(&settings, bytes.chunks(size)).unwrap().0),
            case.expected()
        );
    }
}

#[test]
fn transport_bodies_decode() {
    let case = Case::open("11-transport");
    let plain = decode(&case.bytes("plain.body")).unwrap();
    assert_eq!(plain.1.values, 800);
    assert_eq!(
        plain.0[0].runs[0].series.as_ref(),
        &Series::new(*b"cpu", [((*b"host").into(), (*b"h0").into())])
    );
    assert_eq!(flatten(&decode(&case.bytes("gzip.body")).unwrap().0), flatten(&plain.0));
    assert_eq!(decode(&case.bytes("gzip_small.body")).unwrap().1.values, 2);
    assert_eq!(decode(&case.bytes("empty.body")).unwrap().1.values, 0);
    assert!(matches!(decode(&case.bytes("gzip_error.body")), Err(Error::GluedError { .. })));
}
