//! What a receipt proves: its screen and its JSON line.

use serde_json::{Value, json};

use super::check::CheckedReceipt;
use super::{
    Receipt, ReceiptBatch, ReceiptEnd, ReceiptProof, ReceiptResult, ReceiptTotals, ReceiptUnproven,
};
use crate::limits::SUMMARY_RANGES_MAX;
use crate::model::number::{all_counted, counted, grouped};
use crate::model::time::TimeRange;
use crate::report::json;
use crate::report::text::{Color, Paper, clean, wrap};
use crate::report::verify::more;
use crate::report::verify::{resumed_json, resumed_words};

/// A receipt that was checked.
#[derive(Debug)]
pub(crate) struct ReceiptReport {
    /// The file.
    pub(crate) file: String,
    /// What it says.
    pub(crate) checked: CheckedReceipt,
    /// A spool that it was held against.
    pub(crate) spool: Option<AgainstSpool>,
    /// The exit code of the process.
    pub(crate) exit: u8,
}

/// What came of holding a receipt against the records of a spool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AgainstSpool {
    /// The spool.
    pub(crate) place: String,
    /// What of it is staged.
    pub(crate) range: Option<TimeRange>,
    /// Batches that both have, with the same digest.
    pub(crate) batches: u64,
    /// Stretches that both cut otherwise, with the same sum of digests.
    pub(crate) sums: u64,
    /// Values of both.
    pub(crate) values: u64,
    /// Stretches with other digests.
    pub(crate) differing: Vec<TimeRange>,
    /// Stretches that cannot be compared, and why.
    pub(crate) uncompared: Vec<(TimeRange, String)>,
}

impl ReceiptReport {
    /// What somebody may have to act on.
    pub(crate) fn quiet_lines(&self, paper: Paper) -> Vec<String> {
        let mut lines = self.headline(paper);
        lines.extend(self.trouble(paper));
        lines
    }

    fn headline(&self, paper: Paper) -> Vec<String> {
        let receipt = &self.checked.receipt;
        let words = format!("RECEIPT WHOLE ({}, {})", receipt.evidence, receipt.result);
        let color = match (receipt.result, self.exit) {
            (ReceiptResult::Different, _) => Color::Red,
            (ReceiptResult::Equal, 0) => Color::Green,
            (_, _) => Color::Yellow,
        };
        let head = clean(&format!("{words}   {}", self.file), paper.glyphs);
        let mut lines = wrap(&format!("{head}   exit {}", self.exit), paper.columns, 2);
        if let Some(first) = lines.first_mut() {
            *first = paper.paint(color, first);
        }
        lines
    }

    /// The screen.
    pub(crate) fn lines(&self, paper: Paper) -> Vec<String> {
        let line = |label: &str, text: &str| paper.entry(label, text);
        let CheckedReceipt { receipt, sha256 } = &self.checked;
        let mut lines = self.headline(paper);
        lines.extend(line("proves", receipt.meaning()));
        lines.extend(line("source", &receipt.source.words()));
        lines.extend(line("held", &receipt.destination.words()));
        let job = &receipt.job;
        if job.filter != "none" {
            lines.extend(line("filter", &job.filter));
        }
        lines.extend(line("range", &receipt.range().to_string()));
        let when =
            format!("from {} to {}, by sluice {}", receipt.began, receipt.ended, receipt.sluice);
        lines.extend(line("compared", &when));
        let ReceiptTotals { batches, values, .. } = receipt.totals;
        let values = all_counted(values, "value", "values");
        lines.extend(line("equal", &format!("{}, {values}", counted(batches, "batch", "batches"))));
        let is_superset = |batch: &&ReceiptBatch| batch.proof == Some(ReceiptProof::Superset);
        let more = receipt.batches.iter().filter(is_superset).count() as u64;
        if more > 0 {
            let one = "of them may hold more than was moved (--superset)";
            lines.extend(line("", &counted(more, one, one)));
        }
        if let Some(resumed) = &receipt.resumed() {
            lines.extend(line("resumed", &resumed_words(resumed)));
        }
        if let Some(spool) = &self.spool {
            lines.extend(line("spool", &spool.words()));
        }
        lines.extend(self.trouble(paper));
        lines.extend(line("sha256", sha256));
        lines
    }

