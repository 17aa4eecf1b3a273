//! The checked settings of `verify` beside those of a job.

use std::path::PathBuf;

use super::env::Env;
use super::error::ConfigError;
use super::layers::Layers;
use super::table::{DIFFERENCES, REPAIR, REPORT, SAMPLE, SAMPLE_SEED, SUPERSET, VERIFY_SOURCE};
use super::values::EvidenceChoice;
use crate::pipeline::verify::sample::BatchSample;
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
    /// Some of the batches are compared instead of all.
    pub sample: Option<BatchSample>,
}

impl VerifyConfig {
    /// Checks the flags.
    pub fn new(layers: &Layers, env: &Env) -> Result<Self, ConfigError> {
        let evidence = layers.find(VERIFY_SOURCE)?;
        let repair = layers.get(REPAIR)?;
        Ok(Self {
            sample: sample(layers, evidence.as_ref(), repair)?,
            evidence,
            surroundings: env.surroundings(),
            values_shown: layers.get(DIFFERENCES)?,
            report: layers.find(REPORT)?,
            superset: layers.get(SUPERSET)?,
            repair,
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

/// Some batches are read only where both ends are; and nothing is repaired that nobody has looked at.
fn sample(
    layers: &Layers,
    evidence: Option<&EvidenceChoice>,
    repair: bool,
) -> Result<Option<BatchSample>, ConfigError> {
    let seed = layers.get(SAMPLE_SEED)?;
    let (Some(given), Some(per_mille)) = (layers.plain(SAMPLE.flag), layers.find(SAMPLE)?) else {
        return match layers.plain(SAMPLE_SEED.flag) {
            Some(seed) => {
                Err(ConfigError::Incomplete { given: seed.origin.clone(), needs: "--sample SHARE" })
            }
            None => Ok(None),
        };
    };
    let given = given.origin.clone();
    match evidence {
        Some(EvidenceChoice::Read | EvidenceChoice::Spool(_)) if repair => {
            Err(ConfigError::SampleRepaired { given })
        }
        Some(EvidenceChoice::Read | EvidenceChoice::Spool(_)) => {
            Ok(Some(BatchSample { per_mille, seed }))
        }
        Some(EvidenceChoice::Recorded | EvidenceChoice::Counts) | None => {
            Err(ConfigError::SampleOfRecord { given })
        }
    }
}
