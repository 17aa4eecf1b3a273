//! Random answers: awkward names and values, sparse fields, every type, columns in any order, cut and damaged.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sluice::testing::limits;
use sluice::testing::model::frame::{FieldType, Frame};
use sluice::testing::model::series::{Name, Series};
use sluice::testing::wire::csv::table::read_tables;

use super::golden_answers::{decode_pieces, settings};
use super::writer::{Form, Table, write};
use crate::support::golden::{Point, Value, flatten};
use crate::support::random::cut;

const MEASUREMENTS: [&[u8]; 6] =
    [b"m", b"a,\"b\"", b"#datatype", b"{\"code\":\"x\"}", b" \xfe\n", b"error"];
const TAG_KEYS: [&[u8]; 8] =
    [b"host", b"result", b"table", b"error", b"q\"t,", b"l\nf", b"#x", b"\xff"];
const FIELDS: [&[u8]; 7] = [b"a", b"b", b"_value,", b"reference", b"\xc3", b"z\n", b"~f"];
const KINDS: [FieldType; 5] = [
    FieldType::Float,
    FieldType::Integer,
    FieldType::Unsigned,
    FieldType::Boolean,
    FieldType::String,
];

fn awkward() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::sample::select(b"ab,\"\n #\\.{}:\xc3\xa9\xff\x00".to_vec());
    prop::collection::vec(bytes, 0..6)
}

fn value(kind: FieldType) -> BoxedStrategy<Value> {
    match kind {
        FieldType::Float => {
            prop_oneof![any::<f64>(), (-100i32..100).prop_map(|n| f64::from(n) / 4.0)]
                .prop_filter("InfluxDB stores finite numbers", |value| value.is_finite())
                .prop_map(|value| Value::Float(value.to_bits()))
                .boxed()
        }
        FieldType::Integer => prop_oneof![any::<i64>(), -9i64..9].prop_map(Value::Integer).boxed(),
        FieldType::Unsigned => prop_oneof![any::<u64>(), 0u64..9].prop_map(Value::Unsigned).boxed(),
        FieldType::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        FieldType::String => awkward().prop_map(|text| Value::Text(text.into())).boxed(),
    }
}

fn series() -> impl Strategy<Value = Series> {
    let tag = (
        prop::sample::select(TAG_KEYS.to_vec()),
        awkward().prop_filter("no tag is empty", |value| !value.is_empty()),
    );
    (prop::sample::select(MEASUREMENTS.to_vec()), prop::collection::btree_map(tag.0, tag.1, 0..4))
        .prop_map(|(measurement, tags)| {
            Series::new(
                measurement,
                tags.into_iter().map(|(key, value)| (key.into(), value.into())),
            )
        })
}

/// Rows of one table: from one shared ladder of times, so that fields meet often.
fn rows(kind: FieldType) -> impl Strategy<Value = Vec<(i64, Value)>> {
    let time = prop_oneof![
        8 => (0i64..12).prop_map(|step| 1_577_836_800_000_000_000 + step * 10_000_000_000),
        1 => -2i64..2,
        1 => (i64::MIN + 2)..i64::MAX - 1,
    ];
    prop::collection::btree_map(time, value(kind), 1..14)
        .prop_map(|rows| rows.into_iter().collect())
}

/// Tables in the server's order: series by series, field by field; a field may come in two types.
fn tables() -> impl Strategy<Value = Vec<Table>> {
    let field = (prop::sample::select(FIELDS.to_vec()), prop::sample::select(KINDS.to_vec()));
    let fields = prop::collection::btree_set((field.0, field.1), 1..5).prop_flat_map(|fields| {
        fields
            .into_iter()
            .map(|(field, kind)| rows(kind).prop_map(move |rows| (field, kind, rows)))
            .collect::<Vec<_>>()
    });
    prop::collection::btree_map(series(), fields, 0..6).prop_map(|all| {
        let table = |series: &Series, (field, kind, rows): (&[u8], _, _)| Table {
            series: series.clone(),
            field: field.into(),
            kind,
            rows,
        };
        all.into_iter()
            .flat_map(|(series, fields)| fields.into_iter().map(move |field| table(&series, field)))
            .collect()
    })
}

