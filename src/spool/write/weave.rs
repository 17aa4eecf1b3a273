//! Rows of several sources woven into one sorted block: which rows go where, then column by column.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, MutableArrayData, make_array};
use arrow::datatypes::DataType;

use crate::model::frame::{FieldType, Frame, Run};
use crate::model::series::{Name, Series};
use crate::spool::format::block;

/// Rows of one source that belong to one series and rise in time.
#[derive(Debug, Clone)]
pub(super) struct Thread {
    /// Which source.
    pub(super) source: usize,
    /// Which of its rows.
    pub(super) rows: Range<usize>,
}

/// What the next rows are made of.
#[derive(Debug)]
enum Piece {
    /// Rows of one source.
    Copy(Thread),
    /// One row in which several meet: of each field, the value that came last.
    Join(Vec<(usize, usize)>),
}

/// The plan of the next rows.
#[derive(Debug, Default)]
pub(super) struct Weave {
    pieces: VecDeque<Piece>,
    /// Series and number of rows.
    runs: VecDeque<(Arc<Series>, usize)>,
    rows: usize,
}

impl Weave {
    /// Rows that are planned and not built.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds rows of one series. The threads stand in the order in which they came: where two hold the same field at the
    /// same time, the later one counts.
    pub(super) fn add(&mut self, series: &Arc<Series>, threads: &[Thread], sources: &[Frame]) {
        let first = |thread: &Thread| block::times(&sources[thread.source])[thread.rows.start];
        let last = |thread: &Thread| block::times(&sources[thread.source])[thread.rows.end - 1];
        let mut ordered: Vec<_> = threads.iter().filter(|thread| !thread.rows.is_empty()).collect();
        ordered.sort_by_key(|thread| first(thread));
        let before = self.rows;
        if ordered.windows(2).all(|pair| last(pair[0]) < first(pair[1])) {
            for thread in ordered {
                self.copy(thread.clone());
            }
        } else {
            self.join(threads, sources);
        }
        let added = self.rows - before;
        match self.runs.back_mut() {
            _ if added == 0 => {}
            // The same series comes in parts when its rows reach over several blocks.
            Some((known, rows)) if Arc::ptr_eq(known, series) || known.tags == series.tags => {
                *rows += added;
            }
            _ => self.runs.push_back((Arc::clone(series), added)),
        }
    }

    fn copy(&mut self, thread: Thread) {
        self.rows += thread.rows.len();
        match self.pieces.back_mut() {
            Some(Piece::Copy(last))
                if last.source == thread.source && last.rows.end == thread.rows.start =>
            {
                last.rows.end = thread.rows.end;
            }
            _ => self.pieces.push_back(Piece::Copy(thread)),
        }
    }

    /// Rows whose times interleave.
    fn join(&mut self, threads: &[Thread], sources: &[Frame]) {
        let mut all: Vec<(i64, usize, usize)> = Vec::new();
        for (order, thread) in threads.iter().enumerate() {
            let times = block::times(&sources[thread.source]);
            all.extend(thread.rows.clone().map(|row| (times[row], order, row)));
        }
        all.sort_unstable();
        for same in all.chunk_by(|a, b| a.0 == b.0) {
            if let [(_, order, row)] = same {
                self.copy(Thread { source: threads[*order].source, rows: *row..row + 1 });
            } else {
                let rows = same.iter().map(|(_, order, row)| (threads[*order].source, *row));
                self.pieces.push_back(Piece::Join(rows.collect()));
                self.rows += 1;
            }
        }
    }

