//! Answers, frames and line protocol: what is held while they are read and written.

use super::write::{BODY_BYTES_MAX, BODY_BYTES_TARGET};

/// Source bytes handed to the decoder at once: about 0.1 ms of work on a tokio thread.
pub const DECODE_STEP_BYTES_MAX: usize = 64 * 1024;

/// Rows of one frame: a new frame begins at the next series after this many.
pub const FRAME_ROWS_TARGET: usize = 16 * 1024;

/// Values after which a frame ends, for series of very many fields.
pub const FRAME_VALUES_TARGET: usize = 1024 * 1024;

/// Rows of one frame at the most (the contract's upper bound).
pub const FRAME_ROWS_MAX: usize = 64 * 1024;

/// Values that the decoder holds back to merge the fields of one series on time. A series with more values in one
/// slice is handed on in parts: still exact, with fewer fields per line. The planner cuts slices so that it does not happen.
pub const MERGE_VALUES_MAX: usize = 1024 * 1024;

/// Bytes of string values that the decoder holds back, for the same purpose.
pub(crate) const MERGE_STRING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// One row of annotated CSV. InfluxDB stores strings up to 1 MiB and keys up to 64 KiB; quoting can double them.
pub const CSV_ROW_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The largest key that InfluxDB takes: escaped measurement and tags, plus four, plus the field name.
pub(crate) const SERIES_KEY_BYTES_MAX: usize = 65_535;

/// The longest string value that InfluxDB takes.
pub const STRING_VALUE_BYTES_MAX: usize = 1_048_576;

/// Maps and lists inside each other in an InfluxQL answer; real ones nest seven deep.
pub(crate) const INFLUXQL_DEPTH_MAX: usize = 16;

/// Rows of one InfluxQL series that are held before they go to a frame: ten columns of them stay in the second cache.
pub(crate) const WIDE_ROWS_HELD_MAX: usize = 2 * 1024;

/// One value or name of an InfluxQL answer. JSON may write six bytes for one.
pub const INFLUXQL_TOKEN_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of string values after which a frame ends.
pub const FRAME_STRING_BYTES_TARGET: usize = 16 * 1024 * 1024;

/// Cells of a frame for each value, nulls included, beyond which series of other fields go to a new frame.
pub const FRAME_CELLS_PER_VALUE_MAX: usize = 5;

/// A frame of fewer cells than this may be as sparse as it likes.
pub const FRAME_CELLS_SPARSE_MAX: usize = 64 * 1024;

/// Places that lost a carriage return, listed for one answer.
pub(crate) const CSV_SUSPECTS_MAX: usize = 256;

const _: () = assert!(FRAME_ROWS_TARGET <= FRAME_ROWS_MAX && BODY_BYTES_TARGET <= BODY_BYTES_MAX);
const _: () = assert!(STRING_VALUE_BYTES_MAX * 6 + 1024 < INFLUXQL_TOKEN_BYTES_MAX);
const _: () = assert!(STRING_VALUE_BYTES_MAX * 2 + SERIES_KEY_BYTES_MAX * 2 < CSV_ROW_BYTES_MAX);
