//! Reads golden cases, and a raw HTTP client that sees every byte of an answer.

#![allow(clippy::unwrap_used, clippy::format_push_string, reason = "test support")]

use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One recorded exchange.
pub(crate) struct Exchange {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) response_headers: Vec<(String, String)>,
    pub(crate) response: Vec<u8>,
}

/// A folder of exchanges.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) bucket: String,
    pub(crate) exchanges: Vec<Exchange>,
}

impl Case {
    pub(crate) fn load(dir: &Path) -> Self {
        let json: Value =
            serde_json::from_slice(&std::fs::read(dir.join("case.json")).unwrap()).unwrap();
        let exchanges = json["requests"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|request| exchange(dir, request))
            .collect();
        Self {
            name: dir.file_name().unwrap().to_string_lossy().into_owned(),
            bucket: json["bucket"]["name"].as_str().unwrap_or("src").to_owned(),
            exchanges,
        }
    }
}

fn exchange(dir: &Path, request: &Value) -> Exchange {
    let read = |name: &Value| name.as_str().map(|name| std::fs::read(dir.join(name)).unwrap());
    let body = if let Some(file) = read(&request["body_file"]) {
        file
    } else if request["body_json"].is_null() {
        bytes(&request["body"])
    } else {
        serde_json::to_vec(&request["body_json"]).unwrap()
    };
    let pairs = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    Exchange {
        id: request["id"].as_str().unwrap().to_owned(),
        method: request["method"].as_str().unwrap().to_owned(),
        path: request["path"].as_str().unwrap().to_owned(),
        headers: pairs(&request["headers"]),
        body,
        status: u16::try_from(request["status"].as_u64().unwrap()).unwrap(),
        response_headers: pairs(&request["response_headers"]),
        response: read(&request["response_file"]).unwrap_or_default(),
    }
}

/// Text, or `{"b64": ...}`.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    match value["b64"].as_str() {
        Some(text) => base64(text),
        None => value.as_str().unwrap_or_default().as_bytes().to_vec(),
    }
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
            .iter()
            .position(|&d| d == c)
            .unwrap()
    };
    let digits: Vec<_> = text.bytes().filter(|&c| c != b'=').map(digit).collect();
    let mut out = Vec::new();
    for group in digits.chunks(4) {
        let bits = group.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - group.len()));
        out.extend(
            (0..group.len() - 1).map(|at| u8::try_from(bits >> (16 - 8 * at) & 255).unwrap()),
        );
    }
    out
}

/// An answer as it came.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// Without chunk framing.
    pub(crate) body: Vec<u8>,
    /// Sizes of the chunks.
    pub(crate) chunks: Vec<usize>,
    /// Whether HTTP says that the message is whole.
    pub(crate) complete: bool,
    /// The connection was reset.
    pub(crate) reset: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends one request on a connection of its own and reads until the server closes it.
pub(crate) async fn ask(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Answer {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut bytes = Vec::new();
    // The server may answer and close before it read everything.
    let _ = stream.write_all(&[request.as_bytes(), body].concat()).await;
    let reset = stream.read_to_end(&mut bytes).await.is_err();
    Answer { reset, ..parse(&bytes) }
}

fn parse(bytes: &[u8]) -> Answer {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(mut at)) = head.parse(bytes) else {
        return Answer::default();
    };
    let header = |header: &httparse::Header<'_>| {
        (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned())
    };
    let mut answer = Answer {
        status: head.code.unwrap(),
        headers: head.headers.iter().map(header).collect(),
        ..Answer::default()
    };
    if answer.header("Transfer-Encoding") != Some("chunked") {
        answer.body = bytes[at..].to_vec();
        let length = answer.header("Content-Length").map_or(0, |length| length.parse().unwrap());
        answer.complete = answer.body.len() == length;
        return answer;
    }
    while let Ok(httparse::Status::Complete((head, size))) =
        httparse::parse_chunk_size(&bytes[at..])
    {
        let size = usize::try_from(size).unwrap();
        let start = at + head;
        let end = (start + size).min(bytes.len());
        answer.body.extend_from_slice(&bytes[start..end]);
        at = start + size + 2;
        if size == 0 {
            answer.complete = at == bytes.len();
            break;
        }
        answer.chunks.push(size);
        if at > bytes.len() {
            break;
        }
    }
    answer
}
