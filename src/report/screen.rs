//! The screen of a running job: pure text, as wide as the terminal. What an operator looks for comes first: how far, until
//! when, and what the run does at this moment; the bar takes what is left.

use crate::limits;
use crate::model::number;
use crate::model::time::TimeRange;
use crate::pipeline::event::{PlannedRun, VerifyProgress};
use crate::report::state::{OpenBatch, RunState, draining, stop_name};
use crate::report::text::{COLUMNS, Color, Paper, fit, fit_both, flow, width, wrap};
use crate::report::waits::Waiting;

/// Cells of a bar that is worth drawing.
const BAR_CELLS_MIN: usize = 8;

/// All lines, `now_ms` after the start of the run.
pub fn screen(state: &RunState, now_ms: u64) -> Vec<String> {
    lines(state, now_ms).into_iter().map(|(line, _)| line).collect()
}

/// The same with colours, where there may be some.
pub(crate) fn painted(state: &RunState, now_ms: u64, paper: Paper) -> Vec<String> {
    let paint = |(line, color): (String, Option<Color>)| match color {
        Some(color) => paper.paint(color, &line),
        None => line,
    };
    lines(state, now_ms).into_iter().map(paint).collect()
}

type Line = (String, Option<Color>);

fn lines(state: &RunState, now_ms: u64) -> Vec<Line> {
    let mut lines = vec![(title(state, &number::duration(now_ms)), None)];
    let plain = |lines: Vec<String>| lines.into_iter().map(|line| (line, None));
    if state.planned.is_none() {
        lines.extend(doing(state, now_ms));
        return lines;
    }
    let color = (state.job_per_mille() >= 1_000).then_some(Color::Green);
    lines.push((overall(state, now_ms), color));
    if state.columns < COLUMNS {
        lines.extend(doing(state, now_ms));
        lines.extend(plain(committed(state)));
        lines.extend(plain(average(state, now_ms)));
        lines.extend(plain(quota(state, now_ms).into_iter().collect()));
    } else {
        lines.extend(plain(committed(state)));
        lines.extend(plain(average(state, now_ms)));
        lines.extend(plain(quota(state, now_ms).into_iter().collect()));
        lines.extend(doing(state, now_ms));
    }
    lines.extend(plain(batches(state)));
    lines.extend(plain(counts(state)));
    let mut waits = state.waits.parts(now_ms);
    waits.push(format!("retries {}", number::count(state.totals.retries)));
    lines.extend(plain(flow(state.columns, label(state, "waits"), &waits)));
    lines.push((closing(state), None));
    lines
}

