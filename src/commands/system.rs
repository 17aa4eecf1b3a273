//! What the system refuses, and the exit code of it: a full disk, a limit of the process or of the machine.

use std::io;

use crate::exit::ExitCode;

/// What the system says, where it is not the state that is at fault.
pub fn io_exit(error: &io::Error) -> ExitCode {
    match error.kind() {
        // The last is a limit on the size of files, as `ulimit -f` sets it.
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ExitCode::DiskFull
        }
        io::ErrorKind::InvalidFilename => ExitCode::Usage,
        _ => OpenFiles::of(error).map_or(ExitCode::State, OpenFiles::exit),
    }
}

/// A limit on open files, which has no kind of its own in the standard library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenFiles {
    /// Of this process: `ulimit -n`.
    OfProcess,
    /// Of the whole machine.
    OfMachine,
}

impl OpenFiles {
    /// The limit that an error of the system is about.
    pub fn of(error: &io::Error) -> Option<Self> {
        const ENFILE: i32 = 23;
        const EMFILE: i32 = 24;
        match error.raw_os_error()? {
            EMFILE => Some(Self::OfProcess),
            ENFILE => Some(Self::OfMachine),
            _ => None,
        }
    }

    /// The same, anywhere below an error.
    pub fn behind(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
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
    pub fn exit(self) -> ExitCode {
        match self {
            Self::OfProcess => ExitCode::Permanent,
            Self::OfMachine => ExitCode::Temporary,
        }
    }

    /// What to do about it.
    pub fn cure(self) -> &'static str {
        match self {
            Self::OfProcess => "raise the limit of open files (ulimit -n): 256 are always enough",
            Self::OfMachine => "this machine has too many files open, all programs together",
        }
    }
}
