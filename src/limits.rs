//! Every bound of the program: queues, buffers, loops, waits. Units stand last in the names.
//! `docs/concurrency.md` adds them up to the memory formula.

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
pub const MERGE_STRING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// One row of annotated CSV. InfluxDB stores strings up to 1 MiB and keys up to 64 KiB; quoting can double them.
pub const CSV_ROW_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A response that is read whole: counts, schema, records, settings.
pub const SMALL_RESPONSE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What an error body is kept of.
pub const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;

/// Decoded bytes per wire byte of a gzip response beyond which it is taken for a bomb.
pub const GZIP_RATIO_MAX: u64 = 1_100;

/// A body is sent once it holds this much. Measured on OSS 2.9.1: 1 MB to 8 MB write equally fast.
pub const BODY_BYTES_TARGET: usize = 2 * 1024 * 1024;

/// A body at the most; one line may exceed the target.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The largest key that InfluxDB takes: escaped measurement and tags, plus four, plus the field name.
pub const SERIES_KEY_BYTES_MAX: usize = 65_535;

/// The longest string value that InfluxDB takes.
pub const STRING_VALUE_BYTES_MAX: usize = 1_048_576;

/// Writes in flight at one time, by default and at the most.
pub const WRITES_IN_FLIGHT_DEFAULT: usize = 2;
/// See [`WRITES_IN_FLIGHT_DEFAULT`].
pub const WRITES_IN_FLIGHT_MAX: usize = 16;

/// Bodies after which the number of writes at one time is judged.
pub const WRITE_RATE_BODIES: u32 = 12;

/// How much more the destination must take for one more write at a time to be kept, in thousandths.
pub const WRITE_RATE_GAIN_PER_MILLE: u32 = 40;

/// Rounds of [`WRITE_RATE_BODIES`] in which nothing is tried after one more write did not pay, or after a refusal.
pub const WRITE_RATE_REST_ROUNDS: u32 = 8;

/// Slices read at one time, by default and at the most.
pub const SLICES_IN_FLIGHT_DEFAULT: usize = 2;
/// See [`SLICES_IN_FLIGHT_DEFAULT`].
pub const SLICES_IN_FLIGHT_MAX: usize = 16;

/// Batches, or stretches of empty ones, that are open at one time: read, being written, or waiting for the one before
/// them until they are committed.
pub const BATCHES_OPEN_MAX: usize = 8;

/// Batches of one run. Each has a record: ten million of them take hours to write, and a tenth as many is far more than
/// is of any use.
pub const BATCHES_MAX: u64 = 10_000_000;

/// Empty batches whose records go to the destination in one body.
pub const RECORDS_PER_BODY_MAX: usize = 1_000;

/// Values that one slice should hold, by prediction: 32 MB of columns, well under the 30 s bound.
pub const SLICE_VALUES_MAX: u64 = 1_000_000;

/// Values of a slice that is pivoted: the source holds all of them in memory.
pub const PIVOT_VALUES_MAX: u64 = 500_000;

/// Values of a slice, all of which are held until its answer is proven whole.
pub const HELD_SLICE_VALUES_MAX: u64 = 1_000_000;

/// Values held back by all slices together: about 10 bytes each.
pub const HELD_VALUES_MAX: u64 = 4_000_000;

/// What [`HELD_VALUES_MAX`] is counted in.
pub const HELD_UNIT_VALUES: u64 = 1_000;

/// Bytes of the frames that one slice holds, whatever was predicted: a slice that has more is read in parts.
pub const HELD_SLICE_BYTES_MAX: usize = 48 * 1024 * 1024;

/// The same for a slice that cannot be cut any more: one instant of what one request names.
pub const HELD_INSTANT_BYTES_MAX: usize = 2 * 1024 * 1024 * 1024;

/// Series of a measurement whose catalogue is kept in memory.
pub const CATALOGUE_SERIES_MAX: u64 = 100_000;

