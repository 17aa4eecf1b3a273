//! What the texts of the flags mean.

use std::path::PathBuf;
use std::str::FromStr;

use super::error::ConfigError;
use super::given::Given;
use super::grammar;
use super::shown::ShownValue;
use crate::bench::record::TrialSink;
use crate::bench::setting::Way;
use crate::limits::{
    BODY_BYTES_MAX, QUERY_TIMEOUT_MS_MAX, QUERY_TIMEOUT_MS_MIN, QUOTA_BYTES_PER_WINDOW_MIN,
    SLICES_IN_FLIGHT_MAX,
};
use crate::model::interval::Interval;
use crate::model::share::{Share, per_mille};
use crate::model::transport::Transport;
use crate::pipeline::write::bucket::type_conflict::ConflictPolicy;
use crate::wire::flux::askable::{is_closed, misread_column, taken_for};

/// Nanoseconds of a millisecond.
const NS_PER_MS: i64 = 1_000_000;

/// Length of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalChoice {
    /// Chosen by the plan.
    Auto,
    /// This.
    Fixed(Interval),
}

/// The source's read quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaChoice {
    /// What the source says, else the free plan's.
    Auto,
    /// No pacing.
    None,
    /// This.
    Bytes {
        /// In five minutes.
        per_window: u64,
    },
}

/// What happens if the destination holds data in the range already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingPolicy {
    /// The run does not begin.
    Refuse,
    /// It is written over where times and series are the same.
    Merge,
}

/// Colours on the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorChoice {
    /// If the stream is a terminal.
    Auto,
    /// Yes.
    Always,
    /// No.
    Never,
}

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Line protocol, nanoseconds.
    Line,
    /// Annotated CSV as `influx write` reads it.
    Csv,
}

// ---------------------------------------------------------------- of any kind

#[expect(clippy::unnecessary_wraps, reason = "it stands beside those that may refuse a text")]
pub(super) fn read_text(given: &Given) -> Result<String, ConfigError> {
    Ok(given.text().to_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "it stands beside those that may refuse a text")]
pub(super) fn read_path(given: &Given) -> Result<PathBuf, ConfigError> {
    Ok(given.path())
}

pub(super) fn read_yes(given: &Given) -> Result<bool, ConfigError> {
    match given.text() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(given.wrong("true or false")),
    }
}

pub(super) fn read_whole(given: &Given) -> Result<u64, ConfigError> {
    given.number(.., "a whole number such as 10000")
}

pub(super) fn read_above_0(given: &Given) -> Result<u64, ConfigError> {
    given.number(1.., "a number above 0")
}

pub(super) fn read_names(given: &Given) -> Result<Vec<String>, ConfigError> {
    let whole = given.texts.iter().all(|text| !text.is_empty());
    if whole { Ok(given.texts.clone()) } else { Err(given.wrong("a name")) }
}

// ---------------------------------------------------------------- ends

