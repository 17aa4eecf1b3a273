//! The checked settings of `bench` beside those of a job.

use std::path::PathBuf;

use super::error::ConfigError;
use super::layers::Layers;
use super::scope;
use super::table::{
    BENCH_SEED, BODY_SIZES, CONCURRENCIES, DRY_RUN, INTERVALS, JSON, MAX_TRANSFER, OUT, QUOTA,
    QUOTA_SHARE, REPETITIONS, SIM_BANDWIDTH, SIM_BYTES_PER_VALUE, SIM_LATENCY, SIM_SOURCE_RATE,
    SIM_VALUES, SINK, TRANSPORTS,
};
use super::values::QuotaChoice;
use crate::bench::record::TrialSink;
use crate::bench::setting::Way;
use crate::limits::BENCH_SETTINGS_MAX;
use crate::model::interval::Interval;
use crate::model::share::Share;
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};

/// What is tried, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BenchConfig {
    /// Where values go.
    pub sink: TrialSink,
    /// Intervals that were named, rising.
    pub intervals: Option<Vec<Interval>>,
    /// Ways to read that were named.
    pub transports: Option<Vec<Way>>,
    /// Numbers of requests at one time that were named.
    pub concurrencies: Option<Vec<usize>>,
    /// Sizes of bodies that were named.
    pub body_sizes: Option<Vec<usize>>,
    /// Runs of each setting that stays to the end.
    pub repetitions: u32,
    /// The seed, if one was given.
    pub seed: Option<u64>,
    /// The files without their endings; none for a name of the time.
    pub out: Option<PathBuf>,
}

impl BenchConfig {
    /// Checks the flags.
    pub fn new(layers: &Layers) -> Result<Self, ConfigError> {
        let config = Self {
            sink: layers.get(SINK)?,
            intervals: layers.find(INTERVALS)?,
            transports: layers.find(TRANSPORTS)?,
            concurrencies: layers.find(CONCURRENCIES)?,
            body_sizes: layers.find(BODY_SIZES)?,
            repetitions: layers.get(REPETITIONS)?,
            seed: layers.find(BENCH_SEED)?,
            out: layers.find(OUT)?,
        };
        if let (Some(given), TrialSink::Discard) = (layers.plain(BODY_SIZES.flag), config.sink) {
            let given = given.origin.clone();
            return Err(ConfigError::Incomplete { given, needs: "--sink destination" });
        }
        if let (Some(given), true) = (layers.plain(DRY_RUN.flag), layers.get(DRY_RUN)?) {
            return Err(ConfigError::DryBench { given: given.origin.clone() });
        }
        config.few(layers)?;
        Ok(config)
    }

    /// Refuses more combinations than anybody waits for.
    fn few(&self, layers: &Layers) -> Result<(), ConfigError> {
        let lists = [
            (INTERVALS.flag, self.intervals.as_ref().map(Vec::len)),
            (TRANSPORTS.flag, self.transports.as_ref().map(Vec::len)),
            (CONCURRENCIES.flag, self.concurrencies.as_ref().map(Vec::len)),
            (BODY_SIZES.flag, self.body_sizes.as_ref().map(Vec::len)),
        ];
        let lengths = lists.map(|(_, length)| length.unwrap_or(1));
        let longest = lists.iter().max_by_key(|(_, length)| *length);
        match longest.and_then(|(flag, _)| layers.plain(*flag)) {
            Some(given) if lengths.iter().product::<usize>() > BENCH_SETTINGS_MAX => {
                let product = lengths.map(|length| length.to_string()).join(" x ");
                Err(given.wrong_text(&product, "lists with no more than 200 combinations"))
            }
            _ => Ok(()),
        }
    }
}

/// A source that is computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulateConfig {
    /// The job.
    pub range: TimeRange,
    /// Values in it.
    pub values: u64,
    /// Thousandths of a byte for each.
    pub milli_bytes: u64,
    /// Time to the first byte of an answer.
    pub latency_us: u64,
    /// Bytes per second of the line.
    pub bandwidth_bytes_per_s: u64,
    /// Values per second of the source.
    pub source_values_per_s: u64,
    /// The quota of one window; none without.
    pub quota_bytes: Option<u64>,
    /// How much of it is used.
    pub quota_share: Share,
    /// Byte budget.
    pub max_transfer_bytes: Option<u64>,
    /// JSON lines on stdout.
    pub json: bool,
}

impl SimulateConfig {
    /// Checks the flags. Without `--start` and `--stop` the job is five years long; without `--quota` it has that of the
    /// free plan. The job of a file is another one: of that only the table `[bench]` and `json` count.
    pub fn new(layers: &Layers, now: Timestamp) -> Result<Self, ConfigError> {
        let json = layers.get(JSON)?;
        let layers = layers.without_job_of_file();
        let (start, stop) = scope::range_counted(&layers, now)?;
        let stop = stop.counted_from(now);
        let years_5 = stop.saturating_add_ns(-5 * 365 * 86_400 * NS_PER_S);
        let start = start.counted_from(now).unwrap_or(years_5);
        let quota_bytes = match layers.get(QUOTA)? {
            QuotaChoice::None => None,
            QuotaChoice::Bytes { per_window } => Some(per_window),
            QuotaChoice::Auto => Some(crate::limits::QUOTA_BYTES_PER_WINDOW_DEFAULT),
        };
        Ok(Self {
            range: TimeRange::new(start, stop),
            values: layers.get(SIM_VALUES)?,
            milli_bytes: layers.get(SIM_BYTES_PER_VALUE)?,
            latency_us: layers.get(SIM_LATENCY)?,
            bandwidth_bytes_per_s: layers.get(SIM_BANDWIDTH)?,
            source_values_per_s: layers.get(SIM_SOURCE_RATE)?,
            quota_bytes,
            quota_share: layers.get(QUOTA_SHARE)?,
            max_transfer_bytes: layers.find(MAX_TRANSFER)?,
            json,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::BENCH_REPETITIONS_MAX;

    #[test]
    fn texts_of_defaults_and_messages_agree_with_the_limits() {
        let config = BenchConfig::new(&Layers::default()).unwrap();
        assert_eq!(config.repetitions, 3);
        assert_eq!((BENCH_REPETITIONS_MAX, BENCH_SETTINGS_MAX), (100, 200));
    }
}
