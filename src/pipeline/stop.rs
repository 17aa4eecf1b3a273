//! How a run is asked to end early, and how long what it is doing then may go on.

use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep_until};

use crate::limits::{CLOSE_MS_MAX, DRAIN_MS_MAX, STOP_CLOSE_MS_MAX, STOP_RECORD_MS_MAX};
use crate::pipeline::event::StopReason;

/// The most urgent reason so far, and when the first was given.
#[derive(Debug, Clone, Copy)]
struct Asked {
    reason: StopReason,
    at: Instant,
}

/// Asks for the end; the most urgent reason counts.
#[derive(Debug, Clone)]
pub struct Stopper(watch::Sender<Option<Asked>>);

/// Hears of it.
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Receiver<Option<Asked>>);

/// A connected pair.
pub fn stop_pair() -> (Stopper, StopSignal) {
    let (sender, receiver) = watch::channel(None);
    (Stopper(sender), StopSignal(receiver))
}

impl Stopper {
    /// Asks; a more urgent reason replaces an older one, and gives no new time.
    pub fn stop(&self, reason: StopReason) {
        self.0.send_modify(|held| {
            let (before, at) = held.map_or((reason, Instant::now()), |held| (held.reason, held.at));
            *held = Some(Asked { reason: before.max(reason), at });
        });
    }
}

impl StopSignal {
    /// The reason, once there is one.
    pub fn reason(&self) -> Option<StopReason> {
        self.0.borrow().map(|asked| asked.reason)
    }

    /// Waits for a reason; for ever if nobody can give one any more.
    pub async fn wait(&mut self) -> StopReason {
        self.asked().await.reason
    }

    /// Does the work, unless the end is asked for before it is done: then the work is given up as it stands.
    pub async fn unless<T>(&self, work: impl Future<Output = T>) -> Result<T, StopReason> {
        let mut stop = self.clone();
        tokio::select! {
            biased;
            reason = stop.wait() => Err(reason),
            done = work => Ok(done),
        }
    }

    /// Waits until open batches have had their time.
    pub async fn drained(&self) -> StopReason {
        self.clone().after(DRAIN_MS_MAX).await
    }

    /// Waits until what is complete has had its time to be recorded.
    pub async fn recorded(&self) -> StopReason {
        self.clone().after(STOP_RECORD_MS_MAX).await
    }

    /// Waits until nothing may go on any more.
    pub async fn closed(&self) -> StopReason {
        self.clone().after(STOP_CLOSE_MS_MAX).await
    }

    /// Does work that may be left undone at the end of a run, whoever is waited for in it; `None` if it was left.
    pub async fn briefly<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            _ = self.closed() => None,
            () = tokio::time::sleep(Duration::from_millis(CLOSE_MS_MAX)) => None,
        }
    }

    async fn after(&mut self, ms: u64) -> StopReason {
        let asked = self.asked().await;
        sleep_until(asked.at + Duration::from_millis(ms)).await;
        self.reason().unwrap_or(asked.reason)
    }

    async fn asked(&mut self) -> Asked {
        loop {
            if let Some(asked) = *self.0.borrow_and_update() {
                return asked;
            }
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_part_of_the_end_has_its_time_from_the_first_word() {
        let (stopper, stop) = stop_pair();
        assert_eq!(stop.unless(std::future::ready(7)).await, Ok(7));
        let begun = Instant::now();
        stopper.stop(StopReason::TimeBudget);
        let pending = std::future::pending::<()>;
        assert_eq!(stop.unless(pending()).await, Err(StopReason::TimeBudget));
        tokio::time::sleep(Duration::from_secs(5)).await;
        stopper.stop(StopReason::Terminated);
        stopper.stop(StopReason::Interrupted);
        assert_eq!(stop.drained().await, StopReason::Terminated);
        assert_eq!(begun.elapsed(), Duration::from_millis(DRAIN_MS_MAX));
        assert_eq!(stop.recorded().await, StopReason::Terminated);
        assert_eq!(begun.elapsed(), Duration::from_millis(STOP_RECORD_MS_MAX));
        assert_eq!(stop.briefly(pending()).await, None);
        assert_eq!(begun.elapsed(), Duration::from_millis(STOP_CLOSE_MS_MAX));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_word_only_the_closing_has_a_bound() {
        let (_stopper, stop) = stop_pair();
        let begun = Instant::now();
        assert_eq!(stop.briefly(std::future::pending::<()>()).await, None);
        assert_eq!(begun.elapsed(), Duration::from_millis(CLOSE_MS_MAX));
        let never = tokio::time::timeout(Duration::from_secs(3_600), stop.drained()).await;
        assert!(never.is_err());
    }
}
