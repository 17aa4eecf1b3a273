//! The golden answers of OSS 2.9.1.

use sluice::model::frame::Frame;
use sluice::model::series::Series;
use sluice::wire::csv::decoder::{Decoder, DecoderSettings, Totals};
use sluice::wire::csv::error::Error;
use sluice::wire::csv::suspect::{Place, Suspect};
use sluice::wire::csv::table::{read_tables, single_long};

use crate::support::golden::{Case, Point, Value, flatten, read};

/// Decodes an answer that comes in these pieces.
pub(super) fn decode_pieces<'a>(settings: &DecoderSettings, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(Vec<Frame>, Totals), Error> {
    let mut decoder = Decoder::new(settings.clone());
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.push(piece, &mut frames)?;
    }
    let totals = decoder.finish(&mut frames)?;
    assert_eq!(totals.values, frames.iter().map(|frame| frame.values).sum::<u64>());
    assert_eq!(totals.rows, frames.iter().map(|frame| frame.rows() as u64).sum::<u64>());
    Ok((frames, totals))
}

pub(super) fn settings(field_label: &str) -> DecoderSettings {
    DecoderSettings { field_label: field_label.to_owned(), unescape_strings: false }
}

fn decode(bytes: &[u8]) -> Result<(Vec<Frame>, Totals), Error> {
    decode_pieces(&settings("_field"), [bytes])
}

/// Cases whose plain answer is exact.
const EXACT: [&str; 14] = [
    "01-strings", "01-types", "03-names", "03-names-long", "03-names-reserved", "03-names-tag-is-field", "03-names-utf8",
    "04-duplicates", "05-schema", "06-nulls", "08-sensors", "09-metadata", "12-checkpoint", "04-times",
];

fn without_the_largest_time(points: Vec<Point>) -> Vec<Point> {
    points.into_iter().filter(|point| point.time != i64::MAX - 1).collect()
}

#[test]
fn plain_answers_are_exact_however_they_are_cut() {
    for name in EXACT {
        let Some(case) = Case::open(name) else { return };
        let bytes = case.bytes("plain.csv");
        let expected = without_the_largest_time(case.expected());
        let (frames, totals) = decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(flatten(&frames), expected, "{name}");
        assert!(totals.suspects.is_empty(), "{name}");
        assert_eq!(totals.values, expected.len() as u64);
        assert_eq!(totals.bytes, bytes.len() as u64);
        assert_eq!(totals.time_min.map(|time| time.ns()), expected.iter().map(|point| point.time).min());
        assert_eq!(totals.time_max.map(|time| time.ns()), expected.iter().map(|point| point.time).max());
        let same = |pieces: Vec<&[u8]>, what: &str| {
            let (cut, cut_totals) = decode_pieces(&settings("_field"), pieces).unwrap_or_else(|error| panic!("{name} {what}: {error}"));
            assert_eq!(cut_totals, totals, "{name} {what}");
            assert_eq!(cut.len(), frames.len());
            for (cut, whole) in cut.iter().zip(&frames) {
                assert_eq!((&cut.batch, &cut.fields), (&whole.batch, &whole.fields), "{name} {what}");
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
        let Some(case) = Case::open(name) else { return };
        let bytes = case.bytes("plain.csv");
        if bytes.len() > 12_000 {
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
                assert!(matches!(outcome, Err(Error::Incomplete { .. })), "{name} cut at {end}: {outcome:?}");
                assert!(matches!(tables, Err(Error::Incomplete { .. })), "{name} cut at {end}");
            }
        }
    }
}

#[test]
fn fields_of_one_series_share_rows() {
    let Some(case) = Case::open("08-sensors") else { return };
    let (frames, totals) = decode(&case.bytes("plain.csv")).unwrap();
    assert_eq!((totals.values, totals.rows, totals.tables), (3_600, 1_200, 24));
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].runs.len(), 8);
    assert_eq!(frames[0].fields.len(), 3);
}

#[test]
fn field_major_answers_are_exact() {
    for name in ["05-schema", "08-sensors"] {
        let Some(case) = Case::open(name) else { return };
        let (frames, _) = decode(&case.bytes("drop_bounds.csv")).unwrap();
        assert_eq!(flatten(&frames), case.expected(), "{name}");
    }
}

