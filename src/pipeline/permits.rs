//! Permits for work that goes on at one time; how many there are may change while it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::pipeline::error::Error;

/// A bounded number of permits. Clones share them.
#[derive(Debug, Clone)]
pub struct Permits {
    stage: &'static str,
    semaphore: Arc<Semaphore>,
    count: Arc<AtomicUsize>,
}

impl Permits {
    /// So many permits for one stage, at least one.
    pub fn new(stage: &'static str, count: usize) -> Self {
        let count = count.max(1);
        Self {
            stage,
            semaphore: Arc::new(Semaphore::new(count)),
            count: Arc::new(AtomicUsize::new(count)),
        }
    }

    /// The next permit, given back when it is dropped.
    pub async fn one(&self) -> Result<OwnedSemaphorePermit, Error> {
        let permit = Arc::clone(&self.semaphore).acquire_owned().await;
        permit.map_err(|_| Error::StageGone(self.stage))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Adds one; false if there are as many as there may be.
    pub fn raise(&self, count_max: usize) -> bool {
        let raised = self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            (count < count_max).then_some(count + 1)
        });
        if raised.is_ok() {
            self.semaphore.add_permits(1);
        }
        raised.is_ok()
    }

    /// True if somebody waits for one.
    pub fn is_exhausted(&self) -> bool {
        self.semaphore.available_permits() == 0
    }

    /// Takes one away for good: the next one that is given back. False if only one is left.
    pub fn lower(&self) -> bool {
        let lowered = self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            (count > 1).then_some(count - 1)
        });
        if lowered.is_err() {
            return false;
        }
        if self.semaphore.forget_permits(1) == 0 {
            let semaphore = Arc::clone(&self.semaphore);
            tokio::spawn(async move {
                if let Ok(permit) = semaphore.acquire_owned().await {
                    permit.forget();
                }
            });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_permit_taken_away_is_the_next_one_given_back() {
        let permits = Permits::new("test", 2);
        let (first, second) = (permits.one().await.unwrap(), permits.one().await.unwrap());
        assert!(permits.lower());
        assert!(!permits.lower(), "the last one stays");
        tokio::task::yield_now().await;
        drop(first);
        tokio::task::yield_now().await;
        assert_eq!((permits.count(), permits.semaphore.available_permits()), (1, 0));
        drop(second);
        assert!(permits.one().await.is_ok());
        assert!(permits.raise(2) && !permits.raise(2));
        assert_eq!((permits.count(), permits.semaphore.available_permits()), (2, 2));
    }
}
