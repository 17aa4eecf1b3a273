//! The ways in which a slice is read.

use std::fmt;
use std::str::FromStr;

/// How the values of a measurement are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Flux with all tags: needs to know nothing, and carries nearly everything.
    Flux,
    /// Flux with the key tags only; the others are restored from the catalogue.
    FluxKeyed,
    /// The same with the fields of one time in one row.
    FluxPivot,
    /// InfluxQL, one statement for each measurement.
    Influxql,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Flux, Self::FluxKeyed, Self::FluxPivot, Self::Influxql];

    /// Its name on the command line and in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flux => "flux",
            Self::FluxKeyed => "flux-keyed",
            Self::FluxPivot => "flux-pivot",
            Self::Influxql => "influxql",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no transport of that name: flux, flux-keyed, flux-pivot or influxql")]
pub struct UnknownTransport;

impl FromStr for Transport {
    type Err = UnknownTransport;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|transport| transport.name() == text).ok_or(UnknownTransport)
    }
}
