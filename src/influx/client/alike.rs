//! Small answers that come plain, asked for until one comes twice.
//!
//! TLS and gzip bring a checksum, TCP's own misses some flipped bits, and InfluxDB leaves answers of less than some 1.4 kB
//! plain though gzip is asked for. So over `http://` from another machine a small answer counts once a second one has held
//! the same bytes. In any order: the tables of one answer come as the server has them ready.

use bytes::Bytes;
use reqwest::Method;

use super::Client;
use super::exchange::{Answer, HttpCall};
use crate::influx::classify::RequestKind;
use crate::influx::error::{Failure, FailureKind};
use crate::influx::signal::Signal;
use crate::limits::{ALIKE_TRIES_MAX, UNCHECKED_BYTES_MIN};

impl Client {
    /// True if nothing would show a flipped bit of this answer, and asking again changes nothing.
    pub(super) fn may_hide_a_flip(&self, call: &HttpCall<'_>, answer: &Answer) -> bool {
        let asks = match call.kind {
            RequestKind::Query => true,
            RequestKind::Api => call.method == Method::GET,
            RequestKind::Write => false,
        };
        asks && !answer.body.is_packed() && self.is_in_the_clear()
    }

    /// The answer, once it has come twice. One that is large is left to the notice about such answers.
    pub(super) async fn alike_twice(
        &self,
        call: &HttpCall<'_>,
        first: Answer,
    ) -> Result<Answer, Failure> {
        let mut seen: Vec<Vec<u8>> = Vec::new();
        let mut answer = first;
        loop {
            if answer.body.is_packed() {
                return Ok(answer);
            }
            let small = self.small(call, &mut answer).await?;
            let Some(bytes) = small.map(|whole| sorted(&whole)) else { return Ok(answer) };
            if bytes.is_empty() || seen.contains(&bytes) {
                return Ok(answer);
            }
            let received = answer.body.wire_bytes();
            if seen.len() == ALIKE_TRIES_MAX - 1 {
                self.charge(call, received);
                return Err(never_alike());
            }
            if !seen.is_empty() {
                self.tell_difference(call, seen.len());
            }
            seen.push(bytes);
            answer = self.send_once(call).await?;
            answer.body.after(received);
        }
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

    fn tell_difference(&self, call: &HttpCall<'_>, answers: usize) {
        let error = "two small answers to one question, without a checksum, differ".to_owned();
        let attempt = u32::try_from(answers).unwrap_or(u32::MAX);
        let (side, what) = (self.shared.side, call.what.to_owned());
        self.observe(Signal::Retried { side, what, attempt, error });
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
