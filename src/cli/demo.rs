//! The flags of `demo`.

use super::job::{ColorWord, JobArgs, OutputArgs, Typed, typed};

/// The simulated bucket and how the run is shown.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct DemoArgs {
    /// Hosts in the simulated bucket, 1 to 1000 [default: 50]
    #[arg(long, value_name = "COUNT")]
    pub hosts: Option<String>,
    /// Hours of data in it, 1 to 720 [default: 6]
    #[arg(long, value_name = "COUNT")]
    pub hours: Option<String>,
    /// Seed of its values: the same seed gives the same data [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<String>,
    /// Print JSON lines on stdout
    #[arg(long)]
    pub json: bool,
    /// Colours: auto, always or never [default: auto]
    #[arg(long, value_name = "WHEN", value_enum, hide_possible_values = true)]
    pub color: Option<ColorWord>,
}

impl DemoArgs {
    /// Every setting that was typed, under the name of its flag.
    pub fn typed(&self) -> Vec<Typed> {
        let output = OutputArgs { json: self.json, color: self.color, ..OutputArgs::default() };
        let job = JobArgs { output, ..JobArgs::default() };
        let own = [("hosts", &self.hosts), ("hours", &self.hours), ("seed", &self.seed)];
        let own = own.map(|(name, text)| (name, text.as_deref()));
        typed(own).chain(job.typed()).collect()
    }
}
