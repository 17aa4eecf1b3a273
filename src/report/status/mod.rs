//! What `status` shows of the jobs of batch buckets: its screen, and a JSON line for each job.

mod json;
mod row;
pub(crate) mod watched;

use self::row::{HEADS, JobRow};
use crate::checkpoint::job_state::{JobState, SeenJob};
use crate::exit::ExitCode;
use crate::model::number;
use crate::model::time::Timestamp;
use crate::report::table::TableLayout;
use crate::report::text::{Paper, clean, fit, width, wrap, wrap_after};

/// Paper on which all columns have room.
const COLUMNS_OF_ALL: usize = 97;

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

impl StatusReport {
    /// The exit code: what is dead or failed counts more than what waits.
    pub(crate) fn exit(&self) -> ExitCode {
        let code = |row: JobRow<'_>| match row.state {
            JobState::Dead | JobState::Failed => ExitCode::Permanent,
            JobState::Waiting | JobState::Stalled => ExitCode::Temporary,
            JobState::Running | JobState::Draining | JobState::Complete | JobState::Stopped => {
                ExitCode::Done
            }
        };
        self.rows().map(code).max().unwrap_or(ExitCode::Done)
    }

    fn rows(&self) -> impl Iterator<Item = JobRow<'_>> {
        self.buckets.iter().flat_map(|bucket| self.rows_of(bucket))
    }

    fn rows_of<'a>(&self, bucket: &'a BucketJobs) -> impl Iterator<Item = JobRow<'a>> {
        let now = self.now;
        bucket.jobs.iter().map(move |job| JobRow::of(job, now))
    }

    /// The screen; with `verbose` what is known of each run besides.
    pub(crate) fn lines(&self, paper: Paper, verbose: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for bucket in &self.buckets {
            lines.extend(self.title(bucket, paper));
            lines.extend(self.table(bucket, paper, verbose));
            if bucket.left_out > 0 {
                let jobs = number::counted(bucket.left_out, "other job", "other jobs");
                lines.extend(wrap(&format!("{jobs} not shown (--all)"), paper.columns, 2));
            }
        }
        lines.extend(self.sum(paper));
        lines
    }

    /// A row for each job, and what is to be told of it below. What was stored may be anything.
    fn table(&self, bucket: &BucketJobs, paper: Paper, verbose: bool) -> Vec<String> {
        let rows: Vec<_> = self.rows_of(bucket).collect();
        if rows.is_empty() {
            return Vec::new();
        }
        let shown = |text: &str| clean(text, paper.glyphs);
        let names: Vec<_> = rows.iter().map(|row| shown(&row.name(&rows))).collect();
        let widest = names.iter().map(|name| width(name)).max().unwrap_or(0);
        let table = TableLayout::new(paper.columns, FIRST, widest, &HEADS);
        let mut lines = vec![table.head()];
        for (row, name) in rows.iter().zip(&names) {
            let line = table.row(name, &row.cells().map(|cell| shown(&cell)));
            lines.push(row.color().map_or(line.clone(), |color| paper.paint(color, &line)));
            let figures = row.figures().filter(|_| paper.columns < COLUMNS_OF_ALL);
            for text in figures.into_iter().chain(row.details(verbose)) {
                lines.extend(wrap_after(paper.columns, "    ", &shown(&text)));
            }
        }
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
        let time = number::to_the_second(self.now);
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
        let of = |bucket| self.rows_of(bucket).map(move |row| row.json(&bucket.bucket));
        self.buckets.iter().flat_map(of).collect()
    }
}

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
