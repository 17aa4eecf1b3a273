//! The checked configuration of `demo`. It reads `SLUICE_JSON` and `SLUICE_COLOR` besides its flags, and no file.

use super::env::Env;
use super::error::ConfigError;
use super::migrate::{self, ColorChoice};
use super::settings::Settings;
use crate::cli::demo::DemoArgs;
use crate::cli::job::{JobArgs, OutputArgs};

/// What the demo shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoConfig {
    /// Hosts in the simulated bucket.
    pub hosts: u32,
    /// Hours of data.
    pub hours: u32,
    /// Seed of the values.
    pub seed: u64,
    /// JSON lines on stdout.
    pub json: bool,
    /// Colours.
    pub color: ColorChoice,
}

impl DemoConfig {
    /// Checks the flags.
    pub fn new(args: &DemoArgs, env: &Env) -> Result<Self, ConfigError> {
        let shared = JobArgs {
            output: OutputArgs { json: args.json, color: args.color, ..OutputArgs::default() },
            ..JobArgs::default()
        };
        let settings = Settings::new(&shared, env, Vec::new());
        Ok(Self {
            hosts: args.hosts,
            hours: args.hours,
            seed: args.seed,
            json: settings.switch("json")?,
            color: migrate::color(&settings.value("color")?, env)?,
        })
    }
}
