//! The streaming decoder: bytes of one answer in, frames out, at whatever places the bytes are cut.
//!
//! ```
//! use sluice::testing::wire::csv::decoder::{CsvDecoder, CsvDecoderSettings};
//!
//! let settings = CsvDecoderSettings { field_label: "~f".to_owned(), ..CsvDecoderSettings::default() };
//! let mut decoder = CsvDecoder::new(settings);
//! let mut frames = Vec::new();
//! for chunk in [&b"\r"[..], b"\n"] {
//!     decoder.push(chunk, &mut frames)?;
//! }
//! let totals = decoder.finish(&mut frames)?;
//! assert_eq!((totals.values, frames.len()), (0, 0));
//! # Ok::<(), sluice::testing::wire::csv::error::Error>(())
//! ```
//!
//! Frames that came out before an error are right as far as they go, but the answer is not complete: none of its
//! batch may be committed.

use memchr::{memchr, memmem};
use serde::Deserialize;

use super::assembly::Assembly;
use super::error::{Error, Position};
use super::outline::{RowGrammar, RowKind};
use super::pivot::PivotAssembly;
use super::row::{RowScanner, Scan};
use crate::limits;
use crate::model::frame::Frame;
use crate::wire::frames::series_of::SeriesOf;
use crate::wire::frames::totals::rows_of;

pub use crate::wire::frames::totals::AnswerTotals;

/// What a decoder must know of the query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CsvDecoderSettings {
    /// How the answer is laid out.
    pub form: Form,
    /// How it names its series.
    pub series: SeriesOf,
    /// The column that holds the field names of a narrow answer: the label of `wire::flux::read`, or `_field`.
    pub field_label: String,
    /// True for `wire::flux::carriage_returns::read_carriage_returns`: strings of a narrow answer come escaped.
    pub unescape_strings: bool,
}

impl CsvDecoderSettings {
    /// For a narrow answer that names everything.
    pub fn whole(field_label: &str) -> Self {
        Self { field_label: field_label.to_owned(), ..Self::default() }
    }
}

/// How an answer is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// One value in a row: `wire::flux::read` and `wire::flux::read_keyed`.
    #[default]
    Narrow,
    /// All fields of one time in a row: `wire::flux::read_pivoted`.
    Pivoted,
}

/// Rows to frames, by form.
#[derive(Debug)]
enum Content {
    Narrow(Box<Assembly>),
    Pivoted(Box<PivotAssembly>),
}

/// Decodes one answer.
#[derive(Debug)]
pub struct CsvDecoder {
    scanner: RowScanner,
    outline: RowGrammar,
    content: Content,
    /// The beginning of a row whose end has not come yet.
    carry: Vec<u8>,
    /// The row after the last whole one.
    position: Position,
    /// The carry can never become a row, for this reason: it is either garbage or holds a JSON error.
    broken: Option<&'static str>,
    rows: u64,
}

/// How JSON errors of the server begin. Inside CSV this text cannot occur, since quotes are doubled there.
const GLUED: &[u8] = b"{\"code\":";

/// The frames of a whole answer of `wire::flux::read`.
pub(crate) fn frames_of(answer: &[u8], field_label: &str) -> Result<Vec<Frame>, Error> {
    let mut decoder = CsvDecoder::new(CsvDecoderSettings::whole(field_label));
    let mut frames = Vec::new();
    decoder.push(answer, &mut frames)?;
    decoder.finish(&mut frames)?;
    Ok(frames)
}

impl CsvDecoder {
    /// A decoder for one answer.
    pub fn new(settings: CsvDecoderSettings) -> Self {
        let CsvDecoderSettings { form, series, field_label, unescape_strings } = settings;
        let content = match form {
            Form::Narrow => {
                Content::Narrow(Box::new(Assembly::new(field_label, unescape_strings, series)))
            }
            Form::Pivoted => Content::Pivoted(Box::new(PivotAssembly::new(series))),
        };
        Self {
            scanner: RowScanner::new(),
            outline: RowGrammar::new(),
            content,
            carry: Vec::new(),
            position: Position::default(),
            broken: None,
            rows: 0,
        }
    }

    /// Takes all the bytes and appends the frames that became ready. After an error the decoder is of no more use.
    pub fn push(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), Error> {
        let known = frames.len();
        let outcome = self.push_bytes(bytes, frames);
        self.rows += rows_of(&frames[known..]);
        outcome
    }

    fn push_bytes(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), Error> {
        let mut rest = bytes;
        // Only a row that lies across the cut is copied, line by line until it is whole.
        while !self.carry.is_empty() && self.broken.is_none() && !rest.is_empty() {
            let line_feed = memchr(b'\n', rest);
            let (line, after) = rest.split_at(line_feed.map_or(rest.len(), |at| at + 1));
            rest = after;
            self.hold(line)?;
            if line_feed.is_some() {
                let mut carry = std::mem::take(&mut self.carry);
                let used = self.take_rows(&carry, frames)?;
                carry.drain(..used);
                self.carry = carry;
            }
        }
        if self.broken.is_none() {
            let used = self.take_rows(rest, frames)?;
            rest = &rest[used..];
        }
        if self.broken.is_some() {
            // Enough to find and read a JSON error in it.
            rest = &rest[..rest.len().min(limits::ERROR_BODY_BYTES_MAX)];
        }
        self.hold(rest)?;
        self.check_broken()
    }

