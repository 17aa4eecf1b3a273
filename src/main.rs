//! The program: parse, run, print the error chain, exit code.

use sluice::cli::args::Args;
use sluice::cli::argv::{self, ArgvError};
use sluice::commands::{self, error::Error, run};
use sluice::config::env::Env;
use sluice::exit::ExitCode;
use sluice::influx::{endpoint, secrets};
use sluice::report::json;

fn main() -> ExitCode {
    // Before anything is said: what a person typed at the wrong place is repeated nowhere.
    for variable in endpoint::TOKEN_VARIABLES {
        if let Ok(token) = std::env::var(variable) {
            secrets::learn(&token);
        }
    }
    let args = match argv::parse(std::env::args_os()) {
        Ok(args) => args,
        Err(ArgvError::Clap(error)) => {
            let said = error.render().to_string();
            let shown = secrets::redact(said.clone());
            if shown == said {
                // Output that nobody reads any more is no failure.
                let _ = error.print();
            } else {
                eprint!("{shown}");
            }
            return if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done };
        }
        Err(error @ ArgvError::Token(_)) => {
            eprintln!("error: {error}");
            return ExitCode::Usage;
        }
    };
    let wants_json = args.wants_json();
    match done(args) {
        Ok(code) => code,
        Err(error) => {
            let texts = run::chain(&error);
            if wants_json && !error.is_told() {
                commands::print_line(&json::exit_error(error.exit().number(), &texts));
            }
            eprintln!("error: {}", texts.join(": "));
            error.exit()
        }
    }
}

fn done(args: Args) -> Result<ExitCode, Error> {
    commands::run(args.command, Env::new(std::env::vars_os())?)
}
