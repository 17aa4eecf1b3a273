//! How much a command says: `-q`, `-v`, or neither.

use crate::influx::signal::{Signal, WaitCause};
use crate::pipeline::event::Event;

/// Shorter pacing is as common as requests, and nobody waits for it.
pub(crate) const WAIT_MS_SAID_MIN: u64 = 1_000;

/// How much is said. What programs read is the same but for the quiet one, and exit codes are the same in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Volume {
    /// Warnings, errors and the last line.
    Quiet,
    /// As the docs show it.
    #[default]
    Usual,
    /// Each try, split, wait, batch and choice besides.
    Verbose,
}

impl Volume {
    /// Only what somebody may have to act on.
    pub fn is_quiet(self) -> bool {
        self == Self::Quiet
    }

    /// All of it.
    pub fn is_verbose(self) -> bool {
        self == Self::Verbose
    }

    /// True if an event may be said at all.
    pub(crate) fn takes(self, event: &Event) -> bool {
        !self.is_quiet()
            || matches!(
                event,
                Event::Notice(_)
                    | Event::Stopping(_)
                    | Event::Rejected { .. }
                    | Event::Client(Signal::Notice { .. } | Signal::Silent { .. })
            )
    }
}

/// True for a wait that is worth a line where all are asked for.
pub(crate) fn is_told(cause: WaitCause, wait_ms: u64) -> bool {
    match cause {
        WaitCause::Quota => wait_ms >= WAIT_MS_SAID_MIN,
        // Each half minute has a line of its own.
        WaitCause::Silence(_) => false,
        _ => true,
    }
}
