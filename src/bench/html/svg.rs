//! The parts of which the plots are made: frames, axes, marks. Places are units of the view box.

use super::scale::Scale;
use super::text::{escaped, put, tick as tick_text};

/// Width of every plot. On a phone a unit is about three quarters of a pixel, on a wide screen a little more than one.
pub(super) const WIDTH: f64 = 480.0;

/// Where the points of a plot may lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// A place, with one decimal and never as `-0.0`.
pub(super) fn place(n: f64) -> String {
    let text = format!("{n:.1}");
    if text == "-0.0" { "0.0".to_owned() } else { text }
}

/// A plot with everything that belongs to it.
#[derive(Debug)]
pub(super) struct Figure<'a> {
    /// Name within the page.
    pub(super) id: &'a str,
    /// What is shown.
    pub(super) title: &'a str,
    /// How it is to be read.
    pub(super) note: &'a str,
    /// What the plot says, for who does not see it.
    pub(super) description: &'a str,
    /// Markup of the legend; empty without.
    pub(super) legend: &'a str,
    /// Height of the plot.
    pub(super) height: f64,
    /// Markup of the plot.
    pub(super) plot: &'a str,
    /// Markup of a table with the same numbers.
    pub(super) numbers: &'a str,
}

impl Figure<'_> {
    /// As markup.
    pub(super) fn markup(&self) -> String {
        let Self { id, legend, plot, numbers, .. } = self;
        let (title, note) = (escaped(self.title), escaped(self.note));
        let description = escaped(self.description);
        let (width, height) = (place(WIDTH), place(self.height));
        format!(
            "<figure id=\"{id}\">\n<figcaption><h3>{title}</h3><p>{note}</p></figcaption>\n{legend}\
             <svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-labelledby=\"{id}-title {id}-desc\">\n<title id=\"{id}-title\">{title}</title>\
             <desc id=\"{id}-desc\">{description}</desc>\n{plot}</svg>\n\
             <details><summary>Numbers of this plot</summary>\n{numbers}</details>\n</figure>\n"
        )
    }
}

/// A straight line.
pub(super) fn line(class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> String {
    let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(place);
    format!("<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>\n")
}

/// A text; `anchor` is `start`, `middle` or `end`.
pub(super) fn label(class: &str, anchor: &str, (x, y): (f64, f64), text: &str) -> String {
    let (x, y, text) = (place(x), place(y), escaped(text));
    format!("<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x}\" y=\"{y}\">{text}</text>\n")
}

/// Lines across an area with their numbers on its left.
pub(super) fn rising_axis(area: Area, scale: &Scale, shown: fn(u64) -> String) -> String {
    let mut text = String::new();
    for tick in &scale.ticks {
        let y = scale.at(*tick);
        text += &line("rule", (area.left, y), (area.right, y));
        text += &label("tick", "end", (area.left - 8.0, y + 4.5), &tick_text(&shown(*tick)));
    }
    text
}

/// A mark that can be told from the others without its colour. It has a title, which a pointer shows.
pub(super) fn mark(look: usize, class: &str, (x, y): (f64, f64), size: f64, title: &str) -> String {
    let at = |dx: f64, dy: f64| format!("{} {}", place(x + dx * size), place(y + dy * size));
    let path = |corners: &[(f64, f64)]| {
        let corners: Vec<String> = corners.iter().map(|(dx, dy)| at(*dx, *dy)).collect();
        format!("M{}Z", corners.join("L"))
    };
    let drawn = match look {
        0 => String::new(),
        1 => path(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
        2 => path(&[(0.0, -1.15), (1.1, 0.85), (-1.1, 0.85)]),
        3 => path(&[(0.0, -1.3), (1.2, 0.0), (0.0, 1.3), (-1.2, 0.0)]),
        _ => path(&[(0.0, 1.15), (1.1, -0.85), (-1.1, -0.85)]),
    };
    let title =
        if title.is_empty() { String::new() } else { format!("<title>{}</title>", escaped(title)) };
    if drawn.is_empty() {
        let [x, y, size] = [x, y, size].map(place);
        format!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{size}\">{title}</circle>\n")
    } else {
        format!("<path class=\"{class}\" d=\"{drawn}\">{title}</path>\n")
    }
}

/// How a line of a plot looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineLook {
    /// Colour and shape.
    pub(super) shape: usize,
    /// Which line of this shape.
    pub(super) variant: usize,
}

impl LineLook {
    /// Its class of the style sheet.
    pub(super) fn class(self) -> String {
        format!("look{} variant{}", self.shape, self.variant.min(3))
    }

    /// Its mark: full for the first line of a shape, hollow for the next one, then with a core, a bar, a pole, a cross.
    pub(super) fn mark(self, at: (f64, f64), size: f64, title: &str) -> String {
        let class = self.class();
        let mut text = mark(self.shape, &format!("mark {class}"), at, size, title);
        if self.variant == 2 {
            text += &mark(self.shape, &format!("core {class}"), at, size * 0.4, "");
        }
        let across = |dx: f64, dy: f64| {
            let ends = ((at.0 - dx, at.1 - dy), (at.0 + dx, at.1 + dy));
            line(&format!("whisker {class}"), ends.0, ends.1)
        };
        if self.variant == 3 || self.variant > 4 {
            text += &across(size, 0.0);
        }
        if self.variant > 3 {
            text += &across(0.0, size);
        }
        text
    }
}

/// A line of a legend for each mark: its look and its name.
pub(super) fn legend(entries: &[(LineLook, String)]) -> String {
    let mut text = String::from("<ul class=\"legend\">\n");
    for (look, name) in entries {
        let drawn = look.mark((9.0, 9.0), 5.5, "").replace('\n', "");
        let name = escaped(name);
        let svg = format!("<svg viewBox=\"0 0 18 18\" aria-hidden=\"true\">{drawn}</svg>");
        put(&mut text, format_args!("<li>{svg}{name}</li>\n"));
    }
    text + "</ul>\n"
}
