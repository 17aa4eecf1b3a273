//! The TOML file: the official nine in the table `[migration]`, in both spellings, what one command alone takes in its own,
//! everything else above both.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::DeTable;
use toml::{Table, Value};

use super::error::ConfigError;
use super::flag::{Flag, FlagKind};
use super::given::Given;
use super::origin::{LineOfFile, Rank, ValueOrigin};
use super::shown::ShownValue;
use super::table::all_flags;
use crate::model::nearest::nearest;

/// Reads the text of a file; `path` is for messages. All keys are looked at: what is wrong with several is told at once.
pub(crate) fn parse_file(text: &str, path: &Path) -> Result<Vec<(Flag, Given)>, ConfigError> {
    let keys = parse_toml(text, path)?;
    let reader = Reader { path, lines: lines_of_keys(text) };
    let mut given: Vec<(Flag, Given)> = Vec::new();
    let mut wrong = Vec::new();
    for (key, value) in &keys {
        match value {
            _ if !is_table(key) => wrong.extend(reader.add(&mut given, key, value, None).err()),
            Value::Table(inner) => {
                for (inner, value) in inner {
                    wrong.extend(reader.add(&mut given, inner, value, Some(key)).err());
                }
            }
            _ => wrong.push(reader.wrong_type(key, "a table")),
        }
    }
    match wrong.len() {
        0 => Ok(given),
        1 => Err(wrong.remove(0)),
        _ => {
            wrong.sort_by_key(ConfigError::line);
            Err(ConfigError::Several(wrong))
        }
    }
}

/// Parses TOML. The parser's own display is not used: it repeats the line, which may hold a token.
pub(super) fn parse_toml(text: &str, path: &Path) -> Result<Table, ConfigError> {
    text.parse::<Table>().map_err(|error| {
        let line = line_of(text, error.span().map_or(0, |span| span.start));
        let place = LineOfFile { path: path.into(), line };
        ConfigError::Syntax { place, message: error.message().to_owned() }
    })
}

/// Where each key stands, with its table, and each table. Of a text that is TOML.
fn lines_of_keys(text: &str) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    let Ok(table) = DeTable::parse(text) else { return lines };
    for (key, value) in table.get_ref() {
        lines.insert(key.get_ref().to_string(), line_of(text, key.span().start));
        for (inner, _) in value.get_ref().as_table().into_iter().flatten() {
            let name = format!("{}.{}", key.get_ref(), inner.get_ref());
            lines.insert(name, line_of(text, inner.span().start));
        }
    }
    lines
}

/// Counted from 1.
fn line_of(text: &str, at_byte: usize) -> usize {
    1 + text.get(..at_byte.min(text.len())).unwrap_or(text).matches('\n').count()
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
    lines: BTreeMap<String, usize>,
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
            return Err(ConfigError::TokenInFile { place: self.place(&shown), key: shown });
        }
        let flag = self.flag(key, &shown, table)?;
        let texts = self.texts(flag, &shown, value)?;
        let earlier = given.iter().find(|(earlier, _)| *earlier == flag);
        if let Some((_, Given { origin: ValueOrigin::Key { key: first, .. }, .. })) = earlier {
            return Err(ConfigError::KeyTwice {
                place: self.place(&shown),
                first: first.clone(),
                second: shown,
            });
        }
        let origin = ValueOrigin::Key { place: self.place(&shown), key: shown };
        given.push((flag, Given { texts, origin, rank: Rank::File }));
        Ok(())
    }

    fn flag(&self, key: &str, shown: &str, table: Option<&str>) -> Result<Flag, ConfigError> {
        let is_it = |flag: &&Flag| flag.key() == key || flag.is_official() && flag.camel() == key;
        let place = self.place(shown);
        match of_file().find(is_it) {
            Some(flag) if flag.table == table => Ok(*flag),
            Some(flag) => {
                let (way, table) = match flag.table {
                    Some(own) => ("in", own),
                    None => ("above", table.unwrap_or_default()),
                };
                let belongs = format!("{way} the table [{table}]");
                Err(ConfigError::KeyPlace { place, key: shown.to_owned(), belongs })
            }
            None => {
                let tables = of_file().filter_map(|flag| flag.table).filter(|_| table.is_none());
                let meant = nearest(key, of_file().map(|flag| flag.name).chain(tables));
                let meant = meant.map(|meant| {
                    let flag = of_file().find(|flag| flag.name == meant);
                    match flag.map(|flag| (flag.key(), flag.table)) {
                        Some((key, Some(table))) => format!("{key} in the table [{table}]"),
                        Some((key, None)) => key,
                        None => format!("the table [{meant}]"),
                    }
                });
                Err(ConfigError::UnknownKey { place, key: ShownValue::new(shown), meant })
            }
        }
    }

    fn texts(&self, flag: Flag, key: &str, value: &Value) -> Result<Vec<String>, ConfigError> {
        match (flag.kind, value) {
            (FlagKind::One, Value::String(_) | Value::Integer(_) | Value::Datetime(_))
            | (FlagKind::List | FlagKind::Words, Value::String(_))
            | (FlagKind::Switch, Value::Boolean(_)) => Ok(vec![scalar(value)]),
            (FlagKind::List | FlagKind::Words, Value::Array(items))
                if !items.is_empty() && items.iter().all(Value::is_str) =>
            {
                Ok(items.iter().map(scalar).collect())
            }
            (FlagKind::One, _) => Err(self.wrong_type(key, "a text or a whole number")),
            (FlagKind::List | FlagKind::Words, _) => {
                Err(self.wrong_type(key, "a text or an array of texts, as in [\"a\", \"b\"]"))
            }
            (FlagKind::Switch, _) => Err(self.wrong_type(key, "true or false")),
        }
    }

    fn place(&self, key: &str) -> LineOfFile {
        let line = self.lines.get(key).copied().unwrap_or(1);
        LineOfFile { path: self.path.into(), line }
    }

    fn wrong_type(&self, key: &str, expected: &'static str) -> ConfigError {
        ConfigError::KeyType { place: self.place(key), key: key.to_owned(), expected }
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
