//! Random content of a measurement, as awkward as InfluxDB allows, for the tests of several formats.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sluice::testing::model::catalogue::Catalogue;
use sluice::testing::model::frame::FieldType;
use sluice::testing::model::series::{Name, Series};

use super::golden::{Point, Value};

/// What names and strings may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Letters {
    /// Any bytes.
    Bytes,
    /// Any bytes but carriage returns, which CSV loses.
    NoCarriageReturn,
    /// UTF-8 without U+FFFD, which JSON puts for other bytes.
    Text,
}

/// Fields of one series at one time.
pub(crate) type Row = BTreeMap<Name, Value>;

/// One measurement: each field has one type, each row at least one value.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) measurement: Name,
    pub(crate) types: BTreeMap<Name, FieldType>,
    pub(crate) series: BTreeMap<Series, BTreeMap<i64, Row>>,
}

impl Content {
    /// All values, sorted.
    pub(crate) fn points(&self) -> Vec<Point> {
        let mut points = Vec::new();
        for (series, rows) in &self.series {
            for (time, row) in rows {
                points.extend(row.iter().map(|(field, value)| Point {
                    series: series.clone(),
                    field: field.clone(),
                    time: *time,
                    value: value.clone(),
                }));
            }
        }
        points.sort();
        points
    }

    pub(crate) fn rows(&self) -> u64 {
        self.series.values().map(|rows| rows.len() as u64).sum()
    }

    pub(crate) fn catalogue(&self) -> Catalogue {
        Catalogue::new(self.series.keys().cloned())
    }

    /// All tag keys.
    pub(crate) fn tag_keys(&self) -> Vec<Name> {
        let tags = self.series.keys().flat_map(|series| &series.tags);
        let mut keys: Vec<_> = tags.map(|(key, _)| key.clone()).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

/// The value of a tag; empty if the series does not have it.
pub(crate) fn tag_of(series: &Series, key: &[u8]) -> Name {
    let tag = series.tags.iter().find(|(known, _)| **known == *key);
    tag.map(|(_, value)| value.clone()).unwrap_or_default()
}

fn piece(letters: Letters) -> impl Strategy<Value = &'static [u8]> {
    let text: [&[u8]; 14] = [
        b"a",
        b"b",
        b",",
        b"\"",
        b"\n",
        b" ",
        b"\\",
        b"=",
        b"<",
        b"{\"code\":",
        b"\x00",
        "é".as_bytes(),
        "\u{2028}".as_bytes(),
        "\u{1F600}".as_bytes(),
    ];
    let mut all = text.to_vec();
    if letters != Letters::NoCarriageReturn {
        all.push(b"\r");
    }
    if letters != Letters::Text {
        all.extend([&b"\xff"[..], b"\xc3", "\u{fffd}".as_bytes()]);
    }
    prop::sample::select(all)
}

fn text(letters: Letters, length: std::ops::Range<usize>) -> impl Strategy<Value = Name> {
    prop::collection::vec(piece(letters), length).prop_map(|pieces| pieces.concat().into())
}

fn value(kind: FieldType, letters: Letters) -> BoxedStrategy<Value> {
    match kind {
        FieldType::Float => {
            prop_oneof![any::<f64>(), (-100i32..100).prop_map(|n| f64::from(n) / 4.0)]
                .prop_filter("InfluxDB stores finite numbers", |value| value.is_finite())
                .prop_map(|value| Value::Float(value.to_bits()))
                .boxed()
        }
        FieldType::Integer => {
            let wide = (0u32..64, any::<i64>()).prop_map(|(shift, value)| value >> shift);
            prop_oneof![wide, -140i64..140].prop_map(Value::Integer).boxed()
        }
        FieldType::Unsigned => {
            let wide = (0u32..64, any::<u64>()).prop_map(|(shift, value)| value >> shift);
            prop_oneof![wide, 0u64..300].prop_map(Value::Unsigned).boxed()
        }
        FieldType::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        FieldType::String => text(letters, 0..5).prop_map(Value::Text).boxed(),
    }
}

/// Times on one ladder, so that fields and series meet often, and a few anywhere.
fn time() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => (0i64..12).prop_map(|step| 1_577_836_800_000_000_000 + step * 10_000_000_000),
        1 => -2i64..200,
        1 => (i64::MIN + 2)..i64::MAX - 1,
    ]
}

fn rows(types: &BTreeMap<Name, FieldType>, letters: Letters) -> BoxedStrategy<BTreeMap<i64, Row>> {
    let cells: Vec<_> = types
        .iter()
        .map(|(name, kind)| {
            let name = name.clone();
            prop::option::weighted(0.8, value(*kind, letters))
                .prop_map(move |value| value.map(|value| (name.clone(), value)))
        })
        .collect();
    let row = cells
        .prop_map(|cells| cells.into_iter().flatten().collect::<Row>())
        .prop_filter("a row has a value", |row| !row.is_empty());
    prop::collection::btree_map(time(), row, 1..10).boxed()
}

/// Content of one measurement of that name, with fields of these types only.
pub(crate) fn content(
    measurement: &'static [u8],
    letters: Letters,
    kinds: &'static [FieldType],
) -> impl Strategy<Value = Content> {
    let fields = prop::collection::btree_map(
        prop_oneof![text(letters, 1..4), Just((*b"time\n").into()), Just((*b"host").into())],
        prop::sample::select(kinds),
        1..6,
    );
    let tag = (prop_oneof![text(letters, 1..3), Just((*b"host").into())], text(letters, 1..3));
    let series = prop::collection::btree_set(prop::collection::btree_map(tag.0, tag.1, 0..4), 1..6);
    (fields, series)
        .prop_flat_map(move |(types, series)| {
            let rows = vec![rows(&types, letters); series.len()];
            (Just(types), Just(series), rows)
        })
        .prop_map(move |(types, series, rows)| Content {
            measurement: measurement.into(),
            types,
            series: series
                .into_iter()
                .map(|tags| Series::new(measurement, tags))
                .zip(rows)
                .collect(),
        })
}

/// Cuts at these places, taken as shares of the length.
pub(crate) fn cut<'a>(bytes: &'a [u8], places: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<_> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}
