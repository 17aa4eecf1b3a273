//! What the batch bucket holds of a job, and what state that shows it to be in: by its records, its lease and the heartbeat of
//! its last run, all of them held against the server's clock.

use super::heartbeat::{ContentProof, Heartbeat, RunCondition};
use super::lease::{StoredLease, is_fresh};
use super::record::Keys;
use crate::limits::{OTHER_WRITER_MS_MIN, STALLED_MS, TASK_PAUSE_MS_MIN, TASK_PAUSES_MAX};
use crate::model::time::Timestamp;

/// How a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobState {
    /// A run moves values.
    Running,
    /// A run waits for something.
    Waiting,
    /// A run was asked to end; its open batches finish.
    Draining,
    /// A run is alive, or the official task may be, and nothing has moved for long.
    Stalled,
    /// A run ended without giving the job back.
    Dead,
    /// All that was asked for is at the destination.
    Complete,
    /// The last run ended early, on request.
    Stopped,
    /// The last run ended with an error, or with a difference.
    Failed,
}

impl JobState {
    /// One of each.
    pub(crate) const ALL: [Self; 8] = [
        Self::Running,
        Self::Waiting,
        Self::Draining,
        Self::Stalled,
        Self::Dead,
        Self::Complete,
        Self::Stopped,
        Self::Failed,
    ];

    /// The word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Draining => "draining",
            Self::Stalled => "stalled",
            Self::Dead => "dead",
            Self::Complete => "complete",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// The progress records of a job: those that this program writes, and those of the official task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SeenRecords {
    /// Where the newest one stops, if it can be read.
    pub(crate) committed_to: Option<Timestamp>,
    /// The share of the job that it says is done, 0 to 100 and perhaps beyond.
    pub(crate) percent: f64,
    /// When it was written, and when the first one was.
    pub(crate) newest: Timestamp,
    /// See `newest`.
    pub(crate) oldest: Timestamp,
    /// How many there are.
    pub(crate) count: u64,
    /// The values that they count.
    pub(crate) values: u64,
}

/// What a batch bucket holds of one job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SeenJob {
    /// Its names.
    pub(crate) keys: Keys,
    /// Its progress.
    pub(crate) records: Option<SeenRecords>,
    /// Values refused in all of its batches.
    pub(crate) rejected: u64,
    /// Its lease, which every run of this program takes.
    pub(crate) lease: Option<StoredLease>,
    /// The newest heartbeat.
    pub(crate) heartbeat: Option<Heartbeat>,
}

impl SeenJob {
    /// A job of which nothing is known yet.
    pub(crate) fn named(keys: Keys) -> Self {
        Self { keys, records: None, rejected: 0, lease: None, heartbeat: None }
    }

    /// The heartbeat of the last run: one of an earlier run says nothing of it.
    pub(crate) fn last_run(&self) -> Option<&Heartbeat> {
        let of_lease = |beat: &&Heartbeat| {
            self.lease.as_ref().is_none_or(|stored| stored.lease.run == beat.run)
        };
        self.heartbeat.as_ref().filter(of_lease)
    }

    /// The last sign of life of a run of this program.
    fn last_sign(&self) -> Option<Timestamp> {
        let lease = self.lease.as_ref().map(|stored| stored.refreshed);
        lease.max(self.last_run().map(|beat| beat.seen))
    }

    /// When anybody was last seen at work on the job.
    pub(crate) fn seen(&self) -> Option<Timestamp> {
        self.last_sign().max(self.records.as_ref().map(|records| records.newest))
    }

    /// True if the newest record is of no run of this program: the official task has begun the job, or has taken it over.
    pub(crate) fn is_of_task(&self, now: Timestamp) -> bool {
        let Some(records) = &self.records else { return false };
        let Some(sign) = self.last_sign() else { return true };
        // A record ahead of the clock is of a time when that was wrong.
        records.newest <= now && records.newest.ms_since(sign) > i128::from(OTHER_WRITER_MS_MIN)
    }

    /// The run that is told of, if the last run tells and nobody else goes on.
    pub(crate) fn told_run(&self, now: Timestamp) -> Option<&Heartbeat> {
        self.last_run().filter(|_| !self.is_of_task(now))
    }

    /// The share of the job that is committed, 0 to 100: of the range that the last run was asked for, where it told that.
    pub(crate) fn percent(&self, now: Timestamp) -> f64 {
        let beat = self.told_run(now);
        let Some(records) = &self.records else {
            // There was nothing to copy.
            let is_whole = beat.is_some_and(|beat| beat.condition == RunCondition::Complete);
            return if is_whole { 100.0 } else { 0.0 };
        };
        let run = beat.filter(|beat| !beat.job.is_empty()).zip(records.committed_to);
        let percent = run.map_or(records.percent, |(beat, to)| {
            super::record::percent_complete(beat.job, to.min(beat.job.stop))
        });
        if percent.is_finite() { percent.clamp(0.0, 100.0) } else { 0.0 }
    }

