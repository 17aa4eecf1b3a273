//! Random content of a bucket, as lines.

use std::collections::BTreeMap;

use sluice::testing::model::time::Timestamp;

use super::dice::Dice;

pub(crate) const HOUR_NS: i64 = 3_600_000_000_000;
pub(crate) const DAY_NS: i64 = 24 * HOUR_NS;

/// Noon before the Monday on which a shard group of a week begins: a batch of a day lies in two of them.
const NOON_NS: i64 = 1_641_124_800_000_000_000;

/// What a bucket is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Some measurements of some series and fields.
    Plain,
    /// Much before the boundary of two shard groups, little behind it.
    Boundary,
    /// More values at the first instant than anybody compares.
    DenseStart,
    /// Many series of few values.
    ManySeries,
    /// Many fields of few values.
    ManyFields,
    /// Several measurements in one answer.
    Together,
    /// One field, and more rows than are held at once.
    Long,
    /// The first and the last times there are.
    Extremes,
    /// Fields whose type changes from shard group to shard group.
    Changing,
    /// Names that have to be escaped, and some that no read returns.
    Names,
    /// Strings with everything in them.
    Strings,
}

impl Shape {
    fn roll(dice: &mut Dice) -> Self {
        match dice.below(64) {
            0..=8 => Self::Plain,
            9..=13 => Self::Together,
            14..=23 => Self::Boundary,
            24..=31 => Self::DenseStart,
            32..=36 => Self::ManySeries,
            37..=41 => Self::ManyFields,
            42 => Self::Long,
            43..=45 => Self::Extremes,
            46..=51 => Self::Changing,
            52..=57 => Self::Names,
            _ => Self::Strings,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Float,
    Integer,
    Unsigned,
    Boolean,
    Text,
}

const KINDS: [Kind; 5] = [Kind::Float, Kind::Integer, Kind::Unsigned, Kind::Boolean, Kind::Text];

/// One value; what it is follows from its number.
#[derive(Debug, Clone, Copy)]
struct Cell {
    series: usize,
    field: usize,
    time: i64,
    number: u64,
}

struct Measurement {
    /// Name and kinds, by shard group in turn.
    fields: Vec<(Vec<u8>, Vec<Kind>)>,
}

/// A bucket, its job, and how to write more of the same.
pub(crate) struct Content {
    pub(crate) shape: Shape,
    pub(crate) start: i64,
    pub(crate) stop: i64,
    /// As Flux writes it.
    pub(crate) interval: &'static str,
    pub(crate) shard_s: u64,
    /// The source was started again when all of it was there.
    pub(crate) restarted: bool,
    measurements: Vec<Measurement>,
    /// Measurement, and the key as it is written.
    series: Vec<(usize, Vec<u8>)>,
    cells: Vec<Cell>,
}

impl Content {
    pub(crate) fn roll(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 1);
        let shape = Shape::roll(&mut dice);
        let mut content = Self::range_of(shape, &mut dice);
        content.roll_series(&mut dice);
        match shape {
            Shape::Boundary => content.fill_boundary(&mut dice),
            Shape::DenseStart => content.fill_dense_start(&mut dice),
            Shape::Long => content.fill_long(&mut dice),
            _ => content.fill_scattered(&mut dice),
        }
        // One value for each place, the last one.
        let mut places = BTreeMap::new();
        for cell in std::mem::take(&mut content.cells) {
            places.insert((cell.series, cell.field, cell.time), cell);
        }
        content.cells = places.into_values().collect();
        content.restarted = content.start == Timestamp::MIN.ns() && dice.hits(1, 2);
        content
    }

    fn range_of(shape: Shape, dice: &mut Dice) -> Self {
        let shard_s = *dice.one(&[7 * 86_400, 7 * 86_400, 86_400, 3_600]);
        let (start, stop, interval) = match shape {
            Shape::Extremes if dice.hits(1, 2) => {
                (Timestamp::MIN.ns(), Timestamp::STOP_MAX.ns(), "100y")
            }
            Shape::Boundary => (NOON_NS, NOON_NS + DAY_NS, *dice.one(&["1d", "1d", "18h", "5h"])),
            Shape::Together => (NOON_NS, NOON_NS + 6 * HOUR_NS, *dice.one(&["6h", "3h"])),
            _ => match dice.below(4) {
                0 => (NOON_NS, NOON_NS + 6 * HOUR_NS, "1h"),
                1 => (NOON_NS + 12 * HOUR_NS, NOON_NS + 84 * HOUR_NS, "1d"),
                2 => (NOON_NS - 7 * DAY_NS, NOON_NS + 14 * DAY_NS, "1w"),
                _ => (NOON_NS, NOON_NS + DAY_NS, "7h"),
            },
        };
        let shard_s = if shape == Shape::Together { 7 * 86_400 } else { shard_s };
        let shard_s = if shape == Shape::Boundary && shard_s == 3_600 { 86_400 } else { shard_s };
        let shard_s = if stop == Timestamp::STOP_MAX.ns() { 7 * 86_400 } else { shard_s };
        let (measurements, series, cells) = (Vec::new(), Vec::new(), Vec::new());
        let restarted = false;
        Self { shape, start, stop, interval, shard_s, restarted, measurements, series, cells }
    }

    fn roll_series(&mut self, dice: &mut Dice) {
        let (measurements, series, fields) = match self.shape {
            Shape::Boundary | Shape::Long => (1, dice.between(1, 3), 1),
            Shape::DenseStart if dice.hits(1, 2) => (1, dice.between(201, 240), 1),
            Shape::DenseStart => (1, 1, dice.between(201, 240)),
            Shape::Together => (dice.between(2, 4), dice.between(1, 3), dice.between(1, 2)),
            Shape::ManySeries => (dice.between(1, 2), dice.between(40, 90), dice.between(1, 2)),
            Shape::ManyFields => (1, dice.between(1, 2), dice.between(20, 60)),
            _ => (dice.between(1, 4), dice.between(1, 4), dice.between(1, 4)),
        };
        for measurement in 0..measurements {
            let name = self.measurement_name(measurement, dice);
            let odd = self.shape == Shape::Names;
            let count = usize::try_from(series).unwrap();
            for number in 0..count {
                let mut key = name.clone();
                if number > 0 || dice.hits(3, 4) {
                    let label = if odd { *dice.one(&TAG_KEYS) } else { b"host" };
                    let named = TAG_VALUES.get(number).filter(|_| odd);
                    let value = named
                        .map_or_else(|| format!("h{number}").into_bytes(), |value| value.to_vec());
                    key.extend([b",", &escaped(label)[..], b"=", &escaped(&value)].concat());
                    if dice.hits(1, 3) {
                        key.extend(format!(",zone=z{}", number % 2).into_bytes());
                    }
                }
                self.series.push((usize::try_from(measurement).unwrap(), key));
            }
            let fields = (0..fields).map(|number| self.roll_field(number, dice)).collect();
            self.measurements.push(Measurement { fields });
        }
        self.series.sort();
        self.series.dedup();
    }

    fn measurement_name(&self, number: u64, dice: &mut Dice) -> Vec<u8> {
        if self.shape != Shape::Names {
            return format!("m{number}").into_bytes();
        }
        if dice.hits(1, 5) {
            return UNREADABLE[usize::try_from(number).unwrap() % UNREADABLE.len()].to_vec();
        }
        // What a neighbour of an unreadable one is called is among these. No name comes twice: another turn would give its
        // fields other types.
        let name = MEASUREMENTS
            [(dice.index(4) + 4 * usize::try_from(number).unwrap()) % MEASUREMENTS.len()];
        name.iter()
            .flat_map(|byte| match byte {
                b',' | b' ' => vec![b'\\', *byte],
                _ => vec![*byte],
            })
            .collect()
    }

    fn roll_field(&self, number: u64, dice: &mut Dice) -> (Vec<u8>, Vec<Kind>) {
        let name = if self.shape == Shape::Names && number > 0 {
            escaped(FIELDS[usize::try_from(number).unwrap() % FIELDS.len()])
        } else {
            format!("f{number}").into_bytes()
        };
        let kinds = match self.shape {
            Shape::Strings => vec![Kind::Text],
            Shape::Boundary | Shape::Long | Shape::DenseStart => {
                vec![*dice.one(&[Kind::Float, Kind::Integer])]
            }
            Shape::Changing => (0..dice.between(1, 3)).map(|_| *dice.one(&KINDS)).collect(),
            _ => vec![*dice.one(&KINDS)],
        };
        (name, kinds)
    }

    fn fill_scattered(&mut self, dice: &mut Dice) {
        let per_series = match self.shape {
            Shape::ManySeries | Shape::ManyFields => 2,
            Shape::Together => dice.between(5, 12),
            _ => dice.between(1, 12),
        };
        let clusters: Vec<i64> = (0..dice.between(1, 4)).map(|_| self.any_time(dice)).collect();
        for series in 0..self.series.len() {
            for _ in 0..per_series {
                let time = if dice.hits(1, 4) {
                    self.any_time(dice)
                } else {
                    let step = i64::try_from(dice.below(6)).unwrap() * 1_000_000_000;
                    dice.one(&clusters).saturating_add(step).min(self.stop - 1)
                };
                for field in 0..self.fields_of(series) {
                    if dice.hits(4, 5) {
                        self.cells.push(Cell { series, field, time, number: dice.next() });
                    }
                }
            }
        }
    }

    fn any_time(&self, dice: &mut Dice) -> i64 {
        if self.shape == Shape::Extremes && self.start == Timestamp::MIN.ns() {
            let edges = [i64::MIN + 2, i64::MIN + 3, -1, 0, 1, i64::MAX - 2, i64::MAX - 1];
            return if dice.hits(1, 2) { *dice.one(&edges) } else { NOON_NS };
        }
        let length = self.stop.abs_diff(self.start);
        let at = dice.below(length);
        // Edges of batches and of the job are where mistakes are made.
        match dice.below(12) {
            0 => self.start,
            1 => self.stop - 1,
            2 => self.start.saturating_add_unsigned(at / 3_600_000_000_000 * 3_600_000_000_000),
            _ => self.start.saturating_add_unsigned(at),
        }
    }

    fn fill_boundary(&mut self, dice: &mut Dice) {
        let (before, behind) = (dice.between(20, 60), dice.between(1, 8));
        for (count, from) in [(before, NOON_NS), (behind, NOON_NS + 12 * HOUR_NS)] {
            for _ in 0..count {
                let series = dice.index(self.series.len());
                let time = from + i64::try_from(dice.below(11 * 3_600)).unwrap() * 1_000_000_000;
                self.cells.push(Cell { series, field: 0, time, number: dice.next() });
            }
        }
    }

    fn fill_dense_start(&mut self, dice: &mut Dice) {
        for series in 0..self.series.len() {
            for field in 0..self.fields_of(series) {
                self.cells.push(Cell { series, field, time: self.start, number: dice.next() });
            }
        }
        for _ in 0..dice.between(1, 30) {
            let series = dice.index(self.series.len());
            let (field, time) = (dice.index(self.fields_of(series)), self.any_time(dice));
            self.cells.push(Cell { series, field, time, number: dice.next() });
        }
    }

    fn fill_long(&mut self, dice: &mut Dice) {
        let step = i64::try_from(self.stop.abs_diff(self.start) / 25_000).unwrap();
        for at in 0..dice.between(18_000, 22_000) {
            let series = usize::try_from(at).unwrap() % self.series.len();
            let time = self.start + i64::try_from(at).unwrap() * step;
            self.cells.push(Cell { series, field: 0, time, number: dice.next() });
        }
    }

    fn fields_of(&self, series: usize) -> usize {
        self.measurements[self.series[series].0].fields.len()
    }

    /// The bucket.
    pub(crate) fn lines(&self) -> Vec<u8> {
        self.render(&self.cells, i64::MAX)
    }

    /// A bucket with the same series, fields and times, and other values from a time on.
    pub(crate) fn twin(&self, differs_from: i64) -> Vec<u8> {
        self.render(&self.cells, differs_from)
    }

    /// The time at a part of the values, in thousandths.
    pub(crate) fn time_at(&self, per_mille: usize) -> i64 {
        let mut times: Vec<_> = self.cells.iter().map(|cell| cell.time).collect();
        times.sort_unstable();
        let last = times.len().saturating_sub(1);
        times.get(last * per_mille / 1_000).copied().unwrap_or(self.start)
    }

    /// Measurements that no read returns, as they are written.
    pub(crate) fn unreturned(&self) -> Vec<Vec<u8>> {
        let named = |name: &&&[u8]| {
            let is_it = |key: &Vec<u8>| {
                key.strip_prefix(**name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(b","))
            };
            self.cells.iter().any(|cell| is_it(&self.series[cell.series].1))
        };
        UNREADABLE.iter().filter(named).map(|name| name.to_vec()).collect()
    }

    pub(crate) fn measurements(&self) -> usize {
        self.measurements.len()
    }

    /// Whether fields have several types.
    pub(crate) fn changes_types(&self) -> bool {
        self.shape == Shape::Changing
    }

    /// More values of the same series, some of them over old ones, some behind the stop.
    pub(crate) fn late(&self, dice: &mut Dice) -> Vec<u8> {
        let count = if self.shape == Shape::Boundary { 10 } else { dice.between(1, 6) };
        let cells: Vec<_> = (0..count)
            .map(|_| {
                let series = dice.index(self.series.len());
                let field = dice.index(self.fields_of(series));
                let time = match (self.shape, dice.below(10)) {
                    (Shape::Boundary, _) => NOON_NS + i64::try_from(dice.below(1 << 45)).unwrap(),
                    (_, 0) if self.stop < Timestamp::STOP_MAX.ns() => self.stop + HOUR_NS,
                    (_, 1) => dice.one(&self.cells).time,
                    _ => self.any_time(dice),
                };
                Cell { series, field, time, number: dice.next() }
            })
            .collect();
        self.render(&cells, i64::MAX)
    }

    fn render(&self, cells: &[Cell], differs_from: i64) -> Vec<u8> {
        let mut text = Vec::new();
        for cell in cells {
            let (measurement, key) = &self.series[cell.series];
            let (field, kinds) = &self.measurements[*measurement].fields[cell.field];
            let shard = (i128::from(cell.time) + 62_135_596_800_000_000_000)
                .div_euclid(i128::from(self.shard_s) * 1_000_000_000);
            let kind = kinds[usize::try_from(shard.rem_euclid(kinds.len() as i128)).unwrap()];
            let other = u64::from(cell.time >= differs_from);
            text.extend_from_slice(key);
            text.push(b' ');
            text.extend_from_slice(field);
            text.push(b'=');
            text.extend_from_slice(&value(kind, cell.number ^ (other << 40)));
            text.extend_from_slice(format!(" {}\n", cell.time).as_bytes());
        }
        text
    }
}

/// A value; every bit from the 40th on tells.
fn value(kind: Kind, number: u64) -> Vec<u8> {
    let (form, rest) = (number & 7, number >> 40);
    match kind {
        Kind::Boolean => (rest % 2 == 0).to_string().into_bytes(),
        Kind::Integer => match form {
            0 => format!("{}i", i64::MIN + rest.cast_signed()),
            1 => format!("{}i", i64::MAX - rest.cast_signed()),
            2 => format!("-{rest}i"),
            _ => format!("{rest}i"),
        }
        .into_bytes(),
        Kind::Unsigned if form == 0 => format!("{}u", u64::MAX - rest).into_bytes(),
        Kind::Unsigned => format!("{rest}u").into_bytes(),
        Kind::Float => {
            let small = f64::from(u32::try_from(rest).unwrap());
            match form {
                0 => format!("{:?}", -small),
                1 => format!("{:?}", f64::MAX / (1.0 + small)),
                2 => format!("{:?}", f64::MIN_POSITIVE / (1.0 + small)),
                3 => format!("{:?}", small / 3.0),
                _ => format!("{small:?}"),
            }
            .into_bytes()
        }
        Kind::Text => {
            let piece = TEXTS[usize::try_from(number >> 3).unwrap_or(0) % TEXTS.len()];
            let mut text = b"\"".to_vec();
            if form > 0 {
                text.extend_from_slice(format!("{rest}").as_bytes());
                text.extend_from_slice(piece);
            } else if rest % 2 == 1 {
                text.push(b'x');
            }
            text.push(b'"');
            text
        }
    }
}

/// Parts of strings, as they are written.
const TEXTS: [&[u8]; 12] = [
    b"",
    b"plain",
    b"a\rb",
    b"\r\n",
    b"a\nb",
    b"q\\\"q",
    b"back\\\\slash",
    b"comma, and = sign",
    "\u{e9}\u{1f600}\u{2028}".as_bytes(),
    b"#datatype,string",
    b"\t\x01",
    b"{\\\"code\\\":\\\"internal error\\\"}",
];

/// Listed, and returned to no query.
const UNREADABLE: [&[u8]; 4] = [b"disk\\\\ c", b"com\\\\,ma", b"alone\\\\ x", b"e\\=x"];

const MEASUREMENTS: [&[u8]; 16] = [
    b"disk c",
    b"com,ma",
    b"a b",
    b"q\"q",
    b"it's",
    b"back\\slash",
    "\u{b0}C m\u{b3}/h".as_bytes(),
    b"%",
    b"${x}",
    b"a.b/c",
    b"_internal",
    b"select",
    b"SHOW SERIES",
    b"0",
    b"tab\tname",
    b"c\rr",
];

const TAG_KEYS: [&[u8]; 6] = [b"host", b"a key", b"k=v", b"q\"", b"_tag", "\u{e4}".as_bytes()];

const TAG_VALUES: [&[u8]; 6] =
    [b"a value", b"k=v,w", b"q\"q", b"back\\slash", "\u{1f600}".as_bytes(), b"${x}"];

const FIELDS: [&[u8]; 6] = [b"a field", b"f,g", b"f=g", b"q\"f", "\u{fc}".as_bytes(), b"result"];

fn escaped(name: &[u8]) -> Vec<u8> {
    name.iter()
        .flat_map(|byte| match byte {
            b',' | b' ' | b'=' => vec![b'\\', *byte],
            _ => vec![*byte],
        })
        .collect()
}
