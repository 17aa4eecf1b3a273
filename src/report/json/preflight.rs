//! What preflight found, for programs: each row with what it speaks of as fields.

use serde_json::{Value, json};

use super::{line, now};
use crate::report::preflight::{Finding, PreflightReport, Row, Verdict};

/// All of it.
pub(crate) fn preflight(report: &PreflightReport) -> String {
    let rows = |side: &str, rows: &[Row]| rows.iter().map(|own| row(side, own)).collect::<Value>();
    let body = json!({
        "verdict": report.verdict(),
        "failures": report.count(Verdict::Fail),
        "warnings": report.count(Verdict::Warn),
        "source": rows("source", &report.source),
        "destination": rows("destination", &report.destination),
        "progress": rows("progress", &report.progress),
        "source_end": report.source_end,
        "destination_end": report.destination_end,
        "quota_bytes_spent": report.quota_bytes_spent,
        "exit": report.exit().number(),
    });
    line("preflight", now(), body)
}

/// The findings that are not well, as a plan tells them.
pub(super) fn findings(findings: &[(&'static str, Finding)]) -> Value {
    findings.iter().map(|(side, own)| finding(side, own)).collect()
}

fn row(side: &str, row: &Row) -> Value {
    match row {
        Row::Fact { subject, text, facts } => json!({
            "side": side,
            "subject": subject,
            "text": text,
            "code": null,
            "verdict": null,
            "cure": null,
            "facts": facts.object(),
        }),
        Row::Finding(own) => finding(side, own),
    }
}

fn finding(side: &str, finding: &Finding) -> Value {
    json!({
        "side": side,
        "subject": finding.subject,
        "text": finding.text,
        "code": finding.code,
        "verdict": finding.verdict,
        "cure": finding.cure,
        "facts": finding.facts.object(),
    })
}
