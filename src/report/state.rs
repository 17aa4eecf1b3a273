//! What is known of a run at one moment: events folded into plain data. No clock: every call says what time it is, in ms
//! since the start of the run.

use std::collections::BTreeMap;

use crate::influx::signal::Signal;
use crate::limits;
use crate::model::number;
use crate::model::time::{TimeRange, Timestamp};
use crate::model::transport::Transport;
use crate::pipeline::event::{Counters, Event, PlannedRun, StopReason, VerifyProgress};
use crate::report::eta;
use crate::report::text::{COLUMNS, Glyphs, clean};
use crate::report::waits::Waits;

/// What the screens say of the job and what no event tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The command: `migrate`.
    pub command: String,
    /// `org/bucket`.
    pub source: String,
    /// `org@host:port/bucket`.
    pub destination: String,
    /// What kind of destination it is.
    pub sink: SinkKind,
    /// The source's read quota, if one binds.
    pub quota: Option<QuotaShown>,
}

impl Header {
    /// False for a demo: both of its servers end with the program.
    pub fn is_kept(&self) -> bool {
        self.command != "demo"
    }
}

/// A kind of destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkKind {
    /// A bucket of InfluxDB: lines and bodies are written.
    Bucket,
    /// A spool: rows and files.
    Spool,
}

/// A read quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaShown {
    /// Bytes per window of [`limits::QUOTA_WINDOW_MS`].
    pub window_bytes: u64,
    /// Share of it that this run may use, in percent.
    pub share_percent: u64,
}

impl QuotaShown {
    /// What the pacing lets through, in bytes per second.
    pub fn bytes_per_s(self) -> u64 {
        number::per_second(self.window_bytes / 100 * self.share_percent, limits::QUOTA_WINDOW_MS)
    }
}

/// The pace under the quota, which may change with the time of day and with other runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// What this run may read.
    pub bytes_per_s: u64,
    /// The share of the quota that is taken, in thousandths.
    pub share_per_mille: u32,
    /// Runs that share it, this one among them.
    pub runs: u32,
}

/// The sums of [`Counters`] at one moment. Those without a text of their own are described there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "most fields are described at the counter of the same name")]
pub struct RunTotals {
    /// Source bytes as they came over the wire.
    pub source_bytes_wire: u64,
    /// Source bytes after decompression, which the quota is held against.
    pub source_bytes_decoded: u64,
    /// Of which look-ups, counts and checks.
    pub source_bytes_survey: u64,
    /// Requests to the source, look-ups, counts and checks among them.
    pub source_requests: u64,
    pub values_read: u64,
    pub lines_written: u64,
    pub values_written: u64,
    pub values_rejected: u64,
    pub body_bytes: u64,
    pub bodies: u64,
    pub retries: u64,
    pub splits: u64,
    pub batches_committed: u64,
    pub values_committed: u64,
}

impl RunTotals {
    /// Reads all sums.
    pub fn of(counters: &Counters) -> Self {
        let survey_bytes = Counters::get(&counters.survey_bytes);
        Self {
            source_bytes_wire: Counters::get(&counters.slice_bytes_wire) + survey_bytes,
            source_bytes_decoded: counters.source_bytes(),
            source_bytes_survey: survey_bytes,
            source_requests: Counters::get(&counters.slice_requests)
                + Counters::get(&counters.survey_requests),
            values_read: Counters::get(&counters.values_read),
            lines_written: Counters::get(&counters.lines_written),
            values_written: Counters::get(&counters.values_written),
            values_rejected: Counters::get(&counters.values_rejected),
            body_bytes: Counters::get(&counters.body_bytes),
            bodies: Counters::get(&counters.bodies),
            retries: Counters::get(&counters.retries),
            splits: Counters::get(&counters.splits),
            batches_committed: Counters::get(&counters.batches_committed),
            values_committed: Counters::get(&counters.values_committed),
        }
    }
}

/// A batch that is being read or written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenBatch {
    /// Values that the source counts in it.
    pub values: u64,
    /// Source bytes expected for it.
    pub bytes_predicted: u64,
    /// Values decoded so far.
    pub values_read: u64,
    /// Values acknowledged so far.
    pub values_written: u64,
    /// Values refused so far.
    pub values_rejected: u64,
    /// Source bytes so far.
    pub bytes_read: u64,
    /// Slices cut in halves, and why the last one was.
    pub splits: u64,
    /// See `splits`.
    pub split_cause: String,
}

impl OpenBatch {
    /// Values that the destination has acknowledged or refused.
    pub(crate) fn settled(&self) -> u64 {
        self.values_written.saturating_add(self.values_rejected)
    }
}

