//! Batches and slices: how many, how large, and how their answers are held against each other.

/// How far the first shard group of all time may reach from the smallest time on. Groups last a week where nobody says
/// otherwise; nobody is known to have made them last longer than a year.
pub(crate) const FIRST_GROUP_NS_MAX: i64 = 366 * 86_400 * 1_000_000_000;

/// How often a measurement is counted until nothing has arrived in it between two counts.
pub(crate) const FIRST_GROUP_TRIES: u32 = 3;

/// Slices read at one time, by default and at the most.
pub(crate) const SLICES_IN_FLIGHT_DEFAULT: usize = 2;
/// See [`SLICES_IN_FLIGHT_DEFAULT`].
pub(crate) const SLICES_IN_FLIGHT_MAX: usize = 16;

/// Batches, or stretches of empty ones, that are open at one time: read, being written, or waiting for the one before
/// them until they are committed.
pub const BATCHES_OPEN_MAX: usize = 8;

/// Batches of one run. Each has a record: ten million of them take hours to write, and a tenth as many is far more than
/// is of any use.
pub(crate) const BATCHES_MAX: u64 = 10_000_000;

/// Values that one slice should hold, by prediction: 32 MB of columns, well under the 30 s bound.
pub(crate) const SLICE_VALUES_MAX: u64 = 1_000_000;

/// Values of a slice that is pivoted: the source holds all of them in memory.
pub(crate) const PIVOT_VALUES_MAX: u64 = 500_000;

/// Values of a slice, all of which are held until its answer is proven whole.
pub(crate) const HELD_SLICE_VALUES_MAX: u64 = 1_000_000;

/// Values held back by all slices together: about 10 bytes each.
pub(crate) const HELD_VALUES_MAX: u64 = 4_000_000;

/// What [`HELD_VALUES_MAX`] is counted in.
pub(crate) const HELD_UNIT_VALUES: u64 = 1_000;

/// Bytes of the frames that one slice holds, whatever was predicted: a slice that has more is read in parts.
pub(crate) const HELD_SLICE_BYTES_MAX: usize = 48 * 1024 * 1024;

/// The same for a slice that cannot be cut any more: one instant of what one request names.
pub(crate) const HELD_INSTANT_BYTES_MAX: usize = 2 * 1024 * 1024 * 1024;

/// Series of a measurement whose catalogue is kept in memory.
pub(crate) const CATALOGUE_SERIES_MAX: u64 = 100_000;

/// Values of a measurement in one batch below which its series are not looked at.
pub const CATALOGUE_VALUES_MIN: u64 = 20_000;

/// Values of a measurement in one window below which a statement of its own costs the source more than plain Flux, which
/// reads many measurements at once. Measured: a statement costs as much as some 50 tables of Flux, however short those are.
pub(crate) const STATEMENT_VALUES_MIN: u64 = 50;

/// Values for each series over the whole job below which a catalogue costs more than it saves.
pub(crate) const KEYED_VALUES_PER_SERIES_MIN: u64 = 200;

/// Values for each series, read by key tags since the series were listed last, for which they are listed again before the end
/// of a run: a list costs some 60 to 150 bytes for each series, and such a value 2 to 50.
pub(crate) const RELIST_VALUES_PER_SERIES_MIN: u64 = 10_000;

/// Terms that stand in one row of a Flux expression.
pub(crate) const TERMS_IN_ROW_MAX: usize = 24;

/// Values of one tag that a query names to read a group of series.
pub(crate) const AMONG_VALUES_MAX: usize = 1_000;

/// Measurements that one plain query names.
pub(crate) const MEASUREMENTS_NAMED_MAX: usize = 200;

/// Statements of one request.
pub(crate) const STATEMENTS_MAX: usize = 200;

/// Measurements that the probe of InfluxQL reads both ways.
pub(crate) const PROBE_MEASUREMENTS_MAX: usize = 3;

/// Values that it reads of each.
pub(crate) const PROBE_VALUES_MAX: u64 = 200;

/// Values of the first sample that holds another transport against plain Flux, and of further ones; more only where one
/// series holds more at one time.
pub(crate) const WITNESS_VALUES_MAX: usize = 1_000;
/// See [`WITNESS_VALUES_MAX`].
pub(crate) const WITNESS_AGAIN_VALUES_MAX: usize = 100;

/// Bytes of such samples for each byte of what they vouch for, in thousandths, beyond those that come with each doubling.
pub(crate) const WITNESS_BYTES_PER_MILLE: u64 = 5;

/// Readings of a sample that differ before it is taken for one that keeps changing.
pub(crate) const WITNESS_TRIES: u32 = 3;

/// Seconds that one slice should take, by prediction.
pub(crate) const SLICE_SECONDS_MAX: u64 = 30;

/// Bytes of one slice where no quota binds.
pub(crate) const SLICE_BYTES_MAX: u64 = 120_000_000;

/// Share of a quota window that one slice may take, in thousandths: the burst of the pacing.
pub(crate) const SLICE_WINDOW_PER_MILLE_MAX: u64 = 20;

/// How often one slice is split in halves before it counts as unreadable (2^24 parts).
pub(crate) const SPLIT_DEPTH_MAX: u32 = 24;

/// Answers of one slice that break off before it is split.
pub(crate) const CUTS_BEFORE_SPLIT: u32 = 2;

/// Batches that one count reaches over at the most.
pub(crate) const REACH_BATCHES_MAX: u64 = 1 << 20;

/// Tags that one probe for what Flux cannot read looks at.
pub(crate) const TAGS_PER_PROBE_MAX: usize = 40;

/// Times a range that changed while it was read is read again.
pub(crate) const CHANGED_REREADS_MAX: u32 = 3;

/// Counts of the destination that differ from what it acknowledged before they are believed, and the pause between them.
pub(crate) const CLOSING_TRIES: u32 = 3;
/// See [`CLOSING_TRIES`].
pub(crate) const CLOSING_PAUSE_MS: u64 = 1_000;

/// Counts of one end in the closing check before any differs: each of so many parts of the job is counted by itself, so that
/// values too few in one are not made up for by values too many in another.
pub(crate) const CLOSING_COUNTS_MAX: usize = 256;

/// Counts of the destination in the closing check at one time.
pub(crate) const CLOSING_COUNTS_AT_ONCE: usize = 4;

/// Fields of several types that one statement counts.
pub(crate) const BY_KIND_FIELDS_MAX: usize = 50;

/// Stretches of a batch that are counted to find those in which each field has one type.
pub(crate) const BY_KIND_STRETCHES_MAX: u32 = 20_000;

/// Counts of a stretch by both languages, of which Flux' is the larger, before InfluxQL is taken to know less.
pub(crate) const BY_KIND_TRIES_MAX: u32 = 3;

/// Windows in which a field that got another type while the job ran is looked at, at both ends; in more of them nobody looks.
pub(crate) const RETYPED_WINDOWS_MAX: usize = 256;
/// The same for all such fields together: fewer windows for each of many.
pub(crate) const RETYPED_LOOKS_MAX: usize = 4_096;

/// Ranges in which an end holds another number of values than was committed that are found one by one.
pub(crate) const CLOSING_DIFFERENCES_MAX: usize = 100;

/// Batches that a run keeps the numbers of for the closing check; with more, neighbours are kept as one.
pub(crate) const CLOSING_BATCHES_MAX: usize = 65_536;

/// Frames between the decoder and the encoder of one slice.
pub(crate) const FRAMES_QUEUED_MAX: usize = 2;
