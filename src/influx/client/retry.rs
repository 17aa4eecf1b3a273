//! Whole answers: sent again while the trouble is temporary and tries are left.

use std::time::Duration;

use tokio::time::Instant;

use super::Client;
use super::alike::NeverAlike;
use super::complete::{Incomplete, check};
use super::exchange::HttpCall;
use crate::influx::classify::{Action, RequestKind, action, is_temporary};
use crate::influx::error::{Error, Failure, FailureKind};
use crate::influx::query_text::classify_query_text;
use crate::influx::signal::{Signal, WaitCause};
use crate::limits::{
    FIRST_ANSWER_MS_MAX, FIRST_TRIES_MAX, MISREAD_TRIES_MAX, QUOTA_SMALL_BYTES_PREDICTED,
    SMALL_RESPONSE_BYTES_MAX, UNFRAMED_TRIES_MAX,
};
use crate::model::scale::whole_ms;

impl Client {
    /// Sends until the answer is whole, the trouble is not temporary, or the tries are used up.
    pub(in crate::influx) async fn whole(&self, call: &HttpCall<'_>) -> Result<Vec<u8>, Error> {
        self.whole_as(call, Ok).await
    }

    /// The same until `read` makes something of the answer. What it makes nothing of more than a few times is no damage.
    pub(in crate::influx) async fn whole_as<T>(
        &self,
        call: &HttpCall<'_>,
        read: impl Fn(Vec<u8>) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        let mut backoff = self.backoff();
        let begun = Instant::now();
        let (mut attempt, mut misread) = (1, 0);
        loop {
            let answer = self.whole_once(call).await;
            let read = answer.and_then(|answer| read(answer).inspect_err(|_| misread += 1));
            let failure = match read {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let error = self.error(call.what, failure).after(attempt, whole_ms(begun.elapsed()));
            let is_enough = misread >= MISREAD_TRIES_MAX || self.is_enough(&error, begun);
            if is_enough || !is_temporary(call.kind, &error.kind) {
                return Err(error);
            }
            let side = self.shared.side;
            let what = call.what.to_owned();
            (self.shared.observer)(Signal::Retried { side, what, attempt, error: error.cause() });
            if action(&error.kind) != Action::BackOff {
                self.pause(backoff.next_ms()).await;
            }
            attempt += 1;
        }
    }

    /// True if no more tries are worth it. Before a server has ever answered, its address is more likely wrong than its
    /// trouble passing; and what an old proxy does to an answer it does to the next one.
    fn is_enough(&self, error: &Error, begun: Instant) -> bool {
        match error.kind {
            FailureKind::Unframed => error.attempts >= UNFRAMED_TRIES_MAX,
            kind if !self.is_reached() => {
                let asked_ms = match kind {
                    FailureKind::RateLimited { retry_after_ms }
                    | FailureKind::Unavailable { retry_after_ms } => retry_after_ms.unwrap_or(0),
                    _ => 0,
                };
                error.attempts >= FIRST_TRIES_MAX
                    || whole_ms(begun.elapsed()).saturating_add(asked_ms) >= FIRST_ANSWER_MS_MAX
                    || error.attempts > self.retries_max()
            }
            _ => error.attempts > self.retries_max(),
        }
    }

    pub(in crate::influx) async fn whole_once(
        &self,
        call: &HttpCall<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let mut admission = match call.kind {
            RequestKind::Query => Some(self.admit(QUOTA_SMALL_BYTES_PREDICTED).await),
            RequestKind::Write | RequestKind::Api => None,
        };
        let mut answer = self.send_alike(call, NeverAlike::Counts).await?;
        if let Some(admission) = &mut admission {
            admission.begun(answer.begun);
        }
        let whole = answer.body.whole(SMALL_RESPONSE_BYTES_MAX).await;
        if let Some(admission) = &mut admission {
            admission.record(answer.body.wire_bytes().max(answer.body.decoded_bytes()));
            self.note_body(answer.body.is_packed(), answer.body.decoded_bytes());
        }
        let bytes = whole.map_err(|failure| self.late(call.kind, failure, answer.begun))?;
        check(call.content, &bytes).map_err(|incomplete| self.incomplete(incomplete))?;
        Ok(bytes)
    }

    fn incomplete(&self, incomplete: Incomplete) -> Failure {
        match incomplete {
            Incomplete::Cut => {
                Failure::new(FailureKind::Interrupted, "the last result has no end mark")
            }
            Incomplete::Malformed(text) => Failure::new(FailureKind::Interrupted, text),
            Incomplete::Error(text) => {
                let kind = classify_query_text(&text);
                self.back_off(&kind);
                Failure::new(kind, text)
            }
        }
    }

    async fn pause(&self, wait_ms: u64) {
        let (side, cause) = (self.shared.side, WaitCause::Backoff);
        let begun = Instant::now();
        (self.shared.observer)(Signal::WaitBegan { side, cause, wait_ms });
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        let waited_ms = whole_ms(begun.elapsed());
        (self.shared.observer)(Signal::WaitEnded { side, cause, waited_ms });
    }
}
