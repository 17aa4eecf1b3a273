//! Completions and man pages, both made from the definition of the flags.

use std::io;

use clap::Arg;
use clap::builder::PossibleValuesParser;
use clap_complete::Shell;

use super::forms;
use crate::exit::ExitCode;

/// Why there is no man page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// No such command.
    #[error("there is no command {name:?}: {}", .known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The commands there are.
        known: Vec<String>,
    },
    /// The output is gone.
    #[error("cannot write the page")]
    Write(#[from] io::Error),
}

/// Values that a shell offers where any text is taken: those that most lines need.
const OFFERED: [(&str, &[&str]); 10] = [
    ("transport", &["auto", "flux", "flux-keyed", "flux-pivot", "influxql"]),
    ("quota", &["auto", "none", "300MB/5min", "3GB/5min"]),
    ("quota-share", &["90%", "50%", "30%"]),
    ("batch-interval", &["auto", "1h", "6h", "1d", "7d", "30d"]),
    ("intervals", &["1h,6h,1d", "6h,1d,7d"]),
    ("transports", &["auto", "auto,flux", "influxql,flux-pivot,flux-keyed,flux"]),
    ("start", &["earliest", "-1d", "-7d", "-30d"]),
    ("stop", &["now", "-1d"]),
    ("spool", &["parquet"]),
    ("source", &["recorded", "read", "counts", "spool:"]),
];

/// Writes the completions of one shell; `profiles` are those that the influx CLI has now.
pub fn print_completions(
    shell: Shell,
    profiles: &[String],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let offer = |arg: Arg| {
        let name = arg.get_id().as_str().to_owned();
        // clap wants them for the whole life of the program, which ends with this page.
        let words: Vec<&'static str> = match OFFERED.iter().find(|(flag, _)| *flag == name) {
            Some((_, words)) => words.to_vec(),
            None if name.ends_with("-profile") => {
                profiles.iter().map(|name| &*name.clone().leak()).collect()
            }
            None => Vec::new(),
        };
        if words.is_empty() { arg } else { arg.value_parser(PossibleValuesParser::new(words)) }
    };
    let names: Vec<String> =
        forms::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let mut root = names.into_iter().fold(forms::command(), |root, name| {
        root.mut_subcommand(name, |command| command.mut_args(offer))
    });
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut root, "sluice", &mut text);
    out.write_all(&text)
}

/// All commands with the names of their pages: `spool-verify` is that of `spool verify`.
pub fn all_pages(root: &clap::Command) -> impl Iterator<Item = (String, &clap::Command)> {
    let own = root.get_subcommands().filter(|command| command.get_name() != "help");
    own.flat_map(|command| {
        let name = command.get_name();
        let inner = command
            .get_subcommands()
            .filter(|inner| inner.get_name() != "help")
            .map(move |inner| (format!("{name}-{}", inner.get_name()), inner));
        std::iter::once((name.to_owned(), command)).chain(inner)
    })
}

/// Writes the man page of one command, or of sluice itself.
pub fn print_man(command: Option<&str>, out: &mut dyn io::Write) -> Result<(), PageError> {
    let mut root = forms::command();
    root.build();
    let page = match command {
        None => root,
        Some(name) => {
            let (name, found) = all_pages(&root).find(|(own, _)| own == name).ok_or_else(|| {
                let known = all_pages(&root).map(|(name, _)| name).collect();
                PageError::Unknown { name: name.to_owned(), known }
            })?;
            // The page's name is its file name; clap_mangen wants it for the whole life of the program.
            let title: &'static str = format!("sluice-{name}").leak();
            found.clone().name(title)
        }
    };
    let mut text = Vec::new();
    let examples = page.get_before_help().map(ToString::to_string);
    let notes = page.get_after_help().map(ToString::to_string);
    let has_version = page.get_version().is_some();
    let has_commands = page.get_subcommands().any(|inner| inner.get_name() != "help");
    let man = clap_mangen::Man::new(page);
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if has_commands {
        man.render_subcommands_section(&mut text)?;
    }
    if let Some(notes) = notes {
        section(&mut text, "NOTES", &notes)?;
    }
    if let Some(examples) = examples {
        section(&mut text, "EXAMPLES", examples.trim_start_matches("Examples:\n"))?;
    }
    section(&mut text, "ENVIRONMENT", ENVIRONMENT)?;
    section(&mut text, "FILES", FILES)?;
    let codes =
        ExitCode::ALL.iter().map(|code| format!("{:>3}  {}", code.number(), code.meaning()));
    section(&mut text, "EXIT STATUS", &codes.collect::<Vec<_>>().join("\n"))?;
    if has_version {
        man.render_version_section(&mut text)?;
    }
    out.write_all(&text)?;
    Ok(())
}

const ENVIRONMENT: &str = "\
INFLUXDB_CLOUD_TOKEN  token of the source
INFLUX_TOKEN          token of the destination
SLUICE_...            every flag: --batch-interval is SLUICE_BATCH_INTERVAL
INFLUX_CONFIGS_PATH   file of the influx CLI's profiles
XDG_STATE_HOME, HOME, STATE_DIRECTORY
                      the first that is set leads to the state of the jobs
HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY
                      the proxy on the way to an end
SSL_CERT_FILE, SSL_CERT_DIR
                      certificates in place of the system's
NO_COLOR, CLICOLOR_FORCE, TERM
                      whether there are colours
LC_ALL, LC_CTYPE, LANG
                      which characters the streams take";

const FILES: &str = "\
~/.local/state/sluice/JOB/      lock and rejects.lp of a job
~/.local/state/sluice/quota/    runs that share a quota
~/.influxdbv2/configs           profiles of the influx CLI";

/// A section of lines that are kept as they are.
fn section(page: &mut Vec<u8>, name: &str, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    writeln!(page, ".SH {name:?}\n.nf")?;
    for line in text.trim_end().lines() {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        // A full stop or an apostrophe at the beginning would be an order.
        let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
        writeln!(page, "{guard}{line}")?;
    }
    writeln!(page, ".fi")
}
