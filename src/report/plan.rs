//! What `plan` found, as plain data, and its screen.

use crate::exit::ExitCode;
use crate::model::density::{Cell, Stretch, stretches};
use crate::model::foretold::{Conflict, Forecast, Guide, PlanMeasurement};
use crate::model::number;
use crate::model::spread::Spread;
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::report::density;
use crate::report::preflight::{Finding, Verdict};
use crate::report::table::{TableHead, TableLayout};
use crate::report::text::{Color, Paper, clean, fit, fit_both, labelled, width, wrap, wrap_after};

/// Items of a list that the screen shows; the others are counted.
const LISTED_MAX: usize = 4;

/// The columns behind the names, and the order in which they leave.
const HEADS: [TableHead; 5] = [
    TableHead::right("VALUES", 10),
    TableHead::right("SERIES", 10).leaves(1),
    TableHead::left("TRANSPORT", 10),
    TableHead::right("B/VALUE", 13).leaves(2),
    TableHead::right("BYTES", 11).leaves(3),
];

/// Everything that a plan tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanReport {
    /// `org/bucket`.
    pub source: String,
    /// `org@host:port/bucket`; none if no destination was given.
    pub destination: Option<String>,
    /// The whole job.
    pub job: TimeRange,
    /// Where a run begins.
    pub resume: Timestamp,
    /// Times of the first and the last value from there on.
    pub data: Option<(Timestamp, Timestamp)>,
    /// Values from there on.
    pub values: u64,
    /// Series of the bucket, whatever their time; none if the source does not tell.
    pub series: Option<u64>,
    /// Measurements that hold any of the values.
    pub measurements: u64,
    /// What was too dear to count.
    pub uncounted: Vec<String>,
    /// Equal parts of the time between the first and the last value.
    pub cells: Vec<Cell>,
    /// The largest measurements.
    pub rows: Vec<PlanMeasurement>,
    /// All others together.
    pub rest: Option<PlanMeasurement>,
    /// Fields by type, as `integer`; more types joined by a slash.
    pub types: Vec<(String, u64)>,
    /// What the types are known from, where that is not the whole bucket.
    pub types_from: Option<String>,
    /// Fields of several types, here or between both ends.
    pub conflicts: Vec<Conflict>,
    /// What no answer carries, in words, and its values.
    pub not_carried: Vec<String>,
    /// Values of that.
    pub lost: u64,
    /// The batch interval.
    pub interval: IntervalRow,
    /// What a run will take.
    pub forecast: Forecast,
    /// Failures and warnings of the checks before a run, each with the part that it is about.
    pub findings: Vec<(&'static str, Finding)>,
    /// Source bytes that the plan cost.
    pub quota_bytes_spent: u64,
    /// Requests to the source that it took.
    pub requests_spent: u64,
    /// The exit code.
    pub exit: ExitCode,
}

/// The batch interval, and the guide's answer to the same question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntervalRow {
    /// As it is given to `--batch-interval`.
    pub interval: String,
    /// True if it was worked out, false if it was given.
    pub auto: bool,
    /// The guide's answer; none without a quota or without a sample.
    pub guide: Option<Guide>,
}

impl PlanReport {
    /// The screen. Cures are never cut, since they are to be copied; all other lines keep within the paper.
    pub fn lines(&self, paper: Paper) -> Vec<String> {
        let mut page = Page { paper, lines: Vec::new() };
        self.head(&mut page);
        self.density(&mut page);
        self.table(&mut page);
        self.fields(&mut page);
        self.run(&mut page);
        // Colours come below, where nothing foreign is left as it was.
        page.lines.iter_mut().for_each(|line| *line = clean(line, paper.glyphs));
        self.end(&mut page);
        page.lines
    }

    /// What somebody may have to act on, and the last line.
    pub(crate) fn quiet_lines(&self, paper: Paper) -> Vec<String> {
        let mut page = Page { paper, lines: Vec::new() };
        self.end(&mut page);
        page.lines
    }

    fn end(&self, page: &mut Page) {
        let paper = page.paper;
        for (_, finding) in &self.findings {
            let (verdict, color) = match finding.verdict {
                Verdict::Fail => ("FAIL", Color::Red),
                Verdict::Ok | Verdict::Warn => ("WARN", Color::Yellow),
            };
            let text = format!("[{}] {}: {}", finding.code, finding.subject, finding.text);
            let first = page.lines.len();
            page.say(verdict, &clean(&text, paper.glyphs));
            page.lines[first] =
                page.lines[first].replacen(verdict, &paper.paint(color, verdict), 1);
            page.lines.extend(finding.cure_line(paper));
        }
        let bytes = number::bytes(self.quota_bytes_spent);
        let requests = number::counted(self.requests_spent, "request", "requests");
        let spent = format!(
            "{}, nothing written. Exit {}.",
            match (bytes, self.forecast.quota_bytes) {
                (bytes, Some(_)) => format!("{bytes} of quota and {requests} spent"),
                (bytes, None) => format!("{bytes} and {requests} read from the source"),
            },
            self.exit.number()
        );
        page.lines.extend(wrap(&spent, paper.columns, 2));
    }

