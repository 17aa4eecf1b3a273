//! The server's wall clock: set at start, moved on by tokio's clock, so that paused tests own it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// A wall clock that can be set. Clones show the same time.
#[derive(Debug, Clone)]
pub struct ServerClock(Arc<Mutex<(i64, Instant)>>);

impl ServerClock {
    /// A clock that shows `ns` nanoseconds since 1970 now.
    pub fn at(ns: i64) -> Self {
        Self(Arc::new(Mutex::new((ns, Instant::now()))))
    }

    /// A clock that shows the machine's time.
    pub fn system() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::at(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    /// Sets the time.
    pub fn set(&self, ns: i64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (ns, Instant::now());
    }

    /// Nanoseconds since 1970.
    pub fn now(&self) -> i64 {
        let (ns, at) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ns.saturating_add(i64::try_from(at.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }
}
