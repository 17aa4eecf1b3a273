//! `load`: spools to the destination, with the checkpoint of `migrate`.

use super::error::Error;
use crate::cli::load::LoadArgs;
use crate::config::env::Env;
use crate::config::inputs::{Inputs, read_file};
use crate::config::job::JobConfig;
use crate::config::values::ExistingPolicy;
use crate::exit::ExitCode;
use crate::job::ends::Ends;
use crate::job::load_spool;
use crate::job::opened_spool::OpenedSpool;
use crate::job::read_back;
use crate::job::run::{self, ClientSignals};
use crate::job::shown::{self, Shown};
use crate::job::signals::StopSignals;
use crate::report::question::Question;
use crate::report::state::{Header, SinkKind};

/// Runs the command: spool after spool. The first one that does not end well ends it.
pub(crate) async fn run(args: LoadArgs, env: Env, stops: &StopSignals) -> Result<ExitCode, Error> {
    let signals = ClientSignals::default();
    let surroundings = env.surroundings();
    let inputs = Inputs::load(args.flags.typed(), env, &read_file)?;
    if args.places.len() > 1 {
        inputs.check_several()?;
    }
    let mut worst = ExitCode::Done;
    for (at, place) in args.places.iter().enumerate() {
        let spool = OpenedSpool::open(place, &surroundings).await?;
        let config = spool.config(&inputs)?;
        if at == 0 {
            stops.limit_time(config.pace.max_duration_ms);
        }
        match one(&spool, &config, &signals, stops).await? {
            ExitCode::Done => {}
            ExitCode::Rejected => worst = ExitCode::Rejected,
            exit => return Ok(exit),
        }
    }
    Ok(worst)
}

async fn one(
    spool: &OpenedSpool,
    config: &JobConfig,
    signals: &ClientSignals,
    stops: &StopSignals,
) -> Result<ExitCode, Error> {
    signals.told_as(&config.output);
    // The source of what was staged is not asked.
    let ends = Ends::connect(config, &signals.observer())?;
    let client = ends.destination.clone();
    let (checked, report) = load_spool::check(spool, config, &client).await?;
    shown::show_preflight(&report, &config.output);
    let checked = checked?;
    if shown::asks(config) {
        let Header { source, destination, .. } = header(spool, config);
        let (outlook, range) = (Some(checked.outlook()), checked.range());
        let is_new = checked.is_new();
        let is_merging = config.safety.existing == ExistingPolicy::Merge;
        let question = Question { outlook, source, range, destination, is_new, is_merging };
        shown::confirm(&question).await?;
    }
    let _moving = stops.moving();
    let stop = stops.stop();
    let prepared = load_spool::prepare(spool, checked, config, &client, &stop).await?;
    let shown = Shown {
        header: header(spool, config),
        mode: shown::mode(&config.output),
        color: shown::forced(config.output.color),
        volume: config.output.volume,
        next: None,
        // A part of a spool is a job of its own.
        later: config
            .scope
            .filter
            .is_empty()
            .then_some("Later: sluice migrate tops up to now, if the source is still there"),
    };
    let running = run::run(prepared, read_back::of(config, &ends), shown, signals, stop);
    Ok(Box::pin(running).await.map_err(Error::told)?.exit)
}

fn header(spool: &OpenedSpool, config: &JobConfig) -> Header {
    Header {
        command: "load".to_owned(),
        source: format!("spool {}", spool.place),
        destination: shown::destination_name(&config.ends),
        sink: SinkKind::Bucket,
        quota: None,
    }
}
