//! The streaming decoder: bytes of one answer in, frames out, at whatever places the bytes are cut.
//!
//! ```
//! use sluice::testing::wire::influxql::decoder::{
//!     AskedStatement, Format, InfluxqlDecoder, InfluxqlDecoderSettings,
//! };
//!
//! let statement = AskedStatement {
//!     measurement: (*b"cpu").into(),
//!     types: Default::default(),
//!     series: Default::default(),
//! };
//! let settings = InfluxqlDecoderSettings { format: Format::Json, statements: vec![statement] };
//! let mut decoder = InfluxqlDecoder::new(settings);
//! let mut frames = Vec::new();
//! for chunk in [&br#"{"results":[{"state"#[..], br#"ment_id":0}]}"#] {
//!     decoder.push(chunk, &mut frames)?;
//! }
//! assert_eq!(decoder.finish(&mut frames)?.values_by_statement, [0]);
//! # Ok::<(), sluice::testing::wire::influxql::error::Error>(())
//! ```
//!
//! Frames that came out before an error are right as far as they go, but the answer is not complete: none of its
//! batch may be committed.

use super::content::AnswerContent;
use super::error::Error;
use super::outline::AnswerGrammar;
use super::token::{AnswerToken, NoToken};
use super::{json, messagepack};
use crate::limits;
use crate::model::frame::Frame;
use crate::wire::frames::totals::rows_of;

pub use super::statement::{AskedStatement, Format};
pub use crate::wire::frames::totals::AnswerTotals;

/// What a decoder must know of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InfluxqlDecoderSettings {
    /// The format asked for.
    pub format: Format,
    /// The statements of the query, in their order.
    pub statements: Vec<AskedStatement>,
}

/// Decodes one answer.
#[derive(Debug)]
pub struct InfluxqlDecoder {
    lexer: Lexer,
    outline: AnswerGrammar,
    content: AnswerContent,
    /// The beginning of a token whose end has not come yet.
    carry: Vec<u8>,
    /// Bytes of the answer before the carry.
    byte: u64,
    rows: u64,
}

#[derive(Debug)]
enum Lexer {
    MessagePack(messagepack::MessagePackLexer),
    Json(json::JsonLexer),
}

impl Lexer {
    #[inline]
    fn token<'a>(&mut self, bytes: &'a [u8]) -> Result<(AnswerToken<'a>, usize), NoToken> {
        match self {
            Self::MessagePack(lexer) => lexer.token(bytes),
            Self::Json(lexer) => lexer.token(bytes),
        }
    }

    /// White space between documents at the start of the bytes.
    fn space(&self, bytes: &[u8]) -> usize {
        match self {
            Self::Json(lexer) if lexer.is_between() => json::JsonLexer::space(bytes),
            Self::Json(_) | Self::MessagePack(_) => 0,
        }
    }
}

impl InfluxqlDecoder {
    /// A decoder for one answer.
    pub fn new(settings: InfluxqlDecoderSettings) -> Self {
        let InfluxqlDecoderSettings { format, statements } = settings;
        Self {
            lexer: match format {
                Format::MessagePack => Lexer::MessagePack(messagepack::MessagePackLexer::default()),
                Format::Json => Lexer::Json(json::JsonLexer::default()),
            },
            outline: AnswerGrammar::new(),
            content: AnswerContent::new(format, statements),
            carry: Vec::new(),
            byte: 0,
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
        // A token across the cut is made whole with a little of what follows, and more and more as long as it does not do.
        while !self.carry.is_empty() && !rest.is_empty() {
            let held = self.carry.len();
            let room = limits::INFLUXQL_TOKEN_BYTES_MAX.saturating_sub(held).max(1);
            let step = held.max(CARRY_STEP_BYTES).min(room);
            let (more, after) = rest.split_at(rest.len().min(step));
            self.hold(more)?;
            let mut carry = std::mem::take(&mut self.carry);
            let used = self.take(&carry, frames)?;
            if used >= held {
                rest = &rest[used - held..];
                carry.clear();
            } else {
                rest = after;
                carry.drain(..used);
            }
            self.carry = carry;
        }
        if !rest.is_empty() {
            let used = self.take(rest, frames)?;
            self.hold(&rest[used..])?;
        }
        Ok(())
    }

    /// Keeps the beginning of a token.
    fn hold(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.check_length(self.carry.len() + bytes.len())?;
        self.carry.extend_from_slice(bytes);
        Ok(())
    }

    /// Checks the length of a token, or of as much of it as there is.
    fn check_length(&self, bytes: usize) -> Result<(), Error> {
        const BYTES_MAX: usize = limits::INFLUXQL_TOKEN_BYTES_MAX;
        if bytes <= BYTES_MAX {
            return Ok(());
        }
        Err(Error::TooLong { byte: self.byte, bytes_max: BYTES_MAX })
    }

    /// Takes all whole rows and tokens; gives their length.
    fn take(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<usize, Error> {
        let mut at = 0;
        loop {
            if self.outline.is_at_row() {
                at += self.take_rows(&bytes[at..], frames);
            }
            at += self.advance(self.lexer.space(&bytes[at..]));
            match self.lexer.token(&bytes[at..]) {
                Ok((token, len)) => {
                    self.check_length(len)?;
                    self.outline.token(token, self.byte, &mut self.content, frames)?;
                    at += self.advance(len);
                }
                Err(NoToken::More) => return Ok(at),
                Err(NoToken::Malformed(what)) => return Err(Error::malformed(self.byte, what)),
            }
        }
    }

    /// The fast path: whole rows of the usual form, in steps, so that the bounds are looked at often enough.
    fn take_rows(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> usize {
        let mut at = 0;
        loop {
            let step = &bytes[at..bytes.len().min(at + limits::DECODE_STEP_BYTES_MAX)];
            let (rows, last_time, room) = self.content.held();
            let used = match &mut self.lexer {
                Lexer::MessagePack(lexer) => lexer.rows(step, room, rows, last_time),
                Lexer::Json(lexer) => lexer.rows(step, room, rows, last_time),
            };
            if used == 0 {
                return at;
            }
            at += self.advance(used);
            self.content.make_room(frames);
        }
    }

    fn advance(&mut self, bytes: usize) -> usize {
        self.byte += bytes as u64;
        bytes
    }

    /// The body ended well. Checks that the answer is complete and gives the last frames.
    pub fn finish(mut self, frames: &mut Vec<Frame>) -> Result<AnswerTotals, Error> {
        let incomplete = |what| Error::Incomplete { byte: self.byte, what };
        if !self.carry.is_empty() {
            return Err(incomplete("the last value is not whole"));
        }
        if !self.outline.is_between() {
            return Err(incomplete("the last document is not whole"));
        }
        let known = frames.len();
        let mut totals = self.content.finish(self.byte, frames)?;
        self.rows += rows_of(&frames[known..]);
        totals.rows = self.rows;
        totals.bytes = self.byte;
        Ok(totals)
    }
}

/// What a token across a cut is made whole with at first: more than most of them need.
const CARRY_STEP_BYTES: usize = 64;
