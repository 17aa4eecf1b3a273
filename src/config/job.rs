//! The checked configuration of `migrate` and `preflight`.

use std::path::PathBuf;

use super::ends::{EndConfig, TokenSetting};
use super::env::Env;
use super::error::{ConfigError, Shown};
use super::given::{Given, WHOLE};
use super::grammar;
use super::layers::Settings;
use super::origin::Origin;
pub use super::range::{Start, Stop};
use super::range::{hold_range, range};
use crate::limits::{
    QUERY_TIMEOUT_MS_MAX, QUERY_TIMEOUT_MS_MIN, QUOTA_BYTES_PER_WINDOW_MIN, SLICES_IN_FLIGHT_MAX,
};
use crate::model::filter::Filter;
use crate::model::interval::Interval;
use crate::model::share::Share;
use crate::model::time::Timestamp;
use crate::model::time_type::TimeType;
use crate::model::transport::Transport;
use crate::pipeline::write::clash::ConflictPolicy;
use crate::spool::place::Surroundings;

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

/// A spool instead of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolChoice {
    /// Folder or address.
    pub place: String,
    /// How its files hold times.
    pub time_type: TimeType,
    /// What else its store needs.
    pub surroundings: Surroundings,
}

/// Everything a job needs to know, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own; there is no state behind them"
)]
pub struct MigrateConfig {
    /// Where the data is read.
    pub source: EndConfig,
    /// Where it is written.
    pub destination: EndConfig,
    /// Name of the bucket to read.
    pub source_bucket: String,
    /// Name of the bucket to write.
    pub destination_bucket: String,
    /// Name of the bucket with the checkpoint.
    pub batch_bucket: String,
    /// Where the job begins.
    pub start: Start,
    /// Where this run ends.
    pub stop: Stop,
    /// Length of a batch.
    pub batch_interval: IntervalChoice,
    /// What is copied.
    pub filter: Filter,
    /// The read quota.
    pub quota: QuotaChoice,
    /// How much of it is used, and when.
    pub quota_share: Share,
    /// The source's own limit for a query.
    pub query_timeout_ms: u64,
    /// Slices read at one time.
    pub concurrency: usize,
    /// How the source is read.
    pub transport: Option<Transport>,
    /// Fields of another type.
    pub on_type_conflict: ConflictPolicy,
    /// Data that is there already.
    pub existing: ExistingPolicy,
    /// Create the buckets.
    pub create_buckets: bool,
    /// Pause the official task.
    pub pause_task: bool,
    /// Take over records without a fitting identity.
    pub adopt: bool,
    /// Write nothing.
    pub dry_run: bool,
    /// Do not ask.
    pub yes: bool,
    /// JSON lines on stdout.
    pub json: bool,
    /// Colours.
    pub color: ColorChoice,
    /// The spool that is written instead of the destination.
    pub spool: Option<SpoolChoice>,
    /// The rejects file, if not the one in the state folder.
    pub rejects: Option<PathBuf>,
    /// Refused values before the run stops.
    pub reject_limit: u64,
    /// Byte budget.
    pub max_transfer_bytes: Option<u64>,
    /// Time budget.
    pub max_duration_ms: Option<u64>,
    /// Where the state of all jobs is kept.
    pub state_dir: PathBuf,
    /// Sentences for the user: settings that were ignored.
    pub notices: Vec<String>,
}

impl MigrateConfig {
    /// False for a plan without a destination.
    pub fn has_destination(&self) -> bool {
        self.destination.token != TokenSetting::None
    }

    /// Refuses a range without an instant in it, as a clock that shows `now` counts it.
    pub fn hold_range(&self, now: Timestamp) -> Result<(), ConfigError> {
        hold_range((self.start, Origin::Flag("start")), (self.stop, Origin::Flag("stop")), now)
    }
}

/// The ends, judged already.
#[derive(Debug)]
pub(super) struct Ends {
    /// Where the data is read, or was.
    pub(super) source: EndConfig,
    /// The bucket there.
    pub(super) bucket: String,
    /// Where it is written.
    pub(super) destination: EndConfig,
}

