//! What the columns of a block mean to the decoder.

use super::block::{Block, BlockColumn, Datatype, FIXED_COLUMNS};
use super::error::{Error, Position};
use super::naming::Naming;
use crate::model::frame::FieldType;
use crate::model::series::Name;
use crate::wire::frames::series_of::SeriesOf;
use crate::wire::frames::suspect::SuspectPlace;

/// Where the cells of a narrow row are that matter: one value in each row. Cells count from 0, the fixed columns included.
#[derive(Debug)]
pub(super) struct Layout {
    /// Cells of every row.
    pub(super) cells: usize,
    pub(super) time: usize,
    pub(super) value: usize,
    pub(super) value_type: FieldType,
    pub(super) field: usize,
    pub(super) naming: Naming,
}

impl Layout {
    /// Gives each column its meaning. A label that occurs twice is the caller's to report with the measurement.
    pub(super) fn new(
        block: &Block,
        field_label: &[u8],
        series_of: &SeriesOf,
        position: Position,
    ) -> Result<Self, Error> {
        let value = find(block, b"_value", false, None, position)?;
        let time = find(block, b"_time", false, Some(Datatype::Time), position)?;
        let field = find(block, field_label, true, Some(Datatype::String), position)?;
        let value_type = value_type(&block.columns[value - FIXED_COLUMNS])?;
        let is_other = |cell: usize, _: &BlockColumn| [value, time, field].contains(&cell);
        let naming = Naming::new(block, series_of, is_other, position)?;
        let cells = block.columns.len() + FIXED_COLUMNS;
        Ok(Self { cells, time, value, value_type, field, naming })
    }
}

/// Where the cells of a pivoted row are that matter: all fields of one time.
#[derive(Debug)]
pub(super) struct PivotLayout {
    /// Cells of every row.
    pub(super) cells: usize,
    pub(super) time: usize,
    /// The cell of each field, rising.
    pub(super) fields: Vec<usize>,
    pub(super) naming: Naming,
}

impl PivotLayout {
    /// Gives each column its meaning, and gives name and type of each field.
    pub(super) fn new(
        block: &Block,
        series_of: &SeriesOf,
        position: Position,
    ) -> Result<(Self, Vec<(Name, FieldType)>), Error> {
        let time = find(block, b"_time", false, Some(Datatype::Time), position)?;
        let is_other = |cell: usize, column: &BlockColumn| cell == time || !column.group;
        let naming = Naming::new(block, series_of, is_other, position)?;
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for (cell, column) in (FIXED_COLUMNS..).zip(&block.columns) {
            if cell == time || column.group {
                continue;
            }
            let label = &column.label;
            if column.lost_carriage_return {
                let place = SuspectPlace::FieldName(label.clone());
                return Err(Error::LostName { measurement: None, place });
            }
            let kind = value_type(column)?;
            if kind == FieldType::String {
                return Err(Error::StringUnderPivot { label: label.clone() });
            }
            if label.is_empty() {
                return Err(Error::malformed(position, "a field without a name"));
            }
            fields.push(cell);
            columns.push((label.clone(), kind));
        }
        let cells = block.columns.len() + FIXED_COLUMNS;
        Ok((Self { cells, time, fields, naming }, columns))
    }
}

/// The cell of a column that must be there, of this kind.
fn find(
    block: &Block,
    label: &[u8],
    group: bool,
    datatype: Option<Datatype>,
    position: Position,
) -> Result<usize, Error> {
    let is_proper = |column: &BlockColumn| {
        column.group == group && datatype.is_none_or(|datatype| column.datatype == datatype)
    };
    let found = block.columns.iter().position(|column| *column.label == *label);
    found.filter(|at| is_proper(&block.columns[*at])).map(|at| at + FIXED_COLUMNS).ok_or_else(
        || {
            let label = String::from_utf8_lossy(label);
            Error::malformed(position, format!("no proper column {label}"))
        },
    )
}

/// A label that occurs twice.
pub(super) fn duplicate(block: &Block) -> Option<&Name> {
    let mut labels: Vec<_> = block.columns.iter().map(|column| &column.label).collect();
    labels.sort_unstable();
    labels.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

fn value_type(column: &BlockColumn) -> Result<FieldType, Error> {
    match column.datatype {
        Datatype::Boolean => Ok(FieldType::Boolean),
        Datatype::Long => Ok(FieldType::Integer),
        Datatype::UnsignedLong => Ok(FieldType::Unsigned),
        Datatype::Double => Ok(FieldType::Float),
        Datatype::String => Ok(FieldType::String),
        Datatype::Time => Err(Error::UnsupportedType {
            label: column.label.clone(),
            datatype: "dateTime".to_owned(),
        }),
    }
}
