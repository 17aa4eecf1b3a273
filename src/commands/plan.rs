//! `plan`: what a migration will read, how, in which batches and how long, from counts and small samples. Nothing is written.

use super::error::Error;
use crate::cli::job::JobArgs;
use crate::config::env::Env;
use crate::config::inputs::{Inputs, read_file};
use crate::config::job::JobConfig;
use crate::config::values::IntervalChoice;
use crate::estimate::fields::{BucketSeries, Fields};
use crate::estimate::measurements::Looked;
use crate::estimate::tally;
use crate::exit::ExitCode;
use crate::influx::signal::Observer;
use crate::job::ends::Ends;
use crate::job::error::Error as JobError;
use crate::job::load_config::load_config;
use crate::job::plan_run::plan_look;
use crate::job::run::ClientSignals;
use crate::job::{judge, quota, refusals, shown};
use crate::pipeline::source::SourceBucket;
use crate::report::plan::{IntervalRow, PlanReport};
use crate::report::preflight::{PreflightReport, Verdict};
use crate::report::{json, stream};

/// Runs the command.
pub(crate) async fn run(args: JobArgs, env: Env) -> Result<ExitCode, Error> {
    let signals = ClientSignals::default();
    let inputs = Inputs::load(args.typed(), env, &read_file)?;
    let config = load_config(inputs, Inputs::check_to_look, signals.observer()).await?;
    signals.told_as(&config.output);
    let ends = Ends::connect(&config, &signals.observer())?;
    let report = match report(&config, ends, &signals.observer()).await? {
        Ok(report) => report,
        Err(preflight) => {
            shown::show_preflight(&preflight, &config.output);
            return Err(JobError::preflight(&preflight).into());
        }
    };
    if config.output.json {
        stream::print_exact(json::plan::plan_report(&report));
    } else {
        let paper = stream::stdout_paper(shown::forced(config.output.color));
        let is_quiet = config.output.volume.is_quiet();
        let lines = if is_quiet { report.quiet_lines(paper) } else { report.lines(paper) };
        lines.iter().for_each(stream::print_exact);
    }
    Ok(report.exit)
}

/// Asks both ends. Where the source is out of reach there is no plan, but what preflight found.
pub async fn report(
    config: &JobConfig,
    mut ends: Ends,
    observer: &Observer,
) -> Result<Result<PlanReport, PreflightReport>, JobError> {
    let checked = judge::check(config, &ends).await?;
    let Some(source) = checked.source else { return Ok(Err(checked.report)) };
    let before = ends.source.quota().usage().total_bytes;
    ends.source = quota::paced_look(config, &ends.source, &source, observer).await;
    let header = shown::header(config, &source);
    let destination = checked.destination.as_ref();
    let job = plan_look(config, &ends, &source, checked.place.as_ref()).await?;
    let context = SourceBucket::unheard(job, ends.source.clone());
    let range = context.job.plan.range();
    let tally = tally::of(&context, range).await?;
    let looked = Looked::at(&context, &tally).await?;
    let series = BucketSeries::of(&context, &source.survey, &looked.names()).await?;
    let types = destination.map(|facts| &facts.field_types);
    let fields = Fields::of(&context, &source.survey, types, &looked.names()).await?;
    let quota_bytes = source.quota.bytes_per_window();
    let forecast = looked.forecast(&context, quota_bytes, &tally);
    let guide = looked.guide(&context, quota_bytes, &tally).await?;
    let (rows, rest) = looked.rows(&tally, &series);
    let findings = checked.report.findings_by_side();
    let findings = findings.filter(|(_, finding)| finding.verdict != Verdict::Ok);
    let mut findings: Vec<_> = findings.map(|(side, finding)| (side, finding.clone())).collect();
    if let Some(destination) = destination {
        let foretold = refusals::foretold(config, &ends.source, &source, destination, range).await;
        findings.extend(foretold.map(|finding| ("destination", finding)));
    }
    Ok(Ok(PlanReport {
        source: header.source,
        destination: config.ends.has_destination().then_some(header.destination),
        job: context.job.range,
        resume: range.start,
        data: tally.data,
        values: tally.total(),
        series: series.total,
        measurements: tally.by_size().len() as u64,
        uncounted: tally.uncounted.clone(),
        rows,
        rest,
        types: fields.types,
        types_from: fields.from,
        conflicts: fields.conflicts,
        not_carried: source.routes.lost.iter().map(|lost| lost.why.clone()).collect(),
        lost: tally.lost,
        interval: IntervalRow {
            interval: context.job.interval.to_string(),
            auto: config.scope.batch_interval == IntervalChoice::Auto,
            guide,
        },
        forecast,
        findings,
        cells: tally.cells,
        quota_bytes_spent: before + ends.source.quota().usage().total_bytes,
        requests_spent: ends.source.requests(),
        exit: checked.report.exit(),
    }))
}
