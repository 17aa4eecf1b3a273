//! One file per command, and what they share.

pub mod bench;
pub mod buckets;
pub mod checkpoint;
pub mod demo;
pub mod dry_run;
pub mod ends;
pub mod error;
pub mod export;
pub mod facts;
pub mod interval;
pub mod job;
mod known_jobs;
pub mod load;
pub mod migrate;
mod orgs;
pub mod part;
pub mod plan;
pub mod preflight;
pub mod quota;
pub mod run;
pub mod spool;
pub mod stage;

use std::io::{self, Write as _};

use tokio::signal::unix::{SignalKind, signal};

use self::error::Error;
use crate::cli::args::Command;
use crate::cli::pages::{self, PageError};
use crate::config::env::Env;
use crate::exit::ExitCode;

/// Does what was asked.
pub fn run(command: Command, env: Env) -> Result<ExitCode, Error> {
    survive_file_size_limit()?;
    match command {
        Command::Migrate(args) => on_runtime(migrate::run(args, env)),
        Command::Load(args) => on_runtime(load::run(args, env)),
        Command::Spool { command } => spool::run(&command, &env),
        Command::Export(args) => export::run(&args, &env),
        Command::Preflight(args) => on_runtime(preflight::run(args, env)),
        Command::Plan(args) => on_runtime(plan::run(args, env)),
        Command::Bench(args) => on_runtime(bench::run(*args, env)),
        Command::Demo(args) => on_runtime(demo::run(args, env)),
        Command::Completions { shell } => printed(pages::completions(shell, &mut io::stdout())),
        Command::Man { command } => match pages::man(command.as_deref(), &mut io::stdout()) {
            Ok(()) => Ok(ExitCode::Done),
            Err(PageError::Write(source)) => printed(Err(source)),
            Err(error) => Err(Error::Page(error)),
        },
    }
}

fn on_runtime(command: impl Future<Output = Result<ExitCode, Error>>) -> Result<ExitCode, Error> {
    let io = |source| Error::Io { what: "cannot start the runtime", source };
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(io)?.block_on(command)
}

/// A file that may not grow any further is an error of the write, as a full disk is, and no reason to be killed. What is
/// set here lasts as long as the process.
fn survive_file_size_limit() -> Result<(), Error> {
    let io = |source| Error::Io { what: "cannot handle SIGXFSZ", source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(io)?;
    let _entered = runtime.enter();
    // Nobody listens: that it does not kill is all.
    drop(signal(SignalKind::from_raw(libc::SIGXFSZ)).map_err(io)?);
    Ok(())
}

/// A line on stdout. A reader that has gone away is no reason to stop: what was asked for is done all the same.
pub fn print_line(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// A reader that has seen enough and closed the pipe is no failure.
fn printed(result: io::Result<()>) -> Result<ExitCode, Error> {
    match result {
        Ok(()) => Ok(ExitCode::Done),
        Err(source) if source.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::Done),
        Err(source) => Err(Error::Io { what: "cannot write to stdout", source }),
    }
}
