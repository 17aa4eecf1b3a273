//! One file, or one folder, per command. None uses another one: what they share is the way from settings to a run, in
//! [`job`](crate::job), and the errors with their exit codes.

pub(crate) mod bench;
pub(crate) mod dashboard;
pub(crate) mod demo;
pub(crate) mod error;
pub(crate) mod export;
pub(crate) mod load;
pub(crate) mod migrate;
pub(crate) mod plan;
pub(crate) mod preflight;
pub(crate) mod receipt_check;
pub(crate) mod spool;
pub(crate) mod status;
pub(crate) mod verify;

use std::fs::File;
use std::io;
use std::num::NonZero;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use self::error::Error;
use crate::cli::args::{Args, Command};
use crate::cli::pages::{self, PageError};
use crate::config::env::Env;
use crate::config::inputs::{self, read_file};
use crate::exit::ExitCode;
use crate::job::error::Error as JobError;
use crate::job::exit_code;
use crate::job::signals::StopSignals;
use crate::limits::{OPEN_FILES_MIN, THREADS_END_MS_MAX};
use crate::report::stream::{self, Stdout};

/// Does what was asked.
pub(crate) fn run(args: Args, env: Env) -> Result<ExitCode, Error> {
    let json = args.wants_json();
    match args.command {
        Command::Completions { shell } => {
            let _ =
                pages::print_completions(shell, &inputs::profiles(&env, &read_file), &mut Stdout);
            Ok(ExitCode::Done)
        }
        Command::Man { command } => match pages::print_man(command.as_deref(), &mut Stdout) {
            Ok(()) | Err(PageError::Write(_)) => Ok(ExitCode::Done),
            Err(error) => Err(Error::Page(error)),
        },
        command => {
            let runtime =
                runtime().map_err(|source| JobError::Io { what: "cannot start", source })?;
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
        Command::Verify(args) => match receipt_check::run(&args, &env) {
            Some(checked) => checked,
            None => runtime.block_on(verify::run(&args, env, stops)),
        },
        Command::Status(args) => runtime.block_on(status::run(args, env, stops)),
        Command::Dashboard { command } => runtime.block_on(dashboard::run(command, env)),
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
pub(crate) fn told(code: ExitCode) -> ExitCode {
    let Some(error) = stream::not_taken() else { return code };
    stream::say(format_args!("error: stdout did not take the whole result: {error}"));
    match (code, exit_code::of_io(error)) {
        (ExitCode::Done, ExitCode::DiskFull) => ExitCode::DiskFull,
        (ExitCode::Done, _) => ExitCode::Permanent,
        (code, _) => code,
    }
}
