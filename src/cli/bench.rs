//! The flags of `bench`.

use clap::{ValueEnum, ValueHint};

use super::job::{JobArgs, Typed, typed};

/// Where the values of the trials go, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SinkWord {
    /// Nowhere.
    Discard,
    /// Into a bucket made for it.
    Destination,
}

impl SinkWord {
    fn text(self) -> &'static str {
        match self {
            Self::Discard => "discard",
            Self::Destination => "destination",
        }
    }
}

/// The flags of a job, and what is tried.
#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args)]
pub struct BenchArgs {
    /// Batch intervals to try, as in 1h,6h,1d [default: around the one of plan]
    #[arg(long, help_heading = "Trials", value_name = "LIST")]
    pub intervals: Option<String>,
    /// Transports to try, as in auto,flux [default: all that can be used]
    #[arg(long, help_heading = "Trials", value_name = "LIST")]
    pub transports: Option<String>,
    /// Requests at one time to try, as in 1,2,4 [default: around 2]
    #[arg(long, help_heading = "Trials", value_name = "LIST")]
    pub concurrencies: Option<String>,
    /// Sizes of bodies to try, as in 1MB,2MB,4MB; for --sink destination
    #[arg(long, help_heading = "Trials", value_name = "LIST")]
    pub body_sizes: Option<String>,
    /// Runs of each setting that stays to the end, 1 to 100 [default: 3]
    #[arg(long, help_heading = "Trials", value_name = "COUNT")]
    pub repetitions: Option<String>,
    /// Where values go: discard or destination [default: discard]
    #[arg(
        long,
        help_heading = "Trials",
        value_name = "SINK",
        value_enum,
        hide_possible_values = true
    )]
    pub sink: Option<SinkWord>,
    /// Seed of samples and order: the same seed tries the same [default: random]
    #[arg(long, help_heading = "Trials", value_name = "NUMBER")]
    pub seed: Option<String>,
    /// Name of the files of results, without ending [default: bench]
    #[arg(long, help_heading = "Trials", value_name = "NAME", value_hint = ValueHint::AnyPath)]
    pub out: Option<String>,
    /// Show two recorded benches side by side, and run none
    #[arg(long, help_heading = "Trials", value_names = ["FIRST", "SECOND"], num_args = 2, value_hint = ValueHint::FilePath)]
    pub compare: Vec<String>,

    /// Compute a source instead of asking one
    #[arg(long, help_heading = "Simulation")]
    pub simulate: bool,
    /// Its values [default: 1000000000000]
    #[arg(long, help_heading = "Simulation", value_name = "COUNT")]
    pub sim_values: Option<String>,
    /// Its bytes for each value [default: 2.1]
    #[arg(long, help_heading = "Simulation", value_name = "BYTES")]
    pub sim_bytes_per_value: Option<String>,
    /// Time to the first byte of an answer [default: 50ms]
    #[arg(long, help_heading = "Simulation", value_name = "DURATION")]
    pub sim_latency: Option<String>,
    /// Bytes of the line in a second, as in 12MB [default: 100MB]
    #[arg(long, help_heading = "Simulation", value_name = "SIZE")]
    pub sim_bandwidth: Option<String>,
    /// Values that the source reads in a second, all requests together [default: 5000000]
    #[arg(long, help_heading = "Simulation", value_name = "COUNT")]
    pub sim_source_rate: Option<String>,

    /// The job.
    #[command(flatten)]
    pub job: JobArgs,
}

impl BenchArgs {
    /// Every setting that was typed, under the name of its flag. `--compare` and `--simulate` are none: they say what is done.
    pub fn typed(&self) -> Vec<Typed> {
        let texts = [
            ("intervals", &self.intervals),
            ("transports", &self.transports),
            ("concurrencies", &self.concurrencies),
            ("body-sizes", &self.body_sizes),
            ("repetitions", &self.repetitions),
            ("seed", &self.seed),
            ("out", &self.out),
            ("sim-values", &self.sim_values),
            ("sim-bytes-per-value", &self.sim_bytes_per_value),
            ("sim-latency", &self.sim_latency),
            ("sim-bandwidth", &self.sim_bandwidth),
            ("sim-source-rate", &self.sim_source_rate),
        ];
        let texts = texts.map(|(name, text)| (name, text.as_deref()));
        let sink = ("sink", self.sink.map(SinkWord::text));
        typed(texts).chain(typed([sink])).chain(self.job.typed()).collect()
    }
}
