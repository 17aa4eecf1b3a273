//! What `preflight` found, as plain data, and its screen.

use serde::Serialize;
use serde_json::Value;

use crate::exit::ExitCode;
use crate::model::number;
use crate::report::facts::RowFacts;
use crate::report::text::{COLUMNS, Color, Paper, clean, fit, width, wrap};

/// The column after the verdicts.
const VERDICT_END: usize = 75;
/// Columns beyond which a line is hard to read.
const WIDTH_MAX: usize = 120;
/// The column of the text, after section names and labels.
const TEXT_COLUMN: usize = 13;

/// How a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// The job can run; something is worse than it could be.
    Warn,
    /// The job must not run.
    Fail,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The stable name of the check, such as `P11`.
    pub code: String,
    /// How it weighs.
    pub verdict: Verdict,
    /// What was checked, in one word.
    pub subject: String,
    /// What was found.
    pub text: String,
    /// The command or setting that cures it.
    pub cure: Option<String>,
    /// What the text speaks of.
    pub facts: RowFacts,
}

impl Finding {
    /// What cures it, as a line that is never cut, since it is to be copied.
    pub(crate) fn cure_line(&self, paper: Paper) -> Option<String> {
        let cure = clean(self.cure.as_ref()?, paper.glyphs);
        Some(paper.paint(Color::Bold, &format!("{} cure: {cure}", self.code)))
    }
}

/// One line of a section; the first one stands beside the section's name, without its own label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// Something that is only told.
    Fact {
        /// What it is, in one word.
        subject: String,
        /// What is told.
        text: String,
        /// What the text speaks of.
        facts: RowFacts,
    },
    /// Something that was checked.
    Finding(Finding),
}

impl Row {
    /// A row that only tells.
    pub fn fact(subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Fact { subject: subject.into(), text: text.into(), facts: RowFacts::default() }
    }

    /// The same, with something of its text as a field.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        match &mut self {
            Self::Fact { facts, .. } | Self::Finding(Finding { facts, .. }) => {
                facts.add(name, value);
            }
        }
        self
    }

    fn parts(&self) -> (&str, &str, Option<&Finding>) {
        match self {
            Self::Fact { subject, text, .. } => (subject, text, None),
            Self::Finding(finding) => (&finding.subject, &finding.text, Some(finding)),
        }
    }
}

/// An end as programs want it: what the rows tell in words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct EndFields {
    /// Its address.
    pub address: String,
    /// Where that stands.
    pub address_from: String,
    /// Where the token comes from; never the token.
    pub token_from: String,
    /// Version, where the server tells one.
    pub version: Option<String>,
    /// Name of the organization.
    pub org: Option<String>,
    /// Its id.
    pub org_id: Option<String>,
    /// Name of the bucket.
    pub bucket: String,
    /// Its id, if it is there.
    pub bucket_id: Option<String>,
    /// How long it keeps what it holds; 0 is for ever.
    pub retention_s: Option<u64>,
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PreflightReport {
    /// The source; first its address.
    pub source: Vec<Row>,
    /// The destination; first its address.
    pub destination: Vec<Row>,
    /// The batch bucket and what it holds.
    pub progress: Vec<Row>,
    /// The codes of what a run would be refused for, one for each of these findings.
    pub refusals: Vec<ExitCode>,
    /// Source bytes that the checks cost.
    pub quota_bytes_spent: u64,
    /// True if they are taken from a quota.
    pub has_quota: bool,
    /// The source in fields.
    pub source_end: Option<EndFields>,
    /// The destination in fields, if there is one.
    pub destination_end: Option<EndFields>,
}

impl PreflightReport {
    /// Everything that was checked, in the order of the screen, and which part it is about.
    pub(crate) fn findings_by_side(&self) -> impl Iterator<Item = (&'static str, &Finding)> {
        let sides = [
            ("source", &self.source),
            ("destination", &self.destination),
            ("progress", &self.progress),
        ];
        let rows =
            sides.into_iter().flat_map(|(side, rows)| rows.iter().map(move |row| (side, row)));
        rows.filter_map(|(side, row)| match row {
            Row::Finding(finding) => Some((side, finding)),
            Row::Fact { .. } => None,
        })
    }

