//! Writes results one after the other, in steps: one document, or one for each piece of a chunked answer.

use std::collections::VecDeque;
use std::ops::Range;

use super::format::AnswerWriter;
use super::series::{Pieces, ResultSeries, StatementOutcome};
use crate::sim::http::rows::{RowStream, Step};

/// Rows of a piece where the client does not say how many.
pub(crate) const PIECE_ROWS: u64 = 10_000;

/// What a statement that was never begun fails with.
const NOT_EXECUTED: &str = "not executed";

/// One result.
#[derive(Debug, Clone)]
enum Entry {
    Series { id: usize, series: Vec<ResultSeries>, pieces: Pieces },
    Error { id: usize, message: String },
}

/// Rows of one series, or of several that the server takes for one.
#[derive(Debug, Clone)]
struct Piece {
    series: Range<usize>,
    rows: u64,
    /// Whether there are more rows of the series.
    partial_series: bool,
    /// Whether there is more of the result.
    partial_result: bool,
}

/// The result that is being written.
#[derive(Debug, Clone)]
struct Current {
    id: usize,
    series: Vec<ResultSeries>,
    pieces: VecDeque<Piece>,
    /// How many series the result or each part of it seems to have.
    seen: usize,
    /// Whether each piece is a result of its own.
    parted: bool,
    /// Pieces that were written.
    done: usize,
    /// Rows of the first piece that are left, once it was begun.
    left: Option<u64>,
    /// The next series of the first piece.
    at: usize,
}

/// An answer to some statements.
#[derive(Debug, Clone)]
pub(crate) struct InfluxqlAnswer {
    entries: VecDeque<Entry>,
    writer: AnswerWriter,
    /// Rows of a piece; `None` for one document.
    chunk_rows: Option<u64>,
    statements: usize,
    /// Results of the one document.
    results: usize,
    current: Option<Current>,
    begun: bool,
    written: usize,
    rows_written: u64,
    fail_after: Option<(u64, String)>,
    done: bool,
}

