//! Whole runs on a clock that only moves while nothing else does.
//!
//! A paused clock of tokio moves on to the next timer once no task can go on, no socket is ready and no blocking task is
//! under way. It does not know of the pool's jobs: so a timer that strikes often keeps each step small, and waits for the
//! jobs at each of them. Hours pass in seconds, whatever else this machine does.

use std::time::Duration;

use sluice::testing::pipeline::pool;
use tokio::runtime::{Builder, Runtime};

/// How far the clock may run ahead of a job of the pool.
const STEP: Duration = Duration::from_millis(5);

/// Runs `work` on a runtime and a clock of its own.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    paused(Builder::new_current_thread().enable_all()).block_on(async {
        tokio::select! {
            biased;
            result = work => result,
            () = wait_for_jobs() => unreachable!("it never ends"),
        }
    })
}

/// The same for work that has neither sockets nor jobs: a clock that moves asks the system for news of sockets at each
/// step.
pub(crate) fn run_without_sockets<T>(work: impl Future<Output = T>) -> T {
    paused(Builder::new_current_thread().enable_time()).block_on(work)
}

fn paused(builder: &mut Builder) -> Runtime {
    builder.start_paused(true).build().expect("a runtime needs nothing special")
}

async fn wait_for_jobs() {
    loop {
        tokio::time::sleep(STEP).await;
        if pool::jobs_open() > 0 {
            rayon::broadcast(|_| ());
        }
    }
}
