//! Places for queries: never more at one time than the organization may have, in all runs of this machine together. A
//! place is a file in the runs' folder that is locked while the query runs, so a killed run frees its places.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{QUERIES_IN_FLIGHT_MAX, QUERY_SLOT_POLL_MS};
use crate::lock_file::LockFile;

/// The places of one run.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    count: usize,
    own: Arc<Semaphore>,
    /// The folder of the files; `None`: this run is alone.
    shared: Arc<Mutex<Option<PathBuf>>>,
}

/// A place for one query, held while it runs.
#[derive(Debug)]
pub struct Slot {
    _permit: OwnedSemaphorePermit,
    _place: Option<LockFile>,
}

/// What a look at the places gives.
enum Found {
    Place(LockFile),
    /// There are no other runs to share with.
    Alone,
    /// All are taken.
    Full,
}

impl Slots {
    /// So many queries at one time. None: a limit so large that it never binds.
    pub(super) fn new(queries_max: u64) -> Option<Self> {
        let count = usize::try_from(queries_max).ok()?;
        let own = Arc::new(Semaphore::new(count.min(QUERIES_IN_FLIGHT_MAX)));
        (1..=QUERIES_IN_FLIGHT_MAX).contains(&count).then(|| Self {
            count,
            own,
            shared: Arc::default(),
        })
    }

    /// Shares the places with the other runs of this folder.
    pub(super) fn share(&self, folder: PathBuf) {
        *self.shared() = Some(folder);
    }

    /// Waits for a place. An error of the system ends the sharing and is told once, with the place.
    pub(super) async fn take(&self) -> (Option<Slot>, Option<io::Error>) {
        let Ok(permit) = Arc::clone(&self.own).acquire_owned().await else { return (None, None) };
        let slot = |place| Some(Slot { _permit: permit, _place: place });
        loop {
            match self.try_take() {
                Ok(Found::Place(place)) => return (slot(Some(place)), None),
                Ok(Found::Alone) => return (slot(None), None),
                Ok(Found::Full) => {
                    tokio::time::sleep(Duration::from_millis(QUERY_SLOT_POLL_MS)).await;
                }
                Err(error) => {
                    *self.shared() = None;
                    return (slot(None), Some(error));
                }
            }
        }
    }

    /// A place that no run has.
    fn try_take(&self) -> io::Result<Found> {
        let shared = self.shared();
        let Some(folder) = &*shared else { return Ok(Found::Alone) };
        for index in 0..self.count {
            // What this very run has is no exception: a second handle finds the lock of the first.
            let file = LockFile::open(&folder.join(format!("query-{index}")))?;
            if let Ok(place) = LockFile::take(file)? {
                return Ok(Found::Place(place));
            }
        }
        Ok(Found::Full)
    }

    fn shared(&self) -> MutexGuard<'_, Option<PathBuf>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn places_are_those_of_all_runs_together() {
        let folder = tempfile::tempdir().unwrap();
        let runs: Vec<_> = (0..3).map(|_| Slots::new(2).unwrap()).collect();
        for slots in &runs {
            slots.share(folder.path().to_owned());
        }
        let second = Duration::from_secs(1);
        let (first, error) = runs[0].take().await;
        assert!(first.is_some() && error.is_none());
        let (other, _) = runs[1].take().await;
        assert!(tokio::time::timeout(second, runs[2].take()).await.is_err());
        assert!(tokio::time::timeout(second, runs[0].take()).await.is_err());
        drop(other);
        let (third, _) = tokio::time::timeout(second, runs[2].take()).await.unwrap();
        drop((first, third));
        let (a, b) = (runs[2].take().await, runs[2].take().await);
        assert!(tokio::time::timeout(second, runs[2].take()).await.is_err(), "its own bound");
        drop((a, b));
    }

    #[tokio::test(start_paused = true)]
    async fn alone_the_bound_holds_without_a_folder() {
        let slots = Slots::new(1).unwrap();
        let held = slots.take().await;
        assert!(tokio::time::timeout(Duration::from_secs(9), slots.take()).await.is_err());
        drop(held);
        assert!(slots.take().await.0.is_some());
        assert!(Slots::new(0).is_none() && Slots::new(257).is_none() && Slots::new(256).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_folder_that_is_gone_is_told_once() {
        let slots = Slots::new(1).unwrap();
        slots.share(PathBuf::from("/proc/none"));
        let (slot, error) = slots.take().await;
        assert!(slot.is_some() && error.is_some());
        drop(slot);
        let (slot, error) = slots.take().await;
        assert!(slot.is_some() && error.is_none());
    }
}
