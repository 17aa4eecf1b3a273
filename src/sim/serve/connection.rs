//! One connection: requests in, faults applied, answers out. On the raw socket and by hand: a server of a library hides what
//! faults need, answers that are cut and connections that are reset.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use super::damage::{Damage, Zip, missing};
use super::receive::read_request;
use super::send::{ConnectionEnd, Sender};
use super::state::{RequestRecord, ServerState, lock};
use crate::sim::api::respond;
use crate::sim::faults::fault::{DamageEnd, Fault, When};
use crate::sim::faults::script::Struck;
use crate::sim::go::text::http_date;
use crate::sim::http::queries::{script_of, statements_of};
use crate::sim::http::reply::{ApiError, JSON, Reply, ReplyBody, reason};
use crate::sim::http::request::HttpRequest;
use crate::sim::http::rows::{RowStream, Step};
use crate::sim::settings::{Product, TimeoutForm};

/// Bytes of a query's answer that are made before they are sent.
const STEP_BYTES: usize = 64 * 1024;

/// Answers below this size are never compressed.
const GZIP_BYTES_MIN: usize = 1_400;

/// Bodies up to this size are sent with their length.
const SHORT_BYTES_MAX: usize = 2_048;

/// What is kept of a request's body in its record.
const RECORD_BODY_BYTES_MAX: usize = 4_096;

/// The text of a query that ran too long.
const TIMEOUT_TEXT: &str = "query timeout: context deadline exceeded";

/// Answers requests until the client or a fault ends the connection.
pub(super) async fn serve(shared: Arc<ServerState>, mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer).await {
        let struck = lock(&shared.faults).strike(&request);
        let mut record = shared.record(&request, struck.name());
        if matches!(struck.fault, Some(Fault::Hang)) {
            shared.hangs.send_replace(true);
        }
        if !shared.until_it_answers(&stream).await {
            return;
        }
        let request = Arc::new(match &struck.fault {
            Some(fault) => fault.carried_out(request),
            None => request,
        });
        let end = shared.answer(&mut stream, &request, struck, &mut record).await;
        if shared.settings.record_requests {
            lock(&shared.records).push(record);
        }
        let closes =
            request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        match end {
            Some(ConnectionEnd::Reset) => {
                let _ = stream.set_zero_linger();
                return;
            }
            Some(ConnectionEnd::Close) => return,
            Some(ConnectionEnd::Clean) | None if closes => return,
            Some(ConnectionEnd::Clean) | None => {}
        }
    }
}

