//! Random answers: awkward names and values, sparse fields, every type, tags in changing order, cut and damaged.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use sluice::testing::limits;
use sluice::testing::model::frame::FieldType;
use sluice::testing::model::series::{Name, Series};
use sluice::testing::wire::frames::series_of::SeriesOf;
use sluice::testing::wire::influxql::decoder::{AskedStatement, Format};
use sluice::testing::wire::influxql::error::Error;

use super::writer::{Form, write};
use super::{decode, decode_pieces};
use crate::support::golden::{Point, Value, flatten};
use crate::support::random::{Content, Letters, content, cut};

const KINDS: &[FieldType] = &[
    FieldType::Float,
    FieldType::Integer,
    FieldType::Unsigned,
    FieldType::Boolean,
    FieldType::String,
];

fn whole(content: &Content) -> AskedStatement {
    AskedStatement {
        measurement: content.measurement.clone(),
        types: Arc::new(content.types.clone()),
        series: SeriesOf::Whole,
    }
}

fn keyed(content: &Content) -> AskedStatement {
    let (measurement, catalogue) = (content.measurement.clone(), Arc::new(content.catalogue()));
    AskedStatement { series: SeriesOf::Keyed { measurement, catalogue }, ..whole(content) }
}

/// A format with content that it can carry: two statements, the second one about anything or nothing.
fn answers() -> impl Strategy<Value = (Form, Vec<Content>)> {
    let with = |format, letters| {
        let second = prop_oneof![
            content(b"n", letters, KINDS),
            Just(Content {
                measurement: (*b"n").into(),
                types: BTreeMap::new(),
                series: BTreeMap::new()
            }),
        ];
        let chunk = prop::option::of(prop::sample::select(vec![1, 2, 3, 100]));
        (content(b"m \"\\\n", letters, KINDS), second, chunk, 0usize..5).prop_map(
            move |(first, second, chunk, shuffle)| {
                (Form { format, chunk, keys: None, shuffle }, vec![first, second])
            },
        )
    };
    prop_oneof![with(Format::MessagePack, Letters::Bytes), with(Format::Json, Letters::Text)]
}

fn points(contents: &[Content]) -> Vec<Point> {
    let mut points: Vec<_> = contents.iter().flat_map(Content::points).collect();
    points.sort();
    points
}

type Outcome = Result<(Vec<Point>, sluice::testing::wire::influxql::decoder::AnswerTotals), Error>;

