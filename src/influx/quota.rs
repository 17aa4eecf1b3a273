//! Pacing under the source's read quota, so that the server never has to refuse us.
//!
//! Cloud counts response bytes in fixed windows of five minutes whose phase we do not know. So *any* five minutes must
//! stay within the quota. A request is paid for by prediction before it is sent, at a steady rate with a small burst
//! (governor, in KiB), and settled to the true byte count: what it took beyond the prediction is debt, paid before
//! the next request goes out; what it left is credit, up to a cap. At the beginning of any window at most
//! `in_flight_bytes_max` are paid for and still to come. Hence no window sees more than
//!
//! ```text
//! share x quota + burst + credit + in flight x (1 + prediction error) <= quota
//! ```
//!
//! ([`Bounds`]), as long as answers stay below [`QuotaLedger::request_bytes_max`] and hold at most a third more than predicted.
//! Predictions up to [`QUOTA_SMALL_BYTES_MAX`] (counts, look-ups) are paid for as all others, but do not wait for what is in flight.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::signal::{Observer, Signal, WaitCause};
use crate::limits::{
    QUOTA_CREDIT_PER_MILLE_MAX, QUOTA_ERROR_PER_MILLE, QUOTA_SHARE_PER_MILLE_MAX,
    QUOTA_SIGNAL_MS_MIN, QUOTA_SMALL_BYTES_MAX, QUOTA_WINDOW_MS, SLICE_WINDOW_PER_MILLE_MAX,
};
use crate::model::side::Side;

const KIB: u64 = 1024;

/// What the pacing may take of a quota. All in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Paid for in one window at the steady rate.
    pub rate_bytes_per_window: u64,
    /// Paid for at once after a pause.
    pub burst_bytes: u64,
    /// Unused predictions kept for later requests.
    pub credit_bytes_max: u64,
    /// Paid for and not yet received.
    pub in_flight_bytes_max: u64,
}

impl Bounds {
    /// Divides the quota. What the share leaves over covers burst, credit and what is in flight; so with a share
    /// above 90 % all three shrink, and no more than [`QUOTA_SHARE_PER_MILLE_MAX`] is taken.
    pub fn new(quota_bytes: u64, share_per_mille: u32) -> Self {
        let share = u64::from(share_per_mille.clamp(1, QUOTA_SHARE_PER_MILLE_MAX));
        let part = |per_mille: u64| {
            u64::try_from(u128::from(quota_bytes) * u128::from(per_mille) / 1_000)
                .unwrap_or(u64::MAX)
        };
        let rest = quota_bytes - part(share);
        let burst_bytes = (rest / 5).min(part(SLICE_WINDOW_PER_MILLE_MAX)).max(KIB);
        let credit_bytes_max = (rest / 10).min(part(u64::from(QUOTA_CREDIT_PER_MILLE_MAX)));
        let in_flight = rest.saturating_sub(burst_bytes + credit_bytes_max);
        let in_flight = u128::from(in_flight) * 1_000 / u128::from(1_000 + QUOTA_ERROR_PER_MILLE);
        Self {
            rate_bytes_per_window: part(share),
            burst_bytes,
            credit_bytes_max,
            in_flight_bytes_max: u64::try_from(in_flight).unwrap_or(u64::MAX).max(KIB),
        }
    }
}

/// Tokio's clock for governor: a paused clock in a test pauses the pacing too.
#[derive(Debug, Clone)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

struct Pacing {
    bounds: Bounds,
    limiter: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Duration>>,
    /// The most that is paid at once, in KiB: a quarter of the burst, so that small requests get in between.
    piece: NonZeroU32,
    in_flight: Arc<Semaphore>,
    in_flight_kib_max: u32,
}

/// What every request to the source is charged to.
pub struct QuotaLedger {
    quota_bytes: Option<u64>,
    pacing: Option<Pacing>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Credit above zero, debt below.
    balance_bytes: i64,
    /// Still to be paid by requests that wait.
    due_bytes: u64,
    /// Bytes received, by second since `origin`; the last five minutes of them.
    seconds: VecDeque<(u64, u64)>,
    origin: Option<Instant>,
}

/// The state of the ledger, for the progress display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUsage {
    /// The quota of one window, if there is one.
    pub quota_bytes: Option<u64>,
    /// Bytes received in the last 300 s.
    pub window_bytes: u64,
    /// The rate that the pacing grants, if there is a quota.
    pub bytes_per_s: Option<u64>,
    /// How long the requests that wait now will wait, all together.
    pub wait_ms: u64,
}