/// The fold of all events so far.
#[derive(Debug, Clone)]
pub struct RunState {
    /// Names and quota, cleaned for printing.
    pub header: Header,
    /// Which characters may be printed.
    pub glyphs: Glyphs,
    /// How wide the screen is.
    pub columns: usize,
    /// The plan, once it stands.
    pub planned: Option<PlannedRun>,
    /// Batches under way, in order of time.
    pub open: BTreeMap<TimeRange, OpenBatch>,
    /// Everything before this is committed, as far as this run knows.
    pub committed_to: Option<Timestamp>,
    /// Batches committed, and of those the ones whose values equal the source's count.
    pub batches_compared: u64,
    /// See `batches_compared`.
    pub batches_equal: u64,
    /// The pace under the quota, if it was told.
    pub pace: Option<Pace>,
    /// How the source is read, as far as it has been chosen; the newest choice last.
    pub transports: Vec<Transport>,
    /// What is waited for.
    pub waits: Waits,
    /// How much has been read back, once all is committed.
    pub verifying: Option<VerifyProgress>,
    /// Why the run is being ended.
    pub stopping: Option<StopReason>,
    /// The sums when they were last looked at.
    pub totals: RunTotals,
    window_bytes_before: u64,
    window: u64,
}

impl RunState {
    /// Nothing has happened yet.
    pub fn new(mut header: Header, glyphs: Glyphs) -> Self {
        for name in [&mut header.command, &mut header.source, &mut header.destination] {
            *name = clean(name, glyphs);
        }
        Self {
            header,
            glyphs,
            columns: COLUMNS,
            planned: None,
            open: BTreeMap::new(),
            committed_to: None,
            batches_compared: 0,
            batches_equal: 0,
            pace: None,
            transports: Vec::new(),
            waits: Waits::default(),
            verifying: None,
            stopping: None,
            totals: RunTotals::default(),
            window_bytes_before: 0,
            window: 0,
        }
    }

    /// Takes in one event.
    pub fn apply(&mut self, event: &Event, now_ms: u64) {
        match event {
            Event::Planned(planned) => {
                let mut planned = planned.clone();
                planned.interval = clean(&planned.interval, self.glyphs);
                planned.transport = clean(&planned.transport, self.glyphs);
                self.committed_to = Some(planned.resume);
                self.planned = Some(planned);
            }
            Event::BatchOpened { batch, values, bytes_predicted } => {
                // Opened again means counted again, after a change at the source: the splits stay known.
                let open = self.open.entry(*batch).or_default();
                *open = OpenBatch {
                    values: *values,
                    bytes_predicted: *bytes_predicted,
                    splits: open.splits,
                    split_cause: std::mem::take(&mut open.split_cause),
                    ..OpenBatch::default()
                };
            }
            Event::BatchProgress { batch, values_read, values_written, bytes_read } => {
                if let Some(open) = self.open.get_mut(batch) {
                    (open.values_read, open.values_written, open.bytes_read) =
                        (*values_read, *values_written, *bytes_read);
                }
            }
            Event::Split { batch, cause, .. } => {
                if let Some(open) = self.open.get_mut(batch) {
                    open.splits = open.splits.saturating_add(1);
                    open.split_cause = clean(cause, self.glyphs);
                }
            }
            Event::Committed { range, batches, values, .. } => {
                self.commit(*range, *batches, *values);
            }
            Event::Rejected { batch, values, .. } => {
                if let Some(open) = self.open.get_mut(batch) {
                    open.values_rejected = open.values_rejected.saturating_add(*values);
                }
            }
            Event::Client(Signal::WaitBegan { side, cause, wait_ms }) => {
                self.waits.begin(*side, *cause, *wait_ms, now_ms);
            }
            Event::Client(Signal::WaitEnded { side, cause, .. }) => {
                self.waits.end(*side, *cause, now_ms);
            }
            Event::Verifying(at) => self.verifying = Some(*at),
            Event::Stopping(reason) => self.stopping = self.stopping.max(Some(*reason)),
            Event::Client(Signal::Paced { bytes_per_s, share_per_mille, runs }) => {
                self.pace = Some(Pace {
                    bytes_per_s: *bytes_per_s,
                    share_per_mille: *share_per_mille,
                    runs: *runs,
                });
            }
            Event::SliceRead { transport, .. } | Event::Chosen { transport, .. } => {
                self.transports.retain(|known| known != transport);
                self.transports.push(*transport);
            }
            Event::Client(
                Signal::Retried { .. } | Signal::Notice { .. } | Signal::Silent { .. },
            )
            | Event::Notice(_) => {}
        }
    }

    fn commit(&mut self, range: TimeRange, batches: u64, values: u64) {
        // Commits come in sequence, so nothing before the stop can still be open.
        let mut counted = 0u64;
        self.open.retain(|batch, open| {
            let done = batch.stop <= range.stop;
            if done && batch.start >= range.start {
                counted = counted.saturating_add(open.values);
            }
            !done
        });
        let equal = if counted == values { batches } else { 0 };
        self.batches_compared = self.batches_compared.saturating_add(batches);
        self.batches_equal = self.batches_equal.saturating_add(equal);
        self.committed_to = self.committed_to.max(Some(range.stop));
    }