/// Values of a measurement in one batch below which its series are not looked at.
pub const CATALOGUE_VALUES_MIN: u64 = 20_000;

/// Values of a measurement in one window below which a statement of its own costs the source more than plain Flux, which
/// reads many measurements at once. Measured: a statement costs as much as some 50 tables of Flux, however short those are.
pub const STATEMENT_VALUES_MIN: u64 = 50;

/// Values for each series over the whole job below which a catalogue costs more than it saves.
pub const KEYED_VALUES_PER_SERIES_MIN: u64 = 200;

/// Values of one tag that a query names to read a group of series.
pub const AMONG_VALUES_MAX: usize = 1_000;

/// Measurements that one plain query names.
pub const MEASUREMENTS_NAMED_MAX: usize = 200;

/// Statements of one request.
pub const STATEMENTS_MAX: usize = 200;

/// Measurements that the probe of InfluxQL reads both ways.
pub const PROBE_MEASUREMENTS_MAX: usize = 3;

/// Values that it reads of each.
pub const PROBE_VALUES_MAX: u64 = 200;

/// Values of the first sample that holds another transport against plain Flux, and of further ones; more only where one
/// series holds more at one time.
pub const WITNESS_VALUES_MAX: usize = 1_000;
/// See [`WITNESS_VALUES_MAX`].
pub const WITNESS_AGAIN_VALUES_MAX: usize = 100;

/// Bytes of such samples for each byte of what they vouch for, in thousandths, beyond those that come with each doubling.
pub const WITNESS_BYTES_PER_MILLE: u64 = 5;

/// Readings of a sample that differ before it is taken for one that keeps changing.
pub const WITNESS_TRIES: u32 = 3;

/// Seconds that one slice should take, by prediction.
pub const SLICE_SECONDS_MAX: u64 = 30;

/// Bytes of one slice where no quota binds.
pub const SLICE_BYTES_MAX: u64 = 120_000_000;

/// Share of a quota window that one slice may take, in thousandths: the burst of the pacing.
pub const SLICE_WINDOW_PER_MILLE_MAX: u64 = 20;

/// How often one slice is split in halves before it counts as unreadable (2^24 parts).
pub const SPLIT_DEPTH_MAX: u32 = 24;

/// Answers of one slice that break off before it is split.
pub const CUTS_BEFORE_SPLIT: u32 = 2;

/// Batches that one count reaches over at the most.
pub const REACH_BATCHES_MAX: u64 = 1 << 20;

/// Tags that one probe for what Flux cannot read looks at.
pub const TAGS_PER_PROBE_MAX: usize = 40;

/// Times a range that changed while it was read is read again.
pub const CHANGED_REREADS_MAX: u32 = 3;

/// Counts of the destination that differ from what it acknowledged before they are believed, and the pause between them.
pub const CLOSING_TRIES: u32 = 3;
/// See [`CLOSING_TRIES`].
pub const CLOSING_PAUSE_MS: u64 = 1_000;

/// Ranges in which an end holds another number of values than was committed that are found one by one.
pub const CLOSING_DIFFERENCES_MAX: usize = 100;

/// Batches that a run keeps the numbers of for the closing check; with more, neighbours are kept as one.
pub const CLOSING_BATCHES_MAX: usize = 65_536;

/// The events on their way to the reporter.
pub const EVENTS_QUEUED_MAX: usize = 4_096;

/// Length of Cloud's quota window.
pub const QUOTA_WINDOW_MS: u64 = 300_000;

/// The read quota assumed when nothing tells: the free plan's.
pub const QUOTA_BYTES_PER_WINDOW_DEFAULT: u64 = 300_000_000;

/// Retries of one request for temporary trouble before the run ends with exit code 5.
pub const RETRIES_MAX: u32 = 12;

