//! What a bench came to: what each setting is worth, and which one to use.

use serde::{Deserialize, Serialize};

use super::setting::TrialSetting;
use crate::model::spread::Spread;

/// What the trials say together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchVerdict {
    /// Each setting that a trial says something of.
    pub rows: Vec<SettingRow>,
    /// What to use; none where nothing was measured.
    pub recommendation: Option<Recommendation>,
    /// What was not measured, and why.
    pub not_seen: Vec<String>,
    /// Why no further trial ran.
    pub stopped: String,
    /// Trials, those that count for nothing among them.
    pub trials: u64,
    /// Source bytes spent.
    pub bytes_spent: u64,
    /// Time spent.
    pub elapsed_ms: u64,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingRow {
    /// Which.
    #[serde(flatten)]
    pub setting: TrialSetting,
    /// Trials that count.
    pub runs: u64,
    /// The ways in which was read.
    pub transports: Vec<String>,
    /// Thousandths of a charged byte for each value.
    pub milli_bytes_per_value: Spread,
    /// Values per second.
    pub values_per_s: Spread,
    /// Longest answer in thousandths of the source's time limit.
    pub deadline_per_mille: u64,
    /// Time of the whole migration by the quota alone; none without a quota.
    pub quota_ms: Option<Spread>,
    /// Time of the whole migration by the speed of both ends and of this machine.
    pub engine_ms: Spread,
    /// Time of the whole migration.
    pub whole_ms: Spread,
    /// What it is limited by.
    pub limit: Limit,
}

/// What a migration with a setting is as fast as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The source's read quota.
    Quota,
    /// The source's time limit for one query: answers take more than half of it.
    Deadline,
    /// The memory of this machine.
    Memory,
    /// The destination.
    Destination,
    /// How fast the source answers.
    Source,
    /// The processors of this machine.
    Client,
}

impl Limit {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Quota => "source quota",
            Self::Deadline => "the source's time limit for one query",
            Self::Memory => "memory of this machine",
            Self::Destination => "destination",
            Self::Source => "how fast the source answers",
            Self::Client => "processors of this machine",
        }
    }
}

/// What a batch may not grow beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The source's time limit for one query.
    Deadline,
    /// One window of the quota: more would be read again after a crash than five minutes can bring.
    Window,
    /// Half of the memory of this machine.
    Memory,
}

impl Bound {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Deadline => "the time limit for one query",
            Self::Window => "one window of the quota",
            Self::Memory => "half of the memory",
        }
    }
}

/// What to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// The setting.
    #[serde(flatten)]
    pub setting: TrialSetting,
    /// Time of the whole migration with it.
    pub whole_ms: Spread,
    /// What it is limited by.
    pub limit: Limit,
    /// The fullest batch of a stratum in thousandths of its median one.
    pub variation_per_mille: u64,
    /// How large the fullest batch seen may grow before it meets the nearest bound, in thousandths of itself.
    pub headroom_per_mille: u64,
    /// That bound.
    pub bound: Bound,
}

impl Recommendation {
    /// True if what was seen of the batches stays under the bound.
    pub fn is_safe(&self) -> bool {
        self.headroom_per_mille >= self.variation_per_mille
    }
}
