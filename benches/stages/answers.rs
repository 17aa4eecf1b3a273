//! Generated answers of a source, shaped like TSBS cpu-only, in each form.

use std::fmt;
use std::fmt::Write as _;

use sluice::testing::model::series::{Name, Series};
use sluice::testing::model::time::Timestamp;

use super::sized;

pub(crate) const FIELDS: [&str; 10] = [
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

/// Rows of one chunk of an InfluxQL answer.
const CHUNK_ROWS: usize = 10_000;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `_start` and `_stop` left in.
    FluxBounds,
    Flux,
    FluxKeyed,
    FluxPivot,
    MessagePack,
    MessagePackAllTags,
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Float,
    String,
}

/// What one answer looks like.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    pub(crate) kind: Kind,
    pub(crate) hosts: usize,
    pub(crate) rows: usize,
    /// Each field misses other times.
    sparse: bool,
}

impl Shape {
    /// As large as this process was asked for.
    pub(crate) fn sized(&self) -> Self {
        // More hosts than racks: the name of the host is the only tag that tells them apart.
        let (hosts, rows) = sized((self.hosts, self.rows), (6, 10));
        Self { hosts, rows, ..*self }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

pub(crate) const fn shape(name: &'static str, form: Form, kind: Kind) -> Shape {
    Shape { name, form, kind, hosts: 8, rows: 8_640, sparse: false }
}

pub(crate) const SHAPES: [Shape; 22] = [
    shape("flux", Form::Flux, Kind::Integer),
    shape("flux, bounds left in", Form::FluxBounds, Kind::Integer),
    Shape { hosts: 800, rows: 60, ..shape("flux, 60 rows a table", Form::Flux, Kind::Integer) },
    Shape { sparse: true, ..shape("flux, sparse", Form::Flux, Kind::Integer) },
    shape("flux, floats", Form::Flux, Kind::Float),
    shape("flux, strings", Form::Flux, Kind::String),
    shape("flux-keyed", Form::FluxKeyed, Kind::Integer),
    Shape {
        hosts: 800,
        rows: 60,
        ..shape("flux-keyed, 60 rows a table", Form::FluxKeyed, Kind::Integer)
    },
    shape("flux-keyed, floats", Form::FluxKeyed, Kind::Float),
    shape("flux-pivot", Form::FluxPivot, Kind::Integer),
    Shape {
        hosts: 800,
        rows: 60,
        ..shape("flux-pivot, 60 rows a table", Form::FluxPivot, Kind::Integer)
    },
    Shape { sparse: true, ..shape("flux-pivot, sparse", Form::FluxPivot, Kind::Integer) },
    shape("flux-pivot, floats", Form::FluxPivot, Kind::Float),
    shape("influxql msgpack", Form::MessagePack, Kind::Integer),
    shape("influxql msgpack, all tags", Form::MessagePackAllTags, Kind::Integer),
    Shape {
        hosts: 800,
        rows: 60,
        ..shape("influxql msgpack, 60 rows", Form::MessagePack, Kind::Integer)
    },
    Shape { sparse: true, ..shape("influxql msgpack, sparse", Form::MessagePack, Kind::Integer) },
    shape("influxql msgpack, floats", Form::MessagePack, Kind::Float),
    shape("influxql msgpack, strings", Form::MessagePack, Kind::String),
    shape("influxql json", Form::Json, Kind::Integer),
    shape("influxql json, floats", Form::Json, Kind::Float),
    shape("influxql json, strings", Form::Json, Kind::String),
];

/// A plain generator: the digits matter, not their distribution.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 8
    }

    fn integer(&mut self) -> u8 {
        u8::try_from((self.next() >> 25) % 101).expect("small")
    }

    /// Up to 17 digits.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are left")]
    fn float(&mut self) -> f64 {
        (self.next() >> 3) as f64 / (1u64 << 53) as f64 * 100.0
    }

    fn text(&mut self) -> String {
        format!("state {}", self.next() >> 32)
    }

    /// As CSV and JSON write it.
    fn written(&mut self, kind: Kind, quote: &str) -> String {
        match kind {
            Kind::Integer => self.integer().to_string(),
            Kind::Float => self.float().to_string(),
            Kind::String => format!("{quote}{}{quote}", self.text()),
        }
    }
}