/// First and longest pause of the exponential back-off, with full jitter.
pub const BACKOFF_MS_MIN: u64 = 500;
/// See [`BACKOFF_MS_MIN`].
pub const BACKOFF_MS_MAX: u64 = 60_000;

/// Bounds for a `Retry-After` that a server names.
pub const RETRY_AFTER_MS_MIN: u64 = 1_000;
/// See [`RETRY_AFTER_MS_MIN`].
pub const RETRY_AFTER_MS_MAX: u64 = 900_000;

/// Connecting to a server.
pub const CONNECT_MS_MAX: u64 = 10_000;

/// The source's own limit for a query, by default; the client waits [`QUERY_GRACE_MS`] longer.
pub const QUERY_TIMEOUT_MS_DEFAULT: u64 = 90_000;
/// See [`QUERY_TIMEOUT_MS_DEFAULT`].
pub const QUERY_GRACE_MS: u64 = 10_000;

/// Silence inside a response body.
pub const BODY_SILENCE_MS_MAX: u64 = 60_000;

/// A write: the server's own storage time-out is 10 s, a large body takes its time to parse.
pub const WRITE_MS_MAX: u64 = 120_000;

/// Every other request.
pub const API_MS_MAX: u64 = 60_000;

/// Tries of a request while the server has never answered: its address is more likely wrong than its trouble passing.
pub const FIRST_TRIES_MAX: u32 = 2;

/// Time in milliseconds for those tries, and for each of them.
pub const FIRST_ANSWER_MS_MAX: u64 = 10_000;

/// Tries of one request whose answer has neither a length nor chunks.
pub const UNFRAMED_TRIES_MAX: u32 = 2;

/// Tries of a request whose answer is well-formed JSON and not what was asked for: one bit may have flipped.
pub const MISREAD_TRIES_MAX: u32 = 3;

/// Bytes of a query's answer that is expected to come packed, and so with a checksum. Servers leave smaller ones plain.
pub const UNCHECKED_BYTES_MIN: u64 = 4 * 1024;

/// Bytes of a file of certificates.
pub const CA_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Bytes of a proxy's status line, and the time in milliseconds for it, when it is asked why it refuses.
pub const PROXY_ANSWER_BYTES_MAX: usize = 8 * 1024;
/// See [`PROXY_ANSWER_BYTES_MAX`].
pub const PROXY_ANSWER_MS_MAX: u64 = 2_000;

/// Characters of a token that is struck out of every text; shorter ones could be any word.
pub const SECRET_CHARS_MIN: usize = 8;

/// Tokens that are remembered to be struck out.
pub const SECRETS_KNOWN_MAX: usize = 64;

/// The lease in the batch bucket: refreshed this often, dead after [`LEASE_STALE_MS`].
pub const LEASE_REFRESH_MS: u64 = 30_000;
/// See [`LEASE_REFRESH_MS`].
pub const LEASE_STALE_MS: u64 = 180_000;

/// How far a lease may lie ahead of the server's clock and still count as a sign of life: beyond it some clock was wrong.
pub const LEASE_AHEAD_MS_MAX: u64 = LEASE_STALE_MS;

/// From a first signal to the end of the program, whatever hangs.
pub const STOP_MS_MAX: u64 = 20_000;

/// What of it the open batches have to finish.
pub const DRAIN_MS_MAX: u64 = 16_000;

/// Until when what they have finished is recorded, counted from the signal.
pub const STOP_RECORD_MS_MAX: u64 = 18_000;

/// Until when the job is let go, counted from the signal.
pub const STOP_CLOSE_MS_MAX: u64 = 19_000;

/// How long a run that ends without a signal tries to let its job go: a lease that is not given back grows stale.
pub const CLOSE_MS_MAX: u64 = 10_000;

/// How long a program that leaves at once tries to say so: nobody may read its streams.
pub const LAST_WORD_MS_MAX: u64 = 500;

/// Files that a program must be able to open at its start: six for its runtime, the others for the first connections.
pub const OPEN_FILES_MIN: usize = 12;

