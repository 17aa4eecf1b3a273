//! The layers that give the flags their values. Stronger layers come first, and the first that has a flag gives it whole:
//! lists are not joined across layers.

use super::env::Env;
use super::error::ConfigError;
use super::flag::{Flag, FlagKind, FlagOf, Typed};
use super::given::Given;
use super::origin::{Rank, ValueOrigin};
use super::shown::ShownValue;
use super::table::{TASK, all_flags};
use super::task_record::{Property, TaskRecord};

/// All layers of one run.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    given: Vec<(Flag, Given)>,
    task: Option<(Rank, TaskRecord)>,
}

impl Layers {
    /// What was typed, and the environment behind it.
    pub fn new(typed: Vec<Typed>, env: &Env) -> Self {
        let typed = typed.into_iter().map(|(flag, texts)| {
            (flag, Given { texts, origin: ValueOrigin::Flag(flag.name), rank: Rank::Flag })
        });
        let variables = all_flags().filter_map(|flag| {
            let variable = flag.variable();
            let text = env.get(&variable)?;
            let texts = match flag.kind {
                FlagKind::List => text.lines().map(str::to_owned).collect(),
                FlagKind::One | FlagKind::Switch | FlagKind::Words => vec![text.to_owned()],
            };
            Some((*flag, Given { texts, origin: ValueOrigin::Variable(variable), rank: Rank::Env }))
        });
        Self { given: typed.chain(variables).collect(), task: None }
    }

    /// Adds the keys of the file, the weakest layer.
    pub(super) fn add_file(&mut self, keys: Vec<(Flag, Given)>) {
        self.given.extend(keys);
    }

    /// The same less what a file says of a job.
    pub(super) fn without_job_of_file(&self) -> Self {
        let mut layers = self.clone();
        layers.given.retain(|(flag, given)| given.rank != Rank::File || flag.command().is_some());
        layers
    }

    /// Adds the record of an official task. It stands right behind the layer that named the task.
    pub fn set_task(&mut self, record: TaskRecord) {
        let rank = self.plain(TASK.flag).map_or(Rank::Flag, |given| given.rank);
        self.task = Some((rank, record));
    }

    /// The record of the task, if one was added.
    pub(super) fn task(&self) -> Option<&TaskRecord> {
        self.task.as_ref().map(|(_, record)| record)
    }

    /// What was typed.
    pub(super) fn typed(&self) -> impl Iterator<Item = &(Flag, Given)> {
        self.given.iter().filter(|(_, given)| given.rank == Rank::Flag)
    }

    /// The strongest text outside the task's record.
    pub(super) fn plain(&self, flag: Flag) -> Option<&Given> {
        self.given.iter().find(|(given, _)| *given == flag).map(|(_, given)| given)
    }

    /// The strongest text, without the default.
    pub(super) fn given(&self, flag: Flag) -> Result<Option<Given>, ConfigError> {
        let plain = self.plain(flag);
        let Some((rank, record)) = &self.task else { return Ok(plain.cloned()) };
        if plain.is_some_and(|given| given.rank <= *rank) {
            return Ok(plain.cloned());
        }
        match record.property(flag) {
            None => Ok(plain.cloned()),
            Some(Property::Literal(text)) => {
                let origin = ValueOrigin::Task(flag.camel());
                Ok(Some(Given { texts: vec![text.clone()], origin, rank: *rank }))
            }
            Some(Property::Computed(text)) => Err(ConfigError::TaskComputes {
                property: flag.camel(),
                flag: flag.name,
                text: ShownValue::new(text),
            }),
        }
    }

    /// The strongest text, which may be the default.
    pub(super) fn given_or_default(&self, flag: Flag) -> Result<Given, ConfigError> {
        Ok(self.given(flag)?.unwrap_or_else(|| Given {
            texts: vec![flag.default.unwrap_or_default().to_owned()],
            origin: ValueOrigin::Default(flag.name),
            rank: Rank::File,
        }))
    }

    /// The value of a flag, if anything gives it.
    pub fn find<T>(&self, flag: FlagOf<T>) -> Result<Option<T>, ConfigError> {
        self.given(flag.flag)?.map(|given| flag.read(&given)).transpose()
    }

    /// The value of a flag that has a default.
    pub fn get<T>(&self, flag: FlagOf<T>) -> Result<T, ConfigError> {
        flag.read(&self.given_or_default(flag.flag)?)
    }

    /// The value of a flag without default that must be given.
    pub(super) fn needed<T>(&self, flag: FlagOf<T>) -> Result<T, ConfigError> {
        let Flag { name, .. } = flag.flag;
        let (variable, key) = (flag.flag.variable(), flag.flag.full_key());
        self.find(flag)?.ok_or(ConfigError::Missing { flag: name, variable, key })
    }
}
