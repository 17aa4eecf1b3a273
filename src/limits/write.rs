//! Bodies, writes at one time, refused values.

/// A body is sent once it holds this much. Measured on OSS 2.9.1: 1 MB to 8 MB write equally fast.
pub const BODY_BYTES_TARGET: usize = 2 * 1024 * 1024;

/// A body at the most; one line may exceed the target.
pub(crate) const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Writes in flight at one time, by default and at the most.
pub(crate) const WRITES_IN_FLIGHT_DEFAULT: usize = 2;
/// See [`WRITES_IN_FLIGHT_DEFAULT`].
pub(crate) const WRITES_IN_FLIGHT_MAX: usize = 16;

/// Bodies after which the number of writes at one time is judged.
pub(crate) const WRITE_RATE_BODIES: u32 = 12;

/// How much more the destination must take for one more write at a time to be kept, in thousandths.
pub(crate) const WRITE_RATE_GAIN_PER_MILLE: u32 = 40;

/// Rounds of [`WRITE_RATE_BODIES`] in which nothing is tried after one more write did not pay, or after a refusal.
pub(crate) const WRITE_RATE_REST_ROUNDS: u32 = 8;

/// Empty batches whose records go to the destination in one body.
pub(crate) const RECORDS_PER_BODY_MAX: usize = 1_000;

/// Text of refused lines of all open batches that is held in memory; the rest waits on the disk.
pub(crate) const REFUSALS_HELD_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Such text in one temporary file; more goes to another, so that what is committed gives its room back.
pub(crate) const REFUSALS_SPILL_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Bytes of the rejects file that are read or copied at one time.
pub(crate) const REJECTS_STEP_BYTES: usize = 64 * 1024;

/// The first line of the rejects file, or of a section of it.
pub(crate) const REJECTS_HEAD_BYTES_MAX: usize = 4 * 1024;

/// A single line up to this is never too large for a destination: what answers 413 to it refuses everything.
pub(crate) const LINE_BYTES_TAKEN: usize = 64 * 1024;

/// Shard groups that the encoder collects bodies for at one time; a frame may touch more, in smaller bodies.
pub(crate) const BODIES_OPEN_MAX: usize = 8;

/// What a refused value's text is kept of.
pub(crate) const REJECT_TEXT_BYTES_MAX: usize = 256;