fn outcome(format: Format, statements: &[AskedStatement], pieces: Vec<&[u8]>) -> Outcome {
    decode_pieces(format, statements, pieces).map(|(frames, totals)| (flatten(&frames), totals))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read((form, contents) in answers(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let body = write(&contents, &form);
        let statements: Vec<_> = contents.iter().map(whole).collect();
        let (frames, totals) = decode_pieces(form.format, &statements, cut(&body, &cuts)).unwrap();
        prop_assert_eq!(flatten(&frames), points(&contents));
        prop_assert_eq!(totals.rows, contents.iter().map(Content::rows).sum::<u64>());
        prop_assert_eq!(totals.tables, contents.iter().map(|content| content.series.len() as u64).sum::<u64>());
        let by_statement: Vec<_> = contents.iter().map(|content| content.points().len() as u64).collect();
        prop_assert_eq!(&totals.values_by_statement, &by_statement);
        let bytewise = outcome(form.format, &statements, body.chunks(1).collect()).unwrap();
        prop_assert_eq!(bytewise, (points(&contents), totals));
    }

    #[test]
    fn keys_restore_the_same_frames((form, contents) in answers()) {
        let first = &contents[..1];
        let by_all = decode(form.format, &[whole(&first[0])], &write(first, &form)).unwrap();
        let form = Form { keys: Some(first[0].catalogue().keys().to_vec()), ..form };
        let by_key = decode(form.format, &[keyed(&first[0])], &write(first, &form)).unwrap();
        prop_assert_eq!(by_key.0.len(), by_all.0.len());
        for (keyed, whole) in by_key.0.iter().zip(&by_all.0) {
            prop_assert_eq!(&keyed.batch, &whole.batch);
            prop_assert_eq!(&keyed.fields, &whole.fields);
            prop_assert_eq!(flatten(std::slice::from_ref(keyed)), flatten(std::slice::from_ref(whole)));
        }
        prop_assert_eq!(by_key.1.values_by_statement, by_all.1.values_by_statement);
    }

    #[test]
    fn series_added_after_the_catalogue_are_seen((form, contents) in answers(), left_out in any::<prop::sample::Index>()) {
        let first = &contents[0];
        let mut known = first.clone();
        let gone = known.series.keys().nth(left_out.index(known.series.len())).unwrap().clone();
        known.series.remove(&gone);
        let form = Form { keys: Some(known.catalogue().keys().to_vec()), ..form };
        let key = |series: &Series| known.catalogue().keys().iter().map(|key| crate::support::random::tag_of(series, key)).collect::<Vec<Name>>();
        // What the server does with two series of one key: their rows come as one series, in the order of time.
        let mut sent = first.clone();
        let twin = known.series.keys().find(|series| key(series) == key(&gone)).cloned();
        let (mut is_twice, mut is_hidden) = (false, false);
        if let Some(twin) = twin {
            let rows = sent.series.remove(&gone).unwrap();
            let own = sent.series.get_mut(&twin).unwrap();
            is_twice = rows.keys().any(|time| own.contains_key(time));
            is_hidden = !is_twice;
            own.extend(rows);
        }
        let outcome = decode(form.format, &[keyed(&known)], &write(&[sent], &form)).map(|_| ());
        // Rows of both that never meet in time are told by the closing check of the slice alone. Rows that do meet are
        // merged here, which the server does not do.
        if is_hidden || is_twice {
            prop_assert!(outcome.is_ok());
        } else {
            prop_assert!(matches!(outcome, Err(Error::UnknownSeries(_))), "{outcome:?}");
        }
    }

    #[test]
    fn damage_gives_the_same_outcome_however_it_is_cut(
        (form, contents) in answers(),
        place in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), prop::sample::select(b"\"\\,:[]{}-0e.n\xc0\x90\x80\xd3".to_vec())],
        remove in 0usize..3,
    ) {
        let mut body = write(&contents, &form);
        let at = place.index(body.len());
        body.splice(at..body.len().min(at + remove), [byte]);
        let statements: Vec<_> = contents.iter().map(whole).collect();
        let at_once = outcome(form.format, &statements, vec![&body]);
        prop_assert_eq!(&outcome(form.format, &statements, body.chunks(1).collect()), &at_once);
        prop_assert_eq!(&outcome(form.format, &statements, body.chunks(37).collect()), &at_once);
    }

    #[test]
    fn no_prefix_passes((form, contents) in answers(), end in any::<prop::sample::Index>()) {
        let body = write(&contents, &form);
        let statements: Vec<_> = contents.iter().map(whole).collect();
        let end = end.index(body.len() - usize::from(form.format == Format::Json));
        let outcome = decode(form.format, &statements, &body[..end]).map(|_| ());
        prop_assert!(matches!(outcome, Err(Error::Incomplete { .. })), "{outcome:?}");
    }

    #[test]
    fn json_never_passes_what_it_cannot_carry(content in content(b"m", Letters::Bytes, KINDS)) {
        let form = Form { format: Format::Json, chunk: Some(2), keys: None, shuffle: 0 };
        let is_doubtful = |text: &[u8]| String::from_utf8_lossy(text).contains('\u{fffd}');
        let mut texts: Vec<Name> = content.types.keys().cloned().collect();
        texts.extend(content.series.keys().flat_map(|series| series.tags.iter().flat_map(|(k, v)| [k.clone(), v.clone()])));
        texts.extend(content.points().into_iter().filter_map(|point| match point.value {
            Value::Text(text) => Some(text),
            _ => None,
        }));
        let outcome = decode(Format::Json, &[whole(&content)], &write(std::slice::from_ref(&content), &form)).map(|(frames, _)| flatten(&frames));
        if texts.iter().any(|text| is_doubtful(text)) {
            prop_assert!(matches!(outcome, Err(Error::NotExact { .. })), "{outcome:?}");
        } else {
            prop_assert_eq!(outcome, Ok(content.points()));
        }
    }
}

/// Content of one measurement with a column for each name and a value for each row where there is one.
fn table(
    fields: &[(&str, FieldType)],
    series: &[&[(&str, &str)]],
    rows: i64,
    value: impl Fn(usize, usize, i64) -> Option<Value>,
) -> Content {
    let name = |text: &str| Name::from(text.as_bytes());
    let row = |number: usize, time: i64| {
        let cells = fields.iter().enumerate();
        let filled =
            cells.filter_map(|(at, (field, _))| Some((name(field), value(number, at, time)?)));
        (time, filled.collect::<BTreeMap<_, _>>())
    };
    let one = |(number, tags): (usize, &&[(&str, &str)])| {
        let tags = tags.iter().map(|(key, value)| (name(key), name(value)));
        let rows = (0..rows).map(|time| row(number, time)).filter(|(_, row)| !row.is_empty());
        (Series::new(*b"m", tags), rows.collect())
    };
    Content {
        measurement: name("m"),
        types: fields.iter().map(|(field, kind)| (name(field), *kind)).collect(),
        series: series.iter().enumerate().map(one).collect(),
    }
}

