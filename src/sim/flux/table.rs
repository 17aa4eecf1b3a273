//! Tables of a query, and the streams of them.

use std::cmp::Ordering;
use std::sync::Arc;

use super::cell::{Datum, DatumKind, FluxColumn, RunCell, Segment};
use super::pivoted::PivotedRows;

#[derive(Debug, Clone)]
pub(super) struct FluxTable {
    pub(super) columns: Vec<FluxColumn>,
    pub(super) segments: Vec<Segment>,
    /// What the rows are made of once the table is written; until then it has no segments.
    pub(super) pivot: Option<Arc<PivotedRows>>,
}

/// A group key, sorted by label.
pub(super) type Key = Vec<(Arc<[u8]>, DatumKind, Datum)>;

impl FluxTable {
    pub(super) const fn new(columns: Vec<FluxColumn>, segments: Vec<Segment>) -> Self {
        Self { columns, segments, pivot: None }
    }

    /// The table with its rows.
    pub(super) fn built(&self) -> Option<Self> {
        let segments = self.pivot.as_ref()?.segments(&self.columns);
        Some(Self::new(self.columns.clone(), segments))
    }

    pub(super) fn column(&self, label: &[u8]) -> Option<usize> {
        self.columns.iter().position(|column| &*column.label == label)
    }

    pub(super) fn rows(&self) -> u64 {
        self.segments.iter().map(|segment| segment.rows.len() as u64).sum()
    }

    /// Every row as (segment, row).
    pub(super) fn each_row(&self) -> impl Iterator<Item = (&Segment, usize)> {
        self.segments.iter().flat_map(|segment| segment.rows.clone().map(move |row| (segment, row)))
    }

    /// A table of one of this table's rows.
    pub(super) fn only_row(&self, segment: &Segment, row: usize) -> Self {
        let cells: Vec<_> =
            (0..self.columns.len()).map(|column| segment.datum(column, row)).collect();
        Self::new(self.columns.clone(), vec![Segment::row(cells)])
    }

    /// The columns at these places, in this order.
    pub(super) fn select(&self, places: &[usize]) -> Self {
        let pick = |segment: &Segment| Segment {
            cells: places.iter().map(|&place| segment.cells[place].clone()).collect(),
            chunk: Arc::clone(&segment.chunk),
            rows: segment.rows.clone(),
        };
        Self::new(
            places.iter().map(|&place| self.columns[place].clone()).collect(),
            self.segments.iter().map(pick).collect(),
        )
    }

    /// The group key, sorted by label.
    pub(super) fn key(&self) -> Key {
        let mut key: Vec<_> = (0..self.columns.len())
            .filter(|&place| self.columns[place].key)
            .filter_map(|place| {
                let column = &self.columns[place];
                let first = self.segments.first()?;
                Some((Arc::clone(&column.label), column.kind, first.datum(place, first.rows.start)))
            })
            .collect();
        key.sort_by(|a, b| a.0.cmp(&b.0));
        key
    }

    /// Appends the rows of `other`; columns that one side lacks are null there.
    fn append(&mut self, other: Self) -> Result<(), String> {
        if self.columns == other.columns {
            self.segments.extend(other.segments);
            return Ok(());
        }
        for column in &other.columns {
            match self.columns.iter().find(|known| known.label == column.label) {
                Some(known) if known.kind != column.kind => {
                    return Err(format!(
                        "schema collision detected: column \"{}\" is both of type {} and {}",
                        String::from_utf8_lossy(&column.label),
                        column.kind.name(),
                        known.kind.name()
                    ));
                }
                Some(_) => {}
                None => {
                    self.columns.push(column.clone());
                    self.segments
                        .iter_mut()
                        .for_each(|segment| segment.cells.push(RunCell::Same(Datum::Null)));
                }
            }
        }
        let places: Vec<_> =
            self.columns.iter().map(|column| other.column(&column.label)).collect();
        self.segments.extend(other.segments.into_iter().map(|segment| {
            let cell = |place: &Option<usize>| {
                place.map_or(RunCell::Same(Datum::Null), |place| segment.cells[place].clone())
            };
            Segment {
                cells: places.iter().map(cell).collect(),
                chunk: segment.chunk,
                rows: segment.rows,
            }
        }));
        Ok(())
    }
}

/// Sorts tables by group key and joins those whose keys are equal.
pub(super) fn merge_by_key(tables: Vec<FluxTable>) -> Result<Vec<FluxTable>, String> {
    let mut keyed: Vec<_> = tables.into_iter().map(|table| (table.key(), table)).collect();
    keyed.sort_by(|a, b| compare_keys(&a.0, &b.0));
    let mut merged: Vec<(Vec<_>, FluxTable)> = Vec::with_capacity(keyed.len());
    for (key, table) in keyed {
        match merged.last_mut() {
            Some((last, into)) if compare_keys(last, &key).is_eq() => into.append(table)?,
            _ => merged.push((key, table)),
        }
    }
    Ok(merged.into_iter().map(|(_, table)| table).collect())
}

pub(super) fn compare_keys(
    a: &[(Arc<[u8]>, DatumKind, Datum)],
    b: &[(Arc<[u8]>, DatumKind, Datum)],
) -> Ordering {
    a.iter()
        .zip(b)
        // A key that lacks the first label in which two differ comes first: null is less than all.
        .map(|(x, y)| y.0.cmp(&x.0).then(x.1.cmp(&y.1)).then_with(|| x.2.order(&y.2)))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// What flows between two operations: tables, then perhaps the error that ends the stream.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) tables: Vec<FluxTable>,
    pub(super) error: Option<StreamError>,
}

/// An error in mid-stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StreamError {
    /// Ends the stream with an error table.
    Fails { message: String, internal: bool },
    /// The encoder itself breaks down, and the HTTP handler notices.
    Panics {
        text: String,
        /// Of the table whose rows could not be read.
        columns: Vec<FluxColumn>,
    },
}
