//! What `status` shows of the jobs of batch buckets: its screen, and a JSON line for each job.

use std::io::{self, Write as _};

use serde_json::{Value, json};

use crate::checkpoint::heartbeat::{Heartbeat, RunPhase};
use crate::checkpoint::job_state::{JobState, SeenJob};
use crate::exit::ExitCode;
use crate::limits::REDRAW_MS;
use crate::model::number;
use crate::model::time::Timestamp;
use crate::report::bars::Bars;
use crate::report::stream::{self, Stdout};
use crate::report::table::{TableHead, TableLayout};
use crate::report::text::{Color, Glyphs, Paper, clean, fit, width, wrap, wrap_after};
use crate::report::{eta, json};

/// Columns of the time that is left; of a range that is wider the end is told.
const ETA_COLUMNS: usize = 12;

/// Paper on which all columns have room.
const COLUMNS_OF_ALL: usize = 97;

/// The columns behind the names, and the order in which they leave.
const HEADS: [TableHead; 8] = [
    TableHead::left("STATE", 12),
    TableHead::right("DONE", 6),
    TableHead::right("SEEN", 9).leaves(6),
    TableHead::right("VALUES", 10).leaves(2),
    TableHead::right("RATE", 12).leaves(1),
    TableHead::right("REJECTED", 9).leaves(4),
    TableHead::left("ETA", ETA_COLUMNS).leaves(5),
    TableHead::left("VERIFIED", 9).leaves(3),
];

/// The column of names: its columns at the least, and usually.
const FIRST: (&str, usize, usize) = ("SOURCE", 12, 17);

/// The jobs of some batch buckets of a server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StatusReport {
    /// `host:port`.
    pub(crate) host: String,
    /// What its clock shows.
    pub(crate) now: Timestamp,
    /// The buckets, as they were asked for.
    pub(crate) buckets: Vec<BucketJobs>,
}

/// The jobs of one batch bucket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BucketJobs {
    /// The name of the bucket.
    pub(crate) bucket: String,
    /// Its jobs, in the order of their names.
    pub(crate) jobs: Vec<SeenJob>,
    /// Jobs that were not asked for.
    pub(crate) left_out: u64,
}

/// A job, judged.
struct Row<'a> {
    job: &'a SeenJob,
    now: Timestamp,
    state: JobState,
    is_of_task: bool,
}

impl StatusReport {
    /// The exit code: what is dead or failed counts more than what waits.
    pub(crate) fn exit(&self) -> ExitCode {
        let code = |row: Row<'_>| match row.state {
            JobState::Dead | JobState::Failed => ExitCode::Permanent,
            JobState::Waiting | JobState::Stalled => ExitCode::Temporary,
            JobState::Running | JobState::Draining | JobState::Complete | JobState::Stopped => {
                ExitCode::Done
            }
        };
        self.rows().map(code).max().unwrap_or(ExitCode::Done)
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.buckets.iter().flat_map(|bucket| self.rows_of(bucket))
    }

    fn rows_of<'a>(&self, bucket: &'a BucketJobs) -> impl Iterator<Item = Row<'a>> {
        let now = self.now;
        bucket.jobs.iter().map(move |job| Row {
            job,
            now,
            state: job.state(now),
            is_of_task: job.is_of_task(now),
        })
    }

    /// The screen; with `verbose` what is known of each run besides.
    pub(crate) fn lines(&self, paper: Paper, verbose: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for bucket in &self.buckets {
            lines.extend(self.title(bucket, paper));
            let rows: Vec<_> = self.rows_of(bucket).collect();
            if !rows.is_empty() {
                let names: Vec<_> = rows.iter().map(|row| row.name(&rows, paper.glyphs)).collect();
                let widest = names.iter().map(|name| width(name)).max().unwrap_or(0);
                let table = TableLayout::new(paper.columns, FIRST, widest, &HEADS);
                lines.push(table.head());
                for (row, name) in rows.iter().zip(&names) {
                    let line = table.row(name, &row.cells());
                    lines.push(row.color().map_or(line.clone(), |color| paper.paint(color, &line)));
                    let figures = row.figures().filter(|_| paper.columns < COLUMNS_OF_ALL);
                    for text in figures.into_iter().chain(row.details(verbose)) {
                        lines.extend(wrap_after(
                            paper.columns,
                            "    ",
                            &clean(&text, paper.glyphs),
                        ));
                    }
                }
            }
            if bucket.left_out > 0 {
                let jobs = number::counted(bucket.left_out, "other job", "other jobs");
                lines.extend(wrap(&format!("{jobs} not shown (--all)"), paper.columns, 2));
            }
        }
        lines.extend(self.sum(paper));
        lines
    }

    /// What somebody may have to act on, and the last line.
    pub(crate) fn quiet_lines(&self, paper: Paper) -> Vec<String> {
        let mut lines = Vec::new();
        for row in self.rows() {
            if matches!(row.state, JobState::Dead | JobState::Failed | JobState::Stalled) {
                let details = row.details(false).join("; ");
                let text = format!("{}: {}: {details}", row.state_word(), row.keys_text());
                let text = clean(&text, paper.glyphs);
                lines.extend(wrap(&text, paper.columns, 2));
            }
        }
        lines.extend(self.sum(paper));
        lines
    }

    fn title(&self, bucket: &BucketJobs, paper: Paper) -> Vec<String> {
        let name = clean(&format!("{}/{}", self.host, bucket.bucket), paper.glyphs);
        let time = number_of_second(self.now);
        let room = paper.columns.saturating_sub("STATUS     ".len() + time.len());
        vec![format!("STATUS  {}   {time}", fit(&name, room))]
    }

    /// How many jobs there are, and in which states.
    fn sum(&self, paper: Paper) -> Vec<String> {
        let states: Vec<_> = self.rows().map(|row| row.state).collect();
        let of = |state: JobState| states.iter().filter(|one| **one == state).count();
        let parts = JobState::ALL.into_iter().filter(|state| of(*state) > 0);
        let parts: Vec<_> = parts.map(|state| format!("{} {}", of(state), state.word())).collect();
        let jobs = match states.len() {
            0 => "no job has left any progress here".to_owned(),
            jobs => {
                format!("{}: {}", number::counted(jobs as u64, "job", "jobs"), parts.join(", "))
            }
        };
        wrap(&format!("{jobs}. Exit {}.", self.exit().number()), paper.columns, 2)
    }

    /// A line for each job, for programs.
    pub(crate) fn json_lines(&self) -> Vec<String> {
        let of = |bucket| self.rows_of(bucket).map(move |row| row.json(bucket));
        self.buckets.iter().flat_map(of).collect()
    }
}

