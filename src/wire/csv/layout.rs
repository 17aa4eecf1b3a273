//! What the columns of a block mean to the decoder.

use super::block::{Block, Column, Datatype, FIXED_COLUMNS};
use super::error::{Error, Position};
use crate::model::frame::FieldType;
use crate::model::series::Name;

/// Where the cells of a row are that matter. Cells count from 0, the fixed columns included.
#[derive(Debug)]
pub(super) struct Layout {
    /// Cells of every row.
    pub(super) cells: usize,
    pub(super) time: usize,
    pub(super) value: usize,
    pub(super) value_type: FieldType,
    pub(super) field: usize,
    pub(super) measurement: usize,
    /// Cell and key of each tag.
    pub(super) tags: Vec<Tag>,
}

/// A tag column.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) cell: usize,
    pub(super) key: Name,
    /// True if the key lost a carriage return.
    pub(super) key_lost: bool,
}

impl Layout {
    /// Gives each column its meaning. A label that occurs twice is the caller's to report with the measurement.
    pub(super) fn new(
        block: &Block,
        field_label: &[u8],
        position: Position,
    ) -> Result<Self, Error> {
        let find = |label: &[u8], group: bool, datatype: Option<Datatype>| {
            let found = block.columns.iter().position(|column| *column.label == *label);
            found
                .filter(|at| {
                    block.columns[*at].group == group
                        && datatype.is_none_or(|t| block.columns[*at].datatype == t)
                })
                .map(|at| at + FIXED_COLUMNS)
                .ok_or_else(|| {
                    Error::malformed(
                        position,
                        format!("no proper column {}", String::from_utf8_lossy(label)),
                    )
                })
        };
        let value = find(b"_value", false, None)?;
        let mut layout = Self {
            cells: block.columns.len() + FIXED_COLUMNS,
            time: find(b"_time", false, Some(Datatype::Time))?,
            value,
            value_type: value_type(&block.columns[value - FIXED_COLUMNS])?,
            field: find(field_label, true, Some(Datatype::String))?,
            measurement: find(b"_measurement", true, Some(Datatype::String))?,
            tags: Vec::new(),
        };
        let known = [layout.time, layout.value, layout.field, layout.measurement];
        for (at, column) in block.columns.iter().enumerate() {
            let cell = at + FIXED_COLUMNS;
            let bound = matches!(&*column.label, b"_start" | b"_stop")
                && column.datatype == Datatype::Time
                && column.group;
            if known.contains(&cell) || bound {
                continue;
            }
            if !column.group || column.datatype != Datatype::String {
                let label = String::from_utf8_lossy(&column.label);
                return Err(Error::malformed(
                    position,
                    format!("column {label} is neither known nor a tag"),
                ));
            }
            layout.tags.push(Tag {
                cell,
                key: column.label.clone(),
                key_lost: column.lost_carriage_return,
            });
        }
        Ok(layout)
    }

    /// The cells that tell one series from another.
    pub(super) fn series_cells(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.measurement).chain(self.tags.iter().map(|tag| tag.cell))
    }
}

/// A label that occurs twice.
pub(super) fn duplicate(block: &Block) -> Option<&Name> {
    let mut labels: Vec<_> = block.columns.iter().map(|column| &column.label).collect();
    labels.sort_unstable();
    labels.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

fn value_type(column: &Column) -> Result<FieldType, Error> {
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