const FORMATS: [Format; 2] = [Format::MessagePack, Format::Json];

fn check(content: &Content, chunk: Option<usize>) {
    for format in FORMATS {
        let form = Form { format, chunk, keys: None, shuffle: 1 };
        let body = write(std::slice::from_ref(content), &form);
        for size in [limits::DECODE_STEP_BYTES_MAX, body.len(), 1_001] {
            let pieces = body.chunks(size);
            let (frames, totals) = decode_pieces(format, &[whole(content)], pieces).unwrap();
            assert_eq!(flatten(&frames), content.points());
            assert!(frames.iter().all(|frame| frame.rows() <= limits::FRAME_ROWS_MAX));
            for frame in &frames {
                let cells = frame.rows() * frame.fields.len();
                assert!(
                    cells <= limits::FRAME_CELLS_SPARSE_MAX
                        || cells as u64 <= frame.values * limits::FRAME_CELLS_PER_VALUE_MAX as u64
                );
            }
            assert_eq!(totals.values, content.points().len() as u64);
        }
    }
}

#[test]
fn series_longer_than_chunks_and_frames_stay_whole() {
    let content = table(
        &[("f", FieldType::Integer), ("g", FieldType::Float)],
        &[&[("host", "a")], &[("host", "b")]],
        25_000,
        |series, field, time| match field {
            0 => Some(Value::Integer(time * 1_000_003 - 7)),
            _ => (time % 3 != 0 || series == 0)
                .then(|| Value::Float((f64::from(i32::try_from(time).unwrap()) / 7.0).to_bits())),
        },
    );
    check(&content, Some(10_000));
    check(&content, None);
}

#[test]
fn three_hundred_fields_are_read() {
    let names: Vec<_> = (0..300).map(|at| format!("field {at:03}")).collect();
    let fields: Vec<_> = names.iter().map(|name| (name.as_str(), FieldType::Integer)).collect();
    let value =
        |field: usize, time: i64| Some(Value::Integer(i64::try_from(field).unwrap() - time));
    check(&table(&fields, &[&[]], 120, |_, field, time| value(field, time)), Some(100));
    // Each field at times of its own; then each series with fields of its own.
    let own_times = table(&fields, &[&[]], 900, |_, field, time| {
        (usize::try_from(time).unwrap() % 300 == field).then(|| value(field, time)).flatten()
    });
    check(&own_times, Some(10_000));
    let hosts: Vec<_> = (0..30).map(|host| host.to_string()).collect();
    let tags: Vec<_> = hosts.iter().map(|host| [("host", host.as_str())]).collect();
    let series: Vec<_> = tags.iter().map(|tags| &tags[..]).collect();
    let own_fields = table(&fields, &series, 60, |series, field, time| {
        (field / 10 == series).then(|| value(field, time)).flatten()
    });
    check(&own_fields, Some(10_000));
}

#[test]
fn frames_of_very_many_fields_end_early() {
    const FIELDS: u16 = 1_000;
    const ROWS: u16 = 3_000;
    let names: Vec<_> = (0..FIELDS).map(|at| format!("f{at:03}")).collect();
    let fields: Vec<_> = names.iter().map(|name| (name.as_str(), FieldType::Integer)).collect();
    let mut body = b"\x81\xa7results\x91\x82\xacstatement_id\x00\xa6series\x91\x83\xa4name\xa1m\xa7columns\xdc".to_vec();
    body.extend((FIELDS + 1).to_be_bytes());
    body.extend(b"\xa4time");
    for name in &names {
        body.push(0xa4);
        body.extend(name.bytes());
    }
    body.extend(b"\xa6values\xdc");
    body.extend(ROWS.to_be_bytes());
    for row in 0..ROWS {
        body.push(0xdc);
        body.extend((FIELDS + 1).to_be_bytes());
        body.push(0xd2);
        body.extend(i32::from(row).to_be_bytes());
        body.extend([7; FIELDS as usize]);
    }
    let statements = [whole(&table(&fields, &[], 0, |_, _, _| None))];
    let (frames, totals) = decode(Format::MessagePack, &statements, &body).unwrap();
    assert_eq!(totals.values, u64::from(FIELDS) * u64::from(ROWS));
    assert_eq!(totals.rows, u64::from(ROWS));
    assert!(frames.iter().all(|frame| frame.values <= 2 * limits::FRAME_VALUES_TARGET as u64));
}