    /// Builds a block of the next rows, so many at the most. There is at least one.
    pub(super) fn build(&mut self, rows_max: usize, sources: &[Frame]) -> Frame {
        let pieces = self.take_pieces(rows_max);
        let rows: usize = pieces.iter().map(Piece::rows).sum();
        self.rows -= rows;
        let runs = self.take_runs(rows);
        let mut columns: BTreeMap<(&Name, FieldType), Vec<Option<&ArrayRef>>> = BTreeMap::new();
        for (at, source) in sources.iter().enumerate() {
            for ((name, kind), column) in source.fields.iter().zip(&source.batch.columns()[1..]) {
                let slots =
                    columns.entry((name, *kind)).or_insert_with(|| vec![None; sources.len()]);
                slots[at] = Some(column);
            }
        }
        let times: Vec<_> = sources.iter().map(|source| Some(source.batch.column(0))).collect();
        let mut arrays = vec![gather(&times, &pieces, rows)];
        let mut fields = Vec::with_capacity(columns.len());
        for ((name, kind), slots) in columns {
            let array = gather(&slots, &pieces, rows);
            if array.null_count() < rows {
                arrays.push(array);
                fields.push((name.clone(), kind));
            }
        }
        block::of(sources[0].measurement.clone(), fields, arrays, runs)
    }

    fn take_pieces(&mut self, rows_max: usize) -> Vec<Piece> {
        let (mut taken, mut room) = (Vec::new(), rows_max);
        while room > 0 {
            match self.pieces.pop_front() {
                None => break,
                Some(Piece::Copy(Thread { source, rows })) if rows.len() > room => {
                    let cut = rows.start + room;
                    taken.push(Piece::Copy(Thread { source, rows: rows.start..cut }));
                    self.pieces.push_front(Piece::Copy(Thread { source, rows: cut..rows.end }));
                    room = 0;
                }
                Some(piece) => {
                    room -= piece.rows();
                    taken.push(piece);
                }
            }
        }
        taken
    }

    fn take_runs(&mut self, rows: usize) -> Vec<Run> {
        let (mut runs, mut end_row) = (Vec::new(), 0);
        while end_row < rows {
            let (series, own) = self.runs.front_mut().expect("every row belongs to a run");
            let taken = (*own).min(rows - end_row);
            end_row += taken;
            *own -= taken;
            runs.push(Run { end_row, series: Arc::clone(series) });
            if *own == 0 {
                self.runs.pop_front();
            }
        }
        runs
    }
}

impl Piece {
    fn rows(&self) -> usize {
        match self {
            Self::Copy(thread) => thread.rows.len(),
            Self::Join(_) => 1,
        }
    }
}

/// One column out of the columns of the sources; a source that does not have it gives nulls.
fn gather(slots: &[Option<&ArrayRef>], pieces: &[Piece], rows: usize) -> ArrayRef {
    let binary = slots.iter().flatten().any(|array| *array.data_type() == DataType::Binary);
    let datas: Vec<_> = slots
        .iter()
        .map(|slot| {
            slot.map(|a| if binary { block::as_binary(a) } else { Arc::clone(a) }.to_data())
        })
        .collect();
    // Place of each source among those that have the column.
    let mut places = Vec::with_capacity(slots.len());
    let mut present = Vec::new();
    for data in &datas {
        places.push(data.as_ref().map(|data| {
            present.push(data);
            present.len() - 1
        }));
    }
    let mut column = MutableArrayData::new(present, true, rows);
    let mut extend = |from: Option<(usize, Range<usize>)>, rows: usize| {
        let extended = match from {
            Some((place, rows)) => column.try_extend(place, rows.start, rows.end),
            None => column.try_extend_nulls(rows),
        };
        extended.expect("what is held at one time has far fewer than 2^31 bytes of strings");
    };
    for piece in pieces {
        match piece {
            Piece::Copy(Thread { source, rows }) => {
                extend(places[*source].map(|place| (place, rows.clone())), rows.len());
            }
            Piece::Join(candidates) => {
                let held = candidates.iter().rev().find_map(|(source, row)| {
                    let data = datas[*source].as_ref()?;
                    (!data.is_null(*row)).then_some((places[*source]?, *row))
                });
                extend(held.map(|(place, row)| (place, row..row + 1)), 1);
            }
        }
    }
    make_array(column.freeze())
}