impl InfluxqlAnswer {
    /// `outcomes` are those of the first of all `statements`, up to one that fails.
    pub(super) fn new(
        outcomes: Vec<StatementOutcome>,
        statements: usize,
        writer: AnswerWriter,
        chunk_rows: Option<u64>,
    ) -> Self {
        let mut entries = VecDeque::new();
        for (id, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                StatementOutcome::Silent => {}
                StatementOutcome::Series(series, pieces) => {
                    entries.push_back(Entry::Series { id, series, pieces });
                }
                StatementOutcome::Refuses(message) => {
                    entries.push_back(Entry::Error { id, message });
                }
                StatementOutcome::Fails(message) => {
                    entries.extend(failed(id, message, statements, chunk_rows.is_some()));
                    break;
                }
            }
        }
        Self {
            entries,
            writer,
            chunk_rows,
            statements,
            results: 0,
            current: None,
            begun: false,
            written: 0,
            rows_written: 0,
            fail_after: None,
            done: false,
        }
    }

    fn advance(&mut self, out: &mut Vec<u8>, target: usize) {
        if !self.begun {
            self.begin(out);
        } else if self.current.is_some() {
            self.continue_current(out, target);
        } else {
            match self.entries.pop_front() {
                None => {
                    if self.chunk_rows.is_none() {
                        self.writer.close_document(out, self.results);
                    }
                    self.done = true;
                }
                Some(Entry::Error { id, message }) => {
                    self.open_document(out);
                    self.writer.error(out, id, &message);
                    self.close_document(out);
                }
                Some(Entry::Series { id, .. }) if self.chunk_rows.is_some() && self.strikes(0) => {
                    self.strike(id);
                }
                Some(Entry::Series { id, series, pieces }) => {
                    self.current = Some(self.cut(id, series, pieces));
                }
            }
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        self.begun = true;
        if self.chunk_rows.is_some() {
            return;
        }
        // One document is sent once all of it is read: what fails is known before the first byte.
        if let Some((rows, message)) = self.fail_after.take() {
            self.strike_whole(rows, &message);
        }
        self.results = self.entries.len();
        self.writer.open_document(out, self.results);
    }

    fn strike_whole(&mut self, rows: u64, message: &str) {
        let mut read = 0;
        let strikes = |entry: &Entry| match entry {
            Entry::Error { .. } => false,
            Entry::Series { series, .. } => {
                read += series.iter().map(ResultSeries::rows).sum::<u64>();
                read >= rows
            }
        };
        if let Some(at) = self.entries.iter().position(strikes)
            && let Some(Entry::Series { id, .. }) = self.entries.get(at)
        {
            let failed = failed(*id, message.to_owned(), self.statements, false);
            self.entries.truncate(at);
            self.entries.extend(failed);
        }
    }

    /// A piece of a chunked answer is a document of its own.
    fn open_document(&mut self, out: &mut Vec<u8>) {
        if self.chunk_rows.is_some() {
            self.writer.open_document(out, 1);
        } else if self.written > 0 {
            self.writer.separator(out);
        }
        self.written += 1;
    }

    fn close_document(&self, out: &mut Vec<u8>) {
        if self.chunk_rows.is_some() {
            self.writer.close_document(out, 1);
        }
    }

    /// Cuts a result into pieces.
    fn cut(&self, id: usize, series: Vec<ResultSeries>, by: Pieces) -> Current {
        let mut pieces: Vec<Piece> = Vec::new();
        let piece =
            |series, rows| Piece { series, rows, partial_series: false, partial_result: false };
        let parted = self.chunk_rows.is_some() && by != Pieces::Whole;
        let chunk_rows = self.chunk_rows.unwrap_or(PIECE_ROWS);
        for (at, one) in series.iter().enumerate() {
            let rows = one.rows();
            if !parted {
                // What looks like the series before is added to it.
                match pieces.last_mut().filter(|last| one.looks_like(&series[last.series.start])) {
                    Some(last) => {
                        last.series.end = at + 1;
                        last.rows += rows;
                    }
                    None => pieces.push(piece(at..at + 1, rows)),
                }
                continue;
            }
            let mut left = rows;
            while left > 0 {
                let rows = if by == Pieces::ByRows { left.min(chunk_rows) } else { left };
                left -= rows;
                pieces.push(Piece { partial_series: left > 0, ..piece(at..at + 1, rows) });
            }
        }
        let last = pieces.len().saturating_sub(1);
        for (at, piece) in pieces.iter_mut().enumerate() {
            piece.partial_result = parted && by == Pieces::ByRows && at < last;
        }
        let seen = if parted { 1 } else { pieces.len() };
        Current { id, series, pieces: pieces.into(), seen, parted, done: 0, left: None, at: 0 }
    }

    fn continue_current(&mut self, out: &mut Vec<u8>, target: usize) {
        let Some(mut current) = self.current.take() else { return };
        if current.pieces.is_empty() && current.series.is_empty() {
            self.open_document(out);
            self.writer.open_result(out, current.id, 0, false);
            self.writer.close_result(out, 0, false);
            self.close_document(out);
            return;
        }
        let Some(piece) = current.pieces.front().cloned() else { return };
        let left = if let Some(left) = current.left {
            left
        } else {
            if self.chunk_rows.is_some() && self.strikes(piece.rows) {
                self.strike(current.id);
                return;
            }
            self.open_piece(out, &current, &piece);
            current.at = piece.series.start;
            piece.rows
        };
        let left = self.write_rows(out, target, &mut current, &piece, left);
        current.left = Some(left);
        if left == 0 {
            self.close_piece(out, &current, &piece);
            current.left = None;
            current.done += 1;
            current.pieces.pop_front();
            if current.pieces.is_empty() {
                return;
            }
        }
        self.current = Some(current);
    }

    /// Whether a chunked answer fails before a piece of so many rows is sent, which it is once the row behind it was read.
    fn strikes(&self, rows: u64) -> bool {
        let due = |(after, _): &(u64, String)| self.rows_written + rows >= *after;
        self.fail_after.as_ref().is_some_and(due)
    }

    fn strike(&mut self, id: usize) {
        let message = self.fail_after.take().map_or_else(String::new, |(_, message)| message);
        self.entries = failed(id, message, self.statements, true).into();
    }

    fn open_piece(&mut self, out: &mut Vec<u8>, current: &Current, piece: &Piece) {
        if current.parted || current.done == 0 {
            self.open_document(out);
            self.writer.open_result(out, current.id, current.seen, piece.partial_result);
        } else {
            self.writer.separator(out);
        }
        let head = &current.series[piece.series.start].head;
        self.writer.open_series(out, head, piece.rows, piece.partial_series);
    }

    fn close_piece(&mut self, out: &mut Vec<u8>, current: &Current, piece: &Piece) {
        self.writer.close_series(out, piece.partial_series);
        if current.parted || current.pieces.len() == 1 {
            self.writer.close_result(out, current.seen, piece.partial_result);
            self.close_document(out);
        }
        self.rows_written += piece.rows;
    }

    /// Writes rows until the piece ends or `target` is reached; how many are left.
    fn write_rows(
        &mut self,
        out: &mut Vec<u8>,
        target: usize,
        current: &mut Current,
        piece: &Piece,
        left: u64,
    ) -> u64 {
        let mut left = left;
        let mut of_series = u64::MAX;
        if piece.series.len() > 1 {
            of_series = current.series[current.at].rows();
        }
        while left > 0 && out.len() < target {
            if of_series == 0 {
                current.at += 1;
                of_series = current.series[current.at].rows();
                continue;
            }
            current.series[current.at].write(out, &mut self.writer, left == piece.rows);
            left -= 1;
            of_series -= 1;
        }
        left
    }
}

