//! Answers that name only the key tags of their series.

use std::sync::Arc;

use proptest::prelude::*;
use sluice::testing::model::catalogue::Catalogue;
use sluice::testing::model::frame::FieldType;
use sluice::testing::model::series::{Name, Series};
use sluice::testing::wire::csv::decoder::CsvDecoderSettings;
use sluice::testing::wire::csv::error::Error;
use sluice::testing::wire::frames::series_of::SeriesOf;
use sluice::testing::wire::frames::suspect::SuspectPlace;

use super::golden_answers::{decode_pieces, settings};
use super::writer::{Form, Table, write};
use crate::support::golden::{Value, flatten};
use crate::support::random::{Content, Letters, content, cut};

const KINDS: &[FieldType] = &[
    FieldType::Float,
    FieldType::Integer,
    FieldType::Unsigned,
    FieldType::Boolean,
    FieldType::String,
];

pub(super) fn keyed(measurement: &Name, catalogue: &Arc<Catalogue>) -> CsvDecoderSettings {
    let series =
        SeriesOf::Keyed { measurement: measurement.clone(), catalogue: Arc::clone(catalogue) };
    CsvDecoderSettings { series, ..settings("\u{10ffff}~f") }
}

/// Series by series and field by field.
fn tables(content: &Content) -> Vec<Table> {
    let mut tables = Vec::new();
    for (series, rows) in &content.series {
        for (field, kind) in &content.types {
            let value = |(time, row): (&i64, &std::collections::BTreeMap<Name, Value>)| {
                Some((*time, row.get(field)?.clone()))
            };
            let rows: Vec<_> = rows.iter().filter_map(value).collect();
            if !rows.is_empty() {
                let (series, field) = (series.clone(), field.clone());
                tables.push(Table { series, field, kind: *kind, rows });
            }
        }
    }
    tables
}

fn form(keys: Option<Vec<Name>>, shuffle: u64, wide: bool) -> Form {
    Form { field_label: "\u{10ffff}~f", bounds: false, shuffle, wide, keys }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keys_restore_the_same_frames(
        content in content(b"m,\"\n", Letters::NoCarriageReturn, KINDS),
        shuffle in prop_oneof![Just(0), any::<u64>()],
        wide in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let tables = tables(&content);
        let by_all = decode_pieces(&settings("\u{10ffff}~f"), [&write(&tables, &form(None, shuffle, wide))[..]]).unwrap();
        prop_assert_eq!(flatten(&by_all.0), content.points());
        let catalogue = Arc::new(content.catalogue());
        let body = write(&tables, &form(Some(catalogue.keys().to_vec()), shuffle, wide));
        let by_key = decode_pieces(&keyed(&content.measurement, &catalogue), cut(&body, &cuts)).unwrap();
        prop_assert_eq!(by_key.0.len(), by_all.0.len());
        for (keyed, whole) in by_key.0.iter().zip(&by_all.0) {
            prop_assert_eq!(&keyed.batch, &whole.batch);
            prop_assert_eq!(&keyed.fields, &whole.fields);
        }
        prop_assert_eq!(flatten(&by_key.0), content.points());
        prop_assert_eq!(by_key.1.tables, by_all.1.tables);
        prop_assert_eq!(by_key.1.values, by_all.1.values);
    }

    #[test]
    fn damage_gives_the_same_outcome_however_it_is_cut(
        content in content(b"m", Letters::NoCarriageReturn, KINDS),
        place in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"\"\r\n,x0{#".to_vec()),
        remove in 0usize..3,
    ) {
        let catalogue = Arc::new(content.catalogue());
        let mut body = write(&tables(&content), &form(Some(catalogue.keys().to_vec()), 0, false));
        let at = place.index(body.len());
        body.splice(at..body.len().min(at + remove), [byte]);
        let settings = keyed(&content.measurement, &catalogue);
        let outcome = |pieces: Vec<&[u8]>| {
            decode_pieces(&settings, pieces).map(|(frames, totals)| (flatten(&frames), totals))
        };
        let whole = outcome(vec![&body]);
        prop_assert_eq!(&outcome(body.chunks(1).collect()), &whole);
        prop_assert_eq!(&outcome(body.chunks(37).collect()), &whole);
    }
}

fn series(tags: &[(&str, &str)]) -> Series {
    let tags = tags.iter().map(|(key, value)| (key.as_bytes().into(), value.as_bytes().into()));
    Series::new(*b"m", tags)
}

/// A keyed answer with these rows of one field.
fn answer(key: &str, rows: &str) -> String {
    format!(
        "#datatype,string,long,dateTime:RFC3339,long,string,string\r\n#group,false,false,false,false,true,true\r\n\
         #default,_result,,,,,\r\n,result,table,_time,_value,{key},\u{10ffff}~f\r\n{rows}\r\n"
    )
}

#[test]
fn a_key_that_does_not_fit_the_catalogue_is_an_error_of_its_own() {
    let catalogue = Arc::new(Catalogue::new([
        series(&[("host", "a"), ("region", "x")]),
        series(&[("host", "b"), ("region", "x")]),
    ]));
    let settings = keyed(&(*b"m").into(), &catalogue);
    let outcome = |body: &str| {
        let whole = decode_pieces(&settings, [body.as_bytes()]).map(|(frames, _)| flatten(&frames));
        let bytes = body.as_bytes().chunks(1);
        let cut = decode_pieces(&settings, bytes).map(|(frames, _)| flatten(&frames));
        assert_eq!(cut, whole);
        whole
    };
    let row = |second: u32, host: &str| format!(",,0,1970-01-01T00:00:{second:02}Z,7,{host},f\r\n");
    let points = outcome(&answer("host", &[row(1, "a"), row(2, "a")].concat())).unwrap();
    assert_eq!(points.len(), 2);
    assert_eq!(points[0].series, series(&[("host", "a"), ("region", "x")]));
    for host in ["c", ""] {
        let error = outcome(&answer("host", &row(1, host))).unwrap_err();
        assert!(matches!(error, Error::UnknownSeries(_)), "{error}");
    }
    for second in [1, 2] {
        let rows = [row(1, "a"), row(2, "a"), row(second, "a")].concat();
        let error = outcome(&answer("host", &rows)).unwrap_err();
        let Error::KeyNotUnique(found) = &error else { panic!("{error}") };
        assert_eq!(found.time_ns, i64::from(second) * 1_000_000_000);
    }
    // A value that lost its carriage return may look like another one.
    let error = outcome(&answer("host", &row(1, "\"a\""))).unwrap_err();
    assert!(
        matches!(&error, Error::LostName { place: SuspectPlace::TagValue(key), .. } if **key == *b"host"),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        "measurement m has a value of the tag host that holds a carriage return, which this form of Flux cannot carry"
    );
    let error = outcome(&answer("\"host\"", &row(1, "a"))).unwrap_err();
    assert!(matches!(error, Error::LostName { place: SuspectPlace::TagKey(_), .. }), "{error}");
    // Where a comma explains the quotes nothing shows that one was lost: such keys are refused from the start.
    let twins = ["a,b", "a,\rb"].map(|host| series(&[("host", host)]));
    let settings = keyed(&(*b"m").into(), &Arc::new(Catalogue::new(twins)));
    let body = answer("host", &row(1, "\"a,b\""));
    let error = decode_pieces(&settings, [body.as_bytes()]).unwrap_err();
    assert!(matches!(error, Error::LostName { .. }), "{error}");
    for key in ["region", "_measurement"] {
        let error = outcome(&answer(key, &row(1, "x"))).unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
}
