//! The checked configuration of a job, in the parts that their users take.

use std::path::{Path, PathBuf};

use super::ends::{EndConfig, TokenSetting};
use super::env::Env;
use super::error::ConfigError;
use super::flag::{Flag, FlagKind, FlagOf};
use super::given::Given;
use super::layers::Layers;
use super::origin::ValueOrigin;
use super::scope::JobScope;
use super::table::{
    ADOPT, BATCH_BUCKET, COLOR, CONCURRENCY, CONFIG, CREATE_BUCKETS, DESTINATION,
    DESTINATION_BUCKET, DRY_RUN, EXISTING, JSON, MAX_DURATION, MAX_TRANSFER, ON_TYPE_CONFLICT,
    PAUSE_TASK, QUERY_TIMEOUT, QUIET, QUOTA, QUOTA_SHARE, REJECT_LIMIT, REJECTS, SPOOL, SPOOL_DIR,
    TIME_TYPE, TLS_CA_FILE, TRANSPORT, VERBOSE, VERIFY, WAIT_FOR_ENDS, YES,
};
use super::values::{ColorChoice, ExistingPolicy, QuotaChoice, ReadBackChoice};
use crate::model::share::Share;
use crate::model::time::Timestamp;
use crate::model::time_type::TimeType;
use crate::model::transport::Transport;
use crate::pipeline::write::bucket::type_conflict::ConflictPolicy;
use crate::report::volume::Volume;
use crate::spool::place::{self, Surroundings};

/// A place where nothing can be kept. Who only looks does without one.
const NO_STATE: &str = "/dev/null/state";

/// Everything a job needs to know, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobConfig {
    /// From where to where.
    pub ends: JobEnds,
    /// What is copied.
    pub scope: JobScope,
    /// How fast, and how much.
    pub pace: JobPace,
    /// What must not happen.
    pub safety: JobSafety,
    /// What is printed.
    pub output: JobOutput,
}

/// The ends of a job, and their buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnds {
    /// Where the data is read.
    pub source: EndConfig,
    /// Name of the bucket to read.
    pub source_bucket: String,
    /// Where it is written.
    pub destination: EndConfig,
    /// Name of the bucket to write.
    pub destination_bucket: String,
    /// Name of the bucket with the checkpoint.
    pub batch_bucket: String,
    /// The spool that is written instead of the destination.
    pub spool: Option<SpoolChoice>,
    /// How long they are waited for at the start; 0 is not at all.
    pub wait_ms: u64,
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
    /// The flags of this command line that a load of it takes too, as they are typed.
    pub for_load: Vec<String>,
}

/// How the source is read, and when a run has read enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPace {
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
    /// Byte budget.
    pub max_transfer_bytes: Option<u64>,
    /// Time budget.
    pub max_duration_ms: Option<u64>,
}

/// What a run may do at the destination, and what it keeps on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own; there is no state behind them"
)]
pub struct JobSafety {
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
    /// The rejects file, if not the one in the state folder.
    pub rejects: Option<PathBuf>,
    /// Refused values before the run stops.
    pub reject_limit: u64,
    /// Whether what was moved is read back.
    pub verify: ReadBackChoice,
    /// Where the state of all jobs is kept.
    pub state_dir: PathBuf,
}

/// What a run prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOutput {
    /// JSON lines on stdout.
    pub json: bool,
    /// Colours.
    pub color: ColorChoice,
    /// How much is said.
    pub volume: Volume,
    /// Sentences for the user: settings that were ignored.
    pub notices: Vec<String>,
}

