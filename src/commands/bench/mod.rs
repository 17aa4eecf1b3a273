//! `bench`: trials of settings against the real source, within a budget that is stated first; and what follows from
//! them. `terms` says what is tried, `trial` runs one, `scratch` is where it may write, `files` keeps it, `screen` shows the end.

mod compared;
mod files;
pub(crate) mod machine;
mod scratch;
pub(crate) mod screen;
mod simulated;
mod surveyed;
mod terms;
mod trial;

use std::time::Duration;

use tokio::time::Instant;

use self::files::Files;
use self::surveyed::{Nothing, Surveyed};
use self::trial::{EarlyEnd, Ran, Stand, TrialDestination, Watch};
use super::error::Error;
use crate::bench::record::{BenchRecord, TrialSink};
use crate::bench::schedule::Scheduler;
use crate::bench::schedule::terms::Left;
use crate::bench::verdict::BenchVerdict;
use crate::cli::bench::BenchArgs;
use crate::config::bench::BenchConfig;
use crate::config::ends::TokenSetting;
use crate::config::env::Env;
use crate::config::inputs::{self, Inputs};
use crate::config::job::JobConfig;
use crate::config::table::JSON;
use crate::exit::ExitCode;
use crate::influx::client::ClientSettings;
use crate::job::ends::Ends;
use crate::job::load_config::load_config;
use crate::job::run::ClientSignals;
use crate::job::signals::StopSignals;
use crate::model::scale::whole_ms;
use crate::model::schema::FieldTypes;
use crate::pipeline::event::StopReason;
use crate::pipeline::stop::StopSignal;
use crate::pipeline::write::bucket::type_conflict;
use crate::report::{json, stream};

/// Runs the command.
pub(crate) async fn run(args: BenchArgs, env: Env, stops: &StopSignals) -> Result<ExitCode, Error> {
    let layers = inputs::load_layers(args.typed(), &env, &inputs::read_file)?;
    let bench = BenchConfig::new(&layers)?;
    if let [first, second] = &args.compare[..] {
        return compared::run(first, second, layers.get(JSON)?);
    }
    if args.simulate {
        return simulated::run(&layers, &bench);
    }
    let inputs = Inputs::new(layers, env, &inputs::read_file)?;
    let observer = ClientSignals::default().observer();
    let config = load_config(inputs, Inputs::check_to_look, observer).await?;
    let writes = bench.sink == TrialSink::Destination;
    let _moving = if writes { stops.tidying() } else { stops.moving() };
    let stop = stops.stop();
    let trials = measure(&config, &bench, &ClientSettings::default(), stop.clone()).await?;
    Ok(match (stop.reason(), trials.rows.is_empty()) {
        (Some(StopReason::Interrupted), _) => ExitCode::Interrupted,
        (Some(_), _) => ExitCode::Terminated,
        (None, true) if trials.stopped == "byte budget" => ExitCode::ByteBudget,
        (None, true) if trials.stopped == "time budget" => ExitCode::TimeBudget,
        _ => ExitCode::Done,
    })
}

/// Runs all trials, keeps them, and shows what they say.
pub async fn measure(
    config: &JobConfig,
    bench: &BenchConfig,
    settings: &ClientSettings,
    stop: StopSignal,
) -> Result<BenchVerdict, Error> {
    let mut config = config.clone();
    if bench.sink == TrialSink::Discard {
        // Nothing of it is needed, and a token in the environment asks for nothing.
        config.ends.destination.token = TokenSetting::None;
    }
    let config = &config;
    let watch = Watch::default();
    let ends = Ends::connect_with(config, settings, &watch.observer())?;
    let deadline = config.pace.max_duration_ms.map(|ms| Instant::now() + Duration::from_millis(ms));
    Box::pin(trials(config, bench, ends, watch, &EarlyEnd { stop, deadline })).await
}

