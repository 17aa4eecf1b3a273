//! What every request to the source is charged to.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;

use super::pace::Paid;
use super::runs::Runs;
use super::slots::{Slot, Slots};
use super::state::{LedgerState, QuotaUsage};
use super::wait::told;
use crate::influx::signal::{Observer, Signal};
use crate::model::share::{Percent, Share};
use crate::model::side::Side;
use crate::model::time::Timestamp;

/// What the source lets an organization do, and how much of it is taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuotaSettings {
    /// Bytes in each window of five minutes; `None`: no limit.
    pub bytes_per_window: Option<u64>,
    /// Time of all queries together in each window of [`crate::limits::QUERY_TIME_WINDOW_MS`]; `None`: no limit.
    pub query_time_ms: Option<u64>,
    /// Queries at one time; `None`: no limit.
    pub queries_max: Option<u64>,
    /// The share of bytes and query time that is taken, and when.
    pub share: Share,
}

/// What every request to the source is charged to.
pub struct QuotaLedger {
    pub(super) quota_bytes: Option<u64>,
    request_bytes_max: Option<u64>,
    pub(super) state: Mutex<LedgerState>,
    pub(super) slots: Option<Slots>,
    /// Rate, part, room or time is another one.
    pub(super) changed: Notify,
    /// Large requests get what is in flight in their order.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// Large requests pay in their order.
    pub(super) pay_turn: tokio::sync::Mutex<()>,
    /// Queries get their time in their order.
    pub(super) time_turn: tokio::sync::Mutex<()>,
    /// The place among the runs of this machine; goes with the ledger.
    pub(super) runs: OnceLock<Arc<Mutex<Runs>>>,
}

impl QuotaLedger {
    /// A ledger for these limits, alone with them.
    pub fn new(settings: &QuotaSettings) -> Self {
        let quota_bytes = settings.bytes_per_window;
        let state = LedgerState::new(quota_bytes, &settings.share, settings.query_time_ms);
        let request_bytes_max = state.pace.as_ref().map(|pace| pace.bounds.request_bytes_max);
        Self {
            quota_bytes,
            request_bytes_max,
            state: Mutex::new(state),
            slots: settings.queries_max.and_then(Slots::new),
            changed: Notify::new(),
            turn: tokio::sync::Mutex::default(),
            pay_turn: tokio::sync::Mutex::default(),
            time_turn: tokio::sync::Mutex::default(),
            runs: OnceLock::new(),
        }
    }

    /// A ledger that only counts.
    pub fn unlimited() -> Self {
        Self::new(&QuotaSettings::default())
    }

    /// The largest answer for which the bound holds: two of them fit in flight. None: no quota.
    pub fn request_bytes_max(&self) -> Option<u64> {
        self.request_bytes_max
    }

    /// Bytes per second that the pacing grants now.
    pub fn bytes_per_s(&self) -> Option<u64> {
        let state = self.state();
        Some(state.pace.as_ref()?.bytes_per_s(state.clock))
    }

    /// Bytes received so far.
    pub fn total_bytes(&self) -> u64 {
        self.state().total_bytes
    }

    /// Charges bytes that came without an admission, such as error texts.
    pub fn charge(&self, bytes: u64) {
        let mut state = self.state();
        state.count(bytes);
        if self.quota_bytes.is_some() {
            state.balance_bytes = state.balance_bytes.saturating_sub_unsigned(bytes);
        }
    }

    /// The source says what time it is: the share follows its clock.
    pub fn note_time(&self, time: Timestamp) {
        if self.state().clock.note(time) {
            self.changed.notify_waiters();
        }
    }

    /// What is used, and what is waited for.
    pub fn usage(&self) -> QuotaUsage {
        self.state().usage(self.quota_bytes)
    }

    /// Tells the present pace, for a listener that was not there when it was set.
    pub fn tell(&self, observer: &Observer) {
        let usage = self.usage();
        if let Some(bytes_per_s) = usage.bytes_per_s {
            let (share_per_mille, runs) = (usage.share_per_mille, usage.runs);
            observer(Signal::Paced { bytes_per_s, share_per_mille, runs });
        }
    }

    /// Waits for a place among the queries that may run at one time; to be held while one runs.
    pub async fn slot(&self, observer: &Observer) -> Option<Slot> {
        let slots = self.slots.as_ref()?;
        let (slot, error) = told(observer, slots.take()).await;
        if let Some(error) = error {
            let text =
                format!("cannot count the queries of other runs, only those of this one: {error}");
            observer(Signal::Notice { side: Side::Source, text });
        }
        slot
    }

    /// Pays so many KiB or a piece of them at the rate of this moment.
    pub(super) fn pay(&self, kib: u32, observer: &Observer) -> Paid {
        let (paid, changed) = {
            let mut state = self.state();
            let clock = state.clock;
            let Some(pace) = &mut state.pace else { return Paid::Kib(kib) };
            let changed = pace.refresh(clock);
            (pace.pay(kib, clock), changed)
        };
        if changed {
            self.changed.notify_waiters();
            self.tell_share(observer);
        }
        paid
    }

    fn tell_share(&self, observer: &Observer) {
        let usage = self.usage();
        let until = usage.share_change.map_or(String::new(), |change| {
            format!(" until {} UTC", change.at.to_rfc3339_nano().get(11..16).unwrap_or_default())
        });
        let share = Percent(usage.share_per_mille);
        let rate = usage.bytes_per_s.unwrap_or(0) / 1_000;
        let text = format!("the share of the quota is {share} from now{until}: {rate} kB/s");
        observer(Signal::Notice { side: Side::Source, text });
        self.tell(observer);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, LedgerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for QuotaLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaLedger").field("usage", &self.usage()).finish_non_exhaustive()
    }
}

impl Drop for QuotaLedger {
    fn drop(&mut self) {
        let owes = self.state().balance_bytes < 0;
        if let Some(runs) = self.runs.get() {
            runs.lock().unwrap_or_else(PoisonError::into_inner).set_owes(owes);
        }
    }
}
