//! Small answers read whole: counts, first values, schema, records.

use super::block::{Block, BlockColumn, Datatype, FIXED_COLUMNS};
use super::columns::{self, AskedCells, AskedColumns};
use super::decoder::unfinished;
use super::error::{Error, Position};
use super::outline::{RowGrammar, RowKind};
use super::row::{CsvCell, RowScanner, Scan};
use super::time::TimeReader;
use crate::limits;
use crate::model::frame::FieldType;
use crate::model::series::Name;
use crate::model::time::Timestamp;
use crate::wire::number;

/// One table of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvTable {
    /// Name of its result.
    pub result: Name,
    /// Its number within the result.
    pub id: u64,
    /// Its columns; `result` and `table` are not among them.
    pub columns: Vec<BlockColumn>,
    /// Its rows, one cell for each column.
    pub rows: Vec<Vec<Name>>,
    /// Row and column of cells that lost a carriage return.
    pub suspects: Vec<(usize, usize)>,
}

impl CsvTable {
    /// The place of a column.
    pub fn column(&self, label: &str) -> Option<usize> {
        self.columns.iter().position(|column| *column.label == *label.as_bytes())
    }

    /// A cell as it came. Null and the empty string look alike.
    pub fn bytes(&self, row: usize, label: &str) -> Option<&[u8]> {
        let cell = self.rows.get(row)?.get(self.column(label)?)?;
        Some(cell)
    }

    /// A cell as text, if it is UTF-8.
    pub fn text(&self, row: usize, label: &str) -> Option<&str> {
        std::str::from_utf8(self.bytes(row, label)?).ok()
    }

    /// A cell of type `long`.
    pub fn long(&self, row: usize, label: &str) -> Option<i64> {
        let cell = self.typed(row, label, Datatype::Long)?;
        number::integer(cell).filter(|(_, len)| *len == cell.len()).map(|(value, _)| value)
    }

    /// A cell of type `double`, if it is finite.
    pub fn double(&self, row: usize, label: &str) -> Option<f64> {
        let cell = self.typed(row, label, Datatype::Double)?;
        number::float(cell).filter(|(_, len)| *len == cell.len()).map(|(value, _)| value)
    }

    /// A cell of type `dateTime`.
    pub fn time(&self, row: usize, label: &str) -> Option<Timestamp> {
        TimeReader::new().whole(self.typed(row, label, Datatype::Time)?).map(Timestamp::from_ns)
    }

    /// A cell that its column's type does not allow, with its label: damage, for no server writes it.
    pub fn misfit(&self) -> Option<(&BlockColumn, &[u8])> {
        let mut cells = self.rows.iter().flat_map(|row| self.columns.iter().zip(row));
        cells.find_map(|(column, cell)| {
            let whole = |len: Option<usize>| len == Some(cell.len());
            let fits = cell.is_empty()
                || match column.datatype {
                    Datatype::String => true,
                    Datatype::Boolean => matches!(&**cell, b"true" | b"false"),
                    Datatype::Long => whole(number::integer(cell).map(|(_, len)| len)),
                    Datatype::UnsignedLong => whole(number::unsigned(cell).map(|(_, len)| len)),
                    Datatype::Double => {
                        matches!(&**cell, b"NaN" | b"+Inf" | b"-Inf")
                            || whole(number::float(cell).map(|(_, len)| len))
                    }
                    // Bounds of ranges lie beyond the times that can be stored.
                    Datatype::Time => std::str::from_utf8(cell)
                        .is_ok_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
                };
            (!fits).then_some((column, &**cell))
        })
    }

    /// The type of its values.
    pub fn value_type(&self) -> Option<FieldType> {
        Some(match self.columns[self.column("_value")?].datatype {
            Datatype::Boolean => FieldType::Boolean,
            Datatype::Long => FieldType::Integer,
            Datatype::UnsignedLong => FieldType::Unsigned,
            Datatype::Double => FieldType::Float,
            Datatype::String => FieldType::String,
            Datatype::Time => return None,
        })
    }

    /// What the table lacks, if it has rows: a column, or a cell of it.
    fn lacking(&self, columns: AskedColumns) -> Option<&'static str> {
        let is_there = |label: &str, holds: AskedCells| {
            // A tag may have the same label, behind it or before it.
            self.columns.iter().enumerate().any(|(at, column)| {
                *column.label == *label.as_bytes()
                    && holds.is_of(column)
                    && !(holds.is_filled() && self.rows.iter().any(|row| row[at].is_empty()))
            })
        };
        let mut lacking = columns.iter().filter(|(label, holds)| !is_there(label, *holds));
        if self.rows.is_empty() { None } else { lacking.next().map(|(label, _)| label) }
    }

    fn typed(&self, row: usize, label: &str, datatype: Datatype) -> Option<&[u8]> {
        let column = &self.columns[self.column(label)?];
        if column.datatype == datatype { self.bytes(row, label) } else { None }
    }
}

