//! Rows of one series of an answer: the values of one time side by side, put together as they are written. Series of
//! storage that the grouping does not tell apart are merged in the order of the real server, which for equal times
//! follows from its heap.

use std::cmp::Ordering;
use std::sync::Arc;

use super::format::{AnswerWriter, Conversion, ResultCell};
use crate::sim::data::chunk::{Chunk, ColumnValues};

/// What one column takes from one series of one shard group.
#[derive(Debug, Clone)]
pub(super) enum ColumnSource {
    /// Null in every row.
    Null,
    /// A tag.
    Text(Arc<[u8]>),
    Values(ChunkCursor),
}

#[derive(Debug, Clone)]
pub(super) struct ChunkCursor {
    pub(super) chunk: Arc<Chunk>,
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) conversion: Conversion,
}

impl ChunkCursor {
    fn time(&self) -> Option<i64> {
        (self.at < self.end).then(|| self.chunk.times[self.at])
    }
}

/// One series of one shard group.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    sources: Vec<ColumnSource>,
    /// Rows end behind this time.
    last: i64,
    time: Option<i64>,
}

impl Leaf {
    pub(super) fn new(sources: Vec<ColumnSource>, last: i64) -> Self {
        let mut leaf = Self { sources, last, time: None };
        leaf.find_time();
        leaf
    }

    fn cursors(&self) -> impl Iterator<Item = &ChunkCursor> {
        self.sources.iter().filter_map(|source| match source {
            ColumnSource::Values(cursor) => Some(cursor),
            _ => None,
        })
    }

    fn find_time(&mut self) {
        let time = self.cursors().filter_map(ChunkCursor::time).min();
        self.time = time.filter(|&time| time <= self.last);
    }

    /// True without any row.
    pub(super) const fn is_empty(&self) -> bool {
        self.time.is_none()
    }

    /// Moves on to the next row.
    fn advance(&mut self) {
        let Some(time) = self.time else { return };
        for source in &mut self.sources {
            if let ColumnSource::Values(cursor) = source
                && cursor.time() == Some(time)
            {
                cursor.at += 1;
            }
        }
        self.find_time();
    }

    /// How many rows are left.
    pub(super) fn rows(&self) -> u64 {
        let mut cursors = self.cursors();
        let times = |cursor: &ChunkCursor| cursor.at..cursor.end;
        if let Some(first) = cursors.next() {
            let of_first = &first.chunk.times[times(first)];
            let rises = of_first.last().is_none_or(|&time| time <= self.last)
                && of_first.first().is_none_or(|first| of_first.get(1) != Some(first));
            if rises && cursors.all(|cursor| &cursor.chunk.times[times(cursor)] == of_first) {
                return of_first.len() as u64;
            }
        }
        let mut leaf = self.clone();
        let mut rows = 0;
        while leaf.time.is_some() {
            rows += 1;
            leaf.advance();
        }
        rows
    }

    /// How many values one column has left.
    pub(super) fn values(&self, column: usize) -> u64 {
        match &self.sources[column] {
            ColumnSource::Values(cursor) => (cursor.end - cursor.at) as u64,
            _ => 0,
        }
    }

    fn text(&self, column: usize) -> Option<&[u8]> {
        match &self.sources[column] {
            ColumnSource::Text(text) => Some(text),
            ColumnSource::Values(cursor) if cursor.time() == self.time => {
                match &cursor.chunk.values {
                    ColumnValues::String(values) => Some(&values[cursor.at]),
                    _ => None,
                }
            }
            ColumnSource::Null | ColumnSource::Values(_) => None,
        }
    }

    fn write(&self, out: &mut Vec<u8>, writer: &mut AnswerWriter, first: bool) {
        let Some(time) = self.time else { return };
        writer.open_row(out, self.sources.len() + 1, first);
        writer.cell(out, &ResultCell::Time(time));
        for source in &self.sources {
            writer.separator(out);
            match source {
                ColumnSource::Values(cursor) if cursor.time() == Some(time) => {
                    writer.value(out, &cursor.chunk.values, cursor.at, cursor.conversion);
                }
                ColumnSource::Text(text) => writer.cell(out, &ResultCell::Text(Arc::clone(text))),
                _ => writer.cell(out, &ResultCell::Null),
            }
        }
        writer.close_row(out);
    }
}

