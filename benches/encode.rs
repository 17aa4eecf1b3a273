//! How fast frames become line protocol: `cargo bench --bench encode`; a word behind `--` picks the shapes whose name holds
//! it. One thread; `--test` runs it once, tiny.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampNanosecondArray};
use sluice::model::frame::{FieldType, Frame, Run};
use sluice::model::series::{Name, Series};
use sluice::wire::line::body::EncoderSettings;
use sluice::wire::line::encoder::Encoder;

/// Short rounds and many: the fastest one is the least disturbed by the rest of the machine.
const ROUNDS: usize = 100;
const PUSHES: usize = 4;

struct Shape {
    name: &'static str,
    fields: usize,
    float: bool,
}

fn main() {
    // Cargo passes `--bench` for a measurement; `cargo test` passes nothing of the kind.
    let measure = std::env::args().any(|arg| arg == "--bench")
        && !std::env::args().any(|arg| arg == "--test");
    let (series, rows, rounds) = if measure { (160, 100, ROUNDS) } else { (4, 10, 1) };
    println!(
        "{:<14} {:>12} {:>12} {:>10} {:>10}",
        "lines", "values/s", "bytes/s", "ns/value", "B/value"
    );
    for shape in [
        Shape { name: "10 integers", fields: 10, float: false },
        Shape { name: "10 floats", fields: 10, float: true },
        Shape { name: "1 integer", fields: 1, float: false },
        Shape { name: "1 float", fields: 1, float: true },
    ] {
        let pick = std::env::args().skip(1).find(|word| !word.starts_with("--"));
        if pick.is_some_and(|word| !shape.name.contains(&word)) {
            continue;
        }
        run(&shape, &frame(&shape, series, rows), rounds);
    }
}

/// Encodes the frame a few times in each round; the fastest round counts.
fn run(shape: &Shape, frame: &Frame, rounds: usize) {
    let mut best = f64::INFINITY;
    let (mut values, mut bytes) = (0, 0);
    for _ in 0..rounds {
        let (mut bodies, mut rejected) = (Vec::new(), Vec::new());
        let mut encoder = Encoder::new(EncoderSettings {
            shard_group_ns: Some(86_400_000_000_000),
            ..EncoderSettings::default()
        });
        (values, bytes) = (0, 0);
        let begin = Instant::now();
        for _ in 0..PUSHES {
            encoder.push(black_box(frame), &mut bodies, &mut rejected);
            for body in bodies.drain(..) {
                values += body.values;
                bytes += body.bytes.len();
            }
        }
        encoder.finish(&mut bodies);
        best = best.min(begin.elapsed().as_secs_f64());
        values += bodies.iter().map(|body| body.values).sum::<u64>();
        bytes += bodies.iter().map(|body| body.bytes.len()).sum::<usize>();
        assert!(rejected.is_empty(), "nothing here is refused");
    }
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let (values, bytes) = (values as f64, bytes as f64);
    let (name, per_value) = (shape.name, best / values * 1e9);
    println!(
        "{name:<14} {:>12.0} {:>12.0} {per_value:>10.1} {:>10.1}",
        values / best,
        bytes / best,
        bytes / values
    );
}

/// The shape of a fleet of hosts: ten tags, small integers or floats of full precision, one row every ten seconds.
fn frame(shape: &Shape, series: usize, rows: usize) -> Frame {
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
