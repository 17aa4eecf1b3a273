//! The checked settings of `dashboard`: where it is installed, and over which records.

use super::ends::EndConfig;
use super::env::Env;
use super::error::ConfigError;
use super::job::JobOutput;
use super::layers::Layers;
use super::table::{BATCH_BUCKET, DRY_RUN, WAIT_FOR_ENDS};

/// What is installed, or taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DashboardConfig {
    /// The server.
    pub destination: EndConfig,
    /// The bucket that keeps the progress.
    pub batch_bucket: String,
    /// How long the server is waited for at the start; 0 is not at all.
    pub wait_ms: u64,
    /// Tell what would be done, and do nothing.
    pub dry_run: bool,
    /// What is printed.
    pub output: JobOutput,
}

impl DashboardConfig {
    /// Checks the flags.
    pub(super) fn new(
        layers: &Layers,
        env: &Env,
        destination: EndConfig,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            batch_bucket: layers.get(BATCH_BUCKET)?,
            wait_ms: layers.find(WAIT_FOR_ENDS)?.unwrap_or(0),
            dry_run: layers.get(DRY_RUN)?,
            // There are no JSON lines of it.
            output: JobOutput { json: false, ..JobOutput::new(layers, env, &[&destination])? },
            destination,
        })
    }
}
