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
pub mod load;
pub mod migrate;
pub mod part;
pub mod plan;
pub mod preflight;
pub mod quota;
pub mod run;
pub mod spool;
pub mod stage;
pub mod stop_signals;

use std::time::Duration;

use self::error::Error;
use self::stop_signals::StopSignals;
use crate::cli::args::{Args, Command};
use crate::cli::pages::{self, PageError};
use crate::config::env::Env;
use crate::exit::ExitCode;
use crate::limits::THREADS_END_MS_MAX;
use crate::report::stream::{self, Stdout};

/// Does what was asked.
pub fn run(args: Args, env: Env) -> Result<ExitCode, Error> {
    let stops = StopSignals::listen(args.wants_json());
    let stops = &stops;
    match args.command {
        Command::Migrate(args) => on_runtime(migrate::run(args, env, stops)),
        Command::Load(args) => on_runtime(load::run(args, env, stops)),
        Command::Spool { command } => spool::run(&command, &env),
        Command::Export(args) => export::run(&args, &env),
        Command::Preflight(args) => on_runtime(preflight::run(args, env)),
        Command::Plan(args) => on_runtime(plan::run(args, env)),
        Command::Bench(args) => on_runtime(bench::run(*args, env, stops)),
        Command::Demo(args) => on_runtime(demo::run(args, env, stops)),
        Command::Completions { shell } => {
            let _ = pages::completions(shell, &mut Stdout);
            Ok(ExitCode::Done)
        }
        Command::Man { command } => match pages::man(command.as_deref(), &mut Stdout) {
            Ok(()) | Err(PageError::Write(_)) => Ok(ExitCode::Done),
            Err(error) => Err(Error::Page(error)),
        },
    }
}

fn on_runtime(command: impl Future<Output = Result<ExitCode, Error>>) -> Result<ExitCode, Error> {
    let io = |source| Error::Io { what: "cannot start the runtime", source };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(io)?;
    let ended = runtime.block_on(command);
    // What still hangs in a look-up of a name, or in a file that is a pipe, is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(THREADS_END_MS_MAX));
    ended
}

/// The code of a command whose result stdout has not taken. One that moved values keeps its own unless that says that all is
/// well: whoever waits for the result is to know that it is missing.
pub fn told(code: ExitCode) -> ExitCode {
    let Some(error) = stream::not_taken() else { return code };
    stream::say(format_args!("error: stdout did not take the whole result: {error}"));
    match (code, error::io_exit(error)) {
        (ExitCode::Done, ExitCode::DiskFull) => ExitCode::DiskFull,
        (ExitCode::Done, _) => ExitCode::Permanent,
        (code, _) => code,
    }
}

/// A line on stdout. A reader that has gone away is no reason to stop: what was asked for is done all the same.
pub fn print_line(line: &str) {
    stream::print(line);
}
