//! The cells of a row that name its series.

use std::sync::Arc;

use super::block::{Block, BlockColumn, Datatype, FIXED_COLUMNS};
use super::error::{Error, Position};
use super::row::CsvCell;
use crate::model::catalogue::Catalogue;
use crate::model::series::{Name, Series};
use crate::wire::frames::series_of::{self, SeriesOf};
use crate::wire::frames::suspect::SuspectPlace;

/// Where the cells are that name the series. Cells count from 0, the fixed columns included.
#[derive(Debug)]
pub(super) enum Naming {
    /// Measurement and all tags.
    Whole {
        /// The cell of the measurement.
        measurement: usize,
        /// The tags of the block; a row need not have all of them.
        tags: Vec<TagCell>,
    },
    /// The key tags of a catalogue.
    Keyed {
        measurement: Name,
        catalogue: Arc<Catalogue>,
        /// The cell of each key; none where no series of the block has the tag.
        keys: Vec<Option<usize>>,
    },
}

/// A tag column.
#[derive(Debug)]
pub(super) struct TagCell {
    cell: usize,
    key: Name,
    /// True if the key lost a carriage return.
    key_lost: bool,
}

impl Naming {
    /// Finds the cells. `is_other` tells which columns have another meaning; any column left over is an error.
    pub(super) fn new(
        block: &Block,
        series_of: &SeriesOf,
        is_other: impl Fn(usize, &BlockColumn) -> bool,
        position: Position,
    ) -> Result<Self, Error> {
        let columns = (FIXED_COLUMNS..).zip(&block.columns);
        let left = columns.filter(|(cell, column)| !is_other(*cell, column) && !is_bound(column));
        match series_of {
            SeriesOf::Whole => Self::whole(left, position),
            SeriesOf::Keyed { measurement, catalogue } => {
                if let Some(key) = catalogue.carriage_return() {
                    return Err(Error::LostName {
                        measurement: Some(measurement.clone()),
                        place: SuspectPlace::TagValue(key.clone()),
                    });
                }
                let mut keys = vec![None; catalogue.keys().len()];
                for (cell, column) in left {
                    if column.lost_carriage_return {
                        return Err(Error::LostName {
                            measurement: Some(measurement.clone()),
                            place: SuspectPlace::TagKey(column.label.clone()),
                        });
                    }
                    let at = catalogue.keys().binary_search(&column.label).ok();
                    let at =
                        at.filter(|_| is_tag(column)).ok_or_else(|| unknown(column, position))?;
                    keys[at] = Some(cell);
                }
                let (measurement, catalogue) = (measurement.clone(), Arc::clone(catalogue));
                Ok(Self::Keyed { measurement, catalogue, keys })
            }
        }
    }

    fn whole<'a>(
        columns: impl Iterator<Item = (usize, &'a BlockColumn)>,
        position: Position,
    ) -> Result<Self, Error> {
        let (mut measurement, mut tags) = (None, Vec::new());
        for (cell, column) in columns {
            if !is_tag(column) {
                return Err(unknown(column, position));
            }
            if *column.label == *b"_measurement" {
                measurement = Some(cell);
            } else {
                let (key, key_lost) = (column.label.clone(), column.lost_carriage_return);
                tags.push(TagCell { cell, key, key_lost });
            }
        }
        let measurement = measurement
            .ok_or_else(|| Error::malformed(position, "no proper column _measurement"))?;
        Ok(Self::Whole { measurement, tags })
    }

    /// The cells that tell one series from another, as they came, each with a comma behind it. Never empty.
    pub(super) fn raw(&self, row: &[u8], cells: &[CsvCell]) -> Vec<u8> {
        let mut raw = Vec::with_capacity(row.len());
        raw.push(b',');
        let mut take = |cell: usize| {
            raw.extend_from_slice(cells[cell].raw(row));
            raw.push(b',');
        };
        match self {
            Self::Whole { measurement, tags } => {
                take(*measurement);
                tags.iter().map(|tag| tag.cell).for_each(take);
            }
            Self::Keyed { keys, .. } => keys.iter().flatten().for_each(|cell| take(*cell)),
        }
        raw
    }

    /// The first name that lost a carriage return.
    pub(super) fn lost(&self, row: &[u8], cells: &[CsvCell]) -> Option<SuspectPlace> {
        match self {
            Self::Whole { measurement, tags } => {
                if cells[*measurement].lost_carriage_return(row) {
                    return Some(SuspectPlace::Measurement);
                }
                tags.iter().find_map(|tag| {
                    if cells[tag.cell].lost_carriage_return(row) {
                        Some(SuspectPlace::TagValue(tag.key.clone()))
                    } else if tag.key_lost && !cells[tag.cell].raw(row).is_empty() {
                        Some(SuspectPlace::TagKey(tag.key.clone()))
                    } else {
                        None
                    }
                })
            }
            Self::Keyed { catalogue, keys, .. } => {
                let is_lost = |cell: &Option<usize>| {
                    cell.is_some_and(|cell| cells[cell].lost_carriage_return(row))
                };
                let at = keys.iter().position(is_lost)?;
                Some(SuspectPlace::TagValue(catalogue.keys()[at].clone()))
            }
        }
    }

    /// The series of a row.
    pub(super) fn read(
        &self,
        row: &[u8],
        cells: &[CsvCell],
        position: Position,
    ) -> Result<Arc<Series>, Error> {
        match self {
            Self::Keyed { measurement, catalogue, keys } => {
                let values: Vec<_> = keys
                    .iter()
                    .map(|cell| cell.map(|cell| cells[cell].content(row)).unwrap_or_default())
                    .collect();
                Ok(series_of::restore(measurement, catalogue, &values)?)
            }
            Self::Whole { measurement, tags } => {
                let measurement = cells[*measurement].content(row);
                if measurement.is_empty() {
                    return Err(Error::malformed(position, "a row without a measurement"));
                }
                let tags =
                    tags.iter().map(|tag| (tag.key.clone(), cells[tag.cell].content(row).into()));
                Ok(Arc::new(Series::new(measurement, tags)))
            }
        }
    }

    /// An error for a name that lost a carriage return where its values cannot be set aside.
    pub(super) fn lost_error(&self, place: SuspectPlace, row: &[u8], cells: &[CsvCell]) -> Error {
        let measurement = match self {
            Self::Whole { measurement, .. } => cells[*measurement].content(row).into(),
            Self::Keyed { measurement, .. } => measurement.clone(),
        };
        Error::LostName { measurement: Some(measurement), place }
    }

    /// True if the answer names its series by key tags.
    pub(super) fn is_keyed(&self) -> bool {
        matches!(self, Self::Keyed { .. })
    }
}

fn is_tag(column: &BlockColumn) -> bool {
    column.group && column.datatype == Datatype::String
}

/// `_start` and `_stop`, which a read without `drop` or `keep` leaves in.
fn is_bound(column: &BlockColumn) -> bool {
    matches!(&*column.label, b"_start" | b"_stop")
        && column.datatype == Datatype::Time
        && column.group
}

fn unknown(column: &BlockColumn, position: Position) -> Error {
    let label = String::from_utf8_lossy(&column.label);
    Error::malformed(position, format!("column {label} is neither known nor a tag"))
}
