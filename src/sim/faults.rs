//! Misbehaviour on command: which requests are hit, and how.

use std::collections::VecDeque;

use super::http::Request;

/// Which requests a rule looks at. Empty texts match everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matcher {
    /// Method, such as `POST`.
    pub method: String,
    /// Beginning of the path, such as `/api/v2/query`.
    pub path: String,
    /// Text inside the body, after JSON decoding for Flux; for InfluxQL text inside the statements, wherever they are.
    pub body: String,
    /// Matching requests that are let through first.
    pub skip: u32,
}

impl Matcher {
    /// Requests whose path begins with `path`.
    pub fn path(path: &str) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }

    /// The same, but only bodies that hold `text`.
    #[must_use]
    pub fn body(self, text: &str) -> Self {
        Self { body: text.to_owned(), ..self }
    }

    /// The same, but only after `requests` matching ones.
    #[must_use]
    pub fn skip(self, requests: u32) -> Self {
        Self { skip: requests, ..self }
    }

    fn matches(&self, request: &Request) -> bool {
        let method = self.method.is_empty() || self.method == request.method;
        let found = |text: &[u8]| memchr::memmem::find(text, self.body.as_bytes()).is_some();
        let body = || {
            self.body.is_empty()
                || found(&request.body)
                || super::query::script_of(&request.body).is_some_and(|script| found(&script))
                || super::influxql::statements_of(request).is_some_and(|text| found(&text))
        };
        method && request.path.starts_with(&self.path) && body()
    }
}

/// What goes wrong. Bytes are those of the body as sent, before chunk framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
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
        let message = super::text::json_string(message.as_bytes());
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
        }
    }
}

/// One fault for some requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Which requests.
    pub matcher: Matcher,
    /// How many of them.
    pub times: u32,
    /// What happens.
    pub fault: Fault,
}

/// Rules in order: the first one that matches and is not used up strikes.
#[derive(Debug, Clone, Default)]
pub struct FaultScript {
    rules: VecDeque<Rule>,
}

impl FaultScript {
    /// No faults.
    pub const fn none() -> Self {
        Self { rules: VecDeque::new() }
    }

    /// Adds a rule at the end.
    #[must_use]
    pub fn with(mut self, matcher: Matcher, times: u32, fault: Fault) -> Self {
        self.push(Rule { matcher, times, fault });
        self
    }

    /// Adds a rule at the end.
    pub fn push(&mut self, rule: Rule) {
        self.rules.push_back(rule);
    }

    /// True once no rule is left.
    pub fn is_used_up(&self) -> bool {
        self.rules.is_empty()
    }

    /// The fault for a request.
    pub(super) fn strike(&mut self, request: &Request) -> Option<Fault> {
        for at in 0..self.rules.len() {
            let rule = &mut self.rules[at];
            if !rule.matcher.matches(request) {
                continue;
            }
            if rule.matcher.skip > 0 {
                rule.matcher.skip -= 1;
                continue;
            }
            rule.times = rule.times.saturating_sub(1);
            let fault = rule.fault.clone();
            if rule.times == 0 {
                self.rules.remove(at);
            }
            return Some(fault);
        }
        None
    }
}
