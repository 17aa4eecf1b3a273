//! The environment as a value, so that nothing below reads the process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::error::ConfigError;
use super::flag::Flag;
use super::table::all_flags;
use crate::model::nearest::nearest;
use crate::spool::place::Surroundings;

/// Variables and their values. Empty values count as not set.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The variables of this process, or of a test.
    pub fn new<K: Into<OsString>, V: Into<OsString>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, ConfigError> {
        let mut map = BTreeMap::new();
        for (name, value) in pairs {
            let Ok(name) = name.into().into_string() else { continue };
            match value.into().into_string() {
                Ok(value) if value.is_empty() => {}
                Ok(value) => {
                    map.insert(name, value);
                }
                Err(_) if name.starts_with("SLUICE_") => return Err(ConfigError::NotText { name }),
                Err(_) => {}
            }
        }
        Ok(Self(map))
    }

    /// One variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The home folder, where known.
    pub(super) fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// `$XDG_STATE_HOME/sluice`, else `~/.local/state/sluice`, else what systemd gives its services. A relative
    /// `XDG_STATE_HOME` counts as not set, as its specification wants.
    pub(super) fn state_dir(&self) -> Option<PathBuf> {
        let absolute = |path: &str| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
        let xdg = self.get("XDG_STATE_HOME").and_then(absolute);
        let base = xdg.or_else(|| Some(self.home()?.join(".local").join("state")));
        let of_service = || absolute(self.get("STATE_DIRECTORY")?.split(':').next()?);
        base.map(|base| base.join("sluice")).or_else(of_service)
    }

    /// What the place of a spool may need of it.
    pub fn surroundings(&self) -> Surroundings {
        Surroundings::new(&self.0, self.state_dir())
    }

    /// `SLUICE_*` variables that no flag has, with the name that was probably meant.
    pub(super) fn unknown(&self) -> Vec<String> {
        let known: Vec<String> = all_flags().map(Flag::variable).collect();
        let strange = self
            .0
            .keys()
            .filter(|name| name.starts_with("SLUICE_") && !name.starts_with("SLUICE_TEST_"));
        strange
            .filter(|name| !known.contains(name))
            .map(|name| match nearest(name, known.iter().map(String::as_str)) {
                Some(meant) => format!(
                    "the variable {name} is not known and was ignored; did you mean {meant}?"
                ),
                None => format!("the variable {name} is not known and was ignored"),
            })
            .collect()
    }
}

/// Names only: values may be tokens.
impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}
