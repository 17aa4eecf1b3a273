//! `plan`: what a migration will read, how, in which batches and how long, from counts and small samples. Nothing is written.

use super::error::Error;
use super::facts::Ends;
use super::run::Signals;
use super::{job, migrate, preflight, print_line, quota};
use crate::cli::job::JobArgs;
use crate::config::env::Env;
use crate::config::inputs::{Inputs, read_file};
use crate::config::job::JobConfig;
use crate::config::values::IntervalChoice;
use crate::estimate::fields::{Fields, Series};
use crate::estimate::measurements::Looked;
use crate::estimate::tally;
use crate::exit::ExitCode;
use crate::influx::signal::Observer;
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::job::BucketJob;
use crate::report::plan::{IntervalRow, PlanReport};
use crate::report::preflight::{PreflightReport, Verdict};
use crate::report::text::Glyphs;
use crate::report::{json, stream};

/// Runs the command.
pub async fn run(args: JobArgs, env: Env) -> Result<ExitCode, Error> {
    let signals = Signals::default();
    let inputs = Inputs::load(args.typed(), env, &read_file)?;
    let config = migrate::load_to_look(inputs, &signals).await?;
    let ends = Ends::connect(&config, &signals.observer())?;
    let report = match report(&config, ends, &signals.observer()).await? {
        Ok(report) => report,
        Err(preflight) => {
            if config.output.json {
                print_line(&json::preflight(&preflight));
            } else {
                preflight.lines(Glyphs::Ascii).iter().for_each(stream::say);
            }
            return Err(Error::Preflight { failures: preflight.count(Verdict::Fail) });
        }
    };
    if config.output.json {
        print_line(&json::plan_report(&report));
    } else {
        let terminal = stream::stdout_is_terminal();
        let glyphs = if terminal { Glyphs::Unicode } else { Glyphs::Ascii };
        report.lines(glyphs).iter().for_each(|line| print_line(line));
    }
    Ok(if report.exit == 0 { ExitCode::Done } else { ExitCode::Permanent })
}

/// What the stages of a run share, for a job that is only looked at.
pub fn context(job: BucketJob, ends: &Ends) -> SourceBucket {
    SourceBucket::unheard(job, ends.source.clone())
}

/// Asks both ends. Where the source is out of reach there is no plan, but what preflight found.
pub async fn report(
    config: &JobConfig,
    mut ends: Ends,
    observer: &Observer,
) -> Result<Result<PlanReport, PreflightReport>, Error> {
    let checked = preflight::check(config, &ends).await?;
    let Some(source) = checked.source else { return Ok(Err(checked.report)) };
    let before = ends.source.quota().usage().total_bytes;
    ends.source = quota::paced_look(config, &ends.source, &source, observer).await;
    let header = migrate::header(config, &source);
    let destination = checked.destination.as_ref();
    let job = job::to_look_at(config, &ends, &source, destination).await?;
    let context = context(job, &ends);
    let range = context.job.plan.range();
    let tally = tally::of(&context, range).await?;
    let looked = Looked::at(&context, &tally).await?;
    let series = Series::of(&context, &source.survey, &looked.names()).await?;
    let types = destination.map(|facts| &facts.field_types);
    let fields = Fields::of(&context, &source.survey, types, &looked.names()).await?;
    let quota_bytes = source.quota.bytes_per_window();
    let forecast = looked.forecast(&context, quota_bytes, &tally);
    let guide = looked.guide(&context, quota_bytes, &tally).await?;
    let (rows, rest) = looked.rows(&tally, &series);
    let verdict = checked.report.verdict();
    let findings = checked.report.findings().filter(|finding| finding.verdict != Verdict::Ok);
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
        findings: findings.cloned().collect(),
        cells: tally.cells,
        quota_bytes_spent: before + ends.source.quota().usage().total_bytes,
        requests_spent: ends.source.requests(),
        exit: if verdict == Verdict::Fail { ExitCode::Permanent.number() } else { 0 },
    }))
}
