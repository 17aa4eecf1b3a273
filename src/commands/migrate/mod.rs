//! `migrate`: the main job.

mod dry_run;

use tokio::time::{Duration, timeout};

use super::error::Error;
use crate::cli::job::JobArgs;
use crate::config::env::Env;
use crate::config::inputs::{Inputs, read_file};
use crate::config::job::JobConfig;
use crate::config::values::ExistingPolicy;
use crate::estimate::{outlook, tally};
use crate::exit::ExitCode;
use crate::job::ends::Ends;
use crate::job::judge::Passed;
use crate::job::load_config::load_config;
use crate::job::place::JobPlace;
use crate::job::plan_run::plan_look;
use crate::job::prepare::prepare;
use crate::job::run::{self, ClientSignals};
use crate::job::shown::{self, Shown};
use crate::job::signals::StopSignals;
use crate::job::source_facts::SourceFacts;
use crate::job::{judge, quota, read_back};
use crate::limits::QUESTION_MS_MAX;
use crate::pipeline::source::SourceBucket;
use crate::report::question::Question;
use crate::report::state::Header;
use crate::spool::place as spool_place;

/// Runs the command.
pub(crate) async fn run(args: JobArgs, env: Env, stops: &StopSignals) -> Result<ExitCode, Error> {
    let signals = ClientSignals::default();
    let inputs = Inputs::load(args.typed(), env, &read_file)?;
    let config = load_config(inputs, Inputs::check, signals.observer()).await?;
    signals.told_as(&config.output);
    let mut ends = Ends::connect(&config, &signals.observer())?;
    let checked = judge::check(&config, &ends).await?;
    shown::show_preflight(&checked.report, &config.output);
    let Passed { source, mut destination, place } = checked.passed()?;
    if config.safety.dry_run {
        ends.source = quota::paced_look(&config, &ends.source, &source, &signals.observer()).await;
        let header = shown::header(&config, &source);
        return Ok(dry_run::run(&config, &ends, &source, place.as_ref(), header).await?);
    }
    ends.source = quota::paced(&config, &ends.source, &source, &signals.observer()).await;
    if shown::asks(&config) {
        let is_new = match &destination {
            Some(destination) => destination.bucket.is_none(),
            None => place.as_ref().is_some_and(|place| place.is_new),
        };
        let question = question(&config, &ends, &source, place.as_ref(), is_new).await?;
        // Of nothing nobody is asked.
        if !question.range.is_empty() {
            shown::confirm(&question).await?;
        }
    }
    let _moving = stops.moving();
    let stop = stops.stop();
    let is_ahead = place.is_some_and(|place| place.resume > source.now);
    let prepared = prepare(&config, &ends, &source, destination.as_mut(), &stop).await?;
    let shown = Shown {
        header: shown::header(&config, &source),
        mode: shown::mode(&config.output),
        color: shown::forced(config.output.color),
        volume: config.output.volume,
        next: config.ends.spool.as_ref().map(|spool| {
            let words = ["sluice load".to_owned(), spool_place::typed(&spool.place)];
            words.iter().chain(&spool.for_load).map(String::as_str).collect::<Vec<_>>().join(" ")
        }),
        later: shown::later(&config.scope, is_ahead),
    };
    stops.limit_time(config.pace.max_duration_ms);
    let reads_back = read_back::of(&config, &ends);
    Ok(run::run(prepared, reads_back, shown, &signals, stop).await.map_err(Error::told)?.exit)
}

/// What a person is asked: counted and sampled first, as `--dry-run` does.
async fn question(
    config: &JobConfig,
    ends: &Ends,
    source: &SourceFacts,
    place: Option<&JobPlace>,
    is_new: bool,
) -> Result<Question, Error> {
    let job = plan_look(config, ends, source, place).await?;
    let range = job.plan.range();
    let context = SourceBucket::unheard(job, ends.source.clone());
    let counting = async {
        let tally = tally::of(&context, range).await.ok()?;
        outlook::of(&context, &tally, source.quota.bytes_per_window()).await.ok()
    };
    // Nobody waits long for a question.
    let outlook = timeout(Duration::from_millis(QUESTION_MS_MAX), counting).await.ok().flatten();
    let Header { source, destination, .. } = shown::header(config, source);
    let is_merging = config.safety.existing == ExistingPolicy::Merge;
    Ok(Question { outlook, source, range, destination, is_new, is_merging })
}
