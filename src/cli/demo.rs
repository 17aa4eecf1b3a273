//! The flags of `demo`.

use super::job::ColorWord;

/// The simulated bucket and how the run is shown.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct DemoArgs {
    /// Hosts in the simulated bucket, 1 to 1000 [default: 50]
    #[arg(long, value_name = "COUNT", default_value_t = 50, hide_default_value = true, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub hosts: u32,
    /// Hours of data in it, 1 to 720 [default: 6]
    #[arg(long, value_name = "COUNT", default_value_t = 6, hide_default_value = true, value_parser = clap::value_parser!(u32).range(1..=720))]
    pub hours: u32,
    /// Seed of its values: the same seed gives the same data [default: 1]
    #[arg(long, value_name = "NUMBER", default_value_t = 1, hide_default_value = true)]
    pub seed: u64,
    /// Print JSON lines on stdout
    #[arg(long)]
    pub json: bool,
    /// Colours: auto, always or never [default: auto]
    #[arg(long, value_name = "WHEN", value_enum, hide_possible_values = true)]
    pub color: Option<ColorWord>,
}
