//! The checked settings of `bench` beside those of a job.

use std::path::PathBuf;
use std::str::FromStr;

use super::error::{ConfigError, Shown};
use super::given::{Given, WHOLE};
use super::grammar;
use super::job::{self, QuotaChoice};
use super::layers::Settings;
use super::range;
use crate::bench::record::Sink;
use crate::bench::setting::Way;
use crate::limits::{
    BENCH_REPETITIONS_MAX, BENCH_SETTINGS_MAX, BODY_BYTES_MAX, SLICES_IN_FLIGHT_MAX,
};
use crate::model::interval::Interval;
use crate::model::share::Share;
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};

/// What is tried, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BenchConfig {
    /// Where values go.
    pub sink: Sink,
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
    /// The files without their endings.
    pub out: PathBuf,
}

impl BenchConfig {
    /// Checks the settings.
    pub fn new(settings: &Settings) -> Result<Self, ConfigError> {
        let intervals = list::<Interval>(
            settings.plain("intervals"),
            "Flux durations such as 1h,6h,1d",
            |text| text.parse().ok(),
        )?;
        let intervals = intervals.map(|mut list| {
            list.sort_by_key(|interval| interval.about_ns());
            list
        });
        let count = |text: &str| {
            text.parse().ok().filter(|count| (1..=SLICES_IN_FLIGHT_MAX).contains(count))
        };
        let body = |text: &str| {
            let bytes = usize::try_from(grammar::size_bytes(text)?).ok()?;
            (1_000..=BODY_BYTES_MAX).contains(&bytes).then_some(bytes)
        };
        let repetitions = settings.value("repetitions")?;
        let seed = settings.plain("seed").map(|given| given.number(.., WHOLE));
        let config = Self {
            sink: sink(&settings.value("sink")?)?,
            intervals,
            transports: list(
                settings.plain("transports"),
                "a list of auto, flux, flux-keyed, flux-pivot and influxql",
                |text| text.parse().ok(),
            )?,
            concurrencies: list(
                settings.plain("concurrencies"),
                "numbers from 1 to 16, such as 1,2,4",
                count,
            )?,
            body_sizes: list(
                settings.plain("body-sizes"),
                "sizes from 1kB to 4MiB, such as 1MB,2MB",
                body,
            )?,
            repetitions: repetitions.number(1..=BENCH_REPETITIONS_MAX, "a number from 1 to 100")?,
            seed: seed.transpose()?,
            out: PathBuf::from(settings.value("out")?.name()?),
        };
        if let (Some(given), Sink::Discard) = (settings.plain("body-sizes"), config.sink) {
            let given = given.origin.clone();
            return Err(ConfigError::Incomplete { given, needs: "--sink destination" });
        }
        config.few(settings)?;
        Ok(config)
    }

    /// Refuses more combinations than anybody waits for.
    fn few(&self, settings: &Settings) -> Result<(), ConfigError> {
        let lists = [
            ("intervals", self.intervals.as_ref().map(Vec::len)),
            ("transports", self.transports.as_ref().map(Vec::len)),
            ("concurrencies", self.concurrencies.as_ref().map(Vec::len)),
            ("body-sizes", self.body_sizes.as_ref().map(Vec::len)),
        ];
        let lengths = lists.map(|(_, length)| length.unwrap_or(1));
        let longest = lists.iter().max_by_key(|(_, length)| *length);
        match longest.and_then(|(name, _)| settings.plain(name)) {
            Some(given) if lengths.iter().product::<usize>() > BENCH_SETTINGS_MAX => {
                Err(ConfigError::Value {
                    origin: given.origin.clone(),
                    value: Shown::new(&lengths.map(|n| n.to_string()).join(" x ")),
                    expected: "lists with no more than 200 combinations",
                })
            }
            _ => Ok(()),
        }
    }
}

fn sink(given: &Given) -> Result<Sink, ConfigError> {
    match given.text() {
        "discard" => Ok(Sink::Discard),
        "destination" => Ok(Sink::Destination),
        _ => Err(given.wrong("discard or destination")),
    }
}

