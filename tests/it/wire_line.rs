//! Frames to line protocol: what is written is read back by independent parsers, and nothing is lost unsaid.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod golden;
mod oracle;
mod points;
mod server;

use std::collections::BTreeSet;

use points::{Point, Value, frames, name, series};
use proptest::prelude::*;
use sluice::testing::model::content_digest::ContentDigest;
use sluice::testing::model::series::{Name, Series};
use sluice::testing::model::time::Timestamp;
use sluice::testing::wire::line::body::{EncoderSettings, LineBody};
use sluice::testing::wire::line::carry::Uncarried;
use sluice::testing::wire::line::encoder::{Encoder, Rejected};
use sluice::testing::wire::line::held::digests;
use sluice::testing::wire::line::split::split_lines;

const HOUR_NS: i64 = 3_600_000_000_000;

fn encode_with(
    points: &BTreeSet<Point>,
    settings: EncoderSettings,
) -> (Vec<LineBody>, Vec<Rejected>) {
    let (mut bodies, mut rejected) = (Vec::new(), Vec::new());
    let mut encoder = Encoder::new(settings);
    for frame in frames(points) {
        encoder.push(&frame, &mut bodies, &mut rejected);
    }
    encoder.finish(&mut bodies);
    let carried: u64 = bodies.iter().map(|body| body.values).sum();
    let refused: u64 = rejected.iter().map(|one| one.values).sum();
    assert_eq!(carried + refused, points.len() as u64, "every value is in a body or refused");
    for body in &bodies {
        let lines: Vec<_> = split_lines(&body.bytes).collect();
        assert_eq!(lines.len() as u64, body.lines);
        assert!(
            body.bytes.ends_with(b"\n")
                && body.shard_group.contains(body.time_min)
                && body.shard_group.contains(body.time_max)
        );
        assert!(body.bytes.len() <= settings.body_bytes_max || body.lines == 1);
    }
    (bodies, rejected)
}

fn encode(points: &BTreeSet<Point>, shard_group_ns: Option<i64>) -> (Vec<LineBody>, Vec<Rejected>) {
    encode_with(points, EncoderSettings { shard_group_ns, ..EncoderSettings::default() })
}

fn text(bodies: &[LineBody]) -> String {
    bodies.iter().map(|body| std::str::from_utf8(&body.bytes).unwrap()).collect()
}

/// Names made of the bytes that matter.
fn any_name() -> impl Strategy<Value = Name> {
    let byte = prop_oneof![4 => Just("a"), 2 => Just("é"), 1 => Just(","), 1 => Just(" "), 1 => Just("="), 1 => Just("\""), 1 => Just("\\"), 1 => Just("\n"), 1 => Just("\r"), 1 => Just("\t"), 1 => Just("#")];
    prop::collection::vec(byte, 1..6).prop_map(|parts| name(&parts.concat()))
}

fn plain_name() -> impl Strategy<Value = Name> {
    prop_oneof![
        Just("a"),
        Just("b c"),
        Just("d,e=f"),
        Just("g\"h"),
        Just("i\rj"),
        Just("日本"),
        Just("k#")
    ]
    .prop_map(name)
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::num::f64::NORMAL.prop_map(|value| Value::Float(value.to_bits())),
        prop::sample::select(vec![
            0.0,
            -0.0,
            1.0,
            0.1,
            1e300,
            -1e-300,
            5e-324,
            f64::MAX,
            f64::MIN_POSITIVE
        ])
        .prop_map(|value| Value::Float(value.to_bits())),
        any::<i64>().prop_map(Value::Integer),
        prop::sample::select(vec![i64::MIN, -1, 0, 127, 128, i64::MAX]).prop_map(Value::Integer),
        any::<u64>().prop_map(Value::Unsigned),
        any::<bool>().prop_map(Value::Boolean),
        "[a\"\\\\\n\r\t,= é]{0,12}".prop_map(|text| Value::String(text.into_bytes())),
    ]
}