fn form() -> impl Strategy<Value = Form> {
    let label = prop::sample::select(vec!["_field", "\u{10FFFF}~f"]);
    (label, any::<bool>(), prop_oneof![Just(0), any::<u64>()], any::<bool>()).prop_map(
        |(field_label, bounds, shuffle, wide)| Form {
            field_label,
            bounds,
            shuffle,
            wide,
            keys: None,
        },
    )
}

fn truth(tables: &[Table]) -> Vec<Point> {
    let point = |table: &Table, (time, value): &(i64, Value)| Point {
        series: table.series.clone(),
        field: table.field.clone(),
        time: *time,
        value: value.clone(),
    };
    let mut points: Vec<_> =
        tables.iter().flat_map(|table| table.rows.iter().map(|row| point(table, row))).collect();
    points.sort();
    points
}

fn cells_of(frames: &[Frame]) -> Vec<(usize, u64)> {
    frames.iter().map(|frame| (frame.rows() * frame.fields.len(), frame.values)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(tables in tables(), form in form(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let body = write(&tables, &form);
        let (frames, totals) = decode_pieces(&settings(form.field_label), cut(&body, &cuts)).unwrap();
        prop_assert_eq!(flatten(&frames), truth(&tables));
        prop_assert_eq!(totals.tables, tables.len() as u64);
        prop_assert!(totals.suspects.is_empty());
        let rows: usize = read_tables(&body).unwrap().iter().map(|table| table.rows.len()).sum();
        prop_assert_eq!(rows as u64, totals.values);
    }

    #[test]
    fn tables_in_any_order_lose_nothing(tables in tables().prop_shuffle(), form in form()) {
        let body = write(&tables, &form);
        let (frames, _) = decode_pieces(&settings(form.field_label), [&body[..]]).unwrap();
        prop_assert_eq!(flatten(&frames), truth(&tables));
    }

    #[test]
    fn fields_merge_into_one_row_for_each_time(tables in tables(), form in form()) {
        // One type for each field of a series: otherwise it cannot be one row.
        let mut seen = BTreeSet::new();
        let tables: Vec<_> = tables.into_iter().filter(|table| seen.insert((table.series.clone(), table.field.clone()))).collect();
        let mut merged: BTreeMap<(Series, i64), BTreeSet<Name>> = BTreeMap::new();
        for table in &tables {
            for (time, _) in &table.rows {
                merged.entry((table.series.clone(), *time)).or_default().insert(table.field.clone());
            }
        }
        let (frames, totals) = decode_pieces(&settings(form.field_label), [&write(&tables, &form)[..]]).unwrap();
        prop_assert_eq!(totals.rows, merged.len() as u64);
        prop_assert_eq!(totals.values, merged.values().map(|fields| fields.len() as u64).sum::<u64>());
        drop(frames);
    }

    #[test]
    fn damage_gives_the_same_outcome_however_it_is_cut(
        tables in tables(),
        form in form(),
        place in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"\"\r\n,x0{#".to_vec()),
        remove in 0usize..3,
    ) {
        let mut body = write(&tables, &form);
        let at = place.index(body.len());
        body.splice(at..body.len().min(at + remove), [byte]);
        let outcome = |pieces: Vec<&[u8]>| {
            decode_pieces(&settings(form.field_label), pieces).map(|(frames, totals)| (flatten(&frames), totals))
        };
        let whole = outcome(vec![&body]);
        prop_assert_eq!(&outcome(body.chunks(1).collect()), &whole);
        prop_assert_eq!(&outcome(body.chunks(37).collect()), &whole);
    }

    #[test]
    fn a_prefix_never_passes_but_at_a_blank_line(tables in tables(), form in form(), end in any::<prop::sample::Index>()) {
        let body = write(&tables, &form);
        let end = end.index(body.len());
        let outcome = decode_pieces(&settings(form.field_label), [&body[..end]]);
        prop_assert!(outcome.is_err() || end == 2 && tables.is_empty() || body[..end].ends_with(b"\r\n\r\n"));
    }
}

fn long_table(series: &Series, field: &[u8], start: i64, step: i64, rows: i64) -> Table {
    let rows = (0..rows).map(|row| (start + row * step, Value::Integer(row))).collect();
    Table { series: series.clone(), field: field.into(), kind: FieldType::Integer, rows }
}

const SERVER: Form = Form { field_label: "~f", bounds: false, shuffle: 0, wide: false, keys: None };

#[test]
fn frames_keep_their_bounds() {
    let series =
        |host: i64| Series::new(*b"m", [((*b"host").into(), host.to_string().into_bytes().into())]);
    let tables: Vec<_> = (0..40)
        .flat_map(|host| {
            [&b"f"[..], b"g"].map(|field| long_table(&series(host), field, 0, 1_000, 1_000))
        })
        .chain([long_table(&series(99), b"f", 0, 1_000, 150_000)])
        .collect();
    let (frames, totals) = decode_pieces(&settings("~f"), [&write(&tables, &SERVER)[..]]).unwrap();
    assert_eq!(totals.rows, 40_000 + 150_000);
    assert!(frames.iter().all(|frame| frame.rows() <= limits::FRAME_ROWS_MAX));
    let whole = frames.iter().filter(|frame| frame.rows() >= limits::FRAME_ROWS_TARGET).count();
    assert!(whole >= frames.len() - 1, "only the last frame may be small: {:?}", cells_of(&frames));
    assert_eq!(flatten(&frames), truth(&tables));
}

#[test]
fn a_long_series_with_a_sparse_field_is_cut_without_loss() {
    let series = Series::new(*b"m", []);
    let tables = [
        long_table(&series, b"f", 0, 1_000, 150_000),
        long_table(&series, b"g", 1_000, 3_000, 50_000),
        long_table(&series, b"h", 500, 7_000, 20_000),
    ];
    let (frames, totals) = decode_pieces(&settings("~f"), [&write(&tables, &SERVER)[..]]).unwrap();
    assert_eq!(totals.rows, 150_000 + 20_000);
    assert_eq!(frames.len(), 3);
    assert_eq!(flatten(&frames), truth(&tables));
}

#[test]
fn a_series_beyond_the_merge_bound_is_handed_on_in_parts() {
    let series = Series::new(*b"m", []);
    let rows = i64::try_from(limits::MERGE_VALUES_MAX).unwrap() * 3 / 5;
    let tables = [
        long_table(&series, b"f", 0, 1_000, rows),
        long_table(&series, b"g", 0, 1_000, rows),
        long_table(&series, b"h", 0, 1_000, 5),
    ];
    let body = write(&tables, &SERVER);
    let (frames, totals) =
        decode_pieces(&settings("~f"), body.chunks(limits::DECODE_STEP_BYTES_MAX)).unwrap();
    assert_eq!(flatten(&frames), truth(&tables));
    // The first part ends inside of g: f and the beginning of g are merged, the rest of g stands alone.
    let rows = rows.unsigned_abs();
    let merged = limits::MERGE_VALUES_MAX as u64 - rows;
    assert_eq!(totals.rows, rows + (rows - merged) + 5);
    assert_eq!(decode_pieces(&settings("~f"), [&body[..]]).unwrap().1, totals);
}

#[test]
fn long_strings_are_handed_on_in_parts() {
    let series = Series::new(*b"m", []);
    let text =
        |row: i64| Value::Text(format!("{row}{}", "x".repeat(1_000_000)).into_bytes().into());
    let rows = (0..40).map(|row| (row, text(row))).collect();
    let strings =
        Table { series: series.clone(), field: (*b"f").into(), kind: FieldType::String, rows };
    let tables = [strings, long_table(&series, b"g", 0, 1, 40)];
    let body = write(&tables, &SERVER);
    for pieces in [vec![&body[..]], body.chunks(65_536).collect()] {
        let (frames, _) = decode_pieces(&settings("~f"), pieces).unwrap();
        assert!(frames.iter().all(|frame| frame.batch.get_array_memory_size()
            < 2 * limits::FRAME_STRING_BYTES_TARGET + (8 << 20)));
        assert_eq!(flatten(&frames), truth(&tables));
    }
}

#[test]
fn very_different_fields_do_not_fill_frames_with_nulls() {
    // 300 fields of one series, each at times of its own; then 200 series, each with a field of its own.
    let one = Series::new(*b"m", []);
    let own_times = (0..300)
        .map(|field| long_table(&one, format!("f{field:03}").as_bytes(), field, 1_000, 500));
    let other =
        |at: i64| Series::new(*b"n", [((*b"host").into(), format!("{at:03}").into_bytes().into())]);
    let own_fields =
        (0..200).map(|at| long_table(&other(at), format!("g{at:03}").as_bytes(), 0, 1_000, 500));
    let tables: Vec<_> = own_times.chain(own_fields).collect();
    let (frames, _) = decode_pieces(&settings("~f"), [&write(&tables, &SERVER)[..]]).unwrap();
    for (cells, values) in cells_of(&frames) {
        assert!(
            cells <= limits::FRAME_CELLS_SPARSE_MAX
                || cells as u64 <= values * limits::FRAME_CELLS_PER_VALUE_MAX as u64
        );
    }
    assert!(frames.len() < 120, "{} frames", frames.len());
    assert_eq!(flatten(&frames), truth(&tables));
}

#[test]
fn a_row_without_end_is_refused() {
    let head = write(&[long_table(&Series::new(*b"m", []), b"f", 0, 1, 1)], &SERVER);
    let mut body = head[..head.len() - 2].to_vec();
    body.extend(b",,0,\"");
    body.resize(body.len() + limits::CSV_ROW_BYTES_MAX + 10, b'x');
    for size in [4_096, body.len()] {
        let error = decode_pieces(&settings("~f"), body.chunks(size)).unwrap_err();
        assert!(
            matches!(error, sluice::testing::wire::csv::error::Error::TooLong { .. }),
            "{error}"
        );
    }
}

#[test]
fn times_that_do_not_rise_and_keys_that_change_are_refused() {
    let series = Series::new(*b"m", [((*b"k").into(), (*b"v").into())]);
    let mut table = long_table(&series, b"f", 0, 1_000, 3);
    table.rows[2].0 = table.rows[1].0;
    let twice = write(&[table], &SERVER);
    let good = String::from_utf8(write(&[long_table(&series, b"f", 0, 1_000_000_000, 3)], &SERVER))
        .unwrap();
    let bodies = [
        twice,
        good.replace("01Z,1,m,v,f", "01Z,1,m,w,f").into(),
        good.replace("01Z,1,m,v,f", "01Z,1,m,v,g").into(),
        good.replace("01Z,1,m,v,f", "01Z,1,,v,f").into(),
        good.replace("01Z,1,m,v,f", "01Z,,m,v,f").into(),
        good.replace("01Z,1,m,v,f", "01Z,1.5,m,v,f").into(),
        good.replace("01Z,1,m,v,f", "01Z,1,m,v,f,").into(),
        good.replace("1970-01-01T00:00:01Z,1", ",1").into(),
        good.replace("T00:00:02Z", "T00:00:60Z").into(),
        good.replace(",,0,1970-01-01T00:00:01Z", ",x,0,1970-01-01T00:00:01Z").into(),
        good.replace(",,0,1970-01-01T00:00:01Z", ",,-,1970-01-01T00:00:01Z").into(),
        good.replace("long,string", "dateTime:RFC3339,string").into(),
        good.replace("string,string,string", "string,long,string").into(),
    ];
    for body in bodies {
        let body: Vec<u8> = body;
        assert_ne!(body, good.as_bytes());
        let outcome = decode_pieces(&settings("~f"), [&body[..]]);
        assert!(outcome.is_err(), "{}", String::from_utf8_lossy(&body));
    }
    let mut float = long_table(&series, b"f", 0, 1, 1);
    float.kind = FieldType::Float;
    let body = String::from_utf8(write(&[float], &SERVER)).unwrap().replace("Z,0,", "Z,NaN,");
    let error = decode_pieces(&settings("~f"), [body.as_bytes()]).unwrap_err();
    assert!(matches!(error, sluice::testing::wire::csv::error::Error::NotFinite { .. }), "{error}");
}
