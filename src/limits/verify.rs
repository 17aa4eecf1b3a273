/// Digests of measurements that a batch records each for itself, and the number of groups where there are more.
pub(crate) const DIGEST_GROUPS: usize = 64;

/// Their text at the most; a string field takes 64 KiB.
pub(crate) const DIGESTS_BYTES_MAX: usize = 32 * 1_024;

/// Values of one end that are held in memory to be compared one by one. A range that holds more is halved.
pub(crate) const COMPARED_VALUES_MAX: u64 = 500_000;

/// Values of neighbouring batches that are read together, as one sum of digests.
pub(crate) const VERIFY_TOGETHER_VALUES_MAX: u64 = 2_000_000;

/// Batches that differ, and stretches without evidence, that are kept each. More are counted, and neither named nor repaired.
pub(crate) const VERIFY_RANGES_MAX: usize = 100_000;

/// Batches of a comparison that a receipt tells of.
pub(crate) const RECEIPT_BATCHES_MAX: u64 = 1_000_000;

/// Bytes of the journal of a comparison. What is found equal behind them is compared again after a stop.
pub(crate) const VERIFY_JOURNAL_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What was found equal longer ago than this is compared again.
pub(crate) const VERIFY_JOURNAL_MS_MAX: i64 = 7 * 86_400_000;

/// How often it is opened where another process takes it away meanwhile.
pub(crate) const VERIFY_JOURNAL_OPENS_MAX: u32 = 3;

/// Hexadecimal digits of the SHA-256 of each line of it.
pub(crate) const VERIFY_JOURNAL_DIGITS: usize = 16;

/// How long a stretch that was found equal may wait for a list of its series, which comes by itself where that costs little.
pub(crate) const VERIFY_UNTOLD_MS_MIN: u64 = 30_000;

/// Times the length of such a list that it waits at least: listing takes no more than a part of the time.
pub(crate) const VERIFY_UNTOLD_LISTS_MIN: u32 = 20;

/// Stretches that wait so at one time.
pub(crate) const VERIFY_UNTOLD_MAX: usize = 1_000;

/// Bytes of a receipt that is checked.
pub(crate) const RECEIPT_BYTES_MAX: u64 = 1 << 30;

/// Values that differ, shown on the screen at the most.
pub(crate) const VERIFY_VALUES_SHOWN_MAX: usize = 1_000;

/// Part of the length of a run that reading back may take, unless more was asked for.
pub(crate) const READ_BACK_PER_CENT: u64 = 33;

/// What it may take at the end of any run.
pub(crate) const READ_BACK_MS_MIN: u64 = 10_000;
