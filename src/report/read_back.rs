//! What a run has found when it read back what it had moved.

use crate::limits::SUMMARY_RANGES_MAX;
use crate::model::number::{self, all_counted, grouped};
use crate::pipeline::verify::{BatchDifference, VerifyFindings};
use crate::report::text::{Paper, clean, wrap_after};

/// What was read back in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadBack {
    /// What was found.
    pub findings: VerifyFindings,
    /// Batches that were equal before they were recorded.
    pub before_record: u64,
    /// Why it was not ended.
    pub not_ended: Option<String>,
    /// How long it took when all was recorded.
    pub elapsed_ms: u64,
}

impl ReadBack {
    /// True if all of it is as it was acknowledged.
    pub fn is_equal(&self) -> bool {
        self.why_not().is_none()
    }

    /// True if some of it is not.
    pub fn is_different(&self) -> bool {
        self.findings.differing_batches > 0
    }

    /// Why it is not said to be equal.
    pub(crate) fn why_not(&self) -> Option<String> {
        let findings = &self.findings;
        if let Some(why) = &self.not_ended {
            return Some(why.clone());
        }
        if self.is_different() {
            return Some("the destination differs".to_owned());
        }
        if let Some((range, why)) = findings.unproven.first() {
            return Some(format!("{range}: {why}"));
        }
        if findings.refused > 0 {
            let values = number::counted(findings.refused, "value was", "values were");
            return Some(format!("{values} refused"));
        }
        findings.doubts.first().cloned()
    }

    pub(crate) fn lines(&self, paper: Paper) -> Vec<String> {
        let mut lines = Vec::new();
        if self.not_ended.is_none() {
            lines.extend(wrap_after(paper.columns, "  verified ", &self.equal()));
        }
        lines.extend(self.trouble(paper));
        if let Some(why) = self.why_not().filter(|_| !self.is_different()) {
            let why =
                format!("not verified: {}; sluice verify compares", clean(&why, paper.glyphs));
            lines.extend(wrap_after(paper.columns, "  ", &why));
        }
        lines
    }

    /// What is equal, and when it was read back.
    fn equal(&self) -> String {
        let VerifyFindings { values, batches, .. } = self.findings;
        let (values, took) =
            (number::all_counted(values, "value", "values"), number::duration(self.elapsed_ms));
        let all = number::counted(batches, "batch", "batches");
        match self.before_record {
            0 => format!("{values} of {all} read back in {took}, equal"),
            before if before == batches => {
                format!("{values} of {all} read back before they were recorded, equal")
            }
            before => format!(
                "{values} of {all} read back, equal: {} of them before they were recorded, the others in {took}",
                grouped(before)
            ),
        }
    }

    /// What somebody may have to act on.
    pub(crate) fn trouble(&self, paper: Paper) -> Vec<String> {
        let mut lines = Vec::new();
        for found in self.findings.differing.iter().take(SUMMARY_RANGES_MAX) {
            let words = clean(&batch_words(found), paper.glyphs);
            lines.extend(wrap_after(paper.columns, "  differs ", &words));
        }
        if self.is_different() {
            let next =
                "sluice verify, with the same settings, names each value; --repair writes it again";
            lines.extend(wrap_after(paper.columns, "  ", next));
        }
        lines
    }
}

/// A batch that differs, in words.
pub(crate) fn batch_words(found: &BatchDifference) -> String {
    let BatchDifference { range, expected, found, measurements } = found;
    let held = match (expected == found, expected) {
        (true, _) => {
            format!("{} as expected, not the same", all_counted(*found, "value", "values"))
        }
        (false, 0) => format!("{} where nothing was moved", all_counted(*found, "value", "values")),
        (false, _) => {
            let expected = grouped(*expected);
            format!("{} of {expected}", all_counted(*found, "value", "values"))
        }
    };
    let names: Vec<_> = measurements.iter().take(SUMMARY_RANGES_MAX).cloned().collect();
    let more = measurements.len().saturating_sub(names.len());
    let names = match (names.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!("; {}", names.join(", ")),
        (false, more) => format!("; {} and {more} more", names.join(", ")),
    };
    format!("{range}: {held}{names}")
}
