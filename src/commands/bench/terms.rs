//! What a bench is about to do: its circumstances, as they are kept, and what its schedule follows from.

use super::machine;
use super::surveyed::Surveyed;
use crate::bench::extrapolate::Whole;
use crate::bench::record::{BenchHeader, Density, TrialSink};
use crate::bench::sample::Strata;
use crate::bench::schedule::terms::{Left, Terms};
use crate::bench::setting::{Axes, Axis, Way, intervals_around};
use crate::config::bench::BenchConfig;
use crate::config::job::JobConfig;
use crate::config::values::IntervalChoice;
use crate::job::load_config::local_now;
use crate::job::shown;
use crate::limits::BODY_BYTES_TARGET;
use crate::model::density::Cell;
use crate::model::transport::Transport;
use crate::pipeline::source::job::BucketJob;

/// The density as it is kept.
pub(super) fn density(cells: &[Cell]) -> Vec<Density> {
    let kept = |cell: &Cell| Density {
        start: cell.range.start,
        stop: cell.range.stop,
        values: cell.values,
    };
    cells.iter().map(kept).collect()
}

pub(super) fn header(
    config: &JobConfig,
    bench: &BenchConfig,
    surveyed: &Surveyed,
    seed: u64,
) -> BenchHeader {
    let Surveyed { source, job, tally, .. } = surveyed;
    let quota = surveyed.ends.source.quota();
    let told = [&source.info.build, &source.info.version];
    let told: Vec<&str> = told.into_iter().filter_map(Option::as_deref).collect();
    let range = job.plan.range();
    BenchHeader {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: command(std::env::args_os()),
        started: local_now(),
        machine: machine::machine(),
        seed,
        source: shown::header(config, source).source,
        source_version: if told.is_empty() { "not told".to_owned() } else { told.join(" ") },
        sink: bench.sink,
        start: range.start,
        stop: range.stop,
        values: tally.total(),
        density: density(&tally.cells),
        quota_window_bytes: source.quota.bytes_per_window(),
        quota_bytes_per_s: quota.bytes_per_s(),
        query_timeout_ms: config.pace.query_timeout_ms,
        budget_bytes: surveyed.budget_bytes,
        budget_ms: config.pace.max_duration_ms,
        survey_bytes: surveyed.before_bytes + quota.total_bytes(),
    }
}

pub(super) fn terms(
    bench: &BenchConfig,
    config: &JobConfig,
    surveyed: &Surveyed,
    header: &BenchHeader,
) -> Terms {
    let Surveyed { source, job, tally, .. } = surveyed;
    let range = job.plan.range();
    let strata = Strata::new(range, &tally.cells);
    let quota = source.quota.bytes_per_window().is_some();
    let usual = match source.routes.access {
        Some(_) => Transport::Influxql,
        None if quota => Transport::FluxPivot,
        None => Transport::FluxKeyed,
    };
    let budget = Left {
        bytes: header.budget_bytes.saturating_sub(header.survey_bytes),
        ms: config.pace.max_duration_ms,
    };
    Terms {
        axes: axes(bench, config, job, usual),
        whole: Whole::new(header, &strata),
        strata,
        usual,
        repetitions: bench.repetitions,
        seed: header.seed,
        budget,
        trial_bytes_max: surveyed.ends.source.quota().request_bytes_max(),
    }
}

/// What was named; what `migrate` was told; else what is worth trying.
fn axes(bench: &BenchConfig, config: &JobConfig, job: &BucketJob, usual: Transport) -> Axes {
    let intervals = match (&bench.intervals, config.scope.batch_interval) {
        (Some(named), _) => Axis::only(named.clone()),
        (None, IntervalChoice::Fixed(interval)) => Axis::only(vec![interval]),
        (None, IntervalChoice::Auto) => {
            Axis::from(intervals_around(job.interval, job.plan.range().duration_ns()))
        }
    };
    let usable = |transport: &Transport| {
        *transport != usual && (*transport != Transport::Influxql || job.routes.access.is_some())
    };
    let transports = match (&bench.transports, config.pace.transport) {
        (Some(named), _) => Axis::only(named.clone()),
        (None, Some(transport)) => Axis::only(vec![Way(Some(transport))]),
        (None, None) => {
            let others = Transport::ALL.into_iter().filter(usable).map(|other| Way(Some(other)));
            Axis::from(std::iter::once(Way(None)).chain(others).collect())
        }
    };
    let concurrencies = match &bench.concurrencies {
        Some(named) => Axis::only(named.clone()),
        None => Axis::from(vec![config.pace.concurrency]),
    };
    let bodies = match (&bench.body_sizes, bench.sink) {
        (Some(named), TrialSink::Destination) => Axis::only(named.clone()),
        (None, TrialSink::Destination) => Axis::from(vec![BODY_BYTES_TARGET]),
        // Bodies that go nowhere are as good in any size.
        (_, TrialSink::Discard) => Axis::only(vec![BODY_BYTES_TARGET]),
    };
    Axes { intervals, transports, concurrencies, bodies }
}

/// The command line as it may be kept. No token can stand in it, but what prints one or an address may hold a secret.
pub(super) fn command(words: impl Iterator<Item = std::ffi::OsString>) -> Vec<String> {
    const HIDDEN: &str = "(not shown)";
    let mut hide = false;
    words
        .map(|word| {
            let word = word.to_string_lossy().into_owned();
            let name = word.split('=').next().unwrap_or_default();
            let is_secret = name.ends_with("-token-command");
            let given = is_secret && word.contains('=');
            if std::mem::replace(&mut hide, is_secret && !given) {
                HIDDEN.to_owned()
            } else if given {
                format!("{name}={HIDDEN}")
            } else if word.contains("://") && word.contains('@') {
                HIDDEN.to_owned()
            } else {
                word
            }
        })
        .collect()
}

/// For a bench that was given none.
pub(super) fn random_seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    // Short enough to be typed again.
    RandomState::new().hash_one(std::process::id()) % 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_command_line_holds_no_secret() {
        let line = "sluice bench --source-token-command pass@x --destination-token-command=vault \
                    --source-host https://me:word@host --source-bucket a";
        let kept = command(line.split_whitespace().map(std::ffi::OsString::from)).join(" ");
        assert_eq!(
            kept,
            "sluice bench --source-token-command (not shown) \
             --destination-token-command=(not shown) --source-host (not shown) --source-bucket a"
        );
    }
}
