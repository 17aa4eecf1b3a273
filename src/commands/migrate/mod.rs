//! `migrate`: the main job.

mod dry_run;

use super::error::Error;
use crate::cli::job::JobArgs;
use crate::config::env::Env;
use crate::config::inputs::{Inputs, read_file};
use crate::exit::ExitCode;
use crate::job::ends::Ends;
use crate::job::load_config::load_config;
use crate::job::prepare::prepare;
use crate::job::run::{self, ClientSignals};
use crate::job::shown::{self, Shown};
use crate::job::signals::StopSignals;
use crate::job::{judge, quota};
use crate::spool::place;

/// Runs the command.
pub(crate) async fn run(args: JobArgs, env: Env, stops: &StopSignals) -> Result<ExitCode, Error> {
    let signals = ClientSignals::default();
    let inputs = Inputs::load(args.typed(), env, &read_file)?;
    let config = load_config(inputs, Inputs::check, signals.observer()).await?;
    signals.as_json(config.output.json);
    let mut ends = Ends::connect(&config, &signals.observer())?;
    let checked = judge::check(&config, &ends).await?;
    shown::show_preflight(&checked.report, &config.output);
    let (source, mut destination) = checked.passed()?;
    if config.safety.dry_run {
        ends.source = quota::paced_look(&config, &ends.source, &source, &signals.observer()).await;
        let header = shown::header(&config, &source);
        return Ok(dry_run::run(&config, &ends, &source, destination.as_ref(), header).await?);
    }
    let to =
        config.ends.spool.as_ref().map_or(&config.ends.destination_bucket, |spool| &spool.place);
    shown::confirm(&config, &format!("{} to {to}", config.ends.source_bucket)).await?;
    ends.source = quota::paced(&config, &ends.source, &source, &signals.observer()).await;
    let _moving = stops.moving();
    let stop = stops.stop();
    let prepared = prepare(&config, &ends, &source, destination.as_mut(), &stop).await?;
    let shown = Shown {
        header: shown::header(&config, &source),
        mode: shown::mode(&config.output),
        color: shown::forced(config.output.color),
        next: config
            .ends
            .spool
            .as_ref()
            .map(|spool| format!("sluice load {}", place::typed(&spool.place))),
        later: "Later: the same command tops up to now",
    };
    stops.limit_time(config.pace.max_duration_ms);
    Ok(run::run(prepared, shown, &signals, stop).await.map_err(Error::told)?.exit)
}
