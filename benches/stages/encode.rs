//! Frames to line protocol, and bodies back to single lines, as is done with one that the destination refuses.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampNanosecondArray};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use sluice::testing::model::frame::{FieldType, Frame, Run};
use sluice::testing::model::series::{Name, Series};
use sluice::testing::wire::csv::encoder::CsvEncoder;
use sluice::testing::wire::line::body::{EncoderSettings, LineBody};
use sluice::testing::wire::line::encoder::Encoder;
use sluice::testing::wire::line::fields::count_fields;
use sluice::testing::wire::line::split::split_lines;

use super::sized;

const PUSHES: usize = 4;

#[derive(Clone, Copy)]
pub(crate) struct Shape {
    name: &'static str,
    fields: usize,
    float: bool,
}

pub(crate) const SHAPES: [Shape; 4] = [
    Shape { name: "10 integers", fields: 10, float: false },
    Shape { name: "10 floats", fields: 10, float: true },
    Shape { name: "1 integer", fields: 1, float: false },
    Shape { name: "1 float", fields: 1, float: true },
];

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Shard groups of a day.
pub(crate) fn settings() -> EncoderSettings {
    EncoderSettings { shard_group_ns: Some(86_400_000_000_000), ..EncoderSettings::default() }
}

#[divan::bench(args = SHAPES, sample_size = 1)]
fn to_lines(bencher: Bencher<'_, '_>, shape: &Shape) {
    let frame = frame(shape);
    let (mut values, mut bytes) = (0, 0);
    encode(&frame, |body| {
        values += body.values;
        bytes += body.bytes.len();
    });
    bencher
        .counter(ItemsCount::new(values))
        .counter(BytesCount::new(bytes))
        .bench_local(|| encode(black_box(&frame), |_| ()));
}

/// What `sluice export` writes.
#[divan::bench(args = SHAPES, sample_size = 1)]
fn to_csv(bencher: Bencher<'_, '_>, shape: &Shape) {
    let frame = frame(shape);
    let encode = || {
        let (mut out, mut rejected) = (Vec::new(), Vec::new());
        CsvEncoder::default().push(black_box(&frame), &mut out, &mut rejected);
        assert!(rejected.is_empty(), "nothing here is refused");
        out
    };
    bencher
        .counter(ItemsCount::new(frame.values))
        .counter(BytesCount::new(encode().len()))
        .bench_local(encode);
}

#[divan::bench(args = SHAPES)]
fn split(bencher: Bencher<'_, '_>, shape: &Shape) {
    let body = first_body(shape);
    let split = || {
        let lines = split_lines(&body.bytes);
        lines.map(|line| count_fields(&body.bytes[line])).sum::<u64>()
    };
    assert_eq!(split(), body.values, "each value is a field of a line");
    bencher
        .counter(ItemsCount::new(body.values))
        .counter(BytesCount::new(body.bytes.len()))
        .bench_local(split);
}

/// Encodes the frame a few times, and gives each body away as it comes.
fn encode(frame: &Frame, mut take: impl FnMut(LineBody)) {
    let (mut bodies, mut rejected) = (Vec::new(), Vec::new());
    let mut encoder = Encoder::new(settings());
    for _ in 0..PUSHES {
        encoder.push(frame, &mut bodies, &mut rejected);
        bodies.drain(..).for_each(&mut take);
    }
    encoder.finish(&mut bodies);
    bodies.drain(..).for_each(&mut take);
    assert!(rejected.is_empty(), "nothing here is refused");
}

/// A body as it goes to the destination.
pub(crate) fn first_body(shape: &Shape) -> LineBody {
    let mut first = None;
    encode(&frame(shape), |body| {
        first.get_or_insert(body);
    });
    first.expect("a frame with values becomes at least one body")
}

/// The shape of a fleet of hosts: ten tags, small integers or floats of full precision, one row every ten seconds.
fn frame(shape: &Shape) -> Frame {
    let (series, rows) = sized((160, 100), (4, 10));
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let total = series * rows;
    let second = |row: usize| 1_577_836_800 + i64::try_from(row % rows).expect("few rows") * 10;
    let times = TimestampNanosecondArray::from_iter_values(
        (0..total).map(|row| second(row) * 1_000_000_000),
    )
    .with_timezone("UTC");
    let mut columns: Vec<(String, ArrayRef)> = vec![("time".to_owned(), Arc::new(times))];
    for at in 0..shape.fields {
        let array: ArrayRef = if shape.float {
            #[expect(clippy::cast_precision_loss, reason = "53 bits are left")]
            let values = (0..total).map(|_| (random() >> 11) as f64 / (1u64 << 53) as f64 * 100.0);
            Arc::new(Float64Array::from_iter_values(values))
        } else {
            Arc::new(Int64Array::from_iter_values(
                (0..total).map(|_| i64::try_from(random() % 101).expect("small")),
            ))
        };
        columns.push((format!("usage_{at}"), array));
    }
    let kind = if shape.float { FieldType::Float } else { FieldType::Integer };
    let fields = (0..shape.fields)
        .map(|at| (Name::from(format!("usage_{at}").into_bytes()), kind))
        .collect();
    let tag =
        |key: &str, value: String| (Name::from(key.as_bytes()), Name::from(value.into_bytes()));
    let runs = (0..series).map(|host| {
        let keys = [
            "arch",
            "datacenter",
            "os",
            "rack",
            "region",
            "service",
            "service_environment",
            "service_version",
            "team",
        ];
        let tags = keys
            .iter()
            .map(|key| tag(key, format!("{key}-{}", host % 7)))
            .chain([tag("hostname", format!("host_{host}"))]);
        Run { end_row: (host + 1) * rows, series: Arc::new(Series::new(*b"cpu", tags)) }
    });
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    Frame {
        measurement: Name::from(*b"cpu"),
        fields,
        batch,
        runs: runs.collect(),
        values: (total * shape.fields) as u64,
    }
}
