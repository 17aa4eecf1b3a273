//! How the values lie over time, and where the trials have read.

use super::scale::{Round, Scale, float};
use super::svg::{self, Area, Figure, WIDTH, place};
use super::tables::{HeadCell, table};
use super::text::{date_and_time, escaped, put};
use crate::bench::record::{Density, Trial, scaled};
use crate::bench::sample::Stratum;
use crate::model::number;
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};

const HEIGHT: f64 = 340.0;
const AREA: Area = Area { left: 88.0, right: WIDTH - 12.0, top: 12.0, bottom: 200.0 };

/// The strips of the strata below the area.
const STRIP_TOP: f64 = AREA.bottom + 12.0;
const STRIP_STEP: f64 = 24.0;
const STRIP_HEIGHT: f64 = 15.0;

/// A sampled stretch is at least so wide, or it could not be seen.
const STRETCH_WIDTH_MIN: f64 = 2.5;

/// Steps of the outline at the most: finer ones could not be seen.
const STEPS_MAX: usize = 380;

const DAY_S: u64 = 86_400;

/// A length of time by which values are counted.
#[derive(Clone, Copy)]
struct Per {
    seconds: u64,
    name: &'static str,
}

impl Per {
    /// A day, an hour or a second, by the length of all.
    fn of(range: TimeRange) -> Self {
        match range.duration_ns() / i128::from(NS_PER_S) {
            172_800.. => Self { seconds: DAY_S, name: "day" },
            7_200.. => Self { seconds: 3_600, name: "hour" },
            _ => Self { seconds: 1, name: "second" },
        }
    }

    fn rate(self, cell: &Density) -> u64 {
        let ns = TimeRange::new(cell.start, cell.stop).duration_ns().max(1);
        let ns = u64::try_from(ns).unwrap_or(u64::MAX);
        scaled(cell.values, self.seconds.saturating_mul(NS_PER_S.unsigned_abs()), ns)
    }
}

/// As markup.
pub(super) fn markup(density: &[Density], range: TimeRange, trials: &[Trial]) -> String {
    let first = density.iter().map(|cell| cell.start).chain([range.start]).min();
    let last = density.iter().map(|cell| cell.stop).chain([range.stop]).max();
    let range = TimeRange::new(first.unwrap_or(range.start), last.unwrap_or(range.stop));
    let per = Per::of(range);
    let rates: Vec<u64> = density.iter().map(|cell| per.rate(cell)).collect();
    let scale = Scale::new(&with_zero(&rates), Round::Decimal, (AREA.bottom, AREA.top));
    let mut plot = svg::rising_axis(AREA, &scale, number::count);
    plot += &outline(density, &rates, range, &scale);
    plot += &svg::line("axis", (AREA.left, AREA.bottom), (AREA.right, AREA.bottom));
    for (at, stratum) in Stratum::ALL.into_iter().enumerate() {
        let y = STRIP_TOP + STRIP_STEP * float(at as u64);
        plot += &strip(stratum, trials, range, y);
    }
    plot += &dates(range);
    let note = format!(
        "Values per {}. Strips below: the stretches that were read, by their kind.",
        per.name
    );
    let total = density.iter().fold(0u64, |sum, cell| sum.saturating_add(cell.values));
    let description = format!(
        "{} values from {} to {}, at most {} in a {}; {} trials have read parts of it.",
        number::grouped(total),
        number::minute(range.start),
        number::minute(range.stop),
        number::count(rates.iter().copied().max().unwrap_or(0)),
        per.name,
        trials.len(),
    );
    Figure {
        id: "density",
        title: "Values over time, and where was sampled",
        note: &note,
        description: &description,
        legend: "",
        height: HEIGHT,
        plot: &plot,
        numbers: &numbers(density, &rates, per, trials),
    }
    .markup()
}

/// With a zero an axis never is one of ratios: an area needs a ground.
fn with_zero(rates: &[u64]) -> Vec<u64> {
    rates.iter().copied().chain([0]).collect()
}

fn x(time: Timestamp, range: TimeRange) -> f64 {
    let ns = |time: Timestamp| {
        let since = i128::from(time.ns()) - i128::from(range.start.ns());
        float(u64::try_from(since.max(0)).unwrap_or(u64::MAX))
    };
    let share = ns(time) / ns(range.stop).max(1.0);
    AREA.left + (AREA.right - AREA.left) * share.clamp(0.0, 1.0)
}