/// Judges every setting but the ends.
pub(super) fn check(
    settings: &Settings,
    env: &Env,
    ends: Ends,
    now: Timestamp,
) -> Result<MigrateConfig, ConfigError> {
    let Ends { source, bucket: source_bucket, destination } = ends;
    let destination_bucket = match settings.find("destination-bucket")? {
        Some(given) => given.name()?,
        None => source_bucket.clone(),
    };
    let (start, stop) = range(settings, now)?;
    let quoted = [&source, &destination].into_iter().filter_map(|end| end.token.quoted());
    let notices = env.unknown().into_iter().chain(quoted).collect();
    Ok(MigrateConfig {
        source,
        destination,
        source_bucket,
        destination_bucket,
        batch_bucket: settings.value("batch-bucket")?.name()?,
        start,
        stop,
        batch_interval: batch_interval(&settings.value("batch-interval")?)?,
        filter: filter(settings)?,
        quota: quota(&settings.value("quota")?)?,
        quota_share: quota_share(&settings.value("quota-share")?)?,
        query_timeout_ms: query_timeout(&settings.value("query-timeout")?)?,
        concurrency: concurrency(&settings.value("concurrency")?)?,
        transport: transport(&settings.value("transport")?)?,
        on_type_conflict: on_type_conflict(&settings.value("on-type-conflict")?)?,
        existing: existing(&settings.value("existing")?)?,
        create_buckets: settings.switch("create-buckets")?,
        pause_task: settings.switch("pause-task")?,
        adopt: settings.switch("adopt")?,
        dry_run: settings.switch("dry-run")?,
        yes: settings.switch("yes")?,
        json: settings.switch("json")?,
        color: color(&settings.value("color")?, env)?,
        spool: spool(settings, env)?,
        rejects: settings.path("rejects"),
        reject_limit: reject_limit(&settings.value("reject-limit")?)?,
        max_transfer_bytes: settings.plain("max-transfer").map(max_transfer).transpose()?,
        max_duration_ms: settings.plain("max-duration").map(max_duration).transpose()?,
        state_dir: env.state_dir()?,
        notices,
    })
}

pub(super) fn batch_interval(given: &Given) -> Result<IntervalChoice, ConfigError> {
    match given.text() {
        "auto" => Ok(IntervalChoice::Auto),
        text => {
            let interval = text
                .parse()
                .map_err(|_| given.wrong("auto or a Flux duration such as 1h, 35d or 1mo"));
            interval.map(IntervalChoice::Fixed)
        }
    }
}

pub(super) fn filter(settings: &Settings) -> Result<Filter, ConfigError> {
    let list = |setting| {
        let Some(given) = settings.plain(setting) else { return Ok(Vec::new()) };
        let whole = given.texts.iter().all(|text| !text.is_empty());
        if whole { Ok(given.texts.clone()) } else { Err(given.wrong("a name")) }
    };
    let predicate = settings.plain("predicate");
    if let Some(given) = predicate.filter(|given| given.text().trim().is_empty()) {
        return Err(given.wrong("a Flux expression such as 'r.host == \"a\"'"));
    }
    let filter = Filter {
        measurements: list("measurement")?,
        tags: tags(settings.plain("tag"))?,
        fields: list("field")?,
        predicate: predicate.map(|given| given.text().to_owned()),
    };
    match settings.task().and_then(|task| task.filter.as_ref()) {
        Some(text) if filter.is_empty() => Err(ConfigError::TaskFilters { text: Shown::new(text) }),
        _ => Ok(filter),
    }
}

fn tags(given: Option<&Given>) -> Result<Vec<(String, String)>, ConfigError> {
    let Some(given) = given else { return Ok(Vec::new()) };
    let pair = |text: &String| match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => {
            Ok((key.to_owned(), value.to_owned()))
        }
        _ => Err(ConfigError::Value {
            origin: given.origin.clone(),
            value: Shown::new(text),
            expected: "a tag such as host=a (for an absent tag, --predicate 'not exists r.host')",
        }),
    };
    given.texts.iter().map(pair).collect()
}

