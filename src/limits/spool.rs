//! Parquet files, object stores, exports.

use super::wire::FRAME_ROWS_MAX;

/// Rows of one row group at the most: what other readers of InfluxDB's files expect.
pub(crate) const ROW_GROUP_ROWS_MAX: usize = 1_048_576;

/// Encoded bytes that a file being written holds in memory before its row group ends.
pub(crate) const ROW_GROUP_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of strings, not encoded, of one row group: what a reader may have to hold of it.
pub(crate) const ROW_GROUP_STRING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of frames that all open batches of a spool hold together before the largest measurement goes to disk.
pub(crate) const SPOOL_BUFFER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Sorted parts that are merged at one time; more are merged in several passes.
pub(crate) const SPOOL_MERGE_PARTS_MAX: usize = 16;

/// Bytes of columns that a block of a sorted part should hold.
pub(crate) const SPOOL_BLOCK_BYTES_TARGET: usize = 2 * 1024 * 1024;

/// The least and the most rows of such a block.
pub(crate) const SPOOL_BLOCK_ROWS_MIN: usize = 16;
/// See [`SPOOL_BLOCK_ROWS_MIN`].
pub(crate) const SPOOL_BLOCK_ROWS_MAX: usize = 16 * 1024;

/// A page of a sorted part on disk, so that many of them can be read at one time.
pub(crate) const SPOOL_PART_PAGE_BYTES: usize = 64 * 1024;

/// Encoded bytes of one name in a path; longer ones are cut and told apart by their digest. File systems allow 255.
pub(crate) const SPOOL_NAME_BYTES_MAX: usize = 180;

/// Names that are tried for a file that is not complete, where other processes have taken them.
pub(crate) const STAGED_NAME_TRIES: u32 = 1_000;

/// Bytes of a spool's file that are read, hashed or sent at one time.
pub(crate) const SPOOL_STEP_BYTES: usize = 8 * 1024 * 1024;

/// How often the client of an object store repeats one request, and for how long: then its signature is too old.
pub(crate) const OBJECT_RETRIES_MAX: usize = 8;
/// See [`OBJECT_RETRIES_MAX`].
pub(crate) const OBJECT_RETRY_MS_MAX: u64 = 120_000;

/// First and longest pause between two of them, with jitter.
pub(crate) const OBJECT_BACKOFF_MS_MIN: u64 = 200;
/// See [`OBJECT_BACKOFF_MS_MIN`].
pub(crate) const OBJECT_BACKOFF_MS_MAX: u64 = 15_000;

/// How often the same is asked of an object store anew, each time with those retries.
pub const OBJECT_ATTEMPTS_MAX: u32 = 4;

/// The pause before the second of them; each later one is twice as long.
pub(crate) const OBJECT_PAUSE_MS: u64 = 1_000;

/// One request to an object store: 8 MiB there or back over a slow line.
pub(crate) const OBJECT_REQUEST_MS_MAX: u64 = 300_000;

/// How long the machine's own role in a cloud is waited for, where no credentials are set.
pub(crate) const OBJECT_ROLE_MS_MAX: u64 = 10_000;

/// Files that are sent to an object store, or verified in one, at one time: each waits for the network most of the time.
pub(crate) const OBJECT_TRANSFERS_MAX: usize = 8;

/// Bytes of fetched files that are kept on this machine's disk, so that the next batch need not fetch them again.
pub(crate) const OBJECT_KEPT_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// Parts of one upload: what S3 allows.
pub(crate) const OBJECT_PARTS_MAX: u64 = 10_000;

/// Files smaller than this are merged by a compaction.
pub(crate) const SPOOL_SMALL_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes of the files that one compacted file is made of, at the most.
pub(crate) const SPOOL_COMPACTED_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The manifest or the journal of a spool.
pub(crate) const SPOOL_STATE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Times that manifest and journal are read until they are called damaged: a run may be writing them.
pub(crate) const SPOOL_STATE_READS: u32 = 3;

/// Tries to take the lock of a spool in a folder.
pub(crate) const LOCK_TRIES: u32 = 20;

/// Time between two of them.
pub(crate) const LOCK_TRY_MS: u64 = 10;

/// Damaged, missing or foreign files of a spool that are named; the others are counted.
pub(crate) const SPOOL_FINDINGS_MAX: usize = 100;

/// Reasons for values that an export does not carry that are named, each with its measurement and field; the others are
/// counted.
pub(crate) const EXPORT_REFUSALS_MAX: usize = 1_000;

/// Bytes of an export that are compressed and written at one time.
pub(crate) const EXPORT_STEP_BYTES: usize = 256 * 1024;

const _: () = assert!(SPOOL_BLOCK_ROWS_MIN < SPOOL_BLOCK_ROWS_MAX);
const _: () = assert!(SPOOL_BLOCK_ROWS_MAX <= FRAME_ROWS_MAX);
const _: () = assert!(SPOOL_SMALL_FILE_BYTES < SPOOL_COMPACTED_BYTES_MAX);
