//! The digest of content once more, from its definition in `docs/verify.md`, value by value.

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};
use sluice::testing::model::series::Series;
use sluice::testing::model::time::TimeRange;
use sluice::testing::sim::{BucketStore, StoredValue, Value};

/// What a run has recorded of each batch that holds something: its range and its digest.
pub(crate) fn recorded(
    store: &BucketStore,
    batch_bucket: &str,
) -> Vec<(TimeRange, Option<String>)> {
    let mut points: BTreeMap<i64, BTreeMap<Vec<u8>, String>> = BTreeMap::new();
    for value in store.dump(batch_bucket) {
        let is_batch = value.series.measurement[..] == *b"batch_details"
            && value.series.tags.iter().any(|(key, kind)| **key == *b"kind" && **kind == *b"batch");
        if let (true, Value::String(text)) = (is_batch, &value.value) {
            let text = String::from_utf8_lossy(text).into_owned();
            points.entry(value.time).or_default().insert(value.field.to_vec(), text);
        }
    }
    let of = |mut fields: BTreeMap<Vec<u8>, String>| {
        let digest = fields.remove(&b"digest"[..]);
        let time = |name: &[u8]| fields[name].parse().expect("a time");
        (TimeRange::new(time(b"start"), time(b"stop")), digest)
    };
    points.into_values().map(of).collect()
}

/// Of these values.
pub(crate) fn of<'a>(values: impl IntoIterator<Item = &'a StoredValue>) -> String {
    let mut sum = [0_u64; 2];
    let mut keys: BTreeMap<Vec<u8>, [u64; 2]> = BTreeMap::new();
    for value in values {
        let series = *keys.entry(text_of(&value.series)).or_insert_with_key(|text| lanes(text));
        let (kind, bits) = match &value.value {
            Value::Float(v) => (0, v.to_bits()),
            Value::Integer(v) => (1, v.cast_unsigned()),
            Value::Unsigned(v) => (2, *v),
            Value::String(v) => (3, bits_of(v)),
            Value::Boolean(v) => (4, u64::from(*v)),
        };
        let field = lanes(&[&[kind], &value.field[..]].concat());
        let time = value.time.cast_unsigned();
        let [first, second] = [0, 1].map(|lane| mix(series[lane], field[lane]));
        sum[0] = sum[0].wrapping_add(mix(mix(first, time), bits));
        sum[1] = sum[1].wrapping_add(mix(mix(second, bits), time));
    }
    format!("{:016x}{:016x}", sum[0], sum[1])
}

/// Each name and value behind its length in eight bytes, the least first.
fn text_of(series: &Series) -> Vec<u8> {
    let tags = series.tags.iter().flat_map(|(key, value)| [key, value]);
    let mut text = Vec::new();
    for part in std::iter::once(&series.measurement).chain(tags) {
        text.extend((part.len() as u64).to_le_bytes());
        text.extend_from_slice(part);
    }
    text
}

/// The first two words of the SHA-256.
fn lanes(bytes: &[u8]) -> [u64; 2] {
    let hash = digest(&SHA256, bytes);
    [0, 8].map(|at| u64::from_le_bytes(hash.as_ref()[at..at + 8].try_into().expect("8 bytes")))
}

fn bits_of(text: &[u8]) -> u64 {
    let mut bits = mix(0x9e37_79b9_7f4a_7c15, text.len() as u64);
    let mut at = 0;
    while at + 8 <= text.len() {
        bits = mix(bits, u64::from_le_bytes(text[at..at + 8].try_into().expect("8 bytes")));
        at += 8;
    }
    let rest = text[at..].iter().fold(0, |rest, byte| rest * 256 + u64::from(*byte));
    mix(bits, rest)
}

fn mix(state: u64, word: u64) -> u64 {
    let mut bits = (state ^ word.wrapping_mul(0x9e37_79b9_7f4a_7c15)).rotate_left(29);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
