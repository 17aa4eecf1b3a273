//! The listener, its connections, and the way an answer leaves.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flate2::write::GzEncoder;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::faults::{Fault, FaultScript, Rule};
use super::flux::{Encoder, Step};
use super::http::{ApiError, Body, Reply, Request, read_request, reason};
use super::quota::Quota;
use super::respond;
use super::send::{Sender, Stop};
use super::settings::{Kind, ServerSettings, Task, TimeoutForm};
use super::store::Store;
use super::text::http_date;

/// Bytes of a query's answer that are made before they are sent.
const STEP_BYTES: usize = 64 * 1024;

/// Answers below this size are never compressed.
const GZIP_BYTES_MIN: usize = 1_400;

/// What is kept of a request's body in its record.
const RECORD_BODY_BYTES_MAX: usize = 4_096;

/// The text of a query that ran too long.
const TIMEOUT_TEXT: &str = "query timeout: context deadline exceeded";

/// One request as the server saw it; never its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// Since the start of the server, on tokio's clock.
    pub at: Duration,
    /// HTTP method.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// The query of the address, as sent.
    pub query: String,
    /// The beginning of the body; for a JSON query its script.
    pub body_head: String,
    /// Bytes of the body.
    pub body_bytes: u64,
    /// Status of the answer; 0 if there was none.
    pub status: u16,
    /// Bytes of the answer's body before compression.
    pub decoded_bytes: u64,
    /// Bytes of the answer's body as sent, without framing.
    pub sent_bytes: u64,
    /// The fault that struck, by name.
    pub fault: Option<&'static str>,
}

#[derive(Debug)]
struct Shared {
    settings: ServerSettings,
    store: Arc<Store>,
    tasks: Mutex<Vec<Task>>,
    quota: Mutex<Option<Quota>>,
    faults: Mutex<FaultScript>,
    records: Mutex<Vec<RequestRecord>>,
    started: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running server; it stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens on a free port of the loopback address and serves `store`.
    pub async fn start(settings: ServerSettings, store: Arc<Store>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            tasks: Mutex::new(settings.tasks.clone()),
            quota: Mutex::new(settings.quota.map(Quota::new)),
            faults: Mutex::new(settings.faults.clone()),
            records: Mutex::new(Vec::new()),
            started: Instant::now(),
            store,
            settings,
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { addr, shared, accepting })
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What it holds.
    pub fn store(&self) -> &Arc<Store> {
        &self.shared.store
    }

    /// The requests so far, in the order in which their answers ended.
    pub fn records(&self) -> Vec<RequestRecord> {
        lock(&self.shared.records).clone()
    }

    /// Adds a fault to a running server.
    pub fn inject(&self, rule: Rule) {
        lock(&self.shared.faults).push(rule);
    }

    /// True once every scripted fault has struck as often as it should.
    pub fn faults_used_up(&self) -> bool {
        lock(&self.shared.faults).is_used_up()
    }

    /// The tasks as they stand.
    pub fn tasks(&self) -> Vec<Task> {
        lock(&self.shared.tasks).clone()
    }