/// What stands before a line; nothing where there is no room for it.
fn label(state: &RunState, name: &'static str) -> &'static str {
    const LABELS: [(&str, &str, &str); 5] = [
        ("committed to", "committed to  ", "to "),
        ("average", "average       ", ""),
        ("quota", "quota         ", "quota "),
        ("counts", "counts        ", ""),
        ("waits", "waits         ", "waits "),
    ];
    let found = LABELS.iter().find(|(own, ..)| *own == name);
    found.map_or("", |(_, wide, narrow)| if state.columns < COLUMNS { narrow } else { wide })
}

/// `sluice migrate  from -> to  1h25m`, the names shortened until they fit.
pub fn title(state: &RunState, end: &str) -> String {
    let header = &state.header;
    let command = fit(&header.command, 16);
    let taken = "sluice   ->   ".len() + 2 + width(&command) + width(end);
    let (source, destination) =
        fit_both(&header.source, &header.destination, state.columns.saturating_sub(taken));
    let title = format!("sluice {command}  {source} -> {destination}  {end}");
    fit(title.trim_end(), state.columns)
}

/// What the run does, in yellow where that deserves a look.
fn doing(state: &RunState, now_ms: u64) -> Vec<Line> {
    let is_usual = state.stopping.is_none()
        && state.waits.current(now_ms).is_none_or(|waiting| waiting.word() == "quota");
    let color = (!is_usual).then_some(Color::Yellow);
    let text = condition(state, now_ms);
    if state.columns < COLUMNS {
        let lines = wrap(&text, state.columns, 2).into_iter().take(2);
        return lines.map(|line| (line, color)).collect();
    }
    let line = |text: &str| format!("STATE         {text}");
    let mut shown = line(&text);
    if width(&shown) > state.columns
        && let Some(short) = condition_in_short(state, now_ms)
    {
        shown = line(&short);
    }
    vec![(fit(&shown, state.columns), color)]
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
    if let Some(at) = &state.verifying {
        return reading_back(at);
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

/// What was moved, compared with what is there.
fn reading_back(at: &VerifyProgress) -> String {
    let (done, all) = (number::grouped(at.batches), number::grouped(at.of_batches));
    match at.differing {
        0 => format!("reading back: {done} of {all} batches are equal"),
        differing => format!("reading back: {differing} of {done} batches differ, of {all}"),
    }
}

/// The same in fewer words, where there are such.
fn condition_in_short(state: &RunState, now_ms: u64) -> Option<String> {
    let waiting = state.waits.current(now_ms).filter(|_| state.stopping.is_none())?;
    let (rate, most, shared) = paced(state, waiting)?;
    Some(format!("pacing: {rate}, at most {most} in five minutes{shared}"))
}

/// The normal wait: reading is spread so that the quota is never met, however much of it is left.
fn pacing(state: &RunState, waiting: Waiting) -> Option<String> {
    let (rate, most, shared) = paced(state, waiting)?;
    Some(format!("pacing: {rate} so that no five minutes exceed {most}{shared}"))
}

/// The pace, the quota behind it, and who shares it.
fn paced(state: &RunState, waiting: Waiting) -> Option<(String, String, String)> {
    let quota = state.header.quota.filter(|_| waiting.word() == "quota")?;
    let rate = state.pace.map_or(quota.bytes_per_s(), |pace| pace.bytes_per_s);
    let shared = match state.pace.map(|pace| pace.runs) {
        Some(runs @ 2..) => format!("; {runs} runs share it"),
        _ => String::new(),
    };
    let rate = match rate {
        1..1_000 => "under 1 kB".to_owned(),
        rate => number::bytes(rate),
    };
    Some((format!("{rate}/s"), number::bytes(quota.window_bytes), shared))
}

/// How the source is read: what was asked for, or what `auto` has come to.
fn in_use(state: &RunState, planned: &PlannedRun) -> Option<String> {
    if planned.transport != "auto" {
        return Some(planned.transport.clone());
    }
    let names: Vec<&str> = state.transports.iter().rev().map(|way| way.name()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// How far it is, and the bar in what is left of the line: `#` is committed, `+` is written and not committed yet.
fn overall(state: &RunState, now_ms: u64) -> String {
    let percent = number::percent(state.job_per_mille());
    let planned = state.planned.as_ref().map_or(0, |planned| planned.batches);
    let done = number::count(state.totals.batches_committed);
    let batches = format!("{done}/{} batches", number::count(planned));
    if state.columns < COLUMNS {
        let texts = format!("{percent}  ETA {}", eta(state, now_ms));
        let bar = bar(state, state.columns.saturating_sub(width(&texts) + 2));
        let line =
            bar.map_or_else(|| format!("{texts}  {batches}"), |bar| format!("{texts}  {bar}"));
        return fit(&line, state.columns);
    }
    let texts = format!("{percent}   {batches}");
    let bar = bar(state, state.columns.saturating_sub(width(&texts) + 2)).unwrap_or_default();
    fit(&format!("{bar}  {texts}"), state.columns)
}

fn bar(state: &RunState, columns: usize) -> Option<String> {
    let cells = columns.checked_sub(2).filter(|cells| *cells >= BAR_CELLS_MIN)?;
    let of = |per_mille: u32| cells * per_mille.min(1_000) as usize / 1_000;
    let done = of(state.job_per_mille());
    let written = of(state.job_written_per_mille()).max(done);
    let (done, written, left) =
        ("#".repeat(done), "+".repeat(written - done), ".".repeat(cells - written));
    Some(format!("[{done}{written}{left}]"))
}

fn eta(state: &RunState, now_ms: u64) -> String {
    match state.eta_ms(now_ms) {
        Some((low, high)) => number::duration_range(low, high),
        None if state.stopping.is_some() => "-".to_owned(),
        None => "after 1 %".to_owned(),
    }
}

fn committed(state: &RunState) -> Vec<String> {
    let totals = &state.totals;
    let bytes = match state.bytes_expected() {
        Some(expected) => number::bytes_of(totals.source_bytes_decoded, expected),
        None => number::bytes(totals.source_bytes_decoded),
    };
    let to = state.committed_to.map_or_else(|| "-".to_owned(), number::minute);
    let parts = [
        to,
        format!("{} values", number::count(totals.values_committed)),
        bytes,
        format!("rejected {}", number::count(totals.values_rejected)),
    ];
    flow(state.columns, label(state, "committed to"), &parts)
}

fn average(state: &RunState, now_ms: u64) -> Vec<String> {
    let mut parts = vec![
        format!("source {}", number::byte_rate(state.totals.source_bytes_decoded, now_ms)),
        format!("sink {} values/s", number::count_rate(state.totals.values_written, now_ms)),
    ];
    if state.columns >= COLUMNS {
        parts.push(format!("ETA {}", eta(state, now_ms)));
    }
    flow(state.columns, label(state, "average"), &parts)
}

fn quota(state: &RunState, now_ms: u64) -> Option<String> {
    let quota = state.header.quota?;
    let (used, resets_ms) = state.window(now_ms);
    let used = number::bytes_of(used, quota.window_bytes);
    let (label, resets) = (label(state, "quota"), number::clock(resets_ms));
    let whole = format!("{label}{used} in this window, resets in {resets}");
    if width(&whole) <= state.columns {
        return Some(whole);
    }
    Some(fit(&format!("{label}{used}, resets in {resets}"), state.columns))
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
    let is_narrow = state.columns < COLUMNS;
    let mut lines: Vec<_> = shown
        .iter()
        .map(|columns| {
            let Columns { label: name, read: bytes, written, text } = columns;
            let line = if is_narrow {
                format!(" {name} {written} %  {text}")
            } else {
                format!(" {name:<label$} read {bytes:<read$}  written {written:>3} %  {text}")
            };
            fit(&line, state.columns)
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
    let equal = if state.columns < COLUMNS {
        format!("{equal}/{compared} counts equal")
    } else {
        format!("{equal}/{compared} batches equal the source's own count")
    };
    let splits = format!("splits {}", number::count(state.totals.splits));
    flow(state.columns, label(state, "counts"), &[equal, splits])
}

struct Columns {
    label: String,
    read: String,
    written: u32,
    text: String,
}

impl Columns {
    fn of(range: TimeRange, open: &OpenBatch) -> Self {
        Self {
            label: number::day_or_minute(range.start),
            read: number::bytes_of(open.bytes_read, open.bytes_predicted),
            written: number::per_mille(open.settled().into(), open.values.into()) / 10,
            text: batch_text(open),
        }
    }
}

/// How far a batch is, in words.
pub fn batch_text(open: &OpenBatch) -> String {
    if open.values_read == open.values && open.settled() >= open.values {
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
    let room = state.columns;
    let limit = limits::STOP_MS_MAX / 1_000;
    let texts = if state.stopping.is_some() {
        vec!["The place is kept; the same command resumes.".to_owned()]
    } else {
        vec![
            format!(
                "Ctrl-C drains (up to {limit} s) and keeps the place; the same command resumes."
            ),
            format!("Ctrl-C drains (up to {limit} s), keeps the place"),
        ]
    };
    let last = texts.last().map_or(String::new(), |text| fit(text, room));
    texts.into_iter().find(|text| width(text) <= room).unwrap_or(last)
}
