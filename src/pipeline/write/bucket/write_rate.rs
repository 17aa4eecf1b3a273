//! How many bodies are written at one time, and whether they are packed: found out while writing.
//!
//! One more as long as that makes the destination take more bytes per second, one less where it does not, half as many
//! when it refuses. Packing is tried on the first bodies where the destination is another machine, and kept if it pays.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::limits::{
    WRITE_RATE_BODIES, WRITE_RATE_GAIN_PER_MILLE, WRITE_RATE_REST_ROUNDS, WRITES_IN_FLIGHT_MAX,
};
use crate::pipeline::permits::Permits;

/// The state of writing.
#[derive(Debug)]
pub struct WriteRate {
    permits: Permits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Bodies and bytes acknowledged in the round at hand, and since when.
    bodies: u32,
    bytes: u64,
    since: Instant,
    /// Bytes per second of the round before, and what was changed after it.
    before: Option<f64>,
    changed: Changed,
    /// Rounds in which nothing is tried.
    rest: u32,
    refusals: u64,
    packing: Packing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changed {
    Nothing,
    Raised,
}

/// Whether bodies are to be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackingChoice {
    /// No network lies between: packing costs both programs more than it saves.
    Never,
    /// Where that is faster.
    Measured,
    /// Nothing else would show a bit that flips on the way.
    Always,
}

/// Whether bodies are packed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Packing {
    Never,
    /// Seconds per byte, plain and packed, as far as tried; so many bodies each.
    Trying {
        plain_s: f64,
        packed_s: f64,
        tried: [u32; 2],
    },
    Always,
}

/// Bodies of each kind that decide about packing.
const PACKING_TRIES: u32 = 3;

impl WriteRate {
    /// Steers these permits.
    pub fn new(permits: Permits, pack: PackingChoice) -> Self {
        let packing = match pack {
            PackingChoice::Never => Packing::Never,
            PackingChoice::Measured => {
                Packing::Trying { plain_s: 0.0, packed_s: 0.0, tried: [0; 2] }
            }
            PackingChoice::Always => Packing::Always,
        };
        let state = State {
            bodies: 0,
            bytes: 0,
            since: Instant::now(),
            before: None,
            changed: Changed::Nothing,
            rest: 0,
            refusals: 0,
            packing,
        };
        Self { permits, state: Mutex::new(state) }
    }

    /// The permits.
    pub fn permits(&self) -> &Permits {
        &self.permits
    }

    /// True if the next body should be packed.
    pub fn packs(&self) -> bool {
        match self.state().packing {
            Packing::Never => false,
            Packing::Always => true,
            Packing::Trying { tried: [plain, packed], .. } => packed < plain,
        }
    }

    /// A body was acknowledged: so many bytes of line protocol, this long after it was begun, packed or not. `refusals`
    /// counts how often the destination has refused so far.
    pub fn acknowledged(&self, bytes: u64, took: Duration, packed: bool, refusals: u64) {
        let mut state = self.state();
        state.packing = state.packing.after(bytes, took, packed);
        if refusals > state.refusals {
            state.refusals = refusals;
            for _ in 0..self.permits.count() / 2 {
                self.permits.lower();
            }
            state.begin_round(None, WRITE_RATE_REST_ROUNDS);
            return;
        }
        state.bodies += 1;
        state.bytes += bytes;
        if state.bodies < WRITE_RATE_BODIES {
            return;
        }
        let rate = rate(state.bytes, state.since.elapsed());
        self.end_round(&mut state, rate);
    }

