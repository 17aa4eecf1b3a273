//! The command line before it is parsed: no token may stand in it, because every user of the machine can read it.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, CommandFactory as _, FromArgMatches as _};

use super::args::Args;
use super::place::is_settings_file;
use super::{forms, pages};
use crate::config::shown::looks_like_token;
use crate::model::nearest::nearest;

/// A token on the command line. Says where it stands, never what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "argument {position} {problem}; it is not shown here, but every user of this machine can see it: revoke it if it is \
     real. Tokens come from --source-token-file, --source-token-command, a profile, or INFLUXDB_CLOUD_TOKEN (the \
     destination has the same flags, and INFLUX_TOKEN). Another text of this form belongs in the --config file; one that \
     only begins with -t can be written --flag=TEXT"
)]
pub struct TokenInArgv {
    /// Counted from 1, without the program's name.
    pub position: usize,
    /// What gave it away.
    problem: &'static str,
}

/// A value that looks like a flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{flag} needs a value, and {value:?} looks like a flag; if it is the value, write {flag}={value}"
)]
pub struct HyphenValue {
    flag: String,
    value: String,
}

/// Why there are no [`Args`].
#[derive(Debug, thiserror::Error)]
pub enum ArgvError {
    /// A token was typed.
    #[error(transparent)]
    Token(#[from] TokenInArgv),
    /// It is not clear what is a value.
    #[error(transparent)]
    Hyphen(#[from] HyphenValue),
    /// A usage error, or help or version, which clap reports in the same way: its `exit_code` and `print` know which.
    #[error(transparent)]
    Clap(#[from] clap::Error),
}

/// Reads a whole command line, the program's name first.
pub fn parse_argv<I, T>(argv: I) -> Result<Args, ArgvError>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString>,
{
    let argv: Vec<OsString> = argv.into_iter().map(Into::into).collect();
    let argv = with_hyphen_values(without_flags_of_help(argv))?;
    refuse_tokens(&argv)?;
    // Short help is a form of its own; what was typed besides means the same in both.
    let is_short = argv.iter().take_while(|word| *word != "--").any(|word| word == "-h");
    let command = if is_short { forms::short() } else { forms::command() };
    let read = command
        .try_get_matches_from(&argv)
        .and_then(|mut matches| Args::from_arg_matches_mut(&mut matches));
    Ok(read.map_err(|error| unseen(error.format(&mut forms::command()), &argv))?)
}

/// `help` is help already: what asks for help behind it asks for no more.
fn without_flags_of_help(mut argv: Vec<OsString>) -> Vec<OsString> {
    if argv.get(1).is_some_and(|word| word == "help") {
        argv.retain(|word| word != "-h" && word != "--help");
    }
    argv
}

/// A word where none belongs may be a token of any form: its place is told, and not the word. One that is nearly a command's
/// name is shown.
fn unseen(error: clap::Error, argv: &[OsString]) -> clap::Error {
    if error.kind() == ErrorKind::InvalidSubcommand {
        return no_command(error, argv);
    }
    let context = match error.kind() {
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        _ => return error,
    };
    let Some(ContextValue::String(word)) = error.get(context) else { return error };
    if word.starts_with('-') {
        return error;
    }
    if let Some(file) = is_settings_file(word) {
        let text = format!(
            "{file} is a file of settings: did you mean --config {file}?\n\nFor more information, try '--help'.\n"
        );
        return clap::Error::raw(error.kind(), text);
    }
    let place = place_of(word, argv);
    // `spool` has a command of this name too, which takes a place.
    let is_verify = argv.get(1).is_some_and(|command| command == "verify");
    let meant = if is_verify { "; a spool is proved by sluice spool verify" } else { "" };
    let text = format!(
        "argument{place} is not expected there, and not shown, because it may be a token{meant}\n\nFor more information, try '--help'.\n"
    );
    clap::Error::raw(error.kind(), text)
}

fn place_of(word: &str, argv: &[OsString]) -> String {
    let place = argv.iter().skip(1).position(|argument| *argument == *word);
    place.map_or_else(String::new, |at| format!(" {}", at + 1))
}

/// A word in the place of a command that is none: which there are, and the one that was probably meant.
fn no_command(error: clap::Error, argv: &[OsString]) -> clap::Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    if let Some(file) = is_settings_file(word) {
        let text = format!(
            "{file} is a file of settings, and no command: did you mean migrate --config {file}?\n\nFor more information, try '--help'.\n"
        );
        return clap::Error::raw(error.kind(), text);
    }
    let root = Args::command();
    // Those of `spool` behind that word, else those of the program.
    let words = argv.iter().skip(1).map_while(|argument| argument.to_str());
    let parent = words.map_while(|argument| root.find_subcommand(argument)).last();
    let parent = parent.filter(|found| found.has_subcommands()).unwrap_or(&root);
    let names: Vec<&str> = parent
        .get_subcommands()
        .map(clap::Command::get_name)
        .filter(|name| *name != "help")
        .collect();
    let inner = root.get_subcommands().find(|command| {
        command.get_name() != parent.get_name() && command.find_subcommand(word).is_some()
    });
    let meant = match (nearest(word, names.iter().copied()), inner) {
        (Some(name), _) => format!("there is no command {word:?}: did you mean {name}? "),
        (None, Some(outer)) => {
            format!("there is no command {word:?}: did you mean {} {word}? ", outer.get_name())
        }
        // It may be a token of any form.
        (None, None) => {
            let place = place_of(word, argv);
            format!("argument{place} is no command, and not shown, because it may be a token. ")
        }
    };
    let text = format!(
        "{meant}The commands are: {}\n\nFor more information, try '--help'.\n",
        names.join(", ")
    );
    clap::Error::raw(error.kind(), text)
}

/// Ties a value with a hyphen in front to its flag: `--source-bucket -plant` is `--source-bucket=-plant`. Nothing is guessed:
/// what is a flag itself, or looks like one, is no value unless it is tied by the user.
fn with_hyphen_values(argv: Vec<OsString>) -> Result<Vec<OsString>, HyphenValue> {
    let (flags, valued) = long_flags();
    let is_flag = |text: &str| {
        let name = text.strip_prefix("--").map(|long| long.split('=').next().unwrap_or(long));
        matches!(text, "--" | "-h" | "-V") || name.is_some_and(|name| flags.contains(name))
    };
    let takes_one = |text: &str| text.strip_prefix("--").is_some_and(|name| valued.contains(name));
    let mut tied: Vec<OsString> = Vec::with_capacity(argv.len());
    let mut argv = argv.into_iter().peekable();
    while let Some(argument) = argv.next() {
        if argument == "--" {
            tied.push(argument);
            tied.extend(argv);
            break;
        }
        let value = argument
            .to_str()
            .filter(|flag| takes_one(flag))
            .and_then(|flag| Some((flag, argv.peek()?.to_str()?)))
            // `-t` was meant for a token.
            .filter(|(_, value)| value.starts_with('-') && !is_flag(value))
            .filter(|(_, value)| !is_token_flag(value) && !looks_like_token(value));
        let Some((flag, value)) = value else {
            tied.push(argument);
            continue;
        };
        if value.starts_with("--") {
            return Err(HyphenValue { flag: flag.to_owned(), value: value.to_owned() });
        }
        tied.push(format!("{flag}={value}").into());
        argv.next();
    }
    Ok(tied)
}

/// The names of all flags of all commands, and of those that take one value.
fn long_flags() -> (BTreeSet<String>, BTreeSet<String>) {
    let root = forms::command();
    let commands =
        std::iter::once(&root).chain(pages::all_pages(&root).map(|(_, command)| command));
    let (mut flags, mut valued) = (BTreeSet::new(), BTreeSet::new());
    flags.extend(["help", "version"].map(str::to_owned));
    for arg in commands.flat_map(clap::Command::get_arguments) {
        let Some(name) = arg.get_long() else { continue };
        let is_given = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
        if is_given && arg.get_num_args().is_none_or(|count| count.max_values() == 1) {
            valued.insert(name.to_owned());
        }
        flags.insert(name.to_owned());
    }
    (flags, valued)
}

/// Finds a token in a command line whose first item is the program's name.
pub(crate) fn refuse_tokens(argv: &[OsString]) -> Result<(), TokenInArgv> {
    for (position, argument) in argv.iter().enumerate().skip(1) {
        let argument = argument.to_string_lossy();
        if is_token_flag(&argument) {
            return Err(TokenInArgv { position, problem: "would put a token on the command line" });
        }
        if looks_like_token(&argument) {
            return Err(TokenInArgv { position, problem: "looks like a token" });
        }
    }
    Ok(())
}

/// `-t`, `-tTOKEN`, `--token`, `--source-token=...`, `--sourceToken` and the like.
fn is_token_flag(argument: &str) -> bool {
    match argument.strip_prefix("--") {
        Some(long) => {
            let name = long.split('=').next().unwrap_or(long).to_ascii_lowercase();
            name.ends_with("token")
        }
        // No flag of sluice is `-t`, so whatever is glued to it was meant as a token. A time may begin with a dash and
        // a digit only.
        None => argument.starts_with("-t"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_a_hyphen_is_tied_to_its_flag_and_a_flag_is_none() {
        let tied = |line: &str| {
            let argv = line.split(' ').map(OsString::from).collect();
            with_hyphen_values(argv).map(|argv| argv.join(" ".as_ref()).into_string().unwrap())
        };
        for (line, expected) in [
            (
                "sluice migrate --source-bucket -plant --yes",
                "sluice migrate --source-bucket=-plant --yes",
            ),
            ("sluice plan --tag -a=b --field -", "sluice plan --tag=-a=b --field=-"),
            ("sluice migrate --source-bucket --yes", "sluice migrate --source-bucket --yes"),
            (
                "sluice migrate --source-bucket --start=-5d",
                "sluice migrate --source-bucket --start=-5d",
            ),
            ("sluice migrate --source-bucket -h", "sluice migrate --source-bucket -h"),
            ("sluice migrate --source-bucket -tX", "sluice migrate --source-bucket -tX"),
            ("sluice migrate --source-bucket -- -x", "sluice migrate --source-bucket -- -x"),
            ("sluice migrate --yes -x", "sluice migrate --yes -x"),
            ("sluice bench --compare -a -b", "sluice bench --compare -a -b"),
        ] {
            assert_eq!(tied(line).unwrap(), expected);
        }
        let error = tied("sluice migrate --source-bucket --plant").unwrap_err().to_string();
        assert!(error.contains("write --source-bucket=--plant"), "{error}");
    }

    #[test]
    fn a_lone_word_is_not_repeated() {
        for (line, shown) in [
            ("sluice migrate my-secret-word", false),
            ("sluice my-secret-word", false),
            ("sluice migrate --json my-secret-word", false),
            ("sluice preflght", true),
            ("sluice migrate --my-secret-word", true),
        ] {
            let Err(ArgvError::Clap(error)) = parse_argv(line.split(' ')) else { panic!("{line}") };
            assert_eq!(error.exit_code(), 2, "{line}");
            let said = error.to_string();
            let word = line.split(' ').next_back().unwrap_or_default();
            assert_eq!(said.contains(word), shown, "{said}");
            assert!(
                shown
                    || said.contains("argument 1")
                    || said.contains("argument 2")
                    || said.contains("argument 3"),
                "{said}"
            );
        }
    }
}
