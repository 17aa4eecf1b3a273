//! Waiting for the source's limits, as it is told.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::influx::signal::{Observer, Signal, WaitCause};
use crate::limits::QUOTA_SIGNAL_MS_MIN;
use crate::model::scale::whole_ms;
use crate::model::side::Side;

/// A wait that was told, and whose end will be.
pub(super) struct Wait<'a> {
    observer: &'a Observer,
    since: Instant,
}

impl<'a> Wait<'a> {
    pub(super) fn begin(observer: &'a Observer, wait_ms: u64) -> Self {
        observer(Signal::WaitBegan { side: Side::Source, cause: WaitCause::Quota, wait_ms });
        Self { observer, since: Instant::now() }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let (side, cause) = (Side::Source, WaitCause::Quota);
        let waited_ms = whole_ms(self.since.elapsed());
        (self.observer)(Signal::WaitEnded { side, cause, waited_ms });
    }
}

/// Waits for something whose length nobody knows, and tells that if it is long.
pub(super) async fn told<T>(observer: &Observer, future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let short = Duration::from_millis(QUOTA_SIGNAL_MS_MIN);
    if let Ok(done) = timeout(short, &mut future).await {
        return done;
    }
    let _wait = Wait::begin(observer, QUOTA_SIGNAL_MS_MIN);
    future.await
}
