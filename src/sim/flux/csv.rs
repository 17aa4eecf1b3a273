//! Annotated CSV, byte for byte as the real encoder writes it, a piece at a time.

use std::io::Write as _;

use super::cell::{Datum, FluxColumn, Picked, RunCell, Segment};
use super::table::{FluxTable, Stream, StreamError};
use crate::sim::data::chunk::ColumnValues;
use crate::sim::go::text::{TimeText, json_string, push_float};
use crate::sim::http::rows::{RowStream, Step};

/// How the client wants its CSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) header: bool,
    pub(crate) delimiter: u8,
    /// `datatype`, `group`, `default`, in the order asked for.
    pub(crate) annotations: Vec<String>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { header: true, delimiter: b',', annotations: Vec::new() }
    }
}

/// Where in a table the encoder stands.
#[derive(Debug, Default)]
struct Position {
    result: usize,
    table: usize,
    segment: usize,
    row: usize,
    /// Whether the head of the table was dealt with.
    begun: bool,
}

/// Writes results one after the other, in steps.
#[derive(Debug)]
pub(crate) struct CsvAnswer {
    results: Vec<(Vec<u8>, Stream)>,
    dialect: Dialect,
    /// Path and query of the request, which a panic names.
    uri: String,
    at: Position,
    /// The current table if its rows had to be put together.
    built: Option<FluxTable>,
    last_columns: Option<Vec<FluxColumn>>,
    last_empty: bool,
    times: TimeText,
    rows_written: u64,
    bytes_written: bool,
    /// Ends the answer with an error table after this many rows.
    fail_after: Option<(u64, String)>,
    done: bool,
}

impl CsvAnswer {
    pub(super) fn new(results: Vec<(Vec<u8>, Stream)>, dialect: Dialect, uri: &str) -> Self {
        Self {
            results,
            dialect,
            uri: uri.to_owned(),
            at: Position::default(),
            built: None,
            last_columns: None,
            last_empty: false,
            times: TimeText::default(),
            rows_written: 0,
            bytes_written: false,
            fail_after: None,
            done: false,
        }
    }

    fn advance(&mut self, out: &mut Vec<u8>, target: usize) -> Step {
        if let Some((rows, message)) =
            self.fail_after.take_if(|(rows, _)| *rows <= self.rows_written)
        {
            let _ = rows;
            self.error_table(out, &message);
            return Step::Done;
        }
        let Some((_, stream)) = self.results.get(self.at.result) else { return Step::Done };
        let Some(table) = stream.tables.get(self.at.table) else {
            if let Some(error) = stream.error.clone() {
                self.error(out, &error);
                return Step::Done;
            }
            out.extend_from_slice(b"\r\n");
            self.at = Position { result: self.at.result + 1, ..Position::default() };
            self.last_columns = None;
            return if self.at.result < self.results.len() { Step::More } else { Step::Done };
        };
        if !self.at.begun {
            let built = table.built();
            let table = built.as_ref().unwrap_or(table);
            let mut head = Vec::new();
            self.table_head(&mut head, table);
            let (columns, empty) = (table.columns.clone(), table.rows() == 0);
            self.last_columns = Some(columns);
            self.last_empty = empty;
            self.built = built;
            self.at.begun = true;
            out.extend_from_slice(&head);
        } else if self.at.segment < self.built.as_ref().unwrap_or(table).segments.len() {
            self.rows(out, target);
        } else {
            self.built = None;
            self.at = Position {
                result: self.at.result,
                table: self.at.table + 1,
                ..Position::default()
            };
        }
        Step::More
    }

    fn wants(&self, annotation: &str) -> bool {
        self.dialect.annotations.iter().any(|wanted| wanted == annotation)
    }

    /// Annotations and header, where they are due.
    fn table_head(&self, out: &mut Vec<u8>, table: &FluxTable) {
        let empty = table.rows() == 0;
        let keyed = table.columns.iter().any(|column| column.key);
        let same = self.last_columns.as_ref() == Some(&table.columns)
            && keyed
            && !self.last_empty
            && !empty;
        if same {
            return;
        }
        if self.last_columns.is_some() {
            out.extend_from_slice(b"\r\n");
        }
        for annotation in &self.dialect.annotations {
            match annotation.as_str() {
                "datatype" => self.line(out, b"#datatype", b"string", b"long", table, |column| {
                    column.kind.annotation().into()
                }),
                "group" => self.line(out, b"#group", b"false", b"false", table, |column| {
                    column.key.to_string().into_bytes()
                }),
                _ => self.default_line(out, table, empty),
            }
        }
        if self.dialect.header {
            self.line(out, b"", b"result", b"table", table, |column| column.label.to_vec());
        }
    }

