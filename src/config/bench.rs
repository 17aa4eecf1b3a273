//! The checked flags of `bench` beside those of a job. They have no variables and no keys: a bench is not left in a file.

use std::path::PathBuf;
use std::str::FromStr;

use super::env::Env;
use super::error::{ConfigError, Shown};
use super::grammar;
use super::migrate::{self, QuotaChoice, Start, Stop};
use super::settings::{Origin, Settings};
use crate::bench::record::Sink;
use crate::bench::setting::Way;
use crate::cli::bench::{BenchArgs, SinkWord};
use crate::limits::{
    BENCH_REPETITIONS_DEFAULT, BENCH_SETTINGS_MAX, BODY_BYTES_MAX, SLICES_IN_FLIGHT_MAX,
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
    /// Checks the flags.
    pub fn new(args: &BenchArgs) -> Result<Self, ConfigError> {
        let intervals = list::<Interval>(
            "intervals",
            args.intervals.as_deref(),
            "Flux durations such as 1h,6h,1d",
            |text| text.parse().ok(),
        )?;
        let intervals = intervals.map(|mut list| {
            list.sort_by_key(|interval| interval.about_ns());
            list
        });
        let count = |text: &str| number(text, 1..=SLICES_IN_FLIGHT_MAX);
        let body = |text: &str| {
            let bytes = usize::try_from(grammar::size_bytes(text)?).ok()?;
            (1_000..=BODY_BYTES_MAX).contains(&bytes).then_some(bytes)
        };
        let config = Self {
            sink: match args.sink {
                Some(SinkWord::Destination) => Sink::Destination,
                Some(SinkWord::Discard) | None => Sink::Discard,
            },
            intervals,
            transports: list(
                "transports",
                args.transports.as_deref(),
                "a list of auto, flux, flux-keyed, flux-pivot and influxql",
                |text| text.parse().ok(),
            )?,
            concurrencies: list(
                "concurrencies",
                args.concurrencies.as_deref(),
                "numbers from 1 to 16, such as 1,2,4",
                count,
            )?,
            body_sizes: list(
                "body-sizes",
                args.body_sizes.as_deref(),
                "sizes from 1kB to 4MiB, such as 1MB,2MB",
                body,
            )?,
            repetitions: args.repetitions.unwrap_or(BENCH_REPETITIONS_DEFAULT),
            seed: args.seed,
            out: PathBuf::from(args.out.as_deref().unwrap_or("bench")),
        };
        if config.body_sizes.is_some() && config.sink == Sink::Discard {
            let given = Origin::Flag("body-sizes");
            return Err(ConfigError::Incomplete { given, needs: "--sink destination" });
        }
        let lengths = [
            config.intervals.as_ref().map_or(1, Vec::len),
            config.transports.as_ref().map_or(1, Vec::len),
            config.concurrencies.as_ref().map_or(1, Vec::len),
            config.body_sizes.as_ref().map_or(1, Vec::len),
        ];
        if lengths.iter().product::<usize>() > BENCH_SETTINGS_MAX {
            let shown = lengths.map(|n| n.to_string()).join(" x ");
            return Err(wrong("intervals", &shown, "lists with no more than 200 combinations"));
        }
        Ok(config)
    }
}

fn number(text: &str, bounds: std::ops::RangeInclusive<usize>) -> Option<usize> {
    text.parse().ok().filter(|number| bounds.contains(number))
}

fn wrong(flag: &'static str, value: &str, expected: &'static str) -> ConfigError {
    ConfigError::Value { origin: Origin::Flag(flag), value: Shown::new(value), expected }
}

