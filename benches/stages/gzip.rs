//! Bodies packed on their way out, answers unpacked on their way in.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use sluice::testing::influx::{Gunzip, pack};

use super::answers::{self, FIELDS, Form, Kind, shape};
use super::encode;

/// As large as what a connection hands out at one time.
const CHUNK_BYTES: usize = 16 * 1024;

const ANSWERS: [answers::Shape; 5] = [
    shape("flux", Form::Flux, Kind::Integer),
    shape("flux-keyed", Form::FluxKeyed, Kind::Integer),
    shape("flux-pivot", Form::FluxPivot, Kind::Integer),
    shape("influxql msgpack", Form::MessagePack, Kind::Integer),
    shape("influxql json", Form::Json, Kind::Integer),
];

/// Bytes are those of line protocol.
#[divan::bench(args = encode::SHAPES)]
fn body(bencher: Bencher<'_, '_>, shape: &encode::Shape) {
    let body = encode::first_body(shape);
    bencher
        .counter(ItemsCount::new(body.values))
        .counter(BytesCount::new(body.bytes.len()))
        .bench_local(|| pack(&body.bytes));
}

/// Bytes are those of the answer, unpacked.
#[divan::bench(args = ANSWERS, sample_count = 30, sample_size = 1)]
fn answer(bencher: Bencher<'_, '_>, shape: &answers::Shape) {
    let shape = shape.sized();
    let plain = answers::answer(&shape);
    let packed = pack(&plain);
    let unpack = || {
        let (mut gunzip, mut rest, mut bytes) = (Gunzip::default(), packed.clone(), 0);
        while !rest.is_empty() {
            gunzip.take(rest.split_to(CHUNK_BYTES.min(rest.len())));
            while let Some(step) = gunzip.step().expect("what was packed") {
                bytes += step.len();
            }
        }
        bytes + gunzip.finish().expect("a whole member").map_or(0, |last| last.len())
    };
    bencher
        .counter(ItemsCount::new(shape.hosts * shape.rows * FIELDS.len()))
        .counter(BytesCount::new(plain.len()))
        .bench_local(|| assert_eq!(unpack(), plain.len()));
}
