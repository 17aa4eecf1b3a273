//! `migrate`: the main job.

use std::io::{self, BufRead, IsTerminal, Write};

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Duration, sleep};

use super::error::Error;
use super::facts::{DestinationFacts, Ends, SourceFacts};
use super::run::{self, Shown, Signals};
use super::{dry_run, ends, job, preflight, print_line, quota};
use crate::cli::job::JobArgs;
use crate::config::env::Env;
use crate::config::inputs::{Inputs, read_file};
use crate::config::migrate::{ColorChoice, MigrateConfig};
use crate::exit::ExitCode;
use crate::influx::client::ClientSettings;
use crate::model::side::Side;
use crate::model::time::Timestamp;
use crate::pipeline::event::StopReason;
use crate::pipeline::stop::{Stop, Stopper, stop_pair};
use crate::report::preflight::Verdict;
use crate::report::state::{Header, Quota};
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
        return dry_run::run(&config, &ends, &source, &destination, header(&config, &source)).await;
    }
    confirm(&config)?;
    if config.create_buckets {
        job::create_buckets(&config, &ends, &source, &mut destination).await?;
    }
    if config.pause_task {
        job::pause_tasks(&ends, &destination).await?;
    }
    let prepared = job::prepare(&config, &ends, &source, &destination).await?;
    let shown = Shown {
        header: header(&config, &source),
        mode: mode(config.json, config.color),
        next: None,
    };
    let (stopper, stop) = stop_pair();
    watch(&stopper, config.max_duration_ms);
    Ok(run::run(prepared, ends, shown, &signals, stop).await.map_err(Error::told)?.exit)
}

/// Settings from everywhere; a task named by its id is fetched from the destination.
pub async fn load(args: &JobArgs, env: Env, signals: &Signals) -> Result<MigrateConfig, Error> {
    Ok(noticed(inputs(args, env, signals).await?.check(local_now())?))
}

/// The same for a command that may do without a destination.
pub async fn load_to_look(
    args: &JobArgs,
    env: Env,
    signals: &Signals,
) -> Result<MigrateConfig, Error> {
    Ok(noticed(inputs(args, env, signals).await?.check_to_look(local_now())?))
}

async fn inputs(args: &JobArgs, env: Env, signals: &Signals) -> Result<Inputs, Error> {
    let mut inputs = Inputs::load(args, env, &read_file)?;
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
fn local_now() -> Timestamp {
    let since_epoch =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ns(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}

/// Preflight before a run: shown on stderr, because stdout is for the result.
async fn checked(
    config: &MigrateConfig,
    ends: &Ends,
) -> Result<(SourceFacts, DestinationFacts), Error> {
    let checked = preflight::check(config, ends).await?;
    if config.json {
        print_line(&json::preflight(&checked.report));
    } else {
        for line in checked.report.lines(Glyphs::Ascii) {
            eprintln!("{line}");
        }
    }
    match (checked.report.verdict(), checked.source, checked.destination) {
        (Verdict::Ok | Verdict::Warn, Some(source), Some(destination)) => Ok((source, destination)),
        _ => Err(Error::Preflight { failures: checked.report.count(Verdict::Fail) }),
    }
}

/// Asks once, where there is somebody to ask.
fn confirm(config: &MigrateConfig) -> Result<(), Error> {
    if config.yes || config.json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(());
    }
    eprint!("Copy {} to {}? [y/N] ", config.source_bucket, config.destination_bucket);
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

pub(super) fn header(config: &MigrateConfig, source: &SourceFacts) -> Header {
    let host = config
        .destination
        .host
        .split_once("://")
        .map_or(config.destination.host.as_str(), |(_, host)| host);
    Header {
        command: "migrate".to_owned(),
        source: format!("{}/{}", config.source.org.as_deref().unwrap_or("?"), config.source_bucket),
        destination: format!(
            "{}@{host}/{}",
            config.destination.org.as_deref().unwrap_or("?"),
            config.destination_bucket
        ),
        quota: source.quota.bytes_per_window().map(|window_bytes| Quota {
            window_bytes,
            share_percent: u64::from(config.quota_share.at(source.now)) / 10,
        }),
    }
}

/// The first signal drains, the second leaves at once: what is committed is committed either way.
fn watch(stopper: &Stopper, max_duration_ms: Option<u64>) {
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