/// All tables of a complete answer, of however many results.
pub fn read_tables(bytes: &[u8]) -> Result<Vec<CsvTable>, Error> {
    let mut tables = Tables::default();
    let (mut scanner, mut outline, mut position) =
        (RowScanner::new(), RowGrammar::new(), Position::default());
    let mut rest = bytes;
    while !rest.is_empty() {
        let scan = scanner.scan(rest);
        let Ok(Scan::Whole(len)) = scan else {
            return Err(unfinished(rest, scan.is_err(), position));
        };
        if len > limits::CSV_ROW_BYTES_MAX {
            return Err(Error::TooLong { position, bytes_max: limits::CSV_ROW_BYTES_MAX });
        }
        let (row, after) = rest.split_at(len);
        match outline.row(row, scanner.cells(), position)? {
            RowKind::Data => tables.row(row, scanner.cells(), position)?,
            RowKind::Block(block) => tables.begin_block(block, position)?,
            RowKind::Between => tables.end_block(position)?,
        }
        position.byte += len as u64;
        position.row += 1;
        scanner.reset();
        rest = after;
    }
    outline.finish(position)?;
    Ok(tables.done)
}

/// The same, each with these columns and with cells that their types allow.
pub(crate) fn read_with(bytes: &[u8], columns: AskedColumns) -> Result<Vec<CsvTable>, Error> {
    let tables = read_tables(bytes)?;
    match tables.iter().find_map(|table| table.lacking(columns)) {
        Some(label) => {
            let text = format!("rows without {label} as it was asked for");
            Err(Error::malformed(Position::default(), text))
        }
        None => Ok(tables),
    }
}

/// The `_value` of the only row, or `None` if there is no row: the answer of a count.
pub fn single_number(bytes: &[u8]) -> Result<Option<u64>, Error> {
    let tables = read_with(bytes, columns::NUMBER)?;
    let mut rows = tables.iter().flat_map(|table| {
        (0..table.rows.len()).map(|row| table.long(row, "_value").map(u64::try_from))
    });
    match (rows.next(), rows.next()) {
        (None, _) => Ok(None),
        (Some(Some(Ok(number))), None) => Ok(Some(number)),
        (Some(_), Some(_)) => {
            Err(Error::malformed(Position::default(), "more than one row where one was asked for"))
        }
        (Some(_), None) => {
            Err(Error::malformed(Position::default(), "an answer that is no number of anything"))
        }
    }
}

#[derive(Debug, Default)]
struct Tables {
    done: Vec<CsvTable>,
    block: Option<Block>,
    /// True once the block has a table.
    filled: bool,
}

impl Tables {
    fn begin_block(&mut self, block: Block, position: Position) -> Result<(), Error> {
        self.end_block(position)?;
        self.block = Some(block);
        Ok(())
    }

    /// A block without rows is a table without rows.
    fn end_block(&mut self, position: Position) -> Result<(), Error> {
        if let Some(block) = self.block.take()
            && !self.filled
        {
            let id = if block.table.is_empty() { 0 } else { table_id(&block.table, position)? };
            self.done.push(CsvTable::new(&block, id));
        }
        self.filled = false;
        Ok(())
    }

    fn row(&mut self, row: &[u8], cells: &[CsvCell], position: Position) -> Result<(), Error> {
        let Some(block) = &self.block else {
            return Err(Error::malformed(position, "a row outside of a block"));
        };
        if cells.len() != block.columns.len() + FIXED_COLUMNS {
            return Err(Error::malformed(position, "a row that is not as long as its header"));
        }
        let id = table_id(cells[2].raw(row), position)?;
        if !self.filled || self.done.last().is_none_or(|table| table.id != id) {
            self.done.push(CsvTable::new(block, id));
            self.filled = true;
        }
        let Some(table) = self.done.last_mut() else { return Ok(()) };
        let mut texts = Vec::with_capacity(block.columns.len());
        for (at, (cell, column)) in cells[FIXED_COLUMNS..].iter().zip(&block.columns).enumerate() {
            if cell.lost_carriage_return(row) {
                table.suspects.push((table.rows.len(), at));
            }
            let text = cell.content(row);
            texts.push(if text.is_empty() { column.default.clone() } else { text.into() });
        }
        table.rows.push(texts);
        Ok(())
    }
}

impl CsvTable {
    fn new(block: &Block, id: u64) -> Self {
        Self {
            result: block.result.clone(),
            id,
            columns: block.columns.clone(),
            rows: Vec::new(),
            suspects: Vec::new(),
        }
    }
}

fn table_id(text: &[u8], position: Position) -> Result<u64, Error> {
    number::unsigned(text)
        .filter(|(_, len)| *len == text.len())
        .map(|(id, _)| id)
        .ok_or_else(|| Error::malformed(position, "a table number that is none"))
}
