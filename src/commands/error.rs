//! What can end a command, and the exit code of each.

use std::io;
use std::path::PathBuf;

use super::system::{OpenFiles, io_exit};
use crate::cli::pages::PageError;
use crate::config::error::ConfigError;
use crate::exit::ExitCode;
use crate::influx;
use crate::influx::classify::classify_query_text;
use crate::influx::error::FailureKind;
use crate::limits::STOP_MS_MAX;
use crate::model::interval::Interval;
use crate::model::time::TimeRange;
use crate::pipeline;
use crate::pipeline::commit::job_lock::LockError;
use crate::pipeline::event::StopReason;
use crate::report::state::stop_name;
use crate::spool;
use crate::wire::csv;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A server did not do what was asked.
    #[error(transparent)]
    Influx(#[from] influx::error::Error),
    /// A spool cannot be used.
    #[error(transparent)]
    Spool(#[from] Box<spool::error::Error>),
    /// The run failed.
    #[error(transparent)]
    Pipeline(#[from] pipeline::error::Error),
    /// A server's answer cannot be read.
    #[error("{what}")]
    Decode {
        /// What was attempted.
        what: &'static str,
        /// The decoder's error.
        #[source]
        source: csv::error::Error,
    },
    /// A check failed; the report names it and its cure.
    #[error("{failures} of the checks before the start failed; nothing was written")]
    Preflight {
        /// How many.
        failures: usize,
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
    /// Batches that nobody can want.
    #[error(
        "{interval} cuts {range} into {batches} batches, more than {max}; --batch-interval auto, or one of {least} at the least"
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
        "the batch bucket {bucket:?} holds the progress of another job with the same names: {part} was {stored}, now it is {given}; \
         use the same settings to resume it, or --batch-bucket NAME to keep a separate job"
    )]
    OtherJob {
        /// The batch bucket.
        bucket: String,
        /// What differs.
        part: &'static str,
        /// As the job was begun.
        stored: String,
        /// As it is asked for now.
        given: String,
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
    #[error("{place} holds no measurement {measurement:?}")]
    NotSpooled {
        /// Its name.
        measurement: String,
        /// The spool.
        place: String,
    },
    /// A spool is not what was written; the report names each finding.
    #[error("{place} is not whole: {findings} findings")]
    SpoolDamaged {
        /// The spool.
        place: String,
        /// How many.
        findings: u64,
    },
    /// There is no text for an engine that reads a spool at this place.
    #[error("--sql knows spools in folders only, and {place} is none whose name is text")]
    NoSnippet {
        /// The spool.
        place: String,
    },
    /// An export would replace a file.
    #[error("{} is there already; remove it, or name another file", .path.display())]
    OutputExists {
        /// The file.
        path: PathBuf,
    },
    /// An export cannot be written.
    #[error("cannot write {target}")]
    Output {
        /// What is written.
        target: String,
        /// The system's error.
        #[source]
        source: io::Error,
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
        "the destination bucket {bucket:?} already holds {values} values in {range} that this job has not written; \
         --existing merge writes over and between them"
    )]
    ForeignData {
        /// The bucket.
        bucket: String,
        /// How many.
        values: u64,
        /// Where.
        range: TimeRange,
    },
    /// The demo's own servers do not hold the same content at the end; a defect of sluice.
    #[error(
        "the demo's two ends differ: {source_values} values at the source, {destination_values} at the destination"
    )]
    DemoDiffers {
        /// Values of the simulated Cloud.
        source_values: u64,
        /// Values of the simulated OSS.
        destination_values: u64,
    },
    /// A bucket for trials has a name that is taken.
    #[error("a bucket {name:?} is there already and is not touched: run the command again")]
    ScratchExists {
        /// Its name.
        name: String,
    },
    /// The bucket of a trial could not be deleted.
    #[error(
        "the bucket {name:?} of a trial could not be deleted: influx bucket delete --id {id} does it"
    )]
    ScratchLeft {
        /// Its name.
        name: String,
        /// Its id.
        id: String,
        /// The client's error.
        #[source]
        source: influx::error::Error,
    },
    /// The trials cannot be written anywhere.
    #[error("--sink destination needs a destination: its token, profile or address")]
    NoDestination,
    /// A file of results cannot be used.
    #[error("{}", path.display())]
    BenchFile {
        /// Which.
        path: std::path::PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// A file is no recorded bench.
    #[error("{} cannot be compared", path.display())]
    BenchRecord {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: crate::bench::record::ReadError,
    },
    /// There is no such man page.
    #[error(transparent)]
    Page(PageError),
    /// A run that failed; the reporter has shown it as the run's result.
    #[error(transparent)]
    Told(Box<Self>),
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
    /// The same error, already shown as a result.
    #[must_use]
    pub fn told(self) -> Self {
        Self::Told(Box::new(self))
    }

    /// True if stdout has it already.
    pub const fn is_told(&self) -> bool {
        matches!(self, Self::Told(_))
    }

    /// The exit code.
    pub fn exit(&self) -> ExitCode {
        OpenFiles::behind(self).map_or_else(|| self.own_exit(), OpenFiles::exit)
    }

    fn own_exit(&self) -> ExitCode {
        match self {
            Self::Stopped(reason) | Self::NotEnded(reason) => stop_exit(*reason),
            Self::Config(_)
            | Self::TooManyBatches { .. }
            | Self::NotConfirmed(_)
            | Self::Page(_)
            | Self::NoSnippet { .. }
            | Self::OutputExists { .. }
            | Self::NotLoadable { .. }
            | Self::NotSpooled { .. }
            | Self::NoDestination
            | Self::BenchRecord { .. } => ExitCode::Usage,
            Self::BenchFile { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                ExitCode::Usage
            }
            Self::ScratchLeft { source, .. } => influx_exit(source),
            Self::Told(error) => error.exit(),
            Self::Influx(error) => influx_exit(error),
            Self::Pipeline(error) => pipeline_exit(error),
            Self::Spool(error) => spool_exit(error),
            Self::Preflight { .. } | Self::ForeignData { .. } | Self::ScratchExists { .. } => {
                ExitCode::Permanent
            }
            Self::Leased { .. } | Self::Lock(LockError::Held { .. }) => ExitCode::Locked,
            Self::Lock(LockError::Io { source, .. })
            | Self::BenchFile { source, .. }
            | Self::Io { source, .. } => io_exit(source),
            Self::Output { source, .. } => match io_exit(source) {
                code @ (ExitCode::DiskFull | ExitCode::Temporary) => code,
                _ if source.kind() == io::ErrorKind::ResourceBusy => ExitCode::Locked,
                _ => ExitCode::Permanent,
            },
            Self::OtherJob { .. } | Self::NotAdopted { .. } | Self::SpoolDamaged { .. } => {
                ExitCode::State
            }
            Self::Decode { source, .. } => kind_exit(failure_of(source)),
            Self::DemoDiffers { .. } => ExitCode::Unexpected,
        }
    }
}

