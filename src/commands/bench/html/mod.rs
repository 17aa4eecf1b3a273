//! One page that shows a bench: tables and plots, from the recorded lines alone. It needs no network and runs no script.

mod page;
mod plot;

use std::fmt::Write as _;

use self::plot::{Dots, Group, Scale};
use crate::bench::record::{Header, Recorded, Row, Trial, Verdict};
use crate::bench::setting::Way;
use crate::report::number;

/// The page.
pub fn page(bench: &Recorded) -> String {
    let verdict = bench.verdict.as_ref();
    let mut body = String::new();
    let source = escaped(&bench.header.source);
    put(&mut body, format_args!("<h1>sluice bench: {source}</h1>\n"));
    if let Some(verdict) = verdict {
        body.push_str(&page::verdict(&bench.header, verdict));
    }
    body.push_str("<div class=\"plots\">\n");
    for plot in plots(bench) {
        put(&mut body, format_args!("<figure>{plot}</figure>\n"));
    }
    body.push_str("</div>\n");
    if let Some(verdict) = verdict {
        body.push_str(&page::settings(verdict));
    }
    body.push_str(&page::trials(&bench.trials));
    body.push_str(&page::circumstances(&bench.header));
    page::whole(&format!("sluice bench: {source}"), &body)
}

fn plots(bench: &Recorded) -> Vec<String> {
    let mut counting: Vec<&Trial> = bench.trials.iter().filter(|trial| trial.counts()).collect();
    let mut plots = Vec::new();
    if let Some(alike) = usual(&counting) {
        // Only what differs by interval and transport alone belongs onto one line.
        counting.retain(|trial| of_interval(trial) == alike);
        let requests = match alike.0 {
            1 => "1 request at a time".to_owned(),
            many => format!("{many} requests at a time"),
        };
        let intervals = intervals(&counting);
        let names: Vec<String> = intervals.iter().map(|(_, name)| name.clone()).collect();
        let dots =
            |title: &str, scale, line, shown: fn(u64) -> String, of: &dyn Fn(&Trial) -> u64| {
                let groups = groups(&counting, &intervals, of);
                let title = &format!("{title}, {requests}");
                plot::dots(&Dots { title, categories: &names, groups, scale, line, shown })
            };
        plots.push(dots("Values/s by interval", Scale::Linear, None, number::count, &|trial| {
            trial.values_per_s()
        }));
        plots.push(dots("Bytes/value by interval", Scale::Log, None, milli, &|trial| {
            trial.milli_bytes_per_value()
        }));
        let limit_us = bench.header.query_timeout_ms.saturating_mul(1_000);
        let line = Some((limit_us, "time limit for one query"));
        plots.push(dots("Longest answer by interval", Scale::Log, line, time, &|trial| {
            trial.slice_us.high
        }));
    }
    if let Some(verdict) = bench.verdict.as_ref().filter(|verdict| !verdict.rows.is_empty()) {
        plots.push(finish(verdict));
    }
    if !bench.header.density.is_empty() {
        plots.push(density(&bench.header));
    }
    plots
}

/// Everything of a setting but interval and transport.
fn of_interval(trial: &Trial) -> (usize, usize) {
    (trial.setting.concurrency, trial.setting.body_bytes)
}

/// What most trials have in common.
fn usual(trials: &[&Trial]) -> Option<(usize, usize)> {
    let count = |wanted| trials.iter().filter(|trial| of_interval(trial) == wanted).count();
    trials.iter().map(|trial| of_interval(trial)).max_by_key(|alike| count(*alike))
}

/// The intervals that were tried, rising, each with its name.
fn intervals(trials: &[&Trial]) -> Vec<(i64, String)> {
    let mut found: Vec<(i64, String)> = trials
        .iter()
        .map(|trial| (trial.setting.interval_ns(), trial.setting.interval.to_string()))
        .collect();
    found.sort();
    found.dedup();
    found
}

fn groups(
    trials: &[&Trial],
    intervals: &[(i64, String)],
    of: &dyn Fn(&Trial) -> u64,
) -> Vec<Group> {
    let mut ways: Vec<Way> = trials.iter().map(|trial| trial.setting.transport).collect();
    ways.sort_unstable();
    ways.dedup();
    let place = |trial: &Trial| {
        let own = trial.setting.interval_ns();
        intervals.iter().position(|(length, _)| *length == own).unwrap_or(0)
    };
    let group = |way: Way| {
        let own = trials.iter().filter(|trial| trial.setting.transport == way);
        Group {
            name: way.to_string(),
            points: own.map(|trial| (place(trial), of(trial))).collect(),
        }
    };
    ways.into_iter().map(group).collect()
}

fn finish(verdict: &Verdict) -> String {
    let best = verdict.recommendation.as_ref().map(|best| best.setting);
    let bar = |row: &Row| plot::Bar {
        name: format!(
            "{} {} x{}",
            row.setting.transport, row.setting.interval, row.setting.concurrency
        ),
        low: row.whole_ms.low,
        likely: row.whole_ms.likely,
        high: row.whole_ms.high,
        marked: best == Some(row.setting),
    };
    let bars: Vec<_> = verdict.rows.iter().map(bar).collect();
    plot::bars("Time of the whole migration", &bars, number::duration)
}

fn density(header: &Header) -> String {
    let values: Vec<u64> = header.density.iter().map(|cell| cell.values).collect();
    let ends = (
        header.density.first().map_or(String::new(), |cell| number::day_or_minute(cell.start)),
        header.density.last().map_or(String::new(), |cell| number::day_or_minute(cell.stop)),
    );
    plot::columns("Values over time", &values, (&ends.0, &ends.1), number::count)
}

/// Thousandths as `6.1`.
fn milli(milli: u64) -> String {
    number::ratio(milli, 1_000)
}

/// Microseconds as a length of time.
fn time(us: u64) -> String {
    match us {
        0..1_000_000 => format!("{} ms", us / 1_000),
        _ => number::duration(us / 1_000),
    }
}

/// A text as it may stand in the page.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter if letter.is_control() => safe.extend(letter.escape_unicode()),
            letter => safe.push(letter),
        }
    }
    safe
}

/// Adds formatted text.
fn put(to: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a text does not fail.
    let _ = to.write_fmt(text);
}
