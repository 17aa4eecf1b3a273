//! What is asked of the source before the first trial, and what may be spent.

use super::screen;
use super::trial::Watch;
use crate::commands::error::Error;
use crate::config::bench::BenchConfig;
use crate::config::job::JobConfig;
use crate::estimate::tally::{self, Tally};
use crate::job::destination_facts::DestinationFacts;
use crate::job::ends::Ends;
use crate::job::error::Error as JobError;
use crate::job::matched::Holds;
use crate::job::plan_run::plan_look;
use crate::job::source_facts::SourceFacts;
use crate::job::{judge, quota, shown};
use crate::limits::{BENCH_BUDGET_BYTES_DEFAULT, BENCH_BUDGET_PER_MILLE};
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::job::BucketJob;
use crate::report::preflight::{PreflightReport, Verdict};
use crate::report::stream;

/// Everything that is known before the first trial.
pub(super) struct Surveyed {
    pub(super) source: SourceFacts,
    pub(super) destination: Option<DestinationFacts>,
    pub(super) ends: Ends,
    pub(super) job: BucketJob,
    pub(super) tally: Tally,
    pub(super) budget_bytes: u64,
    /// Spent before the ledger began to count.
    pub(super) before_bytes: u64,
}

/// A source of which the job reads nothing.
pub(super) struct Nothing {
    /// `org/bucket`.
    pub(super) source: String,
    /// Why, as the checks tell it.
    pub(super) why: Vec<String>,
    /// Spent to find out.
    pub(super) bytes: u64,
}

/// The codes of findings that say that there is nothing to read.
const OF_NOTHING: [&str; 2] = ["P09", "P28"];

fn of_nothing(report: &PreflightReport, verdict: Verdict) -> Vec<String> {
    let findings = report.findings_by_side().map(|(_, finding)| finding);
    let told = findings.filter(|finding| OF_NOTHING.contains(&&*finding.code));
    told.filter(|finding| finding.verdict == verdict).map(|finding| finding.text.clone()).collect()
}

/// Asks the source what it is, says what may be spent, and counts.
pub(super) async fn survey(
    config: &JobConfig,
    bench: &BenchConfig,
    mut ends: Ends,
    watch: &Watch,
) -> Result<Result<Surveyed, Nothing>, Error> {
    let checked = judge::check(config, &ends).await?;
    let Some(source) = checked.source else {
        shown::show_preflight(&checked.report, &config.output);
        return Err(JobError::preflight(&checked.report).into());
    };
    if !of_nothing(&checked.report, Verdict::Fail).is_empty() {
        shown::show_preflight(&checked.report, &config.output);
        return Err(JobError::preflight(&checked.report).into());
    }
    let why = of_nothing(&checked.report, Verdict::Warn);
    let name = shown::header(config, &source).source;
    if source.holds != Holds::Something {
        let bytes = ends.source.quota().total_bytes();
        return Ok(Err(Nothing { source: name, why, bytes }));
    }
    let window = source.quota.bytes_per_window();
    let budget_bytes = budget_bytes(config.pace.max_transfer_bytes, window);
    if !config.output.volume.is_quiet() {
        stream::say(screen::budget_line(
            budget_bytes,
            window.is_some(),
            config.pace.max_duration_ms,
            bench.sink,
        ));
    }
    let before_bytes = ends.source.quota().total_bytes();
    ends.source = quota::paced_look(config, &ends.source, &source, &watch.observer()).await;
    let job = plan_look(config, &ends, &source, None).await?;
    let context = SourceBucket::unheard(job, ends.source.clone());
    let tally = tally::of(&context, context.job.plan.range()).await?;
    if tally.total() == 0 && tally.uncounted.is_empty() {
        let bytes = before_bytes + ends.source.quota().total_bytes();
        return Ok(Err(Nothing { source: name, why, bytes }));
    }
    let (job, destination) = (context.job, checked.destination);
    Ok(Ok(Surveyed { source, destination, ends, job, tally, budget_bytes, before_bytes }))
}

/// What may be spent: what was said, else a part of one window of the quota.
pub(super) fn budget_bytes(said: Option<u64>, window: Option<u64>) -> u64 {
    let default =
        window.map_or(BENCH_BUDGET_BYTES_DEFAULT, |window| window / 1_000 * BENCH_BUDGET_PER_MILLE);
    said.unwrap_or(default)
}
