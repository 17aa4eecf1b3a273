//! Annotations and header to columns.

use super::error::{Error, Position};
use super::row::CsvCell;
use crate::model::series::Name;

/// The columns before the named ones: annotation, `result`, `table`.
pub(super) const FIXED_COLUMNS: usize = 3;

/// Types of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datatype {
    /// `boolean`
    Boolean,
    /// `long`
    Long,
    /// `unsignedLong`
    UnsignedLong,
    /// `double`
    Double,
    /// `string`
    String,
    /// `dateTime:RFC3339`
    Time,
}

impl Datatype {
    fn new(label: &[u8], text: &[u8]) -> Result<Self, Error> {
        Ok(match text {
            b"boolean" => Self::Boolean,
            b"long" => Self::Long,
            b"unsignedLong" => Self::UnsignedLong,
            b"double" => Self::Double,
            b"string" => Self::String,
            b"dateTime:RFC3339" | b"dateTime:RFC3339Nano" => Self::Time,
            _ => {
                let datatype = String::from_utf8_lossy(text).into_owned();
                return Err(Error::UnsupportedType { label: label.into(), datatype });
            }
        })
    }
}

/// One named column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockColumn {
    /// Its label.
    pub label: Name,
    /// Its type.
    pub datatype: Datatype,
    /// True if it belongs to the group key: one value for the whole table.
    pub group: bool,
    /// True if the label lost a carriage return on its way.
    pub lost_carriage_return: bool,
    /// What an empty cell stands for; only tables without rows have such defaults.
    pub(super) default: Name,
}

/// What the annotations and the header of one block say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// Name of the result (yield).
    pub(super) result: Name,
    /// Number of the table, if the block is a table without rows.
    pub(super) table: Name,
    /// The columns from the fourth on.
    pub(super) columns: Vec<BlockColumn>,
}

impl Block {
    /// The cell of the first column of that label, the fixed columns counted.
    pub(super) fn cell_of(&self, label: &[u8]) -> Option<usize> {
        self.columns.iter().position(|column| *column.label == *label).map(|at| at + FIXED_COLUMNS)
    }
}

/// The annotation rows seen so far, in any order.
#[derive(Debug, Default)]
pub(super) struct Annotations {
    datatype: Option<Vec<Name>>,
    group: Option<Vec<Name>>,
    default: Option<Vec<Name>>,
}

impl Annotations {
    /// Takes one annotation row.
    pub(super) fn take(
        &mut self,
        row: &[u8],
        cells: &[CsvCell],
        position: Position,
    ) -> Result<(), Error> {
        let kind = cells[0].content(row);
        let slot = match &*kind {
            b"#datatype" => &mut self.datatype,
            b"#group" => &mut self.group,
            b"#default" => &mut self.default,
            _ => {
                return Err(Error::malformed(
                    position,
                    format!("annotation {}", String::from_utf8_lossy(&kind)),
                ));
            }
        };
        if slot.is_some() {
            return Err(Error::malformed(position, "an annotation twice"));
        }
        *slot = Some(cells.iter().map(|cell| cell.content(row).into()).collect());
        Ok(())
    }

    /// Takes the header that ends the annotations.
    pub(super) fn end(
        self,
        row: &[u8],
        cells: &[CsvCell],
        position: Position,
    ) -> Result<Block, Error> {
        let (Some(datatype), Some(group), Some(mut default)) =
            (self.datatype, self.group, self.default)
        else {
            return Err(Error::malformed(
                position,
                "a header without the annotations datatype, group and default",
            ));
        };
        if [datatype.len(), group.len(), default.len()] != [cells.len(); 3] {
            return Err(Error::malformed(position, "annotations and header of different lengths"));
        }
        let fixed: Vec<_> =
            cells.iter().take(FIXED_COLUMNS).map(|cell| cell.content(row)).collect();
        if fixed != [&b""[..], b"result", b"table"]
            || *datatype[1] != *b"string"
            || *datatype[2] != *b"long"
        {
            return Err(Error::malformed(
                position,
                "a header that does not begin with result and table",
            ));
        }
        let mut columns = Vec::with_capacity(cells.len() - FIXED_COLUMNS);
        for at in FIXED_COLUMNS..cells.len() {
            let label: Name = cells[at].content(row).into();
            columns.push(BlockColumn {
                datatype: Datatype::new(&label, &datatype[at])?,
                group: match &*group[at] {
                    b"true" => true,
                    b"false" => false,
                    _ => {
                        return Err(Error::malformed(
                            position,
                            "a group annotation that is neither true nor false",
                        ));
                    }
                },
                lost_carriage_return: cells[at].lost_carriage_return(row),
                default: std::mem::take(&mut default[at]),
                label,
            });
        }
        Ok(Block {
            result: std::mem::take(&mut default[1]),
            table: std::mem::take(&mut default[2]),
            columns,
        })
    }
}
