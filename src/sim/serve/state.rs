//! What a running server and its connections share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::quota::QuotaMeter;
use crate::model::scale::whole_ms;
use crate::sim::data::objects::ObjectStore;
use crate::sim::data::store::BucketStore;
use crate::sim::faults::script::FaultScript;
use crate::sim::settings::{FluxTask, ServerSettings};

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
    /// The beginning of the body; for a JSON query its script, for `/query` its statements.
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
pub(super) struct ServerState {
    pub(super) settings: ServerSettings,
    pub(super) store: Arc<BucketStore>,
    pub(super) tasks: Mutex<Vec<FluxTask>>,
    pub(super) objects: Mutex<ObjectStore>,
    pub(super) quota: Mutex<Option<QuotaMeter>>,
    pub(super) faults: Mutex<FaultScript>,
    pub(super) records: Mutex<Vec<RequestRecord>>,
    /// Whether nothing is answered.
    pub(super) hangs: watch::Sender<bool>,
    pub(super) started: Instant,
}

impl ServerState {
    /// Since the start of the server.
    pub(super) fn now_ms(&self) -> u64 {
        whole_ms(self.started.elapsed())
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
