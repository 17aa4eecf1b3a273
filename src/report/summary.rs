//! The closing summary: the result of a run, on stdout.

use crate::limits;
use crate::model::number;
use crate::pipeline::RunOutcome;
use crate::pipeline::closing::Closing;
use crate::pipeline::pieces::Discrepancy;
use crate::pipeline::plan::spool::Lacking;
use crate::report::failure::ErrorFacts;
use crate::report::run_end::RunEnd;
use crate::report::state::{RunState, SinkKind};
use crate::report::summary_input::SummaryInput;
use crate::report::text::{Paper, clean, fit_both, flow, width, wrap, wrap_after};

impl SummaryInput {
    /// The command to run next: there is none for what was not staged.
    pub(crate) fn next_of(&self, end: RunEnd) -> Option<&String> {
        self.next.as_ref().filter(|_| end != RunEnd::NothingToCopy)
    }
}

/// Its counts tell only of what is missing in a batch that others have written nothing into.
const SHARED: &str =
    "the destination holds other data in the range: what it lost may hide behind it";

/// What is said of a run that failed; the error chain itself is printed by the program's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureInput {
    /// The error with its causes, outermost first.
    pub errors: Vec<String>,
    /// The same for programs.
    pub facts: ErrorFacts,
    /// Length of the run.
    pub elapsed_ms: u64,
    /// The exit code of the process.
    pub exit: u8,
}

/// The summary for people. Paths and commands are never cut, since they are to be copied; all other lines keep within the
/// paper.
pub fn lines(input: &SummaryInput, state: &RunState, paper: Paper) -> Vec<String> {
    let (outcome, glyphs, columns) = (&input.outcome, paper.glyphs, paper.columns);
    let end = RunEnd::of(input, state);
    let mut lines = headline(&end.to_string(), input.elapsed_ms, input.exit, columns);
    let (source, destination) = (clean(&input.source, glyphs), clean(&input.destination, glyphs));
    let (source, destination) =
        fit_both(&source, &destination, columns.saturating_sub("   -> ".len()));
    lines.push(format!("  {source} -> {destination}"));
    lines.extend(wrap_after(columns, "  range ", &outcome.job.to_string()));
    if outcome.stopped.is_some() {
        let to = number::minute(outcome.watermark);
        let text = format!("{to}   {}", number::percent(state.job_per_mille()));
        lines.extend(wrap_after(columns, "  committed to ", &text));
    }
    if !end.is_idle() {
        lines.extend(balance(outcome, columns));
        lines.extend(changed(outcome, columns));
        lines.extend(statistics(state, columns));
        lines.extend(waits(state, input.elapsed_ms, columns));
        lines.extend(input.read_back.iter().flat_map(|read| read.lines(paper)));
    }
    lines.extend(unreturned(outcome, paper));
    lines.extend(lacking(outcome, columns));
    lines.extend(doubts(outcome, paper));
    lines.extend(rejects(input, paper));
    lines.extend(closing(&outcome.closing, columns));
    if outcome.is_shared && outcome.stopped.is_none() {
        lines.extend(wrap_after(columns, "  ", SHARED));
    }
    lines.extend(next(input, end, state, paper));
    lines
}

/// How it ended, and what somebody may have to act on.
pub(crate) fn quiet_lines(input: &SummaryInput, state: &RunState, paper: Paper) -> Vec<String> {
    let (outcome, columns) = (&input.outcome, paper.columns);
    let end = RunEnd::of(input, state);
    let mut lines = headline(&end.to_string(), input.elapsed_ms, input.exit, columns);
    lines.extend(input.read_back.iter().flat_map(|read| read.trouble(paper)));
    lines.extend(changed(outcome, columns));
    lines.extend(unreturned(outcome, paper));
    lines.extend(doubts(outcome, paper));
    lines.extend(rejects(input, paper));
    lines.extend(closing(&Closing { newer: None, ..outcome.closing.clone() }, columns));
    lines
}

fn doubts(outcome: &RunOutcome, paper: Paper) -> Vec<String> {
    let told = outcome.doubts.iter().take(limits::SUMMARY_RANGES_MAX);
    let line =
        |doubt: &String| wrap_after(paper.columns, "  in doubt: ", &clean(doubt, paper.glyphs));
    told.flat_map(line).collect()
}

