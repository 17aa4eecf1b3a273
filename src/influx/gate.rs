//! One gate for all requests to a side. A 429 or 503 closes it; when its time is over a single request passes as a probe,
//! and only a proper answer to that one opens the gate for all. So a server that limits us sees one request
//! per pause, however many workers there are.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::backoff::Jitter;
use super::signal::{Observer, Signal, WaitCause};
use crate::limits::{BACKOFF_MS_MAX, GATE_MS_MIN, GATE_RATE_MS_MAX};
use crate::model::scale::whole_ms;
use crate::model::side::Side;

/// The gate of one side.
pub struct Gate {
    side: Side,
    observer: Observer,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    closed: Option<Closed>,
    /// Counts the closings: a refusal of a request from before the last one is old news.
    closings: u64,
    /// Refusals in a row.
    refusals: u32,
    jitter: Jitter,
}

#[derive(Debug, Clone, Copy)]
struct Closed {
    cause: WaitCause,
    since: Instant,
    until: Instant,
    probing: bool,
}

/// Leave to send one request. Dropped without a verdict (no answer came), it hands a probe on to the next.
#[derive(Debug)]
pub struct Pass<'gate> {
    gate: &'gate Gate,
    closings: u64,
    probe: bool,
}

impl Gate {
    /// An open gate.
    pub fn new(side: Side, observer: Observer, jitter: Jitter) -> Self {
        let state = State { closed: None, closings: 0, refusals: 0, jitter };
        Self { side, observer, state: Mutex::new(state), changed: Notify::new() }
    }

