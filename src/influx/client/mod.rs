//! Requests to one server: sent through the gate, charged to the quota, tried again where that may help.
//!
//! Here is what all requests of a client share; `exchange` is one request, `alike` asks twice where no checksum would tell,
//! `retry` tries again until an answer is `complete`, `way` tells what lies between. What is asked stands beside this
//! folder.

mod alike;
mod complete;
pub(super) mod exchange;
mod retry;
mod way;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use super::backoff::{Backoff, Jitter};
use super::classify::{RequestKind, classify_late};
use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::error::{Error, Failure, FailureKind};
use super::gate::Gate;
use super::id::OrgKey;
use super::quota::{Admission, QuotaLedger};
use super::secrets;
use super::signal::{Observer, Signal, WaitCause};
use super::transport::HttpTransport;
use super::watch::SilenceWatch;
use crate::limits;
use crate::model::canary::Canary;
use crate::model::scale::whole_ms;
use crate::model::side::Side;

/// How a client behaves. The defaults are those of `limits`.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The server's own limit for a query.
    pub query_timeout_ms: u64,
    /// How much longer the client waits for the whole answer.
    pub query_grace_ms: u64,
    /// Connections kept open for the next requests. How many requests run at once is the caller's choice.
    pub connections_max: usize,
    /// Ask for gzip answers.
    pub gzip: bool,
    /// Bound for connecting.
    pub connect_ms_max: u64,
    /// Bound for silence inside an answer.
    pub silence_ms_max: u64,
    /// Bound for a write.
    pub write_ms_max: u64,
    /// Bound for every other request.
    pub api_ms_max: u64,
    /// Tries after the first, where the client itself tries again.
    pub retries_max: u32,
    /// First pause between tries.
    pub backoff_ms_min: u64,
    /// Longest pause between tries.
    pub backoff_ms_max: u64,
    /// A file of certificates that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Seed of the jitter; random if none.
    pub seed: Option<u64>,
    /// A mended fault that a test puts back.
    pub canary: Canary,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            query_timeout_ms: limits::QUERY_TIMEOUT_MS_DEFAULT,
            query_grace_ms: limits::QUERY_GRACE_MS,
            connections_max: limits::CONNECTIONS_MAX_DEFAULT,
            gzip: true,
            connect_ms_max: limits::CONNECT_MS_MAX,
            silence_ms_max: limits::BODY_SILENCE_MS_MAX,
            write_ms_max: limits::WRITE_MS_MAX,
            api_ms_max: limits::API_MS_MAX,
            retries_max: limits::RETRIES_MAX,
            backoff_ms_min: limits::BACKOFF_MS_MIN,
            backoff_ms_max: limits::BACKOFF_MS_MAX,
            ca_file: None,
            seed: None,
            canary: Canary::None,
        }
    }
}

/// What the server says of itself; Cloud names no version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerInfo {
    /// `X-Influxdb-Version`.
    pub version: Option<String>,
    /// `X-Influxdb-Build`: `OSS`, `Core`, `Enterprise`, or as Cloud has it.
    pub build: Option<String>,
}

impl ServerInfo {
    /// True if it says that it is an InfluxDB OSS.
    pub fn is_oss(&self) -> bool {
        self.build.as_deref() == Some("OSS")
    }
}

/// One server. Clones share connections, token, gate and ledger.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    quota: Arc<QuotaLedger>,
}

struct Shared {
    side: Side,
    /// Where its address stands.
    host_from: String,
    /// The organization as a person gave it.
    given_org: Option<String>,
    /// How requests name it; what was found out about it counts more than what was given.
    org_key: Option<OrgKey>,
    learnt_org_key: OnceLock<OrgKey>,
    settings: ClientSettings,
    transport: Arc<HttpTransport>,
    credentials: Arc<Credentials>,
    gate: Gate,
    watch: Arc<SilenceWatch>,
    /// From the newest `Date` header; [`NO_TIME`] before the first.
    server_time_ns: AtomicI64,
    /// Requests sent, tries again included.
    requests: AtomicU64,
    /// An InfluxDB has answered.
    reached: AtomicBool,
    /// It had no room on its disk.
    disk_was_full: AtomicBool,
    /// Version and build, once an answer has told them.
    info: OnceLock<ServerInfo>,
    /// A large answer came with nothing that would show a flipped bit.
    unchecked: AtomicBool,
    observer: Observer,
}

