//! What `--dry-run` shows: the plan, and the first lines that would be written.

use crate::model::foretold::Outlook;
use crate::model::number;
use crate::pipeline::event::PlannedRun;
use crate::report::text::{Paper, clean, fit, fit_both, wrap, wrap_after};

/// What a dry run found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DryRun {
    /// `org/bucket`.
    pub source: String,
    /// `org@host:port/bucket`.
    pub destination: String,
    /// What a run would do.
    pub planned: PlannedRun,
    /// How the largest measurements of the first batch are read.
    pub choices: Vec<ChoiceRow>,
    /// How many more there are.
    pub choices_more: u64,
    /// The first lines of line protocol, each without its line end.
    pub lines: Vec<String>,
    /// Why there is no line.
    pub lines_missing: Option<&'static str>,
    /// How much a run would move.
    pub outlook: Outlook,
}

/// How a measurement is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoiceRow {
    /// Its name.
    pub measurement: String,
    /// The transport.
    pub transport: String,
    /// Why, in words.
    pub reason: String,
}

impl DryRun {
    /// The screen. Line protocol is cut for a person only; elsewhere it may be copied, and only its control characters are
    /// shown escaped.
    pub fn lines(&self, paper: Paper, cut: bool) -> Vec<String> {
        let Paper { glyphs, columns, .. } = paper;
        let planned = &self.planned;
        let (source, destination) = (clean(&self.source, glyphs), clean(&self.destination, glyphs));
        let (source, destination) =
            fit_both(&source, &destination, columns.saturating_sub("PLAN   -> ".len()));
        let mut lines = vec!["DRY RUN wrote nothing.".to_owned()];
        let first = match self.lines.len() {
            0 => format!(
                "No line of line protocol was read: {}.",
                self.lines_missing.unwrap_or("there is none")
            ),
            1 => "The first line of line protocol:".to_owned(),
            n => format!("The first {n} lines of line protocol:"),
        };
        lines.extend(wrap(&first, columns, 2));
        let shown = self.lines.iter().map(|line| clean(line, glyphs));
        lines.extend(shown.map(|line| if cut { fit(&line, columns) } else { line }));
        lines.push(format!("PLAN  {source} -> {destination}"));
        lines.extend(wrap_after(columns, "range     ", &planned.job.to_string()));
        if planned.resume > planned.job.start {
            lines.extend(wrap_after(columns, "resume    ", &planned.resume.to_string()));
        }
        let (batches, interval) = (
            number::all_counted(planned.batches, "batch", "batches"),
            clean(&planned.interval, glyphs),
        );
        let transport = clean(&planned.transport, glyphs);
        let text = format!("{batches} of {interval}; transport {transport}");
        lines.extend(wrap_after(columns, "plan      ", &text));
        for row in &self.choices {
            let text = format!("{} by {}: {}", row.measurement, row.transport, row.reason);
            lines.extend(
                wrap(&clean(&text, glyphs), columns - 2, 2).iter().map(|l| format!("  {l}")),
            );
        }
        if self.choices_more > 0 {
            lines.push(format!("  and {} more", number::grouped(self.choices_more)));
        }
        lines.extend(self.last(paper));
        lines
    }

    /// What a run would do.
    pub(crate) fn last(&self, paper: Paper) -> Vec<String> {
        let last = if self.outlook.values == 0 {
            "Would copy nothing.".to_owned()
        } else {
            format!("Would copy {}. Run the same without --dry-run.", self.outlook)
        };
        wrap(&last, paper.columns, 2)
    }
}