/// `http://` or `https://`, a host, perhaps a port and a path; no user, query or fragment. The slash at the end goes.
pub(super) fn read_address(given: &Given) -> Result<String, ConfigError> {
    let text = given.text();
    let lower = text.to_ascii_lowercase();
    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
    let authority = rest.map(|rest| rest.split('/').next().unwrap_or_default()).unwrap_or_default();
    let strange =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@' | '"' | '\\');
    let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    let has_port = port.is_none_or(|(_, port)| port.parse::<u16>().is_ok());
    if authority.is_empty() || authority.starts_with(':') || !has_port || text.contains(strange) {
        return Err(given.wrong(
            "an address such as https://cloud2.influxdata.com or http://localhost:8086 (no user, no query)",
        ));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// A program with its arguments.
pub(super) fn read_command(given: &Given) -> Result<Vec<String>, ConfigError> {
    if given.texts.len() > 1 {
        return Ok(given.texts.clone());
    }
    given.form(grammar::parse_words, "a command such as 'vault read -field=token secret/cloud'")
}

// ---------------------------------------------------------------- spool

/// The one format of a spool.
pub(super) fn read_parquet(given: &Given) -> Result<(), ConfigError> {
    given.form(|text| (text == "parquet").then_some(()), "parquet")
}

// ---------------------------------------------------------------- job

pub(super) fn read_settle_ns(given: &Given) -> Result<i64, ConfigError> {
    given.form(grammar::duration_ns, "a duration such as 10m or 0s")
}

pub(super) fn read_batch_interval(given: &Given) -> Result<IntervalChoice, ConfigError> {
    match given.text() {
        "auto" => Ok(IntervalChoice::Auto),
        _ => {
            given.parse("auto or a Flux duration such as 1h, 35d or 1mo").map(IntervalChoice::Fixed)
        }
    }
}

pub(super) fn read_tags(given: &Given) -> Result<Vec<(String, String)>, ConfigError> {
    const TAG: &str = "a tag such as host=a (for an absent tag, --predicate 'not exists r.host')";
    let pair = |text: &String| match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => match taken_for(key) {
            Some(taken_for) => Err(given.no_tag(text, key, taken_for)),
            None => Ok((key.to_owned(), value.to_owned())),
        },
        _ => Err(given.wrong_text(text, TAG)),
    };
    given.texts.iter().map(pair).collect()
}

pub(super) fn read_predicate(given: &Given) -> Result<String, ConfigError> {
    if let Some((key, taken_for)) = misread_column(given.text()) {
        return Err(given.no_tag(given.text(), key, taken_for));
    }
    let whole = |text: &str| (!text.trim().is_empty() && is_closed(text)).then(|| text.to_owned());
    given.form(whole, "one Flux expression, closed as it is opened, such as 'r.host == \"a\"'")
}

// ---------------------------------------------------------------- pace

pub(super) fn read_quota(given: &Given) -> Result<QuotaChoice, ConfigError> {
    match given.text() {
        "auto" => Ok(QuotaChoice::Auto),
        "none" => Ok(QuotaChoice::None),
        text => match grammar::rate_bytes_per_window(text) {
            Some(per_window) if per_window >= QUOTA_BYTES_PER_WINDOW_MIN => {
                Ok(QuotaChoice::Bytes { per_window })
            }
            _ => Err(given.wrong("auto, none or a rate such as 300MB/5min, at least 1kB/5min")),
        },
    }
}

pub(super) fn read_quota_share(given: &Given) -> Result<Share, ConfigError> {
    given.text().parse().map_err(|cause| ConfigError::Share {
        origin: given.origin.clone(),
        value: ShownValue::new(given.text()),
        cause,
    })
}

pub(super) fn read_query_timeout_ms(given: &Given) -> Result<u64, ConfigError> {
    let bounds = QUERY_TIMEOUT_MS_MIN..=QUERY_TIMEOUT_MS_MAX;
    let bounded = |text: &str| duration_ms(text).filter(|ms| bounds.contains(ms));
    given.form(bounded, "a duration from 1s to 1h")
}

pub(super) fn read_transport(given: &Given) -> Result<Option<Transport>, ConfigError> {
    match given.text() {
        "auto" => Ok(None),
        _ => given.parse("auto, flux, flux-keyed, flux-pivot or influxql").map(Some),
    }
}

pub(super) fn read_max_transfer_bytes(given: &Given) -> Result<u64, ConfigError> {
    given.form(bytes_above_0, "a size such as 10GB or 500MiB")
}

pub(super) fn read_max_duration_ms(given: &Given) -> Result<u64, ConfigError> {
    given.form(|text| duration_ms(text).filter(|ms| *ms > 0), "a duration such as 8h or 90m")
}

pub(super) fn read_wait_ms(given: &Given) -> Result<u64, ConfigError> {
    given.form(duration_ms, "a duration such as 5m or 30s")
}

fn duration_ms(text: &str) -> Option<u64> {
    u64::try_from(grammar::duration_ns(text)? / NS_PER_MS).ok()
}

fn bytes_above_0(text: &str) -> Option<u64> {
    grammar::size_bytes(text).filter(|bytes| *bytes > 0)
}

// ---------------------------------------------------------------- safety and output

pub(super) fn read_on_type_conflict(given: &Given) -> Result<ConflictPolicy, ConfigError> {
    match given.text() {
        "stop" => Ok(ConflictPolicy::Stop),
        "reject" => Ok(ConflictPolicy::Reject),
        "suffix" => Ok(ConflictPolicy::Suffix),
        _ => Err(given.wrong("stop, reject or suffix")),
    }
}

pub(super) fn read_existing(given: &Given) -> Result<ExistingPolicy, ConfigError> {
    match given.text() {
        "refuse" => Ok(ExistingPolicy::Refuse),
        "merge" => Ok(ExistingPolicy::Merge),
        _ => Err(given.wrong("refuse or merge")),
    }
}

pub(super) fn read_color(given: &Given) -> Result<ColorChoice, ConfigError> {
    match given.text() {
        "auto" => Ok(ColorChoice::Auto),
        "always" => Ok(ColorChoice::Always),
        "never" => Ok(ColorChoice::Never),
        _ => Err(given.wrong("auto, always or never")),
    }
}

pub(super) fn read_format(given: &Given) -> Result<ExportFormat, ConfigError> {
    match given.text() {
        "lp" => Ok(ExportFormat::Line),
        "csv" => Ok(ExportFormat::Csv),
        _ => Err(given.wrong("lp or csv")),
    }
}

// ---------------------------------------------------------------- bench

/// Each once, rising.
pub(super) fn read_intervals(given: &Given) -> Result<Vec<Interval>, ConfigError> {
    let mut intervals: Vec<Interval> =
        given.items(|text| text.parse().ok(), "Flux durations such as 1h,6h,1d")?;
    intervals.sort_by_key(|interval| interval.about_ns());
    Ok(intervals)
}

pub(super) fn read_transports(given: &Given) -> Result<Vec<Way>, ConfigError> {
    let expected = "a list of auto, flux, flux-keyed, flux-pivot and influxql";
    given.items(|text| text.parse().ok(), expected)
}

pub(super) fn read_concurrencies(given: &Given) -> Result<Vec<usize>, ConfigError> {
    let count =
        |text: &str| text.parse().ok().filter(|count| (1..=SLICES_IN_FLIGHT_MAX).contains(count));
    given.items(count, "numbers from 1 to 16, such as 1,2,4")
}

pub(super) fn read_body_sizes(given: &Given) -> Result<Vec<usize>, ConfigError> {
    let body = |text: &str| {
        let bytes = usize::try_from(grammar::size_bytes(text)?).ok()?;
        (1_000..=BODY_BYTES_MAX).contains(&bytes).then_some(bytes)
    };
    given.items(body, "sizes from 1kB to 4MiB, such as 1MB,2MB")
}

/// When a migration reads the destination back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadBackChoice {
    /// As soon as the quota of the source is waited for, before each batch is recorded; what was recorded before, at the end,
    /// for no more than a share of the time of the run.
    Auto,
    /// Before each batch is recorded.
    Batch,
    /// At the end.
    End,
    /// Never.
    Off,
}

