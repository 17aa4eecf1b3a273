//! Pivoted answers: all fields of one time in a row, rows in any order.

use std::sync::Arc;

use arrow::array::cast::AsArray as _;
use arrow::datatypes::TimestampNanosecondType;
use proptest::prelude::*;
use sluice::testing::limits;
use sluice::testing::model::catalogue::Catalogue;
use sluice::testing::model::frame::FieldType;
use sluice::testing::model::series::{Name, Series};
use sluice::testing::model::time::Timestamp;
use sluice::testing::wire::csv::decoder::{CsvDecoderSettings, Form as Layout};
use sluice::testing::wire::csv::error::Error;

use super::golden_answers::{decode_pieces, settings};
use super::keyed_answers::keyed;
use super::writer::{Form, write_pivoted};
use crate::support::golden::{Case, flatten};
use crate::support::random::{Content, Letters, content, cut};

const KINDS: &[FieldType] =
    &[FieldType::Float, FieldType::Integer, FieldType::Unsigned, FieldType::Boolean];

fn whole() -> CsvDecoderSettings {
    CsvDecoderSettings { form: Layout::Pivoted, ..settings("") }
}

fn keyed_pivot(measurement: &Name, catalogue: &Arc<Catalogue>) -> CsvDecoderSettings {
    CsvDecoderSettings { form: Layout::Pivoted, ..keyed(measurement, catalogue) }
}

fn form(keys: Option<Vec<Name>>, shuffle: u64, wide: bool, bounds: bool) -> Form {
    Form { field_label: "", bounds, shuffle, wide, keys }
}

/// A field named like a tag breaks pivot on the server; so do names of columns that it has itself.
fn can_be_pivoted(content: &Content) -> bool {
    let tags = content.tag_keys();
    content.types.keys().all(|field| !tags.contains(field))
}

#[test]
fn golden_answers_are_exact_however_they_are_cut() {
    for name in ["08-sensors", "07-type-int-float"] {
        let case = Case::open(name);
        let bytes = case.bytes("pivot.csv");
        let (frames, totals) = decode_pieces(&whole(), [&bytes[..]]).unwrap();
        let mut expected = case.expected();
        if name != "08-sensors" {
            // Read across shards: of the field that changes its type only the first one is there.
            expected = crate::wire_csv::decode_plain(&case.bytes("plain.csv"));
        }
        assert_eq!(flatten(&frames), expected, "{name}");
        assert_eq!(totals.values, expected.len() as u64);
        assert_eq!(totals.time_min.map(Timestamp::ns), expected.iter().map(|p| p.time).min());
        assert_eq!(totals.time_max.map(Timestamp::ns), expected.iter().map(|p| p.time).max());
        for size in [1, 3, 64, 4_096] {
            let cut = decode_pieces(&whole(), bytes.chunks(size)).unwrap();
            assert_eq!((flatten(&cut.0), &cut.1), (expected.clone(), &totals));
        }
    }
    let case = Case::open("04-times");
    let (frames, _) = decode_pieces(&whole(), [&case.bytes("pivot.csv")[..]]).unwrap();
    let mut expected = case.expected();
    expected.retain(|point| point.time != i64::MAX - 1);
    assert_eq!(flatten(&frames), expected);
}

#[test]
fn golden_rows_out_of_order_are_sorted() {
    let case = Case::open("06-nulls");
    let file = case.bytes("pivot.csv");
    // The tables of measurement q hold no strings.
    let text = String::from_utf8(file).unwrap();
    let blocks: Vec<_> = text.split("\r\n\r\n").filter(|block| block.contains(",q,")).collect();
    assert!(!blocks.is_empty());
    let body = blocks.join("\r\n\r\n") + "\r\n\r\n";
    let (frames, totals) = decode_pieces(&whole(), [body.as_bytes()]).unwrap();
    let mut expected = case.expected();
    expected.retain(|point| *point.series.measurement == *b"q");
    assert_eq!(flatten(&frames), expected);
    assert_eq!((totals.rows, totals.values), (5, 6));
}

