//! What an answer means and what to do about it: pure functions, with the same table in `docs/limits-and-retries.md`.
//!
//! The status alone does not tell: a 400 on a query may be memory or a full queue, a 500 on a write may be a full
//! cache or a type conflict, and errors of a query can come as text behind a 200.

use super::error::{Error, FailureKind, is_panic};
use super::query_text::classify_query_text;
use super::template_fault::{TemplateFault, faults_of};
use crate::limits::{PAGE_SHOWN_CHARS_MAX, QUERY_LATE_PER_MILLE};

/// What was asked of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// Flux or InfluxQL.
    Query,
    /// Line protocol.
    Write,
    /// Everything else.
    Api,
}

impl RequestKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Query, Self::Write, Self::Api];

    /// In words, with an article.
    pub fn words(self) -> &'static str {
        match self {
            Self::Query => "a query",
            Self::Write => "a write",
            Self::Api => "a request",
        }
    }
}

/// What a caller does about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Try the same again after a pause.
    Retry,
    /// Ask for, or send, less at a time.
    Split,
    /// Try the same again once the gate of this side opens.
    BackOff,
    /// Find the refused points, and set them aside.
    Reject,
    /// A person has to act.
    Stop,
}

/// What to do about each kind of failure.
pub fn action(kind: &FailureKind) -> Action {
    match kind {
        FailureKind::Connect
        | FailureKind::Interrupted
        | FailureKind::Unframed
        | FailureKind::DiskFull
        | FailureKind::ServerError => Action::Retry,
        FailureKind::Timeout | FailureKind::MemoryLimit | FailureKind::TooLarge => Action::Split,
        FailureKind::RateLimited { .. }
        | FailureKind::Unavailable { .. }
        | FailureKind::CacheFull => Action::BackOff,
        FailureKind::PartialWrite => Action::Reject,
        FailureKind::Tls
        | FailureKind::Proxy
        | FailureKind::Unauthorized
        | FailureKind::Forbidden
        | FailureKind::NotFound
        | FailureKind::Cardinality
        | FailureKind::BadRequest
        | FailureKind::Redirect
        | FailureKind::Unexpected
        | FailureKind::OtherProduct
        | FailureKind::TooBig => Action::Stop,
    }
}

/// True if the same request is worth another try. A query that timed out is not: it would again.
pub(crate) fn is_temporary(request: RequestKind, kind: &FailureKind) -> bool {
    match action(kind) {
        Action::Retry | Action::BackOff => true,
        Action::Split => *kind == FailureKind::Timeout && request != RequestKind::Query,
        Action::Reject | Action::Stop => false,
    }
}

impl Error {
    /// True if a query that failed so may succeed later; else the source refuses it.
    pub fn may_pass(&self) -> bool {
        is_temporary(RequestKind::Query, &self.kind())
    }
}

/// What an answer with an error status means. `retry_after_ms` is the header as
/// [`super::backoff::retry_after_ms`] reads it.
pub fn classify_response(
    request: RequestKind,
    status: u16,
    retry_after_ms: Option<u64>,
    body: &str,
) -> FailureKind {
    let page = is_page(body);
    let text = server_message(body).to_lowercase();
    match status {
        300..=399 => FailureKind::Redirect,
        407 => FailureKind::Proxy,
        400 if is_other_protocol(&text) => FailureKind::Tls,
        // A right that is missing is named; a token that is not known is not.
        401 if text.ends_with("is unauthorized") || text.starts_with("not authorized to ") => {
            FailureKind::Forbidden
        }
        401 => FailureKind::Unauthorized,
        403 => FailureKind::Forbidden,
        404 if page => FailureKind::Unexpected,
        404 => FailureKind::NotFound,
        408 | 499 => FailureKind::ServerError,
        413 => FailureKind::TooLarge,
        429 | 503 if text.contains("cardinality") => FailureKind::Cardinality,
        429 => FailureKind::RateLimited { retry_after_ms },
        503 => FailureKind::Unavailable { retry_after_ms },
        // The shard's old files go; its lines can be written again afterwards.
        422 if text.contains("partial write: shard ") && text.contains(" is pending deletion") => {
            FailureKind::Unavailable { retry_after_ms }
        }
        422 if request == RequestKind::Write => FailureKind::PartialWrite,
        400..=499 if page => FailureKind::Unexpected,
        400..=499 if request == RequestKind::Write => classify_write_400(&text),
        400..=499 if request == RequestKind::Query => classify_query_text(&text),
        400..=499 => FailureKind::BadRequest,
        500 if request == RequestKind::Write => classify_write_500(&text),
        500 if request == RequestKind::Query => match classify_query_text(&text) {
            // Texts that say nothing may pass.
            FailureKind::BadRequest if !is_panic(&text) => FailureKind::ServerError,
            kind => kind,
        },
        500 if text.contains("retention policy duration must be") => FailureKind::BadRequest,
        // What a template may not bring.
        500 if text.contains("is unauthorized") => FailureKind::Forbidden,
        500..=599 => FailureKind::ServerError,
        _ => FailureKind::Unexpected,
    }
}

