//! `dashboard`: a dashboard over the records of a batch bucket, installed, taken away or printed.

use super::error::Error;
use crate::cli::dashboard::{DashboardArgs, DashboardCommand, DashboardExportArgs};
use crate::config::dashboard::DashboardConfig;
use crate::config::env::Env;
use crate::config::inputs::{Inputs, read_file};
use crate::exit::ExitCode;
use crate::influx::client::{Client, ClientSettings};
use crate::job::dashboard::{self, DashboardOutcome};
use crate::job::ends;
use crate::job::load_config::say_notices;
use crate::job::run::ClientSignals;
use crate::model::side::Side;
use crate::report::dashboard::{grafana, template};
use crate::report::stream;

/// Runs the command.
pub(crate) async fn run(command: DashboardCommand, env: Env) -> Result<ExitCode, Error> {
    match command {
        DashboardCommand::Export(args) => export(&args, env),
        DashboardCommand::Apply(args) => {
            let (config, client) = connect(&args, env)?;
            Ok(told(&config, &dashboard::apply(&config, &client).await?))
        }
        DashboardCommand::Remove(args) => {
            let (config, client) = connect(&args, env)?;
            Ok(told(&config, &dashboard::remove(&config, &client).await?))
        }
    }
}

fn connect(args: &DashboardArgs, env: Env) -> Result<(DashboardConfig, Client), Error> {
    let signals = ClientSignals::default();
    let config = Inputs::load(args.typed(), env, &read_file)?.check_dashboard()?;
    say_notices(&config.output.notices, false);
    signals.told_as(&config.output);
    let settings = ClientSettings::default();
    let observer = signals.observer();
    let client = ends::connect(Side::Destination, &config.destination, &settings, observer)?;
    Ok((config, client))
}

fn told(config: &DashboardConfig, outcome: &DashboardOutcome) -> ExitCode {
    outcome.lines(&config.destination.host).iter().for_each(stream::print);
    ExitCode::Done
}

fn export(args: &DashboardExportArgs, env: Env) -> Result<ExitCode, Error> {
    let bucket = Inputs::load(args.flags.typed(), env, &read_file)?.batch_bucket()?;
    let form = if args.grafana { grafana(&bucket) } else { template(&bucket) };
    stream::print_exact(format_args!("{form:#}"));
    Ok(ExitCode::Done)
}