pub(super) fn read_read_back(given: &Given) -> Result<ReadBackChoice, ConfigError> {
    match given.text() {
        "auto" => Ok(ReadBackChoice::Auto),
        "batch" => Ok(ReadBackChoice::Batch),
        "end" => Ok(ReadBackChoice::End),
        "off" => Ok(ReadBackChoice::Off),
        _ => Err(given.wrong("auto, batch, end or off")),
    }
}

/// What the destination is to be held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvidenceChoice {
    /// What the runs of the job have recorded.
    Recorded,
    /// The source as it is now.
    Read,
    /// How many values the source holds now.
    Counts,
    /// The spool at this place.
    Spool(String),
}

pub(super) fn read_evidence(given: &Given) -> Result<EvidenceChoice, ConfigError> {
    let place = given.text().strip_prefix("spool:").filter(|place| !place.is_empty());
    match (given.text(), place) {
        ("recorded", _) => Ok(EvidenceChoice::Recorded),
        ("read", _) => Ok(EvidenceChoice::Read),
        ("counts", _) => Ok(EvidenceChoice::Counts),
        (_, Some(place)) => Ok(EvidenceChoice::Spool(place.to_owned())),
        (_, None) => Err(given.wrong("recorded, read, counts or spool:DIR")),
    }
}

pub(super) fn read_sink(given: &Given) -> Result<TrialSink, ConfigError> {
    match given.text() {
        "discard" => Ok(TrialSink::Discard),
        "destination" => Ok(TrialSink::Destination),
        _ => Err(given.wrong("discard or destination")),
    }
}

/// `5%` as 50 thousandths.
pub(super) fn read_sample_per_mille(given: &Given) -> Result<u32, ConfigError> {
    given.form(sample_per_mille, "a share above 0% and below 100%, such as 5% or 0.5%")
}

fn sample_per_mille(text: &str) -> Option<u32> {
    per_mille(text).filter(|per_mille| (1..1_000).contains(per_mille))
}

/// `2.1` as 2,100 thousandths.
pub(super) fn read_milli_bytes(given: &Given) -> Result<u64, ConfigError> {
    given.form(milli, "a number from 0.01 to 1000000, as in 2.1")
}

pub(super) fn read_latency_us(given: &Given) -> Result<u64, ConfigError> {
    let us = |text: &str| u64::try_from(grammar::duration_ns(text)? / 1_000).ok();
    given.form(us, "a duration such as 50ms")
}

pub(super) fn read_bandwidth_bytes_per_s(given: &Given) -> Result<u64, ConfigError> {
    given.form(bytes_above_0, "a size such as 12MB")
}

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
    fn shares_of_a_sample() {
        for (text, per_mille) in [
            ("5%", Some(50)),
            ("0.1%", Some(1)),
            ("99.9%", Some(999)),
            ("05.5%", Some(55)),
            ("0%", None),
            ("100%", None),
            ("0.05%", None),
            ("5", None),
            ("5.%", None),
            (".5%", None),
            ("-5%", None),
            ("+5%", None),
            ("4294967296%", None),
            ("429496730%", None),
            ("429496729.9%", None),
            ("%", None),
        ] {
            assert_eq!(sample_per_mille(text), per_mille, "{text}");
        }
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
