//! The screen of a running job: pure text, at most [`COLUMNS`] wide.

use crate::limits;
use crate::model::number;
use crate::model::time::TimeRange;
use crate::pipeline::event::PlannedRun;
use crate::report::state::{OpenBatch, RunState, draining, stop_name};
use crate::report::text::{COLUMNS, fit, fit_both, flow, width};
use crate::report::waits::Waiting;

const BAR_CELLS: u32 = 40;

/// All lines, `now_ms` after the start of the run.
pub fn screen(state: &RunState, now_ms: u64) -> Vec<String> {
    let mut lines = vec![title(state, &number::duration(now_ms))];
    if state.planned.is_none() {
        lines.push(fit(&format!("STATE         {}", condition(state, now_ms)), COLUMNS));
        return lines;
    }
    lines.push(overall_bar(state));
    lines.extend(committed(state));
    lines.extend(average(state, now_ms));
    lines.extend(quota(state, now_ms));
    lines.push(fit(&format!("STATE         {}", condition(state, now_ms)), COLUMNS));
    lines.extend(batches(state));
    lines.extend(counts(state));
    let mut waits = state.waits.parts(now_ms);
    waits.push(format!("retries {}", number::count(state.totals.retries)));
    lines.extend(flow("waits         ", &waits));
    lines.push(closing(state));
    lines
}

/// `sluice migrate  from -> to  1h25m`, the names shortened until they fit.
pub fn title(state: &RunState, end: &str) -> String {
    let header = &state.header;
    let command = fit(&header.command, 16);
    let taken = "sluice   ->   ".len() + 2 + width(&command) + width(end);
    let (source, destination) =
        fit_both(&header.source, &header.destination, COLUMNS.saturating_sub(taken));
    format!("sluice {command}  {source} -> {destination}  {end}").trim_end().to_owned()
}

/// What the run does at this moment, always with the reason.
pub fn condition(state: &RunState, now_ms: u64) -> String {
    if let Some(reason) = state.stopping {
        return format!("draining: {} ({})", draining(reason), stop_name(reason));
    }
    if let Some(waiting) = state.waits.current(now_ms) {
        return match pacing(state, waiting) {
            Some(text) => text,
            None => {
                format!("waiting {}: {}", number::duration(waiting.shown_ms()), waiting.reason())
            }
        };
    }
    match (&state.planned, state.open.len()) {
        (None, _) => "preparing the plan".to_owned(),
        (Some(planned), _) if state.committed_to >= Some(planned.job.stop) => {
            "finishing".to_owned()
        }
        (Some(_), 0) => "running: the source counts the next batch".to_owned(),
        (Some(planned), _) => match in_use(state, planned) {
            Some(how) => format!("running ({how})"),
            None => "running".to_owned(),
        },
    }
}

/// The normal wait: reading is spread so that the quota is never met, however much of it is left.
fn pacing(state: &RunState, waiting: Waiting) -> Option<String> {
    let quota = state.header.quota.filter(|_| waiting.word() == "quota")?;
    let rate = state.pace.map_or(quota.bytes_per_s(), |pace| pace.bytes_per_s);
    let shared = match state.pace.map(|pace| pace.runs) {
        Some(runs @ 2..) => format!("; {runs} runs share it"),
        _ => String::new(),
    };
    Some(format!(
        "pacing: {}/s so that no five minutes exceed {}{shared}",
        number::bytes(rate),
        number::bytes(quota.window_bytes)
    ))
}