/// How long a program that ends waits for threads that may hang in a look-up of a name or at a disk.
pub const THREADS_END_MS_MAX: u64 = 200;

const _: () = assert!(DRAIN_MS_MAX < STOP_RECORD_MS_MAX && STOP_RECORD_MS_MAX < STOP_CLOSE_MS_MAX);
const _: () = assert!(STOP_CLOSE_MS_MAX + THREADS_END_MS_MAX + LAST_WORD_MS_MAX < STOP_MS_MAX);

/// Text of refused lines of all open batches that is held in memory; the rest waits on the disk.
pub const REFUSALS_HELD_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Such text in one temporary file; more goes to another, so that what is committed gives its room back.
pub const REFUSALS_SPILL_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Bytes of the rejects file that are read or copied at one time.
pub const REJECTS_STEP_BYTES: usize = 64 * 1024;

/// The first line of the rejects file, or of a section of it.
pub const REJECTS_HEAD_BYTES_MAX: usize = 4 * 1024;

/// A single line up to this is never too large for a destination: what answers 413 to it refuses everything.
pub const LINE_BYTES_TAKEN: usize = 64 * 1024;

/// Refused values before the run stops, by default.
pub const REJECT_LIMIT_DEFAULT: u64 = 10_000;

/// Time between plain progress lines.
pub const PLAIN_LINE_MS: u64 = 30_000;

// wire: frames, csv, influxql

/// Maps and lists inside each other in an InfluxQL answer; real ones nest seven deep.
pub const INFLUXQL_DEPTH_MAX: usize = 16;

/// Rows of one InfluxQL series that are held before they go to a frame: ten columns of them stay in the second cache.
pub const WIDE_ROWS_HELD_MAX: usize = 2 * 1024;

/// One value or name of an InfluxQL answer. JSON may write six bytes for one.
pub const INFLUXQL_TOKEN_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of string values after which a frame ends.
pub const FRAME_STRING_BYTES_TARGET: usize = 16 * 1024 * 1024;

/// Cells of a frame for each value, nulls included, beyond which series of other fields go to a new frame.
pub const FRAME_CELLS_PER_VALUE_MAX: usize = 5;

/// A frame of fewer cells than this may be as sparse as it likes.
pub const FRAME_CELLS_SPARSE_MAX: usize = 64 * 1024;

/// Places that lost a carriage return, listed for one answer.
pub const CSV_SUSPECTS_MAX: usize = 256;

const _: () = assert!(FRAME_ROWS_TARGET <= FRAME_ROWS_MAX && BODY_BYTES_TARGET <= BODY_BYTES_MAX);
const _: () = assert!(STRING_VALUE_BYTES_MAX * 6 + 1024 < INFLUXQL_TOKEN_BYTES_MAX);
const _: () = assert!(STRING_VALUE_BYTES_MAX * 2 + SERIES_KEY_BYTES_MAX * 2 < CSV_ROW_BYTES_MAX);
const _: () = assert!(BACKOFF_MS_MIN < BACKOFF_MS_MAX && RETRY_AFTER_MS_MIN < RETRY_AFTER_MS_MAX);

/// Frames between the decoder and the encoder of one slice.
pub const FRAMES_QUEUED_MAX: usize = 2;

// wire::line

/// Shard groups that the encoder collects bodies for at one time; a frame may touch more, in smaller bodies.
pub const BODIES_OPEN_MAX: usize = 8;

/// What a refused value's text is kept of.
pub const REJECT_TEXT_BYTES_MAX: usize = 256;

// influx: HTTP, pacing, gate.

/// Idle connections kept to one server, by default.
pub const CONNECTIONS_MAX_DEFAULT: usize = 8;

/// How long an idle connection is kept: InfluxDB itself drops it after three minutes.
pub const CONNECTION_IDLE_MS_MAX: u64 = 60_000;

