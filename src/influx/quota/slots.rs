//! Places for queries: never more at one time than the organization may have, in all runs of this machine together. A
//! place is a file in the runs' folder that is locked while the query runs, so a killed run frees its places.

use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::runs;
use crate::limits::{QUERIES_IN_FLIGHT_MAX, QUERY_SLOT_POLL_MS};

/// The places of one run.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    count: usize,
    own: Arc<Semaphore>,
    /// None: this run is alone.
    shared: Arc<Mutex<Option<Places>>>,
}

#[derive(Debug)]
struct Places {
    folder: PathBuf,
    /// The files that this run has open; those in use are taken out.
    files: Vec<Option<File>>,
}

/// A place for one query, held while it runs.
#[derive(Debug)]
pub struct Slot {
    _permit: OwnedSemaphorePermit,
    _place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    slots: Slots,
    index: usize,
    file: Option<File>,
}

/// What a look at the places gives.
enum Found {
    Place(Place),
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
        let files = (0..self.count).map(|_| None).collect();
        *self.shared() = Some(Places { folder, files });
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
        let mut shared = self.shared();
        let Some(places) = &mut *shared else { return Ok(Found::Alone) };
        for index in 0..places.files.len() {
            let path = places.folder.join(format!("query-{index}"));
            let file = match places.files[index].take() {
                Some(file) => file,
                // In use by this very run, or not opened yet: a second handle finds the lock of the first.
                None => runs::open(&path)?,
            };
            match file.try_lock() {
                Ok(()) => {
                    let slots = self.clone();
                    return Ok(Found::Place(Place { slots, index, file: Some(file) }));
                }
                Err(TryLockError::WouldBlock) => places.files[index] = Some(file),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(Found::Full)
    }

    fn shared(&self) -> MutexGuard<'_, Option<Places>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else { return };
        if file.unlock().is_ok()
            && let Some(places) = &mut *self.slots.shared()
        {
            places.files[self.index] = Some(file);
        }
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
