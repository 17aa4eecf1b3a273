//! The TOML file: the official nine in the table `[migration]`, in both spellings, what one command alone takes in its own,
//! everything else above both.

use std::path::Path;

use toml::{Table, Value};

use super::error::ConfigError;
use super::flag::{Flag, FlagKind};
use super::given::Given;
use super::origin::{Rank, ValueOrigin};
use super::shown::ShownValue;
use super::table::all_flags;
use crate::model::nearest::nearest;

/// Reads the text of a file; `path` is for messages.
pub(crate) fn parse_file(text: &str, path: &Path) -> Result<Vec<(Flag, Given)>, ConfigError> {
    let keys = parse_toml(text, path)?;
    let reader = Reader { path };
    let mut given: Vec<(Flag, Given)> = Vec::new();
    for (key, value) in &keys {
        match value {
            _ if !is_table(key) => reader.add(&mut given, key, value, None)?,
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
pub(super) fn parse_toml(text: &str, path: &Path) -> Result<Table, ConfigError> {
    text.parse::<Table>().map_err(|error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = 1 + text.get(..at).unwrap_or(text).matches('\n').count();
        ConfigError::Syntax { path: path.to_owned(), line, message: error.message().to_owned() }
    })
}

/// The flags that a file may have.
fn of_file() -> impl Iterator<Item = &'static Flag> {
    all_flags().filter(|flag| flag.in_file)
}

fn is_table(name: &str) -> bool {
    of_file().any(|flag| flag.table == Some(name))
}

struct Reader<'a> {
    path: &'a Path,
}

impl Reader<'_> {
    fn add(
        &self,
        given: &mut Vec<(Flag, Given)>,
        key: &str,
        value: &Value,
        table: Option<&str>,
    ) -> Result<(), ConfigError> {
        let shown = table.map_or_else(|| key.to_owned(), |table| format!("{table}.{key}"));
        if key.to_ascii_lowercase().ends_with("token") {
            return Err(ConfigError::TokenInFile { path: self.path.to_owned(), key: shown });
        }
        let flag = self.flag(key, &shown, table)?;
        let texts = self.texts(flag, &shown, value)?;
        let earlier = given.iter().find(|(earlier, _)| *earlier == flag);
        if let Some((_, Given { origin: ValueOrigin::Key { key: first, .. }, .. })) = earlier {
            return Err(ConfigError::KeyTwice {
                path: self.path.to_owned(),
                first: first.clone(),
                second: shown,
            });
        }
        let origin = ValueOrigin::Key { key: shown, path: self.path.to_owned() };
        given.push((flag, Given { texts, origin, rank: Rank::File }));
        Ok(())
    }

    fn flag(&self, key: &str, shown: &str, table: Option<&str>) -> Result<Flag, ConfigError> {
        let is_it = |flag: &&Flag| flag.key() == key || flag.is_official() && flag.camel() == key;
        let path = self.path.to_owned();
        match of_file().find(is_it) {
            Some(flag) if flag.table == table => Ok(*flag),
            Some(flag) => {
                let (place, table) = match flag.table {
                    Some(own) => ("into", own),
                    None => ("above", table.unwrap_or_default()),
                };
                let belongs = format!("{place} the table [{table}]");
                Err(ConfigError::KeyPlace { path, key: shown.to_owned(), belongs })
            }
            None => {
                let meant = nearest(key, of_file().map(|flag| flag.name));
                let meant = of_file().find(|flag| Some(flag.name) == meant);
                let meant = meant.map(|flag| match flag.table {
                    Some(table) => format!("{} in the table [{table}]", flag.key()),
                    None => flag.key(),
                });
                Err(ConfigError::UnknownKey { path, key: ShownValue::new(shown), meant })
            }
        }
    }

    fn texts(&self, flag: Flag, key: &str, value: &Value) -> Result<Vec<String>, ConfigError> {
        match (flag.kind, value) {
            (FlagKind::One, Value::String(_) | Value::Integer(_) | Value::Datetime(_))
            | (FlagKind::Words, Value::String(_))
            | (FlagKind::Switch, Value::Boolean(_)) => Ok(vec![scalar(value)]),
            (FlagKind::List | FlagKind::Words, Value::Array(items))
                if !items.is_empty() && items.iter().all(Value::is_str) =>
            {
                Ok(items.iter().map(scalar).collect())
            }
            (FlagKind::One, _) => Err(self.wrong_type(key, "a text or a whole number")),
            (FlagKind::Words, _) => Err(self.wrong_type(key, "a text or an array of texts")),
            (FlagKind::List, _) => Err(self.wrong_type(key, "an array of texts")),
            (FlagKind::Switch, _) => Err(self.wrong_type(key, "true or false")),
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