    fn line(
        &self,
        out: &mut Vec<u8>,
        first: &[u8],
        second: &[u8],
        third: &[u8],
        table: &FluxTable,
        cell: impl Fn(&FluxColumn) -> Vec<u8>,
    ) {
        let delimiter = self.dialect.delimiter;
        out.extend_from_slice(first);
        for text in
            [second.to_vec(), third.to_vec()].into_iter().chain(table.columns.iter().map(cell))
        {
            out.push(delimiter);
            push_field(out, &text, delimiter);
        }
        out.extend_from_slice(b"\r\n");
    }

    /// The result's name; for an empty table also its number and group key.
    fn default_line(&self, out: &mut Vec<u8>, table: &FluxTable, empty: bool) {
        let delimiter = self.dialect.delimiter;
        out.extend_from_slice(b"#default");
        out.push(delimiter);
        push_field(out, &self.results[self.at.result].0, delimiter);
        out.push(delimiter);
        if empty {
            let _ = write!(out, "{}", self.at.table);
        }
        out.extend(std::iter::repeat_n(delimiter, table.columns.len()));
        out.extend_from_slice(b"\r\n");
    }

    /// Rows of the current segment until `target` is reached. What does not vary is written once and copied.
    fn rows(&mut self, out: &mut Vec<u8>, target: usize) {
        let (name, stream) = &self.results[self.at.result];
        let table = self.built.as_ref().unwrap_or(&stream.tables[self.at.table]);
        let segment = &table.segments[self.at.segment];
        let name = if self.wants("default") { &[][..] } else { name };
        let pieces = pieces(segment, name, self.at.table, self.dialect.delimiter, &mut self.times);
        let first = segment.rows.start + self.at.row;
        let until = self.fail_after.as_ref().map_or(usize::MAX, |(rows, _)| {
            first.saturating_add(
                usize::try_from(rows.saturating_sub(self.rows_written)).unwrap_or(usize::MAX),
            )
        });
        let end = segment.rows.end.min(until);
        let mut row = first;
        while row < end && out.len() < target {
            for piece in &pieces {
                match piece {
                    Piece::Text(text) => out.extend_from_slice(text),
                    Piece::Time => self.times.push(out, segment.chunk.times[row]),
                    Piece::Value(values, behind) => {
                        let row = row.wrapping_add_signed(*behind);
                        push_value(out, values, row, self.dialect.delimiter);
                    }
                    Piece::Picked(picked) => {
                        if let Some((chunk, row)) = picked.place(row) {
                            push_value(out, &chunk.values, row, self.dialect.delimiter);
                        }
                    }
                }
            }
            row += 1;
        }
        self.rows_written += (row - first) as u64;
        self.at.row += row - first;
        if row == segment.rows.end {
            (self.at.segment, self.at.row) = (self.at.segment + 1, 0);
        }
    }

    fn error(&self, out: &mut Vec<u8>, error: &StreamError) {
        match error {
            StreamError::Fails { message, .. } => self.error_table(out, message),
            StreamError::Panics { text, .. } => {
                out.extend_from_slice(panic_json(&self.uri, text).as_bytes());
            }
        }
    }

    fn error_table(&self, out: &mut Vec<u8>, message: &str) {
        let delimiter = self.dialect.delimiter;
        if self.bytes_written || !out.is_empty() {
            out.extend_from_slice(b"\r\n");
        }
        let mut line = |cells: &[&[u8]]| {
            for (place, cell) in cells.iter().enumerate() {
                if place > 0 {
                    out.push(delimiter);
                }
                push_field(out, cell, delimiter);
            }
            out.extend_from_slice(b"\r\n");
        };
        for annotation in &self.dialect.annotations {
            match annotation.as_str() {
                "datatype" => line(&[b"#datatype", b"string", b"string"]),
                "group" => line(&[b"#group", b"true", b"true"]),
                _ => line(&[b"#default", b"", b""]),
            }
        }
        line(&[b"", b"error", b"reference"]);
        line(&[b"", message.as_bytes(), b""]);
    }
}

