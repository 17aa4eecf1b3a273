//! What the client tells its caller while it waits or tries again.

use std::sync::Arc;

use super::classify::RequestKind;
use crate::model::side::Side;

/// Why a request is not under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaitCause {
    /// Our own pacing under the limits of the organization: normal.
    Quota,
    /// The server said 429.
    RateLimited,
    /// The server said 503 or its cache is full.
    Unavailable,
    /// Pause before another try after any other temporary trouble.
    Backoff,
    /// The server has said nothing at all for a while, to a request of this kind.
    Silence(RequestKind),
}

/// A change that a person may want to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// Waiting began; `wait_ms` is the expected length.
    WaitBegan {
        /// Who is waited for.
        side: Side,
        /// Why.
        cause: WaitCause,
        /// How long, as far as known; for a silence, how long it has been already.
        wait_ms: u64,
    },
    /// Waiting is over.
    WaitEnded {
        /// Who was waited for.
        side: Side,
        /// Why.
        cause: WaitCause,
        /// How long it was.
        waited_ms: u64,
    },
    /// The silence goes on.
    Silent {
        /// Whose.
        side: Side,
        /// What it has not answered.
        asked: RequestKind,
        /// How long it has been.
        silent_ms: u64,
    },
    /// A request failed for a temporary reason and is tried again.
    Retried {
        /// Whose request.
        side: Side,
        /// What was attempted, with its range.
        what: String,
        /// The number of the try that failed, from 1.
        attempt: u32,
        /// The failure in words.
        error: String,
    },
    /// The read quota is paced at another rate from now on.
    Paced {
        /// What this run may read.
        bytes_per_s: u64,
        /// The share of the quota that all runs take together, in thousandths.
        share_per_mille: u32,
        /// Runs that share it, this one among them.
        runs: u32,
    },
    /// Something a person should know: one sentence.
    Notice {
        /// Which end it is about.
        side: Side,
        /// The sentence.
        text: String,
    },
}

/// Who hears of signals. Called from async code: must not block.
pub type Observer = Arc<dyn Fn(Signal) + Send + Sync>;
