//! The commands that look at a spool. They ask no server and write nothing but `compact`, which merges files.

mod compact;
mod describe;
mod opened;
mod verify;

use super::error::Error;
use crate::cli::spool::SpoolCommand;
use crate::config::env::Env;
use crate::exit::ExitCode;
use crate::job::load_config::say_notices;

/// Runs one of them.
pub(crate) fn run(command: &SpoolCommand, env: &Env) -> Result<ExitCode, Error> {
    let config = command.config(env)?;
    say_notices(&config.notices, false);
    match command {
        SpoolCommand::Verify(_) => verify::run(&config),
        SpoolCommand::Describe(args) => describe::run(&config, args.sql),
        SpoolCommand::Compact(_) => compact::run(&config),
    }
}
