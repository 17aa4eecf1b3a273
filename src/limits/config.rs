//! What a user may set.

/// The least and the largest `--query-timeout`. See [`super::QUERY_TIMEOUT_MS_DEFAULT`].
pub(crate) const QUERY_TIMEOUT_MS_MIN: u64 = 1_000;
/// See [`QUERY_TIMEOUT_MS_MIN`].
pub(crate) const QUERY_TIMEOUT_MS_MAX: u64 = 3_600_000;

/// A configuration file, the file of profiles, the text of a task.
pub const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// How far the clocks of this machine and of a server may be apart before it is said.
pub(crate) const SKEW_MS_MAX: u64 = 60_000;

/// Bytes of the name of a job's state folder. File systems allow 255, or 143 where they encrypt names; longer ones are cut
/// to the second and told apart by a digest.
pub(crate) const STATE_NAME_BYTES_MAX: usize = 255;
/// See [`STATE_NAME_BYTES_MAX`].
pub(crate) const STATE_NAME_BYTES_CUT: usize = 143;
