//! Whether a server says anything at all: an answer that does not come is told of long before its deadline.

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::classify::RequestKind;
use super::signal::{Observer, Signal, WaitCause};
use crate::limits::{SILENCE_LINE_MS, SILENCE_LOOK_MS, SILENCE_MS_MIN};
use crate::model::scale::whole_ms;
use crate::model::side::Side;

/// When a server was last heard of, whatever it said.
pub(super) struct SilenceWatch {
    side: Side,
    observer: Observer,
    epoch: Instant,
    /// In milliseconds since the epoch, as the next one.
    heard_ms: AtomicU64,
    said_ms: AtomicU64,
}

impl SilenceWatch {
    pub(super) fn new(side: Side, observer: Observer) -> Self {
        let epoch = Instant::now();
        Self { side, observer, epoch, heard_ms: AtomicU64::new(0), said_ms: AtomicU64::new(0) }
    }

    /// Something came.
    pub(super) fn heard(&self) {
        self.heard_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// Waits for the answer, and tells if there is silence meanwhile. One request that takes its time is none while the
    /// server goes on with others.
    pub(super) async fn over<T>(&self, asked: RequestKind, answer: impl Future<Output = T>) -> T {
        let mut answer = pin!(answer);
        let begun_ms = self.now_ms();
        let mut silence: Option<Silence<'_>> = None;
        loop {
            let since_ms = begun_ms.max(self.heard_ms.load(Ordering::Relaxed));
            let look_ms = match silence {
                None => since_ms + SILENCE_MS_MIN,
                Some(_) => self.now_ms() + SILENCE_LOOK_MS,
            };
            tokio::select! {
                biased;
                done = &mut answer => return done,
                () = sleep_until(self.epoch + Duration::from_millis(look_ms)) => {}
            }
            let since_ms = begun_ms.max(self.heard_ms.load(Ordering::Relaxed));
            let silent_ms = self.now_ms().saturating_sub(since_ms);
            if silent_ms < SILENCE_MS_MIN {
                silence = None;
                continue;
            }
            silence.get_or_insert_with(|| Silence::begin(self, asked, silent_ms));
            self.say(asked, silent_ms);
        }
    }

    /// A word for those who look seldom; one for all requests together.
    fn say(&self, asked: RequestKind, silent_ms: u64) {
        let (now_ms, said_ms) = (self.now_ms(), self.said_ms.load(Ordering::Relaxed));
        let is_due = silent_ms >= SILENCE_LINE_MS
            && (said_ms == 0 || now_ms.saturating_sub(said_ms) >= SILENCE_LINE_MS);
        // Of several that look at once one says it.
        let (order, any) = (Ordering::Relaxed, Ordering::Relaxed);
        if is_due && self.said_ms.compare_exchange(said_ms, now_ms, order, any).is_ok() {
            (self.observer)(Signal::Silent { side: self.side, asked, silent_ms });
        }
    }

    fn now_ms(&self) -> u64 {
        whole_ms(self.epoch.elapsed())
    }
}

impl fmt::Debug for SilenceWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SilenceWatch").field("side", &self.side).finish_non_exhaustive()
    }
}

/// A silence that has been told of; its end is told however it comes.
struct Silence<'a> {
    watch: &'a SilenceWatch,
    asked: RequestKind,
    since_ms: u64,
}

impl<'a> Silence<'a> {
    fn begin(watch: &'a SilenceWatch, asked: RequestKind, silent_ms: u64) -> Self {
        let cause = WaitCause::Silence(asked);
        (watch.observer)(Signal::WaitBegan { side: watch.side, cause, wait_ms: silent_ms });
        Self { watch, asked, since_ms: watch.now_ms().saturating_sub(silent_ms) }
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        let (side, cause) = (self.watch.side, WaitCause::Silence(self.asked));
        let waited_ms = self.watch.now_ms().saturating_sub(self.since_ms);
        (self.watch.observer)(Signal::WaitEnded { side, cause, waited_ms });
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::{Arc, Mutex};

    use tokio::time::{sleep, timeout};

    use super::*;

    fn watch() -> (SilenceWatch, Arc<Mutex<Vec<Signal>>>) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heard);
        let observer: Observer = Arc::new(move |signal| kept.lock().unwrap().push(signal));
        (SilenceWatch::new(Side::Destination, observer), heard)
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_told_after_five_seconds_and_again_each_half_minute() {
        let (watch, told) = watch();
        let waiting = watch.over(RequestKind::Write, pending::<()>());
        assert!(timeout(Duration::from_millis(95_500), waiting).await.is_err());
        let told = told.lock().unwrap();
        let side = Side::Destination;
        let cause = WaitCause::Silence(RequestKind::Write);
        assert_eq!(told[0], Signal::WaitBegan { side, cause, wait_ms: 5_000 });
        let said = |signal: &Signal| match signal {
            Signal::Silent { silent_ms, .. } => Some(*silent_ms),
            _ => None,
        };
        let said: Vec<_> = told.iter().filter_map(said).collect();
        assert_eq!(said, [30_000, 60_000, 90_000]);
        assert_eq!(told[4], Signal::WaitEnded { side, cause, waited_ms: 95_500 });
        assert_eq!(told.len(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_goes_on_with_others_is_not_silent() {
        let (watch, told) = watch();
        let others = async {
            for _ in 0..20 {
                sleep(Duration::from_secs(4)).await;
                watch.heard();
            }
        };
        tokio::select! {
            () = watch.over(RequestKind::Query, pending::<()>()) => {}
            () = others => {}
        }
        assert!(told.lock().unwrap().is_empty());
        // It falls silent, and is heard again by another request.
        let again = async {
            sleep(Duration::from_secs(12)).await;
            watch.heard();
            sleep(Duration::from_secs(4)).await;
        };
        tokio::select! {
            () = watch.over(RequestKind::Query, pending::<()>()) => {}
            () = again => {}
        }
        let told = told.lock().unwrap();
        assert!(matches!(told[0], Signal::WaitBegan { wait_ms: 5_000, .. }), "{told:?}");
        assert!(matches!(told[1], Signal::WaitEnded { .. }) && told.len() == 2, "{told:?}");
    }
}
