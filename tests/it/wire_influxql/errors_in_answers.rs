//! Errors that come with HTTP status 200, and answers that no server sends.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice::testing::model::catalogue::Catalogue;
use sluice::testing::model::frame::FieldType;
use sluice::testing::model::series::{Name, Series};
use sluice::testing::wire::frames::series_of::SeriesOf;
use sluice::testing::wire::influxql::decoder::{AskedStatement, Format};
use sluice::testing::wire::influxql::error::Error;

use super::{decode, decode_pieces};
use crate::support::golden::read;

fn statement(measurement: &str) -> AskedStatement {
    let types = [
        ("f", FieldType::Float),
        ("i", FieldType::Integer),
        ("u", FieldType::Unsigned),
        ("b", FieldType::Boolean),
        ("s", FieldType::String),
    ];
    let types: BTreeMap<Name, FieldType> =
        types.into_iter().map(|(name, kind)| (name.as_bytes().into(), kind)).collect();
    AskedStatement {
        measurement: measurement.as_bytes().into(),
        types: Arc::new(types),
        series: SeriesOf::Whole,
    }
}

/// The error of an answer, the same however it is cut.
fn error(format: Format, statements: &[AskedStatement], bytes: &[u8]) -> Error {
    let error = decode(format, statements, bytes).map(|_| ()).expect_err("an error");
    for size in [1, 5] {
        let cut = decode_pieces(format, statements, bytes.chunks(size)).map(|_| ());
        assert_eq!(cut, Err(error.clone()), "{}", String::from_utf8_lossy(bytes));
    }
    error
}

fn json_error(text: &str) -> Error {
    error(Format::Json, &[statement("m")], text.as_bytes())
}

