//! The lease of a job, and how long an end may take.

/// The lease in the batch bucket: refreshed this often, dead after [`LEASE_STALE_MS`].
pub(crate) const LEASE_REFRESH_MS: u64 = 30_000;
/// See [`LEASE_REFRESH_MS`].
pub const LEASE_STALE_MS: u64 = 180_000;

/// How far a lease may lie ahead of the server's clock and still count as a sign of life: beyond it some clock was wrong.
pub(crate) const LEASE_AHEAD_MS_MAX: u64 = LEASE_STALE_MS;

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

const _: () = assert!(DRAIN_MS_MAX < STOP_RECORD_MS_MAX && STOP_RECORD_MS_MAX < STOP_CLOSE_MS_MAX);
const _: () = assert!(STOP_CLOSE_MS_MAX + THREADS_END_MS_MAX + LAST_WORD_MS_MAX < STOP_MS_MAX);