/// Characters of a server's text that an error prints; all of it stays in the error.
pub const ERROR_SHOWN_CHARS_MAX: usize = 1_000;

/// First pause of a closed gate when the server names none.
pub const GATE_MS_MIN: u64 = 1_000;

/// Longest pause of a gate closed by 429, when the server names none: a tenth of a quota window, so that little of the
/// next one is lost and no more than a few requests are refused in each.
pub const GATE_RATE_MS_MAX: u64 = QUOTA_WINDOW_MS / 10;

/// A failure after this share of the server's query time-out, in thousandths, is a time-out: 85 s of 90 s.
pub const QUERY_LATE_PER_MILLE: u64 = 944;

/// Share of the quota that our pacing takes at the most, in thousandths. The rest covers what is in flight.
pub const QUOTA_SHARE_PER_MILLE_MAX: u32 = 990;

/// How much more than predicted an answer may hold for the bound to stand, in thousandths.
pub const QUOTA_ERROR_PER_MILLE: u64 = 334;

/// Predictions up to this size do not wait for others in flight: counts and look-ups.
pub const QUOTA_SMALL_BYTES_MAX: u64 = 64 * 1024;

/// What a count or a look-up is expected to cost.
pub const QUOTA_SMALL_BYTES_PREDICTED: u64 = 4 * 1024;

/// Expected waits for the quota below this are not worth a signal.
pub const QUOTA_SIGNAL_MS_MIN: u64 = 500;

/// How far our idea of the source's time may be from its `Date` before it is set anew: a `Date` has no fractions and
/// takes its time to arrive.
pub const QUOTA_CLOCK_SLACK_MS: u64 = 2_000;

/// How often a run looks for others that share its quota.
pub const QUOTA_LOOK_MS: u64 = 5_000;

/// The same while a part changes hands.
pub const QUOTA_LOOK_EAGER_MS: u64 = 1_000;

/// How long a run tries to enter the folder of those that share its quota before it goes on alone.
pub const QUOTA_JOIN_MS_MAX: u64 = 10_000;

/// Window in which the time of all queries of an organization is summed up.
pub const QUERY_TIME_WINDOW_MS: u64 = 30_000;

/// How long a count or a look-up is expected to take before one was seen.
pub const QUERY_SMALL_MS_PREDICTED: u64 = 1_000;

/// The most that a query is charged with whose answer never began: the default time-out and its grace.
pub const QUERY_CHARGED_MS_MAX: u64 = QUERY_TIMEOUT_MS_DEFAULT + QUERY_GRACE_MS;

/// Queries at one time beyond which a limit of the source counts as none: more never run here.
pub const QUERIES_IN_FLIGHT_MAX: usize = 256;

/// Time between two tries for a place among the queries of all runs.
pub const QUERY_SLOT_POLL_MS: u64 = 50;

/// A token with the white space around it.
pub const TOKEN_BYTES_MAX: u64 = 16 * 1024;

/// How long the command that prints a token may take.
pub const TOKEN_COMMAND_MS_MAX: u64 = 30_000;

/// Tasks asked for at one time, and pages of them.
pub const TASKS_PER_PAGE: usize = 100;
/// See [`TASKS_PER_PAGE`].
pub const TASK_PAGES_MAX: usize = 100;

const _: () = assert!(GATE_MS_MIN <= BACKOFF_MS_MAX && GATE_MS_MIN <= GATE_RATE_MS_MAX);
const _: () = assert!(QUOTA_SMALL_BYTES_PREDICTED <= QUOTA_SMALL_BYTES_MAX);
const _: () = assert!(QUOTA_LOOK_EAGER_MS <= QUOTA_LOOK_MS && QUOTA_LOOK_MS < QUOTA_JOIN_MS_MAX);

// config: bounds of what a user may set.

/// Share of the read quota that is used, in thousandths, by default.
pub const QUOTA_SHARE_PER_MILLE_DEFAULT: u32 = 900;

