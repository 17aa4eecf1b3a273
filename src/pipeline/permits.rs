//! Permits for work that goes on at one time; how many there are may change while it does.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{RECOVERY_WORK_MAX, RECOVERY_WORK_MIN};
use crate::pipeline::error::Error;

/// A bounded number of permits. Clones share them.
#[derive(Debug, Clone)]
pub struct Permits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    stage: &'static str,
    semaphore: Arc<Semaphore>,
    /// How many there were in the beginning.
    asked_for: usize,
    count: Mutex<Count>,
    /// Work that went well since the last change.
    well: AtomicU32,
    /// Work that must go well before one more is dared.
    wanted: AtomicU32,
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
            asked_for: count,
            count: Mutex::new(Count { now: count, owed: 0 }),
            well: AtomicU32::new(0),
            wanted: AtomicU32::new(RECOVERY_WORK_MIN),
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

    /// Takes one away because there were too many; what goes well later brings it back. Each time that it was too much
    /// again, twice as much must go well first.
    pub fn lower_for_trouble(&self) -> bool {
        let lowered = self.lower();
        self.0.well.store(0, Ordering::Relaxed);
        if lowered {
            let twice = |wanted: u32| Some(wanted.saturating_mul(2).min(RECOVERY_WORK_MAX));
            let _ = self.0.wanted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, twice);
        }
        lowered
    }

    /// A piece of work went well; enough of it brings back what trouble has taken. True if there is one more now.
    pub fn went_well(&self) -> bool {
        let wanted = self.0.wanted.load(Ordering::Relaxed);
        if self.0.well.fetch_add(1, Ordering::Relaxed) + 1 < wanted {
            return false;
        }
        self.0.well.store(0, Ordering::Relaxed);
        let raised = self.raise(self.0.asked_for);
        if !raised {
            // As many as ever, and all is well: what was is forgotten.
            self.0.wanted.store(RECOVERY_WORK_MIN, Ordering::Relaxed);
        }
        raised
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

    #[tokio::test]
    async fn what_trouble_takes_comes_back_the_later_the_more_often() {
        let permits = Permits::new("test", 3);
        let until_more = |permits: &Permits| (1..1_000).find(|_| permits.went_well()).unwrap();
        assert!(permits.lower_for_trouble());
        assert_eq!((state(&permits), until_more(&permits)), ((2, 2), 2 * RECOVERY_WORK_MIN));
        assert_eq!(state(&permits), (3, 3));
        assert!(permits.lower_for_trouble());
        assert_eq!(until_more(&permits), 4 * RECOVERY_WORK_MIN);
        assert!(!(0..4 * RECOVERY_WORK_MIN).any(|_| permits.went_well()), "no more than at first");
        assert!(permits.lower_for_trouble());
        assert_eq!(until_more(&permits), 2 * RECOVERY_WORK_MIN, "a good time makes it forgotten");
        for _ in 0..50 {
            permits.lower_for_trouble();
            permits.raise(3);
        }
        permits.lower_for_trouble();
        assert_eq!(until_more(&permits), RECOVERY_WORK_MAX);
    }
}
