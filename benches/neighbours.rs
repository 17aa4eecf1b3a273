//! Values that lie next to each other, and whether their digests do: the sum of a digest tells sets apart only if no two
//! values, and no two ways to pair them, come to the same number. Each of its two halves is looked at alone.

#[path = "size.rs"]
mod size;

use std::time::Instant;

use size::Size;
use sluice::testing::model::content_digest::{ContentDigest, DigestKey};
use sluice::testing::model::frame::FieldType;
use sluice::testing::model::series::{Name, Series};

/// Names that differ in one byte.
const SERIES: u64 = 10;
const FIELDS: u64 = 10;

fn keys() -> Vec<DigestKey> {
    let name = |text: String| Name::from(text.into_bytes());
    let series = |at| Series::new(*b"cpu", [(name("host".to_owned()), name(format!("host_{at}")))]);
    let key = |series: &Series, field| {
        DigestKey::of(series, FieldType::Float, format!("usage_{field}").as_bytes())
    };
    let all = (0..SERIES).map(series);
    all.flat_map(|series| (0..FIELDS).map(move |field| key(&series, field))).collect()
}

/// Times that are a nanosecond apart, and those that are a second apart.
fn time(at: u64) -> i64 {
    let (second, ns) = (at / 8, at % 8);
    1_640_995_200_000_000_000 + i64::try_from(second * 1_000_000_000 + ns).expect("a few hours")
}

/// Whole numbers, floats in steps of the last bit, and a few bits at each place.
fn bits(at: u64) -> u64 {
    match at % 3 {
        0 => f64::from(u32::try_from(at / 3).expect("few")).to_bits(),
        1 => 100.25_f64.to_bits() + at / 3,
        // One bit alone would be the float 2 at one of them.
        _ => (at / 192 * 2 + 3).rotate_left(u32::try_from(at / 3 % 64).expect("a place")),
    }
}

/// How many numbers are there for the second time.
fn collisions(mut lane: Vec<u64>) -> usize {
    lane.sort_unstable();
    lane.windows(2).filter(|pair| pair[0] == pair[1]).count()
}

fn lanes(digests: impl Iterator<Item = ContentDigest>, what: &str) {
    let begun = Instant::now();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for digest in digests {
        let [one, other] = digest.lanes();
        first.push(one);
        second.push(other);
    }
    let count = first.len();
    let found = [collisions(first), collisions(second)];
    println!("{what}: {count} digests, {found:?} collisions, {:.1?}", begun.elapsed());
    assert_eq!(found, [0, 0], "{what}");
}

fn main() {
    let Some(size) = Size::asked() else { return };
    let (times, values) = size.of((1_000, 1_000), (40, 40));
    let keys = keys();
    let of = |values: &[(usize, u64, u64)]| {
        let mut digest = ContentDigest::default();
        for (key, at, value) in values {
            digest.add_value(keys[*key], time(*at), bits(*value));
        }
        digest
    };
    let singles = (0..keys.len()).flat_map(|key| {
        (0..times).flat_map(move |at| (0..values).map(move |value| (key, at, value)))
    });
    lanes(singles.map(|one| of(&[one])), "one value: another bit, time, field or series");
    // Each pair of values, and the same ones exchanged: between times, between fields, between series.
    let places = [[(0, 0), (0, 1)], [(0, 0), (1, 0)], [(0, 0), (10, 0)], [(0, 0), (0, 8)]];
    let pairs = size.of(1_600, 60);
    let pairs = places.into_iter().flat_map(|[one, other]| {
        (0..pairs).flat_map(move |a| {
            (0..pairs)
                .filter(move |b| *b != a)
                .map(move |b| [(one.0, one.1, a), (other.0, other.1, b)])
        })
    });
    lanes(pairs.map(|pair| of(&pair)), "two values, and the same exchanged");
}
