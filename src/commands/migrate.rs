//! `migrate`: the main job.

use std::io::{self, BufRead, IsTerminal as _};

use tokio::time::{Duration, sleep};

use super::checkpoint::{self, Begins, Begun, Wanted};
use super::error::Error;
use super::facts::{DestinationFacts, Ends, SourceFacts, watched_fields};
use super::run::{self, Prepared, Shown, Signals};
use super::stop_signals::StopSignals;
use super::{dry_run, ends, job, preflight, quota, stage};
use crate::checkpoint::identity::filter_text;
use crate::cli::job::JobArgs;
use crate::config::env::Env;
use crate::config::inputs::{Inputs, read_file};
use crate::config::job::JobConfig;
use crate::config::range::RangeStart;
use crate::config::values::ColorChoice;
use crate::exit::ExitCode;
use crate::influx::client::ClientSettings;
use crate::model::side::Side;
use crate::model::time::Timestamp;
use crate::pipeline::event::StopReason;
use crate::pipeline::read::BatchOrigin;
use crate::pipeline::stop::{StopSignal, Stopper, stop_pair};
use crate::pipeline::write::Destination;
use crate::pipeline::write::bucket::DestinationBucket;
use crate::report::preflight::Verdict;
use crate::report::state::{Header, QuotaShown, SinkKind};
use crate::report::text::Glyphs;
use crate::report::{Mode, json, stream};
use crate::spool::place;

/// Runs the command.
pub async fn run(args: JobArgs, env: Env, stops: &StopSignals) -> Result<ExitCode, Error> {
    let signals = Signals::default();
    let config = load(&args, env, &signals).await?;
    let mut ends = Ends::connect(&config, &signals.observer())?;
    let (source, mut destination) = checked(&config, &ends).await?;
    ends.source = quota::paced(&config, &ends.source, &source, &signals.observer()).await;
    if config.safety.dry_run {
        let header = header(&config, &source);
        return dry_run::run(&config, &ends, &source, destination.as_ref(), header).await;
    }
    let to =
        config.ends.spool.as_ref().map_or(&config.ends.destination_bucket, |spool| &spool.place);
    confirm(&config, &format!("{} to {to}", config.ends.source_bucket)).await?;
    let _moving = stops.moving();
    let stop = stops.stop();
    let prepared = prepare(&config, &ends, &source, destination.as_mut(), &stop).await?;
    let shown = Shown {
        header: header(&config, &source),
        mode: mode(config.output.json, config.output.color),
        next: config
            .ends
            .spool
            .as_ref()
            .map(|spool| format!("sluice load {}", place::typed(&spool.place))),
        later: "Later: the same command tops up to now",
    };
    limit_time(&stops.stopper(), config.pace.max_duration_ms);
    Ok(run::run(prepared, shown, &signals, stop).await.map_err(Error::told)?.exit)
}

/// Makes what was asked for at the destination, takes the job, and lays the plan of this run.
pub async fn prepare(
    config: &JobConfig,
    ends: &Ends,
    source: &SourceFacts,
    destination: Option<&mut DestinationFacts>,
    stop: &StopSignal,
) -> Result<Prepared, Error> {
    // From here on the organization is what the records call it.
    let config = &job::of_source(config, source);
    let (begun, sink) = match (&config.ends.spool, destination) {
        (Some(choice), _) => stop.unless(stage::begin(config, choice, source)).await??,
        (None, Some(destination)) => into_bucket(config, ends, source, destination, stop).await?,
        (None, None) => return Err(Error::Preflight { failures: 1 }),
    };
    let laying = job::lay(config, source, &ends.source, begun.job, begun.resume);
    match stop.unless(laying).await.map_err(Error::from).flatten() {
        Ok(job) => {
            let source = BatchOrigin::Bucket(Box::new(job), ends.source.clone());
            Ok(Prepared { source, sink, begun })
        }
        Err(error) => Err(begun.give_up(stop, error).await),
    }
}

async fn into_bucket(
    config: &JobConfig,
    ends: &Ends,
    source: &SourceFacts,
    destination: &mut DestinationFacts,
    stop: &StopSignal,
) -> Result<(Begun, Destination), Error> {
    let client = &ends.destination;
    job::check_rejects(job::rejects_file(config)).await?;
    let source_ns = source.survey.shape.shard_group_ns;
    let oldest = source.earliest.unwrap_or_else(|| source.stop(config));
    let wanted = Wanted {
        source_host: config.ends.source.host.clone(),
        source_bucket_id: source.bucket.id.clone(),
        filter: filter_text(&config.scope.filter),
        begins: match config.scope.start {
            RangeStart::At(time) => Begins::Exactly(time),
            RangeStart::Earliest => Begins::AtOldest(oldest),
            RangeStart::Back(_) => Begins::Back(oldest),
        },
        stop: source.stop(config),
    };
    let begun =
        checkpoint::begin(config, client, destination, Some(source_ns), &wanted, stop).await?;
    let bucket = DestinationBucket::new(
        client.clone(),
        &config.ends.destination_bucket,
        destination.shard_group_ns(source_ns),
        config.safety.on_type_conflict,
        watched_fields(source, destination),
    )
    .shared(begun.is_shared);
    Ok((begun, Destination::Bucket(bucket)))
}

