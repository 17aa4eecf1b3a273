//! The commands that look at a spool. They ask no server and write nothing but `compact`, which merges files.

mod compact;
mod describe;
mod verify;

use super::error::Error;
use super::print_line;
use crate::cli::spool::SpoolCommand;
use crate::config::env::Env;
use crate::config::export::PlaceConfig;
use crate::exit::ExitCode;
use crate::report::stream;
use crate::spool;
use crate::spool::storage::Storage;
use crate::spool::stored::Stored;

/// Runs one of them.
pub fn run(command: &SpoolCommand, env: &Env) -> Result<ExitCode, Error> {
    let config = command.config(env)?;
    config.notices.iter().for_each(|notice| stream::say(format_args!("notice: {notice}")));
    match command {
        SpoolCommand::Verify(_) => verify::run(&config),
        SpoolCommand::Describe(args) => describe::run(&config, args.sql),
        SpoolCommand::Compact(_) => compact::run(&config),
    }
}

fn storage(config: &PlaceConfig) -> Result<Storage, Error> {
    Ok(spool::place::storage(&config.place, &config.surroundings).map_err(Box::new)?)
}

fn open(config: &PlaceConfig) -> Result<Stored, Error> {
    Ok(Stored::open(&storage(config)?).map_err(Box::new)?)
}

/// The result: its screen, or one JSON line.
fn show(json: bool, line: impl FnOnce() -> String, lines: impl FnOnce() -> Vec<String>) {
    if json {
        print_line(&line());
    } else {
        for line in lines() {
            print_line(&line);
        }
    }
}
