//! Answers that are written as they are sent, whatever their language.

use super::flux::Encoder;
use super::influxql::Answer;

/// Whether an answer goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    More,
    Done,
}

/// The rows of a query.
#[derive(Debug)]
pub(super) enum Rows {
    Flux(Encoder),
    Influxql(Answer),
}

impl Rows {
    /// Makes the answer end with an error after `rows` rows, or as soon as it can if more were sent.
    pub(super) fn fail_after(&mut self, rows: u64, message: &str) {
        match self {
            Self::Flux(encoder) => encoder.fail_after(rows, message),
            Self::Influxql(answer) => answer.fail_after(rows, message),
        }
    }

    /// Tells an answer that is made whole before it is sent how long it may become.
    pub(super) fn bound(&mut self, bytes: u64, message: &str) {
        if let Self::Influxql(answer) = self {
            answer.bound(bytes, message);
        }
    }

    /// Appends at least `limit` bytes, or all that is left.
    pub(super) fn step(&mut self, out: &mut Vec<u8>, limit: usize) -> Step {
        match self {
            Self::Flux(encoder) => encoder.step(out, limit),
            Self::Influxql(answer) => answer.step(out, limit),
        }
    }

    /// Whether even a short answer is sent in chunks.
    pub(super) const fn flushes(&self) -> bool {
        matches!(self, Self::Flux(_))
    }
}
