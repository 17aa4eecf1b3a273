//! The grammar of an answer: which token may follow which.
//!
//! Keys come in any order, each once, but what a value needs must come before it: the statement before its series, the
//! columns before the values.

use super::content::AnswerContent;
use super::error::Error;
use super::token::AnswerToken;
use crate::model::frame::Frame;
use crate::model::series::{Name, Readable};

/// Where the next token stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between documents.
    Document,
    DocumentKey,
    /// The text of an error of the whole query.
    QueryError,
    /// The code beside such a text.
    ErrorCode,
    Results,
    Result,
    ResultKey,
    StatementId,
    StatementError,
    ResultPartial,
    /// Inside the server's remarks, that many maps and lists deep.
    Messages(u32),
    AllSeries,
    Series,
    SeriesKey,
    Measurement,
    Tags,
    TagKey,
    TagValue,
    Columns,
    Column(usize),
    SeriesPartial,
    Values,
    Row,
    /// A cell of the row: 0 is the time.
    Cell(usize),
}

/// Follows the tokens of one answer.
#[derive(Debug)]
pub(super) struct AnswerGrammar {
    state: State,
    /// Keys seen in the open document, result and series.
    in_document: Seen,
    in_result: Seen,
    in_series: Seen,
    /// Whether the open result and series say that there is more to come.
    is_partial: bool,
    is_open: bool,
    tag_key: Name,
}

/// Keys of one map, a bit each.
#[derive(Debug, Clone, Copy, Default)]
struct Seen(u8);

impl Seen {
    /// Notes a key; false if it was there before.
    fn add(&mut self, key: u8) -> bool {
        let is_new = self.0 & key == 0;
        self.0 |= key;
        is_new
    }

    fn remove(&mut self, key: u8) {
        self.0 &= !key;
    }

    fn has(self, key: u8) -> bool {
        self.0 & key != 0
    }
}

const RESULTS: u8 = 1;
const STATEMENT_ID: u8 = 1;
const SERIES: u8 = 1 << 1;
const PARTIAL: u8 = 1 << 2;
const MESSAGES: u8 = 1 << 3;
const NAME: u8 = 1;
const TAGS: u8 = 1 << 1;
const COLUMNS: u8 = 1 << 3;
const VALUES: u8 = 1 << 4;

impl AnswerGrammar {
    pub(super) fn new() -> Self {
        Self {
            state: State::Document,
            in_document: Seen::default(),
            in_result: Seen::default(),
            in_series: Seen::default(),
            is_partial: false,
            is_open: false,
            tag_key: Name::default(),
        }
    }

    /// True between documents.
    pub(super) fn is_between(&self) -> bool {
        self.state == State::Document
    }

    /// True where a row may begin.
    pub(super) fn is_at_row(&self) -> bool {
        self.state == State::Row
    }

    /// Takes the next token, which begins at that byte.
    pub(super) fn token(
        &mut self,
        token: AnswerToken<'_>,
        byte: u64,
        content: &mut AnswerContent,
        frames: &mut Vec<Frame>,
    ) -> Result<(), Error> {
        self.state = match (self.state, token) {
            (State::Cell(at), token) => match (at, token) {
                (0, AnswerToken::Number(number)) => {
                    content.time(number, byte)?;
                    State::Cell(1)
                }
                (0, token) => {
                    return Err(Error::malformed(byte, format!("{token} in place of a time")));
                }
                (at, AnswerToken::End) => {
                    content.end_row(at - 1, byte, frames)?;
                    State::Row
                }
                (at, token) => {
                    content.cell(at - 1, &token, byte)?;
                    State::Cell(at + 1)
                }
            },
            (State::Row, AnswerToken::List) => State::Cell(0),
            (State::Row, AnswerToken::End) => State::SeriesKey,
            (state, token) => self.frame_token(state, token, byte, content, frames)?,
        };
        Ok(())
    }

    /// Takes a token outside of rows; gives the next state.
    fn frame_token(
        &mut self,
        state: State,
        token: AnswerToken<'_>,
        byte: u64,
        content: &mut AnswerContent,
        frames: &mut Vec<Frame>,
    ) -> Result<State, Error> {
        Ok(match (state, token) {
            (State::Document, AnswerToken::Map) => {
                content.begin_document(byte)?;
                self.in_document = Seen::default();
                State::DocumentKey
            }
            (State::DocumentKey, AnswerToken::Text(key)) => self.document_key(&key, byte)?,
            (State::DocumentKey, AnswerToken::End) if self.in_document.has(RESULTS) => {
                State::Document
            }
            (State::QueryError | State::StatementError, AnswerToken::Text(text)) => {
                let message = String::from_utf8_lossy(&text).into_owned();
                return Err(Error::Query { message });
            }
            (State::Results, AnswerToken::List) => State::Result,
            (State::Result, AnswerToken::End) | (State::ErrorCode, AnswerToken::Text(_)) => {
                State::DocumentKey
            }
            (State::Result, AnswerToken::Map) => {
                (self.in_result, self.is_partial) = (Seen::default(), false);
                State::ResultKey
            }
            (State::ResultKey, AnswerToken::Text(key)) => self.result_key(&key, byte)?,
            (State::ResultKey, AnswerToken::End) if self.in_result.has(STATEMENT_ID) => {
                content.end_result(self.is_partial, byte, frames)?;
                State::Result
            }
            (State::StatementId, AnswerToken::Number(number)) => {
                // A failed statement may have any number; nothing but its error may follow.
                if !content.is_due(number) {
                    self.in_result.remove(STATEMENT_ID);
                }
                State::ResultKey
            }
            (State::ResultPartial, AnswerToken::Boolean(is_partial)) => {
                self.is_partial = is_partial;
                State::ResultKey
            }
            (State::Messages(depth), AnswerToken::Map | AnswerToken::List) => {
                State::Messages(depth + 1)
            }
            (State::Messages(1) | State::Series, AnswerToken::End) => State::ResultKey,
            (State::Messages(depth @ 2..), AnswerToken::End) => State::Messages(depth - 1),
            (State::Messages(depth @ 1..), _) => State::Messages(depth),
            (State::AllSeries, AnswerToken::List) => State::Series,
            (state, token) => self.series_token(state, token, byte, content, frames)?,
        })
    }

