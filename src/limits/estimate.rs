//! What is looked at to foretell a job.

/// Lines of line protocol that a dry run shows.
pub(crate) const DRY_RUN_LINES_MAX: usize = 5;

/// Values that a dry run reads to show them: 3 MB of the quota at the most, unless more stand at one time.
pub(crate) const DRY_RUN_VALUES_MAX: u64 = 20_000;

/// Values of one instant that a dry run reads, where they are all it has: reading ends after the first few.
pub(crate) const DRY_RUN_INSTANT_VALUES_MAX: u64 = 200_000;

/// Counts that the choice of a batch interval is based on.
pub(crate) const DENSITY_SAMPLES_MAX: usize = 24;

/// Parts of time that a plan counts and plots: a power of two, so that they are found by halving.
pub(crate) const DENSITY_CELLS: usize = 64;

/// Measurements with fields of several types that a plan counts; the others are named.
pub(crate) const TALLY_MIXED_MEASUREMENTS_MAX: usize = 8;

/// Windows of such fields that a plan counts, each by a query of its own: half a megabyte of answers.
pub(crate) const TALLY_MIXED_WINDOWS_MAX: u64 = 2_500;

/// Fields of another type at the destination whose values a plan counts: each costs a query.
pub(crate) const REFUSALS_COUNTED_MAX: usize = 8;

/// Measurements that a plan looks at one by one and shows; the others are summed up.
pub(crate) const PLAN_MEASUREMENTS_MAX: usize = 16;

/// Measurements of which it measures every transport, not only the chosen one.
pub(crate) const PLAN_COMPARED_MEASUREMENTS_MAX: usize = 3;

/// Bytes of one sample in the chosen transport, by the first guess of what a value costs.
pub(crate) const PLAN_SAMPLE_BYTES: u64 = 40_000;

/// Windows of a batch that are sampled where the answer names each series once.
pub(crate) const PLAN_WINDOWS_MAX: usize = 3;

/// Values of the sample in which all transports are compared.
pub(crate) const PLAN_COMPARED_VALUES_MAX: u64 = 400;

/// How much larger than that a sample may be where one instant holds more.
pub(crate) const PLAN_SAMPLE_EXCESS_MAX: u64 = 4;

/// Measurements of the others that it samples for all of them.
pub(crate) const PLAN_REST_SAMPLES: usize = 4;

/// Series whose catalogue a plan reads whatever it is worth, all measurements together: half a megabyte.
pub(crate) const PLAN_CATALOGUE_SERIES_MIN: u64 = 4_000;

/// Values for each series beyond which its catalogue is less than a hundredth of what a run reads, so that a plan may read
/// it too.
pub(crate) const PLAN_VALUES_PER_SERIES_MIN: u64 = 10_000;

/// Values that a batch of a load or of a recommendation should hold at the least, where its length is chosen: fewer are
/// not worth a record.
pub(crate) const LOAD_BATCH_VALUES_MIN: u64 = 1_000_000;

/// How long what a question asks about is counted, at the most.
pub(crate) const QUESTION_MS_MAX: u64 = 60_000;
