//! A generator in the manner of the TSBS `cpu-only` workload: ten tags, ten fields, each field a random walk between
//! 0 and 100. Equal seeds give equal data.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampNanosecondArray};

use super::data::chunk::ColumnValues;
use super::data::store::BucketStore;
use crate::model::frame::{FieldType, Frame, Run};
use crate::model::random::Random;
use crate::model::series::Series;
use crate::model::time::{TimeRange, Timestamp};

/// The series of a host, and the values of its fields.
pub(crate) type Host = (Series, Vec<(&'static str, ColumnValues)>);

/// What is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    /// Number of series.
    pub hosts: u32,
    /// First instant, nanoseconds since 1970.
    pub start_ns: i64,
    /// Time from one line of a host to its next.
    pub interval_ns: i64,
    /// Lines per host.
    pub points_per_host: usize,
    /// Floats of up to 17 digits instead of integers.
    pub floats: bool,
    /// Where the random walks begin.
    pub seed: u64,
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            hosts: 10,
            start_ns: 1_577_836_800_000_000_000,
            interval_ns: 10_000_000_000,
            points_per_host: 360,
            floats: false,
            seed: 1,
        }
    }
}

impl Workload {
    /// How many values it makes.
    pub fn values(&self) -> u64 {
        u64::from(self.hosts) * self.points_per_host as u64 * FIELDS.len() as u64
    }

    /// Loads everything into a bucket; the error is the store's.
    pub fn load(&self, store: &BucketStore, bucket: &str) -> Result<(), String> {
        let times = self.times();
        for host in 0..self.hosts {
            let (series, columns) = self.host(host);
            for (field, column) in columns {
                store.load_column(bucket, &series, field.as_bytes(), &times, &column)?;
            }
        }
        Ok(())
    }

    /// The instants of every host's lines.
    pub fn times(&self) -> Vec<i64> {
        let times = (0_i64..).map(|row| self.start_ns + row * self.interval_ns);
        times.take(self.points_per_host).collect()
    }

    /// The range that these rows of every host take.
    pub fn range(&self, rows: Range<usize>) -> TimeRange {
        let start = |row: usize| {
            let row = i64::try_from(row).unwrap_or(i64::MAX);
            Timestamp::from_ns(self.start_ns)
                .saturating_add_ns(row.saturating_mul(self.interval_ns))
        };
        TimeRange::new(start(rows.start), start(rows.end))
    }

    /// The content of a host.
    pub fn host(&self, host: u32) -> Host {
        let mut random = Random::new(self.seed ^ (u64::from(host) << 32));
        let series = host_series(host, &mut random);
        (series, FIELDS.map(|field| (field, self.walk(&mut random))).into())
    }

    /// Some rows of a host as a frame.
    ///
    /// # Panics
    ///
    /// If the host is not of this workload.
    pub fn frame(&self, (series, columns): &Host, rows: Range<usize>) -> Frame {
        let times = TimestampNanosecondArray::from(self.times()[rows.clone()].to_vec());
        let mut arrays: Vec<(String, ArrayRef, bool)> =
            vec![("time".to_owned(), Arc::new(times.with_timezone("UTC")), false)];
        let mut fields = Vec::new();
        for (name, column) in columns {
            let (kind, array): (_, ArrayRef) = match column {
                ColumnValues::Integer(own) => {
                    (FieldType::Integer, Arc::new(Int64Array::from(own[rows.clone()].to_vec())))
                }
                ColumnValues::Float(own) => {
                    (FieldType::Float, Arc::new(Float64Array::from(own[rows.clone()].to_vec())))
                }
                _ => unreachable!("a workload has no other columns"),
            };
            fields.push((name.as_bytes().into(), kind));
            arrays.push(((*name).to_owned(), array, true));
        }
        Frame {
            measurement: series.measurement.clone(),
            values: (rows.len() * fields.len()) as u64,
            fields,
            batch: RecordBatch::try_from_iter_with_nullable(arrays)
                .expect("each column has as many rows as there are times"),
            runs: vec![Run { end_row: rows.len(), series: Arc::new(series.clone()) }],
        }
    }

    fn walk(&self, random: &mut Random) -> ColumnValues {
        let mut at = random.unit() * 100.0;
        let steps = std::iter::repeat_with(|| {
            at = (at + normal(random)).clamp(0.0, 100.0);
            at
        });
        let steps = steps.take(self.points_per_host);
        if self.floats {
            ColumnValues::Float(steps.collect())
        } else {
            ColumnValues::Integer(steps.map(whole).collect())
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to 0..=100")]
fn whole(value: f64) -> i64 {
    value as i64
}

const FIELDS: [&str; 10] = [
    "usage_user",
    "usage_system",
    "usage_idle",
    "usage_nice",
    "usage_iowait",
    "usage_irq",
    "usage_softirq",
    "usage_steal",
    "usage_guest",
    "usage_guest_nice",
];

const REGIONS: [&str; 9] = [
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
];

fn host_series(host: u32, random: &mut Random) -> Series {
    let region = REGIONS[below(random, REGIONS.len())];
    let tags: [(&str, String); 10] = [
        ("hostname", format!("host_{host}")),
        ("region", region.to_owned()),
        ("datacenter", format!("{region}{}", ["a", "b", "c"][below(random, 3)])),
        ("rack", below(random, 100).to_string()),
        ("os", ["Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"][below(random, 3)].to_owned()),
        ("arch", ["x64", "x86"][below(random, 2)].to_owned()),
        ("team", ["SF", "NYC", "LON", "CHI"][below(random, 4)].to_owned()),
        ("service", below(random, 20).to_string()),
        ("service_version", below(random, 2).to_string()),
        ("service_environment", ["production", "staging", "test"][below(random, 3)].to_owned()),
    ];
    let name = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
    Series::new(name("cpu"), tags.iter().map(|(key, value)| (name(key), name(value))))
}

fn below(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.next() >> 33).unwrap_or(0) % bound
}

/// Mean 0, deviation 1: the sum of twelve numbers between 0 and 1, the same on every machine.
fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
}
