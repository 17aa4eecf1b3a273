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
pub mod stop_signals;
pub mod system;

use std::fs::File;
use std::num::NonZero;
use std::time::Duration;
use std::{io, thread};

use tokio::runtime::{Builder, Runtime};

use self::error::Error;
use self::stop_signals::StopSignals;
use crate::cli::args::{Args, Command};
use crate::cli::pages::{self, PageError};
use crate::config::env::Env;
use crate::exit::ExitCode;
use crate::limits::{OPEN_FILES_MIN, THREADS_END_MS_MAX};
use crate::report::stream::{self, Stdout};

/// Does what was asked.
pub fn run(args: Args, env: Env) -> Result<ExitCode, Error> {
    let json = args.wants_json();
    match args.command {
        Command::Completions { shell } => {
            let _ = pages::print_completions(shell, &mut Stdout);
            Ok(ExitCode::Done)
        }
        Command::Man { command } => match pages::print_man(command.as_deref(), &mut Stdout) {
            Ok(()) | Err(PageError::Write(_)) => Ok(ExitCode::Done),
            Err(error) => Err(Error::Page(error)),
        },
        command => {
            let runtime = runtime().map_err(|source| Error::Io { what: "cannot start", source })?;
            let stops = StopSignals::listen(json, runtime.handle());
            let ended = asked(command, env, &runtime, &stops);
            // What still hangs in a look-up of a name, or in a file that is a pipe, is not waited for.
            runtime.shutdown_timeout(Duration::from_millis(THREADS_END_MS_MAX));
            ended
        }
    }
}

fn asked(
    command: Command,
    env: Env,
    runtime: &Runtime,
    stops: &StopSignals,
) -> Result<ExitCode, Error> {
    match command {
        Command::Migrate(args) => runtime.block_on(migrate::run(args, env, stops)),
        Command::Load(args) => runtime.block_on(load::run(args, env, stops)),
        Command::Spool { command } => spool::run(&command, &env),
        Command::Export(args) => export::run(&args, &env),
        Command::Preflight(args) => runtime.block_on(preflight::run(args, env)),
        Command::Plan(args) => runtime.block_on(plan::run(args, env)),
        Command::Bench(args) => runtime.block_on(bench::run(*args, env, stops)),
        Command::Demo(args) => runtime.block_on(demo::run(args, env, stops)),
        // They need no runtime.
        Command::Completions { .. } | Command::Man { .. } => Ok(ExitCode::Done),
    }
}

/// The runtime. With two workers at the least: one may be held up, and the other hears of a signal.
fn runtime() -> io::Result<Runtime> {
    // The runtime panics where it cannot open what it needs, and with a file or two more nothing can be done.
    let files: io::Result<Vec<File>> =
        (0..OPEN_FILES_MIN).map(|_| File::open("/dev/null")).collect();
    drop(files?);
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    Builder::new_multi_thread().worker_threads(cores.max(2)).enable_all().build()
}

/// The code of a command whose result stdout has not taken. One that moved values keeps its own unless that says that all is
/// well: whoever waits for the result is to know that it is missing.
pub fn told(code: ExitCode) -> ExitCode {
    let Some(error) = stream::not_taken() else { return code };
    stream::say(format_args!("error: stdout did not take the whole result: {error}"));
    match (code, system::io_exit(error)) {
        (ExitCode::Done, ExitCode::DiskFull) => ExitCode::DiskFull,
        (ExitCode::Done, _) => ExitCode::Permanent,
        (code, _) => code,
    }
}

/// A line on stdout. A reader that has gone away is no reason to stop: what was asked for is done all the same.
pub fn print_line(line: &str) {
    stream::print(line);
}
