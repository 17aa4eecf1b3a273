//! One-line remarks: what is said at once, above the bars or between the plain lines, and the plain progress line.

use crate::influx::signal::{Signal, WaitCause};
use crate::limits;
use crate::model::number;
use crate::model::side::Side;
use crate::model::time::TimeRange;
use crate::pipeline::event::{Event, PlannedRun};
use crate::report::state::{RunState, draining, stop_name};
use crate::report::text::{clean, width, wrap};
use crate::report::volume::{Volume, is_told};
use crate::report::waits::{Waiting, silence};

/// Waits that are worth a line of their own; shorter ones show in the progress lines only.
const WAIT_MS_WORTH_A_LINE: u64 = 10_000;

/// Says events in lines. Of each kind that can come in floods one is said per [`limits::PLAIN_LINE_MS`], unless all were
/// asked for; the next one tells how many were left out.
#[derive(Debug, Default)]
pub struct Talk {
    kinds: [Recent; 6],
    volume: Volume,
}

#[derive(Debug, Clone, Copy, Default)]
struct Recent {
    said_ms: Option<u64>,
    left_out: u64,
}

impl Talk {
    /// Says so much.
    pub fn of(volume: Volume) -> Self {
        Self { volume, ..Self::default() }
    }

    /// What to say of an event, if anything; `state` already knows it.
    pub fn lines(&mut self, event: &Event, state: &RunState, now_ms: u64) -> Vec<String> {
        if !self.volume.takes(event) {
            return Vec::new();
        }
        let is_verbose = self.volume.is_verbose();
        let told = usual(event, state);
        let told = told.or_else(|| is_verbose.then(|| besides(event)).flatten());
        let Some((kind, text)) = told else { return Vec::new() };
        let left_out = match kind.filter(|_| !is_verbose) {
            None => 0,
            Some(kind) => match self.kinds[kind].admit(now_ms) {
                None => return Vec::new(),
                Some(left_out) => left_out,
            },
        };
        let more = if left_out > 0 {
            format!(" (and {} more before)", number::grouped(left_out))
        } else {
            String::new()
        };
        remark(&format!("{text}{more}"), now_ms, state.columns)
    }
}

/// The kind of a remark that can come in floods, and its text.
type Remark = (Option<usize>, String);

fn usual(event: &Event, state: &RunState) -> Option<Remark> {
    let shown = |text: &str| clean(text, state.glyphs);
    let told = match event {
        Event::Planned(planned) => (None, plan_text(planned, state)),
        Event::Client(Signal::Notice { text, .. }) | Event::Notice(text) => {
            (None, format!("notice: {}", shown(text)))
        }
        Event::Stopping(reason) => {
            (None, format!("stopping: {}; {}", stop_name(*reason), draining(*reason)))
        }
        Event::Chosen { measurement, transport, reason } => (
            Some(4),
            format!("transport: {} by {transport}: {}", shown(measurement), shown(reason)),
        ),
        Event::Split { batch, slice, cause } => (
            Some(0),
            if slice == batch {
                format!("split: batch {} in halves after {}", range(*batch), shown(cause))
            } else {
                format!(
                    "split: {} of batch {} in halves after {}",
                    range(*slice),
                    range(*batch),
                    shown(cause)
                )
            },
        ),
        Event::Rejected { batch, values, reason } => {
            let values = number::all_counted(*values, "value", "values");
            (Some(1), format!("rejected: {values} of batch {}: {}", range(*batch), shown(reason)))
        }
        Event::Client(Signal::Retried { side, what, attempt, error }) => (
            Some(2),
            format!("retry: {side}, {}: try {attempt} failed: {}", shown(what), shown(error)),
        ),
        Event::Client(Signal::WaitBegan { side, cause, wait_ms })
            if *cause != WaitCause::Quota && *wait_ms >= WAIT_MS_WORTH_A_LINE =>
        {
            (Some(3), waiting(*side, *cause, *wait_ms))
        }
        Event::Client(Signal::Silent { side, asked, silent_ms }) => (
            Some(5),
            format!("waiting {}: {}", number::duration(*silent_ms), silence(*side, *asked)),
        ),
        _ => return None,
    };
    Some(told)
}