impl RowStream for InfluxqlAnswer {
    /// Makes the answer fail once this many rows were read, or at the end of the piece if more were. A chunk that is not
    /// full or not followed by another row is lost with the error; one document is lost whole.
    fn fail_after(&mut self, rows: u64, message: &str) {
        self.fail_after = Some((rows, message.to_owned()));
    }

    /// Lets one document fail if it is longer than this: it would not have been sent before it was whole.
    fn bound(&mut self, bytes: u64, message: &str) {
        if self.chunk_rows.is_some() {
            return;
        }
        let (mut trial, mut part, mut length) = (self.clone(), Vec::new(), 0);
        while length <= bytes && trial.step(&mut part, STEP_BYTES) == Step::More {
            length += part.len() as u64;
            part.clear();
        }
        if length + part.len() as u64 > bytes {
            self.fail_after(0, message);
        }
    }

    fn step(&mut self, out: &mut Vec<u8>, limit: usize) -> Step {
        let target = out.len().saturating_add(limit);
        while !self.done && out.len() < target {
            self.advance(out, target);
        }
        if self.done { Step::Done } else { Step::More }
    }

    fn flushes(&self) -> bool {
        false
    }
}

/// Bytes of a trial that are kept at once.
const STEP_BYTES: usize = 64 * 1024;

/// The results from a statement that fails on. The real server numbers those that were not executed like the one that
/// failed, and one document shows the last of equal numbers alone.
fn failed(id: usize, message: String, statements: usize, chunked: bool) -> Vec<Entry> {
    let skipped = statements.saturating_sub(id + 1);
    let not_executed = || Entry::Error { id, message: NOT_EXECUTED.to_owned() };
    match (chunked, skipped) {
        (_, 0) => vec![Entry::Error { id, message }],
        (false, _) => vec![not_executed()],
        (true, _) => {
            let mut all = vec![Entry::Error { id, message }];
            all.extend((0..skipped).map(|_| not_executed()));
            all
        }
    }
}
