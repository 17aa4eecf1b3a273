//! What can end a job before its run or in it, and the exit code of each.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

use super::exit_code::{self, OpenFiles};
use super::receipt_error::ReceiptFileError;
use crate::checkpoint::identity::Difference;
use crate::config::error::ConfigError;
use crate::exit::ExitCode;
use crate::influx::token::TokenError;
use crate::influx::{self, secrets};
use crate::job::dashboard_error::DashboardError;
use crate::limits::STOP_MS_MAX;
use crate::model::interval::Interval;
use crate::model::number;
use crate::model::side::Side;
use crate::model::time::TimeRange;
use crate::pipeline;
use crate::pipeline::commit::job_lock::LockError;
use crate::pipeline::event::StopReason;
use crate::report::failure::ErrorFacts;
use crate::report::preflight::{PreflightReport, Verdict};
use crate::report::state::stop_name;
use crate::report::summary::FailureInput;
use crate::spool;

/// Why a job did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file of a token cannot be read; no server was asked.
    #[error("token of the {side}")]
    TokenFile {
        /// Whose.
        side: Side,
        /// Why.
        source: TokenError,
    },
    /// The file of certificates cannot be used; no server was asked.
    #[error("--tls-ca-file {}: {why}; name a file with certificates in PEM form", .path.display())]
    CaFile {
        /// The file, from the root.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A server did not do what was asked.
    #[error(transparent)]
    Influx(#[from] influx::error::Error),
    /// A spool cannot be used.
    #[error(transparent)]
    Spool(#[from] Box<spool::error::Error>),
    /// The run failed.
    #[error(transparent)]
    Pipeline(#[from] pipeline::error::Error),
    /// A check failed; the report names it and its cure.
    #[error(
        "{} before the start failed; nothing was written",
        number::counted(*.failures as u64, "check", "checks")
    )]
    Preflight {
        /// How many.
        failures: usize,
        /// The report's own code.
        exit: ExitCode,
        /// Of the first of them: its end, the status of that end's answer, and its cure.
        first: (Option<Side>, Option<u16>, Option<String>),
    },
    /// The end was asked for before anything was moved.
    #[error("stopped by {} before anything was moved; the same command starts again", stop_name(*.0))]
    Stopped(StopReason),
    /// The end was asked for, and what was under way did not end in its time.
    #[error(
        "stopped by {}, but not all of it ended within {} s; what is committed is kept, and the same command goes on from there",
        stop_name(*.0), STOP_MS_MAX / 1_000
    )]
    NotEnded(StopReason),
    /// What was read has no way to go: no checks found a destination, and no spool was asked for.
    #[error("there is neither a destination nor a spool to write to")]
    Nowhere,
    /// Batches that nobody can want.
    #[error(
        "{interval} cuts {range} into {} batches, more than {}; --batch-interval auto, or one of {least} at the least",
        number::grouped(*.batches),
        number::grouped(*.max)
    )]
    TooManyBatches {
        /// As asked for.
        interval: Interval,
        /// What is cut.
        range: TimeRange,
        /// How many.
        batches: u64,
        /// How many may be.
        max: u64,
        /// An interval that keeps to it.
        least: Interval,
    },
    /// The user said no, or could not be asked.
    #[error("{0}")]
    NotConfirmed(&'static str),
    /// Another run holds the job.
    #[error(
        "the job is locked: run {run} on {machine} was active {age_s} s ago (a lease is dead after 3 minutes)"
    )]
    Leased {
        /// Its machine.
        machine: String,
        /// Its run.
        run: String,
        /// Time since its last sign of life.
        age_s: u64,
    },
    /// Another run on this machine holds the job, or the state folder cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The checkpoint belongs to another job.
    #[error(
        "the batch bucket {bucket:?} holds the progress of another job with the same names: {difference}; {}",
        way_out(.difference)
    )]
    OtherJob {
        /// The batch bucket.
        bucket: String,
        /// What differs.
        difference: Difference,
    },
    /// A spool cannot be loaded by such a filter.
    #[error(
        "a spool can be read by time and measurement only, but the filter is {filter} (the spool was written with: {own})"
    )]
    NotLoadable {
        /// As asked for.
        filter: String,
        /// That of the spool.
        own: String,
    },
    /// A spool does not hold a measurement.
    #[error("the spool {place} holds no measurement {measurement:?}; it has: {there}")]
    NotSpooled {
        /// Its name.
        measurement: String,
        /// The spool.
        place: String,
        /// What it holds, and what was probably meant.
        there: String,
    },
    /// Records of the official task cannot be taken over as asked.
    #[error(
        "the batch bucket holds records of the official task, but {why}; --adopt takes them over all the same"
    )]
    NotAdopted {
        /// What does not fit.
        why: String,
    },
    /// The destination holds data that no run of this job has written.
    #[error(
        "the destination bucket {bucket:?} already holds {} in {range} that this job has not written; \
         give another --destination-bucket, or --existing merge, which writes over and between them",
        number::all_counted(*.values, "value", "values")
    )]
    ForeignData {
        /// The bucket.
        bucket: String,
        /// How many.
        values: u64,
        /// Where.
        range: TimeRange,
    },
    /// Another job writes into the same stretch of the destination.
    #[error(
        "another job moves {reads} into the destination bucket {bucket:?}, over {theirs}, and this run would write {range}: \
         what both hold would be written over; another --destination-bucket, or --existing merge if both shall lie in one"
    )]
    OtherSource {
        /// The bucket.
        bucket: String,
        /// What the other job reads.
        reads: String,
        /// Where it may have written.
        theirs: TimeRange,
        /// Where this run would write.
        range: TimeRange,
    },
    /// There is nothing to compare.
    #[error(
        "the batch bucket {batch_bucket:?} holds no progress of {job}: verify takes the settings of the run that moved the data"
    )]
    NothingMoved {
        /// The batch bucket.
        batch_bucket: String,
        /// What was looked for.
        job: String,
    },
    /// Nobody says where the source is.
    #[error("no source is given: --source-host and its token, or --source-profile, name it")]
    NoSource,
    /// A bucket that is to be compared is not there.
    #[error("the {side} has no bucket {bucket:?} that the token sees")]
    NoBucket {
        /// The end.
        side: Side,
        /// Its name.
        bucket: String,
    },
    /// The spool that a destination is to be held against is another one's.
    #[error(
        "the spool {place} is not of this job: the {what} of the job is {of_job:?}, that of the spool {of_spool:?}"
    )]
    OtherSpool {
        /// The spool.
        place: String,
        /// What differs.
        what: &'static str,
        /// As the job has it.
        of_job: String,
        /// As the spool has it.
        of_spool: String,
    },
    /// Of the jobs that are looked for there is none.
    #[error(
        "no job with the bucket {named:?} has left any progress there{}",
        match .others {
            0 => String::new(),
            others => format!("; --all shows {}", number::counted(*others, "other", "others")),
        }
    )]
    NoSuchJob {
        /// The bucket that was named.
        named: String,
        /// How many others there are.
        others: u64,
    },
    /// A spool has no end that could be compared.
    #[error(
        "there is no bucket to compare: sluice spool verify {place} proves a spool; what was loaded of it is compared by \
         --source spool:{place}, without --spool"
    )]
    NoBucketOfSpool {
        /// The spool.
        place: String,
    },
    /// The file of all differences cannot be written.
    #[error("--report {}: it cannot be written", .path.display())]
    ReportFile {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// There is no receipt, or none that can be believed.
    #[error(transparent)]
    Receipt(#[from] ReceiptFileError),
    /// Values that were renamed would be written under their first names.
    #[error(
        "--repair cannot tell which values --on-type-conflict suffix gave another name: move the stretch again into a new bucket"
    )]
    RepairRenamed,
    /// The end was asked for while both ends were compared.
    #[error(
        "stopped by {} while comparing: {}",
        stop_name(*.reason),
        if *.is_kept {
            "what was found equal is kept, what --repair has written again stays; the same command goes on from there"
        } else {
            "nothing of it is kept, what --repair has written again stays; the same command begins again"
        }
    )]
    VerifyStopped {
        /// By whom.
        reason: StopReason,
        /// What was found equal is kept.
        is_kept: bool,
    },
    /// The records of a job are more than can be had at once.
    #[error(
        "the job has more batches than can be compared at once: --source read with --start and --stop compares a part"
    )]
    TooManyRecords,
    /// A dashboard cannot be installed, or not be taken away.
    #[error(transparent)]
    Dashboard(#[from] DashboardError),
    /// The system refused something.
    #[error("{what}")]
    Io {
        /// What was attempted.
        what: &'static str,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl From<StopReason> for Error {
    fn from(reason: StopReason) -> Self {
        Self::Stopped(reason)
    }
}

impl Error {
    /// For what preflight has found.
    pub fn preflight(report: &PreflightReport) -> Self {
        let mut failed = report.findings_by_side();
        let first = failed.find(|(_, finding)| finding.verdict == Verdict::Fail);
        let first = first.map_or((None, None, None), |(part, finding)| {
            let side = match part {
                "source" => Some(Side::Source),
                "destination" => Some(Side::Destination),
                _ => None,
            };
            let status = finding.facts.get("status").and_then(serde_json::Value::as_u64);
            (side, status.and_then(|status| u16::try_from(status).ok()), finding.cure.clone())
        });
        Self::Preflight { failures: report.count(Verdict::Fail), exit: report.exit(), first }
    }

    /// The same; if all that failed is what a run would be `refused` for, that.
    pub(crate) fn failed_checks(report: &PreflightReport, refused: Option<Self>) -> Self {
        let only = report.count(Verdict::Fail) == 1;
        refused.filter(|_| only).unwrap_or_else(|| Self::preflight(report))
    }

    /// What is told of a run that it has ended after so long.
    pub fn failure(&self, elapsed_ms: u64) -> FailureInput {
        FailureInput {
            errors: chain(self),
            facts: self.facts(),
            elapsed_ms,
            exit: self.exit().number(),
        }
    }

    /// What a program can do with it.
    pub fn facts(&self) -> ErrorFacts {
        let influx = match self {
            Self::Influx(error) => Some(error),
            Self::Pipeline(pipeline::error::Error::Influx { source, .. }) => Some(source),
            _ => None,
        };
        match influx {
            Some(error) => ErrorFacts {
                kind: error.kind().name(),
                side: Some(error.side),
                status: error.status,
                cure: error.cure.map(str::to_owned),
            },
            None => match self {
                Self::Preflight { first: (side, status, cure), .. } => ErrorFacts {
                    kind: self.kind(),
                    side: *side,
                    status: *status,
                    cure: cure.clone(),
                },
                _ => ErrorFacts { kind: self.kind(), ..ErrorFacts::default() },
            },
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Preflight { .. } => "preflight",
            Self::Stopped(_) | Self::NotEnded(_) | Self::VerifyStopped { .. } => "stopped",
            Self::NotConfirmed(_) => "not_confirmed",
            Self::ForeignData { .. } | Self::OtherSource { .. } => "foreign_data",
            other => other.exit().name(),
        }
    }

    /// The exit code.
    pub fn exit(&self) -> ExitCode {
        OpenFiles::behind(self).map_or_else(|| self.own_exit(), OpenFiles::exit)
    }

    fn own_exit(&self) -> ExitCode {
        match self {
            Self::Stopped(reason) | Self::NotEnded(reason) | Self::VerifyStopped { reason, .. } => {
                exit_code::of_stop(*reason)
            }
            Self::Config(_)
            | Self::TokenFile { .. }
            | Self::CaFile { .. }
            | Self::Nowhere
            | Self::TooManyBatches { .. }
            | Self::NotConfirmed(_)
            | Self::NotLoadable { .. }
            | Self::NotSpooled { .. }
            | Self::NoBucketOfSpool { .. }
            | Self::RepairRenamed
            | Self::NoSource => ExitCode::Usage,
            Self::Influx(error) => exit_code::of_influx(error),
            Self::Pipeline(error) => exit_code::of_pipeline(error),
            Self::Spool(error) => exit_code::of_spool(error),
            Self::Preflight { exit, .. } => *exit,
            Self::ForeignData { .. }
            | Self::OtherSource { .. }
            | Self::NothingMoved { .. }
            | Self::NoBucket { .. }
            | Self::NoSuchJob { .. }
            | Self::Dashboard(_)
            | Self::TooManyRecords => ExitCode::Permanent,
            Self::Leased { .. } | Self::Lock(LockError::Held { .. }) => ExitCode::Locked,
            Self::Lock(LockError::Io { source, .. }) | Self::Io { source, .. } => {
                exit_code::of_io(source)
            }
            Self::ReportFile { source, .. } => match exit_code::of_io(source) {
                ExitCode::DiskFull => ExitCode::DiskFull,
                _ => ExitCode::Permanent,
            },
            Self::Receipt(error) => error.exit(),
            Self::OtherJob { .. } | Self::OtherSpool { .. } | Self::NotAdopted { .. } => {
                ExitCode::State
            }
        }
    }
}

/// The error with its causes, outermost first, and last what to do about a limit that the system has met. What two of them
/// What to do where the progress is that of another job.
pub(crate) fn way_out(difference: &Difference) -> &'static str {
    if difference.is_of_bucket() {
        "--batch-bucket NAME begins a separate job; or take out the progress of that one (docs/clean-up.md)"
    } else {
        "the same settings resume it; --batch-bucket NAME keeps a separate job"
    }
}

/// say is said once.
pub fn chain(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut texts = vec![secrets::redact(error.to_string())];
    let mut source = error.source();
    while let Some(cause) = source {
        let text = secrets::redact(cause.to_string());
        source = cause.source();
        let Some(last) = texts.last_mut() else { break };
        if text.contains(&format!("{last}: ")) {
            *last = text;
        } else if !last.ends_with(&text) {
            texts.push(text);
        }
    }
    texts.extend(OpenFiles::behind(error).map(|limit| limit.cure().to_owned()));
    texts
}