    /// Bytes counted against the quota in the current window.
    pub fn quota_used(&self) -> u64 {
        let now_ms = self.shared.now_ms();
        lock(&self.shared.quota).as_mut().map_or(0, |quota| quota.used(now_ms))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // The connections end with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let shared = Arc::clone(&shared);
                connections.spawn(async move { shared.serve(stream).await });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

impl Shared {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut buffer = Vec::new();
        while let Some(request) = read_request(&mut stream, &mut buffer).await {
            let request = Arc::new(request);
            let fault = lock(&self.faults).strike(&request);
            let mut record = self.record(&request, fault.as_ref());
            let end = self.answer(&mut stream, &request, fault, &mut record).await;
            if self.settings.record_requests {
                lock(&self.records).push(record);
            }
            let closes = request
                .header("connection")
                .is_some_and(|value| value.eq_ignore_ascii_case("close"));
            match end {
                Some(Stop::Reset) => {
                    let _ = stream.set_zero_linger();
                    return;
                }
                Some(Stop::Close) => return,
                Some(Stop::Clean) | None if closes => return,
                Some(Stop::Clean) | None => {}
            }
        }
    }

    fn record(&self, request: &Request, fault: Option<&Fault>) -> RequestRecord {
        let script = if request.path == "/api/v2/query" {
            super::query::script_of(&request.body)
        } else {
            None
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
            fault: fault.map(Fault::name),
        }
    }

    /// Answers one request; tells how the connection ends if it does.
    async fn answer(
        self: &Arc<Self>,
        stream: &mut TcpStream,
        request: &Arc<Request>,
        fault: Option<Fault>,
        record: &mut RequestRecord,
    ) -> Option<Stop> {
        let mut reply = match &fault {
            Some(Fault::Refuse) => return Some(Stop::Close),
            Some(Fault::Status { status, retry_after, body }) => {
                scripted(*status, retry_after.as_deref(), body)
            }
            _ => match self.over_quota(request) {
                Some(reply) => reply,
                None => self.compute(request).await?,
            },
        };
        if matches!(fault, Some(Fault::LostAck)) {
            return Some(Stop::Reset);
        }
        if let Some(Fault::Stall { after_bytes: 0, ms }) = fault {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        if request.method == "HEAD" {
            reply.body = Body::Empty;
        }
        record.status = reply.status;
        self.send(stream, request, reply, fault.as_ref(), record).await
    }

    /// Parsing and planning may take a while, so they leave the event loop alone.
    async fn compute(self: &Arc<Self>, request: &Arc<Request>) -> Option<Reply> {
        let (shared, request) = (Arc::clone(self), Arc::clone(request));
        let work =
            move || respond::answer(&request, &shared.settings, &shared.store, &shared.tasks);
        tokio::task::spawn_blocking(work).await.ok()
    }

    fn over_quota(&self, request: &Request) -> Option<Reply> {
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

    async fn send(
        &self,
        stream: &mut TcpStream,
        request: &Request,
        reply: Reply,
        fault: Option<&Fault>,
        record: &mut RequestRecord,
    ) -> Option<Stop> {
        let (mut rows, mut first, chunked) = match reply.body {
            Body::Empty => (None, Vec::new(), false),
            Body::Whole(bytes) => {
                // Go sends the length of what fits into its buffer.
                let chunked = bytes.len() > 2_048;
                (None, bytes, chunked)
            }
            Body::Chunked(bytes) => (None, bytes, true),
            Body::Rows(encoder) => (Some(encoder), Vec::new(), true),
        };
        let limit = self.timeout_bytes(fault);
        if let Some(encoder) = &mut rows {
            if let Some(Fault::ErrorTable { after_rows, message }) = fault {
                encoder.fail_after(*after_rows, message);
            }
            self.step(encoder, &mut first, limit, 0);
        } else if let Some(Fault::CutClean { after_bytes }) = fault {
            first.truncate(usize::try_from(*after_bytes).unwrap_or(usize::MAX));
        }
        let zipped = is_query(request) && request.takes_gzip() && first.len() >= GZIP_BYTES_MIN;
        let length = if chunked { None } else { Some(first.len()) };
        let head = self.head(reply.status, reply.headers, zipped, length);
        let piece = if zipped { 2_048 } else { 4_096 };
        let mut sender = Sender::new(
            stream,
            head,
            chunked.then_some(piece),
            fault,
            self.settings.read_bytes_per_s.filter(|_| is_query(request)),
        );
        let mut zip = zipped.then(|| GzEncoder::new(Vec::new(), flate2::Compression::default()));
        let mut end;
        loop {
            record.decoded_bytes += first.len() as u64;
            if is_query(request) {
                let now_ms = self.now_ms();
                if let Some(quota) = lock(&self.quota).as_mut() {
                    quota.debit(now_ms, first.len() as u64);
                }
            }
            end = match &mut zip {
                None => sender.push(&first, record.decoded_bytes).await,
                Some(zip) => {
                    // Writing into memory does not fail.
                    let _ = zip.write_all(&first);
                    let packed = std::mem::take(zip.get_mut());
                    sender.push(&packed, record.decoded_bytes).await
                }
            };
            let Some(encoder) = rows.as_mut().filter(|_| end.is_none()) else { break };
            if limit.is_some_and(|limit| record.decoded_bytes >= limit)
                && self.settings.timeout_form == TimeoutForm::Cut
            {
                end = Some(Stop::Close);
                break;
            }
            first.clear();
            if self.step(encoder, &mut first, limit, record.decoded_bytes) == Step::Done
                && first.is_empty()
            {
                break;
            }
        }
        if end.is_none() {
            let tail = zip.and_then(|zip| zip.finish().ok()).unwrap_or_default();
            end = sender.finish(&tail).await;
        } else {
            sender.flush().await;
        }
        record.sent_bytes = sender.sent_bytes();
        end
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
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
        limit: Option<u64>,
        done: u64,
    ) -> Step {
        let left =
            limit.map(|limit| usize::try_from(limit.saturating_sub(done)).unwrap_or(usize::MAX));
        match left {
            Some(0) if self.settings.timeout_form == TimeoutForm::Cut => return Step::Done,
            Some(0) => encoder.fail_after(0, TIMEOUT_TEXT),
            _ => {}
        }
        encoder.step(out, left.map_or(STEP_BYTES, |left| left.clamp(1, STEP_BYTES)))
    }

    fn head(
        &self,
        status: u16,
        mut headers: Vec<(&'static str, String)>,
        zipped: bool,
        length: Option<usize>,
    ) -> Vec<u8> {
        if self.settings.kind == Kind::Oss {
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

fn is_query(request: &Request) -> bool {
    matches!(request.path.as_str(), "/api/v2/query" | "/query")
}

fn scripted(status: u16, retry_after: Option<&str>, body: &str) -> Reply {
    let kind = if body.starts_with('{') { super::http::JSON } else { "text/html" };
    let mut reply =
        Reply::new(status, &[("Content-Type", kind)], Body::Whole(body.as_bytes().to_vec()));
    if let Some(retry_after) = retry_after {
        reply.headers.push(("Retry-After", retry_after.to_owned()));
    }
    reply
}
