//! What `verify` found: its screen, its JSON line, and a line for each value that differs.

use serde_json::{Value, json};

use crate::limits::SUMMARY_RANGES_MAX;
use crate::model::held_value::HeldValue;
use crate::model::number::{all_counted, counted, grouped};
use crate::model::series::{Readable, schema_label};
use crate::model::time::TimeRange;
use crate::pipeline::verify::difference::ValueDifference;
use crate::pipeline::verify::evidence::EvidenceKind;
use crate::pipeline::verify::repair::Repaired;
use crate::pipeline::verify::sample::SampledBatches;
use crate::pipeline::verify::{ResumedBatches, VerifyFindings};
use crate::report::influx_delete::{DeleteTarget, removal};
use crate::report::json;
use crate::report::read_back::batch_words;
use crate::report::summary::headline;
use crate::report::text::{Color, Paper, clean, fit};

/// The result of a comparison.
#[derive(Debug)]
pub(crate) struct VerifyReport {
    /// `org/bucket`.
    pub(crate) source: String,
    /// `org@host:port/bucket`.
    pub(crate) destination: String,
    /// With what.
    pub(crate) evidence: EvidenceKind,
    /// The place of the spool, if it is one.
    pub(crate) spool: Option<String>,
    /// What was compared.
    pub(crate) range: TimeRange,
    /// What came of it.
    pub(crate) verified: VerifyFindings,
    /// The values that differ.
    pub(crate) values: NamedValues,
    /// How long it took.
    pub(crate) elapsed_ms: u64,
    /// The exit code of the process.
    pub(crate) exit: u8,
}

/// Values that differ, as far as they were looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamedValues {
    /// The first ones, rising in time.
    pub shown: Vec<ValueDifference>,
    /// Values that only the source has.
    pub missing: u64,
    /// Values that both have otherwise.
    pub changed: u64,
    /// Values that only the destination has.
    pub extra: u64,
    /// All that differ were looked at.
    pub is_whole: bool,
    /// Values that only the destination has are no difference.
    pub is_superset: bool,
    /// Why none was looked at.
    pub unnamed: Option<String>,
    /// What was written again; `None` where nothing was to be.
    pub repaired: Option<Repaired>,
    /// Where those that only the destination has can be deleted.
    pub target: DeleteTarget,
}

/// How a comparison ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VerifyEnd {
    /// Nothing of the job is in the range.
    Nothing,
    /// All of it is equal.
    Equal,
    /// As many values of each measurement are there.
    Counted,
    /// Those batches that were looked at are equal.
    Sampled,
    /// Of some of it nothing is known.
    Unproven,
    /// They differ.
    Different,
}

impl VerifyEnd {
    /// By what came of it.
    pub(crate) fn of(range: TimeRange, evidence: EvidenceKind, verified: &VerifyFindings) -> Self {
        if verified.differing_batches > 0 {
            Self::Different
        } else if verified.unproven_stretches > 0
            || verified.refused > 0
            || !verified.doubts.is_empty()
        {
            Self::Unproven
        } else if range.is_empty() {
            Self::Nothing
        } else if verified.sampled.is_some() {
            Self::Sampled
        } else if evidence == EvidenceKind::Counts {
            Self::Counted
        } else {
            Self::Equal
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Nothing => "NOTHING TO VERIFY",
            Self::Equal => "VERIFIED",
            Self::Counted => "COUNTS ARE EQUAL",
            Self::Sampled => "SAMPLE IS EQUAL",
            Self::Unproven => "NOT WHOLLY PROVEN",
            Self::Different => "DIFFERENT",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Equal | Self::Counted => "equal",
            Self::Sampled => "sampled",
            Self::Unproven => "unproven",
            Self::Different => "different",
        }
    }
}

impl VerifyReport {
    fn end(&self) -> VerifyEnd {
        VerifyEnd::of(self.range, self.evidence, &self.verified)
    }

    fn headline(&self, paper: Paper) -> Vec<String> {
        let end = self.end();
        let color = match end {
            VerifyEnd::Equal | VerifyEnd::Counted | VerifyEnd::Sampled => Color::Green,
            VerifyEnd::Nothing | VerifyEnd::Unproven => Color::Yellow,
            VerifyEnd::Different => Color::Red,
        };
        let mut evidence = self.evidence.name().to_owned();
        if let Some(SampledBatches { sample, of_batches, .. }) = self.verified.sampled {
            let batches = counted(of_batches, "batch", "batches");
            evidence = format!("{evidence}, {sample} of {batches}");
        }
        let words = format!("{} ({evidence})", end.words());
        let mut lines = headline(&words, self.elapsed_ms, self.exit, paper.columns);
        if let Some(first) = lines.first_mut() {
            *first = paper.paint(color, first);
        }
        lines
    }

    /// What somebody may have to act on.
    pub(crate) fn quiet_lines(&self, paper: Paper) -> Vec<String> {
        let mut lines = self.headline(paper);
        lines.extend(self.trouble(paper));
        lines
    }