    fn head(&self, page: &mut Page) {
        let Paper { columns, glyphs, .. } = page.paper;
        let source = clean(&self.source, glyphs);
        page.lines.push(match &self.destination {
            Some(destination) => {
                let destination = clean(destination, glyphs);
                let room = columns.saturating_sub("PLAN   -> ".len());
                let (source, destination) = fit_both(&source, &destination, room);
                format!("PLAN  {source} -> {destination}")
            }
            None => fit(&format!("PLAN  {source}"), columns),
        });
        if self.destination.is_none() {
            let text = "none given: resume point, conflicts of types and content are not checked";
            page.say("destination", text);
        }
        page.say("range", &self.job.to_string());
        if self.resume > self.job.start {
            page.say("resume", &format!("{}; all below is from here on", self.resume));
        }
        if let Some((first, last)) = self.data {
            page.say("data", &format!("from {first} to {last}"));
        }
        let series = self.series.map_or("series not told".to_owned(), |series| {
            number::counted(series, "series", "series")
        });
        let found = format!(
            "{}, {series}, {}",
            number::counted(self.values, "value", "values"),
            number::counted(self.measurements, "measurement", "measurements")
        );
        page.say("found", &found);
        for text in &self.uncounted {
            page.say("not counted", &clean(text, glyphs));
        }
    }

    fn density(&self, page: &mut Page) {
        let Paper { columns, glyphs, .. } = page.paper;
        let (cells, indent) = density::fitting(&self.cells, columns);
        let (Some(cell), Some(most)) = (cells.first(), cells.iter().map(|cell| cell.values).max())
        else {
            return;
        };
        let length = u64::try_from(cell.range.duration_ns() / 1_000_000).unwrap_or(u64::MAX);
        let text = format!(
            "one column is {}; the fullest holds {}",
            number::duration(length),
            number::counted(most, "value", "values")
        );
        page.say("density", &text);
        page.lines.push(format!("{}|{}|", " ".repeat(indent), density::plot(&cells, glyphs)));
        let (dense, empty) = stretches(&self.cells);
        page.list("dense", &dense, |stretch| {
            format!(
                "{}  {} times the mean",
                span(stretch),
                number::ratio(stretch.per_mille_of_mean, 1_000)
            )
        });
        page.list("empty", &empty, span);
    }

    fn table(&self, page: &mut Page) {
        let Paper { columns, glyphs, .. } = page.paper;
        if self.rows.is_empty() {
            return;
        }
        let rows = || self.rows.iter().chain(&self.rest);
        let names: Vec<_> = rows().map(|row| clean(&row.name, glyphs)).collect();
        let widest = names.iter().map(|name| width(name)).max().unwrap_or(0);
        let table = TableLayout::new(columns, ("MEASUREMENT", 14, 22), widest, &HEADS);
        page.lines.push(table.head());
        for (row, name) in rows().zip(&names) {
            let cells = [
                number::count(row.values),
                row.series.map_or("?".to_owned(), number::count),
                row.transport.clone(),
                per_value(row.milli_bytes_per_value, row.samples),
                number::bytes(row.bytes.likely),
            ];
            page.lines.push(table.row(name, &cells));
            page.say_below("why", &clean(&row.reason, glyphs));
            let usable = row.others.iter().filter_map(|(transport, cost)| {
                Some(format!("{transport} {}", number::ratio(*cost.as_ref().ok()?, 1_000)))
            });
            let usable: Vec<_> = usable.collect();
            if !usable.is_empty() {
                page.say_below("or", &format!("{} B/value", usable.join(", ")));
            }
            for (transport, cost) in &row.others {
                if let Err(why) = cost {
                    page.say_below("not", &format!("{transport}: {}", clean(why, glyphs)));
                }
            }
        }
    }

    fn fields(&self, page: &mut Page) {
        let glyphs = page.paper.glyphs;
        if !self.types.is_empty() {
            let types: Vec<_> = self
                .types
                .iter()
                .map(|(kind, fields)| format!("{} {kind}", number::count(*fields)))
                .collect();
            let from = self.types_from.as_ref().map_or(String::new(), |from| format!(" ({from})"));
            page.say("fields", &format!("{}{from}", types.join(", ")));
        }
        page.list("conflict", &self.conflicts, |conflict| {
            let there = if conflict.destination.is_empty() {
                String::new()
            } else {
                format!("; {} at the destination", conflict.destination.join(" and "))
            };
            let text = format!(
                "{}.{}: {}{there}",
                conflict.measurement,
                conflict.field,
                conflict.source.join(" and ")
            );
            clean(&text, glyphs)
        });
        page.list("not carried", &self.not_carried, |text| clean(text, glyphs));
        if self.lost > 0 {
            page.say("", &format!("{} in all", number::counted(self.lost, "value", "values")));
        }
    }

