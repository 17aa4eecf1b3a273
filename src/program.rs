//! The program: parse, run, print the error chain, exit code.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::cli::args::Args;
use crate::cli::argv::{self, ArgvError};
use crate::commands;
use crate::commands::error::Error;
use crate::config::env::Env;
pub use crate::exit::ExitCode;
use crate::influx::{secrets, token};
use crate::job::error::chain;
use crate::report::failure::ErrorFacts;
use crate::report::{json, stream};

/// Runs what was typed, prints the error chain, gives the exit code.
pub fn main() -> ExitCode {
    // Before anything is said: what a person typed at the wrong place is repeated nowhere.
    for variable in token::TOKEN_VARIABLES {
        if let Ok(token) = std::env::var(variable) {
            secrets::learn(&token);
        }
    }
    let args = match argv::parse_argv(std::env::args_os()) {
        Ok(args) => args,
        Err(ArgvError::Clap(error)) if error.use_stderr() => {
            let said = error.render().to_string();
            let first = said.lines().next().unwrap_or_default();
            tell_usage(first.trim_start_matches("error: "));
            let shown = secrets::redact(said.clone());
            if shown == said {
                // Nobody may be able to read it.
                let _ = error.print();
            } else {
                stream::say(shown.trim_end());
            }
            return ExitCode::Usage;
        }
        Err(ArgvError::Clap(help)) => {
            stream::keep(help.print());
            return commands::told(ExitCode::Done);
        }
        Err(error) => {
            tell_usage(&error.to_string());
            stream::say(format_args!("error: {error}"));
            return ExitCode::Usage;
        }
    };
    let wants_json = args.wants_json();
    // A panic is a defect, and says so itself; its code is of the table all the same.
    match catch_unwind(AssertUnwindSafe(|| done(args))).unwrap_or(Ok(ExitCode::Unexpected)) {
        Ok(code) => commands::told(code),
        Err(error) => {
            let texts = chain(&error);
            if wants_json && !error.is_told() {
                stream::print_exact(json::exit_error(
                    error.exit().number(),
                    &texts,
                    &error.facts(),
                ));
            }
            stream::say(format_args!("error: {}", texts.join(": ")));
            error.exit()
        }
    }
}

/// The JSON line of a command line that cannot be read, where it asks for JSON all the same.
fn tell_usage(text: &str) {
    let words = std::env::args_os().skip(1).take_while(|word| word != "--");
    if words.into_iter().any(|word| word == "--json") {
        let (code, text) = (ExitCode::Usage, secrets::redact(text.to_owned()));
        let facts = ErrorFacts { kind: code.name(), ..ErrorFacts::default() };
        stream::print_exact(json::exit_error(code.number(), &[text], &facts));
    }
}

fn done(args: Args) -> Result<ExitCode, Error> {
    commands::run(args, Env::new(std::env::vars_os())?)
}
