//! Frames to annotated CSV in the form that `influx write --format csv` turns into the same points.
//!
//! ```text
//! #datatype,measurement,tag,long,string,dateTime:number
//! ,_measurement,host,f,s,_time
//! ,cpu,a,1,x,1640995200000000000
//! ```
//!
//! Each column says whether it is a tag or a field and of which type, so nothing is guessed. That reader takes an empty
//! cell for an absent value and four labels for its own ([`RESERVED`]). What such a table cannot hold, empty strings
//! and fields of these names, stands in a second table for each frame that names the field in a cell and has its value as
//! a piece of line protocol:
//!
//! ```text
//! #datatype,measurement,tag,string,field,dateTime:number
//! ,_measurement,host,_field,_value,_time
//! ,cpu,a,s,"""""",1640995200000000000
//! ```
//!
//! In the end the reader sends line protocol, so it carries nothing that line protocol does not
//! ([`carry`](crate::wire::line::carry)), and it cuts its requests at any line feed, inside of a value too: values with
//! line feeds are left out here.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray as _};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampNanosecondType, UInt64Type};
use memchr::{memchr, memchr3};

use crate::model::frame::{FieldType, Frame};
use crate::model::series::{Name, Series};
use crate::model::time::Timestamp;
use crate::wire::line::carry::{self, Balance};
use crate::wire::line::escape;

/// Labels that the reader takes for its own, whatever the column is said to be.
pub const RESERVED: [&[u8]; 4] = [b"_measurement", b"_time", b"_field", b"_value"];

/// Why `influx write --format csv` cannot carry something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Uncarried {
    /// Line protocol cannot.
    #[error(transparent)]
    Line(carry::Uncarried),
    /// The reader of the CSV cuts its requests there.
    #[error("a line feed, which influx write does not pass on")]
    LineFeed,
    /// One of [`RESERVED`], or nothing but spaces.
    #[error("a tag key that influx write takes for its own")]
    TagLabel,
    /// The reader has no escape for it.
    #[error("the field key holds a backslash before a quote")]
    FieldKeyQuote,
}

impl From<carry::Uncarried> for Uncarried {
    fn from(reason: carry::Uncarried) -> Self {
        Self::Line(reason)
    }
}

/// Values that are not carried, all for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Their series.
    pub series: Arc<Series>,
    /// Their field; `None` if series or time are the reason.
    pub field: Option<Name>,
    /// Time of the first of them.
    pub time: Timestamp,
    /// How many.
    pub values: u64,
    /// Why.
    pub reason: Uncarried,
}

/// What a frame became.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Encoded {
    /// Rows of the CSV, without headers.
    pub rows: u64,
    /// Values in them.
    pub values: u64,
}

/// Turns frames into tables.
#[derive(Debug, Default)]
pub struct Encoder {
    /// The header of the table that is open.
    header: Vec<u8>,
    /// Rows of the second table of a frame.
    odd: Vec<u8>,
    piece: Vec<u8>,
}

impl Encoder {
    /// Appends the frame to `out`.
    ///
    /// # Panics
    ///
    /// If the columns of the frame are not of the types that [`Frame`] promises.
    pub fn push(
        &mut self,
        frame: &Frame,
        out: &mut Vec<u8>,
        rejected: &mut Vec<Rejected>,
    ) -> Encoded {
        let runs = Run::all(frame);
        let tags: BTreeSet<&Name> =
            runs.iter().filter(|run| run.verdict.is_ok()).flat_map(Run::tags).collect();
        let columns = Column::all(frame);
        let wide: Vec<&Column<'_>> = columns.iter().filter(|column| column.is_wide).collect();
        let header = header(&tags, &wide);
        let mut encoded = Encoded::default();
        self.odd.clear();
        for run in &runs {
            let balance = match run.verdict {
                Ok(balance) => balance,
                Err(reason) => {
                    run.reject(&columns, reason, rejected);
                    continue;
                }
            };
            let verdicts = columns.iter().map(|column| column.judge(run, balance));
            let verdicts: Vec<_> = verdicts.collect();
            let rows =
                Rows { run, columns: &columns, verdicts: &verdicts, prefix: prefix(run, &tags) };
            for row in run.rows.clone() {
                self.row(&rows, row, &header, out, rejected, &mut encoded);
            }
        }
        if !self.odd.is_empty() {
            self.begin(&odd_header(&tags), out);
            out.append(&mut self.odd);
        }
        encoded
    }

