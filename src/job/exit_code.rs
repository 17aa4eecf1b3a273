//! The exit code of what each boundary can refuse: the servers, the stages, a spool, the system.

use std::io;

use crate::exit::ExitCode;
use crate::influx;
use crate::influx::error::FailureKind;
use crate::pipeline;
use crate::pipeline::error::failure_of_answer;
use crate::pipeline::event::StopReason;
use crate::spool;

/// Of an early end.
pub(crate) fn of_stop(reason: StopReason) -> ExitCode {
    match reason {
        StopReason::ByteBudget => ExitCode::ByteBudget,
        StopReason::TimeBudget => ExitCode::TimeBudget,
        StopReason::Interrupted => ExitCode::Interrupted,
        StopReason::Terminated => ExitCode::Terminated,
    }
}

/// Of a failed request.
pub(crate) fn of_influx(error: &influx::error::Error) -> ExitCode {
    of_kind(error.kind())
}

/// Of such a failure.
pub(crate) fn of_kind(kind: FailureKind) -> ExitCode {
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

/// Of a failed run.
pub(crate) fn of_pipeline(error: &pipeline::error::Error) -> ExitCode {
    use pipeline::error::Error as Failure;
    match error {
        Failure::Influx { source, .. } => of_influx(source),
        // The server's words tell; an answer that cannot be read at all stays so.
        Failure::Decode { source, .. } => of_kind(failure_of_answer(source)),
        Failure::Refused { .. }
        | Failure::TypeConflict { .. }
        | Failure::RejectLimit { .. }
        | Failure::NothingTaken { .. }
        | Failure::ForeignRefusal { .. }
        | Failure::Mismatch { .. }
        | Failure::NotAsFlux { .. }
        | Failure::Misled { .. }
        | Failure::NotStaged { .. } => ExitCode::Permanent,
        Failure::NotAsWritten { .. } => ExitCode::Different,
        Failure::TooManyToKeep { .. } => ExitCode::Usage,
        Failure::State { source, .. } => of_io(source),
        Failure::Spool(error) => of_spool(error),
        Failure::LeaseLost { .. } => ExitCode::Locked,
        Failure::CutOff { .. } => ExitCode::ByteBudget,
        Failure::Record(_) | Failure::RejectsFile { .. } | Failure::AnotherBucket { .. } => {
            ExitCode::State
        }
        Failure::TooSlow { .. }
        | Failure::TooMuchHeld { .. }
        | Failure::SeriesChanged { .. }
        | Failure::Misplaced { .. } => ExitCode::Temporary,
        Failure::Panicked(_) | Failure::StageGone(_) => ExitCode::Unexpected,
    }
}

/// Of a spool that cannot be used.
pub(crate) fn of_spool(error: &spool::error::Error) -> ExitCode {
    use spool::error::Error as Failure;
    match error {
        Failure::Place { .. } => ExitCode::Usage,
        Failure::Io { source, .. } => of_io(source),
        Failure::Objects { .. } => ExitCode::Temporary,
        Failure::Refused { .. }
        | Failure::NoCondition { .. }
        | Failure::TimeDigits { .. }
        | Failure::Doubtful { .. } => ExitCode::Permanent,
        Failure::Locked { .. }
        | Failure::Held { .. }
        | Failure::TakenOver { .. }
        | Failure::Merging { .. }
        | Failure::BeingRead { .. }
        | Failure::Changed { .. } => ExitCode::Locked,
        _ => ExitCode::State,
    }
}

/// Of what the system says, where it is not the state that is at fault.
pub(crate) fn of_io(error: &io::Error) -> ExitCode {
    match error.kind() {
        // The last is a limit on the size of files, as `ulimit -f` sets it.
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ExitCode::DiskFull
        }
        io::ErrorKind::InvalidFilename => ExitCode::Usage,
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory => ExitCode::Permanent,
        _ => OpenFiles::of(error).map_or(ExitCode::State, OpenFiles::exit),
    }
}

/// A limit on open files, which has no kind of its own in the standard library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenFiles {
    /// Of this process: `ulimit -n`.
    OfProcess,
    /// Of the whole machine.
    OfMachine,
}

impl OpenFiles {
    /// The limit that an error of the system is about.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        const ENFILE: i32 = 23;
        const EMFILE: i32 = 24;
        match error.raw_os_error()? {
            EMFILE => Some(Self::OfProcess),
            ENFILE => Some(Self::OfMachine),
            _ => None,
        }
    }

    /// The same, anywhere below an error.
    pub(crate) fn behind(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(limit) = error.downcast_ref::<io::Error>().and_then(Self::of) {
                return Some(limit);
            }
            cause = error.source();
        }
        None
    }

    /// Its code.
    pub(crate) fn exit(self) -> ExitCode {
        match self {
            Self::OfProcess => ExitCode::Permanent,
            Self::OfMachine => ExitCode::Temporary,
        }
    }

    /// What to do about it.
    pub(crate) fn cure(self) -> &'static str {
        match self {
            Self::OfProcess => "raise the limit of open files (ulimit -n): 256 are always enough",
            Self::OfMachine => "this machine has too many files open, all programs together",
        }
    }
}
