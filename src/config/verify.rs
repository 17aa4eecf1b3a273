//! The checked settings of `verify` beside those of a job.

use std::path::PathBuf;

use super::env::Env;
use super::error::ConfigError;
use super::layers::Layers;
use super::table::{DIFFERENCES, REPAIR, REPORT, SUPERSET, VERIFY_SOURCE};
use super::values::EvidenceChoice;
use crate::spool::place::Surroundings;

/// What is compared, and what becomes of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyConfig {
    /// What the destination is held against, if that was chosen.
    pub evidence: Option<EvidenceChoice>,
    /// What else the store of a spool needs.
    pub surroundings: Surroundings,
    /// Values that differ, named on the screen.
    pub values_shown: usize,
    /// Where all of them go.
    pub report: Option<PathBuf>,
    /// The destination may hold more.
    pub superset: bool,
    /// What is missing or changed is written again.
    pub repair: bool,
}

impl VerifyConfig {
    /// Checks the flags.
    pub fn new(layers: &Layers, env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            evidence: layers.find(VERIFY_SOURCE)?,
            surroundings: env.surroundings(),
            values_shown: layers.get(DIFFERENCES)?,
            report: layers.find(REPORT)?,
            superset: layers.get(SUPERSET)?,
            repair: layers.get(REPAIR)?,
        })
    }

    /// The place of the spool that the destination is held against, if it is one.
    pub fn spool(&self) -> Option<&str> {
        match &self.evidence {
            Some(EvidenceChoice::Spool(place)) => Some(place),
            _ => None,
        }
    }
}
