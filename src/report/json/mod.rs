//! The same as JSON lines, for programs: plain numbers, RFC 3339 times, names exact. Every line begins with
//! `message_type`, `v` and `time`; fields are only ever added.

pub(crate) mod plan;
pub(crate) mod preflight;

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::{Value, json};

use crate::influx::signal::{Signal, WaitCause};
use crate::model::printable::is_printable;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::event::{Event, PlannedRun};
use crate::pipeline::pieces::Discrepancy;
use crate::pipeline::verify::BatchDifference;
use crate::report::failure::ErrorFacts;
use crate::report::read_back::ReadBack;
use crate::report::run_end::{RunEnd, stop_word};
use crate::report::state::{RunState, RunTotals, stop_name};
use crate::report::summary::FailureInput;
use crate::report::summary_input::SummaryInput;
use crate::report::waits::{KINDS, cause_word};

/// Version of the lines; raised only when a field changes its meaning.
pub(crate) const VERSION: u32 = 1;

#[derive(Serialize)]
struct Line<'a> {
    message_type: &'a str,
    v: u32,
    time: String,
    #[serde(flatten)]
    body: Value,
}

/// One line of this type; the body is an object.
pub(crate) fn line(message_type: &str, time: Timestamp, body: Value) -> String {
    let time = time.to_string();
    let line = serde_json::to_string(&Line { message_type, v: VERSION, time, body })
        .expect("objects with string keys are JSON");
    escaped(line)
}

/// The same JSON, with escapes for what a terminal would obey.
fn escaped(line: String) -> String {
    if line.is_ascii() || line.chars().all(is_printable) {
        return line;
    }
    let mut safe = String::with_capacity(line.len());
    for c in line.chars() {
        if is_printable(c) {
            safe.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Memory takes it.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        }
    }
    safe
}

/// The present, to the millisecond.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ms = i64::try_from(since.as_millis()).unwrap_or(0);
    Timestamp::from_ns(ms.saturating_mul(1_000_000))
}

/// The line of an event that happened at `time`, if it has one: progress of batches is part of `status`.
pub fn event(event: &Event, time: Timestamp) -> Option<String> {
    let (message_type, body) = match event {
        Event::Planned(planned) => ("plan", plan(planned)),
        Event::BatchOpened { batch, values, bytes_predicted } => (
            "batch",
            with_range(
                *batch,
                json!({"state": "opened", "values": values, "bytes_predicted": bytes_predicted}),
            ),
        ),
        Event::BatchProgress { .. } | Event::SliceRead { .. } | Event::Verifying(_) => return None,
        Event::Chosen { measurement, transport, reason } => (
            "transport",
            json!({"measurement": measurement, "transport": transport.name(), "reason": reason}),
        ),
        Event::Split { batch, slice, cause } => {
            let slice = json!({"slice_start": slice.start.to_string(), "slice_stop": slice.stop.to_string(), "cause": cause});
            ("split", with_range(*batch, slice))
        }
        Event::Committed { range, batches, values, rejected } => {
            let sums = json!({"state": "committed", "batches": batches, "values": values, "rejected": rejected});
            ("batch", with_range(*range, sums))
        }
        Event::Rejected { batch, values, reason } => {
            ("reject", with_range(*batch, json!({"values": values, "reason": reason})))
        }
        Event::Client(Signal::WaitBegan { side, cause, wait_ms }) => (
            "wait",
            json!({"state": "began", "side": side.to_string(), "cause": cause_word(*cause), "wait_ms": wait_ms}),
        ),
        Event::Client(Signal::WaitEnded { side, cause, waited_ms }) => (
            "wait",
            json!({"state": "ended", "side": side.to_string(), "cause": cause_word(*cause), "waited_ms": waited_ms}),
        ),
        Event::Client(Signal::Silent { side, asked, silent_ms }) => (
            "wait",
            json!({"state": "goes_on", "side": side.to_string(), "cause": cause_word(WaitCause::Silence(*asked)), "waited_ms": silent_ms}),
        ),
        Event::Client(Signal::Retried { side, what, attempt, error }) => (
            "retry",
            json!({"side": side.to_string(), "what": what, "attempt": attempt, "error": error}),
        ),
        Event::Client(Signal::Paced { bytes_per_s, share_per_mille, runs }) => (
            "quota",
            json!({"bytes_per_s": bytes_per_s, "share": f64::from(*share_per_mille) / 1_000.0, "runs": runs}),
        ),
        Event::Client(Signal::Notice { text, .. }) | Event::Notice(text) => {
            ("notice", json!({"kind": "notice", "text": text}))
        }
        Event::Stopping(reason) => {
            ("notice", json!({"kind": "stopping", "text": stop_name(*reason)}))
        }
    };
    Some(line(message_type, time, body))
}

