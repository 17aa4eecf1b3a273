//! The layers that give the settings. Stronger layers come first, and the first that has a setting gives it whole: lists
//! are not joined across layers.

use std::fmt;
use std::ops::RangeBounds;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::env::Env;
use super::error::{ConfigError, Shown};
use super::table::{Kind, SETTINGS, Setting};
use super::task_record::{Property, TaskRecord};
use crate::cli::job::Typed;

/// Any number without sign and fraction.
pub(super) const WHOLE: &str = "a whole number such as 10000";

/// Where a value stands, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// On the command line.
    Flag(&'static str),
    /// In the environment, under this name.
    Variable(String),
    /// In the TOML file.
    Key {
        /// As it stands there.
        key: String,
        /// Which file.
        path: PathBuf,
    },
    /// In the record of an official task.
    Task(String),
    /// The address of an influx CLI profile.
    Profile(String),
    /// Nowhere: the default of this flag.
    Default(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Default(name) => write!(f, "--{name}"),
            Self::Variable(name) => write!(f, "{name}"),
            Self::Key { key, path } => write!(f, "{key} in {}", path.display()),
            Self::Task(property) => write!(f, "{property} of the task"),
            Self::Profile(name) => write!(f, "url of profile {name:?}"),
        }
    }
}

/// How strong a layer is; a smaller rank wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Typed.
    Flag,
    /// In the environment.
    Env,
    /// In the TOML file.
    File,
}

/// A value as text, with the place it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// One text, or several for lists.
    pub texts: Vec<String>,
    /// Where from.
    pub origin: Origin,
    /// How strong.
    pub rank: Rank,
}

impl Given {
    /// The one text of a setting that is no list.
    pub fn text(&self) -> &str {
        self.texts.first().map_or("", String::as_str)
    }

    /// A name, which is not empty.
    pub(super) fn name(&self) -> Result<String, ConfigError> {
        if self.text().is_empty() { Err(self.wrong("a name")) } else { Ok(self.text().to_owned()) }
    }

    /// A number within bounds.
    pub(super) fn number<T: FromStr + PartialOrd>(
        &self,
        bounds: impl RangeBounds<T>,
        expected: &'static str,
    ) -> Result<T, ConfigError> {
        let number = self.text().parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| self.wrong(expected))
    }

    /// This value in a message.
    pub(super) fn wrong(&self, expected: &'static str) -> ConfigError {
        ConfigError::Value { origin: self.origin.clone(), value: Shown::new(self.text()), expected }
    }
}

/// All layers of one run.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What the command takes beside the settings of a job.
    own: &'static [Setting],
    given: Vec<(&'static str, Given)>,
    task: Option<(Rank, TaskRecord)>,
}

impl Settings {
    /// Joins what was typed, the environment and the keys of the file, for a command that takes these settings of its own.
    pub fn new(
        typed: Vec<Typed>,
        own: &'static [Setting],
        env: &Env,
        file: Vec<(&'static str, Given)>,
    ) -> Self {
        let flags = typed.into_iter().map(|(name, texts)| {
            (name, Given { texts, origin: Origin::Flag(name), rank: Rank::Flag })
        });
        let variables = own.iter().chain(SETTINGS).filter_map(|setting| {
            let variable = setting.variable();
            let text = env.get(&variable)?;
            let texts = match setting.kind {
                Kind::List => text.lines().map(str::to_owned).collect(),
                Kind::One | Kind::Switch | Kind::Words => vec![text.to_owned()],
            };
            Some((
                setting.name,
                Given { texts, origin: Origin::Variable(variable), rank: Rank::Env },
            ))
        });
        Self { own, given: flags.chain(variables).chain(file).collect(), task: None }
    }

    /// The same less what a file says of a job.
    pub(super) fn without_job_of_file(&self) -> Self {
        let mut settings = self.clone();
        let is_own = |name| self.own.iter().any(|setting| setting.name == name);
        settings.given.retain(|(name, given)| given.rank != Rank::File || is_own(*name));
        settings
    }

    /// The setting of this flag.
    pub(super) fn setting(&self, name: &str) -> &'static Setting {
        let found = self.own.iter().chain(SETTINGS).find(|setting| setting.name == name);
        found.expect("every name in this module's callers stands in a table; a test reads them all")
    }

    /// Adds the record of an official task. It stands right behind the layer that named the task.
    pub fn set_task(&mut self, record: TaskRecord) {
        let rank = self.plain("task").map_or(Rank::Flag, |given| given.rank);
        self.task = Some((rank, record));
    }

    /// The record of the task, if one was added.
    pub(super) fn task(&self) -> Option<&TaskRecord> {
        self.task.as_ref().map(|(_, record)| record)
    }

    /// The strongest value of a setting outside the task's record.
    pub(super) fn plain(&self, name: &str) -> Option<&Given> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, given)| given)
    }

    /// The strongest value of a setting, without the default.
    pub(super) fn find(&self, name: &str) -> Result<Option<Given>, ConfigError> {
        let plain = self.plain(name);
        let Some((rank, record)) = &self.task else { return Ok(plain.cloned()) };
        if plain.is_some_and(|given| given.rank <= *rank) {
            return Ok(plain.cloned());
        }
        let setting = self.setting(name);
        let origin = Origin::Task(setting.camel());
        match record.property(setting.name) {
            None => Ok(plain.cloned()),
            Some(Property::Literal(text)) => {
                Ok(Some(Given { texts: vec![text.clone()], origin, rank: *rank }))
            }
            Some(Property::Computed(text)) => Err(ConfigError::TaskComputes {
                property: setting.camel(),
                flag: setting.name,
                text: Shown::new(text),
            }),
        }
    }

    /// The value of a setting that has a default.
    pub(super) fn value(&self, name: &str) -> Result<Given, ConfigError> {
        let setting = self.setting(name);
        let found = self.find(name)?;
        Ok(found.unwrap_or_else(|| Given {
            texts: vec![setting.default.unwrap_or_default().to_owned()],
            origin: Origin::Default(setting.name),
            rank: Rank::File,
        }))
    }

    /// A switch; off where nothing gives it.
    pub fn switch(&self, name: &str) -> Result<bool, ConfigError> {
        match self.plain(name).map(|given| (given, given.text())) {
            Some((_, "true" | "1")) => Ok(true),
            None | Some((_, "false" | "0")) => Ok(false),
            Some((given, _)) => Err(given.wrong("true or false")),
        }
    }

    /// A path.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.plain(name).map(|given| Path::new(given.text()).to_owned())
    }
}

/// The known name nearest to a misspelt one, if it is near enough to be meant.
pub(super) fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
    let typed = plain(typed);
    let (name, steps) =
        known.map(|name| (name, edits(&typed, &plain(name)))).min_by_key(|(_, steps)| *steps)?;
    (steps <= 1 + typed.len() / 5).then_some(name)
}

/// Letters to insert, remove or replace to turn one text into the other.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for j in 0..to.len() {
            let replaced = diagonal + usize::from(letter != to[j]);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits_and_finds_the_nearest() {
        for (a, b, steps) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("abc", "abc", 0),
            ("abc", "acb", 2),
        ] {
            assert_eq!(edits(a, b), steps, "{a} {b}");
            assert_eq!(edits(b, a), steps, "{b} {a}");
        }
        let known = || SETTINGS.iter().map(|setting| setting.name);
        assert_eq!(nearest("batch_intervall", known()), Some("batch-interval"));
        assert_eq!(nearest("sourceHst", known()), Some("source-host"));
        assert_eq!(nearest("something_else", known()), None);
    }
}