impl QuotaLedger {
    /// A ledger for this many bytes in each five minutes, of which the given share is taken; `None`: no pacing,
    /// only counting.
    pub fn new(quota_bytes_per_window: Option<u64>, share_per_mille: u32) -> Self {
        let pacing =
            quota_bytes_per_window.map(|quota| Pacing::new(Bounds::new(quota, share_per_mille)));
        Self { quota_bytes: quota_bytes_per_window, pacing, state: Mutex::default() }
    }

    /// The largest answer for which the bound holds: two of them fit in flight. None: no quota.
    pub fn request_bytes_max(&self) -> Option<u64> {
        let bounds = self.pacing.as_ref()?.bounds;
        let slice_bytes = self.quota_bytes? / 1_000 * SLICE_WINDOW_PER_MILLE_MAX;
        Some((bounds.in_flight_bytes_max / 2).min(slice_bytes))
    }

    /// Bytes per second that the pacing grants.
    pub fn bytes_per_s(&self) -> Option<u64> {
        Some(self.pacing.as_ref()?.bounds.rate_bytes_per_window / (QUOTA_WINDOW_MS / 1_000))
    }

    /// Waits until a request that is expected to bring `predicted_bytes` may be sent, and pays for it.
    /// Dropping this future half-way loses nothing. Settle or drop an admission before asking for a larger
    /// one in its place: the bytes it holds in flight are what the next one may be waiting for.
    pub async fn admit(self: &Arc<Self>, predicted_bytes: u64, observer: &Observer) -> Admission {
        let mut admission = Admission {
            ledger: Arc::clone(self),
            predicted_bytes,
            paid_bytes: 0,
            received_bytes: 0,
            permit: None,
        };
        let Some(pacing) = &self.pacing else { return admission };
        if predicted_bytes > QUOTA_SMALL_BYTES_MAX {
            let kib = pacing.in_flight_kib(predicted_bytes);
            admission.permit = Arc::clone(&pacing.in_flight).acquire_many_owned(kib).await.ok();
        }
        let predicted = signed(predicted_bytes);
        {
            let mut state = self.state();
            admission.paid_bytes = state.balance_bytes.min(predicted);
            state.balance_bytes -= admission.paid_bytes;
        }
        let mut due = Due { ledger: self, bytes: 0, signalled: None, observer };
        due.set(unsigned(predicted - admission.paid_bytes));
        while due.bytes > 0 {
            let kib =
                u32::try_from(due.bytes.div_ceil(KIB)).unwrap_or(u32::MAX).min(pacing.piece.get());
            let piece = NonZeroU32::new(kib).unwrap_or(NonZeroU32::MIN);
            due.pay(pacing, piece).await;
            admission.paid_bytes += i64::from(piece.get()) * signed(KIB);
            due.set(unsigned(predicted - admission.paid_bytes));
        }
        admission
    }

    /// Charges bytes that came without an admission, such as error texts.
    pub fn charge(&self, bytes: u64) {
        let mut state = self.state();
        state.count(bytes);
        if self.pacing.is_some() {
            state.balance_bytes = state.balance_bytes.saturating_sub_unsigned(bytes);
        }
    }