/// Where the run stands.
pub fn status(state: &RunState, now_ms: u64, time: Timestamp) -> String {
    let eta = state.eta_ms(now_ms);
    let open = state.open.iter().map(|(range, open)| {
        with_range(
            *range,
            json!({
                "values": open.values,
                "values_read": open.values_read,
                "values_written": open.values_written,
                "values_rejected": open.values_rejected,
                "bytes_read": open.bytes_read,
                "bytes_predicted": open.bytes_predicted,
                "splits": open.splits,
            }),
        )
    });
    let mut body = json!({
        "elapsed_ms": now_ms,
        "state": phase(state, now_ms),
        "percent_complete": f64::from(state.job_per_mille()) / 10.0,
        "committed_to": state.committed_to.map(|time| time.to_string()),
        "batches_planned": state.planned.as_ref().map(|planned| planned.batches),
        "batches_compared": state.batches_compared,
        "batches_equal": state.batches_equal,
        "source_bytes_expected": state.bytes_expected(),
        "eta_ms_min": eta.map(|(low, _)| low),
        "eta_ms_max": eta.map(|(_, high)| high),
        "waits_ms": waits(state, now_ms),
        "open_batches": open.collect::<Vec<_>>(),
    });
    merge(&mut body, totals(&state.totals));
    if let Some(quota) = state.header.quota {
        let (used, resets_ms) = state.window(now_ms);
        merge(
            &mut body,
            json!({"quota_window_bytes": quota.window_bytes, "quota_used_bytes": used, "quota_resets_ms": resets_ms}),
        );
    }
    if let Some(pace) = state.pace {
        merge(
            &mut body,
            json!({
                "quota_bytes_per_s": pace.bytes_per_s,
                "quota_share": f64::from(pace.share_per_mille) / 1_000.0,
                "quota_runs": pace.runs,
            }),
        );
    }
    line("status", time, body)
}

/// How the run ended.
pub fn summary(
    input: &SummaryInput,
    state: &RunState,
    events_lost: u64,
    time: Timestamp,
) -> String {
    let (outcome, end) = (&input.outcome, RunEnd::of(input, state));
    let changed: Vec<_> =
        outcome.changed.iter().map(|range| with_range(*range, json!({}))).collect();
    let mut body = json!({
        "source": input.source,
        "destination": input.destination,
        "elapsed_ms": input.elapsed_ms,
        "exit": input.exit,
        "result": end.name(),
        "complete": outcome.stopped.is_none(),
        "verified": end == RunEnd::Verified,
        "verified_batches": input.read_back.as_ref().map(|read| read.findings.batches),
        "verified_values": input.read_back.as_ref().map(|read| read.findings.values),
        "verified_before_record": input.read_back.as_ref().map(|read| read.before_record),
        "verified_ms": input.read_back.as_ref().map(|read| read.elapsed_ms),
        "not_verified": input.read_back.as_ref().and_then(ReadBack::why_not),
        "content_differs": input.read_back.as_ref().map(|read| batch_differences(&read.findings.differing)).unwrap_or_default(),
        "stopped": outcome.stopped.map(stop_word),
        "job_start": outcome.job.start.to_string(),
        "job_stop": outcome.job.stop.to_string(),
        "committed_to": outcome.watermark.to_string(),
        "values": outcome.values,
        "acknowledged": outcome.values.saturating_sub(outcome.rejected),
        "rejected": outcome.rejected,
        "expired": outcome.expired,
        "changed": changed,
        "batches": outcome.batches,
        "rejects_file": input.rejects,
        "not_returned": outcome.unreturned,
        "staged_to": outcome.lacking.staged.map(|(to, _)| to.to_string()),
        "staging_stop": outcome.lacking.staged.map(|(_, stop)| stop.to_string()),
        "not_staged": outcome.lacking.values,
        "doubts": outcome.doubts,
        "newer_values": outcome.closing.newer,
        "newest_ahead_of_clock": outcome.closing.ahead.map(|time| time.to_string()),
        "source_differs": differences(&outcome.closing.source, "read"),
        "destination_is_shared": outcome.is_shared,
        "destination_differs": differences(&outcome.closing.destination, "acknowledged"),
        "next": input.next_of(end),
        "waits_ms": waits(state, input.elapsed_ms),
        "events_lost": events_lost,
    });
    merge(&mut body, totals(&state.totals));
    line("summary", time, body)
}

