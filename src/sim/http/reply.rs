//! Answers before they are sent.

use super::rows::RowStream;
use crate::sim::go::text::json_string;

/// What an answer carries.
#[derive(Debug)]
pub(crate) enum ReplyBody {
    /// None at all: 204.
    Empty,
    /// Sent with its length if it is small, else in chunks, as Go does.
    Whole(Vec<u8>),
    /// Sent in chunks whatever its size.
    Chunked(Vec<u8>),
    /// Rows of a query.
    Rows(Box<dyn RowStream>),
}

/// An answer before it is sent.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: ReplyBody,
}

impl Reply {
    pub(crate) fn new(status: u16, headers: &[(&'static str, &str)], body: ReplyBody) -> Self {
        Self {
            status,
            headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            body,
        }
    }

    pub(crate) fn json(status: u16, body: String) -> Self {
        Self::new(status, &[("Content-Type", JSON)], ReplyBody::Whole(body.into_bytes()))
    }
}

pub(crate) const JSON: &str = "application/json; charset=utf-8";

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: u16,
    code: &'static str,
    body: String,
    chunked: bool,
    vary: bool,
}

impl ApiError {
    fn with(status: u16, code: &'static str, message: &[u8], chunked: bool, vary: bool) -> Self {
        let body = format!("{{\"code\":\"{code}\",\"message\":{}}}", json_string(message));
        Self { status, code, body, chunked, vary }
    }

    /// Outside the query endpoints.
    pub(crate) fn plain(status: u16, code: &'static str, message: impl AsRef<[u8]>) -> Self {
        Self::with(status, code, message.as_ref(), false, false)
    }

    /// Of a query that was not even decoded.
    pub(crate) fn decode(message: impl AsRef<[u8]>) -> Self {
        Self::with(400, "invalid", message.as_ref(), false, true)
    }

    /// Of a query that ran.
    pub(crate) fn query(status: u16, code: &'static str, message: impl AsRef<[u8]>) -> Self {
        Self::with(status, code, message.as_ref(), true, true)
    }

    /// Of a query, with a body made elsewhere.
    pub(crate) fn raw(status: u16, code: &'static str, body: String) -> Self {
        Self { status, code, body, chunked: true, vary: true }
    }

    /// With the indented body of the newer endpoints.
    pub(crate) fn pretty(status: u16, code: &'static str, message: &str) -> Self {
        let body = format!(
            "{{\n\t\"code\": \"{code}\",\n\t\"message\": {}\n}}",
            json_string(message.as_bytes())
        );
        Self { status, code, body, chunked: false, vary: false }
    }
}

impl From<ApiError> for Reply {
    fn from(error: ApiError) -> Self {
        let mut headers = vec![("Content-Type", JSON), ("X-Platform-Error-Code", error.code)];
        if error.vary {
            headers.push(("Vary", "Accept-Encoding"));
        }
        let body = error.body.into_bytes();
        Self::new(
            error.status,
            &headers,
            if error.chunked { ReplyBody::Chunked(body) } else { ReplyBody::Whole(body) },
        )
    }
}

/// The words behind a status.
pub(crate) const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Request Entity Too Large",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}