    /// Takes a token of a series outside of its rows; gives the next state.
    fn series_token(
        &mut self,
        state: State,
        token: AnswerToken<'_>,
        byte: u64,
        content: &mut AnswerContent,
        frames: &mut Vec<Frame>,
    ) -> Result<State, Error> {
        Ok(match (state, token) {
            (State::Series, AnswerToken::Map) => {
                content.begin_series();
                (self.in_series, self.is_open) = (Seen::default(), false);
                State::SeriesKey
            }
            (State::SeriesKey, AnswerToken::Text(key)) => self.series_key(&key, byte)?,
            (State::SeriesKey, AnswerToken::End) => {
                content.end_series(self.is_open);
                State::Series
            }
            (State::Measurement, AnswerToken::Text(name)) => {
                content.measurement(&name)?;
                State::SeriesKey
            }
            (State::Tags, AnswerToken::Map) => State::TagKey,
            (State::TagKey, AnswerToken::Text(key)) => {
                self.tag_key = (*key).into();
                State::TagValue
            }
            (State::TagKey, AnswerToken::End) => State::SeriesKey,
            (State::TagValue, AnswerToken::Text(value)) => {
                content.tag(std::mem::take(&mut self.tag_key), &value, byte)?;
                State::TagKey
            }
            (State::Columns, AnswerToken::List) => State::Column(0),
            (State::Column(at), AnswerToken::Text(label)) => {
                content.column(at, &label, byte)?;
                State::Column(at + 1)
            }
            (State::Column(count), AnswerToken::End) => {
                content.end_columns(count, byte, frames)?;
                State::SeriesKey
            }
            (State::SeriesPartial, AnswerToken::Boolean(is_partial)) => {
                self.is_open = is_partial;
                State::SeriesKey
            }
            (State::Values, AnswerToken::List) => {
                content.begin_values(byte, frames)?;
                State::Row
            }
            (_, token) => {
                return Err(Error::malformed(byte, format!("{token} where none may stand")));
            }
        })
    }

    fn document_key(&mut self, key: &[u8], byte: u64) -> Result<State, Error> {
        match key {
            b"results" if self.in_document.add(RESULTS) => Ok(State::Results),
            b"error" | b"message" => Ok(State::QueryError),
            b"code" => Ok(State::ErrorCode),
            _ => Err(unexpected(key, byte)),
        }
    }

    fn result_key(&mut self, key: &[u8], byte: u64) -> Result<State, Error> {
        let seen = &mut self.in_result;
        match key {
            b"statement_id" if seen.add(STATEMENT_ID) => Ok(State::StatementId),
            b"series" if seen.has(STATEMENT_ID) && seen.add(SERIES) => Ok(State::AllSeries),
            b"partial" if seen.add(PARTIAL) => Ok(State::ResultPartial),
            b"messages" if seen.add(MESSAGES) => Ok(State::Messages(0)),
            b"error" => Ok(State::StatementError),
            _ => Err(unexpected(key, byte)),
        }
    }

    fn series_key(&mut self, key: &[u8], byte: u64) -> Result<State, Error> {
        let seen = &mut self.in_series;
        let is_early = !seen.has(VALUES);
        match key {
            b"name" if is_early && seen.add(NAME) => Ok(State::Measurement),
            b"tags" if is_early && seen.add(TAGS) => Ok(State::Tags),
            b"columns" if is_early && seen.add(COLUMNS) => Ok(State::Columns),
            b"values" if seen.has(NAME) && seen.has(COLUMNS) && seen.add(VALUES) => {
                Ok(State::Values)
            }
            b"partial" if seen.add(PARTIAL) => Ok(State::SeriesPartial),
            _ => Err(unexpected(key, byte)),
        }
    }
}

fn unexpected(key: &[u8], byte: u64) -> Error {
    Error::malformed(byte, format!("the key {} where it may not stand", Readable(key)))
}
