//! The checked settings of `verify` beside those of a job.

use std::path::PathBuf;

use super::env::Env;
use super::error::ConfigError;
use super::flag::Typed;
use super::job::JobOutput;
use super::layers::Layers;
use super::table::{
    DIFFERENCES, FROM_START, RECEIPT, REPAIR, REPORT, SAMPLE, SAMPLE_SEED, SPOOL, SUPERSET,
    VERIFY_SOURCE,
};
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
    /// Where the receipt goes.
    pub receipt: Option<PathBuf>,
    /// The destination may hold more.
    pub superset: bool,
    /// What is missing or changed is written again.
    pub repair: bool,
    /// Some of the batches are compared instead of all.
    pub sample: Option<BatchSample>,
    /// What a comparison that was stopped has found equal is compared again.
    pub from_start: bool,
}

impl VerifyConfig {
    /// Checks the flags.
    pub fn new(layers: &Layers, env: &Env) -> Result<Self, ConfigError> {
        if let (Some(report), Some(receipt)) =
            (layers.given(REPORT.flag)?, layers.given(RECEIPT.flag)?)
            && report.path() == receipt.path()
        {
            let (first, second) = (report.origin, receipt.origin);
            return Err(ConfigError::OneFile { first, second });
        }
        let evidence = layers.find(VERIFY_SOURCE)?;
        let (repair, receipt) = (layers.get(REPAIR)?, layers.find(RECEIPT)?);
        Ok(Self {
            sample: sample(layers, evidence.as_ref(), (repair, receipt.is_some()))?,
            evidence,
            surroundings: env.surroundings(),
            values_shown: layers.get(DIFFERENCES)?,
            report: layers.find(REPORT)?,
            receipt,
            superset: layers.get(SUPERSET)?,
            repair,
            from_start: layers.get(FROM_START)?,
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

/// Some batches are read only where both ends are; nothing is repaired that nobody has looked at, and a receipt tells of all.
fn sample(
    layers: &Layers,
    evidence: Option<&EvidenceChoice>,
    (repair, receipt): (bool, bool),
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
    if !matches!(evidence, Some(EvidenceChoice::Read | EvidenceChoice::Spool(_))) {
        return Err(ConfigError::SampleOfRecord { given });
    }
    if repair {
        return Err(ConfigError::SampleRepaired { given });
    }
    if receipt {
        return Err(ConfigError::SampleReceipt { given });
    }
    Ok(Some(BatchSample { per_mille, seed }))
}

/// How a receipt is checked: nothing of a job is needed, and no file of settings read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceiptCheckConfig {
    /// A spool that it is held against, as typed.
    pub spool: Option<String>,
    /// What else its store needs.
    pub surroundings: Surroundings,
    /// What is printed, and how.
    pub output: JobOutput,
}

impl ReceiptCheckConfig {
    /// Checks the flags. Here `--spool` names a place, and only where it is typed: as a variable it is that of a migration.
    pub(crate) fn new(typed: Vec<Typed>, env: &Env) -> Result<Self, ConfigError> {
        let layers = Layers::new(typed, env);
        let spool = layers.typed().find(|(flag, _)| *flag == SPOOL.flag);
        Ok(Self {
            spool: spool.map(|(_, given)| given.place()).transpose()?,
            surroundings: env.surroundings(),
            output: JobOutput::new(&layers, env, &[])?,
        })
    }
}