impl ServerState {
    /// Waits while the server hangs; false if the client is gone by then.
    async fn until_it_answers(&self, stream: &TcpStream) -> bool {
        if !*self.hangs.borrow() {
            return true;
        }
        let mut hangs = self.hangs.subscribe();
        let gone = async {
            let mut byte = [0];
            match stream.peek(&mut byte).await {
                Ok(0) | Err(_) => {}
                // The next request is there already: nothing tells any more when the client goes.
                Ok(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            answers = hangs.wait_for(|hangs| !hangs) => answers.is_ok(),
            () = gone => false,
        }
    }

    fn record(&self, request: &HttpRequest, fault: Option<&'static str>) -> RequestRecord {
        let script = match request.path.as_str() {
            "/api/v2/query" => script_of(&request.body),
            _ => statements_of(request),
        };
        let body = script.as_ref().unwrap_or(&request.body);
        RequestRecord {
            at: self.started.elapsed(),
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.raw_query.clone(),
            body_head: String::from_utf8_lossy(&body[..body.len().min(RECORD_BODY_BYTES_MAX)])
                .into_owned(),
            body_bytes: request.body.len() as u64,
            status: 0,
            decoded_bytes: 0,
            sent_bytes: 0,
            fault,
        }
    }

    /// Answers one request; tells how the connection ends if it does.
    async fn answer(
        self: &Arc<Self>,
        stream: &mut TcpStream,
        request: &Arc<HttpRequest>,
        struck: Struck,
        record: &mut RequestRecord,
    ) -> Option<ConnectionEnd> {
        let fault = &struck.fault;
        struck.apply(When::Before, &self.store);
        let mut reply = match fault {
            Some(Fault::Refuse) => return Some(ConnectionEnd::Close),
            Some(Fault::Status { status, retry_after, body }) => {
                scripted(*status, retry_after.as_deref(), body)
            }
            _ => match self.over_quota(request) {
                Some(reply) => reply,
                None => self.compute(request).await?,
            },
        };
        // An answer holds what it found: it was taken before this.
        struck.apply(When::After, &self.store);
        if matches!(fault, Some(Fault::LostAck)) {
            return Some(ConnectionEnd::Reset);
        }
        if let Some(Fault::Stall { after_bytes: 0, ms }) = fault {
            tokio::time::sleep(Duration::from_millis(*ms)).await;
        }
        if request.method == "HEAD" {
            reply.body = ReplyBody::Empty;
        }
        record.status = reply.status;
        self.send(stream, request, reply, fault.as_ref(), record).await
    }

    /// Parsing and planning may take a while, so they leave the event loop alone.
    async fn compute(self: &Arc<Self>, request: &Arc<HttpRequest>) -> Option<Reply> {
        let (shared, request) = (Arc::clone(self), Arc::clone(request));
        let work = move || {
            let ServerState { settings, store, tasks, objects, .. } = &*shared;
            respond::answer(&request, settings, store, tasks, objects)
        };
        tokio::task::spawn_blocking(work).await.ok()
    }

    fn over_quota(&self, request: &HttpRequest) -> Option<Reply> {
        if !is_query(request) {
            return None;
        }
        let now_ms = self.now_ms();
        let wait_s = lock(&self.quota).as_mut()?.admit(now_ms).err()?;
        let message = format!("org {} has exceeded limited_query plan limit", self.settings.org_id);
        let mut reply: Reply = ApiError::plain(429, "too many requests", message).into();
        reply.headers.push(("Retry-After", wait_s.to_string()));
        Some(reply)
    }

    /// Sends an answer, part by part if it holds rows; tells how the connection ends if it does.
    async fn send(
        &self,
        stream: &mut TcpStream,
        request: &HttpRequest,
        reply: Reply,
        fault: Option<&Fault>,
        record: &mut RequestRecord,
    ) -> Option<ConnectionEnd> {
        let limit = self.timeout_bytes(fault);
        let binary = reply.headers.iter().any(|(_, value)| value == "application/x-msgpack");
        let (mut rows, mut part, whole) = self.begin(reply.body, fault, limit);
        let metered = is_query(request);
        let (by_checksum, zipped) = zips(request, fault, part.len());
        let mut plain = Plain::new(fault, binary, by_checksum);
        let mut body = plain.next(&part);
        // Go sends the length of what fits into its buffer.
        let mut short = whole.then(|| {
            if zipped { Zip::whole(&body, plain.truth(&part, &body)) } else { body.clone() }
        });
        short = short.filter(|bytes| bytes.len() <= SHORT_BYTES_MAX);
        if let (Some(bytes), Some(Fault::CutClean { after_bytes })) = (&mut short, fault) {
            bytes.truncate(usize::try_from(*after_bytes).unwrap_or(usize::MAX));
        }
        let length = short.as_ref().map(Vec::len);
        let head = self.head(reply.status, reply.headers, zipped, length);
        let unframed = matches!(fault, Some(Fault::Unframed));
        let head = if unframed { without_frame(&head) } else { head };
        let piece = (length.is_none() && !unframed).then_some(if zipped { 2_048 } else { 4_096 });
        let pace = self.settings.read_bytes_per_s.filter(|_| metered);
        let mut sender = Sender::new(stream, head, piece, fault, pace);
        let mut zip = (zipped && short.is_none()).then(Zip::new);
        let end = loop {
            record.decoded_bytes += part.len() as u64;
            if metered {
                self.debit(part.len() as u64);
            }
            let end = match &mut zip {
                None => {
                    let bytes = short.as_ref().unwrap_or(&body);
                    sender.push(bytes, record.decoded_bytes).await
                }
                Some(zip) => {
                    let packed = zip.push(&body, plain.truth(&part, &body));
                    sender.push(&packed, record.decoded_bytes).await
                }
            };
            let Some(encoder) = rows.as_mut().filter(|_| end.is_none()) else { break end };
            let late = limit.is_some_and(|limit| record.decoded_bytes >= limit);
            if late && self.settings.timeout_form == TimeoutForm::Cut {
                break Some(ConnectionEnd::Close);
            }
            part.clear();
            let step = self.step(encoder.as_mut(), &mut part, limit, record.decoded_bytes);
            if step == Step::Done && part.is_empty() {
                break None;
            }
            body = plain.next(&part);
        };
        let end = if end.is_none() {
            let tail = zip.map(Zip::finish).unwrap_or_default();
            sender.finish(&tail).await
        } else {
            sender.flush().await;
            end
        };
        record.sent_bytes = sender.sent_bytes();
        if unframed { end.or(Some(ConnectionEnd::Close)) } else { end }
    }

    /// The rest of the rows, the first bytes, and whether these are all and nothing was flushed.
    fn begin(
        &self,
        body: ReplyBody,
        fault: Option<&Fault>,
        limit: Option<u64>,
    ) -> (Option<Box<dyn RowStream>>, Vec<u8>, bool) {
        let mut rows = match body {
            ReplyBody::Empty => return (None, Vec::new(), true),
            ReplyBody::Whole(bytes) => return (None, bytes, true),
            ReplyBody::Chunked(bytes) => return (None, bytes, false),
            ReplyBody::Rows(rows) => rows,
        };
        if let Some(Fault::ErrorTable { after_rows, message }) = fault {
            rows.fail_after(*after_rows, message);
        }
        if let Some(limit) = limit.filter(|_| self.settings.timeout_form == TimeoutForm::ErrorTable)
        {
            rows.bound(limit, TIMEOUT_TEXT);
        }
        let mut first = Vec::new();
        let step = self.step(rows.as_mut(), &mut first, limit, 0);
        let whole = step == Step::Done && !rows.flushes();
        ((!whole).then_some(rows), first, whole)
    }

    fn debit(&self, bytes: u64) {
        let now_ms = self.now_ms();
        if let Some(quota) = lock(&self.quota).as_mut() {
            quota.debit(now_ms, bytes);
        }
    }

    /// Decoded bytes after which a query has run too long.
    fn timeout_bytes(&self, fault: Option<&Fault>) -> Option<u64> {
        if matches!(fault, Some(Fault::Timeout)) {
            return Some(0);
        }
        let (rate, timeout_ms) = (self.settings.read_bytes_per_s?, self.settings.query_timeout_ms?);
        Some(rate.saturating_mul(timeout_ms) / 1_000)
    }

    /// The next part of the answer, no further than the timeout lets it.
    fn step(
        &self,
        rows: &mut dyn RowStream,
        out: &mut Vec<u8>,
        limit: Option<u64>,
        done: u64,
    ) -> Step {
        let left =
            limit.map(|limit| usize::try_from(limit.saturating_sub(done)).unwrap_or(usize::MAX));
        match left {
            Some(0) if self.settings.timeout_form == TimeoutForm::Cut => return Step::Done,
            Some(0) => rows.fail_after(0, TIMEOUT_TEXT),
            _ => {}
        }
        rows.step(out, left.map_or(STEP_BYTES, |left| left.clamp(1, STEP_BYTES)))
    }

    fn head(
        &self,
        status: u16,
        mut headers: Vec<(&'static str, String)>,
        zipped: bool,
        length: Option<usize>,
    ) -> Vec<u8> {
        if self.settings.kind == Product::Oss {
            headers.push(("X-Influxdb-Build", "OSS".to_owned()));
            headers.push(("X-Influxdb-Version", self.settings.version.clone()));
        }
        if zipped {
            headers.push(("Content-Encoding", "gzip".to_owned()));
        }
        headers.sort();
        headers.push(("Date", http_date(self.settings.clock.now())));
        match length {
            None => headers.push(("Transfer-Encoding", "chunked".to_owned())),
            Some(_) if status == 204 => {}
            Some(length) => headers.push(("Content-Length", length.to_string())),
        }
        let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status)).into_bytes();
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.extend_from_slice(b"\r\n");
        head
    }
}

/// A head as HTTP/1.0 has it, without anything that tells where the body ends.
fn without_frame(head: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(head).replace("HTTP/1.1", "HTTP/1.0");
    let kept = text.split("\r\n").filter(|line| {
        !line.starts_with("Content-Length:") && !line.starts_with("Transfer-Encoding:")
    });
    kept.collect::<Vec<_>>().join("\r\n").into_bytes()
}

/// The plain bytes of an answer on their way, damaged and cut as a fault has it.
struct Plain {
    damage: Option<Damage>,
    by_checksum: bool,
    /// Bytes at the end that are not sent.
    missing: usize,
    held: Vec<u8>,
}

impl Plain {
    fn new(fault: Option<&Fault>, binary: bool, by_checksum: bool) -> Self {
        let missing = usize::try_from(missing(fault).0).unwrap_or(usize::MAX);
        Self { damage: Damage::new(fault, binary), by_checksum, missing, held: Vec::new() }
    }

