//! One job as a row of the table, and what is told below it.

use crate::checkpoint::heartbeat::{ContentProof, Heartbeat, RunPhase};
use crate::checkpoint::job_state::{JobState, SeenJob};
use crate::model::number;
use crate::model::time::Timestamp;
use crate::report::eta;
use crate::report::table::TableHead;
use crate::report::text::{Color, width};

/// Columns of the time that is left; of a range that is wider the end is told.
const ETA_COLUMNS: usize = 12;

/// The columns behind the names, and the order in which they leave.
pub(super) const HEADS: [TableHead; 8] = [
    TableHead::left("STATE", 12),
    TableHead::right("DONE", 6),
    TableHead::right("SEEN", 9).leaves(6),
    TableHead::right("VALUES", 10).leaves(2),
    TableHead::right("RATE", 12).leaves(1),
    TableHead::right("REJECTED", 9).leaves(4),
    TableHead::left("ETA", ETA_COLUMNS).leaves(5),
    TableHead::left("VERIFIED", 9).leaves(3),
];

/// A job, judged.
pub(super) struct JobRow<'a> {
    /// The job.
    pub(super) job: &'a SeenJob,
    /// What the server's clock shows.
    pub(super) now: Timestamp,
    /// How it is.
    pub(super) state: JobState,
    /// The official task has written its newest record.
    pub(super) is_of_task: bool,
}

impl<'a> JobRow<'a> {
    /// How this job is, when the server's clock shows `now`.
    pub(super) fn of(job: &'a SeenJob, now: Timestamp) -> Self {
        Self { job, now, state: job.state(now), is_of_task: job.is_of_task(now) }
    }

    /// The run that is told of, if the last run tells and nobody else goes on.
    pub(super) fn beat(&self) -> Option<&Heartbeat> {
        self.job.told_run(self.now)
    }

    /// True while a run is at work.
    pub(super) fn is_live(&self) -> bool {
        use JobState::{Draining, Running, Stalled, Waiting};
        matches!(self.state, Running | Waiting | Draining | Stalled)
    }

    /// The source bucket, with what tells it from its namesakes in the same table.
    pub(super) fn name(&self, all: &[Self]) -> String {
        let keys = &self.job.keys;
        let same = |other: &&Self| other.job.keys.src_bucket == keys.src_bucket;
        let mut name = keys.src_bucket.clone();
        let mut namesakes = all.iter().filter(same);
        if namesakes.any(|other| other.job.keys.src_org != keys.src_org) {
            name = format!("{}/{name}", keys.src_org);
        }
        if keys.dst_bucket != keys.src_bucket {
            name = format!("{name} -> {}", keys.dst_bucket);
        }
        name
    }

    /// `org/bucket -> bucket`.
    pub(super) fn keys_text(&self) -> String {
        let keys = &self.job.keys;
        format!("{}/{} -> {}", keys.src_org, keys.src_bucket, keys.dst_bucket)
    }

    /// `wait:quota`, or the word of the state.
    pub(super) fn state_word(&self) -> String {
        match (self.state, self.beat().and_then(|beat| beat.waits.as_ref())) {
            (JobState::Waiting, Some(wait)) => format!("wait:{}", wait.word),
            (state, _) => state.word().to_owned(),
        }
    }

    /// What the row says by its colour.
    pub(super) fn color(&self) -> Option<Color> {
        match self.state {
            JobState::Dead | JobState::Failed => Some(Color::Red),
            JobState::Stalled | JobState::Draining | JobState::Stopped => Some(Color::Yellow),
            JobState::Waiting if !self.beat().is_some_and(Heartbeat::waits_for_quota) => {
                Some(Color::Yellow)
            }
            JobState::Complete => Some(Color::Green),
            JobState::Running | JobState::Waiting => None,
        }
    }