    /// Takes in the sums of this moment.
    pub fn observe(&mut self, totals: RunTotals, now_ms: u64) {
        let window = now_ms / limits::QUOTA_WINDOW_MS;
        if window != self.window {
            self.window = window;
            self.window_bytes_before = self.totals.source_bytes_decoded;
        }
        self.totals = totals;
    }

    /// Events were missed: what they may have ended counts as ended.
    pub fn missed(&mut self, now_ms: u64) {
        self.waits.end_all(now_ms);
    }

    /// Bytes read in this window of the quota, and ms until the next one. Windows are counted from the start of the run;
    /// the source's own may begin at another time.
    pub fn window(&self, now_ms: u64) -> (u64, u64) {
        let used = self.totals.source_bytes_decoded.saturating_sub(self.window_bytes_before);
        (used, limits::QUOTA_WINDOW_MS - now_ms % limits::QUOTA_WINDOW_MS)
    }

    /// The committed share of the job's time in thousandths, earlier runs included.
    pub fn job_per_mille(&self) -> u32 {
        let (Some(planned), Some(committed_to)) = (&self.planned, self.committed_to) else {
            return 0;
        };
        let done = TimeRange::new(planned.job.start, committed_to.min(planned.job.stop));
        number::per_mille(
            done.duration_ns().unsigned_abs(),
            planned.job.duration_ns().unsigned_abs(),
        )
    }

    /// The same with what is written of the open batches, which no checkpoint covers yet.
    pub fn job_written_per_mille(&self) -> u32 {
        let Some(planned) = &self.planned else { return 0 };
        let written = self.open.iter().map(|(range, open)| {
            let share = u128::from(number::per_mille(open.settled().into(), open.values.into()));
            range.duration_ns().unsigned_abs() * share.min(1_000) / 1_000
        });
        let whole = planned.job.duration_ns().unsigned_abs();
        self.job_per_mille().saturating_add(number::per_mille(written.sum(), whole))
    }

    /// Time of this run that is done, and in whole, in ns.
    fn run_ns(&self) -> (u128, u128) {
        let (Some(planned), Some(committed_to)) = (&self.planned, self.committed_to) else {
            return (0, 1);
        };
        let done = TimeRange::new(planned.resume, committed_to.min(planned.job.stop));
        let whole = TimeRange::new(planned.resume, planned.job.stop);
        (done.duration_ns().unsigned_abs(), whole.duration_ns().unsigned_abs())
    }

    /// Source bytes that the whole run will have read: open batches by their prediction, later ones as large as the
    /// committed ones were on average. `None` before there is something to go by.
    pub fn bytes_expected(&self) -> Option<u64> {
        let planned = self.planned.as_ref()?;
        let (done_ns, whole_ns) = self.run_ns();
        let done = u128::from(self.totals.batches_committed);
        if done == 0 || number::per_mille(done_ns, whole_ns) < eta::ETA_PER_MILLE_MIN {
            return None;
        }
        let read = u128::from(self.totals.source_bytes_decoded);
        let sum = |of: fn(&OpenBatch) -> u64| {
            self.open.values().map(|open| u128::from(of(open))).sum::<u128>()
        };
        let open_left = sum(|open| open.bytes_predicted.saturating_sub(open.bytes_read));
        let committed = read
            .saturating_sub(u128::from(self.totals.source_bytes_survey))
            .saturating_sub(sum(|open| open.bytes_read));
        let later = u128::from(planned.batches).saturating_sub(done + self.open.len() as u128);
        u64::try_from(read + open_left + committed * later / done).ok()
    }

    /// Shortest and longest time likely left in ms; none before 1 %, none while the run is being ended.
    pub fn eta_ms(&self, now_ms: u64) -> Option<(u64, u64)> {
        if self.stopping.is_some() {
            return None;
        }
        let mut estimates = vec![self.run_ns()];
        estimates.extend(
            self.bytes_expected().map(|expected| {
                (u128::from(self.totals.source_bytes_decoded), u128::from(expected))
            }),
        );
        eta::remaining_ms(now_ms, &estimates)
    }
}

/// Why a run is being ended, as a user knows it: the signal, or the flag.
pub(crate) fn stop_name(reason: StopReason) -> &'static str {
    match reason {
        StopReason::ByteBudget => "--max-transfer",
        StopReason::TimeBudget => "--max-duration",
        StopReason::Interrupted => "SIGINT",
        StopReason::Terminated => "SIGTERM",
    }
}

/// What becomes of the open batches then.
pub(crate) fn draining(reason: StopReason) -> String {
    let finish = "open batches finish";
    if reason.is_timed() {
        format!("{finish}, up to {} s", limits::STOP_MS_MAX / 1_000)
    } else {
        finish.to_owned()
    }
}