    /// What is sent for the next part.
    fn next(&mut self, part: &[u8]) -> Vec<u8> {
        let mut body = part.to_vec();
        let Some(damage) = &mut self.damage else { return body };
        damage.spoil(&mut body);
        if self.missing > 0 {
            self.held.extend_from_slice(&body);
            let ready = self.held.len().saturating_sub(self.missing);
            body = self.held.drain(..ready).collect();
        }
        body
    }

    /// What the checksum is taken over.
    fn truth<'a>(&self, part: &'a [u8], body: &'a [u8]) -> &'a [u8] {
        if self.by_checksum { part } else { body }
    }
}

/// Whether a checksum tells of a damage, and whether the answer is packed.
fn zips(request: &HttpRequest, fault: Option<&Fault>, bytes: usize) -> (bool, bool) {
    let by_checksum = matches!(fault, Some(Fault::Damage { end: DamageEnd::Checksum, .. }));
    let takes = is_query(request) && request.takes_gzip();
    (by_checksum, takes && (by_checksum || bytes >= GZIP_BYTES_MIN))
}

fn is_query(request: &HttpRequest) -> bool {
    matches!(request.path.as_str(), "/api/v2/query" | "/query")
}

fn scripted(status: u16, retry_after: Option<&str>, body: &str) -> Reply {
    let kind = match body.chars().next() {
        Some('{') => JSON,
        Some('\r' | '#' | ',') => "text/csv; charset=utf-8",
        _ => "text/html",
    };
    let mut reply =
        Reply::new(status, &[("Content-Type", kind)], ReplyBody::Whole(body.as_bytes().to_vec()));
    if let Some(retry_after) = retry_after {
        reply.headers.push(("Retry-After", retry_after.to_owned()));
    }
    reply
}