/// What is said of the other events where all is asked for.
fn besides(event: &Event) -> Option<Remark> {
    let text = match event {
        Event::Client(Signal::WaitBegan { side, cause, wait_ms }) if is_told(*cause, *wait_ms) => {
            waiting(*side, *cause, *wait_ms)
        }
        Event::BatchOpened { batch, values, .. } => {
            let values = number::all_counted(*values, "value", "values");
            format!("batch: {} is read, {values}", range(*batch))
        }
        Event::Committed { range: stretch, batches, values, .. } => {
            let values = number::all_counted(*values, "value", "values");
            let of = number::all_counted(*batches, "batch", "batches");
            format!("committed: {} in {of}, {values}", range(*stretch))
        }
        _ => return None,
    };
    Some((None, text))
}

/// That somebody is waited for.
pub(crate) fn waiting(side: Side, cause: WaitCause, wait_ms: u64) -> String {
    let reason = Waiting { side, cause, left_ms: wait_ms, for_ms: 0 }.reason();
    format!("waiting {}: {reason}", number::duration(wait_ms))
}

impl Recent {
    /// How many were left out since the last one that was said; `None` if this one is left out as well.
    fn admit(&mut self, now_ms: u64) -> Option<u64> {
        if self
            .said_ms
            .is_some_and(|said_ms| now_ms.saturating_sub(said_ms) < limits::PLAIN_LINE_MS)
        {
            self.left_out += 1;
            return None;
        }
        self.said_ms = Some(now_ms);
        Some(std::mem::take(&mut self.left_out))
    }
}

/// A remark with the time since the start before it, wrapped.
pub(crate) fn remark(text: &str, now_ms: u64, columns: usize) -> Vec<String> {
    let prefix = format!("{}  ", number::duration(now_ms));
    let lines = wrap(text, columns.saturating_sub(width(&prefix).max(4)), 0);
    let indented =
        |(i, line)| if i == 0 { format!("{prefix}{line}") } else { format!("    {line}") };
    lines.iter().enumerate().map(indented).collect()
}

/// One line of progress. What does not fit is left out, the last parts first.
pub fn progress(state: &RunState, now_ms: u64) -> String {
    let Some(planned) = &state.planned else {
        return format!("{}  preparing the plan", number::duration(now_ms));
    };
    let (done, all) =
        (number::count(state.totals.batches_committed), number::count(planned.batches));
    let mut parts = vec![
        number::duration(now_ms),
        number::percent(state.job_per_mille()),
        format!("{done}/{all} batches"),
        format!("to {}", state.committed_to.map_or_else(|| "-".to_owned(), number::day_or_minute)),
    ];
    if state.stopping.is_some() {
        parts.push("draining".to_owned());
    } else if let Some(waiting) = state.waits.current(now_ms) {
        parts.push(format!("wait:{}", waiting.word()));
    }
    parts.extend(
        state
            .eta_ms(now_ms)
            .map(|(low, high)| format!("ETA {}", number::duration_range(low, high))),
    );
    if state.totals.values_rejected > 0 {
        parts.push(format!("rejected {}", number::count(state.totals.values_rejected)));
    }
    parts.push(number::byte_rate(state.totals.source_bytes_decoded, now_ms));
    let mut line = String::new();
    for part in parts {
        let gap = if line.is_empty() { "" } else { "  " };
        if width(&line) + gap.len() + width(&part) <= state.columns {
            line = format!("{line}{gap}{part}");
        }
    }
    line
}

/// A range as short as it can be said.
pub(crate) fn range(range: TimeRange) -> String {
    format!("[{}, {})", number::day_or_minute(range.start), number::day_or_minute(range.stop))
}

fn plan_text(planned: &PlannedRun, state: &RunState) -> String {
    let interval = clean(&planned.interval, state.glyphs);
    let transport = clean(&planned.transport, state.glyphs);
    if planned.batches == 0 {
        return format!("plan: nothing is left to do of {}", planned.job);
    }
    let batches = number::all_counted(planned.batches, "batch", "batches");
    let resumed = if planned.resume > planned.job.start {
        format!(", resumed at {}", planned.resume)
    } else {
        String::new()
    };
    format!("plan: {batches} of {interval} in {}{resumed}, {transport}", planned.job)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_kind_is_said_once_and_counted() {
        let mut recent = Recent::default();
        assert_eq!(recent.admit(5), Some(0));
        for now_ms in 6..16 {
            assert_eq!(recent.admit(now_ms), None);
        }
        assert_eq!(recent.admit(5 + limits::PLAIN_LINE_MS), Some(10));
        assert_eq!(recent.admit(5 + 2 * limits::PLAIN_LINE_MS), Some(0));
    }
}
