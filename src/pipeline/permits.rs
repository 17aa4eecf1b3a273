//! Permits for work that goes on at one time; how many there are may change while it does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::pipeline::error::Error;

/// A bounded number of permits. Clones share them.
#[derive(Debug, Clone)]
pub struct Permits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    stage: &'static str,
    semaphore: Arc<Semaphore>,
    count: Mutex<Count>,
}

#[derive(Debug)]
struct Count {
    /// How many there are, those among them that are given out.
    now: usize,
    /// How many of those that are given out are not to come back.
    owed: usize,
}

/// One permit, given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    held: Option<OwnedSemaphorePermit>,
    from: Arc<Shared>,
}

impl Permits {
    /// So many permits for one stage, at least one.
    pub fn new(stage: &'static str, count: usize) -> Self {
        let count = count.max(1);
        Self(Arc::new(Shared {
            stage,
            semaphore: Arc::new(Semaphore::new(count)),
            count: Mutex::new(Count { now: count, owed: 0 }),
        }))
    }

    /// The next permit.
    pub async fn one(&self) -> Result<Permit, Error> {
        let held = Arc::clone(&self.0.semaphore).acquire_owned().await;
        let held = Some(held.map_err(|_| Error::StageGone(self.0.stage))?);
        Ok(Permit { held, from: Arc::clone(&self.0) })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.count().now
    }

    /// Adds one; false if there are as many as there may be.
    pub fn raise(&self, count_max: usize) -> bool {
        let mut count = self.0.count();
        if count.now >= count_max {
            return false;
        }
        count.now += 1;
        if count.owed > 0 {
            count.owed -= 1;
        } else {
            self.0.semaphore.add_permits(1);
        }
        true
    }

    /// True if none is free.
    pub fn is_exhausted(&self) -> bool {
        self.0.semaphore.available_permits() == 0
    }

    /// Takes one away: a free one, or the next one that is given back. False if only one is left.
    pub fn lower(&self) -> bool {
        let mut count = self.0.count();
        if count.now <= 1 {
            return false;
        }
        count.now -= 1;
        if self.0.semaphore.forget_permits(1) == 0 {
            count.owed += 1;
        }
        true
    }
}

impl Shared {
    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut count = self.from.count();
        if count.owed > 0
            && let Some(held) = self.held.take()
        {
            count.owed -= 1;
            held.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(permits: &Permits) -> (usize, usize) {
        (permits.count(), permits.0.semaphore.available_permits())
    }

    #[tokio::test]
    async fn a_permit_taken_away_is_the_next_one_given_back() {
        let permits = Permits::new("test", 2);
        let (first, second) = (permits.one().await.unwrap(), permits.one().await.unwrap());
        // Who waits already must not get it first.
        let waiting = tokio::spawn({
            let permits = permits.clone();
            async move { permits.one().await.unwrap() }
        });
        tokio::task::yield_now().await;
        assert!(permits.lower());
        assert!(!permits.lower(), "the last one stays");
        drop(first);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        assert_eq!(state(&permits), (1, 0));
        drop(second);
        drop(waiting.await.unwrap());
        assert!(permits.raise(2) && !permits.raise(2));
        assert_eq!(state(&permits), (2, 2));
    }

    #[tokio::test]
    async fn what_is_raised_before_it_was_given_back_stays() {
        let permits = Permits::new("test", 2);
        let (first, second) = (permits.one().await.unwrap(), permits.one().await.unwrap());
        assert!(permits.lower() && permits.raise(2));
        drop((first, second));
        assert_eq!(state(&permits), (2, 2));
    }
}