/// A list with commas, each item once.
fn list<T: PartialEq>(
    given: Option<&Given>,
    expected: &'static str,
    item: impl Fn(&str) -> Option<T>,
) -> Result<Option<Vec<T>>, ConfigError> {
    let Some(given) = given else { return Ok(None) };
    let mut items = Vec::new();
    for part in given.text().split(',').map(str::trim) {
        let item = item(part).ok_or_else(|| given.wrong(expected))?;
        if !items.contains(&item) {
            items.push(item);
        }
    }
    Ok(Some(items))
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
    /// Checks the settings. Without `--start` and `--stop` the job is five years long; without `--quota` it has that of the
    /// free plan. The job of a file is another one: of that only the table `[bench]` and `json` count.
    pub fn new(settings: &Settings, now: Timestamp) -> Result<Self, ConfigError> {
        let json = settings.switch("json")?;
        let settings = settings.without_job_of_file();
        let (start, stop) = range::range_counted(&settings, now)?;
        let stop = stop.counted_from(now);
        let years_5 = stop.saturating_add_ns(-5 * 365 * 86_400 * NS_PER_S);
        let start = start.counted_from(now).unwrap_or(years_5);
        let quota_bytes = match job::quota(&settings.value("quota")?)? {
            QuotaChoice::None => None,
            QuotaChoice::Bytes { per_window } => Some(per_window),
            QuotaChoice::Auto => Some(crate::limits::QUOTA_BYTES_PER_WINDOW_DEFAULT),
        };
        let per_value = settings.value("sim-bytes-per-value")?;
        let milli_bytes = milli(per_value.text());
        let latency = settings.value("sim-latency")?;
        let latency_us = grammar::duration_ns(latency.text())
            .and_then(|latency_ns| u64::try_from(latency_ns / 1_000).ok());
        let bandwidth = settings.value("sim-bandwidth")?;
        let bytes_per_s = grammar::size_bytes(bandwidth.text()).filter(|bytes| *bytes > 0);
        Ok(Self {
            range: TimeRange::new(start, stop),
            values: settings.value("sim-values")?.number(1.., "a number above 0")?,
            milli_bytes: milli_bytes
                .ok_or_else(|| per_value.wrong("a number from 0.01 to 1000000, as in 2.1"))?,
            latency_us: latency_us.ok_or_else(|| latency.wrong("a duration such as 50ms"))?,
            bandwidth_bytes_per_s: bytes_per_s
                .ok_or_else(|| bandwidth.wrong("a size such as 12MB"))?,
            source_values_per_s: settings
                .value("sim-source-rate")?
                .number(1.., "a number above 0")?,
            quota_bytes,
            quota_share: job::quota_share(&settings.value("quota-share")?)?,
            max_transfer_bytes: settings
                .plain("max-transfer")
                .map(job::max_transfer)
                .transpose()?,
            json,
        })
    }
}

/// `2.1` as 2,100 thousandths.
fn milli(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = u64::from_str(&format!("{fraction:0<3}")).ok()?;
    let milli = u64::from_str(whole).ok()?.checked_mul(1_000)?.checked_add(fraction)?;
    (10..=1_000_000_000).contains(&milli).then_some(milli)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::env::Env;
    use crate::config::table::BENCH;
    use crate::limits::BENCH_REPETITIONS_DEFAULT;

    #[test]
    fn texts_of_defaults_and_messages_agree_with_the_limits() {
        let settings = Settings::new(Vec::new(), BENCH, &Env::default(), Vec::new());
        assert_eq!(BenchConfig::new(&settings).unwrap().repetitions, BENCH_REPETITIONS_DEFAULT);
        assert_eq!((BENCH_REPETITIONS_MAX, BENCH_SETTINGS_MAX), (100, 200));
    }

    #[test]
    fn thousandths() {
        for (text, number) in [
            ("2.1", Some(2_100)),
            ("2", Some(2_000)),
            ("0.01", Some(10)),
            ("120.125", Some(120_125)),
            ("0", None),
            ("1.2345", None),
            ("-1", None),
            ("1.x", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(milli(text), number, "{text}");
        }
    }
}
