//! The read quota, the time of queries, and how runs share them.

use super::http::{BACKOFF_MS_MAX, QUERY_GRACE_MS, QUERY_TIMEOUT_MS_DEFAULT};

/// Length of Cloud's quota window.
pub const QUOTA_WINDOW_MS: u64 = 300_000;

/// The read quota assumed when nothing tells: the free plan's.
pub const QUOTA_BYTES_PER_WINDOW_DEFAULT: u64 = 300_000_000;

/// Share of the quota that our pacing takes at the most, in thousandths. The rest covers what is in flight.
pub(crate) const QUOTA_SHARE_PER_MILLE_MAX: u32 = 990;

/// How much more than predicted an answer may hold for the bound to stand, in thousandths.
pub(crate) const QUOTA_ERROR_PER_MILLE: u64 = 334;

/// Predictions up to this size do not wait for others in flight: counts and look-ups.
pub const QUOTA_SMALL_BYTES_MAX: u64 = 64 * 1024;

/// What a count or a look-up is expected to cost.
pub(crate) const QUOTA_SMALL_BYTES_PREDICTED: u64 = 4 * 1024;

/// Expected waits for the quota below this are not worth a signal.
pub(crate) const QUOTA_SIGNAL_MS_MIN: u64 = 500;

/// How far our idea of the source's time may be from its `Date` before it is set anew: a `Date` has no fractions and
/// takes its time to arrive.
pub(crate) const QUOTA_CLOCK_SLACK_MS: u64 = 2_000;

/// How often a run looks for others that share its quota.
pub const QUOTA_LOOK_MS: u64 = 5_000;

/// The same while a part changes hands.
pub const QUOTA_LOOK_EAGER_MS: u64 = 1_000;

/// How long a run tries to enter the folder of those that share its quota before it goes on alone.
pub const QUOTA_JOIN_MS_MAX: u64 = 10_000;

/// Window in which the time of all queries of an organization is summed up.
pub(crate) const QUERY_TIME_WINDOW_MS: u64 = 30_000;

/// How long a count or a look-up is expected to take before one was seen.
pub(crate) const QUERY_SMALL_MS_PREDICTED: u64 = 1_000;

/// The most that a query is charged with whose answer never began: the default time-out and its grace.
pub(crate) const QUERY_CHARGED_MS_MAX: u64 = QUERY_TIMEOUT_MS_DEFAULT + QUERY_GRACE_MS;

/// Queries at one time beyond which a limit of the source counts as none: more never run here.
pub(crate) const QUERIES_IN_FLIGHT_MAX: usize = 256;

/// Time between two tries for a place among the queries of all runs.
pub(crate) const QUERY_SLOT_POLL_MS: u64 = 50;

/// The least read quota that can be set: 1 kB in a window.
pub(crate) const QUOTA_BYTES_PER_WINDOW_MIN: u64 = 1_000;

/// First pause of a closed gate when the server names none.
pub(crate) const GATE_MS_MIN: u64 = 1_000;

/// Longest pause of a gate closed by 429, when the server names none: a tenth of a quota window, so that little of the
/// next one is lost and no more than a few requests are refused in each.
pub(crate) const GATE_RATE_MS_MAX: u64 = QUOTA_WINDOW_MS / 10;

const _: () = assert!(QUOTA_SMALL_BYTES_PREDICTED <= QUOTA_SMALL_BYTES_MAX);
const _: () = assert!(QUOTA_LOOK_EAGER_MS <= QUOTA_LOOK_MS && QUOTA_LOOK_MS < QUOTA_JOIN_MS_MAX);
const _: () = assert!(GATE_MS_MIN <= BACKOFF_MS_MAX && GATE_MS_MIN <= GATE_RATE_MS_MAX);
