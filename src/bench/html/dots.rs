//! Plots of trials over the interval: each trial as a dot, the median of a setting as a mark on a line from the least to
//! the most.

use super::scale::{Round, Scale, float};
use super::series::{Grouped, PlotLine};
use super::svg::{self, Area, Figure, WIDTH};
use super::tables::{HeadCell, table};
use crate::bench::record::Trial;
use crate::bench::setting::Way;
use crate::model::number;
use crate::model::spread::Spread;

/// The spread of some trials, and the number of each of them.
pub(super) type Measured = (Spread, Vec<u64>);

/// One of these plots.
#[derive(Debug)]
pub(super) struct Dots<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    pub(super) note: &'a str,
    /// What some trials say.
    pub(super) of: fn(&[&Trial]) -> Option<Measured>,
    /// A number that is not to be reached, and what it is.
    pub(super) limit: Option<(u64, &'a str)>,
    pub(super) shown: fn(u64) -> String,
}

const HEIGHT: f64 = 320.0;
const AREA: Area = Area { left: 88.0, right: WIDTH - 12.0, top: 22.0, bottom: HEIGHT - 56.0 };

/// Names below the axis: so many at the most, so long at the most.
const NAMES_MAX: usize = 8;
const NAME_LETTERS_MAX: usize = 7;

/// Where the lines of one interval stand beside each other, as a share of its room.
const ROOM_TAKEN: f64 = 0.8;

/// How far beside the line of a setting its dots stand.
const ASIDE: f64 = 8.5;

struct Drawn {
    title: String,
    x: f64,
    /// Where the dots stand: beside the line if there is room.
    dots_x: f64,
    spread: Spread,
    points: Vec<u64>,
}

