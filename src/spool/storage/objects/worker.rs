//! The thread that talks to an object store.
//!
//! The spool's calls block, and may come from any thread: one that runs asynchronous code too, where a value that is
//! dropped must not start a runtime. So the runtime has a thread of its own, and callers wait for its answers.

use std::io;
use std::sync::mpsc::sync_channel;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// A runtime on a thread, which ends when this is dropped. Nobody waits for that.
#[derive(Debug)]
pub(crate) struct Worker {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

impl Worker {
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        thread::Builder::new().name("object store".to_owned()).spawn(move || {
            // The other end is dropped, never used.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, _stop: stop })
    }

    /// Does this and waits for it.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> io::Result<T> {
        let (tell, told) = sync_channel(1);
        self.handle.spawn(futures_util::FutureExt::map(work, move |done| {
            // Nobody waits any longer only if the waiting thread is gone.
            let _ = tell.send(done);
        }));
        told.recv().map_err(|_| io::Error::other("the thread of the object store failed"))
    }

    /// Does this without waiting for it.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.handle.spawn(work).abort_handle()
    }
}
