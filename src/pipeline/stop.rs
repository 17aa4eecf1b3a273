//! How a run is asked to end early.

use tokio::sync::watch;

use crate::pipeline::event::StopReason;

/// Asks for the end; the most urgent reason counts.
#[derive(Debug, Clone)]
pub struct Stopper(watch::Sender<Option<StopReason>>);

/// Hears of it.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<StopReason>>);

/// A connected pair.
pub fn stop_pair() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(None);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Asks; a more urgent reason replaces an older one.
    pub fn stop(&self, reason: StopReason) {
        self.0.send_modify(|held| *held = (*held).max(Some(reason)));
    }
}

impl Stop {
    /// The reason, once there is one.
    pub fn reason(&self) -> Option<StopReason> {
        *self.0.borrow()
    }

    /// Waits for a reason; for ever if nobody can give one any more.
    pub async fn wait(&mut self) -> StopReason {
        loop {
            if let Some(reason) = *self.0.borrow_and_update() {
                return reason;
            }
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