    fn trouble(&self, paper: Paper) -> Vec<String> {
        let receipt = &self.checked.receipt;
        let mut lines = Vec::new();
        let is = |result| move |batch: &&ReceiptBatch| batch.result == result;
        let differing = receipt.batches.iter().filter(is(ReceiptResult::Different));
        let differing = differing.map(|batch| {
            let (found, expected) = (batch.found.unwrap_or(0), batch.expected.unwrap_or(0));
            let found = all_counted(found, "value", "values");
            format!("{}: {found} where {} should be", batch.range(), grouped(expected))
        });
        lines.extend(some(paper, "differs", differing));
        let why = |batch: &ReceiptBatch| batch.why.clone().unwrap_or_default();
        let open = receipt.batches.iter().filter(is(ReceiptResult::Unproven));
        let open = open.map(|batch| format!("{}: {}", batch.range(), why(batch)));
        let beside = receipt.unproven.iter().map(ReceiptUnproven::words);
        lines.extend(some(paper, "unproven", open.chain(beside)));
        if receipt.totals.refused > 0 {
            let values = all_counted(receipt.totals.refused, "value", "values");
            lines.extend(paper.entry("refused", &format!("{values} that the job has not moved")));
        }
        lines.extend(some(paper, "in doubt", receipt.doubts.iter().cloned()));
        if let Some(spool) = &self.spool {
            let differing = spool.differing.iter().map(ToString::to_string);
            lines.extend(some(
                paper,
                "spool has",
                differing.map(|range| format!("{range}: other values")),
            ));
            let open = spool.uncompared.iter().map(|(range, why)| format!("{range}: {why}"));
            lines.extend(some(paper, "open", open));
        }
        lines
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> String {
        let CheckedReceipt { receipt, sha256 } = &self.checked;
        let ReceiptTotals { batches, different, refused, unproven, values } = receipt.totals;
        let body = json!({
            "file": self.file,
            "exit": self.exit,
            "result": receipt.result,
            "evidence": receipt.evidence,
            "source": receipt.source,
            "destination": receipt.destination,
            "job": receipt.job,
            "start": receipt.range.start.to_string(),
            "stop": receipt.range.stop.to_string(),
            "began": receipt.began.to_string(),
            "ended": receipt.ended.to_string(),
            "sluice": receipt.sluice,
            "equal_batches": batches,
            "equal_values": values,
            "resumed": receipt.resumed().as_ref().map(resumed_json),
            "different_batches": different,
            "unproven_stretches": unproven + receipt.unproven.len() as u64,
            "refused": refused,
            "doubts": receipt.doubts,
            "sha256": sha256,
            "spool": self.spool.as_ref().map(AgainstSpool::json),
        });
        json::line("receipt", json::now(), body)
    }
}

impl AgainstSpool {
    fn words(&self) -> String {
        let Self { place, batches, sums, values, .. } = self;
        if batches + sums == 0 && self.differing.is_empty() {
            return format!("{place}: nothing could be compared");
        }
        let sums = match sums {
            0 => String::new(),
            sums => format!(" and {} cut otherwise", counted(*sums, "stretch", "stretches")),
        };
        let values = all_counted(*values, "value", "values");
        let batches = counted(*batches, "batch", "batches");
        let range = self.range.map(|range| format!(" {range}")).unwrap_or_default();
        format!("{place}{range}: {batches}{sums} with the digests of its records, {values}")
    }

    fn json(&self) -> Value {
        let range = |range: &TimeRange| json::with_range(*range, json!({}));
        let uncompared = self.uncompared.iter();
        let uncompared =
            uncompared.map(|(range, why)| json::with_range(*range, json!({"why": why})));
        json!({
            "place": self.place,
            "start": self.range.map(|range| range.start.to_string()),
            "stop": self.range.map(|range| range.stop.to_string()),
            "equal_batches": self.batches,
            "equal_stretches": self.sums,
            "equal_values": self.values,
            "different": self.differing.iter().map(range).collect::<Vec<_>>(),
            "uncompared": uncompared.collect::<Vec<_>>(),
        })
    }
}

impl Receipt {
    fn meaning(&self) -> &'static str {
        match (self.result, self.evidence.as_str()) {
            (ReceiptResult::Nothing, _) => "nothing: the job had committed nothing in the range",
            (ReceiptResult::Different, _) => "that the destination differed in what is named below",
            (ReceiptResult::Unproven, _) => "what is not named below: of that nothing was known",
            (ReceiptResult::Equal, "counts") => {
                "that both ends counted as many values of each measurement; counts do not tell one value from another"
            }
            (ReceiptResult::Equal, "recorded") => {
                "that the destination held each value that the job had recorded"
            }
            (ReceiptResult::Equal, "spool") => "that the destination held what was staged",
            (ReceiptResult::Equal, _) => "that both ends held the same values",
        }
    }
}

impl ReceiptEnd {
    /// `org/bucket (id) at host, version`.
    fn words(&self) -> String {
        let org = self.org.as_ref().map(|org| format!("{org}/")).unwrap_or_default();
        let id = self.bucket_id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        let host = self.host.as_ref().map(|host| format!(" at {host}")).unwrap_or_default();
        let version = self.version.as_ref().map(|version| format!(", {version}"));
        format!("{org}{}{id}{host}{}", self.bucket, version.unwrap_or_default())
    }
}

impl ReceiptUnproven {
    fn words(&self) -> String {
        format!("{}: {}", TimeRange::new(self.start, self.stop), self.why)
    }
}

/// The first ones, and how many more there are.
fn some(paper: Paper, label: &str, all: impl Iterator<Item = String>) -> Vec<String> {
    let (mut lines, mut count) = (Vec::new(), 0);
    for text in all {
        count += 1;
        if count <= SUMMARY_RANGES_MAX as u64 {
            lines.extend(paper.entry(label, &text));
        }
    }
    lines.extend(more(count, paper));
    lines
}