/// A result of statement 0 with one series.
fn result(series: &str) -> String {
    format!(r#"{{"results":[{{"statement_id":0,"series":[{{{series}}}]}}]}}"#)
}

fn rows(columns: &str, rows: &str) -> String {
    result(&format!(r#""name":"m","columns":["time",{columns}],"values":[{rows}]"#))
}

#[test]
fn errors_of_the_server_keep_their_words() {
    let golden = crate::support::golden();
    for (file, format, statements, words) in [
        ("i_msgpack_error", Format::MessagePack, 1, "undefined function nosuch()"),
        ("i_msgpack_missing_db", Format::MessagePack, 1, "database not found: nosuch"),
        ("i_missing_db", Format::Json, 1, "database not found: nosuch"),
        ("i_no_db", Format::Json, 1, "database name required"),
        ("i_second_statement_fails", Format::Json, 2, "not executed"),
        ("i_syntax", Format::Json, 1, "failed to parse query: found SELEC"),
    ] {
        let bytes = read(&golden.join("errors").join(file));
        let mut many = statement("many");
        let types = [((*b"f").into(), FieldType::Float)];
        many.types = Arc::new(BTreeMap::from(types));
        let statements = vec![many; statements];
        match error(format, &statements, &bytes) {
            Error::Query { message } => assert!(message.starts_with(words), "{file}: {message}"),
            other => panic!("{file}: {other}"),
        }
    }
}

#[test]
fn an_error_of_the_whole_query_is_one() {
    for text in [
        r#"{"error":"timeout"}"#,
        r#"{"code":"internal error","message":"timeout"}"#,
        r#"{"results":[{"statement_id":-1,"error":"timeout"}]}"#,
        r#"{"results":[{"error":"timeout"}]}"#,
        r#"{"results":[{"statement_id":0,"partial":true}]} {"error":"timeout"}"#,
        r#"{"results":[{"statement_id":0,"series":[{"name":"m","columns":["time","f"],"values":[[1,2]]}],"error":"timeout"}]}"#,
    ] {
        assert_eq!(json_error(text), Error::Query { message: "timeout".into() }, "{text}");
    }
    let packed = b"\x81\xa5error\xa7timeout";
    let outcome = error(Format::MessagePack, &[statement("m")], packed);
    assert_eq!(outcome, Error::Query { message: "timeout".into() });
}

#[test]
fn statements_come_in_order_and_each_to_its_end() {
    let two = [statement("m"), statement("n")];
    let done = |id: usize| format!(r#"{{"results":[{{"statement_id":{id}}}]}}"#);
    let open = |id: usize| format!(r#"{{"results":[{{"statement_id":{id},"partial":true}}]}}"#);
    let outcome = |parts: &[String]| {
        decode(Format::Json, &two, parts.join("\n").as_bytes()).map(|(_, totals)| totals.values)
    };
    assert_eq!(outcome(&[done(0), done(1)]), Ok(0));
    assert_eq!(outcome(&[open(0), open(0), done(0), open(1), done(1)]), Ok(0));
    let both = r#"{"results":[{"statement_id":0},{"statement_id":1}]}"#.to_owned();
    assert_eq!(outcome(&[both]), Ok(0));
    for parts in [&[][..], &[done(0)], &[done(0), open(1)], &[open(0)]] {
        assert!(matches!(outcome(parts), Err(Error::Incomplete { .. })), "{parts:?}");
    }
    for parts in [
        &[done(1), done(0)][..],
        &[open(0), done(1)],
        &[done(0), done(0)],
        &[done(0), done(1), done(1)],
        &[done(0), done(1), done(2)],
        &[done(0), done(1), "x".to_owned()],
        &[done(0), r#"{"results":[{"partial":true}]}"#.to_owned()],
        &["{}".to_owned()],
        &["[]".to_owned()],
        &[r#"{"results":[{}]}"#.to_owned()],
        &[r#"{"results":[{"statement_id":-1,"series":[]}]}"#.to_owned()],
    ] {
        assert!(matches!(outcome(parts), Err(Error::Malformed { .. })), "{parts:?}");
    }
}

#[test]
fn a_series_goes_on_until_its_last_chunk() {
    let part = |host: &str, time: i64, series_partial: &str, partial: &str| {
        format!(
            r#"{{"results":[{{"statement_id":0,"series":[{{"name":"m","tags":{{"host":"{host}"}},"columns":["time","f"],"values":[[{time},1]]{series_partial}}}]{partial}}}]}}"#
        )
    };
    let more = r#","partial":true"#;
    let outcome = |parts: &[String]| {
        decode(Format::Json, &[statement("m")], parts.concat().as_bytes())
            .map(|(_, totals)| (totals.values, totals.tables))
    };
    assert_eq!(
        outcome(&[part("a", 1, more, more), part("a", 2, "", more), part("b", 1, "", "")]),
        Ok((3, 2))
    );
    assert_eq!(
        outcome(&[
            part("a", 1, more, more),
            part("a", 2, r#","partial":false"#, r#","partial":false"#)
        ]),
        Ok((2, 1))
    );
    for parts in [
        &[part("a", 1, more, more), part("b", 1, "", "")][..],
        &[part("a", 1, more, "")],
        &[part("a", 1, more, more), r#"{"results":[{"statement_id":0}]}"#.to_owned()],
    ] {
        assert!(matches!(outcome(parts), Err(Error::Incomplete { .. })), "{parts:?}");
    }
    for time in [1, 2] {
        let parts = [part("a", 2, more, more), part("a", time, "", "")];
        assert!(matches!(outcome(&parts), Err(Error::Malformed { .. })));
    }
}

#[test]
fn values_are_never_cast() {
    for (column, value, expected) in [
        ("i", "1.5", FieldType::Integer),
        ("i", "1e3", FieldType::Integer),
        ("i", "9223372036854775808", FieldType::Integer),
        ("i", "true", FieldType::Integer),
        ("i", "\"1\"", FieldType::Integer),
        ("i", "[]", FieldType::Integer),
        ("u", "-1", FieldType::Unsigned),
        ("u", "18446744073709551616", FieldType::Unsigned),
        ("f", "true", FieldType::Float),
        ("f", "\"NaN\"", FieldType::Float),
        ("f", "1e999", FieldType::Float),
        ("b", "1", FieldType::Boolean),
        ("b", "\"true\"", FieldType::Boolean),
        ("s", "1", FieldType::String),
        ("s", "false", FieldType::String),
        ("s", "{}", FieldType::String),
    ] {
        let error = json_error(&rows(&format!("\"{column}\""), &format!("[1,{value}]")));
        let Error::WrongType { column: found, expected: kind, measurement, .. } = &error else {
            panic!("{column} {value}: {error}");
        };
        assert_eq!((&**found, *kind), (column.as_bytes(), expected));
        assert_eq!(**measurement, *b"m");
    }
    // MessagePack tells more: marks of signed and unsigned integers from 128 on, floats always.
    for (column, value) in [
        ("i", &b"\xcc\x80"[..]),
        ("i", b"\xcd\x01\x00"),
        ("i", b"\xcf\x00\x00\x00\x00\x00\x00\x00\x80"),
        ("i", b"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"),
        ("u", b"\xd1\x01\x00"),
        ("u", b"\xff"),
        ("f", b"\x01"),
        ("f", b"\xd1\x01\x00"),
        ("s", b"\xc3"),
        ("b", b"\xa1x"),
    ] {
        let error = error(Format::MessagePack, &[statement("m")], &packed_row(column, value));
        assert!(matches!(error, Error::WrongType { .. }), "{column}: {error}");
    }
    for bits in [f64::NAN, f64::INFINITY].map(f64::to_bits) {
        let value = [&b"\xcb"[..], &bits.to_be_bytes()].concat();
        let error = error(Format::MessagePack, &[statement("m")], &packed_row("f", &value));
        assert!(matches!(error, Error::NotFinite { .. }), "{error}");
    }
    for value in [&b"\xca\x3f\x80\x00\x00"[..], b"\xc4\x01x", b"\xd5\x00\x00", b"\xc1"] {
        let error = error(Format::MessagePack, &[statement("m")], &packed_row("f", value));
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
}

/// A whole answer with one row: a time and a value.
fn packed_row(column: &str, value: &[u8]) -> Vec<u8> {
    [
        b"\x81\xa7results\x91\x82\xacstatement_id\x00\xa6series\x91\x83\xa4name\xa1m\xa7columns\x92\xa4time\xa1",
        column.as_bytes(),
        b"\xa6values\x91\x92\x01",
        value,
    ]
    .concat()
}

#[test]
fn numbers_come_back_to_the_bit() {
    use crate::support::golden::{Value, flatten};
    for text in [
        "0",
        "-0",
        "1",
        "-1",
        "0.1",
        "1e-7",
        "1.5e+21",
        "5e-324",
        "1.7976931348623157e+308",
        "9007199254740993",
        "0.30000000000000004",
        "123456789012345680000",
        "-1.25e-10",
        "1E5",
    ] {
        let answer = rows("\"f\"", &format!("[1,{text}]"));
        let (frames, _) = decode(Format::Json, &[statement("m")], answer.as_bytes()).unwrap();
        let expected: f64 = text.parse().unwrap();
        assert_eq!(flatten(&frames)[0].value, Value::Float(expected.to_bits()), "{text}");
    }
    let answer = rows(
        "\"i\",\"u\"",
        "[-9223372036854775806,-9223372036854775808,18446744073709551615],[9223372036854775806,9223372036854775807,0]",
    );
    let (frames, totals) = decode(Format::Json, &[statement("m")], answer.as_bytes()).unwrap();
    let values: Vec<_> = flatten(&frames).into_iter().map(|point| point.value).collect();
    assert_eq!(
        values,
        [
            Value::Integer(i64::MIN),
            Value::Integer(i64::MAX),
            Value::Unsigned(u64::MAX),
            Value::Unsigned(0)
        ]
    );
    assert_eq!(totals.values, 4);
}

#[test]
fn columns_tags_and_rows_must_fit() {
    let malformed = |text: &str| {
        let error = json_error(text);
        assert!(matches!(error, Error::Malformed { .. }), "{text}: {error}");
    };
    malformed(&rows("\"i\"", "[1]"));
    malformed(&rows("\"i\"", "[]"));
    malformed(&rows("\"i\"", "[1,2,3]"));
    malformed(&rows("\"i\"", "1"));
    malformed(&rows("\"i\"", "[\"2020-01-01T00:00:00Z\",2]"));
    malformed(&rows("\"i\"", "[1.5,2]"));
    malformed(&rows("\"i\"", "[null,2]"));
    malformed(&rows("\"i\"", "[9223372036854775807,2]"));
    malformed(&rows("\"i\"", "[-9223372036854775807,2]"));
    malformed(&rows("\"i\"", "[2,2],[1,2]"));
    malformed(&rows("\"i\"", "[2,2],[2,2]"));
    malformed(&rows("\"i\",\"i\"", "[2,2,2]"));
    malformed(&rows("\"i\"", "[1,01]"));
    malformed(&rows("\"i\"", "[1,1],"));
    malformed(&rows("\"i\"", "[1,1][2,2]"));
    malformed(&rows("\"i\"", "[1,1.]"));
    malformed(&rows("\"i\"", "[1,+1]"));
    malformed(&rows("\"s\"", "[1,\"a\nb\"]"));
    malformed(&rows("\"s\"", "[1,\"\\x\"]"));
    malformed(&rows("\"s\"", "[1,\"\\ud800\"]"));
    malformed(&rows("\"s\"", "[1,\"\\ud800\\u0041\"]"));
    malformed(&rows("\"s\"", "[1,\"\\u00g0\"]"));
    malformed(&rows("\"s\"", "[1,nul]"));
    malformed(&result(r#""name":"m","columns":[],"values":[]"#));
    malformed(&result(r#""name":"m","columns":["i","time"],"values":[]"#));
    malformed(&result(r#""name":"m","values":[]"#));
    malformed(&result(r#""columns":["time","i"],"values":[]"#));
    malformed(&result(r#""name":"m","columns":["time","i"],"values":[],"values":[]"#));
    malformed(&result(r#""name":"m","columns":["time","i"],"values":[],"tags":{}"#));
    malformed(&result(r#""name":"m","tags":{"a":"1","a":"2"},"columns":["time","i"],"values":[]"#));
    malformed(&result(r#""name":"m","tags":{"a":1},"columns":["time","i"],"values":[]"#));
    malformed(&result(r#""name":"m","strange":1,"columns":["time","i"],"values":[]"#));
    malformed(r#"{"results":[{"series":[],"statement_id":0}]}"#);
    malformed("<html>");
    let deep = "[".repeat(40);
    malformed(&format!(r#"{{"results":[{{"statement_id":0,"messages":{deep}"#));
    assert!(matches!(
        json_error(&rows("\"nosuch\"", "[1,1]")),
        Error::UnknownColumn { column, .. } if *column == *b"nosuch"
    ));
    assert!(matches!(
        json_error(&result(r#""name":"n","columns":["time","i"],"values":[]"#)),
        Error::WrongMeasurement { found, .. } if *found == *b"n"
    ));
}

#[test]
fn remarks_of_the_server_and_white_space_are_passed_over() {
    let text = "\n {\"results\" : [ {\"statement_id\": 0, \"messages\": [ {\"level\": \"warning\", \"text\": \"x\"}, [[]] ],\t\
                \"series\": [ {\"name\": \"m\", \"columns\": [ \"time\", \"i\" ], \"values\": [ [ 1 , 2 ], [3,4] ] } ] } ] } \r\n";
    let (_, totals) = decode(Format::Json, &[statement("m")], text.as_bytes()).unwrap();
    assert_eq!((totals.values, totals.bytes), (2, text.len() as u64));
}

#[test]
fn texts_that_json_changed_are_refused() {
    for (text, place) in [
        (rows("\"s\"", "[1,\"a\\ufffd\"]"), "a value of the field s"),
        (rows("\"s\"", "[1,\"a\u{fffd}\"]"), "a value of the field s"),
        (rows("\"s\u{fffd}\"", "[1,null]"), "a field s"),
        (
            result(r#""name":"m","tags":{"k":"\ufffd"},"columns":["time"],"values":[]"#),
            "a value of the tag k",
        ),
        (result(r#""name":"m","tags":{"k\ufffd":"x"},"columns":["time"],"values":[]"#), "a tag k"),
    ] {
        let error = json_error(&text);
        assert!(matches!(error, Error::NotExact { .. }), "{text}: {error}");
        assert!(error.to_string().contains(place), "{error}");
    }
}

#[test]
fn keys_must_be_those_of_the_catalogue() {
    let tag = |key: &str, value: &str| (key.as_bytes().into(), value.as_bytes().into());
    let all = [
        Series::new(*b"m", [tag("a", "1"), tag("b", "1"), tag("c", "x")]),
        Series::new(*b"m", [tag("a", "1"), tag("c", "x")]),
        Series::new(*b"m", [tag("a", "2"), tag("c", "x")]),
    ];
    let catalogue = Arc::new(Catalogue::new(all));
    assert_eq!(catalogue.keys(), [(*b"a").into(), (*b"b").into()]);
    let series = SeriesOf::Keyed { measurement: (*b"m").into(), catalogue };
    let statements = [AskedStatement { series, ..statement("m") }];
    let outcome = |tags: &str| {
        let text = result(&format!(r#""name":"m"{tags},"columns":["time","i"],"values":[[1,1]]"#));
        decode(Format::Json, &statements, text.as_bytes())
            .map(|(frames, _)| frames[0].runs[0].series.to_string())
    };
    assert_eq!(outcome(r#","tags":{"b":"1","a":"1"}"#), Ok("m,a=1,b=1,c=x".to_owned()));
    assert_eq!(outcome(r#","tags":{"b":"","a":"2"}"#), Ok("m,a=2,c=x".to_owned()));
    let unknown = outcome(r#","tags":{"b":"1","a":"2"}"#).unwrap_err();
    assert!(matches!(&unknown, Error::UnknownSeries(found) if found.tags.len() == 2));
    assert_eq!(
        unknown.to_string(),
        "measurement m has a series that was not there when the series were listed: a=2,b=1"
    );
    for tags in ["", r#","tags":{"a":"1"}"#, r#","tags":{"a":"1","b":"1","c":"x"}"#] {
        assert!(matches!(outcome(tags), Err(Error::Malformed { .. })), "{tags}");
    }
}
