//! Reads requests of HTTP/1.1 from a connection.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::sim::http::request::HttpRequest;

/// Head of a request at the most.
const HEAD_BYTES_MAX: usize = 256 * 1024;

/// Body of a request at the most.
const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Reads the next request; `None` if the client is gone or sends no HTTP.
pub(super) async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> Option<HttpRequest> {
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
fn parse_head(buffer: &[u8]) -> Option<Option<(HttpRequest, usize)>> {
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
            let request = HttpRequest {
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
