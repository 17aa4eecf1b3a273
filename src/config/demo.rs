//! The checked configuration of `demo`. It reads flags and variables, and no file.

use super::env::Env;
use super::error::ConfigError;
use super::given::WHOLE;
use super::job::{self, ColorChoice};
use super::layers::Settings;
use super::table::DEMO;
use crate::cli::demo::DemoArgs;

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
    /// Checks flags and variables.
    pub fn new(args: &DemoArgs, env: &Env) -> Result<Self, ConfigError> {
        let settings = Settings::new(args.typed(), DEMO, env, Vec::new());
        Ok(Self {
            hosts: settings.value("hosts")?.number(1..=1_000, "a number from 1 to 1000")?,
            hours: settings.value("hours")?.number(1..=720, "a number from 1 to 720")?,
            seed: settings.value("seed")?.number(.., WHOLE)?,
            json: settings.switch("json")?,
            color: job::color(&settings.value("color")?, env)?,
        })
    }
}
