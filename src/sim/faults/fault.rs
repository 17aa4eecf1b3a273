//! What can go wrong.

use crate::sim::data::line::scan_line;
use crate::sim::data::store::BucketStore;
use crate::sim::dbrp::Dbrp;
use crate::sim::go::text::json_string;
use crate::sim::http::request::HttpRequest;

/// On which side of a request a change lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The request sees it.
    Before,
    /// The request does not see it, and every request after its answer does.
    After,
}

/// A change of what a server holds, made by somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreChange {
    /// Lines with times in nanoseconds are written.
    Write {
        /// The bucket, by name.
        bucket: String,
        /// Line protocol.
        lines: Vec<u8>,
    },
    /// Values with `start <= time < stop` are deleted, or forgotten by a server that had acknowledged them.
    Delete {
        /// The bucket, by name.
        bucket: String,
        /// Of this measurement; of all if none.
        measurement: Option<Vec<u8>>,
        /// The first time.
        start: i64,
        /// The time behind the last one.
        stop: i64,
    },
    /// Two buckets get each other's names.
    Exchange {
        /// The one.
        bucket: String,
        /// The other one.
        other: String,
    },
    /// A name of InfluxQL is made.
    Map(Dbrp),
}

impl StoreChange {
    fn write(bucket: &str, lines: &[u8]) -> Self {
        Self::Write { bucket: bucket.to_owned(), lines: lines.to_vec() }
    }

    /// Carries it out. What a store refuses is left out: lines of another type.
    pub(crate) fn apply(&self, store: &BucketStore) {
        match self {
            Self::Write { bucket, lines } => drop(store.write_lp(bucket, lines)),
            Self::Delete { bucket, measurement, start, stop } => {
                store.delete(bucket, measurement.as_deref(), *start, *stop);
            }
            Self::Map(made) => store.map(made.clone()),
            Self::Exchange { bucket, other } => {
                let ids = [bucket, other].map(|name| store.bucket(name).map(|found| found.id));
                if let [Some(id), Some(other_id)] = ids {
                    store.update(&id, |info| info.name.clone_from(other));
                    store.update(&other_id, |info| info.name.clone_from(bucket));
                }
            }
        }
    }
}

/// What is changed by [`Fault::Damage`]: always the lowest digit or bit, so that the bytes keep their form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DamagePlace {
    /// The time of a row.
    Time,
    /// A number of a row.
    Number,
    /// A letter of a text.
    Letter,
}

/// How the end of a damaged answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DamageEnd {
    /// As if nothing had happened. In a gzip answer, which is made of any answer that the client takes so, the checksum is
    /// that of the true content.
    Checksum,
    /// As if nothing had happened, the checksum too.
    Silent,
    /// The last bytes of the plain body are missing, and HTTP says that it is complete.
    CutClean {
        /// How many.
        bytes: u64,
    },
    /// The last bytes of the body as sent are missing, and the connection is closed.
    Cut {
        /// How many.
        bytes: u64,
    },
    /// The last bytes of the body as sent are missing, and the connection is reset.
    Reset {
        /// How many.
        bytes: u64,
    },
}

/// Lines of a write that are not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgotten {
    /// All.
    All,
    /// All from this one on, counted from 0.
    From(usize),
    /// Every second one, the first of them too.
    EverySecond,
}

impl Forgotten {
    /// A write without these lines.
    pub(crate) fn leave_out(self, request: HttpRequest) -> HttpRequest {
        let body = request.plain_body().unwrap_or_default();
        let (mut kept, mut at, mut number) = (Vec::new(), 0, 0);
        while at < body.len() {
            let end = (scan_line(&body, at) + 1).min(body.len());
            let keeps = match self {
                Self::All => false,
                Self::From(first) => number < first,
                Self::EverySecond => number % 2 == 1,
            };
            if keeps {
                kept.extend_from_slice(&body[at..end]);
            }
            (at, number) = (end, number + 1);
        }
        request.with_plain_body(kept)
    }
}

