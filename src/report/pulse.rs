//! What a run tells of itself to those who are elsewhere: its events folded as the screen folds them, with what has to be
//! remembered between two heartbeats. No clock: every call says what time it is.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::checkpoint::heartbeat::{
    ContentProof, Heartbeat, RunCondition, RunPhase, StoredEnd, StoredWait,
};
use crate::checkpoint::lease::Lease;
use crate::influx::secrets;
use crate::influx::signal::Signal;
use crate::limits::{HEARTBEAT_ERROR_CHARS_MAX, HEARTBEAT_MS, HEARTBEAT_RATE_MS};
use crate::model::number;
use crate::model::printable::printable;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::event::{Counters, Event, VerifyProgress};
use crate::report::reporter::Ending;
use crate::report::run_end::RunEnd;
use crate::report::state::{Header, QuotaShown, RunState, RunTotals, SinkKind};
use crate::report::text::Glyphs;

/// Moments that a rate needs: the first one is as old as the time that it is over.
const MOMENTS_MAX: usize = (HEARTBEAT_RATE_MS / HEARTBEAT_MS) as usize + 1;

/// The kind of the error of a run whose end was asked for before it had moved anything.
const STOPPED: &str = "stopped";

/// A run as its heartbeats tell of it.
#[derive(Debug)]
pub(crate) struct Pulse {
    state: RunState,
    counters: Arc<Counters>,
    /// The clock of this run never goes back, whoever told something.
    now_ms: u64,
    /// The sums at the last heartbeats, the oldest first.
    moments: VecDeque<(u64, RunTotals)>,
    /// What last moved on, and when.
    moved: (RunTotals, Option<VerifyProgress>),
    moved_ms: u64,
    last_error: String,
    /// What is known of the content of what earlier runs have moved.
    earlier: ContentProof,
    ended: Option<(RunCondition, ContentProof, StoredEnd)>,
}

impl Pulse {
    /// Of a run that begins now, under this quota.
    pub(crate) fn new(quota: Option<QuotaShown>, counters: Arc<Counters>) -> Self {
        // Nobody sees it: the names are those of the records.
        let unnamed = String::new;
        let (command, source, destination) = (unnamed(), unnamed(), unnamed());
        let header = Header { command, source, destination, sink: SinkKind::Bucket, quota };
        Self {
            state: RunState::new(header, Glyphs::Unicode),
            counters,
            now_ms: 0,
            moments: VecDeque::from([(0, RunTotals::default())]),
            moved: (RunTotals::default(), None),
            moved_ms: 0,
            last_error: String::new(),
            earlier: ContentProof::Not,
            ended: None,
        }
    }

    /// Takes in one event.
    pub(crate) fn hear(&mut self, event: &Event, now_ms: u64) {
        self.look(now_ms);
        self.state.apply(event, self.now_ms);
        if let Event::Client(Signal::Retried { side, what, error, .. }) = event {
            self.last_error = kept(&format!("{side}: {what}: {error}"));
        }
    }

    /// Takes in what the last run of the job has told.
    pub(crate) fn follows(&mut self, earlier: &Heartbeat) {
        self.earlier = earlier.proof;
    }

    /// Takes in how the run ended.
    pub(crate) fn end(&mut self, ending: &Ending, now_ms: u64) {
        self.look(now_ms);
        self.ended = Some(match ending {
            Ending::Finished(input) => {
                let end = RunEnd::of(input, &self.state);
                let condition = match end {
                    RunEnd::Different => RunCondition::Failed,
                    // What was staged of it, and no more.
                    RunEnd::Stopped(_) | RunEnd::StagedSoFar => RunCondition::Stopped,
                    _ => RunCondition::Complete,
                };
                let own = match &input.read_back {
                    Some(read) if read.is_different() => ContentProof::Different,
                    Some(read) if read.is_equal() => ContentProof::Equal,
                    Some(_) => ContentProof::Unproven,
                    None => ContentProof::Not,
                };
                let resume = self.state.planned.as_ref().map(|planned| planned.resume);
                let is_whole = resume.is_none_or(|resume| resume <= input.outcome.job.start);
                let proof = match (input.outcome.batches, is_whole) {
                    // It has moved nothing.
                    (0, false) => self.earlier,
                    (_, false) => own.after(self.earlier),
                    (_, true) => own,
                };
                if condition == RunCondition::Failed {
                    self.last_error = kept(&end.to_string());
                }
                (condition, proof, StoredEnd { result: end.name().to_owned(), exit: input.exit })
            }
            Ending::Failed(input) if input.facts.kind == STOPPED => {
                let end = StoredEnd { result: STOPPED.to_owned(), exit: input.exit };
                (RunCondition::Stopped, self.earlier, end)
            }
            Ending::Failed(input) => {
                self.last_error = kept(&input.errors.join(": "));
                let end = StoredEnd { result: "error".to_owned(), exit: input.exit };
                let has_moved = self.state.totals.batches_committed > 0;
                let proof = if has_moved { ContentProof::Not } else { self.earlier };
                (RunCondition::Failed, proof, end)
            }
        });
    }

