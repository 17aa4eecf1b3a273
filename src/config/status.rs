//! The checked settings of `status`: where to look, and at which jobs.

use super::ends::EndConfig;
use super::env::Env;
use super::error::ConfigError;
use super::job::JobOutput;
use super::layers::Layers;
use super::table::{
    ALL_JOBS, BATCH_BUCKET, DESTINATION_BUCKET, SOURCE_BUCKET, WAIT_FOR_ENDS, WATCH,
};
use super::values;

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusConfig {
    /// The server.
    pub destination: EndConfig,
    /// The buckets that keep the progress, each once.
    pub batch_buckets: Vec<String>,
    /// Only jobs of this source bucket, and only jobs into this destination bucket.
    pub source_bucket: Option<String>,
    /// See `source_bucket`.
    pub destination_bucket: Option<String>,
    /// How long the server is waited for at the start; 0 is not at all.
    pub wait_ms: u64,
    /// Look again and again.
    pub watch: bool,
    /// What is printed.
    pub output: JobOutput,
}

impl StatusConfig {
    /// Checks the flags.
    pub(super) fn new(
        layers: &Layers,
        env: &Env,
        destination: EndConfig,
    ) -> Result<Self, ConfigError> {
        let mut batch_buckets = Vec::new();
        for name in values::read_names(&layers.given_or_default(BATCH_BUCKET.flag)?)? {
            if !batch_buckets.contains(&name) {
                batch_buckets.push(name);
            }
        }
        let all = layers.get(ALL_JOBS)?;
        Ok(Self {
            batch_buckets,
            source_bucket: layers.find(SOURCE_BUCKET)?.filter(|_| !all),
            destination_bucket: layers.find(DESTINATION_BUCKET)?.filter(|_| !all),
            wait_ms: layers.find(WAIT_FOR_ENDS)?.unwrap_or(0),
            watch: layers.get(WATCH)?,
            output: JobOutput::new(layers, env, &[&destination])?,
            destination,
        })
    }
}
