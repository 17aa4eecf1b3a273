//! The TOML file: the official nine in the table `[migration]`, in both spellings, what one command alone takes in its own,
//! everything else above both.

use std::path::Path;

use toml::{Table, Value};

use super::error::{ConfigError, Shown};
use super::given::Given;
use super::origin::{Origin, Rank};
use super::suggest::nearest;
use super::table::{self, Kind, Setting};

/// Reads the text of a file; `path` is for messages.
pub fn parse(text: &str, path: &Path) -> Result<Vec<(&'static str, Given)>, ConfigError> {
    let keys = keys(text, path)?;
    let reader = Reader { path };
    let mut given: Vec<(&'static str, Given)> = Vec::new();
    for (key, value) in &keys {
        match value {
            _ if !table::is_table(key) => reader.add(&mut given, key, value, None)?,
            Value::Table(inner) => {
                for (inner, value) in inner {
                    reader.add(&mut given, inner, value, Some(key))?;
                }
            }
            _ => return Err(reader.wrong_type(key, "a table")),
        }
    }
    Ok(given)
}

/// Parses TOML. The parser's own display is not used: it repeats the line, which may hold a token.
pub(super) fn keys(text: &str, path: &Path) -> Result<Table, ConfigError> {
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
        table: Option<&str>,
    ) -> Result<(), ConfigError> {
        let shown = table.map_or_else(|| key.to_owned(), |table| format!("{table}.{key}"));
        if key.to_ascii_lowercase().ends_with("token") {
            return Err(ConfigError::TokenInFile { path: self.path.to_owned(), key: shown });
        }
        let setting = self.setting(key, &shown, table)?;
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
        table: Option<&str>,
    ) -> Result<&'static Setting, ConfigError> {
        let known = || table::all().filter(|setting| setting.full_key().is_some());
        let matches = |setting: &&Setting| {
            setting.key() == key || setting.is_official() && setting.camel() == key
        };
        let path = self.path.to_owned();
        match known().find(matches) {
            Some(setting) if setting.table == table => Ok(setting),
            Some(setting) => {
                let (place, table) = match setting.table {
                    Some(own) => ("into", own),
                    None => ("above", table.unwrap_or_default()),
                };
                let belongs = format!("{place} the table [{table}]");
                Err(ConfigError::KeyPlace { path, key: shown.to_owned(), belongs })
            }
            None => {
                let meant = nearest(key, known().map(|setting| setting.name));
                let meant = known().find(|setting| Some(setting.name) == meant);
                let meant = meant.map(|setting| match setting.table {
                    Some(table) => format!("{} in the table [{table}]", setting.key()),
                    None => setting.key(),
                });
                Err(ConfigError::UnknownKey { path, key: Shown::new(shown), meant })
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
