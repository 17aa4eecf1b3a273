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

/// Bytes of a receipt that is checked.
pub(crate) const RECEIPT_BYTES_MAX: u64 = 1 << 30;

/// Values that differ, shown on the screen at the most.
pub(crate) const VERIFY_VALUES_SHOWN_MAX: usize = 1_000;

/// Part of the length of a run that reading back may take, unless more was asked for.
pub(crate) const READ_BACK_PER_CENT: u64 = 33;

/// What it may take at the end of any run.
pub(crate) const READ_BACK_MS_MIN: u64 = 10_000;