    /// Begins a table unless it is the one that is open.
    fn begin(&mut self, header: &[u8], out: &mut Vec<u8>) {
        if self.header != header {
            if !self.header.is_empty() {
                out.push(b'\n');
            }
            out.extend_from_slice(header);
            header.clone_into(&mut self.header);
        }
    }

    fn row(
        &mut self,
        rows: &Rows<'_>,
        row: usize,
        header: &[u8],
        out: &mut Vec<u8>,
        rejected: &mut Vec<Rejected>,
        encoded: &mut Encoded,
    ) {
        let time = rows.run.time(row);
        if let Err(reason) = carry::time(time) {
            rows.run.reject_rows(row..row + 1, rows.columns, reason.into(), rejected);
            return;
        }
        let mut cells = std::mem::take(&mut self.piece);
        cells.clear();
        let mut values = 0;
        for (column, verdict) in rows.columns.iter().zip(rows.verdicts) {
            if column.is_wide {
                cells.push(b',');
            }
            if column.array.is_null(row) {
                continue;
            }
            let odd = !column.is_wide || column.is_empty_string(row);
            let first = odd || values == 0;
            let blank = Err(carry::Uncarried::FieldKeyBlank.into());
            let verdict = verdict.and_then(|()| column.judge_value(row));
            let verdict = if first && !column.may_be_first { verdict.and(blank) } else { verdict };
            match verdict {
                Err(reason) => rejected.push(rows.run.rejected(row, Some(column), 1, reason)),
                Ok(()) if odd => {
                    self.odd.extend_from_slice(&rows.prefix);
                    self.odd.push(b',');
                    cell(&mut self.odd, column.name);
                    self.odd.push(b',');
                    column.literal(row, &mut self.odd);
                    end(&mut self.odd, time);
                    encoded.rows += 1;
                    encoded.values += 1;
                }
                Ok(()) => {
                    column.append(row, &mut cells);
                    values += 1;
                }
            }
        }
        if values > 0 {
            self.begin(header, out);
            out.extend_from_slice(&rows.prefix);
            out.extend_from_slice(&cells);
            end(out, time);
            encoded.rows += 1;
            encoded.values += values;
        }
        self.piece = cells;
    }
}

/// The rows of one series.
struct Rows<'a> {
    run: &'a Run<'a>,
    columns: &'a [Column<'a>],
    verdicts: &'a [Result<(), Uncarried>],
    /// The cells before the fields.
    prefix: Vec<u8>,
}

/// Rows of one series, judged.
struct Run<'a> {
    series: &'a Arc<Series>,
    times: &'a [i64],
    rows: Range<usize>,
    key_bytes: usize,
    verdict: Result<Balance, Uncarried>,
}

impl<'a> Run<'a> {
    fn all(frame: &'a Frame) -> Vec<Self> {
        let times = frame.batch.column(0).as_primitive::<TimestampNanosecondType>().values();
        let (mut runs, mut row, mut key) = (Vec::with_capacity(frame.runs.len()), 0, Vec::new());
        for run in &frame.runs {
            key.clear();
            escape::series(&mut key, &run.series);
            runs.push(Self {
                series: &run.series,
                times,
                rows: row..run.end_row,
                key_bytes: key.len(),
                verdict: judge(&run.series, &key),
            });
            row = run.end_row;
        }
        runs
    }

