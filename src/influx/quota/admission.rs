//! Leave to send one request, and the waiting for it.

use std::fmt;
use std::sync::Arc;

use tokio::time::{Instant, timeout, timeout_at};

use super::bounds::{KIB, signed, unsigned};
use super::ledger::QuotaLedger;
use super::pace::Paid;
use super::wait::{Wait, told};
use crate::influx::signal::Observer;
use crate::limits::{QUOTA_LOOK_MS, QUOTA_SIGNAL_MS_MIN, QUOTA_SMALL_BYTES_MAX};
use crate::model::scale::scaled;

/// Leave to send one request, paid for by prediction. Dropped, it settles at the bytes recorded so far.
pub struct Admission {
    ledger: Arc<QuotaLedger>,
    predicted_bytes: u64,
    /// Below zero only while debt is still being paid.
    paid_bytes: i64,
    received_bytes: u64,
    /// Of what may be in flight.
    reserved_bytes: u64,
    /// Its number among the queries whose time is counted.
    query: Option<u64>,
}

impl QuotaLedger {
    /// Waits until a request that is expected to bring `predicted_bytes` may be sent, and pays for it.
    /// Dropping this future half-way loses nothing: what was paid and reserved goes back. Settle or drop an admission
    /// before asking for a larger one in its place: the bytes it holds in flight are what the next one may be waiting for.
    pub async fn admit(self: &Arc<Self>, predicted_bytes: u64, observer: &Observer) -> Admission {
        let mut admission = Admission {
            ledger: Arc::clone(self),
            predicted_bytes,
            paid_bytes: 0,
            received_bytes: 0,
            reserved_bytes: 0,
            query: None,
        };
        if self.quota_bytes.is_some() {
            admission.reserve().await;
            admission.pay(observer).await;
        }
        admission.start(observer).await;
        admission
    }
}

impl Admission {
    /// A place among what is in flight. Small requests are counted, but do not wait for it.
    async fn reserve(&mut self) {
        let is_small = self.predicted_bytes <= QUOTA_SMALL_BYTES_MAX;
        let ledger = Arc::clone(&self.ledger);
        let _turn = if is_small { None } else { Some(ledger.turn.lock().await) };
        loop {
            // Made before the look at the state, so that no change in between is missed.
            let changed = ledger.changed.notified();
            {
                let mut state = ledger.state();
                if is_small || state.has_room(self.predicted_bytes) {
                    state.reserve(self.predicted_bytes);
                    self.reserved_bytes = self.predicted_bytes;
                    return;
                }
            }
            changed.await;
        }
    }

    /// Credit and debt first, the rest at the steady rate, piece by piece.
    async fn pay(&mut self, observer: &Observer) {
        let ledger = Arc::clone(&self.ledger);
        let predicted = signed(self.predicted_bytes);
        // One after the other: of two that pay at one time, the one with more to pay would come last again and again.
        let is_small = self.predicted_bytes <= QUOTA_SMALL_BYTES_MAX;
        let _turn = if is_small { None } else { Some(ledger.pay_turn.lock().await) };
        {
            let mut state = ledger.state();
            self.paid_bytes = state.balance_bytes.min(predicted);
            state.balance_bytes -= self.paid_bytes;
        }
        let mut due = Due { ledger: &ledger, bytes: 0, wait: None, observer };
        due.set(unsigned(predicted - self.paid_bytes));
        while due.bytes > 0 {
            let kib = u32::try_from(due.bytes.div_ceil(KIB)).unwrap_or(u32::MAX);
            self.paid_bytes += i64::from(due.pay(kib).await) * signed(KIB);
            due.set(unsigned(predicted - self.paid_bytes));
        }
    }

    /// A place in the time of all queries, where that is limited.
    async fn start(&mut self, observer: &Observer) {
        let ledger = Arc::clone(&self.ledger);
        if ledger.state().time.is_none() {
            return;
        }
        let starting = async {
            let _turn = ledger.time_turn.lock().await;
            loop {
                let changed = ledger.changed.notified();
                let wait = match ledger.state().start_query(self.predicted_bytes) {
                    Ok(number) => return number,
                    Err(wait) => wait,
                };
                // Either the time is over or the state is new: both mean to look again.
                drop(timeout(wait, changed).await);
            }
        };
        self.query = told(observer, starting).await;
    }

    /// The request was sent at this time and the server has begun to answer: from here its time counts.
    pub fn begun(&mut self, at: Instant) {
        if let Some(number) = self.query
            && let Some(time) = &mut self.ledger.state().time
        {
            time.begun(number, at);
        }
    }

    /// Bytes received so far, in all. Beyond the prediction they become debt at once.
    pub fn record(&mut self, received_bytes: u64) {
        let more = received_bytes.saturating_sub(self.received_bytes);
        self.received_bytes += more;
        let mut state = self.ledger.state();
        state.count(more);
        if self.ledger.quota_bytes.is_none() {
            return;
        }
        let received = signed(self.received_bytes);
        if received > self.paid_bytes {
            state.balance_bytes -= received - self.paid_bytes;
            self.paid_bytes = received;
        }
        let to_come = self.predicted_bytes.saturating_sub(self.received_bytes);
        let came = self.reserved_bytes.saturating_sub(to_come);
        self.reserved_bytes -= came;
        state.release(came);
        drop(state);
        if came > 0 {
            self.ledger.changed.notify_waiters();
        }
    }

    /// The request is over and brought this many bytes.
    pub fn settle(mut self, received_bytes: u64) {
        self.record(received_bytes);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut state = self.ledger.state();
        if self.ledger.quota_bytes.is_some() {
            state.release(self.reserved_bytes);
            state.give_back(self.paid_bytes - signed(self.received_bytes));
        }
        if let Some(number) = self.query
            && let Some(time) = &mut state.time
        {
            time.end(number, self.received_bytes);
        }
        drop(state);
        self.ledger.changed.notify_waiters();
    }
}

/// What one request still has to pay, kept in the ledger's sum also when the request is given up.
struct Due<'a> {
    ledger: &'a QuotaLedger,
    bytes: u64,
    wait: Option<Wait<'a>>,
    observer: &'a Observer,
}

impl Due<'_> {
    fn set(&mut self, bytes: u64) {
        let mut state = self.ledger.state();
        state.due_bytes = state.due_bytes.saturating_sub(self.bytes).saturating_add(bytes);
        self.bytes = bytes;
    }

    /// Pays a piece; tells how many KiB that was.
    async fn pay(&mut self, kib: u32) -> u32 {
        loop {
            let changed = self.ledger.changed.notified();
            let paid = self.ledger.pay(kib, self.observer);
            match paid {
                Paid::Kib(paid) => return paid,
                Paid::At(at) => {
                    self.signal();
                    drop(timeout_at(at, changed).await);
                }
                Paid::Closed => {
                    self.signal();
                    changed.await;
                }
            }
        }
    }

    fn signal(&mut self) {
        let wait_ms = match self.ledger.bytes_per_s() {
            // Nothing yet: the others give something up, which takes a look of each.
            None | Some(0) => QUOTA_LOOK_MS,
            Some(rate) => scaled(self.bytes, 1_000, rate),
        };
        if self.wait.is_none() && wait_ms >= QUOTA_SIGNAL_MS_MIN {
            self.wait = Some(Wait::begin(self.observer, wait_ms));
        }
    }
}

impl Drop for Due<'_> {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("predicted_bytes", &self.predicted_bytes)
            .field("received_bytes", &self.received_bytes)
            .finish_non_exhaustive()
    }
}