fn differences(found: &[Discrepancy], expected: &str) -> Vec<Value> {
    let one = |difference: &Discrepancy| {
        let counts = json!({expected: difference.expected, "found": difference.found});
        with_range(difference.range, counts)
    };
    found.iter().map(one).collect()
}

/// Batches that differ.
pub(crate) fn batch_differences(found: &[BatchDifference]) -> Vec<Value> {
    let one = |batch: &BatchDifference| {
        let BatchDifference { range, expected, found, measurements } = batch;
        with_range(
            *range,
            json!({"expected": expected, "found": found, "measurements": measurements}),
        )
    };
    found.iter().map(one).collect()
}

/// That the run failed. The place is where it was at the last commit.
pub fn failure(
    input: &FailureInput,
    state: &RunState,
    events_lost: u64,
    time: Timestamp,
) -> String {
    let mut body = json!({
        "exit": input.exit,
        "message": input.errors.join(": "),
        "errors": input.errors,
        "elapsed_ms": input.elapsed_ms,
        "committed_to": state.committed_to.map(|time| time.to_string()),
        "events_lost": events_lost,
        "waits_ms": waits(state, input.elapsed_ms),
    });
    merge(&mut body, totals(&state.totals));
    merge(&mut body, input.facts.body());
    line("exit_error", time, body)
}

/// That the program failed before there was a run.
pub(crate) fn exit_error(exit: u8, errors: &[String], facts: &ErrorFacts) -> String {
    let mut body = json!({"exit": exit, "message": errors.join(": "), "errors": errors});
    merge(&mut body, facts.body());
    line("exit_error", now(), body)
}

/// What was compared at the end of a demo.
pub(crate) fn comparison(values: u64) -> String {
    line("comparison", now(), json!({"equal": true, "values": values}))
}

/// Something a person should know before there is a run.
pub(crate) fn notice(text: &str) -> String {
    line("notice", now(), json!({"kind": "notice", "text": text}))
}

fn phase(state: &RunState, now_ms: u64) -> String {
    match (&state.stopping, state.waits.current(now_ms), &state.planned) {
        (Some(_), ..) => "draining".to_owned(),
        (None, Some(waiting), _) => format!("wait:{}", waiting.word()),
        (None, None, None) => "planning".to_owned(),
        (None, None, Some(_)) => "running".to_owned(),
    }
}

fn plan(planned: &PlannedRun) -> Value {
    json!({
        "job_start": planned.job.start.to_string(),
        "job_stop": planned.job.stop.to_string(),
        "resume": planned.resume.to_string(),
        "batches": planned.batches,
        "interval": planned.interval,
        "transport": planned.transport,
    })
}

/// The body with the ends of a range.
pub(crate) fn with_range(range: TimeRange, mut body: Value) -> Value {
    merge(&mut body, json!({"start": range.start.to_string(), "stop": range.stop.to_string()}));
    body
}

fn waits(state: &RunState, now_ms: u64) -> Value {
    let of = |(side, cause)| {
        (format!("{side}_{}", cause_word(cause)), json!(state.waits.total_ms(side, cause, now_ms)))
    };
    Value::Object(KINDS.into_iter().map(of).collect())
}

fn totals(totals: &RunTotals) -> Value {
    json!({
        "source_bytes_wire": totals.source_bytes_wire,
        "source_bytes_decoded": totals.source_bytes_decoded,
        "source_bytes_survey": totals.source_bytes_survey,
        "source_requests": totals.source_requests,
        "values_read": totals.values_read,
        "lines_written": totals.lines_written,
        "values_written": totals.values_written,
        "values_rejected": totals.values_rejected,
        "body_bytes": totals.body_bytes,
        "bodies": totals.bodies,
        "retries": totals.retries,
        "splits": totals.splits,
        "batches_committed": totals.batches_committed,
        "values_committed": totals.values_committed,
    })
}

fn merge(body: &mut Value, more: Value) {
    if let (Value::Object(body), Value::Object(more)) = (body, more) {
        body.extend(more);
    }
}