/// Settings from everywhere; a task named by its id is fetched from the destination.
pub async fn load(args: &JobArgs, env: Env, signals: &Signals) -> Result<JobConfig, Error> {
    let inputs = Inputs::load(args.typed(), env, &read_file)?;
    Ok(noticed(fetched(inputs, signals).await?.check(local_now())?))
}

/// The same for a command that may do without a destination.
pub async fn load_to_look(inputs: Inputs, signals: &Signals) -> Result<JobConfig, Error> {
    Ok(noticed(fetched(inputs, signals).await?.check_to_look(local_now())?))
}

async fn fetched(mut inputs: Inputs, signals: &Signals) -> Result<Inputs, Error> {
    if let Some(id) = inputs.task_id().map(str::to_owned) {
        let end = inputs.destination()?;
        let client =
            ends::connect(Side::Destination, &end, &ClientSettings::default(), signals.observer())?;
        let task = client.task(&id).await?;
        inputs.set_task(&task.flux)?;
    }
    Ok(inputs)
}

fn noticed(config: JobConfig) -> JobConfig {
    for notice in &config.output.notices {
        stream::say(format_args!("notice: {notice}"));
    }
    config
}

/// This machine's clock, for relative times only: everything that is stored uses the servers' clocks.
pub(super) fn local_now() -> Timestamp {
    let since_epoch =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ns(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}

/// Preflight before a run: shown on stderr, because stdout is for the result. There is a destination unless a spool is
/// written.
async fn checked(
    config: &JobConfig,
    ends: &Ends,
) -> Result<(SourceFacts, Option<DestinationFacts>), Error> {
    let checked = preflight::check(config, ends).await?;
    if config.output.json {
        stream::print(json::preflight(&checked.report));
    } else {
        for line in checked.report.lines(Glyphs::Ascii) {
            stream::say(line);
        }
    }
    match (checked.report.verdict(), checked.source) {
        (Verdict::Ok | Verdict::Warn, Some(source)) => Ok((source, checked.destination)),
        _ => Err(Error::Preflight { failures: checked.report.count(Verdict::Fail) }),
    }
}

/// Asks once, where there is somebody to ask. On a thread of its own: the answer may be a signal.
pub(super) async fn confirm(config: &JobConfig, what: &str) -> Result<(), Error> {
    let somebody = io::stdin().is_terminal() && stream::stderr_is_terminal();
    if config.safety.yes || config.output.json || !somebody {
        return Ok(());
    }
    stream::ask(format_args!("Copy {what}? [y/N] "));
    let said = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    match said.await {
        Ok(Ok(answer)) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => Err(Error::NotConfirmed(
            "not confirmed; nothing was written (--yes skips the question)",
        )),
    }
}

/// How the run is shown.
pub fn mode(json: bool, color: ColorChoice) -> Mode {
    match (Mode::here(json), color) {
        (Mode::Terminal { .. }, ColorChoice::Always) => Mode::Terminal { color: true },
        (Mode::Terminal { .. }, ColorChoice::Never) => Mode::Terminal { color: false },
        (mode, _) => mode,
    }
}

/// `org@host:port/bucket`.
pub(super) fn destination_name(config: &JobConfig) -> String {
    let host = config
        .ends
        .destination
        .host
        .split_once("://")
        .map_or(config.ends.destination.host.as_str(), |(_, host)| host);
    let org = config.ends.destination.org.as_ref().map_or(String::new(), |org| format!("{org}@"));
    format!("{org}{host}/{}", config.ends.destination_bucket)
}

pub(super) fn header(config: &JobConfig, source: &SourceFacts) -> Header {
    let (destination, sink) = match &config.ends.spool {
        Some(spool) => (format!("spool {}", spool.place), SinkKind::Spool),
        None => (destination_name(config), SinkKind::Bucket),
    };
    Header {
        command: "migrate".to_owned(),
        source: format!("{}/{}", source.org, config.ends.source_bucket),
        destination,
        sink,
        quota: source.quota.bytes_per_window().map(|window_bytes| QuotaShown {
            window_bytes,
            share_percent: u64::from(config.pace.quota_share.at(source.now)) / 10,
        }),
    }
}

/// Asks for the end once the time is over.
pub(super) fn limit_time(stopper: &Stopper, max_duration_ms: Option<u64>) {
    if let Some(ms) = max_duration_ms {
        let stopper = stopper.clone();
        tokio::spawn(async move {
            sleep(Duration::from_millis(ms)).await;
            stopper.stop(StopReason::TimeBudget);
        });
    }
}

/// Unused stops never fire.
pub fn never() -> StopSignal {
    stop_pair().1
}