    /// Keeps the beginning of a row.
    fn hold(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.carry.len() + bytes.len() > limits::CSV_ROW_BYTES_MAX {
            return Err(Error::TooLong {
                position: self.position,
                bytes_max: limits::CSV_ROW_BYTES_MAX,
            });
        }
        self.carry.extend_from_slice(bytes);
        Ok(())
    }

    /// Takes all whole rows; gives their length.
    fn take_rows(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<usize, Error> {
        let mut at = 0;
        while at < bytes.len() {
            let (fast_bytes, fast_rows) = match &mut self.content {
                Content::Narrow(narrow) => narrow.rows(&bytes[at..], frames),
                Content::Pivoted(pivot) => pivot.rows(&bytes[at..], self.position, frames)?,
            };
            if fast_bytes > 0 {
                at += self.advance(fast_bytes, fast_rows);
                continue;
            }
            let rest = &bytes[at..];
            match self.scanner.scan(rest) {
                Ok(Scan::Whole(len)) if len <= limits::CSV_ROW_BYTES_MAX => {
                    self.take_row(&rest[..len], frames)?;
                    at += self.advance(len, 1);
                }
                Ok(Scan::Whole(_)) => {
                    return Err(Error::TooLong {
                        position: self.position,
                        bytes_max: limits::CSV_ROW_BYTES_MAX,
                    });
                }
                Ok(Scan::More) => break,
                Err(what) => {
                    self.broken = Some(what);
                    break;
                }
            }
        }
        Ok(at)
    }

    fn advance(&mut self, bytes: usize, rows: u64) -> usize {
        self.scanner.reset();
        self.position.byte += bytes as u64;
        self.position.row += rows;
        bytes
    }

    fn take_row(&mut self, row: &[u8], frames: &mut Vec<Frame>) -> Result<(), Error> {
        let cells = self.scanner.cells();
        let kind = self.outline.row(row, cells, self.position)?;
        match (kind, &mut self.content) {
            (RowKind::Data, Content::Narrow(narrow)) => {
                narrow.row(row, cells, self.position, frames)
            }
            (RowKind::Data, Content::Pivoted(pivot)) => {
                pivot.row(row, cells, self.position, frames)
            }
            (RowKind::Block(block), Content::Narrow(narrow)) => {
                narrow.begin_block(&block, self.position)
            }
            (RowKind::Block(block), Content::Pivoted(pivot)) => {
                pivot.begin_block(&block, self.position)
            }
            (RowKind::Between, Content::Narrow(narrow)) => narrow.end_block(),
            (RowKind::Between, Content::Pivoted(pivot)) => pivot.end_block(self.position, frames),
        }
    }

    /// Reports a broken row, unless it may still turn out to hold a JSON error.
    fn check_broken(&self) -> Result<(), Error> {
        match self.broken {
            Some(what)
                if self.carry.len() > self.scanner.at() + GLUED.len()
                    && memmem::find(&self.carry, GLUED).is_none() =>
            {
                Err(Error::malformed(self.position, what))
            }
            _ => Ok(()),
        }
    }

    /// The body ended well. Checks that the answer is complete and gives the last frames.
    pub fn finish(mut self, frames: &mut Vec<Frame>) -> Result<AnswerTotals, Error> {
        if !self.carry.is_empty() {
            return Err(unfinished(
                &self.carry,
                self.broken.is_some() || self.scanner.scan(&self.carry).is_err(),
                self.position,
            ));
        }
        let results = self.outline.finish(self.position)?;
        if results != 1 {
            return Err(Error::Results { found: results });
        }
        let known = frames.len();
        let mut totals = match self.content {
            Content::Narrow(mut narrow) => {
                narrow.finish(frames);
                narrow.totals
            }
            Content::Pivoted(mut pivot) => {
                pivot.finish(self.position, frames)?;
                pivot.totals
            }
        };
        self.rows += rows_of(&frames[known..]);
        totals.rows = self.rows;
        totals.bytes = self.position.byte;
        totals.values_by_statement = vec![totals.values];
        Ok(totals)
    }
}

/// What a body that ends inside a row means.
pub(super) fn unfinished(row: &[u8], broken: bool, position: Position) -> Error {
    #[derive(Deserialize)]
    struct Glued {
        message: String,
    }
    if !broken {
        return Error::Incomplete { position, what: "the last row is not whole" };
    }
    let Some(at) = memmem::find(row, GLUED) else {
        return Error::malformed(position, "the last row is not CSV");
    };
    let text = &row[at..];
    let message = match serde_json::from_slice(text) {
        Ok(Glued { message }) => message,
        Err(_) => String::from_utf8_lossy(&text[..text.len().min(limits::ERROR_BODY_BYTES_MAX)])
            .into_owned(),
    };
    Error::GluedError { message }
}
