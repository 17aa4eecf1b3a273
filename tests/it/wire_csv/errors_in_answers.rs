//! Errors that come after HTTP status 200.

use sluice::testing::wire::csv::error::Error;
use sluice::testing::wire::csv::table::read_tables;

use super::golden_answers::{decode, decode_pieces, settings};
use crate::support::golden::{Case, read};

#[test]
fn errors_inside_answers_are_found() {
    let golden = crate::support::golden();
    let clash = "schema collision: cannot group float and string types together";
    let died = "runtime error @2:137-2:237: map: failed to evaluate map function: boom at 2500";
    for (file, message) in [("q_group_collision.csv", clash), ("q_die_second_yield.csv", died)] {
        let bytes = read(&golden.join("errors").join(file));
        let query = |outcome: Option<Error>| match outcome {
            Some(Error::Query { message: found, reference }) => {
                assert_eq!((&*found, &*reference), (message, ""), "{file}");
            }
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
    let case = Case::open("11-transport");
    for file in ["inband_error.body", "inband_error_gzip.body"] {
        assert!(matches!(read_tables(&case.bytes(file)), Err(Error::Query { .. })), "{file}");
    }
    let head = b"#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n";
    let table = [&head[..], b",\"a, \"\"b\"\"\r\nc\",897\r\n"].concat();
    assert_eq!(
        decode(&table).err(),
        Some(Error::Query { message: "a, \"b\"\nc".into(), reference: "897".into() })
    );
    assert!(matches!(decode(head), Err(Error::Incomplete { .. })));
}

#[test]
fn json_glued_behind_rows_is_found_wherever_the_rows_stop() {
    let case = Case::open("03-names-time-value");
    let bytes = case.bytes("plain.csv");
    let begin = bytes.windows(7).position(|window| window == b"{\"code\"").unwrap();
    let (rows, json) = bytes.split_at(begin);
    let glued = |outcome: Option<Error>, at: usize| match outcome {
        Some(Error::GluedError { message }) => {
            assert!(message.starts_with("a panic has occurred: /api/v2/query"), "{message}");
        }
        other => panic!("glued at {at}: {other:?}"),
    };
    for at in 0..=rows.len() {
        let body = [&rows[..at], json].concat();
        glued(decode(&body).err(), at);
        glued(read_tables(&body).err(), at);
        glued(decode_pieces(&settings("_field"), body.chunks(5)).err(), at);
    }
    let newlines = Case::open("02-newlines");
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