impl Dots<'_> {
    /// As markup: one plot, or a smaller one for each transport where several of their settings would lie upon each other.
    /// All of them have one scale.
    pub(super) fn markup(&self, grouped: &Grouped<'_>) -> String {
        let Some(parts) = grouped.apart() else { return self.plot(grouped, grouped) };
        let plot = |(way, part): &(Way, Grouped<'_>)| {
            let (id, title) = (format!("{}-{way}", self.id), format!("{}: {way}", self.title));
            Dots { id: &id, title: &title, ..*self }.plot(part, grouped)
        };
        let plots: String = parts.iter().map(plot).collect();
        format!("<div class=\"multiples\">\n{plots}</div>\n")
    }

    /// The lines of a part, on the scale of all.
    fn plot(&self, grouped: &Grouped<'_>, all: &Grouped<'_>) -> String {
        let lines: Vec<(&PlotLine<'_>, Vec<Drawn>)> = grouped
            .series
            .iter()
            .enumerate()
            .map(|(at, series)| (series, self.drawn(grouped, at, series)))
            .collect();
        let marks = all.series.iter().enumerate().flat_map(|(at, line)| self.drawn(all, at, line));
        let mut numbers: Vec<u64> = marks
            .flat_map(|own| [own.spread.low, own.spread.high].into_iter().chain(own.points))
            .collect();
        numbers.extend(self.limit.map(|(limit, _)| limit));
        let scale = Scale::new(&numbers, Round::Decimal, (AREA.bottom, AREA.top));
        let mut plot = svg::rising_axis(AREA, &scale, self.shown);
        plot += &names(grouped);
        plot += &self.limit_line(&scale);
        for (series, drawn) in &lines {
            plot += &self.line(series, drawn, &scale);
        }
        let note = if scale.is_log() {
            format!("{} Equal steps are equal ratios.", self.note)
        } else {
            self.note.to_owned()
        };
        Figure {
            id: self.id,
            title: self.title,
            note: &note,
            description: &self.description(&lines),
            legend: &legend(&grouped.series),
            height: HEIGHT,
            plot: &plot,
            numbers: &self.numbers(&lines),
        }
        .markup()
    }

    fn drawn(&self, grouped: &Grouped<'_>, at: usize, series: &PlotLine<'_>) -> Vec<Drawn> {
        let beside = grouped.series.len().max(1);
        let taken = room(grouped) * ROOM_TAKEN;
        let own = taken * ((float(at as u64) + 0.5) / float(beside as u64) - 0.5);
        let aside = if taken / float(beside as u64) < 2.0 * ASIDE { 0.0 } else { ASIDE };
        let drawn = |(place, trials): (&usize, &Vec<&Trial>)| {
            let (spread, points) = (self.of)(trials)?;
            let title = format!("{} {}", series.name, grouped.intervals.get(*place)?);
            let x = middle(grouped, *place) + own;
            Some(Drawn { title, x, dots_x: x + aside, spread, points })
        };
        series.cells.iter().filter_map(drawn).collect()
    }

    fn line(&self, series: &PlotLine<'_>, drawn: &[Drawn], scale: &Scale) -> String {
        let (look, class) = (series.look, series.look.class());
        let mut text = String::new();
        for pair in drawn.windows(2) {
            let ends = (pair[0].x, scale.at(pair[0].spread.likely));
            let to = (pair[1].x, scale.at(pair[1].spread.likely));
            text += &svg::line(&format!("trend {class}"), ends, to);
        }
        for own in drawn {
            let (low, high) = (scale.at(own.spread.low), scale.at(own.spread.high));
            text += &svg::line(&format!("whisker {class}"), (own.x, low), (own.x, high));
            for end in [low, high] {
                text +=
                    &svg::line(&format!("whisker {class}"), (own.x - 4.0, end), (own.x + 4.0, end));
            }
            for point in &own.points {
                let title = format!("{}: {}", own.title, (self.shown)(*point));
                let at = (own.dots_x, scale.at(*point));
                text += &svg::mark(0, &format!("raw {class}"), at, 2.6, &title);
            }
        }
        for own in drawn {
            let Spread { low, likely, high } = own.spread;
            let shown = self.shown;
            let title =
                format!("{}: {} ({} to {})", own.title, shown(likely), shown(low), shown(high));
            let at = (own.x, scale.at(likely));
            text += &look.mark(at, 5.0, &title);
        }
        text
    }

    fn limit_line(&self, scale: &Scale) -> String {
        let Some((limit, words)) = self.limit else { return String::new() };
        let y = scale.at(limit);
        let words = format!("{words}: {}", (self.shown)(limit));
        svg::line("limit", (AREA.left, y), (AREA.right, y))
            + &svg::label("limit-words", "end", (AREA.right, y - 6.0), &words)
    }

    fn description(&self, lines: &[(&PlotLine<'_>, Vec<Drawn>)]) -> String {
        let shown = self.shown;
        let mut parts: Vec<String> =
            self.limit.iter().map(|(limit, words)| format!("{words}: {}", shown(*limit))).collect();
        parts.extend(lines.iter().flat_map(|(_, drawn)| drawn).map(|own| {
            let Spread { low, likely, high } = own.spread;
            format!("{}: median {}, {} to {}", own.title, shown(likely), shown(low), shown(high))
        }));
        parts.join("; ") + "."
    }

    fn numbers(&self, lines: &[(&PlotLine<'_>, Vec<Drawn>)]) -> String {
        let head = [
            HeadCell::text("setting"),
            HeadCell::number("runs"),
            HeadCell::number("least"),
            HeadCell::number("median"),
            HeadCell::number("most"),
            HeadCell::text("each trial"),
        ];
        let shown = self.shown;
        let row = |own: &Drawn| {
            let Spread { low, likely, high } = own.spread;
            let each: Vec<String> = own.points.iter().map(|point| shown(*point)).collect();
            vec![
                own.title.clone(),
                number::grouped(own.points.len() as u64),
                shown(low),
                shown(likely),
                shown(high),
                each.join("; "),
            ]
        };
        let rows = lines.iter().flat_map(|(_, drawn)| drawn).map(|own| (false, row(own)));
        table(self.title, &head, rows)
    }
}

fn room(grouped: &Grouped<'_>) -> f64 {
    (AREA.right - AREA.left) / float(grouped.intervals.len().max(1) as u64)
}

fn middle(grouped: &Grouped<'_>, place: usize) -> f64 {
    AREA.left + room(grouped) * (float(place as u64) + 0.5)
}

/// The intervals below the axis; every second or third one where they are many.
fn names(grouped: &Grouped<'_>) -> String {
    let mut text = svg::line("axis", (AREA.left, AREA.bottom), (AREA.right, AREA.bottom));
    for place in 1..grouped.intervals.len() {
        let x = middle(grouped, place) - room(grouped) / 2.0;
        text += &svg::line("slot", (x, AREA.top), (x, AREA.bottom));
    }
    let every = grouped.intervals.len().div_ceil(NAMES_MAX).max(1);
    for (place, interval) in grouped.intervals.iter().enumerate().step_by(every) {
        let mut name = interval.to_string();
        if name.chars().count() > NAME_LETTERS_MAX {
            name = name.chars().take(NAME_LETTERS_MAX - 1).chain(['…']).collect();
        }
        text += &svg::label("tick", "middle", (middle(grouped, place), AREA.bottom + 20.0), &name);
    }
    let centre = f64::midpoint(AREA.left, AREA.right);
    text + &svg::label("soft", "middle", (centre, AREA.bottom + 44.0), "batch interval")
}

fn legend(series: &[PlotLine<'_>]) -> String {
    let entry = |own: &PlotLine<'_>| (own.look, own.name.clone());
    svg::legend(&series.iter().map(entry).collect::<Vec<_>>())
}
