//! Pacing under the source's limits, so that the server never has to refuse us.
//!
//! Cloud counts response bytes in fixed windows of five minutes whose phase we do not know. So *any* five minutes must
//! stay within the quota. A request is paid for by prediction before it is sent, at a steady rate with a small burst
//! (governor, in KiB), and settled to the true byte count: what it took beyond the prediction is debt, paid before
//! the next request goes out; what it left is credit. Credit is paid from first, so that credit and what is in flight
//! together are never more than may be in flight. Hence no window sees more than
//!
//! ```text
//! share x quota + burst + in flight x (1 + prediction error) <= quota
//! ```
//!
//! ([`Bounds`]), as long as answers stay below [`QuotaLedger::request_bytes_max`] and hold at most a third more than predicted.
//! Predictions up to [`crate::limits::QUOTA_SMALL_BYTES_MAX`] (counts, look-ups) are paid for as all others, but do not
//! wait for what is in flight.
//!
//! - The share may change with the time of day ([`Share`]). Burst and what is in flight follow from the largest one, so the
//!   bound holds across changes.
//! - The runs of one machine share one quota ([`runs`]): each keeps to the bound of its part, and the parts never
//!   add up to more than the whole. A part that grows starts without a burst, and who finds a killed run pays for what
//!   that one may have received beyond its predictions.
//! - Where the organization's limits can be read, the time of all queries in 30 s and the number of queries at one time
//!   are kept too.
//!
//! Modules: `bounds` divides the quota, `pace` is the rate, `state` what is known, `admission` a request's way through
//! it, `sharing` and [`runs`] the other runs, `time` and `slots` the two other limits, `clock` the source's time.

mod admission;
mod bounds;
mod clock;
mod pace;
pub mod runs;
mod sharing;
mod slots;
mod state;
mod time;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;

use super::signal::{Observer, Signal};
use crate::model::share::{Percent, Share, ShareChange};
use crate::model::side::Side;
use crate::model::time::Timestamp;

pub use admission::Admission;
pub use bounds::{Bounds, WHOLE_PPM};
use pace::Paid;
use runs::Runs;
pub use slots::Slot;
use slots::Slots;
use state::State;

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
    quota_bytes: Option<u64>,
    request_bytes_max: Option<u64>,
    state: Mutex<State>,
    slots: Option<Slots>,
    /// Rate, part, room or time is another one.
    changed: Notify,
    /// Large requests get what is in flight in their order.
    turn: tokio::sync::Mutex<()>,
    /// Large requests pay in their order.
    pay_turn: tokio::sync::Mutex<()>,
    /// Queries get their time in their order.
    time_turn: tokio::sync::Mutex<()>,
    /// The place among the runs of this machine; goes with the ledger.
    runs: OnceLock<Arc<Mutex<Runs>>>,
}

/// The state of the ledger, for the progress display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUsage {
    /// The quota of one window, if there is one.
    pub quota_bytes: Option<u64>,
    /// Bytes received in the last 300 s by this run.
    pub window_bytes: u64,
    /// Bytes received by this run so far.
    pub total_bytes: u64,
    /// The rate that the pacing grants this run now, if there is a quota; 0 while the other runs have all of it.
    pub bytes_per_s: Option<u64>,
    /// The share that is taken now, in thousandths.
    pub share_per_mille: u32,
    /// When it will be another one, and which.
    pub share_change: Option<ShareChange>,
    /// Runs that share the quota, this one among them.
    pub runs: u32,
    /// How long the requests that wait now will wait, all together.
    pub wait_ms: u64,
}

impl QuotaLedger {
    /// A ledger for these limits, alone with them.
    pub fn new(settings: &QuotaSettings) -> Self {
        let quota_bytes = settings.bytes_per_window;
        let state = State::new(quota_bytes, &settings.share, settings.query_time_ms);
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

    /// Waits until a request that is expected to bring `predicted_bytes` may be sent, and pays for it.
    /// Dropping this future half-way loses nothing. Settle or drop an admission before asking for a larger
    /// one in its place: the bytes it holds in flight are what the next one may be waiting for.
    pub async fn admit(self: &Arc<Self>, predicted_bytes: u64, observer: &Observer) -> Admission {
        Admission::new(self, predicted_bytes, observer).await
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
        let (slot, error) = admission::told(observer, slots.take()).await;
        if let Some(error) = error {
            let text =
                format!("cannot count the queries of other runs, only those of this one: {error}");
            observer(Signal::Notice { side: Side::Source, text });
        }
        slot
    }

    /// Pays so many KiB or a piece of them at the rate of this moment.
    fn pay(&self, kib: u32, observer: &Observer) -> Paid {
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

    fn state(&self) -> MutexGuard<'_, State> {
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

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn unsigned(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}