    /// Waits until a request may be sent.
    pub async fn enter(&self) -> Pass<'_> {
        loop {
            // Made before the look at the state, so that no change in between is missed.
            let changed = self.changed.notified();
            let until = match self.look() {
                Look::Pass(pass) => return pass,
                Look::Until(until) => until,
            };
            match until {
                // Either the time is over or the state is new: both mean to look again.
                Some(until) => drop(tokio::time::timeout_at(until, changed).await),
                None => changed.await,
            }
        }
    }

    /// Closes the gate for a refusal that came as text inside an answer.
    pub fn close(&self, cause: WaitCause, retry_after_ms: Option<u64>) {
        let closings = self.state().closings;
        self.refused(closings, cause, retry_after_ms);
    }

    /// Remaining wait, if the gate is closed.
    pub fn wait_ms(&self) -> Option<u64> {
        let closed = self.state().closed?;
        Some(whole_ms(closed.until.saturating_duration_since(Instant::now())))
    }

    /// How often it was closed.
    pub fn closings(&self) -> u64 {
        self.state().closings
    }

    fn look(&self) -> Look<'_> {
        let mut state = self.state();
        let closings = state.closings;
        match &mut state.closed {
            None => Look::Pass(Pass { gate: self, closings, probe: false }),
            Some(closed) if closed.probing => Look::Until(None),
            Some(closed) if closed.until <= Instant::now() => {
                closed.probing = true;
                Look::Pass(Pass { gate: self, closings, probe: true })
            }
            Some(closed) => Look::Until(Some(closed.until)),
        }
    }

    fn refused(&self, closings: u64, cause: WaitCause, retry_after_ms: Option<u64>) {
        let now = Instant::now();
        let mut state = self.state();
        if closings != state.closings {
            // Sent before the gate closed. What the server asks for still counts, and only that.
            if let (Some(closed), Some(wait_ms)) = (&mut state.closed, retry_after_ms) {
                closed.until = closed.until.max(now + Duration::from_millis(wait_ms));
            }
            return;
        }
        let before = state.closed.take();
        let wait_ms = state.pause_ms(cause, retry_after_ms);
        let until = now + Duration::from_millis(wait_ms);
        state.closings += 1;
        state.refusals = state.refusals.saturating_add(1);
        state.closed = Some(Closed { cause, since: now, until, probing: false });
        drop(state);
        self.changed.notify_waiters();
        if let Some(before) = before {
            self.tell_ended(before, now);
        }
        (self.observer)(Signal::WaitBegan { side: self.side, cause, wait_ms });
    }

    fn open(&self, closings: u64) {
        let mut state = self.state();
        if closings != state.closings {
            return;
        }
        let before = state.closed.take();
        state.refusals = 0;
        drop(state);
        self.changed.notify_waiters();
        if let Some(before) = before {
            self.tell_ended(before, Instant::now());
        }
    }

    fn hand_on(&self, closings: u64) {
        let mut state = self.state();
        if closings == state.closings
            && let Some(closed) = &mut state.closed
        {
            closed.probing = false;
        }
        drop(state);
        self.changed.notify_waiters();
    }

    fn tell_ended(&self, closed: Closed, now: Instant) {
        let waited_ms = whole_ms(now.saturating_duration_since(closed.since));
        (self.observer)(Signal::WaitEnded { side: self.side, cause: closed.cause, waited_ms });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Look<'gate> {
    Pass(Pass<'gate>),
    Until(Option<Instant>),
}

impl State {
    /// What the server asks for plus up to a tenth, else a pause that doubles with every refusal.
    fn pause_ms(&mut self, cause: WaitCause, retry_after_ms: Option<u64>) -> u64 {
        if let Some(asked_ms) = retry_after_ms {
            return asked_ms + self.jitter.up_to(asked_ms / 10);
        }
        let ms_max =
            if cause == WaitCause::RateLimited { GATE_RATE_MS_MAX } else { BACKOFF_MS_MAX };
        let bound_ms =
            GATE_MS_MIN.saturating_mul(2_u64.saturating_pow(self.refusals.saturating_add(1)));
        GATE_MS_MIN + self.jitter.up_to(bound_ms.min(ms_max) - GATE_MS_MIN)
    }
}

impl Pass<'_> {
    /// The server answered and does not limit us.
    pub fn answered(mut self) {
        if std::mem::take(&mut self.probe) {
            self.gate.open(self.closings);
        }
    }

    /// The server wants us to wait.
    pub fn refused(mut self, cause: WaitCause, retry_after_ms: Option<u64>) {
        self.probe = false;
        self.gate.refused(self.closings, cause, retry_after_ms);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.gate.hand_on(self.closings);
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("side", &self.side)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    fn gate() -> (Arc<Gate>, Arc<Mutex<Vec<Signal>>>) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let observer: Observer = {
            let heard = Arc::clone(&heard);
            Arc::new(move |signal| heard.lock().unwrap().push(signal))
        };
        (Arc::new(Gate::new(Side::Source, observer, Jitter::new(Some(1)))), heard)
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_passes_and_opens_it_for_all() {
        let (gate, heard) = gate();
        let before = gate.enter().await;
        gate.enter().await.refused(WaitCause::RateLimited, Some(5_000));
        before.answered();
        assert!(gate.wait_ms().is_some(), "an answer from before the closing does not open it");
        let passed = Arc::new(AtomicUsize::new(0));
        let verdict = Arc::new(Notify::new());
        let mut waiting = tokio::task::JoinSet::new();
        let begin = Instant::now();
        for _ in 0..20 {
            let (gate, passed, verdict) =
                (Arc::clone(&gate), Arc::clone(&passed), Arc::clone(&verdict));
            waiting.spawn(async move {
                let pass = gate.enter().await;
                if passed.fetch_add(1, SeqCst) == 0 {
                    assert!(pass.probe);
                    verdict.notified().await;
                }
                pass.answered();
                begin.elapsed()
            });
        }
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert_eq!(passed.load(SeqCst), 1, "while the probe is out all others wait");
        verdict.notify_one();
        while let Some(waited) = waiting.join_next().await {
            assert!(waited.unwrap() >= Duration::from_secs(5));
        }
        assert_eq!(passed.load(SeqCst), 20);
        let heard = heard.lock().unwrap();
        assert!(matches!(heard[0], Signal::WaitBegan { wait_ms: 5_000..=5_500, .. }), "{heard:?}");
        assert!(matches!(heard[1], Signal::WaitEnded { cause: WaitCause::RateLimited, .. }));
        assert_eq!(heard.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_without_a_verdict_is_handed_on() {
        let (gate, _) = gate();
        gate.close(WaitCause::Unavailable, Some(1_000));
        let first = gate.enter().await;
        assert!(first.probe);
        assert!(tokio::time::timeout(Duration::from_secs(60), gate.enter()).await.is_err());
        drop(first);
        gate.enter().await.answered();
        assert!(!gate.enter().await.probe && gate.wait_ms().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn many_refusals_at_once_close_it_once() {
        let (gate, heard) = gate();
        let passes = [gate.enter().await, gate.enter().await, gate.enter().await];
        for (pass, wait_ms) in passes.into_iter().zip([Some(2_000), None, Some(60_000)]) {
            pass.refused(WaitCause::RateLimited, wait_ms);
        }
        assert_eq!(heard.lock().unwrap().len(), 1);
        assert_eq!(gate.wait_ms(), Some(60_000), "the longest that the server asked for");
        let begin = Instant::now();
        gate.enter().await.answered();
        assert!(begin.elapsed() >= Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_word_of_the_server_pauses_grow_to_a_bound() {
        for (cause, ms_max) in
            [(WaitCause::RateLimited, GATE_RATE_MS_MAX), (WaitCause::Unavailable, BACKOFF_MS_MAX)]
        {
            let (gate, heard) = gate();
            for _ in 0..40 {
                gate.enter().await.refused(cause, None);
            }
            let heard = heard.lock().unwrap();
            let waits = heard.iter().filter_map(|signal| match signal {
                Signal::WaitBegan { wait_ms, .. } => Some(*wait_ms),
                _ => None,
            });
            let waits: Vec<_> = waits.collect();
            assert_eq!(waits.len(), 40);
            assert!(
                waits[0] <= 2_000 && waits.iter().all(|wait| (GATE_MS_MIN..=ms_max).contains(wait))
            );
            assert!(waits[10..].iter().any(|wait| *wait > ms_max * 8 / 10), "{waits:?}");
        }
    }
}
