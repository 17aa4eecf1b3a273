//! The flags of `dashboard`.

use clap::Subcommand;

use super::flags::{Flags, Takes};
use super::help::TEMPLATE;
use crate::config::flag::FlagGroup;
use crate::config::table::{
    BATCH_BUCKET, COLOR, CONFIG, CONNECTIONS, DESTINATION_HOST, DESTINATION_ORG,
    DESTINATION_PROFILE, DESTINATION_TOKEN_COMMAND, DESTINATION_TOKEN_FILE, DRY_RUN,
};

const APPLY_EXAMPLES: &str = "\
Examples:
  sluice dashboard apply --destination-profile local --dry-run
  sluice dashboard apply --destination-profile local
  sluice dashboard apply --config plant.toml --batch-bucket night

Installs the dashboard of a batch bucket in the organization of that bucket, or
brings it up to date. Applied again it changes nothing. Its token may read and
write dashboards, variables and the organization itself.";

const REMOVE_EXAMPLES: &str = "\
Examples:
  sluice dashboard remove --destination-profile local --dry-run
  sluice dashboard remove --config plant.toml

Takes away what apply has brought for this batch bucket, and nothing else.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  sluice dashboard export > sluice.json
  influx apply --file sluice.json
  sluice dashboard export --grafana --batch-bucket night > grafana.json

Prints the dashboard, asks nobody and needs no token.";

/// What is done with the dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum DashboardCommand {
    /// Install the dashboard at the destination, or bring it up to date
    #[command(help_template = TEMPLATE, next_line_help = true, before_help = APPLY_EXAMPLES)]
    Apply(DashboardArgs),
    /// Take away what apply has brought
    #[command(help_template = TEMPLATE, next_line_help = true, before_help = REMOVE_EXAMPLES)]
    Remove(DashboardArgs),
    /// Print it: a template of InfluxDB, or a dashboard of Grafana
    #[command(help_template = TEMPLATE, next_line_help = true, before_help = EXPORT_EXAMPLES)]
    Export(DashboardExportArgs),
}

/// What `apply` and `remove` take.
pub(crate) type DashboardArgs = Flags<TakesDashboard>;

/// A command that installs something at the destination.
#[derive(Debug)]
pub enum TakesDashboard {}

impl Takes for TakesDashboard {
    const GROUPS: &'static [FlagGroup] = &[
        FlagGroup::of(&[
            DESTINATION_HOST.flag,
            DESTINATION_ORG.flag,
            DESTINATION_PROFILE.flag,
            DESTINATION_TOKEN_FILE.flag,
            DESTINATION_TOKEN_COMMAND.flag,
        ])
        .under("Destination"),
        CONNECTIONS,
        FlagGroup::of(&[
            BATCH_BUCKET.flag,
            DRY_RUN.flag.told("Say what would be done, and do nothing"),
        ])
        .under("Dashboard"),
        FlagGroup::of(&[CONFIG.flag, COLOR.flag]).under("Output and settings"),
    ];
}

/// Which form is printed, and over which records.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct DashboardExportArgs {
    /// Print a dashboard of Grafana 11 or later, for a data source with Flux
    #[arg(long)]
    pub grafana: bool,
    /// Over which records.
    #[command(flatten)]
    pub flags: Flags<TakesBatchBucket>,
}

/// A command that needs to know the batch bucket only.
#[derive(Debug)]
pub enum TakesBatchBucket {}

impl Takes for TakesBatchBucket {
    const GROUPS: &'static [FlagGroup] = &[FlagGroup::of(&[BATCH_BUCKET.flag, CONFIG.flag])];
}
