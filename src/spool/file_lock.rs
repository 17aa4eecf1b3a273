//! The lock of the system on a file.

use std::fs::{File, TryLockError};
use std::thread::sleep;
use std::time::Duration;

use crate::limits::{LOCK_TRIES, LOCK_TRY_MS};

/// Takes it, unless somebody else has it.
pub(super) fn try_lock(file: &File) -> Result<(), TryLockError> {
    tried(|| file.try_lock())
}

/// Takes it together with others, unless somebody has it alone.
pub(super) fn try_lock_shared(file: &File) -> Result<(), TryLockError> {
    tried(|| file.try_lock_shared())
}

/// A program that is just being started, by another thread, holds all files of this process until it runs, and so for a
/// moment the lock of a run that has ended: hence a few tries.
#[expect(clippy::disallowed_methods, reason = "what is waited for happens outside of any clock")]
fn tried(lock: impl Fn() -> Result<(), TryLockError>) -> Result<(), TryLockError> {
    for _ in 1..LOCK_TRIES {
        match lock() {
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(LOCK_TRY_MS)),
            other => return other,
        }
    }
    lock()
}
