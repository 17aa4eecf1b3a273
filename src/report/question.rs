//! The question before a run writes: how much, from where to where, how long.

use crate::model::foretold::Outlook;
use crate::model::number;
use crate::model::time::TimeRange;
use crate::report::text::{Paper, clean, wrap};

/// What a person is to say yes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// How much; none where the source did not tell in time.
    pub outlook: Option<Outlook>,
    /// From where.
    pub source: String,
    /// From when to when.
    pub range: TimeRange,
    /// Where to.
    pub destination: String,
    /// True if that is made for it.
    pub is_new: bool,
    /// True if it may hold values of others, which stay, and are written over where they are at the same place.
    pub is_merging: bool,
}

impl Question {
    /// The text, with room for the answer behind it.
    pub fn text(&self, paper: Paper) -> String {
        let glyphs = paper.glyphs;
        let Self { outlook, source, range, destination, is_new, is_merging } = self;
        let much = outlook.map_or_else(String::new, |outlook| format!("{} of ", outlook.much()));
        let (start, stop) = (number::day_or_minute(range.start), number::day_or_minute(range.stop));
        let new = match (is_new, is_merging) {
            (true, _) => " (new)",
            (false, true) => ", over and between what it holds (--existing merge)",
            (false, false) => "",
        };
        let (source, destination) = (clean(source, glyphs), clean(destination, glyphs));
        let text =
            format!("Copy {much}{source}, {start} to {stop}, into {destination}{new}? [y/N] ");
        wrap(text.trim_end(), paper.columns - 1, 0).join("\n") + " "
    }
}
