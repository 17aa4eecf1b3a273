//! Completions and man pages, both made from the definition of the flags.

use std::io;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::args::Args;

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

/// Writes the completions of one shell.
pub fn print_completions(shell: Shell, out: &mut dyn io::Write) -> io::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "sluice", &mut text);
    out.write_all(&text)
}

/// All commands with the names of their pages: `spool-verify` is that of `spool verify`.
pub fn all_pages(root: &clap::Command) -> impl Iterator<Item = (String, &clap::Command)> {
    root.get_subcommands().flat_map(|command| {
        let name = command.get_name();
        let inner = command
            .get_subcommands()
            .map(move |inner| (format!("{name}-{}", inner.get_name()), inner));
        std::iter::once((name.to_owned(), command)).chain(inner)
    })
}

/// Writes the man page of one command, or of sluice itself.
pub fn print_man(command: Option<&str>, out: &mut dyn io::Write) -> Result<(), PageError> {
    let mut root = Args::command();
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
    clap_mangen::Man::new(page).render(out)?;
    Ok(())
}