pub(crate) fn series(host: usize) -> Series {
    let tags = [
        ("arch", "x86".to_owned()),
        ("datacenter", "us-west-1b".to_owned()),
        ("hostname", format!("host_{host}")),
        ("os", "Ubuntu16.04LTS".to_owned()),
        ("rack", (host % 5).to_string()),
        ("region", "us-west-1".to_owned()),
        ("service", "6".to_owned()),
        ("service_environment", "production".to_owned()),
        ("service_version", "1".to_owned()),
        ("team", "CHI".to_owned()),
    ];
    let tags = tags.into_iter().map(|(key, value)| (name(key), name(&value)));
    Series::new(*b"cpu", tags)
}

pub(crate) fn name(text: &str) -> Name {
    text.as_bytes().into()
}

/// The time of each row: every ten seconds.
fn times(shape: &Shape) -> Vec<i64> {
    let start = "2020-01-01".parse::<Timestamp>().expect("a date").ns();
    let rows = i64::try_from(shape.rows).expect("few");
    (0..rows).map(|row| start + row * 10_000_000_000).collect()
}

fn is_missing(shape: &Shape, row: usize, field: usize) -> bool {
    shape.sparse && (row + field).is_multiple_of(5)
}

fn datatype(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "long",
        Kind::Float => "double",
        Kind::String => "string",
    }
}

/// Annotations and header; each column with its type and whether it belongs to the group key.
fn head(columns: &[(&str, &str, bool)]) -> String {
    let row = |first: &str, text: &dyn Fn(&(&str, &str, bool)) -> String| {
        let cells: Vec<_> = columns.iter().map(text).collect();
        format!("{first},{}\r\n", cells.join(","))
    };
    [
        row("#datatype,string,long", &|column| column.1.to_owned()),
        row("#group,false,false", &|column| column.2.to_string()),
        row("#default,_result,", &|_| String::new()),
        row(",result,table", &|column| column.0.to_owned()),
    ]
    .concat()
}

fn narrow(shape: &Shape) -> Vec<u8> {
    const TIME: &str = "dateTime:RFC3339";
    let is_keyed = shape.form == Form::FluxKeyed;
    let bounds = if shape.form == Form::FluxBounds {
        "2020-01-01T00:00:00Z,2020-01-02T00:00:00Z,"
    } else {
        ""
    };
    let first = series(0);
    let tags: Vec<_> = first.tags.iter().map(|(key, _)| String::from_utf8_lossy(key)).collect();
    let mut columns = Vec::new();
    if !bounds.is_empty() {
        columns.extend([("_start", TIME, true), ("_stop", TIME, true)]);
    }
    columns.extend([("_time", TIME, false), ("_value", datatype(shape.kind), false)]);
    if is_keyed {
        columns.extend([("hostname", "string", true), ("~f", "string", true)]);
    } else {
        columns.extend([("~f", "string", true), ("_measurement", "string", true)]);
        columns.extend(tags.iter().map(|key| (&**key, "string", true)));
    }
    let mut body = head(&columns);
    let times: Vec<_> =
        times(shape).into_iter().map(|ns| Timestamp::from_ns(ns).to_string()).collect();
    let (mut table, mut random) = (0, Random(1));
    for host in 0..shape.hosts {
        for (at, field) in FIELDS.iter().enumerate() {
            let tail = if is_keyed {
                format!("host_{host},{field}")
            } else {
                let series = series(host);
                let values = series.tags.iter().map(|(_, value)| String::from_utf8_lossy(value));
                format!("{field},cpu,{}", values.collect::<Vec<_>>().join(","))
            };
            for (row, time) in times.iter().enumerate() {
                if !is_missing(shape, row, at) {
                    let value = random.written(shape.kind, "");
                    let _ = write!(body, ",,{table},{bounds}{time},{value},{tail}\r\n");
                }
            }
            table += 1;
        }
    }
    body.push_str("\r\n");
    body.into()
}

fn pivoted(shape: &Shape) -> Vec<u8> {
    let mut columns = vec![("_time", "dateTime:RFC3339", false), ("hostname", "string", true)];
    columns.extend(FIELDS.map(|field| (field, datatype(shape.kind), false)));
    let mut body = head(&columns);
    let times: Vec<_> =
        times(shape).into_iter().map(|ns| Timestamp::from_ns(ns).to_string()).collect();
    let mut random = Random(1);
    for host in 0..shape.hosts {
        for (row, time) in times.iter().enumerate() {
            let _ = write!(body, ",,{host},{time},host_{host}");
            for at in 0..FIELDS.len() {
                body.push(',');
                if !is_missing(shape, row, at) {
                    body.push_str(&random.written(shape.kind, ""));
                }
            }
            body.push_str("\r\n");
        }
    }
    body.push_str("\r\n");
    body.into()
}