    /// What is told now of the run that holds this lease; the server's clock shows `now`.
    pub(crate) fn heartbeat(&mut self, own: &Lease, now_ms: u64, now: Timestamp) -> Heartbeat {
        self.look(now_ms);
        let (state, totals) = (&self.state, self.state.totals);
        let ago = |ms: u64| {
            let ns = i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000_000);
            now.saturating_add_ns(-ns)
        };
        let at_begin = (0, RunTotals::default());
        let (since_ms, before) = self.moments.front().copied().unwrap_or(at_begin);
        let per_second = |all: u64, before: u64| {
            number::per_second(all.saturating_sub(before), self.now_ms.saturating_sub(since_ms))
        };
        let (values_per_s, source_bytes_per_s) = (
            per_second(totals.values_written, before.values_written),
            per_second(totals.source_bytes_decoded, before.source_bytes_decoded),
        );
        let job = state.planned.as_ref().map(|planned| planned.job);
        let waiting = state.waits.current(self.now_ms).filter(|_| self.ended.is_none());
        let condition = match &self.ended {
            Some((condition, ..)) => *condition,
            None if state.stopping.is_some() => RunCondition::Draining,
            None if waiting.is_some() => RunCondition::Waiting,
            None => RunCondition::Running,
        };
        let phase = match job {
            _ if state.verifying.is_some() => RunPhase::ReadBack,
            Some(job) if state.committed_to >= Some(job.stop) => RunPhase::Closing,
            _ => RunPhase::Copy,
        };
        let beat = Heartbeat {
            run: own.run.clone(),
            machine: own.machine.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seen: now,
            begun: ago(self.now_ms),
            condition,
            waits: waiting.map(|waiting| StoredWait {
                word: waiting.word().to_owned(),
                reason: waiting.reason(),
                since: ago(waiting.for_ms),
            }),
            phase,
            job: job.unwrap_or(TimeRange::new(Timestamp::EPOCH, Timestamp::EPOCH)),
            batches_open: state.open.len() as u64,
            values: totals.values_committed,
            values_per_s,
            source_bytes: totals.source_bytes_decoded,
            source_bytes_per_s,
            quota_bytes: state.header.quota.map_or(0, |quota| quota.window_bytes),
            quota_used_bytes: state.header.quota.map_or(0, |_| state.window(self.now_ms).0),
            retries: totals.retries,
            splits: totals.splits,
            rejected: totals.values_rejected,
            moved: ago(self.now_ms.saturating_sub(self.moved_ms)),
            eta_ms: state.eta_ms(self.now_ms).filter(|_| self.ended.is_none()),
            last_error: self.last_error.clone(),
            proof: self.ended.as_ref().map_or(ContentProof::Not, |(_, proof, _)| *proof),
            end: self.ended.as_ref().map(|(.., end)| end.clone()),
        };
        if self.moments.len() == MOMENTS_MAX {
            self.moments.pop_front();
        }
        self.moments.push_back((self.now_ms, totals));
        beat
    }

    fn look(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
        self.state.observe(RunTotals::of(&self.counters), self.now_ms);
        let moved = (self.state.totals, self.state.verifying);
        if moved != self.moved {
            (self.moved, self.moved_ms) = (moved, self.now_ms);
        }
    }
}

/// An error as it is kept: without a token, on one line, and not for ever.
fn kept(text: &str) -> String {
    let text = printable(&secrets::redact(text.to_owned()));
    text.chars().take(HEARTBEAT_ERROR_CHARS_MAX).collect()
}
