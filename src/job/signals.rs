//! SIGINT and SIGTERM, from the program's start to its end. They are heard by a task of its own, so that they are answered
//! whatever the rest of the program hangs in: a server, a disk, a pipe that nobody reads.
//!
//! As long as nothing is moved, a signal ends the program at once. A transfer is asked to end, has [`STOP_MS_MAX`] for it,
//! and is left as it stands after that. A second signal leaves at once, unless a bucket that was made for trials is still to be
//! deleted. What is committed is committed in each case.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use crate::exit::ExitCode;
use crate::influx::token;
use crate::job::error::Error;
use crate::job::exit_code::of_stop;
use crate::limits::{LAST_WORD_MS_MAX, STOP_MS_MAX};
use crate::pipeline::event::StopReason;
use crate::pipeline::stop::{StopSignal, Stopper, stop_pair};
use crate::report::{bars, json, last_word, stream};

/// What a signal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing is moved.
    Looking,
    /// A transfer is under way.
    Moving,
    /// The same, and at its end something is put away that nobody else would.
    Tidying,
}

/// The file that an early end takes away, and what it would have become.
static HALF_DONE: Mutex<Option<(PathBuf, PathBuf)>> = Mutex::new(None);

/// A file of no use as it is: an early end removes it, as long as this is there.
#[derive(Debug)]
pub(crate) struct HalfDone(());

impl HalfDone {
    /// The one file `partial`, which becomes `whole`.
    pub(crate) fn begin(partial: &Path, whole: &Path) -> Self {
        *half_done() = Some((partial.to_owned(), whole.to_owned()));
        Self(())
    }
}

impl Drop for HalfDone {
    fn drop(&mut self) {
        *half_done() = None;
    }
}

fn half_done() -> MutexGuard<'static, Option<(PathBuf, PathBuf)>> {
    HALF_DONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears the signals of the process.
#[derive(Debug, Clone)]
pub(crate) struct StopSignals(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    phase: Mutex<Phase>,
    stopper: Stopper,
    stop: StopSignal,
    json: bool,
}

/// A transfer: while it is there, a signal asks for its end.
#[derive(Debug)]
pub(crate) struct Moving<'a> {
    signals: &'a StopSignals,
}

impl StopSignals {
    /// Begins to listen, on a worker of the runtime that this is called outside of. With `json` an early end is a JSON line too.
    pub(crate) fn listen(json: bool, runtime: &Handle) -> Self {
        let (stopper, stop) = stop_pair();
        let signals =
            Self(Arc::new(Shared { phase: Mutex::new(Phase::Looking), stopper, stop, json }));
        let (sender, ready) = sync_channel(1);
        let heard = signals.clone();
        runtime.spawn(async move { heard.hear(&sender).await });
        // No signal before this one is missed. An error means that none can be heard: then the system ends the program.
        let _ = ready.recv();
        signals
    }

    /// A transfer begins; signals ask for its end from now on, until this is dropped.
    pub(crate) fn moving(&self) -> Moving<'_> {
        self.begin(Phase::Moving)
    }

    /// The same for one that makes what it has to put away: no second signal cuts that short, only the time does.
    pub(crate) fn tidying(&self) -> Moving<'_> {
        self.begin(Phase::Tidying)
    }

    fn begin(&self, phase: Phase) -> Moving<'_> {
        *self.phase() = phase;
        Moving { signals: self }
    }

    /// Hears of the end.
    pub(crate) fn stop(&self) -> StopSignal {
        self.0.stop.clone()
    }

    /// Asks for it once the time is over.
    pub(crate) fn limit_time(&self, max_duration_ms: Option<u64>) {
        if let Some(ms) = max_duration_ms {
            let stopper = self.0.stopper.clone();
            tokio::spawn(async move {
                sleep(Duration::from_millis(ms)).await;
                stopper.stop(StopReason::TimeBudget);
            });
        }
    }

    async fn hear(&self, ready: &SyncSender<()>) {
        // A file that may not grow any further is an error of the write, as a full disk is. Nobody listens: that the signal does
        // not kill is all, and what is set here lasts as long as the process.
        let _ = signal(SignalKind::from_raw(libc::SIGXFSZ));
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        let _ = ready.send(());
        let first = next(&mut interrupt, &mut terminate).await;
        self.ask(first);
        let second = async {
            loop {
                let second = next(&mut interrupt, &mut terminate).await;
                if *self.phase() != Phase::Tidying {
                    break second;
                }
            }
        };
        tokio::select! {
            second = second => leave_at_once(first.max(second)),
            () = sleep(Duration::from_millis(STOP_MS_MAX - LAST_WORD_MS_MAX)) => {
                self.leave(first, &Error::NotEnded(first));
            }
        }
    }

    /// Asks a transfer for its end. Where there is none the program ends here.
    fn ask(&self, reason: StopReason) {
        // Held to the end: no transfer begins any more.
        let phase = self.phase();
        if *phase == Phase::Looking {
            self.leave(reason, &Error::Stopped(reason));
        }
        self.0.stopper.stop(reason);
    }

    /// Ends the program with a word, if that can be said.
    fn leave(&self, reason: StopReason, why: &Error) -> ! {
        let code = of_stop(reason);
        let (mut text, json, facts) = (why.to_string(), self.0.json, why.facts());
        let (sender, said) = sync_channel(1);
        let saying = thread::Builder::new().spawn(move || {
            if let Some((partial, whole)) = half_done().take() {
                // The next one to write there would replace it anyway.
                let _ = fs::remove_file(partial);
                text = format!("{text}; {} is not whole, and was removed", whole.display());
            }
            bars::wipe();
            stream::say(format_args!("error: {text}"));
            if json {
                stream::print_exact(json::exit_error(
                    code.number(),
                    std::slice::from_ref(&text),
                    &facts,
                ));
            }
            let _ = sender.send(());
        });
        if saying.is_ok() {
            // Whatever it waits for.
            let _ = said.recv_timeout(Duration::from_millis(LAST_WORD_MS_MAX));
        }
        exit(code)
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.0.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        *self.signals.phase() = Phase::Looking;
    }
}

/// Ends the program where it stands, with a word about the place.
fn leave_at_once(reason: StopReason) -> ! {
    let code = of_stop(reason);
    let (sender, said) = sync_channel(1);
    let saying = thread::Builder::new().spawn(move || {
        bars::wipe();
        let lines = last_word::lines(code.number()).unwrap_or_default();
        lines.iter().for_each(stream::print_exact);
        let _ = sender.send(());
    });
    if saying.is_ok() {
        let _ = said.recv_timeout(Duration::from_millis(LAST_WORD_MS_MAX));
    }
    exit(code)
}

fn exit(code: ExitCode) -> ! {
    token::end_commands();
    std::process::exit(i32::from(code.number()))
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> StopReason {
    tokio::select! {
        _ = interrupt.recv() => StopReason::Interrupted,
        _ = terminate.recv() => StopReason::Terminated,
    }
}