    /// What is known of the content of all that the job has moved.
    pub(crate) fn proof(&self, now: Timestamp) -> ContentProof {
        self.told_run(now).map_or(ContentProof::Not, |beat| beat.proof)
    }

    /// How the job is, when the server's clock shows `now`.
    pub(crate) fn state(&self, now: Timestamp) -> JobState {
        if self.is_of_task(now) && !self.is_alive(now) {
            return self.state_of_task(now);
        }
        let released = self.lease.as_ref().is_none_or(|stored| stored.released);
        let Some(beat) = self.last_run() else {
            // A run of an older version, or one whose heartbeat the destination did not take.
            return match (self.is_alive(now), released) {
                (true, _) => JobState::Running,
                (false, false) => JobState::Dead,
                (false, true) => self.left(now),
            };
        };
        match beat.condition {
            RunCondition::Complete => JobState::Complete,
            RunCondition::Stopped => JobState::Stopped,
            RunCondition::Failed => JobState::Failed,
            _ if !self.is_alive(now) && !released => JobState::Dead,
            // It gave the job back, and nobody took its last word.
            _ if !is_fresh(beat.seen, now) && released => self.left(now),
            RunCondition::Draining => JobState::Draining,
            // The quota is waited for as long as it takes.
            RunCondition::Waiting if beat.waits_for_quota() => JobState::Waiting,
            _ if now.ms_since(beat.moved) > i128::from(STALLED_MS) => JobState::Stalled,
            RunCondition::Waiting => JobState::Waiting,
            RunCondition::Running => JobState::Running,
        }
    }

    /// A job that was given back without a word.
    fn left(&self, now: Timestamp) -> JobState {
        if self.percent(now) >= 100.0 { JobState::Complete } else { JobState::Stopped }
    }

    /// True if a run of this program holds the job and has given a sign of life.
    fn is_alive(&self, now: Timestamp) -> bool {
        let held = self.lease.as_ref().filter(|stored| !stored.released);
        held.is_some_and(|stored| {
            let beat = self.last_run().map_or(stored.refreshed, |beat| beat.seen);
            is_fresh(stored.refreshed, now) || is_fresh(beat, now)
        })
    }

    /// The task runs now and then, as often as its records tell, and says nothing in between.
    fn state_of_task(&self, now: Timestamp) -> JobState {
        let Some(records) = &self.records else { return JobState::Running };
        if records.percent >= 100.0 {
            return JobState::Complete;
        }
        let silence_ms = now.ms_since(records.newest);
        if silence_ms > i128::from(TASK_PAUSES_MAX) * self.task_pause_ms() {
            JobState::Stalled
        } else {
            JobState::Running
        }
    }

