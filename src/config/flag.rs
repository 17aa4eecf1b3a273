//! What a flag is: how it is spelt on the command line, in the environment and in the file, how it is told, and how its
//! text is read. [`crate::config::table`] has them all.

use super::error::ConfigError;
use super::given::Given;

/// How many values a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagKind {
    /// One text or number.
    One,
    /// Any number of texts: the flag is repeated, the variable has one per line, the key takes an array, or a text for one item.
    List,
    /// Yes or no.
    Switch,
    /// A program with its arguments: one text that is cut into words, or an array.
    Words,
}

/// What a shell may complete a value with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completes {
    /// Nothing.
    Nothing,
    /// Addresses.
    Url,
    /// Files.
    File,
    /// Files and folders.
    Path,
    /// Programs.
    Command,
}

/// The table of the official record.
const MIGRATION: &str = "migration";

/// A flag `--name`, which is a variable `SLUICE_NAME` and a key `name` of the file as well, dashes as underscores. That of
/// one command alone is `SLUICE_COMMAND_NAME`, and its key stands in the command's table.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// Its name, without the dashes in front.
    pub name: &'static str,
    /// Its one letter, if it has one.
    pub short: Option<char>,
    /// How many values.
    pub kind: FlagKind,
    /// What the help calls a value.
    pub value: &'static str,
    /// The words that the command line takes, each with its meaning; all texts if there are none.
    pub words: &'static [(&'static str, &'static str)],
    /// What a shell may complete it with.
    pub completes: Completes,
    /// Its values may begin with a hyphen.
    pub hyphens: bool,
    /// `migration` for one of the official record, or the command whose alone it is; none for one of every job.
    pub table: Option<&'static str>,
    /// The file may have it.
    pub in_file: bool,
    /// Value where nothing gives one.
    pub default: Option<&'static str>,
    help: &'static str,
}

/// Two are one if they are spelt alike, however a command tells of them.
impl PartialEq for Flag {
    fn eq(&self, other: &Self) -> bool {
        (self.table, self.name) == (other.table, other.name)
    }
}

impl Eq for Flag {}

/// A flag as typed, with its values.
pub type Typed = (Flag, Vec<String>);

const fn of(kind: FlagKind, name: &'static str, value: &'static str) -> Flag {
    Flag {
        name,
        short: None,
        kind,
        value,
        words: &[],
        completes: Completes::Nothing,
        hyphens: false,
        table: None,
        in_file: true,
        default: None,
        help: "",
    }
}

/// A flag with one value, which the help calls `value`.
pub(super) const fn one(name: &'static str, value: &'static str) -> Flag {
    of(FlagKind::One, name, value)
}

/// One of the official record.
pub(super) const fn official(name: &'static str, value: &'static str) -> Flag {
    one(name, value).only(MIGRATION)
}

/// A flag that may be repeated.
pub(super) const fn list(name: &'static str, value: &'static str) -> Flag {
    of(FlagKind::List, name, value)
}

/// A flag without a value.
pub(super) const fn switch(name: &'static str) -> Flag {
    of(FlagKind::Switch, name, "").or("false")
}

/// A flag for a program and its arguments.
pub(super) const fn program(name: &'static str) -> Flag {
    of(FlagKind::Words, name, "COMMAND").completes(Completes::Command)
}

