//! What can go wrong with a request, sorted by what a caller can do about it.

use std::fmt;

use crate::limits::{ERROR_BODY_BYTES_MAX, ERROR_SHOWN_CHARS_MAX};
use crate::model::printable::push_printable;
use crate::model::side::Side;

/// Kinds of failure. [`super::classify::action`] says what to do about each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// No connection: name, network, refused.
    Connect,
    /// The server's certificate or its TLS is not acceptable.
    Tls,
    /// A proxy refuses to connect.
    Proxy,
    /// Our deadline, or the server's own limit for a query.
    Timeout,
    /// The answer broke off, fell silent, or was damaged.
    Interrupted,
    /// The answer has neither a length nor chunks: nobody can tell whether all of it came.
    Unframed,
    /// 429: over a rate.
    RateLimited {
        /// What the server asked us to wait, clamped.
        retry_after_ms: Option<u64>,
    },
    /// 503, a full queue, or a storage engine that is too busy.
    Unavailable {
        /// What the server asked us to wait, clamped.
        retry_after_ms: Option<u64>,
    },
    /// Any other trouble of the server that may pass.
    ServerError,
    /// The query needs more memory than the server grants.
    MemoryLimit,
    /// The destination's write cache is full.
    CacheFull,
    /// The disk that the server stores to is full. What it acknowledged may be gone when it is started again.
    DiskFull,
    /// The token is not known, or could not be read.
    Unauthorized,
    /// The token lacks the right.
    Forbidden,
    /// Organization, bucket or path missing; for queries also no right to read the bucket.
    NotFound,
    /// The limit for series is reached: a person has to act.
    Cardinality,
    /// The request itself is at fault, and would be again.
    BadRequest,
    /// A write body over the limit of the server or of a proxy.
    TooLarge,
    /// Some points of a write were refused, the others kept.
    PartialWrite,
    /// The address redirects; not followed, for the token's sake.
    Redirect,
    /// Not an answer of InfluxDB: a page of a proxy, most likely.
    Unexpected,
    /// An InfluxDB of another kind: 1.x, 3, Cloud Serverless, Cloud Dedicated.
    OtherProduct,
    /// The answer is larger than our bound.
    TooBig,
}

impl FailureKind {
    /// True for what a proxy may have said or done instead of the server.
    pub(super) fn may_be_of_a_proxy(self) -> bool {
        matches!(
            self,
            Self::Connect
                | Self::Tls
                | Self::Proxy
                | Self::Timeout
                | Self::Interrupted
                | Self::Unframed
                | Self::Unavailable { .. }
                | Self::ServerError
                | Self::Forbidden
                | Self::Redirect
                | Self::Unexpected
        )
    }

    /// True for what tells, before the first answer, that the address or the way to it is wrong.
    fn is_of_the_way(self) -> bool {
        self.may_be_of_a_proxy() && self != Self::Forbidden
    }

    /// True where the message is a whole sentence about the address.
    fn tells_all(self) -> bool {
        matches!(self, Self::Connect | Self::Tls | Self::Unexpected | Self::OtherProduct)
    }

