//! What `export` wrote, as plain data, its screen and its JSON line.

use serde_json::json;

use crate::model::number::{self, counted};
use crate::model::series::{Name, Readable, schema_label};
use crate::model::time::{TimeRange, Timestamp};
use crate::report::json;
use crate::report::text::{Glyphs, Paper, clean, labelled};

/// An export that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportReport {
    /// The spool.
    pub place: String,
    /// The file.
    pub target: String,
    /// Name of the form.
    pub format: &'static str,
    /// Compressed.
    pub gzip: bool,
    /// Times.
    pub range: TimeRange,
    /// Why there is nothing to write, if so.
    pub nothing: Option<String>,
    /// What of the job is in the spool.
    pub complete: Timestamp,
    /// Where the job stops.
    pub wanted: Timestamp,
    /// Values written.
    pub values: u64,
    /// Lines of line protocol, or rows.
    pub lines: u64,
    /// Bytes of the text.
    pub bytes: u64,
    /// Bytes as they were written.
    pub written_bytes: u64,
    /// Values in another type than that of their field, at the end.
    pub conflict_values: u64,
    /// Their lines.
    pub conflict_lines: u64,
    /// Line feeds inside of lines.
    pub line_feeds: u64,
    /// Values that could not be staged.
    pub lacks: u64,
    /// Values that the form cannot carry.
    pub refused_values: u64,
    /// Those by reason.
    pub refused: Vec<ExportRefusals>,
    /// Those beyond that list.
    pub refused_more: u64,
}

/// Values that are not carried, of one reason, measurement and field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRefusals {
    /// Why.
    pub reason: String,
    /// Whose.
    pub measurement: Name,
    /// Which, if the reason lies in the field or its values.
    pub field: Option<Name>,
    /// How many.
    pub values: u64,
    /// The first one.
    pub first: String,
}

impl ExportReport {
    /// The screen.
    pub fn lines(&self, paper: Paper) -> Vec<String> {
        let Paper { glyphs, columns, .. } = paper;
        if let Some(why) = &self.nothing {
            let head = format!("NOTHING TO EXPORT  {}", self.place);
            let mut lines = vec![clean(&head, glyphs)];
            lines.extend(labelled(columns, "range", &self.range.to_string()));
            lines.extend(labelled(columns, "why", why));
            lines.extend(labelled(columns, "written", "no file"));
            return lines;
        }
        let mut lines =
            vec![clean(&format!("EXPORTED  {} -> {}", self.place, self.target), glyphs)];
        lines.extend(labelled(columns, "range", &self.range.to_string()));
        let values = counted(self.values, "value", "values");
        let held = format!("{values} in {}", counted(self.lines, "line", "lines"));
        lines.extend(labelled(columns, "holds", &format!("{held} of {}", self.format)));
        let packed = if self.gzip {
            format!(", compressed to {}", number::bytes(self.written_bytes))
        } else {
            String::new()
        };
        lines.extend(labelled(columns, "size", &format!("{}{packed}", number::bytes(self.bytes))));
        if self.refused_values > 0 {
            let refused = counted(self.refused_values, "value", "values");
            lines.extend(labelled(columns, "not carried", &refused));
        }
        lines
    }

    /// What the user should know besides.
    pub fn notes(&self, glyphs: Glyphs) -> Vec<String> {
        let mut notes = Vec::new();
        if self.complete < self.wanted {
            notes
                .push(format!("the spool is complete up to {}, of {}", self.complete, self.wanted));
        }
        if self.lacks > 0 {
            let lacks = counted(self.lacks, "value", "values");
            notes.push(format!("the spool lacks {lacks} that could not be staged"));
        }
        if self.conflict_values > 0 {
            notes.push(format!(
                "the last {} hold {} in another type than their field has before; a server refuses them in each shard \
                 group in which it has the field in another type",
                counted(self.conflict_lines, "line", "lines"),
                counted(self.conflict_values, "value", "values")
            ));
        }
        if self.line_feeds > 0 {
            notes.push(format!(
                "{} inside of values: the server reads them, but influx write cuts its requests there and drops empty \
                 lines; sluice load writes them as they are",
                counted(self.line_feeds, "line feed stands", "line feeds stand")
            ));
        }
        for refused in &self.refused {
            let field = refused.field.as_ref().map(|field| format!(" field {}", Readable(field)));
            let text = format!(
                "not carried: {} of {}{}: {} (the first: {})",
                counted(refused.values, "value", "values"),
                Readable(&refused.measurement),
                field.unwrap_or_default(),
                refused.reason,
                refused.first
            );
            notes.push(clean(&text, glyphs));
        }
        if self.refused_more > 0 {
            let more = counted(self.refused_more, "more value", "more values");
            notes.push(format!("not carried: {more} for other reasons"));
        }
        notes
    }

    /// The same for programs.
    pub fn json(&self) -> String {
        let refused = self.refused.iter().map(|refused| {
            json!({
                "measurement": schema_label(&refused.measurement),
                "field": refused.field.as_ref().map(|field| schema_label(field)),
                "values": refused.values,
                "reason": refused.reason,
                "first": refused.first,
            })
        });
        let body = json!({
            "spool": self.place,
            "result": if self.nothing.is_some() { "nothing_to_export" } else { "exported" },
            "target": self.target,
            "format": self.format,
            "gzip": self.gzip,
            "start": self.range.start.to_string(),
            "stop": self.range.stop.to_string(),
            "complete_to": self.complete.to_string(),
            "job_stop": self.wanted.to_string(),
            "values": self.values,
            "lines": self.lines,
            "bytes": self.bytes,
            "written_bytes": self.written_bytes,
            "conflict_values": self.conflict_values,
            "conflict_lines": self.conflict_lines,
            "line_feeds": self.line_feeds,
            "not_staged": self.lacks,
            "not_carried": self.refused_values,
            "not_carried_by_reason": refused.collect::<Vec<_>>(),
        });
        json::line("export", json::now(), body)
    }
}
