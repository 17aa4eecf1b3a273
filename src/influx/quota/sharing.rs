//! Taking part in the quota of all runs of this machine: enter the folder, look at the others every few seconds, take up
//! what was found, give it back at the end.
//!
//! A new run starts with nothing. The others see it at their next look ([`QUOTA_LOOK_MS`]), go at the lower rate from that
//! moment on, and give their part up as soon as what they have under way fits into the smaller one; the new run looks
//! every [`QUOTA_LOOK_EAGER_MS`] until it has an even part. So it waits for one look, for the answers under way and two
//! eager looks, and the sum is never above share x quota meanwhile.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::ledger::QuotaLedger;
use super::runs::{Runs, RunsError, View};
use crate::influx::signal::{Observer, Signal};
use crate::limits::{QUOTA_JOIN_MS_MAX, QUOTA_LOOK_EAGER_MS, QUOTA_LOOK_MS};
use crate::model::side::Side;

impl QuotaLedger {
    /// Shares the limits with all runs that enter the same folder, from now until the ledger is dropped. Where that cannot
    /// be, a notice says why, and this run counts alone.
    pub async fn share(self: &Arc<Self>, folder: &Path, observer: &Observer) {
        if self.runs.get().is_some() {
            return;
        }
        self.state().begin_sharing();
        let (runs, view) = match enter(folder).await {
            Ok((runs, view)) => (Arc::new(Mutex::new(runs)), view),
            Err(error) => {
                self.alone(&error, observer);
                return;
            }
        };
        if self.runs.set(Arc::clone(&runs)).is_err() {
            // Somebody else was faster, and this second place is given back.
            return;
        }
        if let Some(slots) = &self.slots {
            slots.share(folder.to_owned());
        }
        let runs = Arc::downgrade(&runs);
        let mut looker = Looker { runs, observer: Arc::clone(observer), failing: None };
        let mut pause_ms = looker.take_up(self, view);
        let ledger = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                let Some(ledger) = ledger.upgrade() else { return };
                pause_ms = looker.look(&ledger).await;
            }
        });
    }

    fn alone(&self, error: &RunsError, observer: &Observer) {
        self.state().end_sharing();
        self.changed.notify_waiters();
        let text = format!("the quota is not shared with other runs on this machine: {error}");
        observer(Signal::Notice { side: Side::Source, text });
    }
}

/// Enters the folder and looks; again and again while another run holds the folder's lock.
async fn enter(folder: &Path) -> Result<(Runs, View), RunsError> {
    let begun = Instant::now();
    loop {
        let folder = folder.to_owned();
        let entered = blocking(move || {
            let mut runs = Runs::join(&folder)?;
            let view = runs.look(None)?;
            Ok((runs, view))
        });
        match entered.await {
            Err(RunsError::Busy { .. }) if !is_long(begun) => {
                tokio::time::sleep(Duration::from_millis(QUOTA_LOOK_EAGER_MS / 10)).await;
            }
            entered => return entered,
        }
    }
}

fn is_long(since: Instant) -> bool {
    since.elapsed() >= Duration::from_millis(QUOTA_JOIN_MS_MAX)
}

struct Looker {
    runs: Weak<Mutex<Runs>>,
    observer: Observer,
    /// Since when looking fails.
    failing: Option<Instant>,
}

impl Looker {
    /// Looks once; tells when to look again.
    async fn look(&mut self, ledger: &QuotaLedger) -> u64 {
        let Some(runs) = self.runs.upgrade() else { return QUOTA_LOOK_MS };
        let lower_to_ppm = ledger.state().lower_to_ppm();
        let looked = blocking(move || {
            runs.lock().unwrap_or_else(PoisonError::into_inner).look(lower_to_ppm)
        });
        match looked.await {
            Ok(view) => {
                self.failing = None;
                self.take_up(ledger, view)
            }
            Err(error) => {
                self.fail(ledger, &error);
                QUOTA_LOOK_EAGER_MS
            }
        }
    }

    /// What this run has, it keeps: no other one takes it. Only one that still has nothing goes on alone after a while.
    fn fail(&mut self, ledger: &QuotaLedger, error: &RunsError) {
        let first = self.failing.is_none();
        let since = *self.failing.get_or_insert_with(Instant::now);
        if is_long(since) && ledger.state().has_nothing() {
            ledger.alone(error, &self.observer);
        } else if first && !matches!(error, RunsError::Busy { .. }) {
            self.notice(format!("cannot see how many runs share the quota: {error}"));
        }
    }

    fn take_up(&self, ledger: &QuotaLedger, view: View) -> u64 {
        let (before, changed) = {
            let mut state = ledger.state();
            (state.runs, state.take_up(view))
        };
        // Also what had to wait while a part was given up may go on now.
        ledger.changed.notify_waiters();
        if changed {
            ledger.tell(&self.observer);
        }
        let others = view.runs - 1;
        if view.runs != before {
            self.notice(match others {
                0 => "no other run on this machine shares the quota any more".to_owned(),
                1 => "another run on this machine reads from the same organization: each takes half of the quota".to_owned(),
                _ => format!(
                    "{others} other runs on this machine read from the same organization: the quota is divided evenly by {}",
                    view.runs
                ),
            });
        }
        if view.part_ppm == view.even_ppm { QUOTA_LOOK_MS } else { QUOTA_LOOK_EAGER_MS }
    }

    fn notice(&self, text: String) {
        (self.observer)(Signal::Notice { side: Side::Source, text });
    }
}

/// File locks may block on a network drive.
async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, RunsError> + Send + 'static,
) -> Result<T, RunsError> {
    let done = tokio::task::spawn_blocking(job).await;
    done.unwrap_or_else(|panic| {
        Err(RunsError::Io { path: PathBuf::new(), source: std::io::Error::other(panic) })
    })
}
