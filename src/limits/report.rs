//! Events and screens.

/// The events on their way to the reporter.
pub const EVENTS_QUEUED_MAX: usize = 4_096;

/// Time between plain progress lines.
pub const PLAIN_LINE_MS: u64 = 30_000;

/// Time between two lines on what is waited for, where no screen shows it.
pub(crate) const WAIT_LINE_MS: u64 = 10_000;

/// Events on their way to the reporter beyond which progress of batches is dropped: the rest of the queue is kept for
/// what must not be missed.
pub const EVENTS_PROGRESS_QUEUED_MAX: usize = EVENTS_QUEUED_MAX / 2;

/// Time between two drawings of the bars.
pub(crate) const REDRAW_MS: u64 = 100;

/// How long an early end waits for the screen to be taken away.
pub(crate) const WIPE_MS: u64 = 200;

/// Batches with a line of their own on the screen; the others are counted.
pub const BATCH_LINES_MAX: usize = 8;

/// Ranges that the closing summary lists; the others are counted.
pub(crate) const SUMMARY_RANGES_MAX: usize = 10;

/// Measurements that a dry run shows with the reason of their transport.
pub(crate) const DRY_RUN_MEASUREMENTS_MAX: usize = 8;

/// Source bytes of a batch between two signs of its progress.
pub(crate) const PROGRESS_STEP_BYTES: u64 = 1024 * 1024;

const _: () = assert!(EVENTS_PROGRESS_QUEUED_MAX < EVENTS_QUEUED_MAX);
