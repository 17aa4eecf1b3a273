//! Two recorded benches side by side: the settings that both have measured, as ratios with their 95 % intervals.

use serde::Serialize;

use super::record::{Recorded, Trial};
use super::setting::TrialSetting;
use super::statistics::{Ratio, median, ratio};

/// One setting in both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// Which.
    #[serde(flatten)]
    pub setting: TrialSetting,
    /// Runs that count, in the first and in the second.
    pub runs: [u64; 2],
    /// Median values per second.
    pub values_per_s: [u64; 2],
    /// Median thousandths of a charged byte for each value.
    pub milli_bytes_per_value: [u64; 2],
    /// The second's speed as a multiple of the first's.
    pub speed: Option<Ratio>,
    /// The second's bytes for each value as a multiple of the first's.
    pub bytes: Option<Ratio>,
}

/// Two benches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The settings that both have measured.
    pub pairs: Vec<Pair>,
    /// Those that only the first has.
    pub only_first: Vec<TrialSetting>,
    /// Those that only the second has.
    pub only_second: Vec<TrialSetting>,
    /// Circumstances that differ: what is compared may not be what was meant to be.
    pub circumstances: Vec<BenchDifference>,
}

/// A circumstance that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BenchDifference {
    /// Which.
    pub what: &'static str,
    /// In the first.
    pub first: String,
    /// In the second.
    pub second: String,
}

/// Compares them.
pub fn compare(first: &Recorded, second: &Recorded) -> Comparison {
    let (ours, theirs) = (settings(first), settings(second));
    let both = ours.iter().filter(|setting| theirs.contains(setting));
    let pairs = both.map(|setting| pair(*setting, first, second)).collect();
    let without = |list: &[TrialSetting], other: &[TrialSetting]| {
        list.iter().copied().filter(|setting| !other.contains(setting)).collect()
    };
    Comparison {
        pairs,
        only_first: without(&ours, &theirs),
        only_second: without(&theirs, &ours),
        circumstances: circumstances(first, second),
    }
}

/// Settings with a trial that counts.
fn settings(bench: &Recorded) -> Vec<TrialSetting> {
    let counting = bench.trials.iter().filter(|trial| trial.counts());
    let mut found: Vec<TrialSetting> = counting.map(|trial| trial.setting).collect();
    found.sort_by_key(TrialSetting::order);
    found.dedup();
    found
}

fn pair(setting: TrialSetting, first: &Recorded, second: &Recorded) -> Pair {
    let numbers = |bench: &Recorded, number: fn(&Trial) -> u64| -> Vec<u64> {
        let own = bench.trials.iter().filter(|trial| trial.counts() && trial.setting == setting);
        own.map(number).collect()
    };
    let both = |number| [numbers(first, number), numbers(second, number)];
    let [speed, bytes] = [both(Trial::values_per_s), both(Trial::milli_bytes_per_value)];
    let medians = |both: &[Vec<u64>; 2]| [0, 1].map(|at: usize| median(&both[at]).unwrap_or(0));
    Pair {
        setting,
        runs: [speed[0].len() as u64, speed[1].len() as u64],
        values_per_s: medians(&speed),
        milli_bytes_per_value: medians(&bytes),
        speed: ratio(&speed[1], &speed[0]),
        bytes: ratio(&bytes[1], &bytes[0]),
    }
}

fn circumstances(first: &Recorded, second: &Recorded) -> Vec<BenchDifference> {
    let both = |what, text: fn(&super::record::BenchHeader) -> String| {
        let (first, second) = (text(&first.header), text(&second.header));
        (first != second).then_some(BenchDifference { what, first, second })
    };
    [
        both("version", |header| header.version.clone()),
        both("source", |header| header.source.clone()),
        both("source version", |header| header.source_version.clone()),
        both("range", |header| format!("[{}, {})", header.start, header.stop)),
        both("values", |header| header.values.to_string()),
        both("sink", |header| header.sink.name().to_owned()),
        both("quota", |header| {
            header.quota_window_bytes.map_or("none".to_owned(), |bytes| format!("{bytes} B/5min"))
        }),
        both("machine", |header| {
            let machine = &header.machine;
            format!("{} {}, {} processors", machine.os, machine.arch, machine.cpus)
        }),
        both("seed", |header| header.seed.to_string()),
    ]
    .into_iter()
    .flatten()
    .collect()
}
