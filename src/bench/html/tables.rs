//! The tables of the page.

use super::text::{escaped, milli, percent, put};
use super::view::PageView;
use crate::bench::extrapolate;
use crate::bench::record::{Trial, TrialEnding};
use crate::bench::verdict::SettingRow;
use crate::model::number;
use crate::model::spread::Spread;

/// The head of a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadCell<'a> {
    name: &'a str,
    class: &'static str,
}

impl<'a> HeadCell<'a> {
    /// A column of numbers, which end below each other.
    pub(super) const fn number(name: &'a str) -> Self {
        Self { name, class: "" }
    }

    /// A column of texts, which begin below each other.
    pub(super) const fn text(name: &'a str) -> Self {
        Self { name, class: " class=\"text\"" }
    }

    /// A column of medians, each with its spread below it.
    const fn spread(name: &'a str) -> Self {
        Self { name, class: " class=\"spread\"" }
    }

    /// A column of a few words, which may stand below each other.
    const fn words(name: &'a str) -> Self {
        Self { name, class: " class=\"text words\"" }
    }

    /// A column of texts that may need several lines.
    const fn long(name: &'a str) -> Self {
        Self { name, class: " class=\"text long\"" }
    }
}

/// A table that scrolls by itself where it is wider than the page. The first cell of each row is its head; true marks the
/// row of what is recommended.
pub(super) fn table(
    name: &str,
    head: &[HeadCell<'_>],
    rows: impl Iterator<Item = (bool, Vec<String>)>,
) -> String {
    let name = escaped(name);
    let mut text = format!(
        "<div class=\"wide\" role=\"region\" aria-label=\"{name}\" tabindex=\"0\">\n<table>\n<thead><tr>"
    );
    for HeadCell { name, class } in head {
        put(&mut text, format_args!("<th scope=\"col\"{class}>{}</th>", escaped(name)));
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for (is_best, cells) in rows {
        text.push_str(if is_best { "<tr class=\"best\">" } else { "<tr>" });
        for (at, (cell, HeadCell { class, .. })) in cells.iter().zip(head).enumerate() {
            let cell = escaped(cell);
            match at {
                0 => put(&mut text, format_args!("<th scope=\"row\"{class}>{cell}</th>")),
                _ => put(&mut text, format_args!("<td{class}>{cell}</td>")),
            }
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody>\n</table>\n</div>\n");
    text
}

fn spread(numbers: Spread, shown: fn(u64) -> String) -> String {
    let Spread { low, likely, high } = numbers;
    if low == high {
        return shown(likely);
    }
    // A line breaks before the bracket, and nowhere else.
    let whole = |text: String| text.replace(' ', "\u{a0}");
    format!("{} {}", whole(shown(likely)), whole(format!("({} to {})", shown(low), shown(high))))
}

/// A column of the settings: its head, and what it says of a row.
type Column = (HeadCell<'static>, fn(&SettingRow) -> String);

/// One row for each setting. What says the same of all of them, or nothing, has no column.
pub(super) fn settings(view: &PageView<'_>) -> String {
    let mut columns: Vec<Column> = vec![
        (HeadCell::number("interval"), |row| row.setting.interval.to_string()),
        (HeadCell::number("requests"), |row| number::grouped(row.setting.concurrency as u64)),
        (HeadCell::number("bodies"), |row| number::bytes(row.setting.body_bytes as u64)),
        (HeadCell::number("runs"), |row| number::grouped(row.runs)),
        (HeadCell::spread("whole migration"), |row| spread(row.whole_ms, number::duration_fine)),
        (HeadCell::number("by the quota"), |row| {
            row.quota_ms.map_or("-".to_owned(), |time| number::duration_fine(time.likely))
        }),
        (HeadCell::number("by the work"), |row| number::duration_fine(row.engine_ms.likely)),
        (HeadCell::words("limited by"), |row| row.limit.words().to_owned()),
        (HeadCell::spread("bytes/value"), |row| spread(row.milli_bytes_per_value, milli)),
        (HeadCell::spread("values/s"), |row| spread(row.values_per_s, number::count)),
        (HeadCell::number("longest answer of the limit"), |row| percent(row.deadline_per_mille)),
        (HeadCell::words("read by"), |row| row.transports.join(", ")),
    ];
    let has_quota = view.rows.iter().any(|row| row.quota_ms.is_some());
    let bodies = view.rows.first().map(|row| row.setting.body_bytes);
    let one_body = view.rows.iter().all(|row| Some(row.setting.body_bytes) == bodies);
    let as_named = |row: &SettingRow| row.transports == [row.setting.transport.to_string()];
    let is_idle = |name: &str| match name {
        "by the quota" | "by the work" => !has_quota,
        "bodies" => one_body,
        "read by" => view.rows.iter().all(as_named),
        _ => false,
    };
    columns.retain(|(head, _)| !is_idle(head.name));
    let best = view.best.as_ref().map(|best| best.setting);
    let cells = |row: &SettingRow| {
        let mark = if best == Some(row.setting) { " (recommended)" } else { "" };
        let name = format!("{}{mark}", row.setting.transport);
        std::iter::once(name).chain(columns.iter().map(|(_, shown)| shown(row))).collect()
    };
    let heads = columns.iter().map(|(head, _)| *head);
    let heads: Vec<_> = std::iter::once(HeadCell::text("transport")).chain(heads).collect();
    let rows = view.rows.iter().map(|row| (best == Some(row.setting), cells(row)));
    table("Settings", &heads, rows)
}

const TRIAL_HEAD: [HeadCell<'static>; 37] = [
    HeadCell::number("trial"),
    HeadCell::text("setting"),
    HeadCell::number("run"),
    HeadCell::text("ending"),
    HeadCell::text("stretch"),
    HeadCell::text("from"),
    HeadCell::text("to"),
    HeadCell::number("values"),
    HeadCell::number("expected"),
    HeadCell::number("bytes charged"),
    HeadCell::number("at most expected"),
    HeadCell::number("before the first batch"),
    HeadCell::number("over the wire"),
    HeadCell::number("decoded"),
    HeadCell::number("bytes/value"),
    HeadCell::number("values/s"),
    HeadCell::number("longest answer of the limit"),
    HeadCell::number("whole migration by it alone"),
    HeadCell::number("requests"),
    HeadCell::number("elapsed µs"),
    HeadCell::number("before the first batch µs"),
    HeadCell::number("waited for the quota µs"),
    HeadCell::number("answers"),
    HeadCell::number("first byte µs: least"),
    HeadCell::number("median"),
    HeadCell::number("most"),
    HeadCell::number("answer µs: least"),
    HeadCell::number("median"),
    HeadCell::number("most"),
    HeadCell::number("waited for a reader µs"),
    HeadCell::number("written after that µs"),
    HeadCell::number("retries"),
    HeadCell::number("splits"),
    HeadCell::number("processor µs"),
    HeadCell::number("memory bytes"),
    HeadCell::number("bodies"),
    HeadCell::number("bytes in them"),
];

/// One row for each trial, with every number as it was recorded.
pub(super) fn trials(view: &PageView<'_>) -> String {
    let rows = view.trials.iter().map(|trial| (false, trial_cells(trial, view)));
    table("Trials", &TRIAL_HEAD, rows)
}

fn trial_cells(trial: &Trial, view: &PageView<'_>) -> Vec<String> {
    let ending = match &trial.ending {
        TrialEnding::Complete if trial.warm_up => "warm-up".to_owned(),
        TrialEnding::Complete => "complete".to_owned(),
        TrialEnding::Cut { by } => format!("cut by {by}"),
        TrialEnding::Failed { .. } => "failed".to_owned(),
    };
    let optional = |n: Option<u64>| n.map_or("-".to_owned(), number::grouped);
    let mut cells = vec![
        number::grouped(trial.number),
        trial.setting.to_string(),
        trial.repetition.to_string(),
        ending,
        trial.stratum.name().to_owned(),
        trial.start.to_string(),
        trial.stop.to_string(),
    ];
    let bytes = [
        trial.values,
        trial.values_predicted,
        trial.bytes_charged,
        trial.bytes_predicted,
        trial.bytes_begun,
        trial.bytes_wire,
        trial.bytes_decoded,
    ];
    cells.extend(bytes.map(number::grouped));
    cells.push(milli(trial.milli_bytes_per_value()));
    cells.push(number::grouped(trial.values_per_s()));
    cells.push(percent(trial.deadline_per_mille(view.header.query_timeout_ms)));
    let alone = view.whole.as_ref().and_then(|whole| extrapolate::of_trial(trial, whole));
    cells.push(alone.map_or("-".to_owned(), |row| number::duration_fine(row.whole_ms.likely)));
    let rest = [
        trial.requests,
        trial.elapsed_us,
        trial.begun_us,
        trial.waited_us,
        trial.slices,
        trial.first_byte_us.low,
        trial.first_byte_us.likely,
        trial.first_byte_us.high,
        trial.slice_us.low,
        trial.slice_us.likely,
        trial.slice_us.high,
        trial.reader_busy_us,
        trial.written_us,
        trial.retries,
        trial.splits,
    ];
    cells.extend(rest.map(number::grouped));
    cells.extend([trial.cpu_us, trial.memory_bytes_max].map(optional));
    cells.extend([trial.bodies, trial.body_bytes_sum].map(number::grouped));
    cells
}

/// The batches of all trials.
pub(super) fn batches(trials: &[Trial]) -> String {
    let head = [
        HeadCell::number("trial"),
        HeadCell::text("setting"),
        HeadCell::text("batch from"),
        HeadCell::number("values"),
        HeadCell::number("bytes decoded"),
    ];
    let rows = trials.iter().flat_map(|trial| {
        trial.batches.iter().map(|batch| {
            let cells = vec![
                number::grouped(trial.number),
                trial.setting.to_string(),
                batch.start.to_string(),
                number::grouped(batch.values),
                number::grouped(batch.bytes),
            ];
            (false, cells)
        })
    });
    table("Batches of the trials", &head, rows)
}

/// The trials that failed, each with its error.
pub(super) fn failures(trials: &[Trial]) -> String {
    let head = [HeadCell::number("trial"), HeadCell::text("setting"), HeadCell::long("error")];
    let failed = |trial: &Trial| match &trial.ending {
        TrialEnding::Failed { error } => {
            let cells =
                vec![number::grouped(trial.number), trial.setting.to_string(), error.clone()];
            Some((false, cells))
        }
        TrialEnding::Complete | TrialEnding::Cut { .. } => None,
    };
    let rows: Vec<_> = trials.iter().filter_map(failed).collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("<h3>Trials that failed</h3>\n{}", table("Trials that failed", &head, rows.into_iter()))
}