    /// The screen.
    pub(crate) fn lines(&self, paper: Paper) -> Vec<String> {
        let line = |label: &str, text: &str| paper.entry(label, text);
        let mut lines = self.headline(paper);
        lines.extend(line("source", &self.source));
        if let Some(spool) = &self.spool {
            lines.extend(line("spool", spool));
        }
        lines.extend(line("held", &self.destination));
        lines.extend(line("range", &self.range.to_string()));
        let against = match self.evidence {
            EvidenceKind::Recorded => {
                "what the destination holds now, and the digests that the job recorded"
            }
            EvidenceKind::Counts => "how many values of each measurement both ends count now",
            EvidenceKind::Read => "what both ends hold now, each value",
            EvidenceKind::Spool => {
                "what the destination holds now, and the files of the spool, each value"
            }
        };
        lines.extend(line("compared", against));
        if let Some(sampled) = &self.verified.sampled {
            lines.extend(line("sample", &sample_words(sampled)));
        }
        let verified = &self.verified;
        let VerifyFindings { batches, values, .. } = *verified;
        let equal = format!(
            "{}, {}",
            counted(batches, "batch", "batches"),
            all_counted(values, "value", "values")
        );
        lines.extend(line("equal", &equal));
        if verified.equal_by_reading > 0 {
            lines.extend(line("", &self.equal_by_reading()));
        }
        if let Some(resumed) = &verified.resumed {
            lines.extend(line("resumed", &resumed_words(resumed)));
        }
        lines.extend(self.trouble(paper));
        lines
    }

    /// Why batches that differ at first are equal.
    fn equal_by_reading(&self) -> String {
        let of_them = |one, many| counted(self.verified.equal_by_reading, one, many);
        if self.values.is_superset && self.values.extra > 0 {
            return of_them(
                "of them holds more than was moved",
                "of them hold more than was moved",
            );
        }
        if self.evidence == EvidenceKind::Recorded {
            let batches = of_them("of them differs", "of them differ");
            return format!("{batches} from the record, and both ends hold the same now");
        }
        let batches = of_them("of them holds", "of them hold");
        format!("{batches} the same, some of it under other names (--on-type-conflict suffix)")
    }