    fn tags(&self) -> impl Iterator<Item = &'a Name> {
        self.series.tags.iter().map(|(name, _)| name)
    }

    fn time(&self, row: usize) -> Timestamp {
        Timestamp::from_ns(self.times[row])
    }

    fn reject(&self, columns: &[Column<'_>], reason: Uncarried, rejected: &mut Vec<Rejected>) {
        self.reject_rows(self.rows.clone(), columns, reason, rejected);
    }

    /// All values of these rows.
    fn reject_rows(
        &self,
        rows: Range<usize>,
        columns: &[Column<'_>],
        reason: Uncarried,
        rejected: &mut Vec<Rejected>,
    ) {
        let held = |column: &Column<'_>| {
            let cells = column.array.slice(rows.start, rows.len());
            (cells.len() - cells.null_count()) as u64
        };
        let values = columns.iter().map(held).sum();
        if values > 0 {
            rejected.push(self.rejected(rows.start, None, values, reason));
        }
    }

    fn rejected(
        &self,
        row: usize,
        column: Option<&Column<'_>>,
        values: u64,
        reason: Uncarried,
    ) -> Rejected {
        let field = column.map(|column| column.name.clone());
        let series = Arc::clone(self.series);
        Rejected { series, field, time: self.time(row), values, reason }
    }
}

fn judge(series: &Series, key: &[u8]) -> Result<Balance, Uncarried> {
    let balance = carry::series(series, key)?;
    if memchr(b'\n', key).is_some() {
        return Err(Uncarried::LineFeed);
    }
    if series.tags.iter().any(|(name, _)| is_taken(name)) {
        return Err(Uncarried::TagLabel);
    }
    Ok(balance)
}

/// True for a label that the reader takes for its own, or for none.
fn is_taken(label: &[u8]) -> bool {
    RESERVED.contains(&label) || String::from_utf8_lossy(label).trim().is_empty()
}

/// One field.
struct Column<'a> {
    name: &'a Name,
    kind: FieldType,
    array: &'a dyn Array,
    /// The field has a column of its own.
    is_wide: bool,
    may_be_first: bool,
    key: Vec<u8>,
    verdict: Result<(), Uncarried>,
}

impl<'a> Column<'a> {
    /// All of a frame; those that may not be the first of a line last.
    fn all(frame: &'a Frame) -> Vec<Self> {
        let arrays = &frame.batch.columns()[1..];
        let columns = frame.fields.iter().zip(arrays);
        let mut columns: Vec<_> =
            columns.map(|((name, kind), array)| Self::new(name, *kind, array.as_ref())).collect();
        columns.sort_by_key(|column| !column.may_be_first);
        columns
    }

    fn new(name: &'a Name, kind: FieldType, array: &'a dyn Array) -> Self {
        let (mut key, mut plain) = (Vec::new(), Vec::new());
        escape::field_key(&mut key, name);
        escape::tag(&mut plain, name);
        let verdict = match carry::field_key(name) {
            Err(reason) => Err(reason.into()),
            Ok(()) if memchr(b'\n', name).is_some() => Err(Uncarried::LineFeed),
            Ok(()) if key != plain => Err(Uncarried::FieldKeyQuote),
            Ok(()) => Ok(()),
        };
        let (is_wide, may_be_first) = (!is_taken(name), carry::may_be_first(name));
        Self { name, kind, array, is_wide, may_be_first, key, verdict }
    }

    fn judge(&self, run: &Run<'_>, balance: Balance) -> Result<(), Uncarried> {
        self.verdict?;
        carry::field_key_length(run.key_bytes, self.key.len())?;
        Ok(balance.field(&self.key, self.kind == FieldType::String)?)
    }