impl Flag {
    /// The same with this default.
    #[must_use]
    pub const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    /// The same with another sentence: that of a command that means it for something else.
    #[must_use]
    pub const fn told(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    /// The same, given any number of times on the command line.
    #[must_use]
    pub const fn repeated(self) -> Self {
        Self { kind: FlagKind::List, ..self }
    }

    pub(super) const fn short(self, letter: char) -> Self {
        Self { short: Some(letter), ..self }
    }

    pub(super) const fn only(self, table: &'static str) -> Self {
        Self { table: Some(table), ..self }
    }

    pub(super) const fn not_in_file(self) -> Self {
        Self { in_file: false, ..self }
    }

    pub(super) const fn completes(self, completes: Completes) -> Self {
        Self { completes, ..self }
    }

    pub(super) const fn hyphens(self) -> Self {
        Self { hyphens: true, ..self }
    }

    pub(super) const fn words(self, words: &'static [(&'static str, &'static str)]) -> Self {
        Self { words, ..self }
    }

    /// The same, read by a function.
    pub(super) const fn read_by<T>(self, read: Read<T>) -> FlagOf<T> {
        FlagOf { flag: self, read }
    }

    /// What the help says, its default last.
    pub fn help(&self) -> String {
        let help = self.help.trim_start();
        match self.default {
            Some(default) if self.kind != FlagKind::Switch => {
                format!("{help} [default: {default}]")
            }
            _ => help.to_owned(),
        }
    }

    /// One of the nine of the official `migration` record.
    pub fn is_official(&self) -> bool {
        self.table == Some(MIGRATION)
    }

    /// The command whose alone it is.
    pub fn command(&self) -> Option<&'static str> {
        self.table.filter(|_| !self.is_official())
    }

    /// `SLUICE_SOURCE_HOST`, `SLUICE_BENCH_INTERVALS`.
    pub fn variable(&self) -> String {
        let words = ["sluice"].into_iter().chain(self.command()).chain([self.name]);
        words.collect::<Vec<_>>().join("_").replace('-', "_").to_ascii_uppercase()
    }

    /// `source_host`.
    pub fn key(&self) -> String {
        self.name.replace('-', "_")
    }

    /// `migration.source_host`, `bench.intervals`; none for one that no file gives.
    pub fn full_key(&self) -> Option<String> {
        let table = self.table.map_or(String::new(), |table| format!("{table}."));
        self.in_file.then(|| table + &self.key())
    }

    /// `sourceHost`: the spelling of the official record.
    pub fn camel(&self) -> String {
        let mut words = self.name.split('-');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |mut camel, word| {
            camel.push_str(&word[..1].to_ascii_uppercase());
            camel.push_str(&word[1..]);
            camel
        })
    }
}

type Read<T> = fn(&Given) -> Result<T, ConfigError>;

/// A flag whose value is a `T`.
#[derive(Debug)]
pub struct FlagOf<T> {
    /// How it is spelt and told.
    pub flag: Flag,
    read: Read<T>,
}

// By hand, because `T` need not be `Copy`.
impl<T> Clone for FlagOf<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for FlagOf<T> {}

impl<T> FlagOf<T> {
    pub(super) const fn told(self, help: &'static str) -> Self {
        Self { flag: self.flag.told(help), ..self }
    }

    /// What a text means.
    pub(super) fn read(&self, given: &Given) -> Result<T, ConfigError> {
        (self.read)(given)
    }
}

/// Flags under one heading of the help.
#[derive(Debug, Clone, Copy)]
pub struct FlagGroup {
    /// The heading; none for the usual one.
    pub heading: Option<&'static str>,
    /// Its flags, in the order of the help.
    pub flags: &'static [Flag],
}

impl FlagGroup {
    /// These, under the usual heading.
    pub const fn of(flags: &'static [Flag]) -> Self {
        Self { heading: None, flags }
    }

    /// The same under another heading.
    #[must_use]
    pub const fn under(self, heading: &'static str) -> Self {
        Self { heading: Some(heading), ..self }
    }
}

/// Flags under a heading. Each is a constant of its own, and a part of the group; its comment is its help.
macro_rules! flags {
    (
        $(#[doc = $about:literal])+
        $group:ident $(under $heading:literal)?:
        $($(#[doc = $help:literal])+ $name:ident: $type:ty = $flag:expr;)+
    ) => {
        $(
            $(#[doc = $help])+
            #[allow(unreachable_pub, reason = "tests name a few of them")]
            pub const $name: FlagOf<$type> = $flag.told(concat!($($help),+));
        )+

        $(#[doc = $about])+
        pub(crate) const $group: FlagGroup = FlagGroup::of(&[$($name.flag),+])$(.under($heading))?;
    };
}
pub(super) use flags;