    fn trouble(&self, paper: Paper) -> Vec<String> {
        let line = |label: &str, text: &str| paper.entry(label, text);
        let (verified, values) = (&self.verified, &self.values);
        let mut lines = Vec::new();
        for found in verified.differing.iter().take(SUMMARY_RANGES_MAX) {
            lines.extend(line("differs", &batch_words(found)));
        }
        lines.extend(more(verified.differing_batches, paper));
        if verified.differing_batches > 0 || values.extra > 0 || values.repaired.is_some() {
            lines.extend(line("values", &values.words()));
        }
        for difference in &values.shown {
            let words = value_words(difference, self.evidence);
            let [value, series] = words.map(|text| clean(&text, paper.glyphs));
            lines.push(fit(&format!("    {value}"), paper.columns));
            lines.push(fit(&format!("      {series}"), paper.columns));
        }
        if !values.is_superset {
            lines.extend(removal(&values.shown, &values.target, paper));
        }
        if let Some(Repaired { values, refused, refusal }) = &values.repaired {
            let why = refusal.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let refused = match refused {
                0 => String::new(),
                refused => format!(", {refused} refused{why}"),
            };
            let values = all_counted(*values, "value", "values");
            lines.extend(line("repaired", &format!("{values} written again{refused}")));
        }
        for (range, why) in verified.unproven.iter().take(SUMMARY_RANGES_MAX) {
            lines.extend(line("unproven", &format!("{range}: {why}")));
        }
        lines.extend(more(verified.unproven_stretches, paper));
        if verified.refused > 0 {
            let values = all_counted(verified.refused, "value", "values");
            lines.extend(line("refused", &format!("{values} that the job has not moved")));
        }
        for doubt in &verified.doubts {
            lines.extend(line("in doubt", doubt));
        }
        lines
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> String {
        let (verified, values) = (&self.verified, &self.values);
        let shown = values.shown.iter().map(|one| value_json(one, &values.target));
        let unproven = verified.unproven.iter();
        let unproven = unproven.map(|(range, why)| json::with_range(*range, json!({"why": why})));
        let body = json!({
            "result": self.end().name(),
            "evidence": self.evidence.name(),
            "exit": self.exit,
            "source": self.source,
            "spool": self.spool,
            "destination": self.destination,
            "start": self.range.start.to_string(),
            "stop": self.range.stop.to_string(),
            "elapsed_ms": self.elapsed_ms,
            "sample": verified.sampled.as_ref().map(sample_json),
            "equal_batches": verified.batches,
            "equal_values": verified.values,
            "equal_by_reading": verified.equal_by_reading,
            "resumed": verified.resumed.as_ref().map(resumed_json),
            "different_batches": verified.differing_batches,
            "different": json::batch_differences(&verified.differing),
            "refused": verified.refused,
            "unproven_stretches": verified.unproven_stretches,
            "unproven": unproven.collect::<Vec<_>>(),
            "doubts": verified.doubts,
            "missing": values.missing,
            "changed": values.changed,
            "extra": values.extra,
            "values_whole": values.is_whole,
            "values_unnamed": values.unnamed,
            "values": shown.collect::<Vec<_>>(),
            "repaired": values.repaired.as_ref().map(|repaired| repaired.values),
            "repair_refused": values.repaired.as_ref().map(|repaired| repaired.refused),
        });
        json::line("verified", json::now(), body)
    }
}

impl NamedValues {
    fn words(&self) -> String {
        if let Some(why) = &self.unnamed {
            return format!("not named, because the source cannot be read: {why}");
        }
        if !self.is_whole && self.missing + self.changed + self.extra == 0 {
            return "not looked at (--differences, --report)".to_owned();
        }
        let least = match (&self.repaired, self.is_whole) {
            (Some(_), _) => "before the repair: ",
            (None, true) => "",
            (None, false) => "at least ",
        };
        let extra = if self.is_superset { " (no difference: --superset)" } else { "" };
        format!(
            "{least}{} missing, {} changed, {} that only the destination has{extra}",
            all_counted(self.missing, "value", "values"),
            grouped(self.changed),
            grouped(self.extra),
        )
    }
}

/// What was looked at, and what was not.
fn sample_words(sampled: &SampledBatches) -> String {
    let SampledBatches { sample, chosen, of_batches } = *sampled;
    let batches = all_counted(of_batches, "batch", "batches");
    format!(
        "{} of {batches} that hold something, by --sample-seed {}; {} not looked at",
        grouped(chosen),
        sample.seed,
        grouped(of_batches - chosen),
    )
}

/// How many there are beside the first ones, which are named.
pub(super) fn more(all: u64, paper: Paper) -> Vec<String> {
    let more = all.saturating_sub(SUMMARY_RANGES_MAX as u64);
    if more == 0 {
        return Vec::new();
    }
    paper.entry("", &format!("and {}", counted(more, "more", "more")))
}

/// What differs, and of which series.
fn value_words(difference: &ValueDifference, evidence: EvidenceKind) -> [String; 2] {
    let ValueDifference { series, field, time, source, destination, .. } = difference;
    let at = if evidence == EvidenceKind::Spool { "in the spool" } else { "at the source" };
    let words = match (source, destination) {
        (Some(here), None) => format!("missing  {time} {} = {here}", Readable(field)),
        (here, Some(there)) => {
            let was = match here {
                Some(here) if here.kind() != there.kind() => {
                    let (here_kind, there_kind) = (here.kind().name(), there.kind().name());
                    format!(" ({there_kind}), {here} ({here_kind}) {at}")
                }
                Some(here) => format!(", {here} {at}"),
                None => String::new(),
            };
            let word = if here.is_some() { "changed" } else { "extra  " };
            format!("{word}  {time} {} = {there}{was}", Readable(field))
        }
        (None, None) => time.to_string(),
    };
    [words, series.to_string()]
}

/// What a comparison that was stopped has found, which nobody has looked at since.
pub(crate) fn resumed_words(resumed: &ResumedBatches) -> String {
    let ResumedBatches { batches, first, last, .. } = resumed;
    let batches = counted(*batches, "batch", "batches");
    format!("{batches} compared between {first} and {last} by a comparison that was stopped")
}

/// The same for programs.
pub(crate) fn resumed_json(resumed: &ResumedBatches) -> Value {
    let ResumedBatches { batches, values, first, last } = resumed;
    json!({
        "batches": batches,
        "values": values,
        "first": first.to_string(),
        "last": last.to_string(),
    })
}

fn sample_json(sampled: &SampledBatches) -> Value {
    let SampledBatches { sample, chosen, of_batches } = sampled;
    json!({
        "per_mille": sample.per_mille,
        "seed": sample.seed,
        "batches": chosen,
        "of_batches": of_batches,
        "not_looked_at": of_batches - chosen,
    })
}

/// A line of the file of `--report`.
pub(crate) fn value_line(difference: &ValueDifference, target: &DeleteTarget) -> String {
    json::line("difference", json::now(), value_json(difference, target))
}

fn value_json(difference: &ValueDifference, target: &DeleteTarget) -> Value {
    let ValueDifference { series, field, time, source, destination, delete } = difference;
    let delete = delete.as_ref().and_then(|delete| delete.as_ref().ok());
    let tags = series.tags.iter().map(|(key, value)| [schema_label(key), schema_label(value)]);
    let held = |value: &Option<HeldValue>| {
        value.as_ref().map(|value| {
            let exact = match value {
                HeldValue::String(bytes) => schema_label(bytes),
                other => other.to_string(),
            };
            json!({"type": value.kind().name(), "value": exact})
        })
    };
    let difference = match (source, destination) {
        (Some(_), None) => "missing",
        (None, _) => "extra",
        (Some(here), Some(there)) if here.kind() != there.kind() => "type",
        _ => "changed",
    };
    json!({
        "difference": difference,
        "at": time.to_string(),
        "measurement": schema_label(&series.measurement),
        "tags": tags.collect::<Vec<_>>(),
        "field": schema_label(field),
        "source": held(source),
        "destination": held(destination),
        "delete": delete.map(|delete| target.command(delete)),
    })
}