/// A list with commas, each item once.
fn list<T: PartialEq>(
    flag: &'static str,
    text: Option<&str>,
    expected: &'static str,
    item: impl Fn(&str) -> Option<T>,
) -> Result<Option<Vec<T>>, ConfigError> {
    let Some(text) = text else { return Ok(None) };
    let mut items = Vec::new();
    for part in text.split(',').map(str::trim) {
        let item = item(part).ok_or_else(|| wrong(flag, text, expected))?;
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
    /// Checks the flags. Without `--start` and `--stop` the job is five years long; without `--quota` it has that of the
    /// free plan.
    pub fn new(args: &BenchArgs, env: &Env, now: Timestamp) -> Result<Self, ConfigError> {
        let settings = Settings::new(&args.job, env, Vec::new());
        let (start, stop) = migrate::range(&settings, now)?;
        let stop = match stop {
            Stop::Now { settle_ns } => now.saturating_add_ns(-settle_ns),
            Stop::At(time) => time,
        };
        let start = match start {
            Start::Earliest => stop.saturating_add_ns(-5 * 365 * 86_400 * NS_PER_S),
            Start::At(time) => time,
        };
        let quota_bytes = match migrate::quota(&settings.value("quota")?)? {
            QuotaChoice::None => None,
            QuotaChoice::Bytes { per_window } => Some(per_window),
            QuotaChoice::Auto => Some(crate::limits::QUOTA_BYTES_PER_WINDOW_DEFAULT),
        };
        let per_value = args.sim_bytes_per_value.as_deref().unwrap_or("2.1");
        let latency = args.sim_latency.as_deref().unwrap_or("50ms");
        let bandwidth = args.sim_bandwidth.as_deref().unwrap_or("100MB");
        let latency_ns = grammar::duration_ns(latency)
            .ok_or_else(|| wrong("sim-latency", latency, "a duration such as 50ms"))?;
        let positive = |flag, n: u64| {
            if n > 0 { Ok(n) } else { Err(wrong(flag, "0", "a number above 0")) }
        };
        Ok(Self {
            range: TimeRange::new(start, stop),
            values: positive("sim-values", args.sim_values.unwrap_or(1_000_000_000_000))?,
            milli_bytes: milli(per_value).ok_or_else(|| {
                wrong("sim-bytes-per-value", per_value, "a number from 0.01 to 1000000, as in 2.1")
            })?,
            latency_us: u64::try_from(latency_ns / 1_000).unwrap_or(0),
            bandwidth_bytes_per_s: grammar::size_bytes(bandwidth)
                .filter(|bytes| *bytes > 0)
                .ok_or_else(|| wrong("sim-bandwidth", bandwidth, "a size such as 12MB"))?,
            source_values_per_s: positive(
                "sim-source-rate",
                args.sim_source_rate.unwrap_or(5_000_000),
            )?,
            quota_bytes,
            quota_share: migrate::quota_share(&settings.value("quota-share")?)?,
            max_transfer_bytes: settings
                .plain("max-transfer")
                .map(migrate::max_transfer)
                .transpose()?,
            json: settings.switch("json")?,
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

    #[test]
    fn lists_and_numbers_are_read_and_refused_by_name() {
        let args = BenchArgs {
            intervals: Some("1d, 1h,1h".to_owned()),
            transports: Some("auto,flux".to_owned()),
            concurrencies: Some("1,4".to_owned()),
            body_sizes: Some("1MB".to_owned()),
            sink: Some(SinkWord::Destination),
            ..BenchArgs::default()
        };
        let config = BenchConfig::new(&args).unwrap();
        let texts: Vec<_> = config.intervals.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["1h", "1d"]);
        assert_eq!(
            (config.concurrencies, config.body_sizes),
            (Some(vec![1, 4]), Some(vec![1_000_000]))
        );
        let bad = |change: &dyn Fn(&mut BenchArgs)| {
            let mut args = BenchArgs::default();
            change(&mut args);
            BenchConfig::new(&args).unwrap_err().to_string()
        };
        for (text, words) in [
            (bad(&|args| args.intervals = Some("1h,,2h".to_owned())), "--intervals"),
            (bad(&|args| args.transports = Some("csv".to_owned())), "--transports"),
            (bad(&|args| args.concurrencies = Some("0".to_owned())), "--concurrencies"),
            (bad(&|args| args.body_sizes = Some("1GB".to_owned())), "--body-sizes"),
            (bad(&|args| args.body_sizes = Some("1MB".to_owned())), "--sink destination"),
        ] {
            assert!(text.contains(words), "{text}");
        }
        let many = (1..=16).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        let hours = (1..=16).map(|n| format!("{n}h")).collect::<Vec<_>>().join(",");
        let text = bad(&|args| {
            (args.intervals, args.concurrencies) = (Some(hours.clone()), Some(many.clone()));
        });
        assert!(text.contains("200 combinations"), "{text}");
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
