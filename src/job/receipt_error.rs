//! What can be wrong with the file of a receipt.

use std::io;
use std::path::PathBuf;

use super::exit_code;
use crate::exit::ExitCode;
use crate::report::receipt::check::ReceiptError;

/// Why there is no receipt, or none that can be believed.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptFileError {
    /// It cannot be written.
    #[error("--receipt {}: it cannot be written", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// Something else stands there.
    #[error("--receipt {}: it is there already and is no file; name another one", .path.display())]
    NoFile {
        /// What stands there.
        path: PathBuf,
    },
    /// What was found cannot be told by a receipt.
    #[error("--receipt {}: none is written, because what is recorded does not fit together: {why}", .path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What does not.
        why: String,
    },
    /// It cannot be read.
    #[error("--receipt-check {}: it cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// It is none, or not as it was written.
    #[error("--receipt-check {}", .path.display())]
    Check {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ReceiptError,
    },
    /// A spool holds something else than what a receipt is of.
    #[error(
        "the spool {place} is of another job: {what} is {of_spool} there, and {of_receipt} in the receipt"
    )]
    OtherSpool {
        /// The spool.
        place: String,
        /// What differs.
        what: &'static str,
        /// As the spool has it.
        of_spool: String,
        /// As the receipt has it.
        of_receipt: String,
    },
}

impl ReceiptFileError {
    /// The exit code.
    pub(crate) fn exit(&self) -> ExitCode {
        match self {
            Self::Write { source, .. } => match exit_code::of_io(source) {
                ExitCode::DiskFull => ExitCode::DiskFull,
                _ if source.kind() == io::ErrorKind::ResourceBusy => ExitCode::Locked,
                _ => ExitCode::Permanent,
            },
            Self::NoFile { .. } => ExitCode::Permanent,
            Self::Read { .. } => ExitCode::Usage,
            Self::Check { source, .. } => match source {
                ReceiptError::Foreign | ReceiptError::Format(_) => ExitCode::Usage,
                ReceiptError::Changed(_) | ReceiptError::Unfit(_) => ExitCode::State,
            },
            Self::Unfit { .. } | Self::OtherSpool { .. } => ExitCode::State,
        }
    }
}