    /// The share that is committed, in thousandths.
    pub(super) fn per_mille(&self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share lies between 0 and 100"
        )]
        let per_mille = (self.job.percent(self.now) * 10.0) as u32;
        per_mille
    }

    /// Values that are committed.
    pub(super) fn values(&self) -> u64 {
        self.job.records.as_ref().map_or(0, |records| records.values)
    }

    /// Shortest and longest time that is likely left.
    pub(super) fn eta_ms(&self) -> Option<(u64, u64)> {
        if !self.is_live() || self.state == JobState::Stalled {
            return None;
        }
        if let Some(beat) = self.beat() {
            return beat.eta_ms;
        }
        // The task has taken so long for what its records cover.
        let records = self.job.records.as_ref().filter(|_| self.is_of_task)?;
        let elapsed_ms = age_ms(records.newest, records.oldest);
        eta::remaining_ms(elapsed_ms, &[(u128::from(self.per_mille()), 1_000)])
    }

    /// What stands in the columns.
    pub(super) fn cells(&self) -> [String; HEADS.len()] {
        let nothing = || "-".to_owned();
        let unknown = || "?".to_owned();
        let rate = self.beat().filter(|_| self.is_live()).map(|beat| beat.values_per_s);
        let eta = match self.eta_ms() {
            Some((low, high)) => {
                let range = number::duration_range(low, high).replace(" - ", "-");
                if width(&range) > ETA_COLUMNS { number::duration(high) } else { range }
            }
            None if self.state == JobState::Complete => nothing(),
            None => unknown(),
        };
        let verified = match self.job.proof(self.now) {
            ContentProof::Not => nothing(),
            proof => proof.word().to_owned(),
        };
        [
            self.state_word(),
            format!("{} %", self.per_mille() / 10),
            self.job.seen().map_or_else(unknown, |seen| number::duration(age_ms(self.now, seen))),
            number::count(self.values()),
            rate.map_or_else(nothing, |rate| format!("{}/s", number::count(rate))),
            if self.is_of_task { unknown() } else { number::count(self.job.rejected) },
            eta,
            verified,
        ]
    }

    /// What has no column on usual paper, of a run that is at work.
    pub(super) fn figures(&self) -> Option<String> {
        let beat = self.beat().filter(|_| self.is_live())?;
        Some(format!(
            "{}, {}/s",
            number::all_counted(self.values(), "value", "values"),
            number::count(beat.values_per_s)
        ))
    }

    /// What a person should know besides, line by line.
    pub(super) fn details(&self, verbose: bool) -> Vec<String> {
        let mut details: Vec<_> = self.why().into_iter().collect();
        let Some(beat) = self.beat() else { return details };
        match beat.phase {
            RunPhase::Closing if self.is_live() => {
                details.push("all is committed; both ends are counted once more".to_owned());
            }
            RunPhase::ReadBack if self.is_live() => {
                details.push("all is committed, and is read back".to_owned());
            }
            _ => {}
        }
        let is_told = verbose || self.state != JobState::Complete;
        if is_told && !beat.last_error.is_empty() {
            let what = match (self.state, &beat.end) {
                (JobState::Failed, Some(end)) => format!("exit {}", end.exit),
                _ => "last error".to_owned(),
            };
            details.push(format!("{what}: {}", beat.last_error));
        }
        if verbose {
            details.extend(run_details(beat));
        }
        details
    }

    /// Why the job is in its state, where that is no matter of course.
    fn why(&self) -> Option<String> {
        let since = |time| number::duration(age_ms(self.now, time));
        if self.is_of_task {
            let records = self.job.records.as_ref().filter(|_| self.state == JobState::Stalled);
            return Some(records.map_or_else(
                || "official task".to_owned(),
                |records| format!("official task: no record for {}", since(records.newest)),
            ));
        }
        let lease = self.job.lease.as_ref();
        let run = lease
            .map(|stored| format!("run {} on machine {}", stored.lease.run, stored.lease.machine));
        let run = run.unwrap_or_else(|| "the last run".to_owned());
        let beat = self.beat();
        let wait = beat.and_then(|beat| beat.waits.as_ref());
        let wait = wait.map(|wait| format!("{}, for {}", wait.reason, since(wait.since)));
        let end = beat.and_then(|beat| beat.end.as_ref());
        match (self.state, beat, end) {
            (JobState::Waiting, ..) => wait,
            (JobState::Stalled, Some(beat), _) => {
                let wait = wait.unwrap_or_else(|| format!("{run} is alive"));
                Some(format!("nothing has moved for {}: {wait}", since(beat.moved)))
            }
            (JobState::Dead, ..) => {
                Some(format!("{run} has ended without a word; the same command goes on"))
            }
            (JobState::Stopped, _, Some(end)) => {
                Some(format!("{} (exit {}); the same command goes on", end.result, end.exit))
            }
            (JobState::Stopped, ..) => Some(format!("{run} has let go of the job and told no end")),
            (JobState::Running, None, _) => Some(format!("{run} tells no more of itself")),
            _ => None,
        }
    }
}

/// The figures of a run that have no column.
fn run_details(beat: &Heartbeat) -> [String; 3] {
    let quota = match beat.quota_bytes {
        0 => "no quota".to_owned(),
        window => format!("quota {}", number::bytes_of(beat.quota_used_bytes, window)),
    };
    let Heartbeat { run, machine, version, .. } = beat;
    [
        format!(
            "run {run} on machine {machine}, sluice {version}, began {}",
            number::minute(beat.begun)
        ),
        format!("job {}", beat.job),
        format!(
            "this run: {}, {}, {}/s, {quota}, {}, retries {}, splits {}",
            number::all_counted(beat.values, "value", "values"),
            number::bytes(beat.source_bytes),
            number::bytes(beat.source_bytes_per_s),
            number::counted(beat.batches_open, "open batch", "open batches"),
            number::grouped(beat.retries),
            number::grouped(beat.splits),
        ),
    ]
}

/// From one time to another; 0 where a clock was wrong.
pub(super) fn age_ms(now: Timestamp, then: Timestamp) -> u64 {
    u64::try_from(now.ms_since(then)).unwrap_or(0)
}