/// What servers of TLS say to a request without it.
fn is_other_protocol(text: &str) -> bool {
    let said = [
        "http request to an https server",
        "plain http request was sent to https port",
        "speaking plain http to an ssl-enabled server port",
    ];
    said.iter().any(|said| text.contains(said))
}

fn classify_write_400(text: &str) -> FailureKind {
    if text.contains("partial write") {
        FailureKind::PartialWrite
    } else if text.starts_with("unable to read data") {
        FailureKind::Interrupted
    } else {
        FailureKind::BadRequest
    }
}

fn classify_write_500(text: &str) -> FailureKind {
    if text.contains("cache-max-memory-size exceeded") {
        FailureKind::CacheFull
    } else if text.contains("no space left on device") || text.contains("disk quota exceeded") {
        FailureKind::DiskFull
    } else if text.contains("field type conflict") || text.contains("partial write") {
        FailureKind::PartialWrite
    } else if text.ends_with("timeout") || text.contains("engine is closed") {
        FailureKind::Unavailable { retry_after_ms: None }
    } else {
        FailureKind::ServerError
    }
}

/// A query that breaks near the end of the server's own limit was cut by it, whatever the failure looks like.
pub(crate) fn classify_late(
    kind: FailureKind,
    elapsed_ms: u64,
    query_timeout_ms: u64,
) -> FailureKind {
    let late =
        elapsed_ms.saturating_mul(1_000) >= query_timeout_ms.saturating_mul(QUERY_LATE_PER_MILLE);
    match kind {
        FailureKind::Interrupted
        | FailureKind::ServerError
        | FailureKind::Unavailable { retry_after_ms: None }
            if late =>
        {
            FailureKind::Timeout
        }
        _ => kind,
    }
}

/// The server's sentence in an error body; a page or anything else as it stands.
pub(crate) fn server_message(body: &str) -> String {
    let json: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let text = json.as_ref().and_then(|json| {
        ["message", "error", "status"]
            .iter()
            .find_map(|key| json.get(key).and_then(|value| value.as_str()))
    });
    let text = text.unwrap_or(body).trim();
    if is_page(text) {
        return page_words(text);
    }
    let faults = json.as_ref().map(faults_of).unwrap_or_default();
    let faults = faults.iter().map(TemplateFault::text);
    std::iter::once(text.to_owned()).chain(faults).collect::<Vec<_>>().join(": ")
}

/// The title of a web page, or its words.
pub(crate) fn page_words(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let titled = lower.find("<title>").map(|at| at + "<title>".len());
    let title = titled.and_then(|from| {
        let end = lower.get(from..)?.find('<')?;
        text.get(from..from + end)
    });
    let (mut inside, mut words) = (false, String::new());
    for c in text.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                words.push(' ');
            }
            c if !inside => words.push(c),
            _ => {}
        }
    }
    let words = title.unwrap_or(&words).split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(PAGE_SHOWN_CHARS_MAX).collect()
}

fn is_page(body: &str) -> bool {
    body.trim_start().starts_with('<')
}

#[cfg(test)]
mod tests {
    use super::*;
    use FailureKind as Kind;
    use RequestKind::{Api, Query, Write};

    const WAIT: Option<u64> = Some(7_000);

    fn json(message: &str) -> String {
        serde_json::json!({ "code": "invalid", "message": message }).to_string()
    }