/// The least share: below it a job would take years.
pub const QUOTA_SHARE_PER_MILLE_MIN: u32 = 10;

/// The least and the largest `--query-timeout`. See [`QUERY_TIMEOUT_MS_DEFAULT`].
pub const QUERY_TIMEOUT_MS_MIN: u64 = 1_000;
/// See [`QUERY_TIMEOUT_MS_MIN`].
pub const QUERY_TIMEOUT_MS_MAX: u64 = 3_600_000;

/// The least read quota that can be set: 1 kB in a window.
pub const QUOTA_BYTES_PER_WINDOW_MIN: u64 = 1_000;

/// How far the default stop stays behind now: what clients deliver late arrives within it.
pub const SETTLE_NS_DEFAULT: i64 = 600_000_000_000;

/// A configuration file, the file of profiles, the text of a task.
pub const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// How far the clocks of this machine and of a server may be apart before it is said.
pub const SKEW_MS_MAX: u64 = 60_000;

/// Bytes of the name of a job's state folder. File systems allow 255, or 143 where they encrypt names; longer ones are cut
/// to the second and told apart by a digest.
pub const STATE_NAME_BYTES_MAX: usize = 255;
/// See [`STATE_NAME_BYTES_MAX`].
pub const STATE_NAME_BYTES_CUT: usize = 143;

/// Lines of line protocol that a dry run shows.
pub const DRY_RUN_LINES_MAX: usize = 20;

/// Values that a dry run reads to show them: 3 MB of the quota at the most, unless more stand at one time.
pub const DRY_RUN_VALUES_MAX: u64 = 20_000;

/// Values of one instant that a dry run reads, where they are all it has: reading ends after the first few.
pub const DRY_RUN_INSTANT_VALUES_MAX: u64 = 200_000;

// report

/// Events on their way to the reporter beyond which progress of batches is dropped: the rest of the queue is kept for
/// what must not be missed.
pub const EVENTS_PROGRESS_QUEUED_MAX: usize = EVENTS_QUEUED_MAX / 2;

/// Time between two drawings of the bars.
pub const REDRAW_MS: u64 = 100;

/// Batches with a line of their own on the screen; the others are counted.
pub const BATCH_LINES_MAX: usize = 8;

/// Ranges that the closing summary lists; the others are counted.
pub const SUMMARY_RANGES_MAX: usize = 10;

const _: () = assert!(EVENTS_PROGRESS_QUEUED_MAX < EVENTS_QUEUED_MAX);

/// Counts that the choice of a batch interval is based on.
pub const DENSITY_SAMPLES_MAX: usize = 24;

// plan

/// Parts of time that a plan counts and plots: a power of two, so that they are found by halving.
pub const DENSITY_CELLS: usize = 64;

/// Measurements with fields of several types that a plan counts; the others are named.
pub const TALLY_MIXED_MEASUREMENTS_MAX: usize = 8;

/// Windows of such fields that a plan counts, each by a query of its own: half a megabyte of answers.
pub const TALLY_MIXED_WINDOWS_MAX: u64 = 2_500;

/// Measurements that a plan looks at one by one and shows; the others are summed up.
pub const PLAN_MEASUREMENTS_MAX: usize = 16;

/// Measurements of which it measures every transport, not only the chosen one.
pub const PLAN_COMPARED_MEASUREMENTS_MAX: usize = 3;

/// Bytes of one sample in the chosen transport, by the first guess of what a value costs.
pub const PLAN_SAMPLE_BYTES: u64 = 40_000;

/// Windows of a batch that are sampled where the answer names each series once.
pub const PLAN_WINDOWS_MAX: usize = 3;

/// Values of the sample in which all transports are compared.
pub const PLAN_COMPARED_VALUES_MAX: u64 = 400;

/// How much larger than that a sample may be where one instant holds more.
pub const PLAN_SAMPLE_EXCESS_MAX: u64 = 4;