impl RowStream for CsvAnswer {
    /// Makes the answer end with an error table after `rows` rows, or at once if more were sent.
    fn fail_after(&mut self, rows: u64, message: &str) {
        self.fail_after = Some((rows, message.to_owned()));
    }

    fn step(&mut self, out: &mut Vec<u8>, limit: usize) -> Step {
        let target = out.len() + limit;
        while !self.done && out.len() < target {
            let before = out.len();
            self.done = self.advance(out, target) == Step::Done;
            self.bytes_written |= out.len() > before;
        }
        if self.done { Step::Done } else { Step::More }
    }

    fn flushes(&self) -> bool {
        true
    }
}

/// The JSON of a query whose encoder panicked.
pub(super) fn panic_json(uri: &str, text: &str) -> String {
    let message = json_string(format!("a panic has occurred: {uri}: {text}").as_bytes());
    format!("{{\"code\":\"internal error\",\"message\":{message}}}")
}

/// What one row consists of.
enum Piece<'a> {
    Text(Vec<u8>),
    Time,
    Value(&'a ColumnValues, isize),
    Picked(&'a Picked),
}

fn pieces<'a>(
    segment: &'a Segment,
    name: &[u8],
    table: usize,
    delimiter: u8,
    times: &mut TimeText,
) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut text = vec![delimiter];
    push_field(&mut text, name, delimiter);
    text.push(delimiter);
    let _ = write!(text, "{table}");
    for cell in &segment.cells {
        text.push(delimiter);
        let piece = match cell {
            RunCell::Same(datum) => {
                push_datum(&mut text, datum, delimiter, times);
                continue;
            }
            RunCell::Time => Piece::Time,
            RunCell::Value => Piece::Value(&segment.chunk.values, 0),
            RunCell::Beside(chunk, behind) => Piece::Value(&chunk.values, *behind),
            RunCell::Picked(picked) => Piece::Picked(picked),
        };
        pieces.push(Piece::Text(std::mem::take(&mut text)));
        pieces.push(piece);
    }
    text.extend_from_slice(b"\r\n");
    pieces.push(Piece::Text(text));
    pieces
}

fn push_datum(out: &mut Vec<u8>, datum: &Datum, delimiter: u8, times: &mut TimeText) {
    match datum {
        Datum::Null => {}
        Datum::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Datum::Integer(value) => {
            out.extend_from_slice(itoa::Buffer::new().format(*value).as_bytes());
        }
        Datum::Unsigned(value) => {
            out.extend_from_slice(itoa::Buffer::new().format(*value).as_bytes());
        }
        Datum::Float(value) => push_float(out, *value),
        Datum::String(text) => push_field(out, text, delimiter),
        Datum::Time(ns) => times.push(out, *ns),
    }
}

fn push_value(out: &mut Vec<u8>, values: &ColumnValues, row: usize, delimiter: u8) {
    match values {
        ColumnValues::Float(v) => push_float(out, v[row]),
        ColumnValues::Integer(v) => {
            out.extend_from_slice(itoa::Buffer::new().format(v[row]).as_bytes());
        }
        ColumnValues::Unsigned(v) => {
            out.extend_from_slice(itoa::Buffer::new().format(v[row]).as_bytes());
        }
        ColumnValues::Boolean(v) => out.extend_from_slice(if v[row] { b"true" } else { b"false" }),
        ColumnValues::String(v) => push_field(out, &v[row], delimiter),
    }
}

/// A field quoted as Go's CSV writer quotes it: inside quotes LF becomes CRLF, and CR is dropped.
fn push_field(out: &mut Vec<u8>, text: &[u8], delimiter: u8) {
    if !needs_quotes(text, delimiter) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\"\""),
            b'\n' => out.extend_from_slice(b"\r\n"),
            b'\r' => {}
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

fn needs_quotes(text: &[u8], delimiter: u8) -> bool {
    if text.is_empty() {
        return false;
    }
    if text == b"\\."
        || text.iter().any(|&byte| byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r'))
    {
        return true;
    }
    let first = text.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
    first.is_some_and(char::is_whitespace)
}