#[test]
fn strings_are_refused() {
    for name in
        ["01-strings", "01-types", "02-newlines", "06-nulls", "09-metadata", "12-checkpoint"]
    {
        let case = Case::open(name);
        let outcome = decode_pieces(&whole(), [&case.bytes("pivot.csv")[..]]).map(|_| ());
        assert!(matches!(outcome, Err(Error::StringUnderPivot { .. })), "{name}: {outcome:?}");
    }
    let case = Case::open("03-names-control");
    let outcome = decode_pieces(&whole(), [&case.bytes("pivot.csv")[..]]).map(|_| ());
    assert!(matches!(outcome, Err(Error::LostName { .. })), "{outcome:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_in_any_order_of_rows(
        content in content(b"m,\"\n", Letters::NoCarriageReturn, KINDS).prop_filter("pivot", can_be_pivoted),
        shuffle in prop_oneof![Just(0), any::<u64>()],
        wide in any::<bool>(),
        bounds in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let body = write_pivoted(&content, &form(None, shuffle, wide, bounds));
        let by_all = decode_pieces(&whole(), cut(&body, &cuts)).unwrap();
        prop_assert_eq!(flatten(&by_all.0), content.points());
        prop_assert_eq!(by_all.1.rows, content.rows());
        prop_assert_eq!(by_all.1.tables, content.series.len() as u64);
        let bytewise = decode_pieces(&whole(), body.chunks(1)).unwrap();
        prop_assert_eq!(bytewise.1, by_all.1);
        let catalogue = Arc::new(content.catalogue());
        let body = write_pivoted(&content, &form(Some(catalogue.keys().to_vec()), shuffle, wide, false));
        let by_key = decode_pieces(&keyed_pivot(&content.measurement, &catalogue), [&body[..]]).unwrap();
        prop_assert_eq!(flatten(&by_key.0), content.points());
    }

    #[test]
    fn damage_gives_the_same_outcome_however_it_is_cut(
        content in content(b"m", Letters::NoCarriageReturn, KINDS).prop_filter("pivot", can_be_pivoted),
        shuffle in prop_oneof![Just(0), any::<u64>()],
        place in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"\"\r\n,x0{#".to_vec()),
        remove in 0usize..3,
    ) {
        let mut body = write_pivoted(&content, &form(None, shuffle, false, false));
        let at = place.index(body.len());
        body.splice(at..body.len().min(at + remove), [byte]);
        let outcome = |pieces: Vec<&[u8]>| {
            decode_pieces(&whole(), pieces).map(|(frames, totals)| (flatten(&frames), totals))
        };
        let at_once = outcome(vec![&body]);
        prop_assert_eq!(&outcome(body.chunks(1).collect()), &at_once);
        prop_assert_eq!(&outcome(body.chunks(37).collect()), &at_once);
    }

    #[test]
    fn a_prefix_never_passes_but_at_a_blank_line(
        content in content(b"m", Letters::NoCarriageReturn, KINDS).prop_filter("pivot", can_be_pivoted),
        end in any::<prop::sample::Index>(),
    ) {
        let body = write_pivoted(&content, &form(None, 0, false, false));
        let end = end.index(body.len());
        let outcome = decode_pieces(&whole(), [&body[..end]]);
        prop_assert!(outcome.is_err() || body[..end].ends_with(b"\r\n\r\n"));
    }
}

/// A pivoted answer with these rows of two fields.
fn answer(rows: &str) -> String {
    format!(
        "#datatype,string,long,dateTime:RFC3339,string,string,long,double\r\n#group,false,false,false,true,true,false,false\r\n\
         #default,_result,,,,,,\r\n,result,table,_time,_measurement,host,f,g\r\n{rows}\r\n"
    )
}

