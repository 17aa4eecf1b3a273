//! One page that shows a recorded bench: what it came to, plots, tables. It is a single file without scripts that fetches
//! nothing; the same records give the same bytes.
//!
//! Everything that comes from a record is escaped where it enters the markup: in `text`, `tables`, `svg`, `summary`.

mod density;
mod dots;
mod finish;
mod scale;
mod series;
mod summary;
mod svg;
mod tables;
mod text;
mod view;

use self::dots::Dots;
use self::series::Grouped;
use self::text::escaped;
use self::view::PageView;
use super::record::{BenchHeader, Recorded, Trial};
use super::sample::Stratum;
use super::statistics::spread;
use crate::model::number;
use crate::model::spread::Spread;
use crate::model::time::TimeRange;

/// Colours follow the reader's preference and have a contrast of 4.5 at the least.
const STYLE: &str = include_str!("style.css");

/// The page of a bench, whether it came to its end or not.
pub fn page(recorded: &Recorded) -> String {
    let view = PageView::of(recorded);
    let source = escaped(&view.header.source);
    let mut body = head(&view);
    body += &summary::notices(&view);
    body += &summary::answer(&view);
    body += "<section>\n<h2>Plots</h2>\n<div class=\"plots\">\n";
    body += &plots(&view);
    body += &summary::not_seen(&view);
    body += "</div>\n</section>\n";
    body += &listed(&view);
    body += &summary::circumstances(&view);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>sluice bench: {source}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

fn head(view: &PageView<'_>) -> String {
    let header = view.header;
    let words = format!(
        "{} values from {} to {}, measured {} with sluice {}",
        number::count(header.values),
        number::day_or_minute(header.start),
        number::day_or_minute(header.stop),
        number::minute(header.started),
        header.version,
    );
    format!(
        "<header>\n<p class=\"kind\">sluice bench</p>\n<h1>{}</h1>\n<p class=\"soft\">{}</p>\n</header>\n",
        escaped(&header.source),
        escaped(&words)
    )
}

fn plots(view: &PageView<'_>) -> String {
    let mut text = String::new();
    if !view.rows.is_empty() {
        text += &finish::markup(&view.rows, view.best.as_ref().map(|best| best.setting));
    }
    let counting: Vec<&Trial> = view.trials.iter().filter(|trial| trial.counts()).collect();
    let full: Vec<&Trial> =
        counting.iter().copied().filter(|trial| trial.stratum != Stratum::Sparse).collect();
    let (shown, of) = if full.is_empty() {
        (&counting, "sparse stretches")
    } else {
        (&full, "dense and middle stretches")
    };
    if counting.is_empty() {
        text += "<section class=\"card\">\n<h3>Nothing to plot</h3>\n\
                 <p>No trial was complete; what they have cost is in the table of trials.</p>\n</section>\n";
    } else {
        text += &of_trials(&series::grouped(shown), of);
        text += &answers(view.header, &series::grouped(&counting));
    }
    if !view.header.density.is_empty() {
        let range = TimeRange::new(view.header.start, view.header.stop);
        text += &density::markup(&view.header.density, range, view.trials);
    }
    text
}

fn of_trials(grouped: &Grouped<'_>, stretches: &str) -> String {
    let note = format!(
        "Dots: trials of {stretches}; mark: their median; line: from the least to the most."
    );
    let speed = Dots {
        id: "speed",
        title: "Values/s by interval",
        note: &note,
        of: |trials| each(trials, Trial::values_per_s),
        limit: None,
        shown: number::count,
    };
    let bytes = Dots {
        id: "bytes",
        title: "Bytes/value by interval",
        of: |trials| each(trials, Trial::milli_bytes_per_value),
        shown: text::milli,
        ..speed
    };
    speed.markup(grouped) + &bytes.markup(grouped)
}

fn each(trials: &[&Trial], number: fn(&Trial) -> u64) -> Option<(Spread, Vec<u64>)> {
    let numbers: Vec<u64> = trials.iter().map(|trial| number(trial)).collect();
    Some((spread(&numbers)?, numbers))
}

fn answers(header: &BenchHeader, grouped: &Grouped<'_>) -> String {
    let limit = header.query_timeout_ms.saturating_mul(1_000);
    let dots = Dots {
        id: "answers",
        title: "Time of answers by interval",
        note: "Dots: the longest answer of each trial; mark: the median answer; line: from the shortest to the longest.",
        of: |trials| {
            let of = |number: fn(&Spread) -> u64| -> Vec<u64> {
                trials.iter().map(|trial| number(&trial.slice_us)).collect()
            };
            let longest = of(|spread| spread.high);
            let low = spread(&of(|spread| spread.low))?.low;
            let likely = spread(&of(|spread| spread.likely))?.likely;
            Some((Spread { low, likely, high: spread(&longest)?.high }, longest))
        },
        limit: Some((limit, "limit for one query")),
        shown: text::answer_time,
    };
    dots.markup(grouped)
}

fn listed(view: &PageView<'_>) -> String {
    let mut text = String::from("<section>\n<h2>Settings</h2>\n");
    if view.rows.is_empty() {
        text += "<p>No trial says anything of a setting.</p>\n";
    } else {
        text +=
            "<p class=\"soft\">Medians of the trials, in brackets the least and the most.</p>\n";
        text += &tables::settings(view);
        text += &summary::words();
    }
    text += "</section>\n<section>\n<h2>Trials</h2>\n";
    if view.trials.is_empty() {
        return text + "<p>None was run.</p>\n</section>\n";
    }
    text += &tables::failures(view.trials);
    text += "<details>\n<summary>Every trial with all its numbers</summary>\n";
    text += &tables::trials(view);
    text += "</details>\n";
    if view.trials.iter().any(|trial| !trial.batches.is_empty()) {
        text += "<details>\n<summary>Every batch of the trials</summary>\n";
        text += &tables::batches(view.trials);
        text += "</details>\n";
    }
    text + "</section>\n"
}
