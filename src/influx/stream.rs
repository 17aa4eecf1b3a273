//! The streamed answer to one query.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::body::Body;
use super::client::Client;
use super::error::{Error, Failure, FailureKind};
use super::quota::Admission;
use crate::model::scale::whole_ms;

/// Bytes of one answer, as they come. Rows may be used at once, but nothing counts until [`QueryStream::next`] has said `None`.
pub struct QueryStream {
    client: Client,
    what: String,
    body: Body,
    admission: Option<Admission>,
    begun: Instant,
    handed_out: Instant,
    reader_busy: Duration,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Flowing,
    Complete,
    Broken,
}

impl QueryStream {
    pub(super) fn new(client: Client, what: &str, body: Body, begun: Instant) -> Self {
        Self {
            client,
            what: what.to_owned(),
            body,
            admission: None,
            begun,
            handed_out: Instant::now(),
            reader_busy: Duration::ZERO,
            state: State::Flowing,
        }
    }

    /// Charges this answer to an admission: recorded as it flows, settled when it ends, breaks or is dropped.
    #[must_use]
    pub fn charge(mut self, mut admission: Admission) -> Self {
        admission.begun(self.begun);
        self.admission = Some(admission);
        self
    }

    /// The next bytes. `None` only after a proper end of the HTTP message and a matching gzip trailer; the mark
    /// at the end of the format is the caller's to check.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        match self.state {
            State::Flowing => {}
            State::Complete => return Ok(None),
            State::Broken => {
                let failure = Failure::new(FailureKind::Interrupted, "read on behind a failure");
                return Err(self.client.error(&self.what, failure));
            }
        }
        self.reader_busy += self.handed_out.elapsed();
        let next = self.body.next().await;
        self.handed_out = Instant::now();
        let received = self.received_bytes();
        if let Some(admission) = &mut self.admission {
            admission.record(received);
        }
        match next {
            Ok(Some(bytes)) => Ok(Some(bytes)),
            Ok(None) => {
                self.end(State::Complete);
                Ok(None)
            }
            Err(failure) => {
                self.end(State::Broken);
                Err(self.client.query_error(&self.what, failure, self.begun))
            }
        }
    }

    /// For an answer that cannot be read: what its checksum says of it, where it has one. Reads on to its end; `Ok` if
    /// nothing is wrong with the answer as it was sent, or nothing can be known.
    pub async fn verified(&mut self) -> Result<(), Error> {
        while self.body.is_packed() && self.next().await?.is_some() {}
        Ok(())
    }

    fn end(&mut self, state: State) {
        self.client.note_body(self.body.is_packed(), self.body.decoded_bytes());
        self.state = state;
        self.admission = None;
    }

    /// Bytes as they came over the wire.
    pub fn wire_bytes(&self) -> u64 {
        self.body.wire_bytes()
    }

    /// Bytes handed out.
    pub fn decoded_bytes(&self) -> u64 {
        self.body.decoded_bytes()
    }

    /// What the quota is held against: the larger of the two.
    pub fn received_bytes(&self) -> u64 {
        self.wire_bytes().max(self.decoded_bytes())
    }

    /// Time since the query was sent.
    pub fn elapsed_ms(&self) -> u64 {
        whole_ms(self.begun.elapsed())
    }

    /// The same, unrounded.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Time in which the answer waited for its reader.
    pub fn reader_busy(&self) -> Duration {
        self.reader_busy
    }
}

impl fmt::Debug for QueryStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryStream")
            .field("what", &self.what)
            .field("state", &self.state)
            .field("wire_bytes", &self.wire_bytes())
            .field("decoded_bytes", &self.decoded_bytes())
            .finish_non_exhaustive()
    }
}
