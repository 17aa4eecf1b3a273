//! The borders of async code: jobs that need the CPU for long, and work that waits for a disk, awaited from it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot;
use tokio::task::{JoinError, spawn_blocking};

use crate::pipeline::error::{Error, Panicked};

static JOBS: AtomicUsize = AtomicUsize::new(0);

/// Jobs that wait for the pool or are under way in it. A clock that is moved by hand must not run ahead of them.
pub fn jobs_open() -> usize {
    JOBS.load(Ordering::Acquire)
}

/// Runs `job` on the pool. At most one job per caller is under way, so the pool's queue is bounded by its callers.
/// A job never waits: it takes all it needs with it and gives all it made back.
pub(crate) async fn run<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Panicked> {
    let (sender, receiver) = oneshot::channel();
    JOBS.fetch_add(1, Ordering::AcqRel);
    rayon::spawn(move || {
        let result =
            catch_unwind(AssertUnwindSafe(job)).map_err(|panic| Panicked(panic_text(&*panic)));
        // A receiver that is gone belongs to a run that was stopped: nobody misses the result.
        let _ = sender.send(result);
        JOBS.fetch_sub(1, Ordering::AcqRel);
    });
    receiver.await.unwrap_or_else(|_| Err(Panicked("the job was dropped".to_owned())))
}

/// Runs what waits for the disk on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    joined(spawn_blocking(work).await)
}

/// What a task of tokio came to, a panic among it.
pub(crate) fn joined<T>(ended: Result<Result<T, Error>, JoinError>) -> Result<T, Error> {
    ended.unwrap_or_else(|error| Err(Panicked(error.to_string()).into()))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "no text".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_the_result_or_the_panic() {
        assert_eq!(run(|| 7).await, Ok(7));
        let failed: Result<(), _> = run(|| panic!("broken {}", 3)).await;
        assert_eq!(failed, Err(Panicked("broken 3".to_owned())));
    }
}
