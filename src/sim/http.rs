//! HTTP/1.1 as raw bytes: requests in, answers out.

use percent_encoding::percent_decode;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::rows::Rows;
use super::text::json_string;

/// Head of a request at the most.
const HEAD_BYTES_MAX: usize = 256 * 1024;

/// Body of a request at the most.
const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A request, read whole.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    /// As it was sent, without the question mark.
    pub(super) raw_query: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The same request with another body, which is not packed.
    pub(super) fn with_plain_body(mut self, body: Vec<u8>) -> Self {
        self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
        Self { body, ..self }
    }

    /// A parameter of a form in the body, or of the query; bytes that are no UTF-8 are replaced.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.parameter_bytes(name).map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    /// As [`Request::parameter`], as it was sent.
    pub(super) fn parameter_bytes(&self, name: &str) -> Option<Vec<u8>> {
        let form = self.method == "POST"
            && self
                .header("content-type")
                .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let body: &[u8] = if form { &self.body } else { &[] };
        [body, self.raw_query.as_bytes()].into_iter().find_map(|text| {
            // A pair with a bare semicolon in it is dropped.
            text.split(|&byte| byte == b'&').filter(|pair| !pair.contains(&b';')).find_map(|pair| {
                let equals = memchr::memchr(b'=', pair)?;
                (decode(&pair[..equals]) == name.as_bytes()).then(|| decode(&pair[equals + 1..]))
            })
        })
    }

    /// Path with query, as in the request line.
    pub(super) fn uri(&self) -> String {
        if self.raw_query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.raw_query)
        }
    }

    /// True if the client takes gzip.
    pub(super) fn takes_gzip(&self) -> bool {
        self.header("accept-encoding").is_some_and(|accepted| {
            accepted.split(',').any(|coding| {
                let mut parts = coding.split(';').map(str::trim);
                parts.next() == Some("gzip")
                    && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
            })
        })
    }
}

/// A name or a value of a form as it was before it was encoded.
fn decode(bytes: &[u8]) -> Vec<u8> {
    let spaced: Vec<_> = bytes.iter().map(|&b| if b == b'+' { b' ' } else { b }).collect();
    percent_decode(&spaced).collect()
}

/// Reads the next request; `None` if the client is gone or sends no HTTP.
pub(super) async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    let (mut request, head_bytes) = loop {
        if let Some(found) = parse_head(buffer)? {
            break found;
        }
        if buffer.len() > HEAD_BYTES_MAX {
            return None;
        }
        read_more(stream, buffer).await?;
    };
    buffer.drain(..head_bytes);
    if request.header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
    }
    if request
        .header("transfer-encoding")
        .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
    {
        request.body = read_chunks(stream, buffer).await?;
    } else {
        let length =
            request.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
        if length > BODY_BYTES_MAX {
            return None;
        }
        buffer.reserve(length.saturating_sub(buffer.len()));
        while buffer.len() < length {
            read_more(stream, buffer).await?;
        }
        request.body = buffer.drain(..length).collect();
    }
    Some(request)
}

async fn read_more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    buffer.reserve(64 * 1024);
    match stream.read_buf(buffer).await {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(()),
    }
}

/// The outer `None` is a broken head, the inner one a head that is not complete yet.
#[expect(clippy::option_option, reason = "three outcomes, each handled at the one call")]
fn parse_head(buffer: &[u8]) -> Option<Option<(Request, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    match head.parse(buffer) {
        Ok(httparse::Status::Partial) => Some(None),
        Err(_) => None,
        Ok(httparse::Status::Complete(bytes)) => {
            let (path, query) = head.path?.split_once('?').unwrap_or((head.path?, ""));
            let header = |header: &httparse::Header<'_>| {
                (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned())
            };
            let request = Request {
                method: head.method?.to_owned(),
                path: path.to_owned(),
                raw_query: query.to_owned(),
                headers: head.headers.iter().map(header).collect(),
                body: Vec::new(),
            };
            Some(Some((request, bytes)))
        }
    }
}

async fn read_chunks(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let (size_bytes, size) = loop {
            match httparse::parse_chunk_size(buffer) {
                Ok(httparse::Status::Complete((at, size))) => {
                    break (at, usize::try_from(size).ok()?);
                }
                Ok(httparse::Status::Partial) => read_more(stream, buffer).await?,
                Err(_) => return None,
            }
        };
        if body.len() + size > BODY_BYTES_MAX {
            return None;
        }
        while buffer.len() < size_bytes + size + 2 {
            read_more(stream, buffer).await?;
        }
        body.extend_from_slice(&buffer[size_bytes..size_bytes + size]);
        buffer.drain(..size_bytes + size + 2);
        if size == 0 {
            return Some(body);
        }
    }
}

/// What an answer carries.
#[derive(Debug)]
pub(super) enum Body {
    /// None at all: 204.
    Empty,
    /// Sent with its length if it is small, else in chunks, as Go does.
    Whole(Vec<u8>),
    /// Sent in chunks whatever its size.
    Chunked(Vec<u8>),
    /// Rows of a query.
    Rows(Box<Rows>),
}

/// An answer before it is sent.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
}

impl Reply {
    pub(super) fn new(status: u16, headers: &[(&'static str, &str)], body: Body) -> Self {
        Self {
            status,
            headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            body,
        }
    }

    pub(super) fn json(status: u16, body: String) -> Self {
        Self::new(status, &[("Content-Type", JSON)], Body::Whole(body.into_bytes()))
    }
}

pub(super) const JSON: &str = "application/json; charset=utf-8";

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
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
    pub(super) fn plain(status: u16, code: &'static str, message: impl AsRef<[u8]>) -> Self {
        Self::with(status, code, message.as_ref(), false, false)
    }

    /// Of a query that was not even decoded.
    pub(super) fn decode(message: impl AsRef<[u8]>) -> Self {
        Self::with(400, "invalid", message.as_ref(), false, true)
    }

    /// Of a query that ran.
    pub(super) fn query(status: u16, code: &'static str, message: impl AsRef<[u8]>) -> Self {
        Self::with(status, code, message.as_ref(), true, true)
    }

    /// Of a query, with a body made elsewhere.
    pub(super) fn raw(status: u16, code: &'static str, body: String) -> Self {
        Self { status, code, body, chunked: true, vary: true }
    }

    /// With the indented body of the newer endpoints.
    pub(super) fn pretty(status: u16, code: &'static str, message: &str) -> Self {
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
            if error.chunked { Body::Chunked(body) } else { Body::Whole(body) },
        )
    }
}

/// The words behind a status.
pub(super) const fn reason(status: u16) -> &'static str {
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
