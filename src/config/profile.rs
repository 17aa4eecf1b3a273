//! The profiles of the influx CLI: `~/.influxdbv2/configs`, a TOML table per profile.

use std::fmt;
use std::path::Path;

use toml::Value;

use super::error::ConfigError;
use super::file;
use super::shown::ShownValue;

/// One profile. Its token is not shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Profile {
    /// The table's name.
    pub name: String,
    /// Address.
    pub url: String,
    /// API token.
    pub token: String,
    /// Organization; the CLI lets it be empty.
    pub org: Option<String>,
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("name", &self.name)
            .field("url", &self.url)
            .field("org", &self.org)
            .finish_non_exhaustive()
    }
}

/// The names of all profiles in the text of the file; none if it is no such file.
pub(crate) fn names(text: &str) -> Vec<String> {
    let table = file::parse_toml(text, Path::new("")).unwrap_or_default();
    let tables = table.iter().filter(|(_, value)| value.is_table());
    tables.map(|(name, _)| name.clone()).collect()
}

/// Finds a profile in the text of the file.
pub(crate) fn find_profile(text: &str, path: &Path, name: &str) -> Result<Profile, ConfigError> {
    let table = file::parse_toml(text, path)?;
    let Some(Value::Table(profile)) = table.get(name) else {
        let known = table
            .iter()
            .filter(|(_, value)| value.is_table())
            .map(|(name, _)| name.clone())
            .collect();
        return Err(ConfigError::NoProfile {
            name: ShownValue::new(name),
            path: path.to_owned(),
            known,
        });
    };
    let text = |key: &str| {
        profile
            .get(key)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let needed = |key: &'static str| {
        text(key).ok_or_else(|| ConfigError::ProfileLacks {
            name: name.to_owned(),
            path: path.to_owned(),
            lacks: key,
        })
    };
    Ok(Profile {
        name: name.to_owned(),
        url: needed("url")?,
        token: needed("token")?,
        org: text("org"),
    })
}