impl Shared {
    /// Nothing was asked yet, and nothing is known but what was given.
    fn new(
        (side, host_from): (Side, String),
        given_org: Option<String>,
        (transport, credentials): (Arc<HttpTransport>, Arc<Credentials>),
        settings: ClientSettings,
        observer: Observer,
    ) -> Self {
        Self {
            side,
            host_from,
            org_key: given_org.clone().map(OrgKey::given),
            learnt_org_key: OnceLock::new(),
            given_org,
            transport,
            credentials,
            gate: Gate::new(side, Arc::clone(&observer), Jitter::new(settings.seed)),
            watch: Arc::new(SilenceWatch::new(side, Arc::clone(&observer))),
            settings,
            server_time_ns: AtomicI64::new(NO_TIME),
            requests: AtomicU64::new(0),
            reached: AtomicBool::new(false),
            disk_was_full: AtomicBool::new(false),
            info: OnceLock::new(),
            unchecked: AtomicBool::new(false),
            observer,
        }
    }
}

/// No answer has named the time yet.
const NO_TIME: i64 = i64::MIN;

impl Client {
    /// A client for `endpoint`. Nothing is sent and no token is read yet.
    pub fn new(
        endpoint: Endpoint,
        settings: ClientSettings,
        observer: Observer,
    ) -> Result<Self, Error> {
        let Endpoint { side, host, host_from, org, token } = endpoint;
        let ca_file = settings.ca_file.as_deref();
        let (connect_ms_max, connections_max) = (settings.connect_ms_max, settings.connections_max);
        let transport = HttpTransport::new(&host, connect_ms_max, connections_max, ca_file)
            .map_err(|failure| Error::new(side, "host", failure))?;
        for text in transport.doubts() {
            observer(Signal::Notice { side, text });
        }
        let (transport, credentials) = (Arc::new(transport), Arc::new(Credentials::new(token)));
        let shared =
            Shared::new((side, host_from), org, (transport, credentials), settings, observer);
        Ok(Self { shared: Arc::new(shared), quota: Arc::new(QuotaLedger::unlimited()) })
    }

    /// The same server behind a gate of its own, for what may fail: no other request waits for these, or is told of them, and
    /// what the server says to them leaves no mark. Each is tried once, within this time.
    #[must_use]
    pub fn apart(&self, ms_max: u64) -> Self {
        let of = &self.shared;
        let observer: Observer = Arc::new(|_| ());
        let settings = ClientSettings {
            query_timeout_ms: ms_max,
            query_grace_ms: 0,
            write_ms_max: ms_max,
            api_ms_max: ms_max,
            retries_max: 0,
            ..of.settings.clone()
        };
        let (side, org) = ((of.side, of.host_from.clone()), of.given_org.clone());
        let way = (Arc::clone(&of.transport), Arc::clone(&of.credentials));
        let shared = Shared {
            learnt_org_key: of.learnt_org_key.clone(),
            reached: AtomicBool::new(self.is_reached()),
            info: of.info.clone(),
            ..Shared::new(side, org, way, settings, observer)
        };
        Self { shared: Arc::new(shared), quota: Arc::new(QuotaLedger::unlimited()) }
    }

    /// Charges reading to this ledger. Only the source has a quota: on the destination this changes nothing.
    #[must_use]
    pub fn with_quota(mut self, quota: Arc<QuotaLedger>) -> Self {
        if self.shared.side == Side::Source {
            self.quota = quota;
        }
        self
    }

    /// The ledger; one without a limit if none was given.
    pub fn quota(&self) -> &Arc<QuotaLedger> {
        &self.quota
    }

    /// Fresh pauses between tries, for callers that try again themselves.
    pub fn backoff(&self) -> Backoff {
        let settings = &self.shared.settings;
        Backoff::new(settings.backoff_ms_min, settings.backoff_ms_max, Jitter::new(settings.seed))
    }

    /// Tries after the first, for callers that try again themselves.
    pub fn retries_max(&self) -> u32 {
        self.shared.settings.retries_max
    }

    /// Which server this is.
    pub fn side(&self) -> Side {
        self.shared.side
    }

    /// Waits for the quota and pays for an answer of about this size. To be given to [`QueryStream::charge`](super::stream::QueryStream::charge).
    pub async fn admit(&self, predicted_bytes: u64) -> Admission {
        self.quota.admit(predicted_bytes, &self.shared.observer).await
    }

    /// Closes the gate for a refusal that was read out of an answer's text. Other kinds change nothing.
    pub fn back_off(&self, kind: &FailureKind) {
        if let Some((cause, retry_after_ms)) = refusal(kind) {
            self.shared.gate.close(cause, retry_after_ms);
        }
    }

    /// True once an InfluxDB has answered: from then on trouble is waited out.
    pub(super) fn is_reached(&self) -> bool {
        self.shared.reached.load(Ordering::Relaxed)
    }

