//! The lease of a job, and how long an end may take.

/// The lease in the batch bucket: refreshed this often, dead after [`LEASE_STALE_MS`].
pub(crate) const LEASE_REFRESH_MS: u64 = 30_000;
/// See [`LEASE_REFRESH_MS`].
pub const LEASE_STALE_MS: u64 = 180_000;

/// How far a lease may lie ahead of the server's clock and still count as a sign of life: beyond it some clock was wrong.
pub(crate) const LEASE_AHEAD_MS_MAX: u64 = LEASE_STALE_MS;

/// Time between two heartbeats of a run, and what one of them may take.
pub(crate) const HEARTBEAT_MS: u64 = 30_000;
/// See [`HEARTBEAT_MS`].
pub(crate) const HEARTBEAT_MS_MAX: u64 = 5_000;

/// How long a run that is over waits for its last heartbeat.
pub(crate) const HEARTBEAT_LAST_MS_MAX: u64 = 2_000;

/// Characters of an error that a heartbeat keeps.
pub(crate) const HEARTBEAT_ERROR_CHARS_MAX: usize = 400;

/// The time that the rate of a heartbeat is over.
pub(crate) const HEARTBEAT_RATE_MS: u64 = 300_000;

/// Time without any progress after which a run that waits for nothing is called stalled: longer than a window of the quota.
pub(crate) const STALLED_MS: u64 = 900_000;

/// Pauses between its records after which the official task is called stalled, and what a pause is taken for at the least.
pub(crate) const TASK_PAUSES_MAX: u64 = 3;
/// See [`TASK_PAUSES_MAX`].
pub(crate) const TASK_PAUSE_MS_MIN: u64 = 300_000;

/// By how much a record must be later than the last sign of life of any run to be that of another program.
pub(crate) const OTHER_WRITER_MS_MIN: u64 = 60_000;

/// Time between two looks of `status --watch`.
pub(crate) const WATCH_MS: u64 = 3_000;

/// Tries of a look after the first: there is another look soon.
pub(crate) const WATCH_RETRIES_MAX: u32 = 2;

/// From a first signal to the end of the program, whatever hangs.
pub(crate) const STOP_MS_MAX: u64 = 20_000;

/// What of it the open batches have to finish.
pub(crate) const DRAIN_MS_MAX: u64 = 16_000;

/// Until when what they have finished is recorded, counted from the signal.
pub(crate) const STOP_RECORD_MS_MAX: u64 = 18_000;

/// Until when the job is let go, counted from the signal.
pub(crate) const STOP_CLOSE_MS_MAX: u64 = 19_000;

/// How long a run that ends without a signal tries to let its job go: a lease that is not given back grows stale.
pub(crate) const CLOSE_MS_MAX: u64 = 10_000;

/// How long a program that leaves at once tries to say so: nobody may read its streams.
pub(crate) const LAST_WORD_MS_MAX: u64 = 500;

/// Files that a program must be able to open at its start: six for its runtime, the others for the first connections.
pub(crate) const OPEN_FILES_MIN: usize = 12;

/// How long a program that ends waits for threads that may hang in a look-up of a name or at a disk.
pub(crate) const THREADS_END_MS_MAX: u64 = 200;

const _: () = assert!(HEARTBEAT_MS_MAX < HEARTBEAT_MS && HEARTBEAT_MS < LEASE_STALE_MS);
const _: () = assert!(DRAIN_MS_MAX < STOP_RECORD_MS_MAX && STOP_RECORD_MS_MAX < STOP_CLOSE_MS_MAX);
const _: () = assert!(STOP_CLOSE_MS_MAX + THREADS_END_MS_MAX + LAST_WORD_MS_MAX < STOP_MS_MAX);
