//! Locks of this process.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A poisoned lock only tells that another thread ended early; what it guards changes in one step each.
pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
