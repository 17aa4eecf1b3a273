//! The listener, and what its owner can see and change.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::connection::serve;
use super::quota::QuotaMeter;
use super::state::{RequestRecord, ServerState, lock};
use crate::sim::data::objects::ObjectStore;
use crate::sim::data::store::BucketStore;
use crate::sim::faults::script::{FaultScript, Rule};
use crate::sim::settings::{FluxTask, ServerSettings};

/// A running server; it stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    shared: Arc<ServerState>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens on a free port of the loopback address and serves `store`.
    pub async fn start(settings: ServerSettings, store: Arc<BucketStore>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(ServerState {
            tasks: Mutex::new(settings.tasks.clone()),
            objects: Mutex::new(ObjectStore::default()),
            quota: Mutex::new(settings.quota.map(QuotaMeter::new)),
            faults: Mutex::new(settings.faults.clone()),
            records: Mutex::new(Vec::new()),
            hangs: watch::Sender::new(false),
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
    pub fn store(&self) -> &Arc<BucketStore> {
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

    /// Takes away all faults: what went wrong is over.
    pub fn clear_faults(&self) {
        *lock(&self.shared.faults) = FaultScript::none();
        self.shared.hangs.send_replace(false);
    }

    /// Requests that were read and wait, because the server hangs.
    pub fn requests_waiting(&self) -> usize {
        self.shared.hangs.receiver_count()
    }

    /// True once every scripted fault has struck as often as it should.
    pub fn faults_used_up(&self) -> bool {
        lock(&self.shared.faults).is_used_up()
    }

    /// The tasks as they stand.
    pub fn tasks(&self) -> Vec<FluxTask> {
        lock(&self.shared.tasks).clone()
    }

    /// Dashboards and variables of the organisation: the kind and the name of each.
    pub fn objects(&self) -> Vec<(String, String)> {
        let store = lock(&self.shared.objects);
        store.objects.iter().map(|object| (object.kind.clone(), object.name.clone())).collect()
    }

    /// Somebody makes a variable.
    pub fn add_variable(&self, name: &str) {
        lock(&self.shared.objects).add_variable(name);
    }

    /// Somebody gives a dashboard another name and takes its first cell away.
    pub fn change_dashboard(&self, name: &str, new: &str) {
        lock(&self.shared.objects).change_dashboard(name, new);
    }

    /// How many stacks there are.
    pub fn stacks(&self) -> usize {
        lock(&self.shared.objects).stacks.len()
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

async fn accept(listener: TcpListener, shared: Arc<ServerState>) {
    // The connections end with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(serve(Arc::clone(&shared), stream));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
