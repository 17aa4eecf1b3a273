//! Plots as SVG. Sizes are those of the view box: 400 wide, so that a phone shows its 12 units of text as about 11 px.

use super::{escaped, put};
use crate::bench::statistics::median;

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 260.0;
/// Room for the axes and the title.
const LEFT: f64 = 62.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 26.0;
/// Colours that the page knows.
const COLOURS: usize = 5;
/// Names of the categories that fit below each other's neighbours.
const NAMES_MAX: usize = 8;

/// How numbers lie on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// From 0.
    Linear,
    /// By powers.
    Log,
}

/// Numbers of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Its name.
    pub(super) name: String,
    /// Category and number.
    pub(super) points: Vec<(usize, u64)>,
}

/// A plot of dots over categories, with a line through the medians.
pub(super) struct Dots<'a> {
    pub(super) title: &'a str,
    pub(super) categories: &'a [String],
    pub(super) groups: Vec<Group>,
    pub(super) scale: Scale,
    /// A bound, with its name.
    pub(super) line: Option<(u64, &'a str)>,
    pub(super) shown: fn(u64) -> String,
}

#[expect(clippy::cast_precision_loss, reason = "places on a screen")]
fn float(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "places on a screen")]
fn place(n: usize) -> f64 {
    n as f64
}

/// An axis from the bottom of a plot to its top.
struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Axis {
    fn new(scale: Scale, numbers: &[u64]) -> Self {
        let positive = numbers.iter().copied().filter(|n| *n > 0);
        let most = float(positive.clone().max().unwrap_or(1));
        match scale {
            Scale::Linear => Self { scale, low: 0.0, high: most * 1.05 },
            Scale::Log => {
                let least = float(positive.min().unwrap_or(1));
                let low = 10_f64.powf(least.log10().floor());
                let high = 10_f64.powf(most.log10().ceil()).max(low * 10.0);
                Self { scale, low, high }
            }
        }
    }

    fn y(&self, n: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => n / self.high,
            Scale::Log => (n.max(self.low) / self.low).log10() / (self.high / self.low).log10(),
        };
        HEIGHT - BOTTOM - share.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    }

    /// Round numbers on it.
    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let rough = self.high / 4.0;
                let power = 10_f64.powf(rough.log10().floor());
                let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
                let step = steps.into_iter().find(|step| *step >= rough).unwrap_or(rough);
                (0..=4_u32).map(|n| f64::from(n) * step).filter(|tick| *tick <= self.high).collect()
            }
            Scale::Log => {
                let decades = (self.high / self.low).log10().round().max(1.0);
                let skip = (decades / 5.0).ceil().max(1.0);
                let mut ticks = Vec::new();
                let mut tick = self.low;
                while tick <= self.high * 1.001 && ticks.len() < 12 {
                    ticks.push(tick);
                    tick *= 10_f64.powf(skip);
                }
                ticks
            }
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a tick is a number of the data or less than ten times that"
    )]
    fn draw(&self, shown: fn(u64) -> String, svg: &mut String) {
        for tick in self.ticks() {
            let y = self.y(tick);
            let (left, right) = (LEFT, WIDTH - RIGHT);
            put(
                svg,
                format_args!(
                    "<line class=\"rule\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
                ),
            );
            let (x, y, text) = (LEFT - 5.0, y + 4.0, escaped(&shown(tick as u64)));
            put(
                svg,
                format_args!(
                    "<text class=\"soft\" text-anchor=\"end\" x=\"{x}\" y=\"{y:.1}\">{text}</text>"
                ),
            );
        }
    }
}

fn open(title: &str, height: f64) -> String {
    let title = escaped(title);
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\">\
         <text class=\"title\" x=\"4\" y=\"15\">{title}</text>"
    )
}

