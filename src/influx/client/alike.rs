//! Small answers that come plain, asked for until one comes twice.
//!
//! TLS and gzip bring a checksum, TCP's own misses some flipped bits, and InfluxDB leaves answers of less than some 1.4 kB
//! plain though gzip is asked for. So over `http://` from another machine a small answer counts once a second one has held
//! the same bytes. In any order: the tables of one answer come as the server has them ready. What is told of a bucket that is
//! being written, such as how much is newer than a stop, may change with each answer: the last one counts then.

use bytes::Bytes;
use reqwest::Method;

use super::Client;
use super::exchange::{Answer, HttpCall};
use crate::influx::classify::RequestKind;
use crate::influx::error::{Failure, FailureKind};
use crate::limits::{ALIKE_TRIES_MAX, UNCHECKED_BYTES_MIN};

/// What becomes of answers of which no two are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NeverAlike {
    /// Values that are moved: none is believed.
    Fails,
    /// What is told of the bucket, which may change all the time: the last one counts.
    Counts,
}

impl Client {
    /// Sends once, and again what nothing vouches for.
    pub(in crate::influx) async fn send(&self, call: &HttpCall<'_>) -> Result<Answer, Failure> {
        self.send_alike(call, NeverAlike::Fails).await
    }

    /// The same; `never` says what becomes of answers that never come twice.
    pub(super) async fn send_alike(
        &self,
        call: &HttpCall<'_>,
        never: NeverAlike,
    ) -> Result<Answer, Failure> {
        // Before the gate: who waits there for the server must not have passed it already.
        let slot = match call.kind {
            RequestKind::Query => self.quota().slot(&self.shared.observer).await,
            RequestKind::Write | RequestKind::Api => None,
        };
        let answer = self.send_once(call).await?;
        let answer = Box::pin(self.alike_twice(call, answer, never)).await?;
        Ok(Answer { body: answer.body.holding(slot), ..answer })
    }

    /// True if nothing would show a flipped bit of this answer, and asking again changes nothing.
    fn may_hide_a_flip(&self, call: &HttpCall<'_>, answer: &Answer) -> bool {
        let asks = match call.kind {
            RequestKind::Query => true,
            RequestKind::Api => call.method == Method::GET,
            RequestKind::Write => false,
        };
        asks && !answer.body.is_packed() && self.is_in_the_clear()
    }

    /// The answer, once it has come twice if nothing else vouches for it. One that is large is left to the notice about such answers.
    async fn alike_twice(
        &self,
        call: &HttpCall<'_>,
        first: Answer,
        never: NeverAlike,
    ) -> Result<Answer, Failure> {
        let mut seen: Vec<Vec<u8>> = Vec::new();
        let mut answer = first;
        while self.may_hide_a_flip(call, &answer) {
            let small = self.small(call, &mut answer).await?;
            let Some(bytes) = small.map(|whole| sorted(&whole)) else { return Ok(answer) };
            if bytes.is_empty() || seen.contains(&bytes) {
                return Ok(answer);
            }
            let received = answer.body.wire_bytes();
            seen.push(bytes);
            if seen.len() == ALIKE_TRIES_MAX {
                if never == NeverAlike::Counts {
                    return Ok(answer);
                }
                self.charge(call, received);
                return Err(never_alike());
            }
            answer = self.send_once(call).await?;
            answer.body.after(received);
        }
        Ok(answer)
    }

    async fn small(
        &self,
        call: &HttpCall<'_>,
        answer: &mut Answer,
    ) -> Result<Option<Bytes>, Failure> {
        let small = answer.body.whole_if_small(UNCHECKED_BYTES_MIN).await;
        small.map_err(|failure| {
            self.charge(call, answer.body.wire_bytes());
            self.late(call.kind, failure, answer.begun)
        })
    }

    /// Pays for what no answer is made of.
    fn charge(&self, call: &HttpCall<'_>, received_bytes: u64) {
        if call.kind == RequestKind::Query {
            self.quota().charge(received_bytes);
        }
    }
}

fn never_alike() -> Failure {
    let text = format!(
        "{ALIKE_TRIES_MAX} small answers to one question and no two alike; over http:// nothing else shows a flipped bit"
    );
    Failure::new(FailureKind::Interrupted, text)
}

fn sorted(whole: &Bytes) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    bytes.sort_unstable();
    bytes
}
