//! `migrate`: the main job.

use std::io::{self, BufRead, IsTerminal, Write};

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Duration, sleep};

use super::checkpoint::{self, Begun, Wanted};
use super::error::Error;
use super::facts::{DestinationFacts, Ends, SourceFacts, watched_fields};
use super::run::{self, Prepared, Shown, Signals};
use super::{buckets, dry_run, ends, job, preflight, print_line, quota, stage};
use crate::checkpoint::identity::filter_text;
use crate::cli::job::JobArgs;
use crate::config::env::Env;
use crate::config::inputs::{Inputs, read_file};
use crate::config::migrate::{ColorChoice, MigrateConfig, Start};
use crate::exit::ExitCode;
use crate::influx::client::ClientSettings;
use crate::model::side::Side;
use crate::model::time::Timestamp;
use crate::pipeline::event::StopReason;
use crate::pipeline::feed::Source;
use crate::pipeline::stop::{Stop, Stopper, stop_pair};
use crate::pipeline::write::outlet::{Bucket, Sink};
use crate::report::preflight::Verdict;
use crate::report::state::{Header, Quota, SinkKind};
use crate::report::text::Glyphs;
use crate::report::{Mode, json};

/// Runs the command.
pub async fn run(args: JobArgs, env: Env) -> Result<ExitCode, Error> {
    let signals = Signals::default();
    let config = load(&args, env, &signals).await?;
    let mut ends = Ends::connect(&config, &signals.observer())?;
    let (source, mut destination) = checked(&config, &ends).await?;
    ends.source = quota::paced(&config, &ends.source, &source, &signals.observer()).await;
    if config.dry_run {
        let header = header(&config, &source);
        return dry_run::run(&config, &ends, &source, destination.as_ref(), header).await;
    }
    let to = config.spool.as_ref().map_or(&config.destination_bucket, |spool| &spool.place);
    confirm(&config, &format!("{} to {to}", config.source_bucket))?;
    let prepared = prepare(&config, &ends, &source, destination.as_mut()).await?;
    let shown = Shown {
        header: header(&config, &source),
        mode: mode(config.json, config.color),
        next: config.spool.as_ref().map(|spool| format!("sluice load {}", spool.place)),
        later: "Later: the same command tops up to now",
    };
    let (stopper, stop) = stop_pair();
    watch(&stopper, config.max_duration_ms);
    Ok(run::run(prepared, shown, &signals, stop).await.map_err(Error::told)?.exit)
}

/// Makes what was asked for at the destination, takes the job, and lays the plan of this run.
pub async fn prepare(
    config: &MigrateConfig,
    ends: &Ends,
    source: &SourceFacts,
    destination: Option<&mut DestinationFacts>,
) -> Result<Prepared, Error> {
    // From here on the organization is what the records call it.
    let config = &job::of_source(config, source);
    let (begun, sink) = match (&config.spool, destination) {
        (Some(choice), _) => stage::begin(config, choice, source).await?,
        (None, Some(destination)) => into_bucket(config, ends, source, destination).await?,
        (None, None) => return Err(Error::Preflight { failures: 1 }),
    };
    match job::lay(config, source, &ends.source, begun.job, begun.resume).await {
        Ok(job) => {
            let source = Source::Bucket(Box::new(job), ends.source.clone());
            Ok(Prepared { source, sink, begun })
        }
        Err(error) => {
            // What failed first is told.
            let _ = begun.keeper.close().await;
            Err(error)
        }
    }
}

async fn into_bucket(
    config: &MigrateConfig,
    ends: &Ends,
    source: &SourceFacts,
    destination: &mut DestinationFacts,
) -> Result<(Begun, Sink), Error> {
    let client = &ends.destination;
    job::check_rejects(job::rejects_file(config)).await?;
    let source_ns = source.survey.shape.shard_group_ns;
    if config.create_buckets {
        buckets::create(config, client, Some(source_ns), destination).await?;
    }
    if config.pause_task {
        buckets::pause_tasks(client, destination).await?;
    }
    let wanted = Wanted {
        source_host: config.source.host.clone(),
        source_bucket_id: source.bucket.id.clone(),
        destination_bucket_id: destination.bucket_id(),
        filter: filter_text(&config.filter),
        start: match config.start {
            Start::At(time) => Some(time),
            Start::Earliest => None,
        },
        oldest: source.earliest.unwrap_or_else(|| source.stop(config)),
        stop: source.stop(config),
    };
    let begun = checkpoint::begin(config, client, wanted).await?;
    let bucket = Bucket::new(
        client.clone(),
        &config.destination_bucket,
        destination.shard_group_ns(source_ns),
        config.on_type_conflict,
        watched_fields(source, destination),
    )
    .shared(begun.is_shared);
    Ok((begun, Sink::Bucket(bucket)))
}

