//! The flags of `load`.

use clap::ValueHint;

use super::job::{DestinationArgs, JobArgs, OutputArgs, SafetyArgs};

/// The spools, and what of the flags of `migrate` means something without a source.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct LoadArgs {
    /// Spools: folders, or s3://bucket/prefix, gs://..., az://...
    #[arg(required = true, value_name = "DIR|URL", value_hint = ValueHint::AnyPath)]
    pub places: Vec<String>,

    /// Where it is written.
    #[command(flatten)]
    pub destination: DestinationArgs,

    /// First time to load: RFC 3339, a date, or -30d [default: all]
    #[arg(long, help_heading = "Job", value_name = "TIME", allow_hyphen_values = true)]
    pub start: Option<String>,
    /// First time not to load [default: all]
    #[arg(long, help_heading = "Job", value_name = "TIME", allow_hyphen_values = true)]
    pub stop: Option<String>,
    /// Only this measurement; may be repeated
    #[arg(long, help_heading = "Job", value_name = "NAME")]
    pub measurement: Vec<String>,
    /// Length of one batch: auto, or as in 1h, 35d, 1mo [default: auto]
    #[arg(long, help_heading = "Job", value_name = "DURATION")]
    pub batch_interval: Option<String>,
    /// Bucket at the destination that keeps the progress [default: migration]
    #[arg(long, help_heading = "Job", value_name = "NAME")]
    pub batch_bucket: Option<String>,
    /// Take over progress that another start or filter may have written
    #[arg(long, help_heading = "Job")]
    pub adopt: bool,
    /// Pause an active task that writes the same progress
    #[arg(long, help_heading = "Job")]
    pub pause_task: bool,
    /// Measurements read at one time, 1 to 16 [default: 2]
    #[arg(long, help_heading = "Job", value_name = "COUNT")]
    pub concurrency: Option<String>,
    /// Stop after this long, as in 8h; exit code 10
    #[arg(long, help_heading = "Job", value_name = "DURATION")]
    pub max_duration: Option<String>,

    /// What must not happen.
    #[command(flatten)]
    pub safety: SafetyArgs,

    /// How it is told, and where settings are.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl LoadArgs {
    /// The same as flags of a job.
    pub fn job(&self) -> JobArgs {
        JobArgs {
            destination: self.destination.clone(),
            start: self.start.clone(),
            stop: self.stop.clone(),
            measurement: self.measurement.clone(),
            batch_interval: self.batch_interval.clone(),
            batch_bucket: self.batch_bucket.clone(),
            adopt: self.adopt,
            pause_task: self.pause_task,
            concurrency: self.concurrency.clone(),
            max_duration: self.max_duration.clone(),
            safety: self.safety.clone(),
            output: self.output.clone(),
            ..JobArgs::default()
        }
    }
}
