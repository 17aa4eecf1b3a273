//! Rows of a pivoted table. They are put together when the table is written, so that a large answer needs no large memory.

use std::collections::HashMap;
use std::sync::Arc;

use super::cell::{Datum, FluxColumn, Picked, RunCell, Segment};
use crate::model::frame::FieldType;
use crate::sim::data::chunk::Chunk;

/// One table before it is pivoted.
#[derive(Debug)]
pub(super) struct Input {
    /// Where its values go.
    pub(super) column: usize,
    pub(super) segments: Vec<Segment>,
}

/// What the rows of one pivoted table are made of.
#[derive(Debug)]
pub(super) struct PivotedRows {
    /// The columns before those of the fields; nothing for the time.
    pub(super) head: Vec<Option<Datum>>,
    pub(super) inputs: Vec<Input>,
}

fn times(segment: &Segment) -> std::slice::Iter<'_, i64> {
    segment.chunk.times[segment.rows.clone()].iter()
}

impl PivotedRows {
    /// The rows, in the order in which their times are met.
    pub(super) fn segments(&self, columns: &[FluxColumn]) -> Vec<Segment> {
        let fields = columns.len() - self.head.len();
        self.aligned(fields).unwrap_or_else(|| vec![self.gathered(fields)])
    }

    fn head(&self) -> Vec<RunCell> {
        self.head.iter().map(|datum| datum.clone().map_or(RunCell::Time, RunCell::Same)).collect()
    }

    /// Where every field has the same times, each once: then rows need no search.
    fn aligned(&self, fields: usize) -> Option<Vec<Segment>> {
        let (first, others) = self.inputs.split_first()?;
        if self.inputs.len() != fields {
            return None;
        }
        // Tables of several series may hold one time twice.
        let rises = first
            .segments
            .windows(2)
            .all(|pair| times(&pair[0]).next_back() < times(&pair[1]).next());
        let like_first = |input: &Input| {
            input.segments.len() == first.segments.len()
                && input.segments.iter().zip(&first.segments).all(|(a, b)| times(a).eq(times(b)))
        };
        if !rises || !others.iter().all(like_first) {
            return None;
        }
        let build = |(number, segment): (usize, &Segment)| {
            let mut cells = self.head();
            cells.extend(self.inputs.iter().map(|input| {
                let other = &input.segments[number];
                let behind = other.rows.start.wrapping_sub(segment.rows.start).cast_signed();
                RunCell::Beside(Arc::clone(&other.chunk), behind)
            }));
            Segment { cells, chunk: Arc::clone(&segment.chunk), rows: segment.rows.clone() }
        };
        Some(first.segments.iter().enumerate().map(build).collect())
    }

    fn gathered(&self, fields: usize) -> Segment {
        let mut times = Vec::new();
        let mut row_of: HashMap<i64, usize> = HashMap::new();
        let mut picked: Vec<_> =
            (0..fields).map(|_| Picked { chunks: Vec::new(), rows: Vec::new() }).collect();
        for input in &self.inputs {
            let column = &mut picked[input.column - self.head.len()];
            for segment in &input.segments {
                column.chunks.push(Arc::clone(&segment.chunk));
                for at in segment.rows.clone() {
                    let time = segment.chunk.times[at];
                    let row = *row_of.entry(time).or_insert_with(|| {
                        times.push(time);
                        times.len() - 1
                    });
                    if column.rows.len() <= row {
                        column.rows.resize(row + 1, None);
                    }
                    // A later value of the same time wins.
                    column.rows[row] = Some((column.chunks.len() - 1, at));
                }
            }
        }
        let rows = 0..times.len();
        let mut cells = self.head();
        cells.extend(picked.into_iter().map(|mut column| {
            column.rows.resize(rows.end, None);
            RunCell::Picked(Arc::new(column))
        }));
        let chunk = Chunk { times, ..Chunk::empty(FieldType::Integer) };
        Segment { cells, chunk: Arc::new(chunk), rows }
    }
}
