//! Where a value stands, and how strong that place is.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where a value stands, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueOrigin {
    /// On the command line.
    Flag(&'static str),
    /// In the environment, under this name.
    Variable(String),
    /// In the TOML file.
    Key {
        /// As it stands there.
        key: String,
        /// Where.
        place: LineOfFile,
    },
    /// In the record of an official task.
    Task(String),
    /// The address of an influx CLI profile.
    Profile(String),
    /// Nowhere: the default of this flag.
    Default(&'static str),
}

impl fmt::Display for ValueOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Default(name) => write!(f, "--{name}"),
            Self::Variable(name) => write!(f, "{name}"),
            Self::Key { key, place } => write!(f, "{key} in {place}"),
            Self::Task(property) => write!(f, "{property} of the task"),
            Self::Profile(name) => write!(f, "url of profile {name:?}"),
        }
    }
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineOfFile {
    /// Which file.
    pub path: Arc<Path>,
    /// Counted from 1.
    pub line: usize,
}

impl fmt::Display for LineOfFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}", self.path.display(), self.line)
    }
}

/// How strong a layer is; a smaller rank wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Typed.
    Flag,
    /// In the environment.
    Env,
    /// In the TOML file.
    File,
}
