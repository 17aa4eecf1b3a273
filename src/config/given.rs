//! A value as text, until its setting reads it.

use std::ops::RangeBounds;
use std::str::FromStr;

use super::error::{ConfigError, Shown};
use super::origin::{Origin, Rank};

/// Any number without sign and fraction.
pub(super) const WHOLE: &str = "a whole number such as 10000";

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