/// Rows of several series in the order of their times.
#[derive(Debug, Clone)]
pub(super) enum MergedRows {
    One(Leaf),
    Merged {
        parts: Vec<MergedRows>,
        /// Numbers of the parts that have rows, as a heap.
        heap: Vec<usize>,
        /// Columns in the order in which equal times are compared.
        order: Arc<[usize]>,
    },
}

impl MergedRows {
    pub(super) fn merged(mut parts: Vec<Self>, order: &Arc<[usize]>) -> Self {
        if parts.len() == 1
            && let Some(one) = parts.pop()
        {
            return one;
        }
        let heap = (0..parts.len()).filter(|&part| parts[part].leaf().time.is_some()).collect();
        let order = Arc::clone(order);
        let mut rows = Self::Merged { parts, heap, order };
        rows.build_heap();
        rows
    }

    /// The series of the next row, or one without any.
    fn leaf(&self) -> &Leaf {
        match self {
            Self::One(leaf) => leaf,
            Self::Merged { parts, heap, .. } => parts[heap.first().copied().unwrap_or(0)].leaf(),
        }
    }

    /// True if there is another row.
    pub(super) fn has_row(&self) -> bool {
        match self {
            Self::One(leaf) => leaf.time.is_some(),
            Self::Merged { heap, .. } => !heap.is_empty(),
        }
    }

    /// How many rows are left.
    pub(super) fn rows(&self) -> u64 {
        match self {
            Self::One(leaf) => leaf.rows(),
            Self::Merged { parts, .. } => parts.iter().map(Self::rows).sum(),
        }
    }

    /// How many values one column has left.
    pub(super) fn values(&self, column: usize) -> u64 {
        match self {
            Self::One(leaf) => leaf.values(column),
            Self::Merged { parts, .. } => parts.iter().map(|part| part.values(column)).sum(),
        }
    }

    /// Writes the next row and moves on.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, writer: &mut AnswerWriter, first: bool) {
        self.leaf().write(out, writer, first);
        self.advance();
    }

    pub(super) fn advance(&mut self) {
        match self {
            Self::One(leaf) => leaf.advance(),
            Self::Merged { parts, heap, order } => {
                // As Go's container/heap pops and pushes: where times are equal, the order shows it.
                let Some(last) = heap.len().checked_sub(1) else { return };
                heap.swap(0, last);
                sift_down(parts, &mut heap[..last], order, 0);
                let part = heap[last];
                parts[part].advance();
                if parts[part].has_row() {
                    sift_up(parts, heap, order, last);
                } else {
                    heap.pop();
                }
            }
        }
    }

    fn build_heap(&mut self) {
        if let Self::Merged { parts, heap, order } = self {
            for at in (0..heap.len() / 2).rev() {
                sift_down(parts, heap, order, at);
            }
        }
    }
}

fn less(parts: &[MergedRows], a: usize, b: usize, order: &[usize]) -> bool {
    let (a, b) = (parts[a].leaf(), parts[b].leaf());
    match a.time.cmp(&b.time) {
        Ordering::Equal => {
            for &column in order {
                match (a.text(column), b.text(column)) {
                    (Some(x), Some(y)) if x == y => {}
                    (Some(x), Some(y)) => return x < y,
                    // Only strings are compared; anything else ends it.
                    _ => return false,
                }
            }
            false
        }
        unequal => unequal.is_lt(),
    }
}

fn sift_down(parts: &[MergedRows], heap: &mut [usize], order: &[usize], from: usize) {
    let mut at = from;
    loop {
        let left = 2 * at + 1;
        if left >= heap.len() {
            return;
        }
        let right = left + 1;
        let child = if right < heap.len() && less(parts, heap[right], heap[left], order) {
            right
        } else {
            left
        };
        if !less(parts, heap[child], heap[at], order) {
            return;
        }
        heap.swap(at, child);
        at = child;
    }
}

fn sift_up(parts: &[MergedRows], heap: &mut [usize], order: &[usize], from: usize) {
    let mut at = from;
    while at > 0 {
        let above = (at - 1) / 2;
        if !less(parts, heap[at], heap[above], order) {
            return;
        }
        heap.swap(at, above);
        at = above;
    }
}
