//! The flags of `export`.

use clap::{ValueEnum, ValueHint};

use super::job::{JobArgs, OutputArgs, Typed, on, typed};

/// The spool, what of it, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct ExportArgs {
    /// Folder of the spool
    #[arg(value_name = "DIR|URL", value_hint = ValueHint::AnyPath)]
    pub place: String,
    /// What is written: lp (line protocol) or csv (annotated CSV); must be given
    #[arg(long, value_name = "FORMAT", value_enum, hide_possible_values = true)]
    pub format: Option<FormatWord>,
    /// File to write, which must not be there yet; - is stdout
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub output: String,
    /// Compress; without saying if the name ends in .gz
    #[arg(long)]
    pub gzip: bool,
    /// First time to export: RFC 3339, a date, or -30d [default: all]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub start: Option<String>,
    /// First time not to export [default: all]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub stop: Option<String>,
    /// Only this measurement; may be repeated
    #[arg(long, value_name = "NAME")]
    pub measurement: Vec<String>,
    /// Print the result as a JSON line
    #[arg(long)]
    pub json: bool,
}

/// A format, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatWord {
    /// Line protocol.
    Lp,
    /// Annotated CSV.
    Csv,
}

impl FormatWord {
    fn text(self) -> &'static str {
        match self {
            Self::Lp => "lp",
            Self::Csv => "csv",
        }
    }
}

impl ExportArgs {
    /// Every setting that was typed, under the name of its flag. `--output` is none: it names the one file of this run.
    pub fn typed(&self) -> Vec<Typed> {
        let job = JobArgs {
            start: self.start.clone(),
            stop: self.stop.clone(),
            measurement: self.measurement.clone(),
            output: OutputArgs { json: self.json, ..OutputArgs::default() },
            ..JobArgs::default()
        };
        let own = [("format", self.format.map(FormatWord::text)), ("gzip", on(self.gzip))];
        typed(own).chain(job.typed()).collect()
    }
}
