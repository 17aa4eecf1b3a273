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
use crate::report::text::{COLUMNS, Glyphs, clean, fit, fit_both, flow, width, wrap_after};

/// What the summary of a run without failure says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryInput {
    /// How the run ended.
    pub outcome: RunOutcome,
    /// `org/bucket`.
    pub source: String,
    /// `org@host:port/bucket`.
    pub destination: String,
    /// Length of the run.
    pub elapsed_ms: u64,
    /// The exit code of the process.
    pub exit: u8,
    /// The rejects file, if it holds anything.
    pub rejects: Option<String>,
    /// The command to run next, whole.
    pub next: Option<String>,
    /// What another run after a whole one does, if that is known.
    pub later: Option<&'static str>,
}

/// Its counts tell only of what is missing in a batch that others have written nothing into.
const SHARED: &str = "  the destination holds other data in the range: what it lost may hide behind it";

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

/// The summary for people. Paths and commands are never cut, since they are to be copied; all other lines keep
/// within [`COLUMNS`].
pub fn lines(input: &SummaryInput, state: &RunState, glyphs: Glyphs) -> Vec<String> {
    let outcome = &input.outcome;
    let mut lines = vec![format!(
        "{}   {}   exit {}",
        RunEnd::of(outcome, state),
        number::duration(input.elapsed_ms),
        input.exit
    )];
    let (source, destination) = (clean(&input.source, glyphs), clean(&input.destination, glyphs));
    let (source, destination) = fit_both(&source, &destination, COLUMNS - "   -> ".len());
    lines.push(format!("  {source} -> {destination}"));
    lines.push(format!("  range {}", outcome.job));
    if outcome.stopped.is_some() {
        lines.push(format!(
            "  committed to {}   {}",
            number::minute(outcome.watermark),
            number::percent(state.job_per_mille())
        ));
    }
    if !RunEnd::of(outcome, state).is_idle() {
        lines.extend(balance(outcome));
        lines.extend(changed(outcome));
        lines.extend(statistics(state));
        lines.extend(waits(state, input.elapsed_ms));
    }
    lines.extend(unreturned(outcome, glyphs));
    lines.extend(lacking(outcome));
    let doubts = outcome.doubts.iter().take(limits::SUMMARY_RANGES_MAX);
    lines.extend(doubts.flat_map(|doubt| wrap_after("  in doubt: ", &clean(doubt, glyphs))));
    if let Some(path) = &input.rejects {
        lines.push(format!("  rejects {}", clean(path, glyphs)));
    }
    lines.extend(closing(&outcome.closing));
    if outcome.is_shared && outcome.stopped.is_none() {
        lines.push(SHARED.to_owned());
    }
    lines.extend(next(input, glyphs));
    lines
}

/// What a run that failed leaves: the place, and the same figures.
pub fn failure_lines(input: &FailureInput, state: &RunState) -> Vec<String> {
    let mut lines =
        vec![format!("FAILED   {}   exit {}", number::duration(input.elapsed_ms), input.exit)];
    if let Some(committed_to) = state.committed_to {
        let percent = number::percent(state.job_per_mille());
        lines.push(format!(
            "  committed to {}   {percent}; the place is kept",
            number::minute(committed_to)
        ));
        lines.extend(statistics(state));
        lines.extend(waits(state, input.elapsed_ms));
    }
    lines
}

/// Every committed value is accounted for.
fn balance(outcome: &RunOutcome) -> Vec<String> {
    let acknowledged = number::grouped(outcome.values.saturating_sub(outcome.rejected));
    let verb = if outcome.stopped.is_some() { "committed" } else { "planned" };
    let parts = [
        format!("{verb} {}", number::grouped(outcome.values)),
        format!("= acknowledged {acknowledged}"),
        format!("+ rejected {}", number::grouped(outcome.rejected)),
    ];
    let line = format!("  {}", parts.join(" "));
    let mut lines = if width(&line) <= COLUMNS {
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
        lines.extend(flow("  ", &also));
    }
    lines
}

fn changed(outcome: &RunOutcome) -> Vec<String> {
    let mut lines: Vec<_> = outcome
        .changed
        .iter()
        .take(limits::SUMMARY_RANGES_MAX)
        .map(|range| format!("    changed {range}"))
        .collect();
    if outcome.changed.len() > lines.len() {
        lines.push(format!("    and {} more", outcome.changed.len() - lines.len()));
    }
    lines
}

