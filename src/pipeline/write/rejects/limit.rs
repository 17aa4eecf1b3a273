//! What may be refused, and where it goes.

use std::path::{Path, PathBuf};

/// Where refused lines go, and whose they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectsFile {
    /// The file; empty if refused lines are not kept.
    pub path: PathBuf,
    /// The job, in one line.
    pub job: String,
    /// True if it stands at the job's own place, where a file without a first line is the job's, too.
    pub is_own_place: bool,
}

impl RejectsFile {
    /// Of a run whose refused values nobody asks for.
    pub fn nowhere() -> Self {
        Self { path: PathBuf::new(), job: String::new(), is_own_place: false }
    }

    /// False if refused lines are not kept.
    pub fn is_kept(&self) -> bool {
        !self.path.as_os_str().is_empty()
    }

    /// Where temporary files beside it go.
    pub fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }
}

/// What may be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectLimit {
    /// Values refused in the batches that earlier runs have committed.
    pub before: u64,
    /// Refused values at the most, earlier runs included.
    pub max: u64,
    /// Where refused lines go.
    pub file: RejectsFile,
}

impl RejectLimit {
    /// Of a run that only looks: all may be refused, and nobody asks what.
    pub fn none() -> Self {
        Self { before: 0, max: u64::MAX, file: RejectsFile::nowhere() }
    }
}
