//! What can end a command, and the exit code of each.

use std::io;
use std::path::PathBuf;

use crate::bench::record::ReadError;
use crate::cli::pages::PageError;
use crate::exit::ExitCode;
use crate::influx;
use crate::job::error::Error as JobError;
use crate::job::exit_code::{self, OpenFiles};
use crate::model::number;
use crate::report::failure::ErrorFacts;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A job that could not be begun, or did not end well.
    #[error(transparent)]
    Job(Box<JobError>),
    /// A run that failed; the reporter has shown it as the run's result.
    #[error(transparent)]
    Told(Box<JobError>),
    /// A spool is not what was written; the report names each finding.
    #[error("{place} is not whole: {}", number::counted(*.findings, "finding", "findings"))]
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
    /// The demo's own servers do not hold the same content at the end; a defect of sluice.
    #[error(
        "the demo's two ends differ: {} at the source, {} at the destination",
        number::all_counted(*.source_values, "value", "values"),
        number::grouped(*.destination_values)
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
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// A file is no recorded bench.
    #[error("{} cannot be compared", path.display())]
    BenchRecord {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// There is no such man page.
    #[error(transparent)]
    Page(PageError),
}

/// Whatever ends a job ends the command.
impl<E: Into<JobError>> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Job(Box::new(error.into()))
    }
}

impl Error {
    /// What stdout has already, as the result of a run.
    pub fn told(error: JobError) -> Self {
        Self::Told(Box::new(error))
    }

    /// True if stdout has it already.
    pub const fn is_told(&self) -> bool {
        matches!(self, Self::Told(_))
    }

    /// What a program can do with it.
    pub fn facts(&self) -> ErrorFacts {
        match self {
            Self::Job(error) | Self::Told(error) => error.facts(),
            other => ErrorFacts { kind: other.exit().name(), ..ErrorFacts::default() },
        }
    }

    /// The exit code.
    pub fn exit(&self) -> ExitCode {
        OpenFiles::behind(self).map_or_else(|| self.own_exit(), OpenFiles::exit)
    }

    fn own_exit(&self) -> ExitCode {
        match self {
            Self::Job(error) | Self::Told(error) => error.exit(),
            Self::Page(_)
            | Self::NoSnippet { .. }
            | Self::OutputExists { .. }
            | Self::NoDestination
            | Self::BenchRecord { .. } => ExitCode::Usage,
            Self::BenchFile { source, .. }
                if matches!(
                    source.kind(),
                    io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound
                ) =>
            {
                ExitCode::Usage
            }
            Self::BenchFile { source, .. } => exit_code::of_io(source),
            Self::ScratchLeft { source, .. } => exit_code::of_influx(source),
            Self::ScratchExists { .. } => ExitCode::Permanent,
            Self::Output { source, .. } => match exit_code::of_io(source) {
                code @ (ExitCode::DiskFull | ExitCode::Temporary) => code,
                _ if source.kind() == io::ErrorKind::ResourceBusy => ExitCode::Locked,
                _ => ExitCode::Permanent,
            },
            Self::SpoolDamaged { .. } => ExitCode::State,
            Self::DemoDiffers { .. } => ExitCode::Unexpected,
        }
    }
}