    /// What is used, and what is waited for.
    pub fn usage(&self) -> QuotaUsage {
        let bytes_per_s = self.bytes_per_s();
        let mut state = self.state();
        state.count(0);
        QuotaUsage {
            quota_bytes: self.quota_bytes,
            window_bytes: state.seconds.iter().map(|(_, bytes)| bytes).sum(),
            bytes_per_s,
            wait_ms: bytes_per_s
                .map_or(0, |rate| state.due_bytes.saturating_mul(1_000) / rate.max(1)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pacing {
    fn new(bounds: Bounds) -> Self {
        let kib_of = |bytes: u64| {
            let kib = u32::try_from(bytes / KIB).unwrap_or(u32::MAX);
            NonZeroU32::new(kib).unwrap_or(NonZeroU32::MIN)
        };
        // Rounded up: rather a little too slow.
        let period_ns = u128::from(KIB) * u128::from(QUOTA_WINDOW_MS) * 1_000_000;
        let period_ns = period_ns.div_ceil(u128::from(bounds.rate_bytes_per_window.max(1)));
        let period = Duration::from_nanos(u64::try_from(period_ns).unwrap_or(u64::MAX).max(1));
        let burst = kib_of(bounds.burst_bytes);
        let rate = Quota::with_period(period)
            .expect("the period is at least a nanosecond")
            .allow_burst(burst);
        let in_flight_kib_max = kib_of(bounds.in_flight_bytes_max).get();
        Self {
            bounds,
            limiter: RateLimiter::direct_with_clock(rate, TokioClock(Instant::now())),
            piece: kib_of(bounds.burst_bytes / 4),
            in_flight: Arc::new(Semaphore::new(in_flight_kib_max as usize)),
            in_flight_kib_max,
        }
    }

    fn in_flight_kib(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX).min(self.in_flight_kib_max)
    }
}

impl State {
    fn count(&mut self, bytes: u64) {
        let second = self.origin.get_or_insert_with(Instant::now).elapsed().as_secs();
        while self
            .seconds
            .front()
            .is_some_and(|(first, _)| first + QUOTA_WINDOW_MS / 1_000 <= second)
        {
            self.seconds.pop_front();
        }
        match self.seconds.back_mut() {
            Some((last, sum)) if *last == second => *sum += bytes,
            _ if bytes > 0 => self.seconds.push_back((second, bytes)),
            _ => {}
        }
    }
}

/// What one request still has to pay, kept in the ledger's sum also when the request is given up.
struct Due<'a> {
    ledger: &'a QuotaLedger,
    bytes: u64,
    signalled: Option<Instant>,
    observer: &'a Observer,
}

impl Due<'_> {
    fn set(&mut self, bytes: u64) {
        let mut state = self.ledger.state();
        state.due_bytes = state.due_bytes.saturating_sub(self.bytes).saturating_add(bytes);
        self.bytes = bytes;
    }

    async fn pay(&mut self, pacing: &Pacing, piece: NonZeroU32) {
        // A piece above the burst cannot be: it is a quarter of it. Should it be, it passes.
        while let Ok(Err(refused)) = pacing.limiter.check_n(piece) {
            self.signal();
            let wait = refused.wait_time_from(pacing.limiter.clock().now());
            tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
        }
    }

    fn signal(&mut self) {
        let rate = self.ledger.bytes_per_s().unwrap_or(0).max(1);
        let wait_ms = self.bytes.saturating_mul(1_000) / rate;
        if self.signalled.is_none() && wait_ms >= QUOTA_SIGNAL_MS_MIN {
            self.signalled = Some(Instant::now());
            (self.observer)(Signal::WaitBegan {
                side: Side::Source,
                cause: WaitCause::Quota,
                wait_ms,
            });
        }
    }
}

impl Drop for Due<'_> {
    fn drop(&mut self) {
        self.set(0);
        if let Some(since) = self.signalled {
            let waited_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            (self.observer)(Signal::WaitEnded {
                side: Side::Source,
                cause: WaitCause::Quota,
                waited_ms,
            });
        }
    }
}

/// Leave to send one request, paid for by prediction. Dropped, it settles at the bytes recorded so far.
pub struct Admission {
    ledger: Arc<QuotaLedger>,
    predicted_bytes: u64,
    /// Below zero only while debt is still being paid.
    paid_bytes: i64,
    received_bytes: u64,
    permit: Option<OwnedSemaphorePermit>,
}

impl Admission {
    /// Bytes received so far, in all. Beyond the prediction they become debt at once.
    pub fn record(&mut self, received_bytes: u64) {
        let more = received_bytes.saturating_sub(self.received_bytes);
        self.received_bytes += more;
        let mut state = self.ledger.state();
        state.count(more);
        let Some(pacing) = &self.ledger.pacing else { return };
        let received = signed(self.received_bytes);
        if received > self.paid_bytes {
            state.balance_bytes -= received - self.paid_bytes;
            self.paid_bytes = received;
        }
        drop(state);
        if let Some(permit) = &mut self.permit {
            let to_come = pacing
                .in_flight_kib(self.predicted_bytes.saturating_sub(self.received_bytes))
                as usize;
            // The part that is split off is dropped, which lets others in.
            drop(permit.split(permit.num_permits().saturating_sub(to_come)));
        }
    }

    /// The request is over and brought this many bytes.
    pub fn settle(mut self, received_bytes: u64) {
        self.record(received_bytes);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let Some(pacing) = &self.ledger.pacing else { return };
        let left = self.paid_bytes - signed(self.received_bytes);
        let mut state = self.ledger.state();
        let credit_max = signed(pacing.bounds.credit_bytes_max);
        state.balance_bytes = state.balance_bytes.saturating_add(left).min(credit_max);
    }
}

impl fmt::Debug for QuotaLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounds = self.pacing.as_ref().map(|pacing| pacing.bounds);
        f.debug_struct("QuotaLedger")
            .field("bounds", &bounds)
            .field("state", &self.state)
            .finish_non_exhaustive()
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

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn unsigned(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}