    /// The usual pause between two records of the task.
    fn task_pause_ms(&self) -> i128 {
        let usual = self.records.as_ref().and_then(|records| {
            let pauses = i128::from(records.count.checked_sub(1).filter(|pauses| *pauses > 0)?);
            Some(records.newest.ms_since(records.oldest) / pauses)
        });
        usual.unwrap_or(0).max(i128::from(TASK_PAUSE_MS_MIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::heartbeat::{RunPhase, StoredWait};
    use crate::checkpoint::lease::Lease;
    use crate::model::time::TimeRange;

    const MINUTE_NS: i64 = 60_000_000_000;

    fn now() -> Timestamp {
        "2026-01-10".parse().unwrap()
    }

    fn minutes_ago(minutes: i64) -> Timestamp {
        now().saturating_add_ns(-minutes * MINUTE_NS)
    }

    fn keys() -> Keys {
        Keys { src_org: "o".into(), src_bucket: "s".into(), dst_bucket: "d".into() }
    }

    fn lease(run: &str, age_minutes: i64, released: bool) -> StoredLease {
        let refreshed = minutes_ago(age_minutes);
        let lease = Lease { machine: "m".into(), lock: "l".into(), run: run.into() };
        StoredLease { lease, time: refreshed, refreshed, released }
    }

    fn beat(run: &str, condition: RunCondition, seen: i64, moved: i64) -> Heartbeat {
        Heartbeat {
            run: run.into(),
            machine: "m".into(),
            version: "0".into(),
            seen: minutes_ago(seen),
            begun: minutes_ago(9_999),
            condition,
            waits: None,
            phase: RunPhase::Copy,
            job: TimeRange::new("2022-01-01".parse().unwrap(), "2022-01-11".parse().unwrap()),
            batches_open: 0,
            values: 0,
            values_per_s: 0,
            source_bytes: 0,
            source_bytes_per_s: 0,
            quota_bytes: 0,
            quota_used_bytes: 0,
            retries: 0,
            splits: 0,
            rejected: 0,
            moved: minutes_ago(moved),
            eta_ms: None,
            last_error: String::new(),
            proof: ContentProof::Not,
            end: None,
        }
    }

    fn for_quota(beat: Heartbeat) -> Heartbeat {
        let (word, reason) = ("quota".to_owned(), String::new());
        Heartbeat { waits: Some(StoredWait { word, reason, since: now() }), ..beat }
    }

    fn records(percent: f64, newest: i64, oldest: i64, count: u64) -> SeenRecords {
        SeenRecords {
            committed_to: "2022-01-06".parse().ok(),
            percent,
            newest: minutes_ago(newest),
            oldest: minutes_ago(oldest),
            count,
            values: 1,
        }
    }

    #[test]
    fn a_job_is_as_its_last_run_tells_as_long_as_that_lives() {
        use JobState as State;
        use RunCondition::{Complete, Draining, Failed, Running, Stopped, Waiting};
        for (lease, beat, state) in [
            (lease("1", 0, false), beat("1", Running, 0, 0), State::Running),
            (lease("1", 0, false), beat("1", Running, 0, 15), State::Running),
            (lease("1", 0, false), beat("1", Running, 0, 16), State::Stalled),
            (lease("1", 0, false), beat("1", Waiting, 0, 15), State::Waiting),
            (lease("1", 0, false), beat("1", Waiting, 0, 16), State::Stalled),
            (lease("1", 0, false), for_quota(beat("1", Waiting, 0, 99)), State::Waiting),
            (lease("1", 0, false), beat("1", Draining, 0, 0), State::Draining),
            // One of both signs is enough.
            (lease("1", 9, false), beat("1", Running, 1, 1), State::Running),
            (lease("1", 1, false), beat("1", Running, 9, 9), State::Running),
            (lease("1", 4, false), beat("1", Waiting, 4, 4), State::Dead),
            (lease("1", 4, false), beat("1", Draining, 4, 4), State::Dead),
            // A clock that was wrong gives no sign of life.
            (lease("1", -9_999, false), beat("1", Running, 4, 4), State::Dead),
            // What ended is not dead, however its lease is.
            (lease("1", 99, false), beat("1", Failed, 99, 99), State::Failed),
            (lease("1", 99, true), beat("1", Stopped, 99, 99), State::Stopped),
            (lease("1", 99, true), beat("1", Complete, 99, 99), State::Complete),
            // It reads back what it has moved.
            (lease("1", 1, true), beat("1", Running, 0, 0), State::Running),
            (lease("1", 4, true), beat("1", Running, 4, 4), State::Stopped),
            // Another run, which tells nothing.
            (lease("2", 1, false), beat("1", Failed, 1, 1), State::Running),
            (lease("2", 4, false), beat("1", Complete, 4, 4), State::Dead),
            (lease("2", 4, true), beat("1", Failed, 4, 4), State::Stopped),
        ] {
            let what = format!("{lease:?} {beat:?}");
            let job = SeenJob {
                lease: Some(lease),
                heartbeat: Some(beat),
                records: Some(records(50.0, 99, 999, 9)),
                ..SeenJob::named(keys())
            };
            assert_eq!(job.state(now()), state, "{what}");
            assert!(!job.is_of_task(now()), "{what}");
        }
    }

    #[test]
    fn the_official_task_is_stalled_after_several_of_its_pauses() {
        use JobState::{Complete, Running, Stalled};
        for (records, state) in [
            (records(12.0, 14, 14, 1), Running),
            (records(12.0, 16, 16, 1), Stalled),
            // Each hour.
            (records(12.0, 179, 779, 11), Running),
            (records(12.0, 181, 781, 11), Stalled),
            (records(100.13, 99_999, 199_999, 11), Complete),
        ] {
            let job = SeenJob { records: Some(records.clone()), ..SeenJob::named(keys()) };
            assert_eq!(job.state(now()), state, "{records:?}");
            assert!(job.is_of_task(now()) && job.percent(now()) <= 100.0);
        }
    }

    #[test]
    fn the_task_may_go_on_where_a_run_has_left() {
        let left = SeenJob {
            lease: Some(lease("1", 60, true)),
            heartbeat: Some(beat("1", RunCondition::Stopped, 60, 60)),
            records: Some(records(50.0, 61, 99, 9)),
            ..SeenJob::named(keys())
        };
        assert_eq!((left.state(now()), left.is_of_task(now())), (JobState::Stopped, false));
        let taken = SeenJob { records: Some(records(51.0, 5, 99, 10)), ..left.clone() };
        assert_eq!((taken.state(now()), taken.is_of_task(now())), (JobState::Running, true));
        let ahead = SeenJob { records: Some(records(51.0, -999, 99, 10)), ..left };
        assert!(!ahead.is_of_task(now()), "the clock was wrong");
    }

    #[test]
    fn how_far_it_is_counts_by_what_the_last_run_was_asked_for() {
        let of_run = SeenJob {
            lease: Some(lease("1", 0, false)),
            heartbeat: Some(beat("1", RunCondition::Running, 0, 0)),
            // A run with an earlier stop had written it.
            records: Some(records(100.0, 60, 99, 9)),
            ..SeenJob::named(keys())
        };
        assert!((of_run.percent(now()) - 50.0).abs() < 1e-9);
        let of_record = SeenJob { heartbeat: None, ..of_run.clone() };
        assert!((of_record.percent(now()) - 100.0).abs() < 1e-9);
        let none = SeenJob { records: None, ..of_run };
        assert!(none.percent(now()).abs() < 1e-9);
    }
}