    /// The kind for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Proxy => "proxy",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
            Self::Unframed => "unframed",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "unavailable",
            Self::ServerError => "server_error",
            Self::MemoryLimit => "memory_limit",
            Self::CacheFull => "cache_full",
            Self::DiskFull => "disk_full",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Cardinality => "cardinality",
            Self::BadRequest => "bad_request",
            Self::TooLarge => "too_large",
            Self::PartialWrite => "partial_write",
            Self::Redirect => "redirect",
            Self::Unexpected => "unexpected",
            Self::OtherProduct => "other_product",
            Self::TooBig => "too_big",
        }
    }

    /// The kind in words, to follow "the source" or a colon.
    pub fn words(self) -> &'static str {
        match self {
            Self::Connect => "cannot connect",
            Self::Tls => "no trusted TLS connection",
            Self::Proxy => "a proxy is in the way",
            Self::Timeout => "timed out",
            Self::Interrupted => "the answer broke off",
            Self::Unframed => "the answer does not tell where it ends",
            Self::RateLimited { .. } => "rate limited",
            Self::Unavailable { .. } => "not available",
            Self::ServerError => "server error",
            Self::MemoryLimit => "over the memory limit of the server",
            Self::CacheFull => "the write cache of the server is full",
            Self::DiskFull => {
                "the disk of the server is full; once there is room start it again, and move the data into a new bucket: \
                 InfluxDB can lose what it has acknowledged then"
            }
            Self::Unauthorized => "the token was refused",
            Self::Forbidden => "the token lacks the right",
            Self::NotFound => "not found, or not readable with this token",
            Self::Cardinality => "over the limit for series",
            Self::BadRequest => "the request was refused",
            Self::TooLarge => "the body is too large",
            Self::PartialWrite => "some points were refused",
            Self::Redirect => "the address redirects, which is not followed with a token",
            Self::Unexpected => "this is not an answer of InfluxDB",
            Self::OtherProduct => "this is another InfluxDB than 2.x",
            Self::TooBig => "the answer is larger than allowed",
        }
    }
}

/// A cause in another library.
pub(crate) type ForeignCause = Box<dyn std::error::Error + Send + Sync>;

/// A request that failed. Holds no token: the client strikes it out of every text.
#[derive(Debug)]
pub struct Error(Box<Detail>);

/// What is known about a failed request.
#[derive(Debug)]
pub struct Detail {
    /// Which server.
    pub side: Side,
    /// What was attempted.
    pub what: String,
    /// What kind of failure.
    pub kind: FailureKind,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The server's text, or ours if there was none.
    pub message: String,
    /// Tries, the first included.
    pub attempts: u32,
    /// Time from the first try to the failure of the last.
    pub elapsed_ms: u64,
    /// What to do about it, where that is known.
    pub cure: Option<&'static str>,
    /// True if the server had answered this client before.
    pub reached: bool,
    /// Its address, and where that stands, once there is a client for it.
    pub address: Option<(String, String)>,
    /// The cause below.
    pub source: Option<ForeignCause>,
}

impl Error {
    pub(super) fn new(side: Side, what: &str, failure: Failure) -> Self {
        let Failure { kind, status, mut message, cure, source } = failure;
        let mut end = message.len().min(ERROR_BODY_BYTES_MAX);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        let what = what.to_owned();
        Self(Box::new(Detail {
            side,
            what,
            kind,
            status,
            message,
            attempts: 1,
            elapsed_ms: 0,
            cure,
            reached: true,
            address: None,
            source,
        }))
    }

    #[must_use]
    pub(super) fn reached(mut self, reached: bool) -> Self {
        self.0.reached = reached;
        self
    }

    #[must_use]
    pub(super) fn at(mut self, address: &str, from: &str) -> Self {
        self.0.address = Some((address.to_owned(), from.to_owned()));
        self
    }

    #[must_use]
    pub(super) fn after(mut self, attempts: u32, elapsed_ms: u64) -> Self {
        self.0.attempts = attempts;
        self.0.elapsed_ms = elapsed_ms;
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> FailureKind {
        self.0.kind
    }

    /// True if the server stumbled over the query: it fails each time.
    pub(crate) fn is_panic(&self) -> bool {
        self.0.kind == FailureKind::BadRequest && is_panic(&self.0.message)
    }

    /// The failure in words, without who and what.
    pub fn cause(&self) -> String {
        let Detail { kind, status, message, .. } = &*self.0;
        let mut text = kind.words().to_owned();
        if let Some(status) = status {
            text.extend([" (status ", &status.to_string(), ")"]);
        }
        if !message.is_empty() {
            text.push_str(": ");
            text.push_str(&self.shown_message());
        }
        text
    }
}

impl std::ops::Deref for Error {
    type Target = Detail;

    fn deref(&self) -> &Detail {
        &self.0
    }
}

impl Error {
    /// What to do about it, unless that is known better.
    #[must_use]
    pub(super) fn or_cure(mut self, cure: &'static str) -> Self {
        self.0.cure.get_or_insert(cure);
        self
    }

