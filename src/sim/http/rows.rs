//! Answers that are written as they are sent, whatever their language.

use std::fmt::Debug;

/// Whether an answer goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    More,
    Done,
}

/// The rows of a query.
pub(crate) trait RowStream: Debug + Send {
    /// Makes the answer end with an error after `rows` rows, or as soon as it can if more were sent.
    fn fail_after(&mut self, rows: u64, message: &str);

    /// Tells an answer that is made whole before it is sent how long it may become.
    fn bound(&mut self, _bytes: u64, _message: &str) {}

    /// Appends at least `limit` bytes, or all that is left.
    fn step(&mut self, out: &mut Vec<u8>, limit: usize) -> Step;

    /// Whether even a short answer is sent in chunks.
    fn flushes(&self) -> bool;
}
