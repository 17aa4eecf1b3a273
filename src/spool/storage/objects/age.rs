//! How old an object is, and how it stays young: the life of a lock.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path as Location;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode};
use tokio::task::AbortHandle;

use super::{Objects, put};
use crate::limits::LEASE_REFRESH_MS;
use crate::spool::error::Error;

/// Asks the store what time it is: put, looked at, removed.
const CLOCK: &str = "clock";

/// Keeps an object young as long as it lives.
#[derive(Debug)]
pub(crate) struct Beat(AbortHandle);

impl Drop for Beat {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Objects {
    /// See [`Storage::age_ms`](crate::spool::storage::Storage::age_ms).
    pub(crate) fn age_ms(&self, name: &str) -> Result<Option<u64>, Error> {
        let Some(then) = self.put_at_ms(name)? else { return Ok(None) };
        self.put(CLOCK, b"")?;
        let now = self.put_at_ms(CLOCK)?.unwrap_or(then);
        self.remove(CLOCK)?;
        Ok(Some(u64::try_from(now - then).unwrap_or(0)))
    }

    /// When it was put, ms since 1970 by the store's clock.
    fn put_at_ms(&self, name: &str) -> Result<Option<i64>, Error> {
        match self.tried(name, |store, at| async move { store.head(&at).await })? {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            head => Ok(Some(head.map_err(self.error(name))?.last_modified.timestamp_millis())),
        }
    }

    /// See [`Storage::beat`](crate::spool::storage::Storage::beat).
    pub(crate) fn beat(&self, name: &str, bytes: &[u8]) -> Result<Beat, Error> {
        let (store, bytes) = (Arc::clone(&self.store), Bytes::copy_from_slice(bytes));
        Ok(Beat(self.worker.spawn(keep_young(store, self.at(name)?, bytes))))
    }
}

/// Puts these bytes over themselves until something else stands there, or nothing.
async fn keep_young(store: Arc<dyn ObjectStore>, location: Location, bytes: Bytes) {
    loop {
        tokio::time::sleep(Duration::from_millis(LEASE_REFRESH_MS)).await;
        let found = match store.get(&location).await {
            Ok(answer) => answer.bytes().await,
            Err(object_store::Error::NotFound { .. }) => return,
            Err(error) => Err(error),
        };
        // What fails is tried again with the next beat.
        match found {
            Ok(found) if found != bytes => return,
            Ok(found) => {
                let store = Arc::clone(&store);
                let _ = put(store, location.clone(), found, PutMode::Overwrite).await;
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_lock_is_kept_young_until_another_run_has_it() {
        let (store, at) = (Arc::new(InMemory::new()), Location::from("lock"));
        let tag = async || store.head(&at).await.map(|meta| meta.e_tag);
        store.put(&at, "own".into()).await.unwrap();
        let own: Arc<dyn ObjectStore> = Arc::clone(&store) as _;
        let beat = tokio::spawn(keep_young(own, at.clone(), Bytes::from_static(b"own")));
        let mut before = tag().await.unwrap();
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(LEASE_REFRESH_MS + 1)).await;
            let now = tag().await.unwrap();
            assert_ne!(now, before, "it was put again");
            before = now;
        }
        store.put(&at, "another's".into()).await.unwrap();
        before = tag().await.unwrap();
        beat.await.unwrap();
        assert_eq!(tag().await.unwrap(), before, "it was left alone");
        store.delete(&at).await.unwrap();
        keep_young(Arc::clone(&store) as _, at.clone(), Bytes::from_static(b"own")).await;
        assert!(tag().await.is_err(), "it did not come back");
    }
}