/// Settings from everywhere; a task named by its id is fetched from the destination.
pub async fn load(args: &JobArgs, env: Env, signals: &Signals) -> Result<MigrateConfig, Error> {
    let inputs = Inputs::load(args, env, &read_file)?;
    Ok(noticed(fetched(inputs, signals).await?.check(local_now())?))
}

/// The same for a command that may do without a destination.
pub async fn load_to_look(inputs: Inputs, signals: &Signals) -> Result<MigrateConfig, Error> {
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

fn noticed(config: MigrateConfig) -> MigrateConfig {
    for notice in &config.notices {
        eprintln!("notice: {notice}");
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
    config: &MigrateConfig,
    ends: &Ends,
) -> Result<(SourceFacts, Option<DestinationFacts>), Error> {
    let checked = preflight::check(config, ends).await?;
    if config.json {
        print_line(&json::preflight(&checked.report));
    } else {
        for line in checked.report.lines(Glyphs::Ascii) {
            eprintln!("{line}");
        }
    }
    match (checked.report.verdict(), checked.source) {
        (Verdict::Ok | Verdict::Warn, Some(source)) => Ok((source, checked.destination)),
        _ => Err(Error::Preflight { failures: checked.report.count(Verdict::Fail) }),
    }
}

/// Asks once, where there is somebody to ask.
pub(super) fn confirm(config: &MigrateConfig, what: &str) -> Result<(), Error> {
    if config.yes || config.json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(());
    }
    eprint!("Copy {what}? [y/N] ");
    let said = io::stderr().flush().and_then(|()| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    match said {
        Ok(answer) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
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
pub(super) fn destination_name(config: &MigrateConfig) -> String {
    let host = config
        .destination
        .host
        .split_once("://")
        .map_or(config.destination.host.as_str(), |(_, host)| host);
    let org = config.destination.org.as_ref().map_or(String::new(), |org| format!("{org}@"));
    format!("{org}{host}/{}", config.destination_bucket)
}

pub(super) fn header(config: &MigrateConfig, source: &SourceFacts) -> Header {
    let (destination, sink) = match &config.spool {
        Some(spool) => (format!("spool {}", spool.place), SinkKind::Spool),
        None => (destination_name(config), SinkKind::Bucket),
    };
    Header {
        command: "migrate".to_owned(),
        source: format!("{}/{}", source.org, config.source_bucket),
        destination,
        sink,
        quota: source.quota.bytes_per_window().map(|window_bytes| Quota {
            window_bytes,
            share_percent: u64::from(config.quota_share.at(source.now)) / 10,
        }),
    }
}

/// The first signal drains, the second leaves at once: what is committed is committed either way.
pub(super) fn watch(stopper: &Stopper, max_duration_ms: Option<u64>) {
    if let Some(ms) = max_duration_ms {
        let stopper = stopper.clone();
        tokio::spawn(async move {
            sleep(Duration::from_millis(ms)).await;
            stopper.stop(StopReason::TimeBudget);
        });
    }
    for (kind, reason, exit) in [
        (SignalKind::interrupt(), StopReason::Interrupted, ExitCode::Interrupted),
        (SignalKind::terminate(), StopReason::Terminated, ExitCode::Terminated),
    ] {
        let stopper = stopper.clone();
        tokio::spawn(async move {
            let Ok(mut signals) = signal(kind) else { return };
            signals.recv().await;
            stopper.stop(reason);
            signals.recv().await;
            std::process::exit(i32::from(exit.number()));
        });
    }
}

/// Unused stops never fire.
pub fn never() -> Stop {
    stop_pair().1
}