impl JobConfig {
    /// Judges every flag but those of the ends, which are judged already. Relative times count back from `now`.
    pub(super) fn new(
        layers: &Layers,
        env: &Env,
        (source, source_bucket, destination): (EndConfig, String, EndConfig),
        now: Timestamp,
    ) -> Result<Self, ConfigError> {
        let destination_bucket = match layers.find(DESTINATION_BUCKET)? {
            Some(name) => name,
            None => source_bucket.clone(),
        };
        let output = JobOutput::new(layers, env, &[&source, &destination])?;
        Ok(Self {
            scope: JobScope::new(layers, now)?,
            pace: JobPace::new(layers)?,
            safety: JobSafety::new(layers, env.state_dir().unwrap_or_else(|| NO_STATE.into()))?,
            ends: JobEnds {
                source,
                source_bucket,
                destination,
                destination_bucket,
                batch_bucket: layers.get(BATCH_BUCKET)?,
                spool: spool(layers, env)?,
                wait_ms: layers.find(WAIT_FOR_ENDS)?.unwrap_or(0),
            },
            output,
        })
    }
}

impl JobOutput {
    /// Judges the flags of what is printed; what is odd about the ends is a notice.
    pub(super) fn new(
        layers: &Layers,
        env: &Env,
        ends: &[&EndConfig],
    ) -> Result<Self, ConfigError> {
        let quoted = ends.iter().filter_map(|end| end.token.quoted());
        Ok(Self {
            json: layers.get(JSON)?,
            color: chosen_color(layers, env)?,
            volume: volume(layers)?,
            notices: env.unknown().into_iter().chain(quoted).collect(),
        })
    }
}

impl JobEnds {
    /// False for a plan without a destination.
    pub fn has_destination(&self) -> bool {
        self.destination.token != TokenSetting::None
    }
}

impl JobPace {
    fn new(layers: &Layers) -> Result<Self, ConfigError> {
        Ok(Self {
            quota: layers.get(QUOTA)?,
            quota_share: layers.get(QUOTA_SHARE)?,
            query_timeout_ms: layers.get(QUERY_TIMEOUT)?,
            concurrency: layers.get(CONCURRENCY)?,
            transport: layers.get(TRANSPORT)?,
            max_transfer_bytes: layers.find(MAX_TRANSFER)?,
            max_duration_ms: layers.find(MAX_DURATION)?,
        })
    }
}

/// What the flags say if none is given.
impl Default for JobPace {
    fn default() -> Self {
        Self::new(&Layers::default()).expect("a test reads every default")
    }
}

impl JobSafety {
    /// Refuses a run that would have no place for its state.
    pub fn needs_state(&self) -> Result<(), ConfigError> {
        if self.state_dir == Path::new(NO_STATE) { Err(ConfigError::NoStateDir) } else { Ok(()) }
    }

    fn new(layers: &Layers, state_dir: PathBuf) -> Result<Self, ConfigError> {
        Ok(Self {
            on_type_conflict: layers.get(ON_TYPE_CONFLICT)?,
            existing: layers.get(EXISTING)?,
            create_buckets: layers.get(CREATE_BUCKETS)?,
            pause_task: layers.get(PAUSE_TASK)?,
            adopt: layers.get(ADOPT)?,
            dry_run: layers.get(DRY_RUN)?,
            yes: layers.get(YES)?,
            rejects: layers.find(REJECTS)?,
            reject_limit: layers.get(REJECT_LIMIT)?,
            verify: layers.get(VERIFY)?,
            state_dir,
        })
    }
}

/// What the flags say if none is given, without a folder for the state.
impl Default for JobSafety {
    fn default() -> Self {
        Self::new(&Layers::default(), PathBuf::new()).expect("a test reads every default")
    }
}

/// What was chosen, else `NO_COLOR`, else `CLICOLOR_FORCE`, else what the terminal is.
pub(super) fn chosen_color(layers: &Layers, env: &Env) -> Result<ColorChoice, ConfigError> {
    let given = layers.given_or_default(COLOR.flag)?;
    let is_forced = || env.get("CLICOLOR_FORCE").is_some_and(|text| text != "0");
    match (COLOR.read(&given)?, &given.origin) {
        (ColorChoice::Auto, ValueOrigin::Default(_)) if env.get("NO_COLOR").is_some() => {
            Ok(ColorChoice::Never)
        }
        (ColorChoice::Auto, ValueOrigin::Default(_)) if is_forced() => Ok(ColorChoice::Always),
        (ColorChoice::Auto, _) if env.get("TERM") == Some("dumb") => Ok(ColorChoice::Never),
        (color, _) => Ok(color),
    }
}