/// Draws dots.
pub(super) fn dots(plot: &Dots<'_>) -> String {
    let mut svg = open(plot.title, HEIGHT);
    let mut numbers: Vec<u64> =
        plot.groups.iter().flat_map(|group| group.points.iter().map(|(_, n)| *n)).collect();
    numbers.extend(plot.line.map(|(n, _)| n));
    let axis = Axis::new(plot.scale, &numbers);
    axis.draw(plot.shown, &mut svg);
    let width = (WIDTH - LEFT - RIGHT) / place(plot.categories.len().max(1));
    let middle = |at: usize| LEFT + (place(at) + 0.5) * width;
    let step = plot.categories.len().div_ceil(NAMES_MAX).max(1);
    for (at, name) in plot.categories.iter().enumerate().step_by(step) {
        let (x, y, name) = (middle(at), HEIGHT - 8.0, escaped(name));
        put(
            &mut svg,
            format_args!(
                "<text class=\"soft\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{y}\">{name}</text>"
            ),
        );
    }
    if let Some((limit, name)) = plot.line {
        let (y, right, name) = (axis.y(float(limit)), WIDTH - RIGHT, escaped(name));
        put(
            &mut svg,
            format_args!(
                "<line class=\"limit\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            ),
        );
        put(
            &mut svg,
            format_args!(
                "<text text-anchor=\"end\" x=\"{right}\" y=\"{:.1}\">{name}</text>",
                y + 14.0
            ),
        );
    }
    let mut legend = 4.0;
    let apart = (width / place(plot.groups.len() + 1)).min(9.0);
    for (at, group) in plot.groups.iter().enumerate() {
        let colour = at % COLOURS;
        let shift = (place(at) - place(plot.groups.len().saturating_sub(1)) / 2.0) * apart;
        group.draw(plot, &axis, colour, |category| middle(category) + shift, &mut svg);
        let name = escaped(&group.name);
        put(
            &mut svg,
            format_args!(
                "<circle class=\"g{colour} dot\" cx=\"{:.1}\" cy=\"30\" r=\"4\"/><text x=\"{:.1}\" y=\"34\">{name}</text>",
                legend + 5.0,
                legend + 13.0
            ),
        );
        legend += 24.0 + place(group.name.len()) * 6.6;
    }
    svg.push_str("</svg>");
    svg
}

impl Group {
    fn draw(
        &self,
        plot: &Dots<'_>,
        axis: &Axis,
        colour: usize,
        x: impl Fn(usize) -> f64,
        svg: &mut String,
    ) {
        let mut path = String::new();
        for category in 0..plot.categories.len() {
            let own: Vec<u64> =
                self.points.iter().filter(|(at, _)| *at == category).map(|(_, n)| *n).collect();
            let Some(middle) = median(&own) else { continue };
            let go = if path.is_empty() { 'M' } else { 'L' };
            put(&mut path, format_args!("{go}{:.1} {:.1}", x(category), axis.y(float(middle))));
            for n in own {
                let (cx, cy, text) = (x(category), axis.y(float(n)), (plot.shown)(n));
                put(
                    svg,
                    format_args!(
                        "<circle class=\"g{colour} dot\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3\"><title>{}</title></circle>",
                        escaped(&format!("{}: {text}", self.name))
                    ),
                );
            }
        }
        put(svg, format_args!("<path class=\"g{colour} line\" d=\"{path}\"/>"));
    }
}

/// A number with its spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) low: u64,
    pub(super) likely: u64,
    pub(super) high: u64,
    pub(super) marked: bool,
}

/// Draws lying bars.
pub(super) fn bars(title: &str, bars: &[Bar], shown: fn(u64) -> String) -> String {
    const ROW: f64 = 22.0;
    const NAMES: f64 = 128.0;
    const NUMBERS: f64 = 62.0;
    let height = 30.0 + place(bars.len()) * ROW;
    let mut svg = open(title, height);
    let most = float(bars.iter().map(|bar| bar.high).max().unwrap_or(1).max(1));
    let length = |n: u64| float(n) / most * (WIDTH - NAMES - NUMBERS);
    for (at, bar) in bars.iter().enumerate() {
        let y = 26.0 + place(at) * ROW;
        let (text, name) = (y + 13.0, escaped(&bar.name));
        let class = if bar.marked { "bar marked" } else { "g0 bar" };
        put(&mut svg, format_args!("<text x=\"4\" y=\"{text:.1}\">{name}</text>"));
        put(
            &mut svg,
            format_args!(
                "<rect class=\"{class}\" x=\"{NAMES}\" y=\"{:.1}\" width=\"{:.1}\" height=\"14\"/>",
                y + 2.0,
                length(bar.likely)
            ),
        );
        let (low, high, middle) = (NAMES + length(bar.low), NAMES + length(bar.high), y + 9.0);
        put(
            &mut svg,
            format_args!(
                "<line class=\"whisker\" x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>"
            ),
        );
        let (x, time) = (high + 5.0, escaped(&shown(bar.likely)));
        put(&mut svg, format_args!("<text x=\"{x:.1}\" y=\"{text:.1}\">{time}</text>"));
    }
    svg.push_str("</svg>");
    svg
}

/// Draws columns side by side, between the names of both ends.
pub(super) fn columns(
    title: &str,
    values: &[u64],
    ends: (&str, &str),
    shown: fn(u64) -> String,
) -> String {
    let mut svg = open(title, HEIGHT);
    let axis = Axis::new(Scale::Linear, values);
    axis.draw(shown, &mut svg);
    let width = (WIDTH - LEFT - RIGHT) / place(values.len().max(1));
    let floor = HEIGHT - BOTTOM;
    for (at, value) in values.iter().enumerate().filter(|(_, value)| **value > 0) {
        // What holds anything is never invisible.
        let y = axis.y(float(*value)).min(floor - 1.0);
        let (x, height) = (LEFT + place(at) * width, floor - y);
        put(
            &mut svg,
            format_args!(
                "<rect class=\"g0 bar\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\"/>",
                (width - 0.5).max(0.5)
            ),
        );
    }
    let (y, right) = (HEIGHT - 8.0, WIDTH - RIGHT);
    put(
        &mut svg,
        format_args!("<text class=\"soft\" x=\"{LEFT}\" y=\"{y}\">{}</text>", escaped(ends.0)),
    );
    put(
        &mut svg,
        format_args!(
            "<text class=\"soft\" text-anchor=\"end\" x=\"{right}\" y=\"{y}\">{}</text>",
            escaped(ends.1)
        ),
    );
    svg.push_str("</svg>");
    svg
}
