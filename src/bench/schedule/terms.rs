//! What a schedule follows from, and what it plans.

use crate::bench::extrapolate::Whole;
use crate::bench::sample::{Strata, Stratum};
use crate::bench::setting::{Axes, TrialSetting};
use crate::model::time::TimeRange;
use crate::model::transport::Transport;

/// A trial to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedTrial {
    /// What is tried.
    pub setting: TrialSetting,
    /// Which repetition, from 1.
    pub repetition: u32,
    /// True if it only warms up.
    pub warm_up: bool,
    /// From which kind of stretch.
    pub stratum: Stratum,
    /// What is read.
    pub range: TimeRange,
    /// Values expected in it.
    pub values_predicted: u64,
    /// Bytes expected at the most.
    pub bytes_predicted: u64,
    /// Bytes after which it is cut off.
    pub bytes_max: u64,
}

/// What may still be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Source bytes.
    pub bytes: u64,
    /// Time; none without a bound.
    pub ms: Option<u64>,
}

/// Everything that a schedule follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What may be tried.
    pub axes: Axes,
    /// Where is read.
    pub strata: Strata,
    /// What is migrated.
    pub whole: Whole,
    /// The transport that stands behind `auto`, for a first guess of its costs.
    pub usual: Transport,
    /// Runs of each setting that stays to the end.
    pub repetitions: u32,
    /// Of order and samples.
    pub seed: u64,
    /// What may be spent on trials.
    pub budget: Left,
    /// Bytes that one trial should hold at the most, so that the pacing does not hold it up; none without a quota.
    pub trial_bytes_max: Option<u64>,
}
