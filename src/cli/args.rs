//! The commands.

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use super::bench::BenchArgs;
use super::dashboard::DashboardCommand;
use super::demo::DemoArgs;
use super::export::ExportArgs;
use super::help::TEMPLATE;
use super::job::JobArgs;
use super::load::LoadArgs;
use super::spool::SpoolCommand;
use super::status::StatusArgs;
use super::verify::VerifyArgs;
use crate::config::table::JSON;

const EXAMPLES: &str = "\
Examples:
  sluice demo
  sluice preflight --source-host https://cloud2.influxdata.com \\
    --source-bucket plant --source-token-file cloud.token \\
    --destination-token-file oss.token
  sluice migrate --config plant.toml";

const MIGRATE_EXAMPLES: &str = "\
Examples:
  sluice migrate --source-profile cloud --source-bucket plant \\
    --destination-profile local --create-buckets
  sluice migrate --config plant.toml --stop 2026-01-01 --dry-run
  sluice migrate --config plant.toml --spool parquet --spool-dir /data/stage
  sluice migrate --config plant.toml --spool parquet \\
    --spool-dir s3://stage/plant
  sluice migrate --task old-task.flux --source-token-file cloud.token \\
    --destination-profile local --pause-task

The same command line goes on where the last run stopped.";

const MIGRATE_AFTER: &str = "\
Every flag is also a variable (--batch-interval is SLUICE_BATCH_INTERVAL) and a
key of the TOML file: docs/configuration.md. A flag beats a variable, a variable
beats the file. An end takes address, organization and token from one place:
explicit settings, or a profile. Tokens are never flags: use a token file, a
token command, a profile, or the variables INFLUXDB_CLOUD_TOKEN (source) and
INFLUX_TOKEN (destination). Exit codes: docs/exit-codes.md.";

const LOAD_EXAMPLES: &str = "\
Examples:
  sluice load /data/stage --destination-profile local --create-buckets
  sluice load /data/stage --config plant.toml --measurement cpu
  sluice load /data/plant /data/hvac --destination-profile local
  sluice load s3://stage/plant --destination-profile local

The spools were written by migrate --spool parquet. Every file is held against
the manifest before the first point is written. The progress is that of migrate:
the same command goes on, and migrate tops up what came to the source since.";

const SPOOL_EXAMPLES: &str = "\
Examples:
  sluice spool verify /data/stage
  sluice spool describe /data/stage
  sluice spool compact /data/stage

A spool is a folder that migrate --spool parquet has written: docs/spool.md.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  sluice export /data/stage --format lp --output plant.lp.gz
  sluice export /data/stage --format csv --output - --measurement cpu
  influx write --bucket plant --file plant.lp.gz

Every file is held against the manifest before the first line is written. The
file appears under its name once it is complete. What the format cannot carry
is left out and named; exit code 3.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  sluice verify --config plant.toml
  sluice verify --config plant.toml --source read --start 2026-01-01
  sluice verify --config plant.toml --source spool:/data/stage
  sluice verify --task old-task.flux --source read \\
    --source-token-file cloud.token --destination-profile local
  sluice verify --config plant.toml --receipt plant.receipt.json
  sluice verify --receipt-check plant.receipt.json --spool /data/stage

Takes the flags of migrate. Reads what the destination holds of what the job has
moved, and compares it with the digests that the job has recorded, with the
source as it is now, or with the files of a spool. Writes nothing, but with
--repair. Exit code 4: they differ; 3: of a part nothing is known. The source
may be gone.";

const STATUS_EXAMPLES: &str = "\
Examples:
  sluice status --destination-profile local
  sluice status --config plant.toml --all --watch
  sluice status --destination-profile local --batch-bucket migration \\
    --batch-bucket night --json

Shows every job of the batch bucket, also what the official task has moved, by
what their records tell; a settings file that names a bucket narrows it to the
jobs of that. Writes nothing and asks nothing else. Exit code 7: a job is dead
or has failed; 5: one waits or is stalled; 0: all others are well.";

const DASHBOARD_EXAMPLES: &str = "\
Examples:
  sluice dashboard apply --destination-profile local
  sluice dashboard remove --destination-profile local
  sluice dashboard export --grafana > grafana.json

Shows the progress of all jobs of a batch bucket from the records in it: what is
done, how fast, quota, retries, rejects, errors.";

const PREFLIGHT_EXAMPLES: &str = "\
Examples:
  sluice preflight --source-profile cloud --source-bucket plant \\
    --destination-profile local
  sluice preflight --config plant.toml --json

Takes the flags of migrate, so that the same line works with either word.";

const PLAN_EXAMPLES: &str = "\
Examples:
  sluice plan --source-profile cloud --source-bucket plant
  sluice plan --source-profile cloud --source-bucket plant \\
    --destination-profile local --start 2024-01-01
  sluice plan --config plant.toml --json

Reads counts and small samples, writes nothing, and says what that cost. Takes
the flags of migrate; without a destination what needs one is left out.";

const BENCH_EXAMPLES: &str = "\
Examples:
  sluice bench --source-profile cloud --source-bucket plant
  sluice bench --config plant.toml --intervals 1h,6h,1d --max-transfer 300MB
  sluice bench --config plant.toml --sink destination
  sluice bench --compare monday.jsonl friday.jsonl
  sluice bench --simulate --sim-values 1000000000000 --quota 3GB/5min

