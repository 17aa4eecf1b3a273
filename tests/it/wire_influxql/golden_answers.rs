//! The golden answers of OSS 2.9.1.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;

use sluice::testing::model::series::Name;
use sluice::testing::model::time::Timestamp;
use sluice::testing::wire::influxql::decoder::{AskedStatement, Format};
use sluice::testing::wire::influxql::error::Error;

use super::{decode, decode_pieces, statement};
use crate::support::golden::{Case, Point, flatten};

/// Cases whose answer by one statement for each measurement is exact.
const EXACT: [&str; 16] = [
    "01-strings",
    "01-types",
    "02-newlines",
    "03-names",
    "03-names-long",
    "03-names-reserved",
    "03-names-start-stop",
    "03-names-tag-is-field",
    "03-names-time-value",
    "04-duplicates",
    "04-times",
    "05-schema",
    "06-nulls",
    "08-sensors",
    "09-metadata",
    "03-names-utf8",
];

/// Answers as JSON that hold one measurement, and so are exact.
const JSON: [(&str, &str); 8] = [
    ("01-strings", "influxql.json"),
    ("01-types", "influxql.json"),
    ("03-names-start-stop", "influxql.json"),
    ("04-duplicates", "influxql.json"),
    ("04-times", "influxql.json"),
    ("05-schema", "influxql_one.json"),
    ("08-sensors", "influxql.json"),
    ("12-checkpoint", "influxql.json"),
];

/// The measurements that the request of a file asks for, in their order.
fn measurements(case: &Case, file: &str) -> Vec<Name> {
    let json = case.json();
    let requests = json["requests"].as_array().unwrap();
    let request = requests.iter().find(|request| request["response_file"] == file).unwrap();
    let path = request["path"].as_str().unwrap();
    let query = path.split(['?', '&']).find_map(|part| part.strip_prefix("q=")).unwrap();
    let query = percent_decoded(query);
    let mut names = Vec::new();
    let mut rest = &query[..];
    while let Some(at) = rest.windows(6).position(|window| window == b"FROM \"") {
        rest = &rest[at + 6..];
        let mut name = Vec::new();
        loop {
            let (byte, after) = rest.split_first().unwrap();
            rest = after;
            match byte {
                b'"' => break,
                b'\\' => {
                    name.push(if rest[0] == b'n' { b'\n' } else { rest[0] });
                    rest = &rest[1..];
                }
                _ => name.push(*byte),
            }
        }
        names.push(name.into());
    }
    names
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        let mut digit = || char::from(bytes.next().unwrap()).to_digit(16).unwrap();
        plain.push(if byte == b'%' { u8::try_from(digit() * 16 + digit()).unwrap() } else { byte });
    }
    plain
}

