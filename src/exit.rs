//! The exit codes: an interface for scripts and schedulers. `docs/exit-codes.md` holds the same table.

use std::process::{ExitCode as ProcessCode, Termination};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitCode {
    /// Done, nothing refused.
    Done = 0,
    /// An error outside this table; a defect of sluice.
    Unexpected = 1,
    /// Wrong flags, variables or configuration file.
    Usage = 2,
    /// Everything is committed, but some points were rejected.
    Rejected = 3,
    /// The comparison found a difference.
    Different = 4,
    /// Temporary trouble outlasted the retries.
    Temporary = 5,
    /// Permanent: rights, missing bucket, cardinality, TLS, reject limit, every preflight failure.
    Permanent = 7,
    /// The byte budget is used up.
    ByteBudget = 8,
    /// The time budget is used up.
    TimeBudget = 10,
    /// Another run holds the job.
    Locked = 11,
    /// A token was refused.
    TokenRefused = 12,
    /// State is damaged, or belongs to another job.
    State = 13,
    /// Out of disk space.
    DiskFull = 14,
    /// Stopped by SIGINT, resumable.
    Interrupted = 130,
    /// Stopped by SIGTERM, resumable.
    Terminated = 143,
}

impl ExitCode {
    /// All codes, rising.
    pub const ALL: [Self; 15] = [
        Self::Done,
        Self::Unexpected,
        Self::Usage,
        Self::Rejected,
        Self::Different,
        Self::Temporary,
        Self::Permanent,
        Self::ByteBudget,
        Self::TimeBudget,
        Self::Locked,
        Self::TokenRefused,
        Self::State,
        Self::DiskFull,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number that the shell sees.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The word for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unexpected => "defect",
            Self::Usage => "usage",
            Self::Rejected => "rejected",
            Self::Different => "different",
            Self::Temporary => "temporary",
            Self::Permanent => "permanent",
            Self::ByteBudget => "byte_budget",
            Self::TimeBudget => "time_budget",
            Self::Locked => "locked",
            Self::TokenRefused => "unauthorized",
            Self::State => "state",
            Self::DiskFull => "disk_full",
            Self::Interrupted | Self::Terminated => "stopped",
        }
    }

    /// What it means.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, nothing refused",
            Self::Unexpected => "an error outside this table; a defect of sluice",
            Self::Usage => "wrong flags, variables or configuration file",
            Self::Rejected => {
                "everything is committed, but some points were rejected, cannot be read, came late, or are in doubt (also on a later complete run)"
            }
            Self::Different => {
                "the comparison found a difference: the destination does not hold what it acknowledged"
            }
            Self::Temporary => "temporary trouble outlasted the retries",
            Self::Permanent => {
                "permanent: rights, missing bucket, cardinality, TLS, reject limit, every preflight failure"
            }
            Self::ByteBudget => "the byte budget (`--max-transfer`) is used up",
            Self::TimeBudget => "the time budget (`--max-duration`) is used up",
            Self::Locked => "another run holds the job",
            Self::TokenRefused => "a token was refused",
            Self::State => "state is damaged, or belongs to another job",
            Self::DiskFull => "out of disk space",
            Self::Interrupted => "stopped by SIGINT, resumable",
            Self::Terminated => "stopped by SIGTERM, resumable",
        }
    }

    /// What the same command line does if it is run again with nothing else changed.
    pub const fn again(self) -> &'static str {
        match self {
            Self::Done | Self::Rejected => "continues up to the present (a top-up)",
            Self::Unexpected => "unknown; report it",
            Self::Usage | Self::Permanent | Self::TokenRefused | Self::State => {
                "fails again: cure the cause first"
            }
            Self::Different => "finds it again",
            Self::Temporary
            | Self::ByteBudget
            | Self::TimeBudget
            | Self::Interrupted
            | Self::Terminated => "goes on where it stopped",
            Self::Locked => "works once the other run has ended",
            Self::DiskFull => "goes on once there is space",
        }
    }
}

impl From<ExitCode> for ProcessCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

impl Termination for ExitCode {
    fn report(self) -> ProcessCode {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_rising() {
        assert!(ExitCode::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
        let numbers: Vec<u8> = ExitCode::ALL.iter().map(|code| code.number()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 7, 8, 10, 11, 12, 13, 14, 130, 143]);
    }
}