Reads parts of the source with several settings and says which one suits. Takes
the flags of migrate. Its budget (10 % of one quota window unless --max-transfer
says otherwise) is stated first and never exceeded. Nothing is written, unless
--sink destination writes into a bucket of its own, which is deleted again.

The flags of trials and simulation are variables and keys too: --sink is
SLUICE_BENCH_SINK, or sink in the table [bench]. Only --compare and --simulate
are neither: they say what is done.";

const DEMO_EXAMPLES: &str = "\
Examples:
  sluice demo
  sluice demo --hosts 100 --hours 24 --seed 7";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  sluice completions bash > ~/.local/share/bash-completion/completions/sluice
  sluice completions zsh > ~/.zfunc/_sluice";

const MAN_EXAMPLES: &str = "\
Examples:
  sluice man | man -l -
  sluice man migrate > sluice-migrate.1";

/// Moves a bucket from InfluxDB Cloud to InfluxDB OSS 2.x: all of it, exactly
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(
    name = "sluice",
    version,
    help_template = TEMPLATE,
    before_help = EXAMPLES,
    max_term_width = 80,
    arg_required_else_help = true
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Args {
    /// True if `--json` was typed: then an error is a JSON line as well.
    pub fn wants_json(&self) -> bool {
        match &self.command {
            Command::Migrate(job) | Command::Preflight(job) | Command::Plan(job) => job.is_on(JSON),
            Command::Verify(verify) => verify.is_on(JSON),
            Command::Status(status) => status.is_on(JSON),
            Command::Load(load) => load.flags.is_on(JSON),
            Command::Spool { command } => command.place().flags.is_on(JSON),
            // Where stdout is the export it holds nothing else.
            Command::Export(export) => export.flags.is_on(JSON) && export.output != "-",
            Command::Bench(bench) => bench.job.is_on(JSON),
            Command::Demo(demo) => demo.is_on(JSON),
            Command::Dashboard { .. } | Command::Completions { .. } | Command::Man { .. } => false,
        }
    }
}

/// The commands of sluice.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Copy a bucket; goes on where the last run stopped
    #[command(help_template = TEMPLATE, before_help = MIGRATE_EXAMPLES, after_help = MIGRATE_AFTER, next_line_help = true)]
    Migrate(JobArgs),
    /// Compare what was moved with what is there now, and repair it if asked
    #[command(help_template = TEMPLATE, before_help = VERIFY_EXAMPLES, after_help = MIGRATE_AFTER, next_line_help = true)]
    Verify(Box<VerifyArgs>),
    /// Show how the jobs of a batch bucket stand; writes nothing
    #[command(help_template = TEMPLATE, before_help = STATUS_EXAMPLES, next_line_help = true)]
    Status(StatusArgs),
    /// A dashboard of the jobs of a batch bucket: install, remove, print it
    #[command(help_template = TEMPLATE, before_help = DASHBOARD_EXAMPLES, arg_required_else_help = true, disable_help_subcommand = true)]
    Dashboard {
        /// What to do with it.
        #[command(subcommand)]
        command: DashboardCommand,
    },
    /// Write spools to InfluxDB OSS; goes on where the last run stopped
    #[command(help_template = TEMPLATE, before_help = LOAD_EXAMPLES, after_help = MIGRATE_AFTER, next_line_help = true)]
    Load(LoadArgs),
    /// Look at a spool: verify, describe, compact
    #[command(help_template = TEMPLATE, before_help = SPOOL_EXAMPLES, arg_required_else_help = true, disable_help_subcommand = true)]
    Spool {
        /// What to do with it.
        #[command(subcommand)]
        command: SpoolCommand,
    },
    /// Write a spool as line protocol or annotated CSV
    #[command(help_template = TEMPLATE, before_help = EXPORT_EXAMPLES, next_line_help = true)]
    Export(ExportArgs),
    /// Check both ends before a migration; writes nothing
    #[command(help_template = TEMPLATE, before_help = PREFLIGHT_EXAMPLES, after_help = MIGRATE_AFTER, next_line_help = true)]
    Preflight(JobArgs),
    /// Show what a migration will read, how, and how long; writes nothing
    #[command(help_template = TEMPLATE, before_help = PLAN_EXAMPLES, after_help = MIGRATE_AFTER, next_line_help = true)]
    Plan(JobArgs),
    /// Measure which batch interval and transport suit the source
    #[command(help_template = TEMPLATE, before_help = BENCH_EXAMPLES, after_help = MIGRATE_AFTER, next_line_help = true)]
    Bench(Box<BenchArgs>),
    /// Show a whole migration between two simulated servers
    #[command(help_template = TEMPLATE, before_help = DEMO_EXAMPLES, next_line_help = true)]
    Demo(DemoArgs),
    /// Print the completions of a shell
    #[command(help_template = TEMPLATE, before_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print a man page
    #[command(help_template = TEMPLATE, before_help = MAN_EXAMPLES)]
    Man {
        /// The command to print the page of [default: sluice itself]
        command: Option<String>,
    },
}
