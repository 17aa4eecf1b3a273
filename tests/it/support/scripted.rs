//! A scripted HTTP/1.1 server on loopback: one prepared reply for each request, byte by byte as the test wants it,
//! broken ones included.

#![expect(
    clippy::unwrap_used,
    clippy::format_push_string,
    reason = "a test may panic and need not be fast"
)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A part of a reply.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Closes the connection properly.
    Close,
    /// Resets the connection.
    Reset,
    /// Keeps the connection open and says nothing more.
    Hang,
}

/// A reply; without [`Step::Close`], [`Step::Reset`] or [`Step::Hang`] the connection is kept for the next request.
pub(crate) type Reply = Vec<Step>;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Request line and headers.
    pub(crate) head: String,
    /// As long as `Content-Length` says.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// The server; ends when dropped.
pub(crate) struct Scripted {
    /// Its address as a URL.
    pub(crate) host: String,
    requests: Arc<Mutex<Vec<Request>>>,
    accepting: JoinHandle<()>,
}

impl Scripted {
    /// Serves the replies in order; after the last one every connection is closed.
    pub(crate) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        let replies = Arc::new(Mutex::new(replies.into_iter().collect::<VecDeque<_>>()));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&requests);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.spawn(serve(connection, Arc::clone(&replies), Arc::clone(&heard)));
            }
        });
        Self { host, requests, accepting }
    }

    /// What has been asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    mut connection: TcpStream,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    heard: Arc<Mutex<Vec<Request>>>,
) {
    while let Some(request) = read_request(&mut connection).await {
        heard.lock().unwrap().push(request);
        let Some(reply) = replies.lock().unwrap().pop_front() else { return };
        for step in reply {
            match step {
                Step::Send(bytes) => {
                    if connection.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Step::Close => return,
                Step::Reset => {
                    connection.set_zero_linger().unwrap();
                    return;
                }
                Step::Hang => std::future::pending::<()>().await,
            }
        }
    }
}

async fn read_request(connection: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if connection.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let mut body = bytes.split_off(head_end);
    let request = Request { head: String::from_utf8(bytes).unwrap(), body: Vec::new() };
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    while body.len() < length {
        if connection.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { body, ..request })
}

/// A proper reply with a length.
pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let length = body.len().to_string();
    let mut headers = headers.to_vec();
    if status != 204 {
        headers.push(("Content-Length", &length));
    }
    vec![Step::Send([&head(status, &headers), body].concat())]
}

/// A status line and headers.
pub(crate) fn head(status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Scripted\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// One chunk of a chunked body; an empty one ends it.
pub(crate) fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