/// Of many cells together the fullest one is shown.
fn outline(density: &[Density], rates: &[u64], range: TimeRange, scale: &Scale) -> String {
    let together = density.len().div_ceil(STEPS_MAX).max(1);
    let mut path = String::new();
    for (cells, rates) in density.chunks(together).zip(rates.chunks(together)) {
        let (Some(first), Some(last), Some(rate)) =
            (cells.first(), cells.last(), rates.iter().max())
        else {
            continue;
        };
        let [left, right] = [first.start, last.stop].map(|time| place(x(time, range)));
        let (top, ground) = (place(scale.at(*rate)), place(AREA.bottom));
        put(&mut path, format_args!("M{left} {ground}V{top}H{right}V{ground}Z"));
    }
    if path.is_empty() { path } else { format!("<path class=\"area\" d=\"{path}\"/>\n") }
}

fn strip(stratum: Stratum, trials: &[Trial], range: TimeRange, y: f64) -> String {
    let middle = y + STRIP_HEIGHT / 2.0;
    let mut text = svg::label("tick", "end", (AREA.left - 8.0, middle + 4.5), stratum.name());
    text += &svg::line("guide", (AREA.left, middle), (AREA.right, middle));
    let own = trials.iter().filter(|trial| trial.stratum == stratum);
    let mut stretches: Vec<TimeRange> =
        own.map(|trial| TimeRange::new(trial.start, trial.stop)).collect();
    stretches.sort();
    stretches.dedup();
    for stretch in stretches {
        let (left, right) = (x(stretch.start, range), x(stretch.stop, range));
        let width = (right - left).max(STRETCH_WIDTH_MIN);
        let left = left.min(AREA.right - width);
        let title =
            format!("{} to {}", number::minute(stretch.start), number::minute(stretch.stop));
        let [left, y, width, height] = [left, y, width, STRIP_HEIGHT].map(place);
        put(
            &mut text,
            format_args!(
                "<rect class=\"stretch\" x=\"{left}\" y=\"{y}\" width=\"{width}\" height=\"{height}\">\
                 <title>{}</title></rect>\n",
                escaped(&title)
            ),
        );
    }
    text
}

/// Both ends and the middle, each as a date with the time below it, unless all are midnights.
fn dates(range: TimeRange) -> String {
    let half = i64::try_from(range.duration_ns() / 2).unwrap_or(i64::MAX);
    let middle = range.start.saturating_add_ns(half);
    let day_ns = i64::try_from(DAY_S).unwrap_or(1) * NS_PER_S;
    let is_long = range.duration_ns() > 4 * i128::from(day_ns);
    let midnight = Timestamp::from_ns(middle.ns().div_euclid(day_ns).saturating_mul(day_ns));
    let middle = if is_long { midnight } else { middle };
    let times = [(range.start, "start"), (middle, "middle"), (range.stop, "end")];
    let has_clock = times.iter().any(|(time, _)| date_and_time(*time).1 != "00:00Z");
    let y = STRIP_TOP + STRIP_STEP * 3.0 + 18.0;
    let mut text = String::new();
    for (time, anchor) in times {
        let (date, clock) = date_and_time(time);
        text += &svg::label("tick", anchor, (x(time, range), y), &date);
        if has_clock {
            text += &svg::label("soft", anchor, (x(time, range), y + 20.0), &clock);
        }
    }
    text
}

fn numbers(density: &[Density], rates: &[u64], per: Per, trials: &[Trial]) -> String {
    let each = format!("per {}", per.name);
    let head = [
        HeadCell::text("from"),
        HeadCell::text("to"),
        HeadCell::number("values"),
        HeadCell::number(&each),
        HeadCell::text("read by trials of"),
    ];
    let read = |cell: &Density| {
        let cell = TimeRange::new(cell.start, cell.stop);
        let reads =
            |trial: &Trial| !cell.intersect(TimeRange::new(trial.start, trial.stop)).is_empty();
        let strata = Stratum::ALL
            .into_iter()
            .filter(|stratum| trials.iter().any(|trial| trial.stratum == *stratum && reads(trial)));
        strata.map(Stratum::name).collect::<Vec<_>>().join(", ")
    };
    let rows = density.iter().zip(rates).map(|(cell, rate)| {
        let cells = vec![
            number::day_or_minute(cell.start),
            number::day_or_minute(cell.stop),
            number::grouped(cell.values),
            number::count(*rate),
            read(cell),
        ];
        (false, cells)
    });
    table("Values over time", &head, rows)
}