    fn judge_value(&self, row: usize) -> Result<(), Uncarried> {
        match self.kind {
            FieldType::Float => carry::float(self.array.as_primitive::<Float64Type>().value(row))?,
            FieldType::String => {
                let text = self.text(row);
                carry::string(text)?;
                if memchr(b'\n', text).is_some() {
                    return Err(Uncarried::LineFeed);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn is_empty_string(&self, row: usize) -> bool {
        self.kind == FieldType::String && self.text(row).is_empty()
    }

    fn text(&self, row: usize) -> &'a [u8] {
        match self.array.data_type() {
            DataType::Utf8 => self.array.as_string::<i32>().value(row).as_bytes(),
            _ => self.array.as_binary::<i32>().value(row),
        }
    }

    /// The value as a cell of a column that tells the type.
    fn append(&self, row: usize, out: &mut Vec<u8>) {
        match self.kind {
            FieldType::Float => {
                let mut digits = zmij::Buffer::new();
                let value = self.array.as_primitive::<Float64Type>().value(row);
                let text = digits.format_finite(value);
                out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
            }
            FieldType::Integer => {
                integer(out, self.array.as_primitive::<Int64Type>().value(row));
            }
            FieldType::Unsigned => {
                integer(out, self.array.as_primitive::<UInt64Type>().value(row));
            }
            FieldType::Boolean => {
                let value = self.array.as_boolean().value(row);
                out.extend_from_slice(if value { b"true" } else { b"false" });
            }
            FieldType::String => cell(out, self.text(row)),
        }
    }

    /// The value as a cell that holds a piece of line protocol.
    fn literal(&self, row: usize, out: &mut Vec<u8>) {
        match self.kind {
            FieldType::String => {
                let mut quoted = Vec::new();
                escape::string(&mut quoted, self.text(row));
                return cell(out, &quoted);
            }
            _ => self.append(row, out),
        }
        match self.kind {
            FieldType::Integer => out.push(b'i'),
            FieldType::Unsigned => out.push(b'u'),
            _ => {}
        }
    }

    fn datatype(&self) -> &'static str {
        match self.kind {
            FieldType::Float => "double",
            FieldType::Integer => "long",
            FieldType::Unsigned => "unsignedLong",
            FieldType::String => "string",
            FieldType::Boolean => "boolean",
        }
    }
}

/// Annotation and labels of the table of a frame.
fn header(tags: &BTreeSet<&Name>, columns: &[&Column<'_>]) -> Vec<u8> {
    let fields = columns.iter().map(|column| (column.datatype(), &**column.name));
    table(tags, fields)
}

/// The same of its second table.
fn odd_header(tags: &BTreeSet<&Name>) -> Vec<u8> {
    table(tags, [("string", &b"_field"[..]), ("field", b"_value")].into_iter())
}

fn table<'a>(
    tags: &BTreeSet<&Name>,
    fields: impl Iterator<Item = (&'static str, &'a [u8])> + Clone,
) -> Vec<u8> {
    let mut out = b"#datatype,measurement".to_vec();
    for _ in tags {
        out.extend_from_slice(b",tag");
    }
    for (datatype, _) in fields.clone() {
        out.push(b',');
        out.extend_from_slice(datatype.as_bytes());
    }
    out.extend_from_slice(b",dateTime:number\n,_measurement");
    for label in tags.iter().map(|tag| &***tag).chain(fields.map(|(_, label)| label)) {
        out.push(b',');
        cell(&mut out, label);
    }
    out.extend_from_slice(b",_time\n");
    out
}

/// The empty cell of the annotations, measurement and tags.
fn prefix(run: &Run<'_>, tags: &BTreeSet<&Name>) -> Vec<u8> {
    let mut out = vec![b','];
    cell(&mut out, &run.series.measurement);
    let mut own = run.series.tags.iter().peekable();
    for tag in tags {
        out.push(b',');
        if let Some((_, value)) = own.next_if(|(name, _)| name == *tag) {
            cell(&mut out, value);
        }
    }
    out
}

fn end(out: &mut Vec<u8>, time: Timestamp) {
    out.push(b',');
    integer(out, time.ns());
    out.push(b'\n');
}

fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A cell, in quotes if it needs them.
fn cell(out: &mut Vec<u8>, text: &[u8]) {
    if memchr3(b',', b'"', b'\r', text).is_none() && memchr(b'\n', text).is_none() {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for piece in text.split_inclusive(|byte| *byte == b'"') {
        out.extend_from_slice(piece);
        if piece.ends_with(b"\"") {
            out.push(b'"');
        }
    }
    out.push(b'"');
}
