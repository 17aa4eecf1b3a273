//! From a few trials to the whole migration, by the formulas of a plan: bytes at the rate of the quota, and values at the
//! speed of the engines, stratum by stratum. The slower of the two is the time.

use super::record::{BenchHeader, Trial, TrialSink, scaled};
use super::sample::{Strata, Stratum};
use super::setting::TrialSetting;
use super::statistics::spread;
use super::verdict::{Limit, SettingRow};
use crate::model::spread::Spread;

/// What is migrated, and under which limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Values by stratum.
    pub strata: Vec<(Stratum, u64)>,
    /// Bytes per second that the pacing grants; none without a quota.
    pub quota_bytes_per_s: Option<u64>,
    /// The source's limit for one query.
    pub query_timeout_ms: u64,
    /// Where the values went.
    pub sink: TrialSink,
    /// Processors of this machine.
    pub cpus: u64,
    /// Its memory, if known.
    pub memory_bytes: Option<u64>,
}

impl Whole {
    /// Of a bench under these circumstances, whose time has these strata.
    pub fn new(header: &BenchHeader, strata: &Strata) -> Self {
        Self {
            strata: strata.found.iter().map(|(stratum, values, _)| (*stratum, *values)).collect(),
            quota_bytes_per_s: header.quota_bytes_per_s,
            query_timeout_ms: header.query_timeout_ms,
            sink: header.sink,
            cpus: header.machine.cpus,
            memory_bytes: header.machine.memory_bytes,
        }
    }
}

/// What the trials of one setting say; none if none of them counts, or only such of sparse stretches.
pub(crate) fn row(setting: TrialSetting, trials: &[Trial], whole: &Whole) -> Option<SettingRow> {
    let counting: Vec<&Trial> = trials.iter().filter(|trial| trial.counts()).collect();
    let of_all = |number: &dyn Fn(&Trial) -> u64| {
        let numbers: Vec<u64> = counting.iter().map(|trial| number(trial)).collect();
        spread(&numbers)
    };
    let milli = of_all(&Trial::milli_bytes_per_value)?;
    let values_per_s = of_all(&Trial::values_per_s)?;
    let (mut bytes, mut engine_us) = (Spread::default(), Spread::default());
    for (stratum, values) in &whole.strata {
        let of = nearest(&counting, *stratum)?;
        let milli: Vec<u64> = of.iter().map(|trial| trial.milli_bytes_per_value()).collect();
        bytes = bytes.plus(spread(&milli)?.bytes_of(*values));
        // Picoseconds, because a value may take less than a nanosecond times the number of processors.
        let each: Vec<u64> =
            of.iter().map(|trial| scaled(trial.busy_us(), 1_000_000, trial.values)).collect();
        engine_us = engine_us.plus(spread(&each)?.scaled(*values, 1_000_000));
    }
    let engine_ms = engine_us.scaled(1, 1_000);
    let quota_ms = whole.quota_bytes_per_s.and_then(|rate| bytes.duration_ms(rate));
    let whole_ms = match quota_ms {
        Some(quota) => Spread {
            low: quota.low.max(engine_ms.low),
            likely: quota.likely.max(engine_ms.likely),
            high: quota.high.max(engine_ms.high),
        },
        None => engine_ms,
    };
    let deadlines = counting.iter().map(|trial| trial.deadline_per_mille(whole.query_timeout_ms));
    let deadline_per_mille = deadlines.max().unwrap_or(0);
    let mut transports: Vec<String> =
        counting.iter().flat_map(|trial| trial.transports.iter().cloned()).collect();
    transports.sort();
    transports.dedup();
    let is_quota = quota_ms.is_some_and(|quota| quota.likely >= engine_ms.likely);
    let limit =
        if is_quota { Limit::Quota } else { engine_limit(&counting, deadline_per_mille, whole) };
    Some(SettingRow {
        setting,
        runs: counting.len() as u64,
        transports,
        milli_bytes_per_value: milli,
        values_per_s,
        deadline_per_mille,
        quota_ms,
        engine_ms,
        whole_ms,
        limit,
    })
}

/// What a setting is limited by where no quota is.
fn engine_limit(trials: &[&Trial], deadline_per_mille: u64, whole: &Whole) -> Limit {
    let sum = |number: &dyn Fn(&Trial) -> u64| -> u64 {
        trials.iter().fold(0, |sum, trial| sum.saturating_add(number(trial)))
    };
    let memory = trials.iter().filter_map(|trial| trial.memory_bytes_max).max();
    if deadline_per_mille >= 500 {
        return Limit::Deadline;
    }
    if memory.zip(whole.memory_bytes).is_some_and(|(used, memory)| used >= memory / 2) {
        return Limit::Memory;
    }
    let answers_wait = sum(&|trial| trial.reader_busy_us) > sum(&|trial| trial.answers_us) / 2;
    let values_wait = sum(&|trial| trial.written_us) > sum(&|trial| trial.answers_us) / 2;
    if answers_wait || values_wait {
        return if whole.sink == TrialSink::Destination {
            Limit::Destination
        } else {
            Limit::Client
        };
    }
    let cpu = sum(&|trial| trial.cpu_us.unwrap_or(0));
    let time = sum(&|trial| trial.elapsed_us).saturating_mul(whole.cpus.max(1));
    if scaled(cpu, 1_000, time) >= 800 { Limit::Client } else { Limit::Source }
}

/// What one trial alone would say; likewise.
pub(crate) fn of_trial(trial: &Trial, whole: &Whole) -> Option<SettingRow> {
    row(trial.setting, std::slice::from_ref(trial), whole)
}

/// The trials of a stratum; where it has none those of the one that is most like it. What sparse stretches cost says
/// nothing of dense ones.
fn nearest<'a>(trials: &[&'a Trial], stratum: Stratum) -> Option<Vec<&'a Trial>> {
    use Stratum::{Dense, Middle, Sparse};
    let like: &[Stratum] = match stratum {
        Dense => &[Dense, Middle],
        Middle => &[Middle, Dense],
        Sparse => &[Sparse, Middle, Dense],
    };
    let of = |wanted: &Stratum| -> Vec<&'a Trial> {
        trials.iter().copied().filter(|trial| trial.stratum == *wanted).collect()
    };
    like.iter().map(of).find(|found| !found.is_empty())
}
