//! Moves a case as often as it takes, the way a user would: the same command again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sluice::testing::config::job::JobConfig;
use sluice::testing::config::range::{RangeStart, RangeStop};
use sluice::testing::exit::ExitCode;
use sluice::testing::job::error::chain;
use sluice::testing::model::canary::Canary;
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::pipeline::event::{Event, StopReason};
use sluice::testing::pipeline::stop::stop_pair;
use sluice::testing::sim::BucketStore;

use super::case::Case;
use super::trouble::Trouble;
use crate::support::rig::{Rig, Run, elsewhere, oss};

/// The same command so often, at the most.
const TRIES_MAX: usize = 6;

/// How it ended, and what was said of what is not as it should be.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// The code of the last run of each command.
    pub(super) codes: Vec<ExitCode>,
    /// The code and the words of each run that did not end well.
    pub(super) failed: Vec<(ExitCode, String)>,
    /// Ranges that were told to have changed at the source.
    pub(super) changed: Vec<TimeRange>,
    /// Ranges of which the destination was told not to hold what it had acknowledged.
    pub(super) lost: Vec<TimeRange>,
    /// Names that were told to be missing.
    pub(super) named: Vec<String>,
    /// The rejects files.
    pub(super) rejects: String,
    /// It was refused before anything was moved, for a reason.
    pub(super) refused: bool,
    /// How often a command was run.
    pub(super) runs: usize,
    /// The settings of the last one.
    pub(super) config: Option<JobConfig>,
}

impl Ended {
    /// True if the last word was that all is well.
    pub(super) fn is_well(&self) -> bool {
        self.codes.iter().all(|code| *code == ExitCode::Done)
    }

    /// True if no difference was told.
    pub(super) fn says_nothing(&self) -> bool {
        let ranges = self.changed.len() + self.lost.len();
        ranges == 0 && self.named.is_empty() && self.rejects.is_empty()
    }

    fn take(&mut self, run: &Run) {
        if let Some(Ok(finished)) = &run.ended {
            let outcome = &finished.outcome;
            self.changed.extend(&outcome.changed);
            self.changed.extend(outcome.closing.source.iter().map(|found| found.range));
            self.lost.extend(outcome.closing.destination.iter().map(|found| found.range));
            self.named.extend(outcome.unreturned.iter().chain(&outcome.doubts).cloned());
        }
    }
}

pub(super) async fn rig_of(case: &Case, canary: Canary) -> Rig {
    let mut rig =
        Rig::between(case.source(), case.store(), oss(), Arc::new(BucketStore::default())).await;
    rig.client.canary = canary;
    rig.client.retries_max = 4;
    rig.client.silence_ms_max = 400;
    rig.client.query_grace_ms = 400;
    rig
}

fn settings(case: &Case, rig: &Rig, mut config: JobConfig, rejects: &str) -> JobConfig {
    let content = &case.content;
    config.scope.start = RangeStart::At(Timestamp::from_ns(content.start));
    config.scope.stop = RangeStop::At(Timestamp::from_ns(content.stop));
    let interval = content.interval.parse().expect("an interval");
    config.scope.batch_interval = sluice::testing::config::values::IntervalChoice::Fixed(interval);
    config.ends.source_bucket = case.bucket.to_owned();
    config.pace.transport = case.transport;
    config.safety.rejects = Some(rig.state.path().join(rejects));
    from_elsewhere(case, &mut config);
    config
}

/// From another machine to another machine, as far as sluice knows.
fn from_elsewhere(case: &Case, config: &mut JobConfig) {
    if case.gzip {
        for end in [&mut config.ends.source, &mut config.ends.destination] {
            end.host = elsewhere(&end.host);
        }
    }
}

/// Moves it until it ends with a code that is final. The error says what never ended.
pub(super) async fn moved(case: &Case, rig: &Rig) -> Result<Ended, String> {
    let mut ended = Ended::default();
    case.trouble.inject(&rig.source, &rig.destination);
    if case.staged {
        let config = settings(case, rig, rig.stage_config(), "staged.lp");
        repeated(case, rig, &config, Command::Stage, &mut ended).await?;
        let mut config = rig.load_config();
        config.safety.rejects = Some(rig.state.path().join("loaded.lp"));
        config.ends.source_bucket = case.bucket.to_owned();
        from_elsewhere(case, &mut config);
        repeated(case, rig, &config, Command::Load, &mut ended).await?;
    } else {
        let config = settings(case, rig, rig.config(), "rejects.lp");
        repeated(case, rig, &config, Command::Migrate, &mut ended).await?;
    }
    for name in ["staged.lp", "loaded.lp", "rejects.lp"] {
        let bytes = std::fs::read(rig.state.path().join(name)).unwrap_or_default();
        ended.rejects.push_str(&String::from_utf8_lossy(&bytes));
    }
    Ok(ended)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Migrate,
    Stage,
    Load,
}

async fn repeated(
    case: &Case,
    rig: &Rig,
    config: &JobConfig,
    command: Command,
    ended: &mut Ended,
) -> Result<(), String> {
    let mut last = String::new();
    ended.config = Some(config.clone());
    for number in 0..TRIES_MAX {
        let (stopper, stop) = stop_pair();
        let left = AtomicUsize::new(match case.trouble {
            Trouble::Kill { events } | Trouble::Stop { events } if number == 0 => events,
            _ => usize::MAX,
        });
        let trouble = case.trouble.clone();
        let strike = move |_: &Event| {
            let is_over = left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                .is_err();
            if is_over && matches!(trouble, Trouble::Stop { .. }) {
                stopper.stop(StopReason::Terminated);
            }
            is_over && matches!(trouble, Trouble::Kill { .. })
        };
        ended.runs += 1;
        let run = match command {
            Command::Load => rig.load_stoppable(config.clone(), stop, strike).await,
            Command::Migrate | Command::Stage => {
                rig.migrate_stoppable(config.clone(), stop, strike).await
            }
        };
        ended.take(&run);
        let Some(result) = &run.ended else { continue };
        let code = run.exit();
        if matches!(code, ExitCode::Done | ExitCode::Rejected | ExitCode::Different) {
            ended.codes.push(code);
            return Ok(());
        }
        last = match result {
            Err(error) => chain(error).join(": "),
            Ok(_) => String::new(),
        };
        if let Some(report) = &run.preflight {
            for finding in findings(report) {
                last.push_str(&finding);
            }
        }
        // Whose types depend on the shard group, of which a Cloud tells nothing.
        if case.content.changes_types() && last.contains("[P12 ") {
            ended.refused = true;
            return Ok(());
        }
        ended.failed.push((code, last.clone()));
        if code == ExitCode::Unexpected {
            return Err(format!("exit 1: {last}"));
        }
        // What went wrong is over.
        rig.source.clear_faults();
        rig.destination.clear_faults();
    }
    Err(format!("{command:?} does not end well, however often it is run: {last}"))
}

fn findings(report: &sluice::testing::report::preflight::PreflightReport) -> Vec<String> {
    use sluice::testing::report::preflight::{Row, Verdict};
    let rows = report.source.iter().chain(&report.destination).chain(&report.progress);
    rows.filter_map(|row| match row {
        Row::Finding(finding) if finding.verdict == Verdict::Fail => {
            Some(format!(" [{} {}: {}]", finding.code, finding.subject, finding.text))
        }
        _ => None,
    })
    .collect()
}