    fn end_round(&self, state: &mut State, rate: f64) {
        // Only what waits for its turn says something of a larger number.
        let waiting = self.permits.is_exhausted();
        let paid = state.before.is_none_or(|before| {
            rate * 1_000.0 > before * (1_000.0 + f64::from(WRITE_RATE_GAIN_PER_MILLE))
        });
        if state.changed == Changed::Raised && !paid {
            self.permits.lower();
            state.begin_round(None, WRITE_RATE_REST_ROUNDS);
        } else if state.rest > 0 {
            let rest = state.rest - 1;
            state.begin_round(None, rest);
        } else if waiting && self.permits.raise(WRITES_IN_FLIGHT_MAX) {
            state.begin_round(Some(rate), 0);
            state.changed = Changed::Raised;
        } else {
            state.begin_round(None, 0);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin_round(&mut self, before: Option<f64>, rest: u32) {
        (self.bodies, self.bytes, self.since) = (0, 0, Instant::now());
        (self.before, self.rest, self.changed) = (before, rest, Changed::Nothing);
    }
}

impl Packing {
    fn after(self, bytes: u64, took: Duration, packed: bool) -> Self {
        let Self::Trying { mut plain_s, mut packed_s, mut tried } = self else { return self };
        let seconds_per_byte = 1.0 / rate(bytes.max(1), took);
        let (sum, count) = if packed { (&mut packed_s, 1) } else { (&mut plain_s, 0) };
        *sum += seconds_per_byte;
        tried[count] += 1;
        if tried.iter().any(|count| *count < PACKING_TRIES) {
            return Self::Trying { plain_s, packed_s, tried };
        }
        let mean = |sum: f64, count: u32| sum / f64::from(count);
        if mean(packed_s, tried[1]) < mean(plain_s, tried[0]) { Self::Always } else { Self::Never }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate to compare with others")]
fn rate(bytes: u64, took: Duration) -> f64 {
    bytes as f64 / took.as_secs_f64().max(1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes bodies to a destination that takes `capacity` bodies' worth of work at once, for so many rounds.
    async fn settle(capacity: usize, rounds: u32) -> usize {
        let rate = WriteRate::new(Permits::new("write", 2), PackingChoice::Never);
        for _ in 0..rounds * WRITE_RATE_BODIES {
            let count = rate.permits().count();
            // Somebody always waits.
            let mut held = Vec::new();
            for _ in 0..count {
                held.push(rate.permits().one().await.unwrap());
            }
            let busy = count.min(capacity);
            tokio::time::advance(Duration::from_millis(1_000 / busy as u64)).await;
            rate.acknowledged(1_000_000, Duration::from_secs(1), false, 0);
            drop(held);
            tokio::task::yield_now().await;
        }
        rate.permits().count()
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_writes_follows_what_the_destination_takes() {
        for (capacity, least, most) in [(1, 2, 3), (2, 2, 3), (6, 6, 7), (100, 16, 16)] {
            let count = settle(capacity, 60).await;
            assert!((least..=most).contains(&count), "{capacity}: {count}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_halves_it() {
        let rate = WriteRate::new(Permits::new("write", 8), PackingChoice::Never);
        rate.acknowledged(1, Duration::from_secs(1), false, 1);
        tokio::task::yield_now().await;
        assert_eq!(rate.permits().count(), 4);
        rate.acknowledged(1, Duration::from_secs(1), false, 1);
        assert_eq!(rate.permits().count(), 4, "each refusal counts once");
    }

    #[tokio::test(start_paused = true)]
    async fn packing_is_kept_if_it_pays() {
        for (plain_ms, packed_ms, packs) in [(100, 50, true), (50, 100, false)] {
            let rate = WriteRate::new(Permits::new("write", 2), PackingChoice::Measured);
            for _ in 0..2 * PACKING_TRIES {
                let packed = rate.packs();
                let took_ms = if packed { packed_ms } else { plain_ms };
                rate.acknowledged(1_000, Duration::from_millis(took_ms), packed, 0);
            }
            assert_eq!(rate.packs(), packs);
        }
        assert!(!WriteRate::new(Permits::new("write", 2), PackingChoice::Never).packs());
        assert!(WriteRate::new(Permits::new("write", 2), PackingChoice::Always).packs());
    }
}
