//! The grammar of an answer: which row may follow which, and when an answer is complete.

use super::block::{Annotations, Block};
use super::error::{Error, Position};
use super::row::CsvCell;
use crate::model::series::Name;

/// What a row is.
#[derive(Debug)]
pub(super) enum RowKind {
    /// A row of values of the open block.
    Data,
    /// A header: a block begins.
    Block(Block),
    /// An annotation, or a blank line: the block before it, if any, has ended.
    Between,
}

#[derive(Debug)]
enum State {
    /// No byte yet.
    Start,
    /// After a blank line, which may have ended a result.
    Blank,
    Annotated(Annotations),
    Block,
    /// After the header of an error table.
    ErrorHeader,
}

/// Follows the rows of one answer.
#[derive(Debug)]
pub(super) struct RowGrammar {
    state: State,
    result: Option<Name>,
    results: u64,
}

impl RowGrammar {
    pub(super) fn new() -> Self {
        Self { state: State::Start, result: None, results: 0 }
    }

    /// Takes the next row.
    pub(super) fn row(
        &mut self,
        row: &[u8],
        cells: &[CsvCell],
        position: Position,
    ) -> Result<RowKind, Error> {
        if let State::ErrorHeader = self.state {
            return Err(query_error(row, cells));
        }
        if row == b"\r\n" {
            return self.blank(position);
        }
        match (&mut self.state, row[0]) {
            (State::Block, b',') => Ok(RowKind::Data),
            (State::Annotated(annotations), b'#') => {
                annotations.take(row, cells, position)?;
                Ok(RowKind::Between)
            }
            (State::Start | State::Blank, b'#') => {
                let mut annotations = Annotations::default();
                annotations.take(row, cells, position)?;
                self.state = State::Annotated(annotations);
                Ok(RowKind::Between)
            }
            (State::Start | State::Blank | State::Annotated(_), b',') => {
                self.header(row, cells, position)
            }
            _ => Err(Error::malformed(
                position,
                "a row that begins neither with a comma nor, after a blank line, with #",
            )),
        }
    }

    fn blank(&mut self, position: Position) -> Result<RowKind, Error> {
        match self.state {
            State::Annotated(_) => {
                return Err(Error::malformed(position, "a blank line among annotations"));
            }
            State::Start | State::Blank => {
                // Nothing since the last blank line: that one ended a result, and this one is an empty result.
                self.results += 1;
                self.result = None;
            }
            State::Block | State::ErrorHeader => {}
        }
        self.state = State::Blank;
        Ok(RowKind::Between)
    }

    fn header(
        &mut self,
        row: &[u8],
        cells: &[CsvCell],
        position: Position,
    ) -> Result<RowKind, Error> {
        if cells.get(1).is_some_and(|cell| *cell.content(row) == *b"error") {
            self.state = State::ErrorHeader;
            return Ok(RowKind::Between);
        }
        let State::Annotated(annotations) = std::mem::replace(&mut self.state, State::Block) else {
            return Err(Error::malformed(position, "a header without annotations"));
        };
        let block = annotations.end(row, cells, position)?;
        if self.result.as_ref() != Some(&block.result) {
            self.results += 1;
            self.result = Some(block.result.clone());
        }
        Ok(RowKind::Block(block))
    }

    /// The body ended well after a whole row: true completeness, as far as the body itself can tell. Gives the number
    /// of results.
    pub(super) fn finish(&self, position: Position) -> Result<u64, Error> {
        let what = match self.state {
            State::Blank => return Ok(self.results),
            State::Start => "no byte at all",
            State::Annotated(_) => "no header after the annotations",
            State::Block => "no blank line after the last row",
            State::ErrorHeader => "no message in the error table",
        };
        Err(Error::Incomplete { position, what })
    }
}

fn query_error(row: &[u8], cells: &[CsvCell]) -> Error {
    let text = |at: usize| {
        cells
            .get(at)
            .map(|cell| String::from_utf8_lossy(&cell.content(row)).into_owned())
            .unwrap_or_default()
    };
    Error::Query { message: text(1), reference: text(2) }
}