    #[test]
    fn statuses_and_texts() {
        let limited = Kind::RateLimited { retry_after_ms: WAIT };
        let unavailable = Kind::Unavailable { retry_after_ms: WAIT };
        let busy = Kind::Unavailable { retry_after_ms: None };
        let page = "<html><head><title>413</title>";
        for (request, status, body, kind) in [
            (Query, 302, "", Kind::Redirect),
            (
                Query,
                400,
                &*json("memory allocation limit reached: limit 10 bytes, allocated: 9"),
                Kind::MemoryLimit,
            ),
            (Query, 400, &json("queue length exceeded"), busy),
            (
                Query,
                400,
                &json("compilation failed: error @1:1-1:9: undefined identifier timeout"),
                Kind::BadRequest,
            ),
            (Query, 400, &json("error @1:2-1:8: undefined identifier canceled"), Kind::BadRequest),
            (Query, 400, &json("context deadline exceeded"), Kind::Timeout),
            (
                Query,
                400,
                &json("failed to decode request body: organization name \"x\" not found"),
                Kind::NotFound,
            ),
            (Query, 401, &json("unauthorized access"), Kind::Unauthorized),
            (Api, 401, &json("write:orgs/1/buckets is unauthorized"), Kind::Forbidden),
            (Api, 401, &json("not authorized to create stack"), Kind::Forbidden),
            (Api, 500, &json("write:orgs/1/variables is unauthorized; more"), Kind::Forbidden),
            (Api, 500, &json("something else"), Kind::ServerError),
            (Query, 404, &json("could not find bucket \"b\""), Kind::NotFound),
            (Query, 404, page, Kind::Unexpected),
            (Query, 408, "", Kind::ServerError),
            (Query, 499, "", Kind::ServerError),
            (Api, 409, "", Kind::BadRequest),
            (Api, 422, &json("bucket with name b already exists"), Kind::BadRequest),
            (Query, 429, &json("org 1 has exceeded limited_query plan limit"), limited),
            (Query, 429, page, limited),
            (
                Write,
                429,
                &json("org 1 has exceeded limited_cardinality plan limit"),
                Kind::Cardinality,
            ),
            (Write, 503, &json("series cardinality over limit"), Kind::Cardinality),
            (Write, 503, "{\"status\":\"starting\"}", unavailable),
            (
                Query,
                500,
                &json("An internal error has occurred - check server logs"),
                Kind::ServerError,
            ),
            (Query, 500, &json("a panic has occurred: interface conversion"), Kind::BadRequest),
            (Query, 500, &json("panic: interface conversion: array.Array is"), Kind::BadRequest),
            (Query, 500, &json("panic: out of luck"), Kind::ServerError),
            (Query, 500, &json("query terminated: memory limit"), Kind::MemoryLimit),
            (Query, 502, page, Kind::ServerError),
            (Query, 504, "", Kind::ServerError),
            (
                Api,
                500,
                &json("retention policy duration must be at least 1h0m0s"),
                Kind::BadRequest,
            ),
            (Api, 500, "", Kind::ServerError),
            (Write, 400, &json("unable to parse 'x': missing fields"), Kind::BadRequest),
            (Write, 400, &json("partial write: field type conflict dropped=1"), Kind::PartialWrite),
            (Write, 400, &json("unable to read data: gzip: invalid checksum"), Kind::Interrupted),
            (Write, 413, page, Kind::TooLarge),
            (
                Write,
                422,
                &json("partial write: points beyond retention policy dropped=1"),
                Kind::PartialWrite,
            ),
            (Write, 422, &json("partial write: shard 7 is pending deletion"), unavailable),
            (Write, 500, &json("engine: cache-max-memory-size exceeded: (1/2)"), Kind::CacheFull),
            (
                Write,
                500,
                &json(
                    "unexpected error writing points to database: write /wal/_00001.wal: no space left on device",
                ),
                Kind::DiskFull,
            ),
            (Write, 500, &json("unexpected error writing points to database: timeout"), busy),
            (Write, 500, &json("engine is closed"), busy),
            (Write, 500, &json("field type conflict: input field"), Kind::PartialWrite),
            (Api, 200, "", Kind::Unexpected),
            (Api, 600, "", Kind::Unexpected),
        ] {
            assert_eq!(
                classify_response(request, status, WAIT, body),
                kind,
                "{request:?} {status} {body}"
            );
        }
    }

    #[test]
    fn proxies_and_servers_of_tls_are_known_by_what_they_say() {
        let page = "<html>400 The plain HTTP request was sent to HTTPS port</html>";
        for (request, status, body, kind) in [
            (Query, 407, "<html>", Kind::Proxy),
            (Query, 418, "<html>", Kind::Unexpected),
            (Api, 400, "Client sent an HTTP request to an HTTPS server.\n", Kind::Tls),
            (Write, 400, page, Kind::Tls),
        ] {
            assert_eq!(classify_response(request, status, None, body), kind, "{body}");
        }
    }

    #[test]
    fn only_what_may_pass_is_temporary() {
        assert!(is_temporary(Write, &Kind::Timeout) && is_temporary(Api, &Kind::Timeout));
        assert!(!is_temporary(Query, &Kind::Timeout));
        for kind in [Kind::Connect, Kind::Interrupted, Kind::ServerError, Kind::CacheFull] {
            assert!(is_temporary(Query, &kind), "{kind:?}");
        }
        for kind in [Kind::Tls, Kind::MemoryLimit, Kind::TooLarge, Kind::PartialWrite, Kind::TooBig]
        {
            assert!(!is_temporary(Write, &kind), "{kind:?}");
        }
    }

    #[test]
    fn what_breaks_near_the_limit_is_a_time_out() {
        for (kind, elapsed_ms, expected) in [
            (Kind::Interrupted, 84_900, Kind::Interrupted),
            (Kind::Interrupted, 84_960, Kind::Timeout),
            (Kind::ServerError, 91_000, Kind::Timeout),
            (Kind::Unavailable { retry_after_ms: None }, 91_000, Kind::Timeout),
            (
                Kind::Unavailable { retry_after_ms: WAIT },
                91_000,
                Kind::Unavailable { retry_after_ms: WAIT },
            ),
            (Kind::MemoryLimit, 91_000, Kind::MemoryLimit),
        ] {
            assert_eq!(classify_late(kind, elapsed_ms, 90_000), expected, "{kind:?} {elapsed_ms}");
        }
    }
}
