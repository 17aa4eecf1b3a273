//! Speed of the CSV decoder, merging included, on answers shaped like TSBS cpu-only: one core, bytes in memory.
//!
//! `cargo bench --bench decode`; without `--bench` a tiny size, only to see that it runs.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use sluice::limits::DECODE_STEP_BYTES_MAX;
use sluice::model::time::Timestamp;
use sluice::wire::csv::decoder::{Decoder, DecoderSettings};

const FIELDS: [&str; 10] = [
    "usage_guest",
    "usage_guest_nice",
    "usage_idle",
    "usage_iowait",
    "usage_irq",
    "usage_nice",
    "usage_softirq",
    "usage_steal",
    "usage_system",
    "usage_user",
];

/// What one answer looks like.
struct Shape {
    name: &'static str,
    datatype: &'static str,
    hosts: u32,
    rows: u32,
    /// With `_start` and `_stop`, as a read without drop.
    bounds: bool,
    /// Each field misses other times.
    sparse: bool,
}

const SHAPES: [Shape; 6] = [
    Shape {
        name: "integers",
        datatype: "long",
        hosts: 40,
        rows: 8_640,
        bounds: false,
        sparse: false,
    },
    Shape {
        name: "integers, plain",
        datatype: "long",
        hosts: 40,
        rows: 8_640,
        bounds: true,
        sparse: false,
    },
    Shape {
        name: "integers, 60 rows a table",
        datatype: "long",
        hosts: 4_000,
        rows: 60,
        bounds: false,
        sparse: false,
    },
    Shape {
        name: "integers, sparse",
        datatype: "long",
        hosts: 40,
        rows: 8_640,
        bounds: false,
        sparse: true,
    },
    Shape {
        name: "floats, 17 digits",
        datatype: "double",
        hosts: 20,
        rows: 8_640,
        bounds: false,
        sparse: false,
    },
    Shape {
        name: "strings",
        datatype: "string",
        hosts: 20,
        rows: 8_640,
        bounds: false,
        sparse: false,
    },
];

fn answer(shape: &Shape) -> (String, u64) {
    let (types, groups, labels, bounds) = if shape.bounds {
        let time = "dateTime:RFC3339,dateTime:RFC3339,";
        (time, "true,true,", "_start,_stop,", "2020-01-01T00:00:00Z,2020-01-02T00:00:00Z,")
    } else {
        ("", "", "", "")
    };
    let mut body = format!(
        "#datatype,string,long,{types}dateTime:RFC3339,{}{}\r\n#group,false,false,{groups}false,false{}\r\n#default,_result,{}\r\n\
         ,result,table,{labels}_time,_value,~f,_measurement,arch,datacenter,hostname,os,rack,region,service,service_environment,\
         service_version,team\r\n",
        shape.datatype,
        ",string".repeat(12),
        ",true".repeat(12),
        ",".repeat(if shape.bounds { 16 } else { 14 }),
    );
    let start = "2020-01-01".parse::<Timestamp>().expect("a date").ns();
    let times: Vec<_> = (0..i64::from(shape.rows))
        .map(|row| Timestamp::from_ns(start + row * 10_000_000_000).to_string())
        .collect();
    let (mut table, mut values, mut random) = (0, 0, 1u64);
    for host in 0..shape.hosts {
        for (at, field) in FIELDS.iter().enumerate() {
            let tail = format!(
                "{field},cpu,x86,us-west-1b,host_{host},Ubuntu16.04LTS,{},us-west-1,6,production,1,CHI",
                host % 97
            );
            for (row, time) in times.iter().enumerate() {
                if shape.sparse && (row + at) % 5 == 0 {
                    continue;
                }
                // A plain generator: the digits matter, not their distribution.
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let _ = match shape.datatype {
                    "double" => write!(
                        body,
                        ",,{table},{bounds}{time},0.{:017},{tail}\r\n",
                        (random >> 8) % 100_000_000_000_000_000
                    ),
                    "string" => {
                        write!(body, ",,{table},{bounds}{time},state {},{tail}\r\n", random >> 40)
                    }
                    _ => {
                        write!(body, ",,{table},{bounds}{time},{},{tail}\r\n", (random >> 33) % 101)
                    }
                };
                values += 1;
            }
            table += 1;
        }
    }
    body.push_str("\r\n");
    (body, values)
}

fn decode(body: &[u8]) -> (u64, u64) {
    let mut decoder =
        Decoder::new(DecoderSettings { field_label: "~f".to_owned(), unescape_strings: false });
    let mut frames = Vec::new();
    for step in body.chunks(DECODE_STEP_BYTES_MAX) {
        decoder.push(step, &mut frames).expect("the answer is well formed");
        frames.clear();
    }
    let totals = decoder.finish(&mut frames).expect("the answer is complete");
    (totals.values, totals.rows)
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn main() {
    // Cargo passes `--bench` for a measurement; `cargo test` passes nothing of the kind.
    let tiny = !std::env::args().any(|arg| arg == "--bench")
        || std::env::args().any(|arg| arg == "--test");
    println!(
        "{:<28} {:>12} {:>10} {:>10} {:>10} {:>8}",
        "shape", "values", "B/value", "Mvalues/s", "MB/s", "ns/value"
    );
    for mut shape in SHAPES {
        if tiny {
            shape.hosts = 2;
            shape.rows = 10;
        }
        let (body, values) = answer(&shape);
        let mut best = Duration::MAX;
        for _ in 0..if tiny { 1 } else { 5 } {
            let begin = Instant::now();
            assert_eq!(decode(body.as_bytes()).0, values);
            best = best.min(begin.elapsed());
        }
        let (seconds, count, bytes) = (best.as_secs_f64(), values as f64, body.len() as f64);
        println!(
            "{:<28} {values:>12} {:>10.1} {:>10.1} {:>10.0} {:>8.1}",
            shape.name,
            bytes / count,
            count / seconds / 1e6,
            bytes / seconds / 1e6,
            seconds * 1e9 / count
        );
    }
}
