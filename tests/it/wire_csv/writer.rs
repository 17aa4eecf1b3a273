//! A writer of Flux annotated CSV: what the server sends, in the plainest code.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use sluice::model::frame::FieldType;
use sluice::model::series::{Name, Series};
use sluice::model::time::Timestamp;

use crate::support::golden::Value;

/// One table: values of one series and field.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) series: Series,
    pub(super) field: Name,
    pub(super) kind: FieldType,
    pub(super) rows: Vec<(i64, Value)>,
}

/// How the tables are written.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) field_label: &'static str,
    /// With `_start` and `_stop`.
    pub(super) bounds: bool,
    /// Columns in another order for each seed; 0 is the server's.
    pub(super) shuffle: u64,
    /// All tag keys in every table, absent ones empty.
    pub(super) wide: bool,
}

struct Column {
    label: Vec<u8>,
    datatype: &'static str,
    group: bool,
}

/// The bytes of the answer.
pub(super) fn write(tables: &[Table], form: &Form) -> Vec<u8> {
    let mut body = Vec::new();
    let mut block = Vec::new();
    for (id, table) in tables.iter().enumerate() {
        let columns = columns(table, tables, form);
        let mut header = Vec::new();
        let annotation = |name: &str, first: [&str; 2], text: &dyn Fn(&Column) -> Vec<u8>| {
            let mut cells = vec![name.as_bytes().to_vec(), first[0].into(), first[1].into()];
            cells.extend(columns.iter().map(text));
            cells
        };
        header.extend(row(&annotation("#datatype", ["string", "long"], &|column| {
            column.datatype.into()
        })));
        header.extend(row(&annotation("#group", ["false", "false"], &|column| {
            column.group.to_string().into()
        })));
        header.extend(row(&annotation("#default", ["_result", ""], &|_| Vec::new())));
        header.extend(row(&annotation("", ["result", "table"], &|column| column.label.clone())));
        if header != block {
            if id > 0 {
                body.extend(b"\r\n");
            }
            body.extend(&header);
            block = header;
        }
        for (time, value) in &table.rows {
            let mut cells = vec![Vec::new(), Vec::new(), id.to_string().into()];
            cells.extend(columns.iter().map(|column| cell(column, table, *time, value, form)));
            body.extend(row(&cells));
        }
    }
    body.extend(b"\r\n");
    body
}

fn columns(table: &Table, tables: &[Table], form: &Form) -> Vec<Column> {
    let datatype = match table.kind {
        FieldType::Float => "double",
        FieldType::Integer => "long",
        FieldType::Unsigned => "unsignedLong",
        FieldType::Boolean => "boolean",
        FieldType::String => "string",
    };
    let column = |label: &[u8], datatype, group| Column { label: label.to_vec(), datatype, group };
    let mut columns = Vec::new();
    if form.bounds {
        columns.push(column(b"_start", "dateTime:RFC3339", true));
        columns.push(column(b"_stop", "dateTime:RFC3339", true));
    }
    columns.push(column(b"_time", "dateTime:RFC3339", false));
    columns.push(column(b"_value", datatype, false));
    let owners: Vec<&Table> = if form.wide { tables.iter().collect() } else { vec![table] };
    let mut keys: Vec<&[u8]> =
        owners.iter().flat_map(|table| &table.series.tags).map(|(key, _)| &**key).collect();
    keys.extend([&b"_measurement"[..], form.field_label.as_bytes()]);
    keys.sort_unstable();
    keys.dedup();
    columns.extend(keys.into_iter().map(|key| column(key, "string", true)));
    if form.shuffle != 0 {
        columns.sort_by_cached_key(|column| {
            let mut hasher = DefaultHasher::new();
            (form.shuffle, &column.label).hash(&mut hasher);
            hasher.finish()
        });
    }
    columns
}

fn cell(column: &Column, table: &Table, time: i64, value: &Value, form: &Form) -> Vec<u8> {
    match &*column.label {
        b"_start" => b"2000-01-01T00:00:00Z".to_vec(),
        b"_stop" => b"2100-01-01T00:00:00Z".to_vec(),
        b"_time" => Timestamp::from_ns(time).to_string().into(),
        b"_value" => text(value),
        b"_measurement" => table.series.measurement.to_vec(),
        label if label == form.field_label.as_bytes() => table.field.to_vec(),
        label => table
            .series
            .tags
            .iter()
            .find(|(key, _)| **key == *label)
            .map(|(_, value)| value.to_vec())
            .unwrap_or_default(),
    }
}

fn text(value: &Value) -> Vec<u8> {
    let mut text = String::new();
    match value {
        Value::Float(bits) => write!(text, "{}", f64::from_bits(*bits)).unwrap(),
        Value::Integer(value) => write!(text, "{value}").unwrap(),
        Value::Unsigned(value) => write!(text, "{value}").unwrap(),
        Value::Boolean(value) => write!(text, "{value}").unwrap(),
        Value::Text(value) => return value.to_vec(),
    }
    text.into()
}

/// One row as Go's CSV writer writes it with CRLF.
fn row(cells: &[Vec<u8>]) -> Vec<u8> {
    let mut row = Vec::new();
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            row.push(b',');
        }
        if !needs_quotes(cell) {
            row.extend(cell);
            continue;
        }
        row.push(b'"');
        for byte in cell {
            match byte {
                b'"' => row.extend(b"\"\""),
                b'\n' => row.extend(b"\r\n"),
                b'\r' => {}
                _ => row.push(*byte),
            }
        }
        row.push(b'"');
    }
    row.extend(b"\r\n");
    row
}

fn needs_quotes(cell: &[u8]) -> bool {
    let begins_with_space =
        String::from_utf8_lossy(cell).chars().next().is_some_and(char::is_whitespace);
    cell == b"\\." || begins_with_space || cell.iter().any(|byte| b",\"\r\n".contains(byte))
}