/// How the source is read: what was asked for, or what `auto` has come to.
fn in_use(state: &RunState, planned: &PlannedRun) -> Option<String> {
    if planned.transport != "auto" {
        return Some(planned.transport.clone());
    }
    let names: Vec<&str> = state.transports.iter().rev().map(|way| way.name()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn overall_bar(state: &RunState) -> String {
    let per_mille = state.job_per_mille();
    let full = (per_mille * BAR_CELLS / 1_000) as usize;
    let bar = format!("[{}{}]", "#".repeat(full), ".".repeat(BAR_CELLS as usize - full));
    let planned = state.planned.as_ref().map_or(0, |planned| planned.batches);
    let done = number::count(state.totals.batches_committed);
    fit(
        &format!(
            "{bar}  {}   {done}/{} batches",
            number::percent(per_mille),
            number::count(planned)
        ),
        COLUMNS,
    )
}

fn committed(state: &RunState) -> Vec<String> {
    let totals = &state.totals;
    let bytes = match state.bytes_expected() {
        Some(expected) => number::bytes_of(totals.source_bytes_decoded, expected),
        None => number::bytes(totals.source_bytes_decoded),
    };
    let to = state.committed_to.map_or_else(|| "-".to_owned(), number::minute);
    flow(
        "committed to  ",
        &[
            to,
            format!("{} values", number::count(totals.values_committed)),
            bytes,
            format!("rejected {}", number::count(totals.values_rejected)),
        ],
    )
}

fn average(state: &RunState, now_ms: u64) -> Vec<String> {
    let eta = match state.eta_ms(now_ms) {
        Some((low, high)) => number::duration_range(low, high),
        None if state.stopping.is_some() => "-".to_owned(),
        None => "after 1 %".to_owned(),
    };
    flow(
        "average       ",
        &[
            format!("source {}", number::byte_rate(state.totals.source_bytes_decoded, now_ms)),
            format!("sink {} values/s", number::count_rate(state.totals.values_written, now_ms)),
            format!("ETA {eta}"),
        ],
    )
}

fn quota(state: &RunState, now_ms: u64) -> Option<String> {
    let quota = state.header.quota?;
    let (used, resets_ms) = state.window(now_ms);
    let used = number::bytes_of(used, quota.window_bytes);
    Some(fit(
        &format!("quota         {used} in this window, resets in {}", number::clock(resets_ms)),
        COLUMNS,
    ))
}

fn batches(state: &RunState) -> Vec<String> {
    let shown: Vec<_> = state
        .open
        .iter()
        .take(limits::BATCH_LINES_MAX)
        .map(|(&range, open)| Columns::of(range, open))
        .collect();
    let widest = |of: fn(&Columns) -> &str| {
        shown.iter().map(|columns| width(of(columns))).max().unwrap_or(0)
    };
    let (label, read) = (widest(|columns| &columns.label).max(12), widest(|columns| &columns.read));
    let mut lines: Vec<_> = shown
        .iter()
        .map(|columns| {
            let Columns { label: name, read: bytes, written, text } = columns;
            fit(
                &format!(" {name:<label$} read {bytes:<read$}  written {written:>3} %  {text}"),
                COLUMNS,
            )
        })
        .collect();
    if state.open.len() > shown.len() {
        lines.push(format!(" and {} more open batches", state.open.len() - shown.len()));
    }
    lines
}

fn counts(state: &RunState) -> Vec<String> {
    let (equal, compared) =
        (number::count(state.batches_equal), number::count(state.batches_compared));
    flow(
        "counts        ",
        &[
            format!("{equal}/{compared} batches equal the source's own count"),
            format!("splits {}", number::count(state.totals.splits)),
        ],
    )
}

struct Columns {
    label: String,
    read: String,
    written: u32,
    text: String,
}

impl Columns {
    fn of(range: TimeRange, open: &OpenBatch) -> Self {
        let acknowledged = u128::from(open.values_written) + u128::from(open.values_rejected);
        Self {
            label: number::day_or_minute(range.start),
            read: number::bytes_of(open.bytes_read, open.bytes_predicted),
            written: number::per_mille(acknowledged, u128::from(open.values)) / 10,
            text: batch_text(open),
        }
    }
}

/// How far a batch is, in words.
pub fn batch_text(open: &OpenBatch) -> String {
    let acknowledged = open.values_written.saturating_add(open.values_rejected);
    if open.values_read == open.values && acknowledged >= open.values {
        "count equal, committing".to_owned()
    } else if open.values_read == open.values {
        "count equal, writing".to_owned()
    } else if open.splits > 0 {
        format!("split in {} after {}", open.splits.saturating_add(1), open.split_cause)
    } else {
        "reading".to_owned()
    }
}

fn closing(state: &RunState) -> String {
    if state.stopping.is_some() {
        return "The place is kept; the same command resumes.".to_owned();
    }
    format!(
        "Ctrl-C drains (up to {} s) and keeps the place; the same command resumes.",
        limits::STOP_MS_MAX / 1_000
    )
}
