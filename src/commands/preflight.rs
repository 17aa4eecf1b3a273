//! `preflight`: what both ends say, judged. `migrate` begins with the same.

use super::error::Error;
use crate::cli::job::JobArgs;
use crate::config::env::Env;
use crate::config::inputs::{Inputs, read_file};
use crate::exit::ExitCode;
use crate::job::ends::Ends;
use crate::job::judge;
use crate::job::load_config::load_config;
use crate::job::run::ClientSignals;
use crate::job::shown;
use crate::report::{json, stream};

/// Runs the command.
pub(crate) async fn run(args: JobArgs, env: Env) -> Result<ExitCode, Error> {
    let signals = ClientSignals::default();
    let inputs = Inputs::load(args.typed(), env, &read_file)?;
    let config = load_config(inputs, Inputs::check, signals.observer()).await?;
    signals.told_as(&config.output);
    let ends = Ends::connect(&config, &signals.observer())?;
    let report = judge::check(&config, &ends).await?.report;
    if config.output.json {
        stream::print_exact(json::preflight::preflight(&report));
    } else {
        let paper = stream::stdout_paper(shown::forced(config.output.color));
        let lines = if config.output.volume.is_quiet() {
            [report.quiet_lines(paper), report.sum(paper)].concat()
        } else {
            report.lines(paper)
        };
        lines.iter().for_each(stream::print_exact);
    }
    Ok(report.exit())
}