    /// The mended fault that a test has put back.
    pub fn canary(&self) -> Canary {
        self.shared.settings.canary
    }

    /// How often this server has made all its requests wait, with 429, 503 or a full cache.
    pub fn refusals(&self) -> u64 {
        self.shared.gate.closings()
    }

    /// Requests sent to this server so far, tries again included.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Version and build, as far as the answers so far tell them.
    pub fn known_info(&self) -> ServerInfo {
        self.shared.info.get().cloned().unwrap_or_default()
    }

    /// True once the server has said that its disk is full, whatever it has said since.
    pub fn disk_was_full(&self) -> bool {
        self.shared.disk_was_full.load(Ordering::Relaxed)
    }

    /// The time of the server's newest answer, in nanoseconds since 1970, to the second. Never in its future.
    pub fn server_time(&self) -> Option<i64> {
        Some(self.shared.server_time_ns.load(Ordering::Relaxed))
            .filter(|time_ns| *time_ns != NO_TIME)
    }

    /// The organization as a parameter: an id goes by another name.
    pub(super) fn org(&self) -> Option<(&'static str, &str)> {
        let learnt = self.shared.learnt_org_key.get();
        learnt.or(self.shared.org_key.as_ref()).map(OrgKey::parameter)
    }

    /// The organization as a person gave it.
    pub(super) fn given_org(&self) -> Option<&str> {
        self.shared.given_org.as_deref()
    }

    /// Names the organization so from now on.
    pub(super) fn learn_org(&self, key: OrgKey) {
        // Whoever was first has asked the same server the same.
        let _ = self.shared.learnt_org_key.set(key);
    }

    pub(super) fn refuse_on_source(&self, what: &str) -> Result<(), Error> {
        match self.shared.side {
            Side::Destination => Ok(()),
            Side::Source => {
                let failure =
                    Failure::new(FailureKind::BadRequest, "the source is never written to");
                Err(self.error(what, failure))
            }
        }
    }

    pub(super) fn late(&self, kind: RequestKind, mut failure: Failure, begun: Instant) -> Failure {
        if kind == RequestKind::Query {
            let limit_ms = self.shared.settings.query_timeout_ms;
            failure.kind = classify_late(failure.kind, whole_ms(begun.elapsed()), limit_ms);
        }
        failure
    }

    pub(super) fn query_error(&self, what: &str, failure: Failure, begun: Instant) -> Error {
        let failure = self.late(RequestKind::Query, failure, begun);
        self.error(what, failure).after(1, whole_ms(begun.elapsed()))
    }

    pub(super) fn error(&self, what: &str, mut failure: Failure) -> Error {
        failure.message = secrets::redact(self.shared.credentials.redact(failure.message));
        let is_lost = match failure.kind {
            FailureKind::Unexpected => !self.is_reached(),
            FailureKind::NotFound => failure.message.contains("path not found"),
            _ => false,
        };
        if is_lost && self.shared.transport.has_path() {
            // It is the path that is wrong: those who know where the address stands say what to give.
            failure.cure = None;
        }
        if failure.kind == FailureKind::DiskFull {
            self.shared.disk_was_full.store(true, Ordering::Relaxed);
        }
        let proxy = self.shared.transport.proxy();
        if let Some(proxy) = proxy.filter(|_| failure.kind.may_be_of_a_proxy()) {
            failure.message.extend([" (through the proxy ", &proxy, ")"]);
        }
        let (address, from) = (self.shared.transport.address(), &self.shared.host_from);
        Error::new(self.shared.side, what, failure).reached(self.is_reached()).at(address, from)
    }

    /// The same, told by those who ask for the first time.
    pub(super) fn observe(&self, signal: Signal) {
        (self.shared.observer)(signal);
    }

    /// The name of its host.
    pub(super) fn host_name(&self) -> &str {
        self.shared.transport.host_name()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("side", &self.shared.side)
            .field("org", &self.org())
            .field("transport", &self.shared.transport)
            .field("gate", &self.shared.gate)
            .field("quota", &self.quota)
            .finish_non_exhaustive()
    }
}

/// The wait that a kind of failure means for the whole side.
fn refusal(kind: &FailureKind) -> Option<(WaitCause, Option<u64>)> {
    match kind {
        FailureKind::RateLimited { retry_after_ms } => {
            Some((WaitCause::RateLimited, *retry_after_ms))
        }
        FailureKind::Unavailable { retry_after_ms } => {
            Some((WaitCause::Unavailable, *retry_after_ms))
        }
        FailureKind::CacheFull => Some((WaitCause::Unavailable, None)),
        _ => None,
    }
}
