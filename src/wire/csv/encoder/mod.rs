//! Frames to annotated CSV in the form that `influx write --format csv` turns into the same points.
//!
//! ```text
//! #datatype,measurement,tag,long,string,dateTime:number
//! ,_measurement,host,f,s,_time
//! ,cpu,a,1,x,1640995200000000000
//! ```
//!
//! Each column says whether it is a tag or a field and of which type, so nothing is guessed. That reader takes an empty
//! cell for an absent value and four labels for its own ([`uncarried::RESERVED`]). What such a table cannot hold, empty strings
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
//! ([`carry`]), and it cuts its requests at any line feed, inside of a value too: values with
//! line feeds are left out here.

mod cell;
mod column;
mod run;
mod uncarried;

use std::collections::BTreeSet;

use self::cell::{cell, integer};
use self::column::CsvColumn;
use self::run::SeriesRows;
use crate::model::frame::Frame;
use crate::model::series::Name;
use crate::model::time::Timestamp;
use crate::wire::line::carry;

pub(crate) use self::uncarried::{CsvRejected, CsvUncarried};

/// What a frame became.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CsvRows {
    /// Rows of the CSV, without headers.
    pub rows: u64,
    /// Values in them.
    pub values: u64,
}

/// Turns frames into tables.
#[derive(Debug, Default)]
pub struct CsvEncoder {
    /// The header of the table that is open.
    header: Vec<u8>,
    /// Rows of the second table of a frame.
    odd: Vec<u8>,
    piece: Vec<u8>,
}

impl CsvEncoder {
    /// Appends the frame to `out`.
    ///
    /// # Panics
    ///
    /// If the columns of the frame are not of the types that [`Frame`] promises.
    pub fn push(
        &mut self,
        frame: &Frame,
        out: &mut Vec<u8>,
        rejected: &mut Vec<CsvRejected>,
    ) -> CsvRows {
        let runs = SeriesRows::all(frame);
        let tags: BTreeSet<&Name> =
            runs.iter().filter(|run| run.verdict.is_ok()).flat_map(SeriesRows::tags).collect();
        let columns = CsvColumn::all(frame);
        let wide: Vec<&CsvColumn<'_>> = columns.iter().filter(|column| column.is_wide).collect();
        let header = header(&tags, &wide);
        let mut encoded = CsvRows::default();
        self.odd.clear();
        for run in &runs {
            let balance = match run.verdict {
                Ok(balance) => balance,
                Err(reason) => {
                    run.reject(&columns, reason, rejected);
                    continue;
                }
            };
            let verdicts = columns.iter().map(|column| column.judge(run.key_bytes, balance));
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
        rejected: &mut Vec<CsvRejected>,
        encoded: &mut CsvRows,
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
    run: &'a SeriesRows<'a>,
    columns: &'a [CsvColumn<'a>],
    verdicts: &'a [Result<(), CsvUncarried>],
    /// The cells before the fields.
    prefix: Vec<u8>,
}

/// Annotation and labels of the table of a frame.
fn header(tags: &BTreeSet<&Name>, columns: &[&CsvColumn<'_>]) -> Vec<u8> {
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
fn prefix(run: &SeriesRows<'_>, tags: &BTreeSet<&Name>) -> Vec<u8> {
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