/// What goes wrong. Bytes are those of the body as sent, before chunk framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Somebody else changes what the server holds. A request that meets another rule too gets both: each rule of this
    /// kind that matches strikes.
    Change {
        /// Before or after the request.
        when: When,
        /// What is changed.
        change: StoreChange,
    },
    /// Values or times of the answer are changed, and only its end may tell.
    Damage {
        /// Bytes of the plain body that stay as they are.
        after_bytes: u64,
        /// How many places are changed from there on.
        places: u32,
        /// Which.
        place: DamagePlace,
        /// How the end tells.
        end: DamageEnd,
    },
    /// One bit of the body as sent is another one.
    Flip {
        /// Its byte; beyond the end nothing happens.
        at_byte: u64,
        /// 0 to 7.
        bit: u8,
    },
    /// One bit of the body of the request, as it came, is another one.
    FlipAsked {
        /// Its byte; beyond the end nothing happens.
        at_byte: usize,
        /// 0 to 7.
        bit: u8,
    },
    /// One bit of a word of the body as sent is another one: of the first such word in it.
    Misspell {
        /// The word.
        word: &'static str,
    },
    /// The answer is that to another request, as something in between mixes them up: to the same with these texts in place of
    /// those.
    Mistake {
        /// What stands in the request, and what in the other one.
        texts: Vec<(String, String)>,
    },
    /// A write is acknowledged, and some of its lines are not stored.
    Forget {
        /// Which lines.
        lines: Forgotten,
    },
    /// From here on nothing is answered on any connection, until the faults are cleared: requests are read, and silence
    /// follows. What a client asked that is gone by then is never carried out.
    Hang,
    /// The connection is closed without an answer.
    Refuse,
    /// The connection is reset after this many bytes of the body.
    Reset {
        /// Bytes sent before.
        after_bytes: u64,
    },
    /// The connection is closed after this many bytes: no terminating chunk.
    Cut {
        /// Bytes sent before.
        after_bytes: u64,
    },
    /// The body ends after this many bytes, and HTTP says that it is complete.
    CutClean {
        /// Bytes sent before.
        after_bytes: u64,
    },
    /// Silence in the middle of the body; at 0 before the head.
    Stall {
        /// Bytes sent before.
        after_bytes: u64,
        /// Length of the silence.
        ms: u64,
    },
    /// The body trickles.
    Drip {
        /// Bytes sent at once.
        bytes: usize,
        /// Pause between.
        tick_ms: u64,
    },
    /// Another answer.
    Status {
        /// HTTP status.
        status: u16,
        /// `Retry-After`, as text.
        retry_after: Option<String>,
        /// The body, JSON or not.
        body: String,
    },
    /// HTTP 200, and an error after this many rows: an error table in Flux, a result that is an error in InfluxQL. There
    /// a chunk that is not full by then, or not followed by another row, is lost, as on the real server; an answer
    /// that is not chunked holds the error alone.
    ErrorTable {
        /// Rows read before.
        after_rows: u64,
        /// The error's text.
        message: String,
    },
    /// The server's query timeout strikes at once, in its set form.
    Timeout,
    /// The request is carried out, and the connection reset instead of an answer.
    LostAck,
    /// The answer comes as an old proxy passes it on: HTTP/1.0, neither a length nor chunks, and the end of the connection.
    Unframed,
}

impl Fault {
    /// A request as it is carried out.
    pub(crate) fn carried_out(&self, request: HttpRequest) -> HttpRequest {
        match self {
            Self::Forget { lines } => lines.leave_out(request),
            Self::Mistake { texts } => {
                let body = request.plain_body().unwrap_or_default();
                let mut body = String::from_utf8_lossy(&body).into_owned();
                for (this, other) in texts {
                    body = body.replace(this, other);
                }
                request.with_plain_body(body.into_bytes())
            }
            Self::FlipAsked { at_byte, bit } => {
                let mut request = request;
                if let Some(byte) = request.body.get_mut(*at_byte) {
                    *byte ^= 1 << bit;
                }
                request
            }
            _ => request,
        }
    }

    /// These lines are in the bucket from before the request on.
    pub fn written_before(bucket: &str, lines: &[u8]) -> Self {
        Self::Change { when: When::Before, change: StoreChange::write(bucket, lines) }
    }

    /// These lines are in the bucket once the request was carried out.
    pub fn written_after(bucket: &str, lines: &[u8]) -> Self {
        Self::Change { when: When::After, change: StoreChange::write(bucket, lines) }
    }

    /// 401 with the body of the real server.
    pub fn unauthorized() -> Self {
        Self::error(401, None, "unauthorized", "unauthorized access")
    }

    /// 413 as a server behind a proxy answers it.
    pub fn too_large() -> Self {
        Self::error(
            413,
            None,
            "request too large",
            "unable to read data: points batch is too large",
        )
    }

    /// 422 with this text.
    pub fn unprocessable(message: &str) -> Self {
        Self::error(422, None, "unprocessable entity", message)
    }

    /// 429 with this `Retry-After`.
    pub fn too_many(retry_after_s: Option<u64>) -> Self {
        let retry_after = retry_after_s.map(|seconds| seconds.to_string());
        Self::error(
            429,
            retry_after,
            "too many requests",
            "org 0000000000000001 has exceeded limited_query plan limit",
        )
    }

    /// 503 with this `Retry-After`.
    pub fn unavailable(retry_after_s: Option<u64>) -> Self {
        let retry_after = retry_after_s.map(|seconds| seconds.to_string());
        Self::error(503, retry_after, "unavailable", "service unavailable")
    }

    fn error(status: u16, retry_after: Option<String>, code: &str, message: &str) -> Self {
        let message = json_string(message.as_bytes());
        Self::Status {
            status,
            retry_after,
            body: format!("{{\"code\":\"{code}\",\"message\":{message}}}"),
        }
    }

    /// A short name for records.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Reset { .. } => "reset",
            Self::Cut { .. } => "cut",
            Self::CutClean { .. } => "cut clean",
            Self::Stall { .. } => "stall",
            Self::Drip { .. } => "drip",
            Self::Status { .. } => "status",
            Self::ErrorTable { .. } => "error table",
            Self::Timeout => "timeout",
            Self::LostAck => "lost ack",
            Self::Unframed => "unframed",
            Self::Change { .. } => "change",
            Self::Damage { .. } => "damage",
            Self::Flip { .. } => "flip",
            Self::FlipAsked { .. } => "flip asked",
            Self::Misspell { .. } => "misspell",
            Self::Mistake { .. } => "mistake",
            Self::Forget { .. } => "forget",
            Self::Hang => "hang",
        }
    }
}
