//! What the commands on a spool found, as plain data, their screens and JSON lines.

use serde_json::{Value, json};

use crate::model::number::{self, counted};
use crate::model::series::{Name, Readable, schema_label};
use crate::model::time::{TimeRange, Timestamp};
use crate::model::time_type::TimeType;
use crate::report::json;
use crate::report::table::{TableHead, TableLayout};
use crate::report::text::{Color, Paper, clean, labelled, width};
use crate::spool::compact::Compacted;
use crate::spool::proof::Proof;
use crate::spool::tables::{Role, TableColumn};

/// The columns behind the names, and the order in which they leave.
const HEADS: [TableHead; 5] = [
    TableHead::right("VALUES", 10),
    TableHead::right("ROWS", 10).leaves(2),
    TableHead::right("FILES", 10).leaves(3),
    TableHead::right("BYTES", 10),
    TableHead::right("B/VALUE", 10).leaves(1),
];

/// `spool verify`.
#[derive(Debug)]
pub(crate) struct ProofReport {
    /// The spool.
    pub place: String,
    /// What is complete.
    pub range: TimeRange,
    /// What was proved.
    pub proof: Proof,
}

impl ProofReport {
    /// Everything that is wrong.
    pub(crate) fn findings(&self) -> u64 {
        self.proof.findings.len() as u64 + self.proof.more
    }

    fn headline(&self, paper: Paper) -> String {
        let (word, color) = match self.findings() {
            0 => ("WHOLE", Color::Green),
            _ => ("NOT WHOLE", Color::Red),
        };
        format!("{}  {}", paper.paint(color, word), clean(&self.place, paper.glyphs))
    }

    fn damage(&self, paper: Paper) -> Vec<String> {
        let told = self.proof.findings.iter().map(ToString::to_string);
        let more = self.proof.more;
        let more = (more > 0).then(|| format!("{} more", number::grouped(more)));
        let line = |text: String| labelled(paper.columns, "DAMAGE", &clean(&text, paper.glyphs));
        told.chain(more).flat_map(line).collect()
    }

    /// What somebody may have to act on.
    pub(crate) fn quiet_lines(&self, paper: Paper) -> Vec<String> {
        std::iter::once(self.headline(paper)).chain(self.damage(paper)).collect()
    }

    /// The screen.
    pub(crate) fn lines(&self, paper: Paper) -> Vec<String> {
        let columns = paper.columns;
        let proof = &self.proof;
        let mut lines = vec![self.headline(paper)];
        lines.extend(labelled(columns, "range", &self.range.to_string()));
        let files = counted(proof.files, "file", "files");
        lines.extend(labelled(
            columns,
            "read",
            &format!("{files}, {}", number::bytes(proof.bytes)),
        ));
        let mut proved = vec![
            format!(
                "{}, {}: bytes and content as the manifest says",
                counted(proof.values, "value", "values"),
                counted(proof.rows, "row", "rows")
            ),
            format!(
                "{}: content as it was read from the source",
                counted(proof.batches, "record of batches", "records of batches")
            ),
        ];
        if proof.batches_merged > 0 {
            let merged = counted(proof.batches_merged, "of them shares", "of them share");
            proved.push(format!("{merged} files with others and are proved as a sum"));
        }
        for (at, text) in proved.iter().enumerate() {
            lines.extend(labelled(columns, if at == 0 { "proved" } else { "" }, text));
        }
        if proof.leftovers > 0 {
            let files = counted(proof.leftovers, "file", "files");
            let text = format!("{files} of a run that was stopped; no part of the spool");
            lines.extend(labelled(columns, "left over", &text));
        }
        lines.extend(self.damage(paper));
        lines
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> String {
        let proof = &self.proof;
        let body = json!({
            "spool": self.place,
            "whole": self.findings() == 0,
            "start": self.range.start.to_string(),
            "complete_to": self.range.stop.to_string(),
            "files": proof.files,
            "bytes": proof.bytes,
            "rows": proof.rows,
            "values": proof.values,
            "batches": proof.batches,
            "batches_merged": proof.batches_merged,
            "leftovers": proof.leftovers,
            "findings": proof.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "findings_more": proof.more,
        });
        json::line("spool_proof", json::now(), body)
    }
}

/// `spool compact`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CompactReport {
    /// The spool.
    pub place: String,
    /// What was merged.
    pub compacted: Compacted,
    /// Files and bytes of the whole spool before.
    pub before: (u64, u64),
    /// The same after.
    pub after: (u64, u64),
    /// Values of the whole spool.
    pub values: u64,
}

