//! The steady rate. governor's limiter has one rate for ever, so every change of the rate puts a new one in its place,
//! and that one starts empty: a change grants no burst.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::bounds::{Bounds, KIB, WHOLE_PPM};
use super::clock::{SourceClock, TokioClock};
use crate::limits::QUOTA_WINDOW_MS;
use crate::model::share::Share;

/// The pacing of one run: which part of the quota it has, which share of that it takes now.
pub(super) struct QuotaPace {
    pub(super) share: Share,
    /// Of the whole quota.
    whole: Bounds,
    /// Of this run's part.
    pub(super) bounds: Bounds,
    pub(super) part_ppm: u32,
    pub(super) share_per_mille: u32,
    limiter: Option<Limiter>,
    clock: TokioClock,
}

/// What became of an attempt to pay.
pub(super) enum Paid {
    /// So many KiB are paid.
    Kib(u32),
    /// Not yet: at this time, unless something changes before.
    At(Instant),
    /// Not before something changes.
    Closed,
}

impl QuotaPace {
    /// Alone with the whole quota, with the burst at hand.
    pub(super) fn new(quota_bytes: u64, share: Share, clock: SourceClock) -> Self {
        let whole = Bounds::new(quota_bytes, share.max_per_mille());
        let share_per_mille = share.at(clock.now());
        let mut pace = Self {
            share,
            whole,
            bounds: whole,
            part_ppm: WHOLE_PPM,
            share_per_mille,
            limiter: None,
            clock: TokioClock::new(),
        };
        pace.limiter = Some(pace.limiter(BurstAtStart::Full));
        pace
    }

    /// Takes up the share of this time. True if the rate changed.
    pub(super) fn refresh(&mut self, clock: SourceClock) -> bool {
        let share_per_mille = self.share.at(clock.now());
        let changed = share_per_mille != self.share_per_mille;
        if changed {
            self.share_per_mille = share_per_mille;
            self.limiter = (self.part_ppm > 0).then(|| self.limiter(BurstAtStart::Empty));
        }
        changed
    }

    /// Takes another part of the quota.
    pub(super) fn set_part(&mut self, part_ppm: u32, start: BurstAtStart) {
        self.part_ppm = part_ppm;
        self.bounds = self.whole.part(part_ppm);
        self.limiter = (part_ppm > 0).then(|| self.limiter(start));
    }

    /// What another part would allow.
    pub(super) fn bounds_of(&self, part_ppm: u32) -> Bounds {
        self.whole.part(part_ppm)
    }

    /// What is granted at this moment, whether the limiter follows already or not.
    pub(super) fn bytes_per_s(&self, clock: SourceClock) -> u64 {
        if self.limiter.is_none() {
            return 0;
        }
        Bounds::per_second(self.bounds.rate_bytes_per_window(self.share.at(clock.now())))
    }

    /// Pays so many KiB, or a piece of them.
    pub(super) fn pay(&self, kib: u32, clock: SourceClock) -> Paid {
        let change = self.share.next_change(clock.now()).map(|change| clock.instant_of(change.at));
        let refill = match &self.limiter {
            None => None,
            Some(limiter) => match limiter.pay(kib, self.clock.now()) {
                Ok(paid) => return Paid::Kib(paid),
                Err(wait) => Some(Instant::now() + wait),
            },
        };
        match (refill, change) {
            (Some(refill), Some(change)) => Paid::At(refill.min(change)),
            (Some(at), None) | (None, Some(at)) => Paid::At(at),
            (None, None) => Paid::Closed,
        }
    }

    fn limiter(&self, start: BurstAtStart) -> Limiter {
        let rate = self.bounds.rate_bytes_per_window(self.share_per_mille);
        Limiter::new(rate, self.bounds.burst_bytes, start, self.clock.clone())
    }
}

/// With how much of the burst a limiter starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BurstAtStart {
    /// All of it.
    Full,
    /// Nothing.
    Empty,
}

struct Limiter {
    governor: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Duration>>,
    /// The most that is paid at once, in KiB: a quarter of the burst, so that small requests get in between.
    piece: NonZeroU32,
}

impl Limiter {
    fn new(
        bytes_per_window: u64,
        burst_bytes: u64,
        start: BurstAtStart,
        clock: TokioClock,
    ) -> Self {
        // Rounded up: rather a little too slow.
        let period_ns = u128::from(KIB) * u128::from(QUOTA_WINDOW_MS) * 1_000_000;
        let period_ns = period_ns.div_ceil(u128::from(bytes_per_window.max(1)));
        let period = Duration::from_nanos(u64::try_from(period_ns).unwrap_or(u64::MAX).max(1));
        let burst = kib_of(burst_bytes);
        let rate = Quota::with_period(period)
            .expect("the period is at least a nanosecond")
            .allow_burst(burst);
        let governor = RateLimiter::direct_with_clock(rate, clock);
        if start == BurstAtStart::Empty {
            // Cannot fail: a new limiter has its burst.
            let _ = governor.check_n(burst);
        }
        Self { governor, piece: kib_of(burst_bytes / 4) }
    }

    fn pay(&self, kib: u32, now: Duration) -> Result<u32, Duration> {
        let piece = NonZeroU32::new(kib).unwrap_or(NonZeroU32::MIN).min(self.piece);
        match self.governor.check_n(piece) {
            Ok(Err(refused)) => Err(refused.wait_time_from(now).max(Duration::from_millis(1))),
            // A piece above the burst cannot be: it is a quarter of it. Should it be, it passes.
            Ok(Ok(())) | Err(_) => Ok(piece.get()),
        }
    }
}

fn kib_of(bytes: u64) -> NonZeroU32 {
    NonZeroU32::new(u32::try_from(bytes / KIB).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN)
}