/// The tags that an InfluxQL answer names.
fn tags_of(shape: &Shape, host: usize) -> Vec<(Name, Name)> {
    let mut tags = series(host).tags;
    if shape.form != Form::MessagePackAllTags {
        tags.retain(|(key, _)| **key == *b"hostname");
    }
    tags
}

/// Calls for each chunk: host, its first row, its rows, whether the series goes on, whether the statement does.
fn chunks(shape: &Shape, mut chunk: impl FnMut(usize, usize, &[i64], bool, bool)) {
    let times = times(shape);
    for host in 0..shape.hosts {
        for (at, part) in times.chunks(CHUNK_ROWS).enumerate() {
            let series_goes_on = (at + 1) * CHUNK_ROWS < times.len();
            let is_last = host + 1 == shape.hosts && !series_goes_on;
            chunk(host, at * CHUNK_ROWS, part, series_goes_on, !is_last);
        }
    }
}

fn json(shape: &Shape) -> Vec<u8> {
    let (mut body, mut random) = (String::new(), Random(1));
    let columns = FIELDS.map(|field| format!("\"{field}\"")).join(",");
    chunks(shape, |host, first, times, series_goes_on, goes_on| {
        let _ = write!(
            body,
            "{{\"results\":[{{\"statement_id\":0,\"series\":[{{\"name\":\"cpu\",\"tags\":{{\"hostname\":\"host_{host}\"}},\
             \"columns\":[\"time\",{columns}],\"values\":["
        );
        for (row, time) in times.iter().enumerate() {
            let _ = write!(body, "{}[{time}", if row > 0 { "," } else { "" });
            for at in 0..FIELDS.len() {
                body.push(',');
                if is_missing(shape, first + row, at) {
                    body.push_str("null");
                } else {
                    body.push_str(&random.written(shape.kind, "\""));
                }
            }
            body.push(']');
        }
        let partial = |is: bool| if is { ",\"partial\":true" } else { "" };
        let _ = writeln!(body, "]{}}}]{}}}]}}", partial(series_goes_on), partial(goes_on));
    });
    body.into()
}

fn message_pack(shape: &Shape) -> Vec<u8> {
    fn text(body: &mut Vec<u8>, text: &[u8]) {
        body.push(0xa0 | u8::try_from(text.len()).expect("short"));
        body.extend(text);
    }
    let (mut body, mut random) = (Vec::new(), Random(1));
    chunks(shape, |host, first, times, series_goes_on, goes_on| {
        body.extend(b"\x81\xa7results\x91");
        body.push(0x82 + u8::from(goes_on));
        body.extend(b"\xacstatement_id\x00\xa6series\x91");
        body.push(0x84 + u8::from(series_goes_on));
        body.extend(b"\xa4name\xa3cpu\xa4tags");
        let tags = tags_of(shape, host);
        body.push(0x80 | u8::try_from(tags.len()).expect("few"));
        for (key, value) in &tags {
            text(&mut body, key);
            text(&mut body, value);
        }
        body.extend(b"\xa7columns\x9b\xa4time");
        for field in FIELDS {
            text(&mut body, field.as_bytes());
        }
        body.extend(b"\xa6values\xdc");
        body.extend(u16::try_from(times.len()).expect("a chunk").to_be_bytes());
        for (row, time) in times.iter().enumerate() {
            body.extend(b"\x9b\xd3");
            body.extend(time.to_be_bytes());
            for at in 0..FIELDS.len() {
                match shape.kind {
                    _ if is_missing(shape, first + row, at) => body.push(0xc0),
                    Kind::Integer => body.push(random.integer()),
                    Kind::Float => {
                        body.push(0xcb);
                        body.extend(random.float().to_be_bytes());
                    }
                    Kind::String => text(&mut body, random.text().as_bytes()),
                }
            }
        }
        for goes_on in [series_goes_on, goes_on] {
            body.extend(if goes_on { &b"\xa7partial\xc3"[..] } else { b"" });
        }
    });
    body
}

pub(crate) fn answer(shape: &Shape) -> Vec<u8> {
    match shape.form {
        Form::FluxBounds | Form::Flux | Form::FluxKeyed => narrow(shape),
        Form::FluxPivot => pivoted(shape),
        Form::MessagePack | Form::MessagePackAllTags => message_pack(shape),
        Form::Json => json(shape),
    }
}