/// What was chosen; the stronger place, where two say otherwise.
pub(super) fn volume(layers: &Layers) -> Result<Volume, ConfigError> {
    let chosen = |flag: FlagOf<bool>| -> Result<_, ConfigError> {
        let given = layers.given(flag.flag)?;
        Ok(if layers.get(flag)? { given } else { None })
    };
    match (chosen(QUIET)?, chosen(VERBOSE)?) {
        (Some(quiet), Some(verbose)) if quiet.rank == verbose.rank => {
            Err(ConfigError::Contrary { first: quiet.origin, second: verbose.origin })
        }
        (Some(quiet), verbose) if verbose.as_ref().is_none_or(|other| quiet.rank < other.rank) => {
            Ok(Volume::Quiet)
        }
        (_, Some(_)) => Ok(Volume::Verbose),
        (_, None) => Ok(Volume::Usual),
    }
}

fn spool(layers: &Layers, env: &Env) -> Result<Option<SpoolChoice>, ConfigError> {
    let time_type = layers.get(TIME_TYPE)?;
    let alone =
        |given: &Given, needs| ConfigError::Incomplete { given: given.origin.clone(), needs };
    let Some(format) = layers.plain(SPOOL.flag) else {
        let lost = layers.plain(SPOOL_DIR.flag).or_else(|| layers.plain(TIME_TYPE.flag));
        return lost.map_or(Ok(None), |given| Err(alone(given, "--spool parquet")));
    };
    SPOOL.read(format)?;
    let place = layers.find(SPOOL_DIR)?.ok_or_else(|| alone(format, "--spool-dir DIR"))?;
    let (surroundings, for_load) = (env.surroundings(), for_load(layers));
    Ok(Some(SpoolChoice { place, time_type, surroundings, for_load }))
}

/// What was typed of the file, of the destination and of the way to it.
fn for_load(layers: &Layers) -> Vec<String> {
    let others = [CONFIG.flag, TLS_CA_FILE.flag, BATCH_BUCKET.flag];
    let taken = |flag: &Flag| others.contains(flag) || DESTINATION.flags.contains(flag);
    let typed = layers.typed().filter(|(flag, _)| taken(flag));
    let words = typed.map(|(flag, given)| match (flag.kind, given.text()) {
        (FlagKind::Switch, _) => format!("--{}", flag.name),
        (_, text) if text.starts_with('-') => format!("--{}={text}", flag.name),
        (_, text) => format!("--{} {}", flag.name, place::typed(text)),
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::table::SETTLE;
    use crate::limits::{
        QUERY_TIMEOUT_MS_DEFAULT, QUERY_TIMEOUT_MS_MAX, QUERY_TIMEOUT_MS_MIN,
        QUOTA_BYTES_PER_WINDOW_MIN, SLICES_IN_FLIGHT_DEFAULT, SLICES_IN_FLIGHT_MAX,
    };

    #[test]
    fn texts_of_defaults_and_messages_agree_with_the_limits() {
        let (pace, safety) = (JobPace::default(), JobSafety::default());
        assert_eq!(pace.quota_share, Share::constant(900));
        assert_eq!(pace.quota_share, Share::default());
        let least = Share::constant(10);
        assert_eq!(("1%".parse(), "0.9%".parse::<Share>().is_err()), (Ok(least), true));
        assert_eq!(pace.query_timeout_ms, QUERY_TIMEOUT_MS_DEFAULT);
        assert_eq!(pace.concurrency, SLICES_IN_FLIGHT_DEFAULT);
        assert_eq!(safety.reject_limit, 10_000);
        assert_eq!(Layers::default().get(SETTLE).unwrap(), 600_000_000_000);
        assert_eq!(
            (SLICES_IN_FLIGHT_MAX, QUERY_TIMEOUT_MS_MIN, QUERY_TIMEOUT_MS_MAX),
            (16, 1_000, 3_600_000)
        );
        assert_eq!(QUOTA_BYTES_PER_WINDOW_MIN, 1_000);
    }
}