/// What kind of failure an answer is that cannot be read. One that is only damaged has been asked for again already.
pub(super) fn failure_of(error: &csv::error::Error) -> FailureKind {
    use csv::error::Error as Bad;
    match error {
        Bad::Query { message, .. } | Bad::GluedError { message } => classify_query_text(message),
        Bad::TooLong { .. } | Bad::DuplicateColumn { .. } => FailureKind::BadRequest,
        _ => FailureKind::Interrupted,
    }
}

fn influx_exit(error: &influx::error::Error) -> ExitCode {
    kind_exit(error.kind())
}

fn kind_exit(kind: FailureKind) -> ExitCode {
    match kind {
        FailureKind::Unauthorized => ExitCode::TokenRefused,
        FailureKind::Connect
        | FailureKind::Timeout
        | FailureKind::Interrupted
        | FailureKind::RateLimited { .. }
        | FailureKind::Unavailable { .. }
        | FailureKind::ServerError
        | FailureKind::MemoryLimit
        | FailureKind::CacheFull => ExitCode::Temporary,
        FailureKind::DiskFull => ExitCode::DiskFull,
        _ => ExitCode::Permanent,
    }
}

fn pipeline_exit(error: &pipeline::error::Error) -> ExitCode {
    use pipeline::error::Error as Failure;
    match error {
        Failure::Influx { source, .. } => influx_exit(source),
        // The server's words tell; an answer that cannot be read at all stays so.
        Failure::Decode { .. } => pipeline::read::bucket::failure::source_failure(error, u32::MAX)
            .map_or(ExitCode::Permanent, kind_exit),
        Failure::Refused { .. }
        | Failure::TypeConflict { .. }
        | Failure::RejectLimit { .. }
        | Failure::NothingTaken { .. }
        | Failure::ForeignRefusal { .. }
        | Failure::Mismatch { .. }
        | Failure::NotAsFlux { .. }
        | Failure::Doubtful { .. }
        | Failure::NotStaged { .. } => ExitCode::Permanent,
        Failure::State { source, .. } => io_exit(source),
        Failure::Spool(error) => spool_exit(error),
        Failure::LeaseLost { .. } => ExitCode::Locked,
        Failure::CutOff { .. } => ExitCode::ByteBudget,
        Failure::Record(_) | Failure::RejectsFile { .. } => ExitCode::State,
        Failure::TooSlow { .. } | Failure::TooMuchHeld { .. } | Failure::SeriesChanged { .. } => {
            ExitCode::Temporary
        }
        Failure::Panicked(_) | Failure::StageGone(_) => ExitCode::Unexpected,
    }
}

fn spool_exit(error: &spool::error::Error) -> ExitCode {
    use spool::error::Error as Failure;
    match error {
        Failure::Place { .. } => ExitCode::Usage,
        Failure::Io { source, .. } => io_exit(source),
        Failure::Objects { .. } => ExitCode::Temporary,
        Failure::Refused { .. } | Failure::NoCondition { .. } | Failure::TimeDigits { .. } => {
            ExitCode::Permanent
        }
        Failure::Locked { .. }
        | Failure::Held { .. }
        | Failure::TakenOver { .. }
        | Failure::Merging { .. }
        | Failure::BeingRead { .. }
        | Failure::Changed { .. } => ExitCode::Locked,
        _ => ExitCode::State,
    }
}

/// The code of an early end.
pub(super) fn stop_exit(reason: StopReason) -> ExitCode {
    match reason {
        StopReason::ByteBudget => ExitCode::ByteBudget,
        StopReason::TimeBudget => ExitCode::TimeBudget,
        StopReason::Interrupted => ExitCode::Interrupted,
        StopReason::Terminated => ExitCode::Terminated,
    }
}