/// Holds an answer against what it must give, at once and cut in every way.
fn check(
    name: &str,
    format: Format,
    statements: &[AskedStatement],
    bytes: &[u8],
    expected: &[Point],
) {
    let (frames, totals) =
        decode(format, statements, bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(flatten(&frames), expected, "{name}");
    assert_eq!(totals.values, expected.len() as u64);
    assert_eq!(totals.bytes, bytes.len() as u64);
    assert_eq!(totals.time_min.map(Timestamp::ns), expected.iter().map(|point| point.time).min());
    assert_eq!(totals.time_max.map(Timestamp::ns), expected.iter().map(|point| point.time).max());
    for (statement, values) in statements.iter().zip(&totals.values_by_statement) {
        let own = |point: &&Point| point.series.measurement == statement.measurement;
        assert_eq!(*values, expected.iter().filter(own).count() as u64, "{name}");
    }
    let same = |pieces: Vec<&[u8]>, what: &str| {
        let (cut, cut_totals) = decode_pieces(format, statements, pieces)
            .unwrap_or_else(|error| panic!("{name} {what}: {error}"));
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
        // The line end behind the last JSON document may be missing.
        let end = bytes.len() - usize::from(format == Format::Json);
        for at in 0..end {
            let outcome = decode(format, statements, &bytes[..at]).map(|_| ());
            assert!(
                matches!(outcome, Err(Error::Incomplete { .. })),
                "{name} ends at {at}: {outcome:?}"
            );
        }
    }
}

#[test]
fn answers_are_exact_however_they_are_cut() {
    for name in EXACT {
        let case = Case::open(name);
        let file = "influxql_each.msgpack";
        let names = measurements(&case, file);
        // No statement reaches a measurement whose name is not UTF-8.
        let is_read = |point: &Point| std::str::from_utf8(&point.series.measurement).is_ok();
        let expected: Vec<_> = case.expected().into_iter().filter(is_read).collect();
        let statements: Vec<_> = names.iter().map(|name| statement(name, &expected)).collect();
        assert!(!statements.is_empty(), "{name}");
        check(name, Format::MessagePack, &statements, &case.bytes(file), &expected);
    }
}

#[test]
fn json_answers_are_exact_however_they_are_cut() {
    for (name, file) in JSON {
        let case = Case::open(name);
        let mut expected = case.expected();
        if name == "05-schema" {
            expected.retain(|point| *point.series.measurement == *b"sparse");
        }
        let measurement = expected[0].series.measurement.clone();
        let statements = [statement(&measurement, &expected)];
        check(name, Format::Json, &statements, &case.bytes(file), &expected);
    }
}

#[test]
fn chunked_answers_are_exact() {
    let case = Case::open("08-sensors");
    let expected = case.expected();
    let statements = [statement(b"airSensors", &expected)];
    let bytes = case.bytes("influxql_chunked.msgpack");
    check("sensors", Format::MessagePack, &statements, &bytes, &expected);
    let (frames, totals) = decode(Format::MessagePack, &statements, &bytes).unwrap();
    assert_eq!((totals.rows, totals.tables), (1_200, 8));
    assert_eq!((frames.len(), frames[0].runs.len(), frames[0].fields.len()), (1, 8, 3));
    // At the end of each document before the last one the answer looks whole and is not.
    let ends = memchr::memmem::find_iter(&bytes, b"partial\xc3\x81").map(|at| at + 8);
    let mut cuts = 0;
    for end in ends {
        let cut = decode(Format::MessagePack, &statements, &bytes[..end]).map(|_| ());
        assert!(matches!(cut, Err(Error::Incomplete { .. })), "{cut:?}");
        cuts += 1;
    }
    assert_eq!(cuts, 15, "chunks of 100 rows");

    let case = Case::open("11-transport");
    let plain = crate::wire_csv::decode_plain(&case.bytes("plain.body"));
    let statements = [statement(b"cpu", &plain)];
    for (file, format) in [
        ("influxql_chunked_msgpack.body", Format::MessagePack),
        ("influxql_chunked_msgpack_gzip.body", Format::MessagePack),
        ("influxql_msgpack_gzip.body", Format::MessagePack),
        ("influxql_json.body", Format::Json),
    ] {
        check(file, format, &statements, &case.bytes(file), &plain);
    }
}

#[test]
fn type_changes_by_shard_stay_exact_inside_a_shard() {
    for (name, shards) in
        [("07-type-int-float", 2), ("07-type-int-float-string", 3), ("07-type-bool-uint-int", 4)]
    {
        let case = Case::open(name);
        let mut expected = case.expected();
        expected.retain(|point| *point.series.measurement == *b"m");
        let mut found = Vec::new();
        for shard in 0..shards {
            const WEEK_NS: i64 = 7 * 86_400_000_000_000;
            let start = "2020-01-06".parse::<Timestamp>().unwrap().ns() + shard * WEEK_NS;
            let own: Vec<_> = expected
                .iter()
                .filter(|point| (start..start + WEEK_NS).contains(&point.time))
                .cloned()
                .collect();
            let statements = [statement(b"m", &own)];
            for (file, format) in [("msgpack", Format::MessagePack), ("json", Format::Json)] {
                let bytes = case.bytes(&format!("influxql_shard{shard}.{file}"));
                check(name, format, &statements, &bytes, &own);
            }
            found.extend(own);
        }
        assert_eq!(found.len(), expected.len(), "{name}");
    }
}

/// Across shards the server casts. What it casts to another kind of value is seen; what it leaves out, and an unsigned
/// value that it wraps round, is not: such fields are read shard by shard.
#[test]
fn values_cast_by_the_server_are_refused() {
    let case = Case::open("07-type-int-float");
    let expected = case.expected();
    let statements = [statement(b"clean", &expected), statement(b"m", &expected)];
    let mut types = (*statements[1].types).clone();
    types.insert((*b"v").into(), sluice::testing::model::frame::FieldType::Integer);
    let as_first =
        [statements[0].clone(), AskedStatement { types: types.into(), ..statements[1].clone() }];
    let bytes = case.bytes("influxql_each.msgpack");
    let outcome = decode(Format::MessagePack, &as_first, &bytes).map(|_| ());
    assert!(matches!(outcome, Err(Error::WrongType { .. })), "{outcome:?}");
}

#[test]
fn answers_about_several_measurements_are_refused() {
    for name in ["03-names", "05-schema", "06-nulls", "09-metadata"] {
        let case = Case::open(name);
        let expected = case.expected();
        let names: BTreeSet<_> = expected.iter().map(|point| &point.series.measurement).collect();
        let first = names.first().unwrap();
        for (file, format) in
            [("influxql.msgpack", Format::MessagePack), ("influxql.json", Format::Json)]
        {
            let statements = [statement(first, &expected)];
            let outcome = decode(format, &statements, &case.bytes(file)).map(|_| ());
            assert!(
                matches!(
                    outcome,
                    Err(Error::WrongMeasurement { .. } | Error::UnknownColumn { .. })
                ),
                "{name}: {outcome:?}"
            );
        }
    }
}

#[test]
fn bytes_that_json_cannot_carry_are_seen() {
    let case = Case::open("03-names-utf8");
    let expected = case.expected();
    let statements = [statement(b"u", &expected)];
    let outcome = decode(Format::Json, &statements, &case.bytes("influxql.json")).map(|_| ());
    assert!(matches!(outcome, Err(Error::NotExact { .. })), "{outcome:?}");
}

#[test]
fn empty_statements_and_answers_are_complete() {
    let case = Case::open("05-schema");
    let expected = case.expected();
    for (file, format) in
        [("influxql_empty.json", Format::Json), ("influxql_empty.msgpack", Format::MessagePack)]
    {
        let statements = [statement(b"nosuch", &expected)];
        check(file, format, &statements, &case.bytes(file), &[]);
    }
    // A statement without `GROUP BY *` has tags for columns: no field has such a name.
    let statements = [&b"meas01"[..], b"nosuch", b"meas02"].map(|name| statement(name, &expected));
    let bytes = case.bytes("influxql_two_statements.msgpack");
    let outcome = decode(Format::MessagePack, &statements, &bytes).map(|_| ());
    assert!(matches!(outcome, Err(Error::UnknownColumn { .. })), "{outcome:?}");
}

#[test]
fn times_in_other_units_are_refused() {
    let case = Case::open("04-times");
    let statements = [statement(b"t", &case.expected())];
    let outcome =
        decode(Format::Json, &statements, &case.bytes("influxql_rfc3339.json")).map(|_| ());
    assert!(matches!(outcome, Err(Error::Malformed { .. })), "{outcome:?}");
}
