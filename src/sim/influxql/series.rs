//! What a statement answers with, before it is written.

use super::format::{AnswerWriter, ResultCell, SeriesHead};
use super::rows::MergedRows;

/// One series of a result.
#[derive(Debug, Clone)]
pub(super) struct ResultSeries {
    pub(super) head: SeriesHead,
    pub(super) content: SeriesContent,
}

#[derive(Debug, Clone)]
pub(super) enum SeriesContent {
    Ready(std::vec::IntoIter<Vec<ResultCell>>),
    Read {
        rows: MergedRows,
        /// 0 for all.
        limit: u64,
    },
}

impl ResultSeries {
    pub(super) fn ready(head: SeriesHead, rows: Vec<Vec<ResultCell>>) -> Self {
        Self { head, content: SeriesContent::Ready(rows.into_iter()) }
    }

    /// How many rows are left.
    pub(super) fn rows(&self) -> u64 {
        match &self.content {
            SeriesContent::Ready(rows) => rows.len() as u64,
            SeriesContent::Read { rows, limit: 0 } => rows.rows(),
            SeriesContent::Read { rows, limit } => rows.rows().min(*limit),
        }
    }

    /// Writes the next row.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, writer: &mut AnswerWriter, first: bool) {
        match &mut self.content {
            SeriesContent::Read { rows, .. } => rows.write(out, writer, first),
            SeriesContent::Ready(rows) => {
                let Some(cells) = rows.next() else { return };
                writer.open_row(out, cells.len(), first);
                for (at, cell) in cells.iter().enumerate() {
                    if at > 0 {
                        writer.separator(out);
                    }
                    writer.cell(out, cell);
                }
                writer.close_row(out);
            }
        }
    }

    /// True if the real server takes two series for one when it gathers a whole answer: it compares a hash of keys and
    /// values that are joined without anything between them.
    pub(super) fn looks_like(&self, other: &Self) -> bool {
        let joined = |series: &Self| -> Vec<u8> {
            let pairs = series.head.tags.iter();
            pairs.flat_map(|(key, value)| key.iter().chain(value.iter())).copied().collect()
        };
        self.head.name == other.head.name && joined(self) == joined(other)
    }
}

/// How a result is cut into pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pieces {
    /// By rows, each piece telling whether there are more.
    ByRows,
    /// One series each.
    BySeries,
    /// Not at all.
    Whole,
}

/// What one statement answers.
#[derive(Debug, Clone)]
pub(super) enum StatementOutcome {
    Series(Vec<ResultSeries>, Pieces),
    /// An error; the statements behind it are not executed.
    Fails(String),
    /// An error like any other, but the statements behind it are executed.
    Refuses(String),
    /// No result at all.
    Silent,
}