#[test]
fn fields_named_like_tags_and_like_the_time_are_read() {
    let fields =
        [("host", FieldType::String), ("time", FieldType::Integer), ("values", FieldType::Boolean)];
    let content = table(
        &fields,
        &[&[("host", "time"), ("tags", "results")]],
        9,
        |_, field, time| match field {
            0 => Some(Value::Text((*b"partial").into())),
            1 => Some(Value::Integer(time)),
            _ => Some(Value::Boolean(time % 2 == 0)),
        },
    );
    check(&content, Some(4));
}

#[test]
fn long_strings_are_handed_on_in_parts() {
    let text = |time: i64| format!("\u{1}{time}{}", "x".repeat(1_000_000)).into_bytes();
    let content = table(&[("s", FieldType::String)], &[&[]], 20, |_, _, time| {
        Some(Value::Text(text(time).into()))
    });
    for format in FORMATS {
        let form = Form { format, chunk: Some(10_000), keys: None, shuffle: 0 };
        let body = write(std::slice::from_ref(&content), &form);
        for size in [body.len(), 65_536] {
            let (frames, _) = decode_pieces(format, &[whole(&content)], body.chunks(size)).unwrap();
            assert!(frames.len() > 1);
            assert!(
                frames.iter().all(|frame| frame.batch.get_array_memory_size()
                    < 3 * limits::FRAME_STRING_BYTES_TARGET)
            );
            assert_eq!(flatten(&frames), content.points());
        }
    }
}

#[test]
fn the_longest_string_is_read_in_whatever_pieces() {
    // JSON writes six bytes for each of these.
    let text = vec![1; limits::STRING_VALUE_BYTES_MAX];
    let content = table(&[("s", FieldType::String)], &[&[]], 2, |_, _, _| {
        Some(Value::Text(text.clone().into()))
    });
    for format in FORMATS {
        let form = Form { format, chunk: Some(10_000), keys: None, shuffle: 0 };
        let body = write(std::slice::from_ref(&content), &form);
        for size in [body.len(), body.len() / 3, 1 << 20, 65_536] {
            let (frames, _) = decode_pieces(format, &[whole(&content)], body.chunks(size)).unwrap();
            assert_eq!(flatten(&frames), content.points());
        }
    }
}

#[test]
fn a_value_without_end_is_refused() {
    let content = table(&[("s", FieldType::String)], &[&[]], 1, |_, _, _| {
        Some(Value::Text(vec![b'x'; limits::INFLUXQL_TOKEN_BYTES_MAX + 100].into()))
    });
    for format in FORMATS {
        let form = Form { format, chunk: Some(10_000), keys: None, shuffle: 0 };
        let body = write(std::slice::from_ref(&content), &form);
        for body in [&body[..], &body[..body.len() - 60]] {
            for size in [4_096, body.len()] {
                let pieces = body.chunks(size);
                let error = decode_pieces(format, &[whole(&content)], pieces).unwrap_err();
                assert!(matches!(error, Error::TooLong { .. }), "{error}");
            }
        }
    }
}

#[test]
fn a_key_that_stands_for_two_series_is_seen() {
    let content =
        table(&[("f", FieldType::Integer)], &[&[("a", "1"), ("b", "1")]], 3, |_, _, time| {
            Some(Value::Integer(time))
        });
    // The server sends the rows of both in the order of time, so a time that both have comes twice.
    let body = br#"{"results":[{"statement_id":0,"series":[{"name":"m","columns":["time","f"],"values":[[1,1],[2,2],[2,3]]}]}]}"#;
    let error = decode(Format::Json, &[keyed(&content)], body).map(|_| ()).unwrap_err();
    let Error::KeyNotUnique(found) = &error else { panic!("{error}") };
    assert_eq!((found.time_ns, found.series.tags.len()), (2, 2));
    let error = decode(
        Format::Json,
        &[AskedStatement { series: SeriesOf::Whole, ..keyed(&content) }],
        body,
    );
    assert!(matches!(error, Err(Error::Malformed { .. })));
}