#[test]
fn type_changes_by_shard_stay_exact_inside_a_shard() {
    for (name, shards) in [("07-type-int-float", 2), ("07-type-int-float-string", 3), ("07-type-bool-uint-int", 4)] {
        let Some(case) = Case::open(name) else { return };
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
    let Some(case) = Case::open("05-schema") else { return };
    for (file, values) in [("annotations_gdd.csv", 10), ("yield_odd_name.csv", 2), ("comment_prefix.csv", 1)] {
        assert_eq!(decode(&case.bytes(file)).unwrap().1.values, values, "{file}");
    }
    for file in ["empty_result.csv", "empty_result_range.csv"] {
        assert_eq!(decode(&case.bytes(file)).unwrap().1, Totals { bytes: 2, ..Totals::default() });
    }
}

#[test]
fn other_dialects_and_more_results_are_refused() {
    let Some(case) = Case::open("05-schema") else { return };
    for file in ["annotations_datatype.csv", "annotations_default.csv", "noannotations.csv", "no_header.csv", "delimiter_tab.csv"] {
        assert!(matches!(decode(&case.bytes(file)), Err(Error::Malformed { .. })), "{file}");
    }
    assert!(matches!(decode(&case.bytes("yields.csv")), Err(Error::Results { found: 12 })), "{:?}", decode(&case.bytes("yields.csv")).map(|t| t.1));
    assert!(matches!(decode(&case.bytes("yields_some_empty.csv")), Err(Error::Results { .. })));
    assert!(matches!(decode(b"\r\n\r\n"), Err(Error::Results { found: 2 })));
    assert!(matches!(decode(b""), Err(Error::Incomplete { .. })));
    assert!(matches!(decode(&case.bytes("nan_inf.csv")), Err(Error::Malformed { .. } | Error::NotFinite { .. })));
}

#[test]
fn errors_inside_answers_are_found() {
    let Some(golden) = crate::support::golden() else { return };
    let clash = "schema collision: cannot group float and string types together";
    let died = "runtime error @2:137-2:237: map: failed to evaluate map function: boom at 2500";
    for (file, message) in [("q_group_collision.csv", clash), ("q_die_second_yield.csv", died)] {
        let bytes = read(&golden.join("errors").join(file));
        let query = |outcome: Option<Error>| match outcome {
            Some(Error::Query { message: found, reference }) => assert_eq!((&*found, &*reference), (message, ""), "{file}"),
            other => panic!("{file}: {other:?}"),
        };
        query(read_tables(&bytes).err());
        if file.starts_with("q_die") {
            query(decode(&bytes).err());
            // The error stays an error however the bytes are cut.
            for size in [1, 7, 4096] {
                query(decode_pieces(&settings("_field"), bytes.chunks(size)).err());
            }
        }
    }
    let Some(case) = Case::open("11-transport") else { return };
    for file in ["inband_error.body", "inband_error_gzip.body"] {
        assert!(matches!(read_tables(&case.bytes(file)), Err(Error::Query { .. })), "{file}");
    }
    let head = b"#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n";
    let table = [&head[..], b",\"a, \"\"b\"\"\r\nc\",897\r\n"].concat();
    assert_eq!(decode(&table).err(), Some(Error::Query { message: "a, \"b\"\nc".into(), reference: "897".into() }));
    assert!(matches!(decode(head), Err(Error::Incomplete { .. })));
}

#[test]
fn json_glued_behind_rows_is_found_wherever_the_rows_stop() {
    let Some(case) = Case::open("03-names-time-value") else { return };
    let bytes = case.bytes("plain.csv");
    let begin = bytes.windows(7).position(|window| window == b"{\"code\"").unwrap();
    let (rows, json) = bytes.split_at(begin);
    let glued = |outcome: Option<Error>, at: usize| match outcome {
        Some(Error::GluedError { message }) => assert!(message.starts_with("a panic has occurred: /api/v2/query"), "{message}"),
        other => panic!("glued at {at}: {other:?}"),
    };
    for at in 0..=rows.len() {
        let body = [&rows[..at], json].concat();
        glued(decode(&body).err(), at);
        glued(read_tables(&body).err(), at);
        glued(decode_pieces(&settings("_field"), body.chunks(5)).err(), at);
    }
    let Some(newlines) = Case::open("02-newlines") else { return };
    let rows = newlines.bytes("plain.csv");
    for at in 0..rows.len() {
        let body = [&rows[..at], json].concat();
        glued(decode(&body).err(), at);
        glued(decode_pieces(&settings("_field"), body.chunks(64)).err(), at);
    }
    for end in begin + 1..bytes.len() {
        assert!(decode(&bytes[..end]).is_err(), "cut inside the JSON text at {end}");
    }
}

#[test]
fn tags_that_share_a_label_of_flux_are_named() {
    let Some(case) = Case::open("03-names-start-stop") else { return };
    let error = decode(&case.bytes("plain.csv")).err().unwrap();
    assert_eq!(error, Error::DuplicateColumn { label: b"_start"[..].into(), measurement: Some(b"m"[..].into()) });
    assert_eq!(error.to_string(), "measurement m has a tag called _start, which Flux cannot read");
}

#[test]
fn lost_carriage_returns_are_named() {
    let Some(case) = Case::open("02-newlines") else { return };
    let (frames, totals) = decode(&case.bytes("plain.csv")).unwrap();
    let without_cr = |text: &[u8]| text.iter().copied().filter(|byte| *byte != b'\r').collect::<Vec<_>>().into();
    let mut expected = case.expected();
    for point in &mut expected {
        if let Value::Text(text) = &mut point.value {
            *text = without_cr(text);
        }
    }
    assert_eq!(flatten(&frames), expected);
    let field = || Place::FieldValue(b"s"[..].into());
    assert_eq!(
        totals.suspects.listed,
        [
            Suspect { measurement: b"nl"[..].into(), place: field(), count: 5 },
            Suspect { measurement: b"nl1"[..].into(), place: field(), count: 2 },
        ]
    );
    let Some(case) = Case::open("03-names-control") else { return };
    let mut places: Vec<_> = decode(&case.bytes("plain.csv")).unwrap().1.suspects.listed;
    places.sort();
    let suspect = |measurement: &[u8], place| Suspect { measurement: measurement.into(), place, count: 1 };
    assert_eq!(
        places,
        [
            suspect(b"c", Place::TagKey(b"kq"[..].into())),
            suspect(b"c", Place::TagValue(b"k"[..].into())),
            suspect(b"c", Place::FieldName(b"fg"[..].into())),
            suspect(b"cd", Place::Measurement),
        ]
    );
}

#[test]
fn escaped_strings_come_back_exactly() {
    let Some(case) = Case::open("02-newlines") else { return };
    let settings = DecoderSettings { unescape_strings: true, ..settings("_field") };
    let bytes = case.bytes("escaped.csv");
    let (frames, totals) = decode_pieces(&settings, [&bytes[..]]).unwrap();
    assert_eq!(flatten(&frames), case.expected());
    assert!(totals.suspects.is_empty());
    for size in [1, 3, 64] {
        assert_eq!(flatten(&decode_pieces(&settings, bytes.chunks(size)).unwrap().0), case.expected());
    }
}

#[test]
fn transport_bodies_decode() {
    let Some(case) = Case::open("11-transport") else { return };
    let plain = decode(&case.bytes("plain.body")).unwrap();
    assert_eq!(plain.1.values, 800);
    assert_eq!(plain.0[0].runs[0].series.as_ref(), &Series::new(*b"cpu", [((*b"host").into(), (*b"h0").into())]));
    assert_eq!(flatten(&decode(&case.bytes("gzip.body")).unwrap().0), flatten(&plain.0));
    assert_eq!(decode(&case.bytes("gzip_small.body")).unwrap().1.values, 2);
    assert_eq!(decode(&case.bytes("empty.body")).unwrap().1.values, 0);
    assert!(matches!(decode(&case.bytes("gzip_error.body")), Err(Error::GluedError { .. })));
}

#[test]
fn small_answers_are_read_whole() {
    let Some(case) = Case::open("09-metadata") else { return };
    let earliest = read_tables(&case.bytes("earliest.csv")).unwrap();
    assert_eq!(earliest.len(), 1);
    assert!(earliest[0].time(0, "_time").is_some() && earliest[0].long(0, "_time").is_none());
    assert_eq!(earliest[0].time(0, "_time").unwrap().ns(), case.expected().iter().map(|point| point.time).min().unwrap());
    assert_eq!(read_tables(&case.bytes("earliest_empty_bucket.csv")).unwrap(), []);
    let counts = read_tables(&case.bytes("count_by_measurement.csv")).unwrap();
    let total: i64 = counts.iter().map(|table| table.long(0, "_value").unwrap()).sum();
    assert_eq!(usize::try_from(total).unwrap(), case.expected().len());
    assert!(matches!(single_long(&case.bytes("count_by_measurement.csv")), Err(Error::Malformed { .. })));
    assert_eq!(single_long(b"\r\n").unwrap(), None);

    let Some(case) = Case::open("07-type-int-float") else { return };
    let count = single_long(&case.bytes("group_count.csv")).unwrap().unwrap();
    let plain = decode(&case.bytes("plain.csv")).unwrap();
    assert_eq!(u64::try_from(count).unwrap(), plain.1.values);

    let Some(case) = Case::open("05-schema") else { return };
    let tables = read_tables(&case.bytes("all_types_array.csv")).unwrap();
    assert_eq!((tables[0].text(0, "s"), tables[0].double(0, "d"), tables[0].long(0, "l")), (Some("x"), Some(1.5), Some(-1)));
    assert_eq!(tables[0].double(1, "d").map(f64::to_bits), Some((-0.0f64).to_bits()));
    let mut results: Vec<_> = read_tables(&case.bytes("yields.csv")).unwrap().into_iter().map(|table| table.result).collect();
    results.dedup();
    assert_eq!(results.len(), 12);
    let empty = read_tables(&case.bytes("window_create_empty.csv")).unwrap();
    assert_eq!(empty.iter().map(|table| (table.id, table.rows.len())).collect::<Vec<_>>(), [(0, 1), (1, 0), (2, 0), (3, 1), (4, 0), (5, 0)]);

    let Some(case) = Case::open("12-checkpoint") else { return };
    let record = read_tables(&case.bytes("last_stop.csv")).unwrap();
    assert!(record[0].text(0, "_value").is_some());
}