    /// Everything that was checked, in the order of the screen.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings_by_side().map(|(_, finding)| finding)
    }

    /// The worst of all verdicts.
    pub fn verdict(&self) -> Verdict {
        self.findings().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok)
    }

    /// The exit code of `preflight` itself, and of a run that goes no further.
    pub fn exit(&self) -> ExitCode {
        match self.verdict() {
            // A refused token explains whatever else was not found.
            Verdict::Fail if self.refusals.contains(&ExitCode::TokenRefused) => {
                ExitCode::TokenRefused
            }
            Verdict::Fail if self.count(Verdict::Fail) == self.refusals.len() => self.refusals[0],
            Verdict::Fail => ExitCode::Permanent,
            Verdict::Ok | Verdict::Warn => ExitCode::Done,
        }
    }

    /// How many findings have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings().filter(|finding| finding.verdict == verdict).count()
    }

    /// True if there is a failure with one of these codes.
    pub(crate) fn has_failed(&self, codes: &[&str]) -> bool {
        let is_one = |code: &str| codes.contains(&code);
        self.findings().any(|finding| finding.verdict == Verdict::Fail && is_one(&finding.code))
    }

    /// The screen. Cures are never cut, since they are to be copied; all other lines keep within the paper.
    pub fn lines(&self, paper: Paper) -> Vec<String> {
        let first = "PREFLIGHT compared no data and wrote nothing.";
        let mut lines = wrap(first, paper.columns, 2);
        lines.extend(self.sections(paper, |_| true));
        lines.extend(self.sum(paper));
        lines.extend(self.cures(paper));
        lines
    }

    /// What somebody may have to act on.
    pub(crate) fn quiet_lines(&self, paper: Paper) -> Vec<String> {
        let is_told =
            |row: &Row| row.parts().2.is_some_and(|finding| finding.verdict != Verdict::Ok);
        let mut lines = self.sections(paper, is_told);
        lines.extend(self.cures(paper));
        lines
    }

    fn sections(&self, paper: Paper, is_told: impl Fn(&Row) -> bool) -> Vec<String> {
        let sections = [
            ("SOURCE", &self.source),
            ("DESTINATION", &self.destination),
            ("PROGRESS", &self.progress),
        ];
        let mut lines = Vec::new();
        for (name, rows) in sections {
            for (i, row) in rows.iter().enumerate().filter(|(_, row)| is_told(row)) {
                let label = if i == 0 {
                    name.to_owned()
                } else {
                    format!("  {}", clean(row.parts().0, paper.glyphs))
                };
                if paper.columns < COLUMNS {
                    lines.extend(narrow_row(&label, row, paper, i == 0));
                } else {
                    lines.extend(row_lines(&label, row, paper));
                }
            }
        }
        lines
    }

    /// How much was found, and the exit code.
    pub(crate) fn sum(&self, paper: Paper) -> Vec<String> {
        let (failures, warnings) = (self.count(Verdict::Fail), self.count(Verdict::Warn));
        let spent = match (number::bytes(self.quota_bytes_spent), self.has_quota) {
            (spent, true) => format!(", {spent} of quota spent"),
            _ if self.quota_bytes_spent == 0 => String::new(),
            (spent, false) => format!(", {spent} read from the source"),
        };
        let sum = format!(
            "{}, {}{spent}. Exit {}.",
            number::counted(failures as u64, "failure", "failures"),
            number::counted(warnings as u64, "warning", "warnings"),
            self.exit().number()
        );
        wrap(&sum, paper.columns, 2)
    }

    fn cures(&self, paper: Paper) -> Vec<String> {
        let unmended = self.findings().filter(|finding| finding.verdict != Verdict::Ok);
        unmended.filter_map(|finding| finding.cure_line(paper)).collect()
    }
}

/// `FAIL [P11]`, in its colour.
fn verdict(finding: &Finding) -> (String, Color) {
    match finding.verdict {
        Verdict::Ok => ("ok".to_owned(), Color::Green),
        Verdict::Warn => (format!("WARN [{}]", finding.code), Color::Yellow),
        Verdict::Fail => (format!("FAIL [{}]", finding.code), Color::Red),
    }
}

/// Where there is no room beside the text, the verdict comes first.
fn narrow_row(label: &str, row: &Row, paper: Paper, is_first: bool) -> Vec<String> {
    let (_, text, finding) = row.parts();
    let said = finding.map(verdict);
    let (words, color) = said.unwrap_or((String::new(), Color::Green));
    let gap = if words.is_empty() { "" } else { " " };
    let label = fit(label.trim_start(), TEXT_COLUMN);
    let start = if is_first { "" } else { "  " };
    let text = format!("{words}{gap}{label} {}", clean(text, paper.glyphs));
    let mut lines = wrap(&text, paper.columns - start.len(), 2);
    if let Some(rest) = lines.first().and_then(|first| first.strip_prefix(&words)) {
        lines[0] = format!("{}{rest}", paper.paint(color, &words));
    }
    lines.iter().map(|line| format!("{start}{line}")).collect()
}

/// Label, text, and the verdict at the right of the first line.
fn row_lines(label: &str, row: &Row, paper: Paper) -> Vec<String> {
    let (_, text, finding) = row.parts();
    let (verdict, color) = finding.map_or((String::new(), Color::Green), verdict);
    let label = fit(label, TEXT_COLUMN - 1);
    let end = paper.columns.min(WIDTH_MAX) - (COLUMNS - VERDICT_END);
    let room = if verdict.is_empty() {
        end + (COLUMNS - VERDICT_END) - TEXT_COLUMN
    } else {
        end - TEXT_COLUMN - width(&verdict).max(10) - 1
    };
    wrap(&clean(text, paper.glyphs), room, 0)
        .into_iter()
        .enumerate()
        .map(|(i, text)| {
            let (label, verdict) =
                if i == 0 { (label.as_str(), verdict.as_str()) } else { ("", "") };
            let label_gap = TEXT_COLUMN - width(label);
            let verdict_gap = end.saturating_sub(TEXT_COLUMN + width(&text) + width(verdict));
            let line = format!("{label}{}{text}", " ".repeat(label_gap));
            if verdict.is_empty() {
                return line.trim_end().to_owned();
            }
            format!("{line}{}{}", " ".repeat(verdict_gap), paper.paint(color, verdict))
        })
        .collect()
}
