//! A writer of Flux annotated CSV: what the server sends, in the plainest code.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use sluice::testing::model::frame::FieldType;
use sluice::testing::model::series::{Name, Series};
use sluice::testing::model::time::Timestamp;

use crate::support::golden::Value;
use crate::support::random::{Content, tag_of};

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
    /// These tags only, and no measurement.
    pub(super) keys: Option<Vec<Name>>,
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

/// A pivoted answer: a table for each series with a column for each field that it has, rows in an order that the seed tells.
pub(super) fn write_pivoted(content: &Content, form: &Form) -> Vec<u8> {
    let mut body = Vec::new();
    let mut block = Vec::new();
    for (id, (series, rows)) in content.series.iter().enumerate() {
        let mut columns = vec![(b"_time".to_vec(), "dateTime:RFC3339", false)];
        match &form.keys {
            None => columns.push((b"_measurement".to_vec(), "string", true)),
            Some(_) => assert!(!form.bounds),
        }
        if form.bounds {
            columns.push((b"_start".to_vec(), "dateTime:RFC3339", true));
        }
        let is_kept = |key: &Name| form.keys.as_ref().is_none_or(|kept| kept.contains(key));
        let owners: Vec<_> = if form.wide { content.series.keys().collect() } else { vec![series] };
        let mut tags: Vec<_> =
            owners.iter().flat_map(|series| &series.tags).map(|tag| &tag.0).collect();
        tags.sort();
        tags.dedup();
        columns.extend(
            tags.into_iter().filter(|key| is_kept(key)).map(|key| (key.to_vec(), "string", true)),
        );
        let fields: BTreeSet<_> = rows.values().flat_map(BTreeMap::keys).collect();
        let fields: Vec<_> = fields
            .into_iter()
            .map(|field| (field.to_vec(), datatype(content.types[field]), false))
            .collect();
        columns.extend(fields);
        if form.shuffle != 0 {
            columns.sort_by_cached_key(|column| hash(&(form.shuffle, &column.0)));
        }
        let cells = |first: [&str; 3], text: &dyn Fn(&(Vec<u8>, &'static str, bool)) -> Vec<u8>| {
            let first = first.iter().map(|text| text.as_bytes().to_vec());
            row(&first.chain(columns.iter().map(text)).collect::<Vec<_>>())
        };
        let header = [
            cells(["#datatype", "string", "long"], &|column| column.1.into()),
            cells(["#group", "false", "false"], &|column| column.2.to_string().into()),
            cells(["#default", "_result", ""], &|_| Vec::new()),
            cells(["", "result", "table"], &|column| column.0.clone()),
        ]
        .concat();
        if header != block {
            if id > 0 {
                body.extend(b"\r\n");
            }
            body.extend(&header);
            block = header;
        }
        let mut ordered: Vec<_> = rows.iter().collect();
        if form.shuffle != 0 {
            ordered.sort_by_cached_key(|(time, _)| hash(&(form.shuffle, time)));
        }
        for (time, values) in ordered {
            body.extend(cells(["", "", &id.to_string()], &|(label, _, is_group)| match &**label {
                b"_time" => Timestamp::from_ns(*time).to_string().into(),
                b"_start" => b"2000-01-01T00:00:00Z".to_vec(),
                b"_measurement" if *is_group => content.measurement.to_vec(),
                label if *is_group => tag_of(series, label).to_vec(),
                label => values.get(label).map(text).unwrap_or_default(),
            }));
        }
    }
    body.extend(b"\r\n");
    body
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn datatype(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Float => "double",
        FieldType::Integer => "long",
        FieldType::Unsigned => "unsignedLong",
        FieldType::Boolean => "boolean",
        FieldType::String => "string",
    }
}

fn columns(table: &Table, tables: &[Table], form: &Form) -> Vec<Column> {
    let datatype = datatype(table.kind);
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
    match &form.keys {
        None => keys.push(b"_measurement"),
        Some(kept) => keys.retain(|key| kept.iter().any(|kept| **kept == **key)),
    }
    keys.push(form.field_label.as_bytes());
    keys.sort_unstable();
    keys.dedup();
    columns.extend(keys.into_iter().map(|key| column(key, "string", true)));
    if form.shuffle != 0 {
        columns.sort_by_cached_key(|column| hash(&(form.shuffle, &column.label)));
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