/// Points with at most one value for a series, field and time, and one type for a measurement and field.
fn points_of(
    any: impl Strategy<Value = Name> + Clone + 'static,
) -> impl Strategy<Value = BTreeSet<Point>> {
    let series = (any.clone(), prop::collection::btree_map(any.clone(), any.clone(), 0..3))
        .prop_map(|(measurement, tags)| Series::new(measurement, tags));
    let time =
        prop_oneof![0..20i64, -5 * HOUR_NS..5 * HOUR_NS, Just(i64::MIN + 2), Just(i64::MAX - 1)];
    let point = (series, any, time, any_value()).prop_map(|(series, field, time, value)| Point {
        series,
        field,
        time,
        value,
    });
    let fields = |points: Vec<Point>| {
        let mut kinds = std::collections::BTreeMap::new();
        let mut seen = BTreeSet::new();
        let fits = |point: &Point| {
            let kind = *kinds
                .entry((point.series.measurement.clone(), point.field.clone()))
                .or_insert(point.value.field_type());
            kind == point.value.field_type()
                && seen.insert((point.series.clone(), point.field.clone(), point.time))
        };
        points.into_iter().filter(fits).collect()
    };
    prop::collection::vec(point, 1..60).prop_map(fields)
}

fn points_of_any_name() -> impl Strategy<Value = BTreeSet<Point>> {
    points_of(any_name().boxed())
}

proptest! {
    #[test]
    fn an_independent_parser_reads_the_same(points in points_of(plain_name().boxed())) {
        let (bodies, rejected) = encode(&points, None);
        prop_assert_eq!(rejected, []);
        prop_assert_eq!(oracle::parse(&text(&bodies)), points);
    }

    /// What is refused is taken away from the digest of what was sent: so lines must tell the same values as their frames.
    #[test]
    fn the_digest_of_lines_is_that_of_their_frames(points in points_of_any_name()) {
        let is_carried = |point: &Point| encode(&BTreeSet::from([point.clone()]), None).1.is_empty();
        let points: BTreeSet<_> = points.into_iter().filter(is_carried).collect();
        let (bodies, rejected) = encode(&points, None);
        prop_assert_eq!(rejected, []);
        let (mut of_frames, mut of_lines) = (ContentDigest::default(), ContentDigest::default());
        for frame in frames(&points) {
            of_frames.add_frame(&frame);
        }
        for body in bodies {
            of_lines.add(digests(&body.bytes).whole());
        }
        prop_assert_eq!(of_lines, of_frames);
    }

    #[test]
    fn cutting_changes_no_byte(points in points_of_any_name(), target in 1..400usize, more in 0..300usize) {
        let whole = encode(&points, None);
        let cut = encode_with(&points, EncoderSettings { shard_group_ns: None, body_bytes_target: target, body_bytes_max: target + more });
        prop_assert_eq!(text(&whole.0), text(&cut.0));
        prop_assert_eq!(&whole.1, &cut.1);
    }

    #[test]
    fn bodies_do_not_cross_shard_groups(points in points_of_any_name(), hours in 1..5i64) {
        let (whole, rejected) = encode(&points, None);
        let (bodies, again) = encode(&points, Some(hours * HOUR_NS));
        let lines = |bodies: &[LineBody]| -> BTreeSet<Vec<u8>> {
            bodies.iter().flat_map(|body| split_lines(&body.bytes).map(|line| body.bytes[line].to_vec())).collect()
        };
        prop_assert_eq!(lines(&whole), lines(&bodies));
        let refused = |rejected: &[Rejected]| rejected.iter().map(|one| one.values).sum::<u64>();
        prop_assert_eq!(refused(&rejected), refused(&again));
        for body in &bodies {
            prop_assert_eq!(body.shard_group, body.time_min.shard_group(hours * HOUR_NS));
        }
    }
}

fn at(series: &Series, field: &str, time: i64, value: Value) -> Point {
    Point { series: series.clone(), field: name(field), time, value }
}