    /// The whole sentence but for what to do.
    pub fn without_cure(&self) -> String {
        let Detail { side, what, attempts, elapsed_ms, .. } = &*self.0;
        let after = match attempts {
            0 | 1 => String::new(),
            _ if *elapsed_ms < 1_000 => format!(", after {attempts} attempts in under 1 s"),
            _ => format!(", after {attempts} attempts in {} s", elapsed_ms.div_ceil(1_000)),
        };
        match self.of_first_contact() {
            Some(text) => format!("{side}: {text}{after}"),
            None => format!("{side}: {what}: {}{after}", self.cause()),
        }
    }

    /// What is wrong with the address, where nothing has ever answered there as it should: then it does not matter what was
    /// asked.
    pub fn of_first_contact(&self) -> Option<String> {
        let Detail { kind, reached, address, .. } = &*self.0;
        let (address, from) = address.as_ref()?;
        let from = if from.is_empty() { String::new() } else { format!(" ({from})") };
        let why = if kind.tells_all() { self.shown_message() } else { self.cause() };
        match kind {
            FailureKind::OtherProduct => Some(format!("{address}{from}: {why}")),
            FailureKind::Unexpected if !reached => Some(format!("{address}{from}: {why}")),
            kind if !reached && kind.is_of_the_way() => {
                Some(format!("cannot reach {address}{from}: {why}"))
            }
            _ => None,
        }
    }

    /// The server's text, or ours, as it may be printed.
    fn shown_message(&self) -> String {
        let message = &self.0.message;
        let mut text = String::new();
        // A server's text must not steer the terminal.
        push_printable(&mut text, message.chars().take(ERROR_SHOWN_CHARS_MAX));
        if message.chars().nth(ERROR_SHOWN_CHARS_MAX).is_some() {
            text.push_str("...");
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.without_cure())?;
        match self.0.cure {
            Some(cure) => write!(f, " (cure: {cure})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// A failure below the client, which adds side and purpose.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) status: Option<u16>,
    pub(super) message: String,
    pub(super) cure: Option<&'static str>,
    pub(super) source: Option<ForeignCause>,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, status: None, message: message.into(), cure: None, source: None }
    }

    #[must_use]
    pub(super) fn curable(mut self, cure: &'static str) -> Self {
        self.cure = Some(cure);
        self
    }

    #[must_use]
    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    #[must_use]
    pub(super) fn caused_by(mut self, source: impl Into<ForeignCause>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// Panics of the server that what it stores brings about: they would come again.
const PANICS: [&str; 2] = ["a panic has occurred", "panic: interface conversion"];

/// True for the words of a server that stumbled over a query.
pub(super) fn is_panic(text: &str) -> bool {
    PANICS.iter().any(|panic| text.contains(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_one_sentence() {
        let failure =
            Failure::new(FailureKind::NotFound, "could not find bucket \"b\"").with_status(404);
        let error = Error::new(Side::Source, "count of 2020", failure);
        assert_eq!(
            error.to_string(),
            "source: count of 2020: not found, or not readable with this token (status 404): \
             could not find bucket \"b\""
        );
        let failure =
            Failure::new(FailureKind::Timeout, "").caused_by(std::io::Error::other("below"));
        let error = Error::new(Side::Destination, "write", failure).after(3, 1_001);
        assert_eq!(error.to_string(), "destination: write: timed out, after 3 attempts in 2 s");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "below");
        assert_eq!((error.kind(), error.attempts), (FailureKind::Timeout, 3));
    }

    #[test]
    fn long_texts_are_cut_and_control_characters_escaped() {
        let text = format!("\u{1b}[31m\n{}", "\u{e4}".repeat(ERROR_BODY_BYTES_MAX));
        let error = Error::new(Side::Source, "x", Failure::new(FailureKind::BadRequest, text));
        assert!(error.message.len() <= ERROR_BODY_BYTES_MAX);
        let shown = error.to_string();
        assert!(shown.contains("\\u{1b}[31m\\n") && shown.ends_with("..."), "{shown}");
        assert!(shown.chars().count() < ERROR_SHOWN_CHARS_MAX + 100);
    }
}