    fn run(&self, page: &mut Page) {
        let (forecast, interval) = (&self.forecast, &self.interval);
        let how = if interval.auto { "as migrate chooses it" } else { "as given" };
        page.say("interval", &format!("{} ({how})", interval.interval));
        match interval.guide {
            Some(guide) => {
                let text = format!(
                    "({} / {}) * {} = {}; the task downloads thrice, so a third: {}",
                    number::bytes(guide.limit_bytes),
                    number::bytes(guide.body_bytes),
                    duration(guide.range_ns),
                    duration(guide.interval_ns),
                    duration(guide.third_ns())
                );
                page.say("  guide", &text);
            }
            None if forecast.quota_bytes.is_none() => {
                page.say("  guide", "no quota: its formula has no answer");
            }
            None => page.say("  guide", "nothing to measure for its formula"),
        }
        let empty = forecast.batches.saturating_sub(forecast.batches_held);
        let batches = number::counted(forecast.batches, "batch", "batches");
        let empty = match empty {
            0 => String::new(),
            _ => format!(", of which at least {} empty", number::count(empty)),
        };
        page.say("batches", &format!("{batches}{empty}"));
        let requests = between(forecast.requests, number::count);
        page.say("requests", &format!("about {requests}"));
        let bytes = between(forecast.bytes, number::bytes);
        let counts = number::bytes(forecast.count_bytes.likely);
        page.say("bytes", &format!("{bytes}, and {counts} for counts"));
        let known = (forecast.time_ms, forecast.quota_bytes, forecast.bytes_per_s);
        let limit = if let (Some(time), Some(quota), Some(rate)) = known {
            let text = format!(
                "{} at {}/s of {}/5min",
                number::duration_range(time.low, time.high),
                number::bytes(rate),
                number::bytes(quota)
            );
            page.say("time", &text);
            "the source's quota, unless an engine is slower: not known, nothing is written"
        } else {
            let text = "not foretold without a quota; sluice bench --sink destination measures it";
            page.say("time", text);
            "the slower engine: not known, nothing is written"
        };
        page.say("limit", limit);
        if let Some(task) = forecast.task_ms {
            let text = format!(
                "the official task: at least {} at the whole quota",
                number::duration(task)
            );
            page.say("", &text);
        }
        if let Some(bytes) = forecast.spool_bytes {
            let text = format!(
                "{} on disk for --spool parquet, less after sluice spool compact",
                between(bytes, number::bytes)
            );
            page.say("spool", &text);
        }
    }
}

/// The screen as far as it is laid out.
struct Page {
    paper: Paper,
    lines: Vec<String>,
}

impl Page {
    fn say(&mut self, label: &str, text: &str) {
        self.lines.extend(labelled(self.paper.columns, label, text));
    }

    /// What belongs to the row above.
    fn say_below(&mut self, label: &str, text: &str) {
        self.lines.extend(wrap_after(self.paper.columns, &format!("  {label:<4}"), text));
    }

    /// The first few of a list, and how many more there are.
    fn list<T>(&mut self, label: &str, items: &[T], text: impl Fn(&T) -> String) {
        for item in items.iter().take(LISTED_MAX) {
            self.say(label, &text(item));
        }
        if items.len() > LISTED_MAX {
            let more = number::grouped((items.len() - LISTED_MAX) as u64);
            self.say("", &format!("and {more} more"));
        }
    }
}

fn span(stretch: &Stretch) -> String {
    let (start, stop) =
        (number::day_or_minute(stretch.range.start), number::day_or_minute(stretch.range.stop));
    format!("{start} to {stop}")
}

fn duration(ns: i64) -> String {
    number::duration(u64::try_from(ns / (NS_PER_S / 1_000)).unwrap_or(0))
}

/// `6.1`, or `6.1-7.0` where samples differ; a guess is marked.
fn per_value(milli: Spread, samples: u64) -> String {
    let shown = |milli| number::ratio(milli, 1_000);
    match (shown(milli.low), shown(milli.high)) {
        (_, high) if samples == 0 => format!("~{high}"),
        (low, high) if low == high => high,
        (low, high) => format!("{low}-{high}"),
    }
}

/// `46.0 GB`, or `46.0 GB - 51.2 GB`.
fn between(spread: Spread, shown: impl Fn(u64) -> String) -> String {
    match (shown(spread.low), shown(spread.high)) {
        (low, high) if low == high => high,
        (low, high) => format!("{low} - {high}"),
    }
}
