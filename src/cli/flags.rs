//! The flags of the table as clap knows them: a command that takes groups of it has nothing of its own to say.

use std::fmt;
use std::marker::PhantomData;

use clap::builder::PossibleValue;
use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, ValueHint};

use crate::config::flag::{Completes, Flag, FlagGroup, FlagKind, FlagOf, Typed};

/// Flags of a command.
pub trait Takes {
    /// All of them, in the order of the help.
    const GROUPS: &'static [FlagGroup];
}

/// Those that were typed.
pub struct Flags<T> {
    typed: Vec<Typed>,
    taken: PhantomData<T>,
}

impl<T> Flags<T> {
    /// Each flag that was typed, with its values.
    pub fn typed(&self) -> Vec<Typed> {
        self.typed.clone()
    }

    /// True for a switch that was typed.
    pub fn is_on(&self, switch: FlagOf<bool>) -> bool {
        self.typed.iter().any(|(flag, _)| *flag == switch.flag)
    }
}

impl<T: Takes> clap::Args for Flags<T> {
    fn augment_args(command: clap::Command) -> clap::Command {
        let grouped = |group: &'static FlagGroup| {
            group.flags.iter().map(|flag| argument(flag).help_heading(group.heading))
        };
        command.args(T::GROUPS.iter().flat_map(grouped))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl<T: Takes> clap::FromArgMatches for Flags<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flags = T::GROUPS.iter().flat_map(|group| group.flags);
        let is_typed =
            |flag: &&Flag| matches.value_source(flag.name) == Some(ValueSource::CommandLine);
        let texts = |flag: &Flag| match flag.kind {
            FlagKind::Switch => vec!["true".to_owned()],
            _ => matches.get_many(flag.name).into_iter().flatten().cloned().collect(),
        };
        let typed = flags.filter(is_typed).map(|flag| (*flag, texts(flag))).collect();
        Ok(Self { typed, taken: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn argument(flag: &Flag) -> Arg {
    let argument = Arg::new(flag.name).long(flag.name).short(flag.short).help(flag.help());
    let argument = match flag.kind {
        FlagKind::Switch => return argument.action(ArgAction::SetTrue),
        FlagKind::List => argument.action(ArgAction::Append),
        FlagKind::One | FlagKind::Words => argument,
    };
    let argument = argument.value_name(flag.value).allow_hyphen_values(flag.hyphens).value_hint(
        match flag.completes {
            // Of an address a shell knows nothing better than files, and it is none.
            Completes::Nothing | Completes::Url => ValueHint::Other,
            Completes::File => ValueHint::FilePath,
            Completes::Path => ValueHint::AnyPath,
            Completes::Command => ValueHint::CommandString,
        },
    );
    if flag.words.is_empty() {
        return argument;
    }
    let words = flag.words.iter().map(|(word, help)| PossibleValue::new(*word).help(*help));
    argument.value_parser(PossibleValuesParser::new(words)).hide_possible_values(true)
}

// By hand, because `T` is a name only.
impl<T> Clone for Flags<T> {
    fn clone(&self) -> Self {
        Self { typed: self.typed.clone(), taken: PhantomData }
    }
}

impl<T> PartialEq for Flags<T> {
    fn eq(&self, other: &Self) -> bool {
        self.typed == other.typed
    }
}

impl<T> Eq for Flags<T> {}

impl<T> fmt::Debug for Flags<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Flags").field(&self.typed).finish()
    }
}