/// Measurements of the others that it samples for all of them.
pub const PLAN_REST_SAMPLES: usize = 4;

/// Series whose catalogue a plan reads whatever it is worth, all measurements together: half a megabyte.
pub const PLAN_CATALOGUE_SERIES_MIN: u64 = 4_000;

/// Values for each series beyond which its catalogue is less than a hundredth of what a run reads, so that a plan may read
/// it too.
pub const PLAN_VALUES_PER_SERIES_MIN: u64 = 10_000;

// bench

/// Share of one quota window that a bench spends, by default, in thousandths.
pub const BENCH_BUDGET_PER_MILLE: u64 = 100;

/// Bytes that a bench spends by default where no quota binds.
pub const BENCH_BUDGET_BYTES_DEFAULT: u64 = 300_000_000;

/// Bytes kept back from a trial for each of its readers: what may still arrive when it is cut off.
pub const BENCH_RESERVE_BYTES: u64 = 128 * 1024;

/// Slices for each reader of a trial, as far as bytes allow it: with fewer, readers that end early would count as idle.
pub const BENCH_SLICES_PER_READER: u64 = 4;

/// Runs of each setting that stays to the end, by default and at the most.
pub const BENCH_REPETITIONS_DEFAULT: u32 = 3;
/// See [`BENCH_REPETITIONS_DEFAULT`].
pub const BENCH_REPETITIONS_MAX: u32 = 100;

/// How often what lies beside the best setting is tried.
pub const BENCH_REFINEMENTS: u32 = 12;

/// Values that a trial of short batches should hold.
pub const BENCH_TRIAL_VALUES_TARGET: u64 = 2 * SLICE_VALUES_MAX;

/// Batches of a trial, as far as bytes and values allow it, where one of them is longer than a cell of the density.
pub const BENCH_TRIAL_BATCHES_TARGET: i64 = 8;

/// So many trials may share the budget where batches of the shortest interval are too large for an even share.
pub const BENCH_LAST_TRIALS: u64 = 4;

/// Batches of a trial at the most: where they hold little, more of them say nothing new.
pub const BENCH_TRIAL_BATCHES_MAX: i64 = 64;

/// What the counts of one batch cost at the most, by prediction.
pub const BENCH_COUNT_BYTES: u64 = 1_000;

/// Settings that can be named at one time.
pub const BENCH_SETTINGS_MAX: usize = 200;

/// Batches of a trial that are kept in its record.
pub const BENCH_BATCHES_KEPT_MAX: usize = 1_000;

/// Draws of the bootstrap behind an interval of confidence.
pub const BOOTSTRAP_ROUNDS: usize = 2_000;

/// Measurements that a dry run shows with the reason of their transport.
pub const DRY_RUN_MEASUREMENTS_MAX: usize = 8;

/// Source bytes of a batch between two signs of its progress.
pub const PROGRESS_STEP_BYTES: u64 = 1024 * 1024;

// spool: Parquet files

/// Rows of one row group at the most: what other readers of InfluxDB's files expect.
pub const ROW_GROUP_ROWS_MAX: usize = 1_048_576;

/// Encoded bytes that a file being written holds in memory before its row group ends.
pub const ROW_GROUP_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of strings, not encoded, of one row group: what a reader may have to hold of it.
pub const ROW_GROUP_STRING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of frames that all open batches of a spool hold together before the largest measurement goes to disk.
pub const SPOOL_BUFFER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Sorted parts that are merged at one time; more are merged in several passes.
pub const SPOOL_MERGE_PARTS_MAX: usize = 16;

/// Bytes of columns that a block of a sorted part should hold.
pub const SPOOL_BLOCK_BYTES_TARGET: usize = 2 * 1024 * 1024;

