//! Runs that are killed, for tests.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::spool::error::Error;

/// Lets the changes of a storage fail from a chosen one on: all of them, as if the process had been killed there, or
/// those that need room, as on a full disk. For tests of what is left behind; nothing fails unless asked to.
#[derive(Debug, Clone)]
pub struct Faults {
    left: Arc<AtomicU64>,
    done: Arc<AtomicU64>,
    full: Arc<AtomicBool>,
}

impl Default for Faults {
    fn default() -> Self {
        let left = Arc::new(AtomicU64::new(u64::MAX));
        Self { left, done: Arc::default(), full: Arc::default() }
    }
}

impl Faults {
    /// The next `steps` changes work, all after them fail.
    pub fn fail_after(&self, steps: u64) {
        self.left.store(steps, Ordering::SeqCst);
    }

    /// The next `steps` changes that need room work, then the disk is full.
    pub fn fill_after(&self, steps: u64) {
        self.full.store(true, Ordering::SeqCst);
        self.fail_after(steps);
    }

    /// How many changes worked so far.
    pub fn steps(&self) -> u64 {
        self.done.load(Ordering::SeqCst)
    }

    /// A change is about to happen.
    pub(super) fn step(&self, file: &str) -> Result<(), Error> {
        let less = |left: u64| if left == u64::MAX { Some(left) } else { left.checked_sub(1) };
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => {
                self.done.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
            Err(_) if self.is_full() => Err(Error::io(file)(io::ErrorKind::StorageFull.into())),
            Err(_) => Err(Error::io(file)(io::Error::other("a fault that was asked for"))),
        }
    }

    /// Something is about to be removed, which needs no room.
    pub(super) fn removal(&self, file: &str) -> Result<(), Error> {
        if self.is_full() { Ok(()) } else { self.step(file) }
    }

    fn is_full(&self) -> bool {
        self.full.load(Ordering::SeqCst)
    }
}
