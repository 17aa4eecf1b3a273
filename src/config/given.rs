//! A value as text, until its flag reads it.

use std::ops::RangeBounds;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::error::ConfigError;
use super::origin::{Rank, ValueOrigin};
use super::shown::ShownValue;

/// A value as text, with the place it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    /// One text, or several for lists.
    pub texts: Vec<String>,
    /// Where from.
    pub origin: ValueOrigin,
    /// How strong.
    pub rank: Rank,
}

impl Given {
    /// The one text of a flag that is no list.
    pub(crate) fn text(&self) -> &str {
        self.texts.first().map_or("", String::as_str)
    }

    /// A path. A relative one in a file counts from the folder of that file, wherever the program is started.
    pub(super) fn path(&self) -> PathBuf {
        let path = Path::new(self.text());
        match &self.origin {
            ValueOrigin::Key { place, .. } if path.is_relative() => {
                place.path.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
            }
            _ => path.to_owned(),
        }
    }

    /// A folder or an address, which is not empty; as [`Given::path`] if it is a folder.
    pub(super) fn place(&self) -> Result<String, ConfigError> {
        let place = self.name()?;
        if place.contains("://") {
            return Ok(place);
        }
        let path = self.path();
        Ok(path.to_str().map_or(place, str::to_owned))
    }

    /// A name, which is not empty.
    pub(super) fn name(&self) -> Result<String, ConfigError> {
        self.form(|text| (!text.is_empty()).then(|| text.to_owned()), "a name")
    }

    /// What can be read out of its text.
    pub(super) fn parse<T: FromStr>(&self, expected: &'static str) -> Result<T, ConfigError> {
        self.form(|text| text.parse().ok(), expected)
    }

    /// A number within bounds.
    pub(super) fn number<T: FromStr + PartialOrd>(
        &self,
        bounds: impl RangeBounds<T>,
        expected: &'static str,
    ) -> Result<T, ConfigError> {
        self.form(|text| text.parse().ok().filter(|number| bounds.contains(number)), expected)
    }

    /// What a grammar makes of its text.
    pub(super) fn form<T>(
        &self,
        grammar: impl FnOnce(&str) -> Option<T>,
        expected: &'static str,
    ) -> Result<T, ConfigError> {
        grammar(self.text()).ok_or_else(|| self.wrong(expected))
    }

    /// A list with commas, each item once.
    pub(super) fn items<T: PartialEq>(
        &self,
        grammar: impl Fn(&str) -> Option<T>,
        expected: &'static str,
    ) -> Result<Vec<T>, ConfigError> {
        let mut items = Vec::new();
        for part in self.text().split(',').map(str::trim) {
            let item = grammar(part).ok_or_else(|| self.wrong(expected))?;
            if !items.contains(&item) {
                items.push(item);
            }
        }
        Ok(items)
    }

    /// This value in a message.
    pub(super) fn wrong(&self, expected: &'static str) -> ConfigError {
        self.wrong_text(self.text(), expected)
    }

    /// A filter that asks for a tag of which no query can ask.
    pub(super) fn no_tag(&self, text: &str, key: &str, taken_for: &'static str) -> ConfigError {
        let (value, key) = (ShownValue::new(text), ShownValue::new(key));
        ConfigError::NoTag { origin: self.origin.clone(), value, key, taken_for }
    }

    /// A part of it in a message.
    pub(super) fn wrong_text(&self, text: &str, expected: &'static str) -> ConfigError {
        let value = ShownValue::new(text);
        ConfigError::Value { origin: self.origin.clone(), value, expected }
    }
}
