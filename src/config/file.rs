//! The TOML file: the official nine in the table `[migration]`, in both spellings, everything else above it.

use std::path::Path;

use toml::{Table, Value};

use super::error::{ConfigError, Shown};
use super::settings::{self, Given, Kind, Origin, Rank, SETTINGS, Setting};

/// The table of the official record.
const MIGRATION: &str = "migration";

/// Reads the text of a file; `path` is for messages.
pub fn parse(text: &str, path: &Path) -> Result<Vec<(&'static str, Given)>, ConfigError> {
    let table = table(text, path)?;
    let reader = Reader { path };
    let mut given: Vec<(&'static str, Given)> = Vec::new();
    for (key, value) in &table {
        if key == MIGRATION {
            let Value::Table(inner) = value else {
                return Err(reader.wrong_type(key, "a table: [migration]"));
            };
            for (key, value) in inner {
                reader.add(&mut given, key, value, true)?;
            }
        } else {
            reader.add(&mut given, key, value, false)?;
        }
    }
    Ok(given)
}

/// Parses TOML. The parser's own display is not used: it repeats the line, which may hold a token.
pub(super) fn table(text: &str, path: &Path) -> Result<Table, ConfigError> {
    text.parse::<Table>().map_err(|error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = 1 + text.get(..at).unwrap_or(text).matches('\n').count();
        ConfigError::Syntax { path: path.to_owned(), line, message: error.message().to_owned() }
    })
}

struct Reader<'a> {
    path: &'a Path,
}

impl Reader<'_> {
    fn add(
        &self,
        given: &mut Vec<(&'static str, Given)>,
        key: &str,
        value: &Value,
        official: bool,
    ) -> Result<(), ConfigError> {
        let shown = if official { format!("{MIGRATION}.{key}") } else { key.to_owned() };
        if key.to_ascii_lowercase().ends_with("token") {
            return Err(ConfigError::TokenInFile { path: self.path.to_owned(), key: shown });
        }
        let setting = self.setting(key, &shown, official)?;
        let texts = self.texts(setting, &shown, value)?;
        let earlier = given.iter().find(|(name, _)| *name == setting.name);
        if let Some((_, Given { origin: Origin::Key { key: first, .. }, .. })) = earlier {
            return Err(ConfigError::KeyTwice {
                path: self.path.to_owned(),
                first: first.clone(),
                second: shown,
            });
        }
        let origin = Origin::Key { key: shown, path: self.path.to_owned() };
        given.push((setting.name, Given { texts, origin, rank: Rank::File }));
        Ok(())
    }

    fn setting(
        &self,
        key: &str,
        shown: &str,
        official: bool,
    ) -> Result<&'static Setting, ConfigError> {
        let matches =
            |setting: &&Setting| setting.key() == key || setting.official && setting.camel() == key;
        match SETTINGS.iter().find(matches) {
            Some(setting) if setting.official == official => Ok(setting),
            Some(setting) => {
                let belongs = if setting.official {
                    "into the table [migration]"
                } else {
                    "above the table [migration]"
                };
                Err(ConfigError::KeyPlace {
                    path: self.path.to_owned(),
                    key: shown.to_owned(),
                    belongs,
                })
            }
            None => {
                let meant = settings::nearest(key, SETTINGS.iter().map(|setting| setting.name));
                let meant = meant.map(settings::setting).map(|setting| {
                    if setting.official {
                        format!("{} in the table [{MIGRATION}]", setting.key())
                    } else {
                        setting.key()
                    }
                });
                Err(ConfigError::UnknownKey {
                    path: self.path.to_owned(),
                    key: Shown::new(shown),
                    meant,
                })
            }
        }
    }

    fn texts(
        &self,
        setting: &Setting,
        key: &str,
        value: &Value,
    ) -> Result<Vec<String>, ConfigError> {
        match (setting.kind, value) {
            (Kind::One, Value::String(_) | Value::Integer(_) | Value::Datetime(_))
            | (Kind::Words, Value::String(_))
            | (Kind::Switch, Value::Boolean(_)) => Ok(vec![scalar(value)]),
            (Kind::List | Kind::Words, Value::Array(items))
                if !items.is_empty() && items.iter().all(Value::is_str) =>
            {
                Ok(items.iter().map(scalar).collect())
            }
            (Kind::One, _) => Err(self.wrong_type(key, "a text or a whole number")),
            (Kind::Words, _) => Err(self.wrong_type(key, "a text or an array of texts")),
            (Kind::List, _) => Err(self.wrong_type(key, "an array of texts")),
            (Kind::Switch, _) => Err(self.wrong_type(key, "true or false")),
        }
    }

    fn wrong_type(&self, key: &str, expected: &'static str) -> ConfigError {
        ConfigError::KeyType { path: self.path.to_owned(), key: key.to_owned(), expected }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(on) => on.to_string(),
        Value::Datetime(time) => time.to_string(),
        // Held back by the type check above.
        Value::Array(_) | Value::Table(_) => String::new(),
    }
}