impl CompactReport {
    /// The screen.
    pub(crate) fn lines(&self, paper: Paper) -> Vec<String> {
        let Paper { glyphs, columns, .. } = paper;
        let whole = |(files, bytes): (u64, u64)| {
            format!(
                "{}, {}, {} B/value",
                counted(files, "file", "files"),
                number::bytes(bytes),
                number::ratio_fine(bytes, self.values)
            )
        };
        let Compacted { files_before, files_after, bytes_before, bytes_after } = self.compacted;
        let merged = match files_before {
            0 => "nothing: no files of one measurement and month are small".to_owned(),
            _ => format!(
                "{} of {} into {} of {}",
                counted(files_before, "file", "files"),
                number::bytes(bytes_before),
                number::count(files_after),
                number::bytes(bytes_after)
            ),
        };
        let mut lines = vec![clean(&format!("COMPACTED  {}", self.place), glyphs)];
        lines.extend(labelled(columns, "merged", &merged));
        lines.extend(labelled(columns, "before", &whole(self.before)));
        lines.extend(labelled(columns, "after", &whole(self.after)));
        lines
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> String {
        let body = json!({
            "spool": self.place,
            "merged_files_before": self.compacted.files_before,
            "merged_files_after": self.compacted.files_after,
            "merged_bytes_before": self.compacted.bytes_before,
            "merged_bytes_after": self.compacted.bytes_after,
            "files_before": self.before.0,
            "files_after": self.after.0,
            "bytes_before": self.before.1,
            "bytes_after": self.after.1,
            "values": self.values,
        });
        json::line("spool_compact", json::now(), body)
    }
}

/// `spool describe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpoolReport {
    /// The spool.
    pub place: String,
    /// Address of the source.
    pub host: String,
    /// Its organization and bucket.
    pub source: (String, String),
    /// What of the bucket was staged, in words; none if all of it.
    pub filter: Option<String>,
    /// What is complete.
    pub range: TimeRange,
    /// Where the job stops.
    pub wanted: Timestamp,
    /// Length of the source's shard groups.
    pub shard_group_ns: Option<i64>,
    /// Values that could not be staged.
    pub rejected: u64,
    /// By name.
    pub measurements: Vec<SpoolMeasurement>,
}

/// A measurement of a spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpoolMeasurement {
    /// Its name.
    pub name: Name,
    /// Its folder below `data`.
    pub folder: String,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows.
    pub rows: u64,
    /// Values.
    pub values: u64,
    /// Of which in another type than their field has in `data`.
    pub conflicts: u64,
    /// Times of the first and the last value.
    pub times: (Timestamp, Timestamp),
    /// Columns in `data`.
    pub columns: Vec<TableColumn>,
    /// Fields in `conflicts`.
    pub conflict_columns: Vec<TableColumn>,
}

impl SpoolReport {
    fn sum(&self, of: impl Fn(&SpoolMeasurement) -> u64) -> u64 {
        self.measurements.iter().map(of).sum()
    }

