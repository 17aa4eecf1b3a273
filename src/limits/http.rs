//! Requests and answers of HTTP, tries and pauses, tokens.

/// A response that is read whole: counts, schema, records, settings.
pub(crate) const SMALL_RESPONSE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What an error body is kept of.
pub(crate) const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;

/// Decoded bytes per wire byte of a gzip response beyond which it is taken for a bomb.
pub(crate) const GZIP_RATIO_MAX: u64 = 1_100;

/// Retries of one request for temporary trouble before the run ends with exit code 5.
pub(crate) const RETRIES_MAX: u32 = 12;

/// First and longest pause of the exponential back-off, with full jitter.
pub(crate) const BACKOFF_MS_MIN: u64 = 500;
/// See [`BACKOFF_MS_MIN`].
pub(crate) const BACKOFF_MS_MAX: u64 = 60_000;

/// Bounds for a `Retry-After` that a server names.
pub(crate) const RETRY_AFTER_MS_MIN: u64 = 1_000;
/// See [`RETRY_AFTER_MS_MIN`].
pub(crate) const RETRY_AFTER_MS_MAX: u64 = 900_000;

/// Connecting to a server.
pub(crate) const CONNECT_MS_MAX: u64 = 10_000;

/// The source's own limit for a query, by default; the client waits [`QUERY_GRACE_MS`] longer.
pub const QUERY_TIMEOUT_MS_DEFAULT: u64 = 90_000;
/// See [`QUERY_TIMEOUT_MS_DEFAULT`].
pub(crate) const QUERY_GRACE_MS: u64 = 10_000;

/// Silence of a server that is told of; how often it is looked at then; and the time between two lines about it.
pub(crate) const SILENCE_MS_MIN: u64 = 5_000;
/// See [`SILENCE_MS_MIN`].
pub(crate) const SILENCE_LOOK_MS: u64 = 1_000;
/// See [`SILENCE_MS_MIN`].
pub(crate) const SILENCE_LINE_MS: u64 = 30_000;

/// Silence inside a response body.
pub(crate) const BODY_SILENCE_MS_MAX: u64 = 60_000;

/// A write: the server's own storage time-out is 10 s, a large body takes its time to parse.
pub(crate) const WRITE_MS_MAX: u64 = 120_000;

/// Every other request.
pub(crate) const API_MS_MAX: u64 = 60_000;

/// Tries of a request while the server has never answered: its address is more likely wrong than its trouble passing.
pub(crate) const FIRST_TRIES_MAX: u32 = 2;

/// Time in milliseconds for those tries, and for each of them.
pub(crate) const FIRST_ANSWER_MS_MAX: u64 = 10_000;

/// Pause between two tries while an end is waited for, and the time between two words about it.
pub(crate) const FIRST_PAUSE_MS: u64 = 1_000;
/// See [`FIRST_PAUSE_MS`].
pub(crate) const FIRST_WORD_MS: u64 = 30_000;

/// Characters of a web page that are shown where the API should be.
pub(crate) const PAGE_SHOWN_CHARS_MAX: usize = 60;

/// Tries of one request whose answer has neither a length nor chunks.
pub(crate) const UNFRAMED_TRIES_MAX: u32 = 2;

/// Tries of a request whose answer is whole and not what was asked for: one bit may have flipped.
pub(crate) const MISREAD_TRIES_MAX: u32 = 3;

/// Bytes of a query's answer that is expected to come packed, and so with a checksum. Servers leave smaller ones plain.
/// Over `http://` from another machine those are asked for until one comes twice.
pub(crate) const UNCHECKED_BYTES_MIN: usize = 4 * 1024;

/// Small plain answers to one question, of which two have to be alike.
pub(crate) const ALIKE_TRIES_MAX: usize = 4;

/// Bytes of a file of certificates.
pub(crate) const CA_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Bytes of a proxy's status line, and the time in milliseconds for it, when it is asked why it refuses.
pub(crate) const PROXY_ANSWER_BYTES_MAX: usize = 8 * 1024;
/// See [`PROXY_ANSWER_BYTES_MAX`].
pub(crate) const PROXY_ANSWER_MS_MAX: u64 = 2_000;

/// Characters of a token that is struck out of every text; shorter ones could be any word.
pub(crate) const SECRET_CHARS_MIN: usize = 8;

/// Tokens that are remembered to be struck out.
pub(crate) const SECRETS_KNOWN_MAX: usize = 64;

/// Idle connections kept to one server, by default.
pub(crate) const CONNECTIONS_MAX_DEFAULT: usize = 8;

/// How long an idle connection is kept: InfluxDB itself drops it after three minutes.
pub(crate) const CONNECTION_IDLE_MS_MAX: u64 = 60_000;

/// Characters of a server's text that an error prints; all of it stays in the error.
pub(crate) const ERROR_SHOWN_CHARS_MAX: usize = 1_000;

/// A failure after this share of the server's query time-out, in thousandths, is a time-out: 85 s of 90 s.
pub(crate) const QUERY_LATE_PER_MILLE: u64 = 944;

/// A token with the white space around it.
pub(crate) const TOKEN_BYTES_MAX: u64 = 16 * 1024;

/// How long the command that prints a token may take.
pub(crate) const TOKEN_COMMAND_MS_MAX: u64 = 30_000;

/// Names that are listed to find the one that was meant, and how many of them are shown.
pub(crate) const NAMES_LISTED_MAX: usize = 100;
/// See [`NAMES_LISTED_MAX`].
pub(crate) const NAMES_SHOWN_MAX: usize = 8;

/// Tasks asked for at one time, and pages of them.
pub(crate) const TASKS_PER_PAGE: usize = 100;
/// See [`TASKS_PER_PAGE`].
pub(crate) const TASK_PAGES_MAX: usize = 100;

const _: () = assert!(BACKOFF_MS_MIN < BACKOFF_MS_MAX && RETRY_AFTER_MS_MIN < RETRY_AFTER_MS_MAX);