pub(super) fn quota(given: &Given) -> Result<QuotaChoice, ConfigError> {
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

pub(super) fn quota_share(given: &Given) -> Result<Share, ConfigError> {
    given.text().parse().map_err(|cause| ConfigError::Share {
        origin: given.origin.clone(),
        value: Shown::new(given.text()),
        cause,
    })
}

fn query_timeout(given: &Given) -> Result<u64, ConfigError> {
    let timeout =
        duration_ms(given).filter(|ms| (QUERY_TIMEOUT_MS_MIN..=QUERY_TIMEOUT_MS_MAX).contains(ms));
    timeout.ok_or_else(|| given.wrong("a duration from 1s to 1h"))
}

fn concurrency(given: &Given) -> Result<usize, ConfigError> {
    given.number(1..=SLICES_IN_FLIGHT_MAX, "a number from 1 to 16")
}

fn transport(given: &Given) -> Result<Option<Transport>, ConfigError> {
    match given.text() {
        "auto" => Ok(None),
        name => name
            .parse()
            .map(Some)
            .map_err(|_| given.wrong("auto, flux, flux-keyed, flux-pivot or influxql")),
    }
}

fn on_type_conflict(given: &Given) -> Result<ConflictPolicy, ConfigError> {
    match given.text() {
        "stop" => Ok(ConflictPolicy::Stop),
        "reject" => Ok(ConflictPolicy::Reject),
        "suffix" => Ok(ConflictPolicy::Suffix),
        _ => Err(given.wrong("stop, reject or suffix")),
    }
}

fn existing(given: &Given) -> Result<ExistingPolicy, ConfigError> {
    match given.text() {
        "refuse" => Ok(ExistingPolicy::Refuse),
        "merge" => Ok(ExistingPolicy::Merge),
        _ => Err(given.wrong("refuse or merge")),
    }
}

/// What was chosen, else `NO_COLOR`, else `CLICOLOR_FORCE`, else what the terminal is.
pub(super) fn color(given: &Given, env: &Env) -> Result<ColorChoice, ConfigError> {
    match (given.text(), &given.origin) {
        ("auto", Origin::Default(_)) if env.get("NO_COLOR").is_some() => Ok(ColorChoice::Never),
        ("auto", Origin::Default(_))
            if env.get("CLICOLOR_FORCE").is_some_and(|text| text != "0") =>
        {
            Ok(ColorChoice::Always)
        }
        ("auto", _) if env.get("TERM") == Some("dumb") => Ok(ColorChoice::Never),
        ("auto", _) => Ok(ColorChoice::Auto),
        ("always", _) => Ok(ColorChoice::Always),
        ("never", _) => Ok(ColorChoice::Never),
        _ => Err(given.wrong("auto, always or never")),
    }
}

fn spool(settings: &Settings, env: &Env) -> Result<Option<SpoolChoice>, ConfigError> {
    let (format, place) = (settings.plain("spool"), settings.plain("spool-dir"));
    let time_type = time_type(&settings.value("time-type")?)?;
    match (format, place) {
        (None, None) => match settings.plain("time-type") {
            None => Ok(None),
            Some(given) => Err(ConfigError::Incomplete {
                given: given.origin.clone(),
                needs: "--spool parquet",
            }),
        },
        (Some(format), _) if format.text() != "parquet" => Err(format.wrong("parquet")),
        (Some(_), Some(place)) => {
            let (place, surroundings) = (place.name()?, env.surroundings());
            Ok(Some(SpoolChoice { place, time_type, surroundings }))
        }
        (Some(given), None) => {
            Err(ConfigError::Incomplete { given: given.origin.clone(), needs: "--spool-dir DIR" })
        }
        (None, Some(given)) => {
            Err(ConfigError::Incomplete { given: given.origin.clone(), needs: "--spool parquet" })
        }
    }
}

fn time_type(given: &Given) -> Result<TimeType, ConfigError> {
    given.text().parse().map_err(|_| given.wrong("ns-utc, us-utc or i64"))
}

fn reject_limit(given: &Given) -> Result<u64, ConfigError> {
    given.number(.., WHOLE)
}

pub(super) fn max_transfer(given: &Given) -> Result<u64, ConfigError> {
    let bytes = grammar::size_bytes(given.text()).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| given.wrong("a size such as 10GB or 500MiB"))
}

fn max_duration(given: &Given) -> Result<u64, ConfigError> {
    duration_ms(given)
        .filter(|ms| *ms > 0)
        .ok_or_else(|| given.wrong("a duration such as 8h or 90m"))
}

fn duration_ms(given: &Given) -> Option<u64> {
    u64::try_from(grammar::duration_ns(given.text())? / NS_PER_MS).ok()
}

#[cfg(test)]
mod tests {
    use crate::limits::{
        QUERY_TIMEOUT_MS_DEFAULT, QUOTA_SHARE_PER_MILLE_DEFAULT, QUOTA_SHARE_PER_MILLE_MIN,
        REJECT_LIMIT_DEFAULT, SETTLE_NS_DEFAULT, SLICES_IN_FLIGHT_DEFAULT,
    };

    use super::*;

    #[test]
    fn texts_of_defaults_and_messages_agree_with_the_limits() {
        let settings = Settings::new(Vec::new(), &[], &Env::default(), Vec::new());
        let value = |name| settings.value(name).unwrap();
        let share = quota_share(&value("quota-share")).unwrap();
        assert_eq!(share, Share::constant(QUOTA_SHARE_PER_MILLE_DEFAULT));
        assert_eq!(share, Share::default());
        let least = Share::constant(QUOTA_SHARE_PER_MILLE_MIN);
        assert_eq!(("1%".parse(), "0.9%".parse::<Share>().is_err()), (Ok(least), true));
        assert_eq!(query_timeout(&value("query-timeout")).unwrap(), QUERY_TIMEOUT_MS_DEFAULT);
        assert_eq!(concurrency(&value("concurrency")).unwrap(), SLICES_IN_FLIGHT_DEFAULT);
        assert_eq!(reject_limit(&value("reject-limit")).unwrap(), REJECT_LIMIT_DEFAULT);
        assert_eq!(grammar::duration_ns(value("settle").text()), Some(SETTLE_NS_DEFAULT));
        assert_eq!(
            (SLICES_IN_FLIGHT_MAX, QUERY_TIMEOUT_MS_MIN, QUERY_TIMEOUT_MS_MAX),
            (16, 1_000, 3_600_000)
        );
        assert_eq!((QUOTA_SHARE_PER_MILLE_MIN, QUOTA_BYTES_PER_WINDOW_MIN), (10, 1_000));
    }
}