#[test]
fn rows_without_values_are_none_and_odd_rows_are_refused() {
    let row = |second: &str, rest: &str| format!(",,0,1970-01-01T00:00:{second}Z,m,a,{rest}\r\n");
    let good =
        [row("02", "1,2.5"), row("01", ","), row("00", "7,"), row("03", ",4"), row("04", ",")];
    let body = answer(&good.concat());
    let (frames, totals) = decode_pieces(&whole(), [body.as_bytes()]).unwrap();
    assert_eq!((totals.values, totals.rows), (4, 3));
    assert_eq!(totals.time_min.map(Timestamp::ns), Some(0));
    assert_eq!(totals.time_max.map(Timestamp::ns), Some(3_000_000_000));
    assert_eq!(flatten(&frames).len(), 4);
    let empty = answer(&[row("02", ","), row("01", ",")].concat());
    let (frames, totals) = decode_pieces(&whole(), [empty.as_bytes()]).unwrap();
    assert_eq!((frames.len(), totals.values, totals.time_min), (0, 0, None));
    for bad in [
        row("02", "1.5,2"),
        row("02", "x,2"),
        row("02", "\"1\",2"),
        row("02", "1"),
        row("02", "1,2,3"),
        row("60", "1,2"),
        row("02", "1,NaN"),
        row("02", "1,2") + &row("01", "1,2") + &row("02", "3,4"),
        row("02", "1,2") + &row("02", "1,2"),
        row("02", "1,2") + &row("03", "1,2").replace(",a,", ",b,"),
        row("02", "1,2").replace(",,0,", ",,x,"),
        row("02", "1,2").replace(",m,", ",,"),
    ] {
        let body = answer(&bad);
        let outcome = decode_pieces(&whole(), [body.as_bytes()]).map(|_| ());
        assert!(outcome.is_err(), "{bad}");
        assert_eq!(decode_pieces(&whole(), body.as_bytes().chunks(1)).map(|_| ()), outcome);
    }
    for (from, to) in [
        ("_measurement,", "_field,"),
        ("double", "string"),
        ("double", "dateTime:RFC3339"),
        (",f,g", ",f,f"),
        (",f,g", ",f,"),
        (",f,g", ",f,\"g\""),
        ("_time", "_tim"),
    ] {
        let body = answer(&row("02", "1,2")).replace(from, to);
        assert!(decode_pieces(&whole(), [body.as_bytes()]).is_err(), "{to}");
    }
}

#[test]
fn a_time_twice_under_a_key_is_an_error_of_its_own() {
    let series = Series::new(*b"m", [((*b"host").into(), (*b"a").into())]);
    let catalogue = Arc::new(Catalogue::new([series]));
    let settings = keyed_pivot(&(*b"m").into(), &catalogue);
    let body = "#datatype,string,long,dateTime:RFC3339,long\r\n#group,false,false,false,false\r\n#default,_result,,,\r\n\
                ,result,table,_time,f\r\n,,0,1970-01-01T00:00:02Z,1\r\n,,0,1970-01-01T00:00:02Z,2\r\n\r\n";
    let error = decode_pieces(&settings, [body.as_bytes()]).unwrap_err();
    assert!(
        matches!(&error, Error::KeyNotUnique(found) if found.time_ns == 2_000_000_000),
        "{error}"
    );
}

#[test]
fn a_table_beyond_the_bound_is_handed_on_in_parts() {
    const FIELDS: usize = 64;
    let rows = limits::MERGE_VALUES_MAX / FIELDS + 1_000;
    let mut body = [
        format!("#datatype,string,long,dateTime:RFC3339,string{}\r\n", ",boolean".repeat(FIELDS)),
        format!("#group,false,false,false,true{}\r\n", ",false".repeat(FIELDS)),
        format!("#default,_result,,,{}\r\n", ",".repeat(FIELDS)),
        format!(
            ",result,table,_time,_measurement,{}\r\n",
            (0..FIELDS).map(|at| format!("f{at}")).collect::<Vec<_>>().join(",")
        ),
    ]
    .concat();
    // From the latest time to the earliest.
    for row in (0..i64::try_from(rows).unwrap()).rev() {
        let time = Timestamp::from_ns(row * 1_000_000_000);
        body.push_str(&format!(",,0,{time},m{}\r\n", ",true".repeat(FIELDS)));
    }
    body.push_str("\r\n");
    let (frames, totals) =
        decode_pieces(&whole(), body.as_bytes().chunks(limits::DECODE_STEP_BYTES_MAX)).unwrap();
    assert_eq!((totals.rows, totals.values), (rows as u64, (rows * FIELDS) as u64));
    assert!(frames.iter().all(|frame| frame.rows() <= limits::FRAME_ROWS_MAX));
    let mut times = Vec::new();
    for frame in &frames {
        let column = frame.batch.column(0).as_primitive::<TimestampNanosecondType>().values();
        assert!(frame.runs.len() < 3);
        times.extend(column.iter().copied());
    }
    times.sort_unstable();
    times.dedup();
    assert_eq!(times.len(), rows);
}
