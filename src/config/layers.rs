//! The layers that give the settings. Stronger layers come first, and the first that has a setting gives it whole: lists
//! are not joined across layers.

use std::path::{Path, PathBuf};

use super::env::Env;
use super::error::{ConfigError, Shown};
use super::given::Given;
use super::origin::{Origin, Rank};
use super::table::{Kind, SETTINGS, Setting};
use super::task_record::{Property, TaskRecord};
use crate::cli::job::Typed;

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
