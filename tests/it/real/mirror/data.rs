//! What both servers hold: random lines, and lines that are known to be hard.

use std::fmt::Write as _;

pub(crate) const DAY_NS: i64 = 86_400_000_000_000;
pub(crate) const START_NS: i64 = 1_577_836_800_000_000_000;

/// The smallest and the largest time that can be written.
const EDGES_NS: [i64; 2] = [-9_223_372_036_854_775_806, 9_223_372_036_854_775_806];

pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

pub(crate) const KEYS: [&str; 10] =
    ["Host", "host", "_tag", "a b", "zone", "Zone", "~tag", "ä", "F", "f0"];

fn escaped(name: &str) -> String {
    name.replace(' ', "\\ ").replace(',', "\\,").replace('=', "\\=")
}

/// Lines over three shard groups: tag sets that come and go, keys whose case and sign decide their order, fields that are
/// missing here and there, each of the five types.
pub(crate) fn lines(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let values = ["a", "B", "c d", "e,f", "g=h", "\"i\"", "ö", "0", "~"];
    let mut text = String::new();
    for row in 0..400_i64 {
        let mut line = random.one(&["cpu", "Mem", "_odd", "a b"]).replace(' ', "\\ ");
        for key in KEYS {
            if random.below(4) == 0 {
                write!(line, ",{}={}", escaped(key), escaped(random.one(&values))).unwrap();
            }
        }
        let mut fields = Vec::new();
        let number = random.below(1_000_000);
        for (field, value) in [
            ("f0", format!("{number}i")),
            ("F1", format!("{}u", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
            ("_f2", format!("{}.{number}e-{}", number % 7, number % 30)),
            (
                "f 3",
                format!("\"text {number} \\\"q\\\", {}\"", random.one(&values).replace('"', "")),
            ),
            ("zz", number.is_multiple_of(2).to_string()),
        ] {
            if random.below(3) > 0 || fields.is_empty() {
                fields.push(format!("{}={value}", escaped(field)));
            }
        }
        let offset = row % 3 * 7 * DAY_NS + i64::try_from(random.below(1 << 40)).unwrap() * 500;
        writeln!(text, "{line} {} {}", fields.join(","), START_NS + offset).unwrap();
    }
    text.into_bytes()
}

/// Few times and few series, so that times meet; fields whose type changes from day to day.
pub(crate) fn changing_types(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut kind_of: Vec<[u64; 3]> = Vec::new();
    for _ in 0..4 {
        kind_of.push([random.below(5), random.below(5), random.below(2)]);
    }
    let mut text = String::new();
    for _ in 0..300 {
        let day = random.below(4);
        let mut line = random.one(&["m", "n"]).to_owned();
        for key in ["a", "b", "c"] {
            if random.below(2) == 0 {
                write!(line, ",{key}={}", random.one(&["x", "y", "1", "2"])).unwrap();
            }
        }
        let number = random.below(1 << 30);
        let mut fields = Vec::new();
        for (at, field) in ["v", "w", "s"].iter().enumerate() {
            if random.below(3) == 0 && !(fields.is_empty() && at == 2) {
                continue;
            }
            let value = match (kind_of[usize::try_from(day).unwrap()][at], at) {
                (_, 2) => format!("\"{}\"", random.one(&["a", "b", "c"])),
                (0, _) => format!("{number}.5"),
                (1, _) => format!("-{number}i"),
                (2, _) => format!("{}u", u64::MAX - number),
                (3, _) => format!("\"{number}\""),
                _ => number.is_multiple_of(2).to_string(),
            };
            fields.push(format!("{field}={value}"));
        }
        let time = START_NS
            + i64::try_from(day).unwrap() * DAY_NS
            + i64::try_from(random.below(8)).unwrap();
        writeln!(text, "{line} {} {time}", fields.join(",")).unwrap();
    }
    text.into_bytes()
}

/// The lines that a server of 1.x can take: it refuses names that are not UTF-8. The long series says nothing more.
pub(crate) fn for_older(lines: &[u8]) -> Vec<u8> {
    let taken = |line: &&[u8]| std::str::from_utf8(line).is_ok() && !line.starts_with(b"long,");
    signed(&lines.split_inclusive(|byte| *byte == b'\n').filter(taken).collect::<Vec<_>>().concat())
}

/// The same lines with unsigned numbers as signed ones: the last digits of those that are too large.
fn signed(lines: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(lines.len());
    for (at, &byte) in lines.iter().enumerate() {
        let digits = out.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let before = out.len() - digits;
        let ends = matches!(lines.get(at + 1), Some(b',' | b' '));
        if byte == b'u' && ends && digits > 0 && out[..before].ends_with(b"=") {
            let digits = out.split_off(before);
            out.extend_from_slice(&digits[digits.len().saturating_sub(18)..]);
            out.push(b'i');
        } else {
            out.push(byte);
        }
    }
    out
}

/// Names and values that a query has to quote, or cannot hold at all.
pub(crate) const HARD_NAMES: [&[u8]; 22] = [
    b"plain",
    b"a b",
    b"q\"q",
    b"q'q",
    b"b\\\\b",
    b"com,ma",
    b"eq=ual",
    b"l\nf",
    b"c\rr",
    b"n\0ul",
    b"t\tab",
    b"u\xe9v",
    "uév".as_bytes(),
    "u\u{fffd}v".as_bytes(),
    "日本🙂".as_bytes(),
    b"!#$%&()*+-./:;<>?@[]^_`{|}~",
    b"SELECT",
    b"${x}",
    b"\\n",
    b"x -- y",
    b"a/*b*/",
    b"\xff\xfe",
];

fn protocol(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for &byte in name {
        if matches!(byte, b' ' | b',' | b'=') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out
}

/// Each hard name as measurement, tag key, tag value and field.
pub(crate) fn hard_names() -> Vec<u8> {
    let mut lines = Vec::new();
    for (at, name) in HARD_NAMES.into_iter().enumerate() {
        // A line feed ends a line, and a backslash before one of these would change it.
        let value: Vec<u8> = name.iter().copied().filter(|byte| *byte != b'\n').collect();
        let (name, value) = (protocol(&value), protocol(&value));
        for (measurement, tag, text, field) in [
            (&name[..], &b"k"[..], &b"v"[..], &b"f"[..]),
            (b"tags", &name, b"v", b"f"),
            (b"values", b"k", &value, b"f"),
            (b"fields", b"k", b"v", &name),
        ] {
            for part in [measurement, b",", tag, b"=", text, b" ", field, b"=1 "] {
                lines.extend_from_slice(part);
            }
            lines.extend_from_slice(
                format!("{}\n", START_NS + i64::try_from(at).unwrap()).as_bytes(),
            );
        }
    }
    lines
}

/// One series, no tags, every type with its extremes, the edges of time, long texts, many columns, many rows, and series
/// that a gathered answer confuses.
pub(crate) fn odd_shapes() -> Vec<u8> {
    let mut text = String::new();
    for (row, float) in [
        "0",
        "-0",
        "1",
        "-1.5",
        "1e-6",
        "9.9e-7",
        "1e21",
        "1e20",
        "5e-324",
        "1.7976931348623157e308",
        "0.1",
    ]
    .iter()
    .enumerate()
    {
        writeln!(text, "bare f={float} {row}").unwrap();
    }
    for (row, integer) in [
        0,
        1,
        127,
        128,
        255,
        256,
        32_767,
        32_768,
        65_535,
        65_536,
        2_147_483_647,
        2_147_483_648,
        i64::MAX,
    ]
    .iter()
    .enumerate()
    {
        writeln!(text, "bare i={integer}i,u={integer}u {row}").unwrap();
        writeln!(text, "bare i={}i,u={}u -{row}", -integer, u64::MAX - integer.cast_unsigned())
            .unwrap();
    }
    for length in [0, 1, 31, 32, 255, 256, 65_535, 65_536] {
        writeln!(text, "bare s=\"{}\",b=true {length}", "é\u{1}<".repeat(length / 4)).unwrap();
    }
    for edge in EDGES_NS {
        writeln!(text, "bare f=7,i=8i {edge}\nedge,k=v f=1 {edge}").unwrap();
    }
    for column in 0..20 {
        writeln!(text, "wide,t{column:02}=v f{column:02}={column}i {column}").unwrap();
    }
    let all: Vec<_> = (0..20).map(|column| format!("f{column:02}={column}i")).collect();
    let tags: Vec<_> = (0..20).map(|column| format!("t{column:02}=v")).collect();
    writeln!(text, "wide,{} {} 100", tags.join(","), all.join(",")).unwrap();
    for row in 0..10_001 {
        writeln!(text, "long,k=a i={row}i {row}").unwrap();
        if row % 2 == 0 {
            writeln!(text, "long,k=b i={row}i,j={row}i {row}").unwrap();
        }
    }
    text.push_str(
        "alike,a=1,b=2b f=1,g=2i 5\nalike,a=1b2 f=3 5\nalike,a=1b2 f=4 6\nalike,a=x f=5 1\n",
    );
    for name in ["_name", "_tagKey", "_tagValue", "_seriesKey", "_fieldKey"] {
        writeln!(text, "system,h=a,z=b {name}=\"x\",f=1 {START_NS}").unwrap();
        writeln!(text, "systemtag,{name}=n f=1 {START_NS}").unwrap();
    }
    writeln!(text, "system,h=c f=2 -5\nsystem,h=c f=2 {}", START_NS + 30 * DAY_NS).unwrap();
    for name in ["_series", "_name", "_tags", "_tagKeys", "_tagKey", "_measurements", "_fieldKeys"]
    {
        writeln!(text, "{name},k=v f=1 {START_NS}").unwrap();
    }
    writeln!(text, "late,Time=x TIME=1 {START_NS}").unwrap();
    text.into_bytes()
}

/// Tags whose names the storage engine has for other columns, with values like names, like texts, and with a carriage return.
pub(crate) fn taken_tags() -> Vec<u8> {
    let mut text = String::new();
    for key in ["$", "_name", "_tagKey", "_tagValue", "_seriesKey", "_fieldKey"] {
        for (at, value) in ["a", "m", "sa", "c\rd"].iter().enumerate() {
            let time = START_NS + i64::try_from(at).unwrap();
            writeln!(text, "m,{key}={value} v={at}i,s=\"s{value}\" {time}").unwrap();
        }
    }
    writeln!(text, "n v=1i,s=\"a\" {START_NS}").unwrap();
    text.into_bytes()
}