fn rejects(input: &SummaryInput, paper: Paper) -> Option<String> {
    input.rejects.as_ref().map(|path| format!("  rejects {}", clean(path, paper.glyphs)))
}

/// How it ended, how long it took, and the exit code.
pub(crate) fn headline(end: &str, elapsed_ms: u64, exit: u8, columns: usize) -> Vec<String> {
    wrap(&format!("{end}   {}   exit {exit}", number::duration(elapsed_ms)), columns, 2)
}

/// What a run that failed leaves: the place, and the same figures.
pub fn failure_lines(input: &FailureInput, state: &RunState, paper: Paper) -> Vec<String> {
    let columns = paper.columns;
    let mut lines = headline("FAILED", input.elapsed_ms, input.exit, columns);
    if let Some(committed_to) = state.committed_to {
        let (to, percent) = (number::minute(committed_to), number::percent(state.job_per_mille()));
        let text = format!("{to}   {percent}; the place is kept");
        lines.extend(wrap_after(columns, "  committed to ", &text));
        lines.extend(statistics(state, columns));
        lines.extend(waits(state, input.elapsed_ms, columns));
    }
    lines
}

/// Every committed value is accounted for.
fn balance(outcome: &RunOutcome, columns: usize) -> Vec<String> {
    let acknowledged = number::grouped(outcome.values.saturating_sub(outcome.rejected));
    let verb = if outcome.stopped.is_some() { "committed" } else { "planned" };
    let parts = [
        format!("{verb} {}", number::grouped(outcome.values)),
        format!("= acknowledged {acknowledged}"),
        format!("+ rejected {}", number::grouped(outcome.rejected)),
    ];
    let line = format!("  {}", parts.join(" "));
    let mut lines = if width(&line) <= columns {
        vec![line]
    } else {
        parts.iter().map(|part| format!("  {part}")).collect()
    };
    let also = [
        ("expired while reading", outcome.expired),
        ("changed while reading", outcome.changed.len() as u64),
    ];
    let also: Vec<String> = also
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(what, n)| format!("{what} {}", number::grouped(n)))
        .collect();
    if !also.is_empty() {
        lines.extend(flow(columns, "  ", &also));
    }
    lines
}

fn changed(outcome: &RunOutcome, columns: usize) -> Vec<String> {
    let ranges = outcome.changed.iter().take(limits::SUMMARY_RANGES_MAX);
    let mut lines: Vec<_> =
        ranges.flat_map(|range| wrap_after(columns, "    changed ", &range.to_string())).collect();
    let more = outcome.changed.len().saturating_sub(limits::SUMMARY_RANGES_MAX);
    if more > 0 {
        lines.push(format!("    and {more} more"));
    }
    lines
}

/// What no query returns, and so is not there.
fn unreturned(outcome: &RunOutcome, paper: Paper) -> Vec<String> {
    let told = outcome.unreturned.iter().take(limits::SUMMARY_RANGES_MAX);
    let line =
        |name: &String| wrap_after(paper.columns, "    not returned: ", &clean(name, paper.glyphs));
    let mut lines: Vec<_> = told.flat_map(line).collect();
    let more = outcome.unreturned.len().saturating_sub(limits::SUMMARY_RANGES_MAX);
    if more > 0 {
        lines.push(format!("    and {more} more"));
    }
    if !lines.is_empty() {
        let verb = "at the source, but returned to no query of a run, so not copied:";
        lines.splice(0..0, wrap_after(paper.columns, "  ", verb));
    }
    lines
}

/// What the spool does not hold, and so is not there.
fn lacking(outcome: &RunOutcome, columns: usize) -> Vec<String> {
    let Lacking { staged, values } = outcome.lacking;
    let mut lines = Vec::new();
    if let Some((to, stop)) = staged {
        let text = format!(
            "is staged up to {to}, of {stop}: the rest is at the source alone; stage on, and load again"
        );
        lines.extend(wrap_after(columns, "  the spool ", &text));
    }
    if values > 0 {
        let values = number::counted(values, "value", "values");
        let text = format!(
            "lacks {values} that could not be staged; see the rejects file of the run that staged it"
        );
        lines.extend(wrap_after(columns, "  the spool ", &text));
    }
    lines
}