/// A time without the part of its second.
fn number_of_second(time: Timestamp) -> String {
    let text = time.to_string();
    text.split_once('.').map_or(text.clone(), |(whole, _)| format!("{whole}Z"))
}

impl Row<'_> {
    /// The run that is told of, if the last run tells and nobody else goes on.
    fn beat(&self) -> Option<&Heartbeat> {
        self.job.last_run().filter(|_| !self.is_of_task)
    }

    /// True while a run is at work.
    fn is_live(&self) -> bool {
        use JobState::{Draining, Running, Stalled, Waiting};
        matches!(self.state, Running | Waiting | Draining | Stalled)
    }

    /// The source bucket, with what tells it from its namesakes in the same table.
    fn name(&self, all: &[Self], glyphs: Glyphs) -> String {
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
        clean(&name, glyphs)
    }

    /// `org/bucket -> bucket`.
    fn keys_text(&self) -> String {
        let keys = &self.job.keys;
        format!("{}/{} -> {}", keys.src_org, keys.src_bucket, keys.dst_bucket)
    }

    /// `wait:quota`, or the word of the state.
    fn state_word(&self) -> String {
        match (self.state, self.beat().and_then(|beat| beat.waits.as_ref())) {
            (JobState::Waiting, Some(wait)) => format!("wait:{}", wait.word),
            (state, _) => state.word().to_owned(),
        }
    }

    fn color(&self) -> Option<Color> {
        match self.state {
            JobState::Dead | JobState::Failed => Some(Color::Red),
            JobState::Stalled | JobState::Draining | JobState::Stopped => Some(Color::Yellow),
            JobState::Waiting if self.state_word() != "wait:quota" => Some(Color::Yellow),
            JobState::Complete => Some(Color::Green),
            JobState::Running | JobState::Waiting => None,
        }
    }

    fn per_mille(&self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share lies between 0 and 100"
        )]
        let per_mille = (self.job.percent(self.now) * 10.0) as u32;
        per_mille
    }

    fn values(&self) -> u64 {
        self.job.records.as_ref().map_or(0, |records| records.values)
    }

    /// Shortest and longest time that is likely left.
    fn eta_ms(&self) -> Option<(u64, u64)> {
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

    fn cells(&self) -> [String; HEADS.len()] {
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
        let verified = match self.job.proof(self.now).word() {
            "not" => nothing(),
            word => word.to_owned(),
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
    fn figures(&self) -> Option<String> {
        let beat = self.beat().filter(|_| self.is_live())?;
        Some(format!(
            "{}, {}/s",
            number::all_counted(self.values(), "value", "values"),
            number::count(beat.values_per_s)
        ))
    }

    /// What a person should know besides, line by line.
    fn details(&self, verbose: bool) -> Vec<String> {
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

    fn json(&self, bucket: &BucketJobs) -> String {
        let (job, keys, beat) = (self.job, &self.job.keys, self.beat());
        let records = job.records.as_ref();
        let lease = job.lease.as_ref().filter(|_| !self.is_of_task);
        let text = |time: Timestamp| time.to_string();
        let eta = self.eta_ms();
        let waits = beat.filter(|_| self.state == JobState::Waiting);
        let waits = waits.and_then(|beat| beat.waits.as_ref());
        let mut body = json!({
            "server_time": text(self.now),
            "batch_bucket": bucket.bucket,
            "source_org": keys.src_org,
            "source_bucket": keys.src_bucket,
            "destination_bucket": keys.dst_bucket,
            "state": self.state.word(),
            "written_by": if self.is_of_task { "official_task" } else { "sluice" },
            "waits_for": waits.map(|wait| &wait.word),
            "waits_why": waits.map(|wait| &wait.reason),
            "waits_since": waits.map(|wait| text(wait.since)),
            "percent_complete": f64::from(self.per_mille()) / 10.0,
            "committed_to": records.and_then(|records| records.committed_to).map(text),
            "seen": job.seen().map(text),
            "seen_ms": job.seen().map(|seen| age_ms(self.now, seen)),
            "values": self.values(),
            "batches": records.map_or(0, |records| records.count),
            "rejected": if self.is_of_task { Value::Null } else { json!(job.rejected) },
            "eta_ms_min": eta.map(|(low, _)| low),
            "eta_ms_max": eta.map(|(_, high)| high),
            "verified": job.proof(self.now).word(),
            "run": lease.map(|stored| &stored.lease.run),
            "machine": lease.map(|stored| &stored.lease.machine),
        });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, self.run_json(beat)) {
            body.extend(more);
        }
        json::line("job_status", json::now(), body)
    }

    /// What the last run tells of itself; all of it `null` where it told nothing.
    fn run_json(&self, beat: Option<&Heartbeat>) -> Value {
        let rate = |of: fn(&Heartbeat) -> u64| beat.filter(|_| self.is_live()).map(of);
        let end = beat.and_then(|beat| beat.end.as_ref());
        let quota = beat.filter(|beat| beat.quota_bytes > 0);
        let error = beat.map(|beat| &beat.last_error).filter(|error| !error.is_empty());
        let job = beat.map(|beat| beat.job).filter(|job| !job.is_empty());
        json!({
            "version": beat.map(|beat| &beat.version),
            "begun": beat.map(|beat| beat.begun.to_string()),
            "moved": beat.map(|beat| beat.moved.to_string()),
            "phase": beat.filter(|_| self.is_live()).map(|beat| beat.phase.word()),
            "job_start": job.map(|job| job.start.to_string()),
            "job_stop": job.map(|job| job.stop.to_string()),
            "batches_open": rate(|beat| beat.batches_open),
            "run_values": beat.map(|beat| beat.values),
            "run_source_bytes": beat.map(|beat| beat.source_bytes),
            "run_retries": beat.map(|beat| beat.retries),
            "run_splits": beat.map(|beat| beat.splits),
            "run_rejected": beat.map(|beat| beat.rejected),
            "values_per_s": rate(|beat| beat.values_per_s),
            "source_bytes_per_s": rate(|beat| beat.source_bytes_per_s),
            "quota_window_bytes": quota.map(|beat| beat.quota_bytes),
            "quota_used_bytes": quota.map(|beat| beat.quota_used_bytes),
            "result": end.map(|end| &end.result),
            "exit": end.map(|end| end.exit),
            "last_error": error,
        })
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
fn age_ms(now: Timestamp, then: Timestamp) -> u64 {
    let ms = (i128::from(now.ns()) - i128::from(then.ns())) / 1_000_000;
    u64::try_from(ms.max(0)).unwrap_or(u64::MAX)
}

/// Lines on stdout, now.
pub(crate) fn print(lines: &[String]) -> io::Result<()> {
    for line in lines {
        writeln!(Stdout, "{line}")?;
    }
    Stdout.flush()
}

/// The screen of `--watch`: drawn again in place on a terminal, printed screen after screen elsewhere.
#[derive(Debug)]
pub(crate) struct WatchedScreen {
    bars: Option<Bars>,
    last: Vec<String>,
}

impl WatchedScreen {
    /// On stderr if that is a terminal.
    pub(crate) fn new() -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_drawn = stream::stderr_is_terminal() && !is_dumb;
        Self { bars: is_drawn.then(Bars::new), last: Vec::new() }
    }

    /// What the screen is laid out for.
    pub(crate) fn paper(&self, color: Option<bool>) -> Paper {
        if self.bars.is_some() { stream::stderr_paper(color) } else { stream::stdout_paper(color) }
    }

    /// Shows a new one. An error means that nobody takes it.
    pub(crate) fn show(&mut self, lines: Vec<String>) -> io::Result<()> {
        match &mut self.bars {
            Some(bars) => bars.draw(lines.clone()),
            None => print(&lines)?,
        }
        self.last = lines;
        Ok(())
    }

    /// Takes the screen away, and leaves the last one as the result.
    pub(crate) fn end(self) {
        if let Some(bars) = self.bars {
            bars.clear();
            self.last.iter().for_each(stream::print_exact);
        }
    }
}

const _: () = assert!(REDRAW_MS < crate::limits::WATCH_MS, "each look is drawn");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_column_stands_below() {
        let head = |columns| TableLayout::new(columns, FIRST, 0, &HEADS).head();
        assert!(head(COLUMNS_OF_ALL).contains("RATE"));
        assert!(!head(COLUMNS_OF_ALL - 1).contains("RATE"));
        assert!(head(80).contains("VERIFIED") && !head(80).contains("VALUES"));
    }
}