    /// The screen.
    pub(crate) fn lines(&self, paper: Paper) -> Vec<String> {
        let Paper { glyphs, columns, .. } = paper;
        let mut lines = vec![clean(&format!("SPOOL  {}", self.place), glyphs)];
        let (org, bucket) = &self.source;
        let source = format!("{org}/{bucket} at {}", self.host);
        lines.extend(labelled(columns, "of", &clean(&source, glyphs)));
        if let Some(filter) = &self.filter {
            lines.extend(labelled(columns, "only", &clean(filter, glyphs)));
        }
        lines.extend(labelled(columns, "range", &self.range.to_string()));
        if self.range.stop < self.wanted {
            lines.extend(labelled(
                columns,
                "incomplete",
                &format!("the job stops at {}", self.wanted),
            ));
        }
        let (bytes, values) = (self.sum(|row| row.bytes), self.sum(|row| row.values));
        let holds = [
            counted(values, "value", "values"),
            counted(self.sum(|row| row.rows), "row", "rows"),
            counted(self.sum(|row| row.files), "file", "files"),
            number::bytes(bytes),
            format!("{} B/value", number::ratio_fine(bytes, values)),
        ];
        lines.extend(labelled(columns, "holds", &holds.join(", ")));
        let conflicts = self.sum(|row| row.conflicts);
        if conflicts > 0 {
            let text = format!("{} in another type", counted(conflicts, "value", "values"));
            lines.extend(labelled(columns, "conflicts", &text));
        }
        if self.rejected > 0 {
            let text = counted(self.rejected, "value", "values");
            lines.extend(labelled(
                columns,
                "rejected",
                &format!("{text} that could not be staged"),
            ));
        }
        if !self.measurements.is_empty() {
            let names = self.measurements.iter().map(|row| width(&row.shown_name(paper)));
            let widest = names.max().unwrap_or(0);
            let table = TableLayout::new(columns, ("MEASUREMENT", 20, 30), widest, &HEADS);
            lines.push(table.head());
            self.measurements.iter().for_each(|row| row.lines(paper, &table, &mut lines));
        }
        lines
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> String {
        let body = json!({
            "spool": self.place,
            "source_host": self.host,
            "source_org": self.source.0,
            "source_bucket": self.source.1,
            "filter": self.filter,
            "start": self.range.start.to_string(),
            "complete_to": self.range.stop.to_string(),
            "job_stop": self.wanted.to_string(),
            "shard_group_ns": self.shard_group_ns,
            "values": self.sum(|row| row.values),
            "rows": self.sum(|row| row.rows),
            "files": self.sum(|row| row.files),
            "bytes": self.sum(|row| row.bytes),
            "conflicts": self.sum(|row| row.conflicts),
            "rejected": self.rejected,
            "measurements": self.measurements.iter().map(SpoolMeasurement::json).collect::<Vec<_>>(),
        });
        json::line("spool", json::now(), body)
    }
}

impl SpoolMeasurement {
    fn shown_name(&self, paper: Paper) -> String {
        clean(&Readable(&self.name).to_string(), paper.glyphs)
    }

    fn lines(&self, paper: Paper, table: &TableLayout<'_>, lines: &mut Vec<String>) {
        let cells = [
            number::count(self.values),
            number::count(self.rows),
            number::count(self.files),
            number::bytes(self.bytes),
            number::ratio_fine(self.bytes, self.values),
        ];
        lines.push(table.row(&self.shown_name(paper), &cells));
        let mut part = |label: &str, text: &str| {
            lines.extend(paper.entry(label, text));
        };
        part("from", &format!("{} to {}", self.times.0, self.times.1));
        for (label, columns, is_field) in [
            ("tags", &self.columns, false),
            ("fields", &self.columns, true),
            ("conflicts", &self.conflict_columns, true),
        ] {
            let names = columns.iter().filter_map(|column| match column.role {
                Role::Tag if !is_field => Some(Readable(&column.name).to_string()),
                Role::Field(kind) if is_field => {
                    Some(format!("{} ({})", Readable(&column.name), kind.name()))
                }
                _ => None,
            });
            let names: Vec<_> = names.collect();
            if !names.is_empty() {
                part(label, &names.join(", "));
            }
        }
    }

    fn json(&self) -> Value {
        let columns = |columns: &[TableColumn]| columns.iter().map(column_json).collect::<Vec<_>>();
        json!({
            "measurement": schema_label(&self.name),
            "folder": self.folder,
            "values": self.values,
            "rows": self.rows,
            "files": self.files,
            "bytes": self.bytes,
            "conflicts": self.conflicts,
            "first": self.times.0.to_string(),
            "last": self.times.1.to_string(),
            "columns": columns(&self.columns),
            "conflict_columns": columns(&self.conflict_columns),
        })
    }
}

fn column_json(column: &TableColumn) -> Value {
    let (role, kind) = match column.role {
        Role::Time(TimeType::NsUtc) => ("time", "timestamp ns utc"),
        Role::Time(TimeType::UsUtc) => ("time", "timestamp us utc"),
        Role::Time(TimeType::I64) => ("time", "integer ns since 1970"),
        Role::Tag => ("tag", "string"),
        Role::Field(kind) => ("field", kind.name()),
    };
    json!({
        "column": column.label,
        "name": schema_label(&column.name),
        "role": role,
        "type": kind,
        "utf8": !column.binary,
    })
}