/// Where an end does not hold what was read or acknowledged, and what lies behind the stop.
fn closing(closing: &Closing, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for (found, verb, place) in [
        (&closing.source, "read", "at the source now"),
        (&closing.destination, "acknowledged", "at the destination"),
    ] {
        for Discrepancy { range, expected, found } in found.iter().take(limits::SUMMARY_RANGES_MAX)
        {
            lines.extend(wrap_after(columns, "  differs ", &range.to_string()));
            let (expected, found) = (number::grouped(*expected), number::grouped(*found));
            let parts = [format!("{verb} {expected}"), format!("{place} {found}")];
            lines.extend(flow(columns, "    ", &parts));
        }
        if found.len() > limits::SUMMARY_RANGES_MAX {
            lines.push(format!("    and {} more", found.len() - limits::SUMMARY_RANGES_MAX));
        }
    }
    let mut say = |label: &str, text: &str| lines.extend(wrap_after(columns, label, text));
    if !closing.source.is_empty() {
        say("  ", "To bring what came late, once for each of these ranges:");
        say("    ", "the same command with --start START --stop STOP");
        say("    ", "--existing merge --batch-bucket NAME, each time a new NAME");
    }
    if !closing.destination.is_empty() {
        say("  ", "Do not close the source: move these ranges again, into a new bucket.");
    }
    if let Some(newer) = closing.newer.filter(|newer| *newer > 0) {
        let newer = number::counted(newer, "value", "values");
        say("  ", &format!("newer than stop at the source: about {newer}"));
    }
    if let Some(ahead) = closing.ahead {
        say("    ", &format!("the newest lies ahead of the source's clock: {ahead}"));
        let stop = ahead.saturating_add_ns(1);
        say(
            "    ",
            &format!("--stop {stop} brings it; no later run tops up what is written before that"),
        );
    }
    lines
}

fn statistics(state: &RunState, columns: usize) -> Vec<String> {
    let totals = &state.totals;
    let ([row, rows], [file, files]) = match state.header.sink {
        SinkKind::Bucket => (["line", "lines"], ["body", "bodies"]),
        SinkKind::Spool => (["row", "rows"], ["file", "files"]),
    };
    let per_value = number::ratio(totals.source_bytes_decoded, totals.values_read);
    let mut lines = flow(
        columns,
        "  read     ",
        &[
            number::bytes(totals.source_bytes_decoded),
            format!("{per_value} B/value"),
            number::counted(totals.source_requests, "request", "requests"),
            number::counted(totals.batches_committed, "batch", "batches"),
        ],
    );
    lines.extend(flow(
        columns,
        "  written  ",
        &[
            number::bytes(totals.body_bytes),
            number::counted(totals.lines_written, row, rows),
            number::counted(totals.values_written, "value", "values"),
            number::counted(totals.bodies, file, files),
        ],
    ));
    lines
}

fn waits(state: &RunState, elapsed_ms: u64, columns: usize) -> Vec<String> {
    let mut parts = state.waits.parts(elapsed_ms);
    parts.push(format!("retries {}", number::count(state.totals.retries)));
    parts.push(format!("splits {}", number::count(state.totals.splits)));
    flow(columns, "  waits    ", &parts)
}

fn next(input: &SummaryInput, end: RunEnd, state: &RunState, paper: Paper) -> Vec<String> {
    let next = input.next_of(end).map(|command| format!("Next: {}", clean(command, paper.glyphs)));
    let later = if input.outcome.stopped.is_some() && state.header.is_kept() {
        Some("The place is kept; the same command resumes.")
    } else {
        input.later
    };
    match (next, later) {
        (None, None) => Vec::new(),
        (Some(next), None) => vec![next],
        (None, Some(later)) => wrap(later, paper.columns, 2),
        (Some(next), Some(later)) => {
            let both = format!("{next}    {later}");
            if width(&both) <= paper.columns {
                vec![both]
            } else {
                let later = wrap(later, paper.columns, 2);
                std::iter::once(next).chain(later).collect()
            }
        }
    }
}
