//! Trials of settings.

use super::read::SLICE_VALUES_MAX;

/// Share of one quota window that a bench spends, by default, in thousandths.
pub(crate) const BENCH_BUDGET_PER_MILLE: u64 = 100;

/// Bytes that a bench spends by default where no quota binds.
pub(crate) const BENCH_BUDGET_BYTES_DEFAULT: u64 = 300_000_000;

/// Bytes kept back from a trial for each of its readers: what may still arrive when it is cut off.
pub(crate) const BENCH_RESERVE_BYTES: u64 = 128 * 1024;

/// Slices for each reader of a trial, as far as bytes allow it: with fewer, readers that end early would count as idle.
pub(crate) const BENCH_SLICES_PER_READER: u64 = 4;

/// Names of files that are tried where another bench has begun in the same second.
pub(crate) const BENCH_NAMES_MAX: u32 = 100;

/// Runs of each setting that stays to the end.
pub(crate) const BENCH_REPETITIONS_MAX: u32 = 100;

/// How often what lies beside the best setting is tried.
pub(crate) const BENCH_REFINEMENTS: u32 = 12;

/// Values that a trial of short batches should hold.
pub(crate) const BENCH_TRIAL_VALUES_TARGET: u64 = 2 * SLICE_VALUES_MAX;

/// Batches of a trial, as far as bytes and values allow it, where one of them is longer than a cell of the density.
pub(crate) const BENCH_TRIAL_BATCHES_TARGET: i64 = 8;

/// So many trials may share the budget where batches of the shortest interval are too large for an even share.
pub(crate) const BENCH_LAST_TRIALS: u64 = 4;

/// Batches of a trial at the most: where they hold little, more of them say nothing new.
pub(crate) const BENCH_TRIAL_BATCHES_MAX: i64 = 64;

/// What the counts of one batch cost at the most, by prediction.
pub(crate) const BENCH_COUNT_BYTES: u64 = 1_000;

/// Settings that can be named at one time.
pub(crate) const BENCH_SETTINGS_MAX: usize = 200;

/// Batches of a trial that are kept in its record.
pub(crate) const BENCH_BATCHES_KEPT_MAX: usize = 1_000;

/// Draws of the bootstrap behind an interval of confidence.
pub(crate) const BOOTSTRAP_ROUNDS: usize = 2_000;