/// What no query returns, and so is not there.
fn unreturned(outcome: &RunOutcome, glyphs: Glyphs) -> Vec<String> {
    let told = outcome.unreturned.iter().take(limits::SUMMARY_RANGES_MAX);
    let mut lines: Vec<_> =
        told.flat_map(|name| wrap_after("    not returned: ", &clean(name, glyphs))).collect();
    let more = outcome.unreturned.len().saturating_sub(limits::SUMMARY_RANGES_MAX);
    if more > 0 {
        lines.push(format!("    and {more} more"));
    }
    if !lines.is_empty() {
        let verb = "at the source, but returned to no query of a run, so not copied:";
        lines.insert(0, format!("  {verb}"));
    }
    lines
}

/// What the spool does not hold, and so is not there.
fn lacking(outcome: &RunOutcome) -> Vec<String> {
    let Lacking { staged, values } = outcome.lacking;
    let mut lines = Vec::new();
    if let Some((to, stop)) = staged {
        lines.push(format!("  the spool is staged up to {to}, of {stop}:"));
        lines.push("    the rest is at the source alone; stage on, and load again".to_owned());
    }
    if values > 0 {
        let values = number::counted(values, "value", "values");
        lines.push(format!("  the spool lacks {values} that could not be staged"));
        lines.push("    see the rejects file of the run that staged it".to_owned());
    }
    lines
}

/// Where an end does not hold what was read or acknowledged, and what lies behind the stop.
fn closing(closing: &Closing) -> Vec<String> {
    let mut lines = Vec::new();
    for (found, verb, place) in [
        (&closing.source, "read", "at the source now"),
        (&closing.destination, "acknowledged", "at the destination"),
    ] {
        for Discrepancy { range, expected, found } in found.iter().take(limits::SUMMARY_RANGES_MAX)
        {
            lines.push(format!("  differs {range}"));
            let (expected, found) = (number::grouped(*expected), number::grouped(*found));
            lines.extend(flow("    ", &[format!("{verb} {expected}"), format!("{place} {found}")]));
        }
        if found.len() > limits::SUMMARY_RANGES_MAX {
            lines.push(format!("    and {} more", found.len() - limits::SUMMARY_RANGES_MAX));
        }
    }
    if !closing.source.is_empty() {
        lines.push("  To bring what came late, once for each of these ranges:".to_owned());
        lines.push("    the same command with --start START --stop STOP".to_owned());
        lines.push("    --existing merge --batch-bucket NAME, each time a new NAME".to_owned());
    }
    if !closing.destination.is_empty() {
        lines.push(
            "  Do not close the source: move these ranges again, into a new bucket.".to_owned(),
        );
    }
    if let Some(newer) = closing.newer.filter(|newer| *newer > 0) {
        lines.push(format!(
            "  newer than stop at the source: about {}",
            number::counted(newer, "value", "values")
        ));
    }
    if let Some(ahead) = closing.ahead {
        lines.push(format!("    the newest lies ahead of the source's clock: {ahead}"));
        lines.push(format!("    --stop {} brings it", ahead.saturating_add_ns(1)));
    }
    lines
}

fn statistics(state: &RunState) -> Vec<String> {
    let totals = &state.totals;
    let ([row, rows], [file, files]) = match state.header.sink {
        SinkKind::Bucket => (["line", "lines"], ["body", "bodies"]),
        SinkKind::Spool => (["row", "rows"], ["file", "files"]),
    };
    let per_value = number::ratio(totals.source_bytes_decoded, totals.values_read);
    let mut lines = flow(
        "  read     ",
        &[
            number::bytes(totals.source_bytes_decoded),
            format!("{per_value} B/value"),
            number::counted(totals.source_requests, "request", "requests"),
            number::counted(totals.batches_committed, "batch", "batches"),
        ],
    );
    lines.extend(flow(
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

fn waits(state: &RunState, elapsed_ms: u64) -> Vec<String> {
    let mut parts = state.waits.parts(elapsed_ms);
    parts.push(format!("retries {}", number::count(state.totals.retries)));
    parts.push(format!("splits {}", number::count(state.totals.splits)));
    flow("  waits    ", &parts)
}

fn next(input: &SummaryInput, glyphs: Glyphs) -> Vec<String> {
    let next = input.next.as_ref().map(|command| format!("Next: {}", clean(command, glyphs)));
    let later = if input.outcome.stopped.is_some() {
        Some("The place is kept; the same command resumes.")
    } else {
        input.later
    };
    match (next, later) {
        (None, None) => Vec::new(),
        (Some(next), None) => vec![next],
        (None, Some(later)) => vec![later.to_owned()],
        (Some(next), Some(later)) => {
            let both = format!("{next}    {later}");
            if width(&both) <= COLUMNS { vec![both] } else { vec![next, fit(later, COLUMNS)] }
        }
    }
}