#[test]
fn the_rest_of_a_row_is_sent_without_its_refused_values() {
    let good = series("m", &[("a", "1")]);
    let float = |value: f64| Value::Float(value.to_bits());
    let long = |bytes: usize| Value::String(vec![b'x'; bytes]);
    let points = BTreeSet::from([
        at(&good, "f", 1, float(f64::NAN)),
        at(&good, "f", 2, float(f64::NEG_INFINITY)),
        at(&good, "f", 3, float(2.5)),
        at(&good, "g", 1, Value::Unsigned(7)),
        at(&good, "time", 1, Value::Integer(1)),
        at(&good, "time", 3, Value::Integer(2)),
        at(&good, "s", 4, long(1_048_576)),
        at(&good, "s", 5, long(1_048_577)),
        at(&good, "\tblank", 1, Value::Boolean(true)),
        at(&good, "\tblank", 6, Value::Boolean(true)),
        at(&good, "g", i64::MIN + 1, Value::Unsigned(8)),
        at(&good, "g", i64::MAX, Value::Unsigned(9)),
        at(&series("#m", &[]), "f", 1, Value::Integer(1)),
        at(&series("#m", &[]), "g", 2, Value::Integer(1)),
    ]);
    let (bodies, rejected) = encode(&points, Some(HOUR_NS));
    let text = text(&bodies).replace(&"x".repeat(1_048_576), "x…");
    assert_eq!(text, "m,a=1 g=7u,\tblank=true 1\nm,a=1 f=2.5 3\nm,a=1 s=\"x…\" 4\n");
    let mut told: Vec<_> = rejected
        .iter()
        .map(|one| {
            (one.reason, one.field.clone(), one.values, one.time_min.ns(), one.time_max.ns())
        })
        .collect();
    told.sort();
    let (f, s, time, blank) =
        (Some(name("f")), Some(name("s")), Some(name("time")), Some(name("\tblank")));
    assert_eq!(
        told,
        [
            (Uncarried::MeasurementHash, None, 2, 1, 2),
            (Uncarried::FieldKeyTime, time, 2, 1, 3),
            (Uncarried::FieldKeyBlank, blank, 1, 6, 6),
            (Uncarried::StringLong, s, 1, 5, 5),
            (Uncarried::FloatNotFinite, f.clone(), 1, 1, 1),
            (Uncarried::FloatNotFinite, f, 1, 2, 2),
            (Uncarried::TimeOutOfRange, None, 1, i64::MIN + 1, i64::MIN + 1),
            (Uncarried::TimeOutOfRange, None, 1, i64::MAX, i64::MAX),
        ]
    );
    assert!(rejected.iter().all(|one| one.text.len() < 400 && !one.text.contains('\n')));
    assert!(rejected.iter().any(|one| one.text == "m,a=1 f=NaN 1"));
}

#[test]
fn keys_are_carried_up_to_the_servers_limit() {
    let long = |bytes: usize| series("k", &[("a", &"x".repeat(bytes))]);
    for (bytes, field, reason) in [
        (65_526, "f", None),
        (65_526, "ff", Some(Uncarried::FieldKeyLong)),
        (65_531, "f", Some(Uncarried::FieldKeyLong)),
        (65_532, "f", Some(Uncarried::SeriesKeyLong)),
        (65_525, " ", None),
        (65_526, " ", Some(Uncarried::FieldKeyLong)),
    ] {
        let (_, rejected) =
            encode(&BTreeSet::from([at(&long(bytes), field, 1, Value::Boolean(true))]), None);
        assert_eq!(rejected.first().map(|one| one.reason), reason, "{bytes} {field}");
    }
}

#[test]
fn many_shard_groups_in_one_frame_cost_bodies_and_no_lines() {
    let hosts: Vec<Series> =
        (0..50).map(|host| series("m", &[("host", &host.to_string())])).collect();
    let points = hosts
        .iter()
        .flat_map(|host| (0..100).map(|hour| at(host, "f", hour * HOUR_NS, Value::Integer(hour))))
        .collect();
    let (bodies, rejected) = encode(&points, Some(HOUR_NS));
    assert_eq!((bodies.len(), rejected.len()), (100, 0));
    assert!(bodies.iter().all(|body| body.lines == 50 && body.time_min == body.time_max));
}

#[test]
fn times_at_both_ends_are_carried() {
    let one = series("m", &[]);
    let points = [Timestamp::MIN, Timestamp::MAX]
        .map(|time| at(&one, "f", time.ns(), Value::Integer(1)))
        .into();
    let (bodies, rejected) = encode(&points, Some(168 * HOUR_NS));
    assert_eq!((bodies.len(), rejected), (2, vec![]));
}
