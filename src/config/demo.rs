//! The checked configuration of `demo`. It reads flags and variables, and no file.

use super::env::Env;
use super::error::ConfigError;
use super::flag::Typed;
use super::job;
use super::layers::Layers;
use super::table::{DEMO_SEED, HOSTS, HOURS, JSON};
use super::values::ColorChoice;
use crate::report::volume::Volume;

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
    /// How much is said.
    pub volume: Volume,
}

impl DemoConfig {
    /// Checks flags and variables.
    pub fn new(typed: Vec<Typed>, env: &Env) -> Result<Self, ConfigError> {
        let layers = Layers::new(typed, env);
        Ok(Self {
            hosts: layers.get(HOSTS)?,
            hours: layers.get(HOURS)?,
            seed: layers.get(DEMO_SEED)?,
            json: layers.get(JSON)?,
            color: job::chosen_color(&layers, env)?,
            volume: job::volume(&layers)?,
        })
    }
}