async fn trials(
    config: &JobConfig,
    bench: &BenchConfig,
    ends: Ends,
    watch: Watch,
    early: &EarlyEnd,
) -> Result<BenchVerdict, Error> {
    let begun = Instant::now();
    if bench.sink == TrialSink::Destination && !config.ends.has_destination() {
        return Err(Error::NoDestination);
    }
    let surveying = early.stop.unless(Box::pin(surveyed::survey(config, bench, ends, &watch)));
    let surveyed = match surveying.await?? {
        Ok(surveyed) => surveyed,
        Err(nothing) => return Ok(nothing_to_measure(config, &nothing, whole_ms(begun.elapsed()))),
    };
    let seed = bench.seed.unwrap_or_else(terms::random_seed);
    let header = terms::header(config, bench, &surveyed, seed);
    let mut files = match &bench.out {
        Some(out) => Files::create(out)?,
        None => Files::create_free(&files::name_of(header.started))?,
    };
    let tell = |line: String| {
        if config.output.json {
            stream::print_exact(line);
        }
    };
    tell(files.add(&BenchRecord::BenchHeader(Box::new(header.clone())))?);
    let client = surveyed.ends.source.clone();
    let spent = || surveyed.before_bytes + client.quota().total_bytes();
    let terms = terms::terms(bench, config, &surveyed, &header);
    let whole = terms.whole.clone();
    let mut scheduler = Scheduler::new(terms);
    let stand = stand(config, bench, &surveyed, watch).await?;
    let (mut number, mut stopped, mut failed) = (0, None, None);
    loop {
        let left = Left {
            bytes: header.budget_bytes.saturating_sub(spent()),
            ms: early.deadline.map(|at| whole_ms(at.saturating_duration_since(Instant::now()))),
        };
        let Some(planned) = scheduler.next(left) else { break };
        number += 1;
        if !config.output.json && !config.output.volume.is_quiet() {
            stream::say(screen::trial_line(number, &planned, left));
        }
        let Ran { trial, error, left } = trial::run(&stand, &planned, number, early).await?;
        tell(files.add_trial(&trial, &whole)?);
        if let Some(left) = left {
            return Err(left);
        }
        failed = error.or(failed);
        let bytes = trial.bytes_charged;
        scheduler.take(trial);
        // The pacing has paid for what was read before the next trial begins, so that it holds none of them up.
        let rest = client.quota().bytes_per_s().map_or(Duration::ZERO, |rate| rest(bytes, rate));
        tokio::select! {
            biased;
            by = early.wait() => { stopped = Some(by); break }
            () = tokio::time::sleep(rest) => {}
        }
    }
    let verdict = scheduler.verdict(stopped, spent(), whole_ms(begun.elapsed()));
    let line = files.add(&BenchRecord::BenchVerdict(Box::new(verdict.clone())))?;
    files.show()?;
    tell(line);
    if let Some(error) = failed.filter(|_| verdict.rows.is_empty()) {
        return Err(error);
    }
    if !config.output.json {
        let lines = if config.output.volume.is_quiet() {
            screen::quiet_lines(&verdict)
        } else {
            screen::lines(&header, &verdict, &files.paths)
        };
        lines.iter().for_each(stream::print);
    }
    Ok(verdict)
}

/// The end where the job reads nothing: no trial, and no file.
fn nothing_to_measure(config: &JobConfig, nothing: &Nothing, elapsed_ms: u64) -> BenchVerdict {
    let verdict = BenchVerdict {
        rows: Vec::new(),
        recommendation: None,
        not_seen: nothing.why.clone(),
        stopped: "nothing to measure".to_owned(),
        trials: 0,
        bytes_spent: nothing.bytes,
        elapsed_ms,
    };
    if config.output.json {
        stream::print_exact(
            BenchRecord::BenchVerdict(Box::new(verdict.clone())).to_line(json::now()),
        );
    } else {
        let is_quiet = config.output.volume.is_quiet();
        let lines = screen::nothing_lines(&nothing.source, &nothing.why, is_quiet);
        lines.iter().for_each(stream::print);
    }
    verdict
}

fn rest(bytes: u64, bytes_per_s: u64) -> Duration {
    const REST_MS_MAX: u64 = 120_000;
    let ms = bytes.saturating_mul(1_000) / bytes_per_s.max(1);
    Duration::from_millis(ms.min(REST_MS_MAX))
}

async fn stand(
    config: &JobConfig,
    bench: &BenchConfig,
    surveyed: &Surveyed,
    watch: Watch,
) -> Result<Stand, Error> {
    let destination = match bench.sink {
        TrialSink::Discard => None,
        TrialSink::Destination => {
            let client = surveyed.ends.destination.clone();
            let known = surveyed.destination.as_ref().and_then(|facts| facts.org_id.clone());
            let org_id = match known {
                Some(org_id) => Some(org_id),
                None => client.org_id(&config.ends.destination_bucket).await?,
            };
            let shard_ns = surveyed.source.survey.shape.shard_group_ns;
            // The bucket of a trial is empty: only the source's own types can clash.
            let types = surveyed.source.survey.field_types();
            let watched = types.map_or_else(Vec::new, |types| {
                let one_type_ns = surveyed.source.one_type_ns();
                type_conflict::watched(
                    &type_conflict::by_key(types),
                    one_type_ns,
                    &FieldTypes::new(),
                    shard_ns,
                )
            });
            let on_type_conflict = config.safety.on_type_conflict;
            let org_id = org_id.ok_or(Error::NoDestination)?;
            Some(TrialDestination { client, org_id, shard_ns, on_type_conflict, watched })
        }
    };
    let (job, client) = (surveyed.job.clone(), surveyed.ends.source.clone());
    Ok(Stand { job, client, watch, destination })
}