/// The least and the most rows of such a block.
pub const SPOOL_BLOCK_ROWS_MIN: usize = 16;
/// See [`SPOOL_BLOCK_ROWS_MIN`].
pub const SPOOL_BLOCK_ROWS_MAX: usize = 16 * 1024;

/// A page of a sorted part on disk, so that many of them can be read at one time.
pub const SPOOL_PART_PAGE_BYTES: usize = 64 * 1024;

/// Encoded bytes of one name in a path; longer ones are cut and told apart by their digest. File systems allow 255.
pub const SPOOL_NAME_BYTES_MAX: usize = 180;

/// Names that are tried for a file that is not complete, where other processes have taken them.
pub const STAGED_NAME_TRIES: u32 = 1_000;

/// Bytes of a spool's file that are read, hashed or sent at one time.
pub const SPOOL_STEP_BYTES: usize = 8 * 1024 * 1024;

/// How often the client of an object store repeats one request, and for how long: then its signature is too old.
pub const OBJECT_RETRIES_MAX: usize = 8;
/// See [`OBJECT_RETRIES_MAX`].
pub const OBJECT_RETRY_MS_MAX: u64 = 120_000;

/// First and longest pause between two of them, with jitter.
pub const OBJECT_BACKOFF_MS_MIN: u64 = 200;
/// See [`OBJECT_BACKOFF_MS_MIN`].
pub const OBJECT_BACKOFF_MS_MAX: u64 = 15_000;

/// How often the same is asked of an object store anew, each time with those retries.
pub const OBJECT_ATTEMPTS_MAX: u32 = 4;

/// The pause before the second of them; each later one is twice as long.
pub const OBJECT_PAUSE_MS: u64 = 1_000;

/// One request to an object store: 8 MiB there or back over a slow line.
pub const OBJECT_REQUEST_MS_MAX: u64 = 300_000;

/// How long the machine's own role in a cloud is waited for, where no credentials are set.
pub const OBJECT_ROLE_MS_MAX: u64 = 10_000;

/// Files that are sent to an object store, or verified in one, at one time: each waits for the network most of the time.
pub const OBJECT_TRANSFERS_MAX: usize = 8;

/// Bytes of fetched files that are kept on this machine's disk, so that the next batch need not fetch them again.
pub const OBJECT_KEPT_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// Parts of one upload: what S3 allows.
pub const OBJECT_PARTS_MAX: u64 = 10_000;

/// Files smaller than this are merged by a compaction.
pub const SPOOL_SMALL_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes of the files that one compacted file is made of, at the most.
pub const SPOOL_COMPACTED_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The manifest or the journal of a spool.
pub const SPOOL_STATE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Times that manifest and journal are read until they are called damaged: a run may be writing them.
pub const SPOOL_STATE_READS: u32 = 3;

/// Tries to take the lock of a spool in a folder.
pub const LOCK_TRIES: u32 = 20;

/// Time between two of them.
pub const LOCK_TRY_MS: u64 = 10;

/// Damaged, missing or foreign files of a spool that are named; the others are counted.
pub const SPOOL_FINDINGS_MAX: usize = 100;

/// Reasons for values that an export does not carry that are named, each with its measurement and field; the others are
/// counted.
pub const EXPORT_REFUSALS_MAX: usize = 1_000;

/// Bytes of an export that are compressed and written at one time.
pub const EXPORT_STEP_BYTES: usize = 256 * 1024;

/// Values that a batch of a load or of a recommendation should hold at the least, where its length is chosen: fewer are
/// not worth a record.
pub const LOAD_BATCH_VALUES_MIN: u64 = 1_000_000;

const _: () = assert!(SPOOL_BLOCK_ROWS_MIN < SPOOL_BLOCK_ROWS_MAX);
const _: () = assert!(SPOOL_BLOCK_ROWS_MAX <= FRAME_ROWS_MAX);
const _: () = assert!(SPOOL_SMALL_FILE_BYTES < SPOOL_COMPACTED_BYTES_MAX);
