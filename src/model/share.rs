//! How much of the read quota may be used, and when: one share at all times, or a timetable over the day in UTC.

use std::fmt;
use std::str::FromStr;

use super::time::{NS_PER_S, Timestamp};

/// The share where none is given.
const DEFAULT_PER_MILLE: u32 = 900;
/// Below it a job would take years.
const PER_MILLE_MIN: u32 = 10;
const PER_MILLE_MAX: u32 = 1_000;

const MINUTES_PER_DAY: u32 = 24 * 60;
const NS_PER_MINUTE: i64 = 60 * NS_PER_S;
const NS_PER_DAY: i64 = 86_400 * NS_PER_S;

/// The share of a quota that is used: `90%`, or by time of day `08:00,30% 19:00,95%`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// At least one, by rising time of day.
    entries: Vec<Entry>,
    /// Written as one share, without a time.
    constant: bool,
}

/// A share that holds from a minute of the day until the next entry's; the last one wraps over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    minute: u32,
    per_mille: u32,
}

/// A share that will hold from some time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareChange {
    /// When.
    pub at: Timestamp,
    /// In thousandths.
    pub per_mille: u32,
}

impl Share {
    /// The same share at all times, in thousandths, held between 1 and 1,000.
    pub fn constant(per_mille: u32) -> Self {
        let entry = Entry { minute: 0, per_mille: per_mille.clamp(1, PER_MILLE_MAX) };
        Self { entries: vec![entry], constant: true }
    }

    /// The share at an instant, in thousandths.
    pub fn at(&self, time: Timestamp) -> u32 {
        self.entries[self.index(time)].per_mille
    }

    /// The next change after an instant; `None` if the share is always the same.
    pub fn next_change(&self, after: Timestamp) -> Option<ShareChange> {
        let now = self.at(after);
        let first = self.index(after);
        // Around the day once: entries of the same share in a row are no change.
        let entry = (1..self.entries.len())
            .map(|step| self.entries[(first + step) % self.entries.len()])
            .find(|entry| entry.per_mille != now)?;
        let midnight = after.ns().saturating_sub(into_day_ns(after));
        let mut at = midnight.saturating_add(i64::from(entry.minute) * NS_PER_MINUTE);
        if at <= after.ns() {
            at = at.saturating_add(NS_PER_DAY);
        }
        // At the end of time nothing changes any more.
        (at > after.ns())
            .then_some(ShareChange { at: Timestamp::from_ns(at), per_mille: entry.per_mille })
    }

    /// The largest share of the day, in thousandths.
    pub fn max_per_mille(&self) -> u32 {
        self.entries.iter().map(|entry| entry.per_mille).max().unwrap_or(1)
    }

    /// True if it never changes.
    pub fn is_constant(&self) -> bool {
        self.entries.iter().all(|entry| entry.per_mille == self.entries[0].per_mille)
    }

    /// The entry that holds: the last one that has begun today, else yesterday's last.
    fn index(&self, time: Timestamp) -> usize {
        let minute = into_day_ns(time) / NS_PER_MINUTE;
        let begun = self.entries.iter().take_while(|entry| i64::from(entry.minute) <= minute);
        begun.count().checked_sub(1).unwrap_or(self.entries.len() - 1)
    }
}

fn into_day_ns(time: Timestamp) -> i64 {
    time.ns().rem_euclid(NS_PER_DAY)
}

impl Default for Share {
    fn default() -> Self {
        Self::constant(DEFAULT_PER_MILLE)
    }
}

/// The text that is read back as the same share.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Entry { minute, per_mille }) in self.entries.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            if !self.constant {
                write!(f, "{:02}:{:02},", minute / 60, minute % 60)?;
            }
            write!(f, "{}", Percent(*per_mille))?;
        }
        Ok(())
    }
}

/// Thousandths as people write them: `90%`, `87.5%`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Percent(pub u32);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 10 {
            0 => write!(f, "{}%", self.0 / 10),
            tenth => write!(f, "{}.{tenth}%", self.0 / 10),
        }
    }
}

/// What is wrong with a text that is no share. Each message ends with the right form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseShareError {
    /// Nothing there.
    #[error("it is empty; {FORM}")]
    Empty,
    /// Not a number with a percent sign.
    #[error("{text:?} is no percentage, with at most one decimal; {FORM}")]
    Percent {
        /// The part that was to be one.
        text: String,
    },
    /// Nothing, or more than there is.
    #[error("{text} is out of bounds; {FORM}")]
    Bounds {
        /// The share as written.
        text: String,
    },
    /// Several parts, and one of them without a time.
    #[error("{text:?} has no time of day before it; {FORM}")]
    NoTime {
        /// The part.
        text: String,
    },
    /// Not a time of day.
    #[error("{text:?} is no time of day from 00:00 to 23:59; {FORM}")]
    Time {
        /// The part that was to be one.
        text: String,
    },
    /// Not in the order of the day.
    #[error("{second} does not come after {first}: times must rise from entry to entry; {FORM}")]
    Order {
        /// The time before.
        first: String,
        /// The time that does not follow it.
        second: String,
    },
}

/// The right form, for messages.
const FORM: &str =
    "it must be a share from 1% to 100%, or shares by time of day in UTC: 08:00,30% 19:00,95%";

impl FromStr for Share {
    type Err = ParseShareError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        // "90 %" is one share.
        let constant = !text.contains([',', ':']) && matches!(parts[..], [_] | [_, "%"]);
        if parts.is_empty() {
            return Err(ParseShareError::Empty);
        }
        if constant {
            return Ok(Self::constant(percent(&parts.concat())?));
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(parts.len());
        for part in parts {
            let Some((time, share)) = part.split_once(',') else {
                return Err(match minute_of_day(part) {
                    Some(_) => ParseShareError::Percent { text: String::new() },
                    None => ParseShareError::NoTime { text: part.to_owned() },
                });
            };
            let minute = minute_of_day(time)
                .ok_or_else(|| ParseShareError::Time { text: time.to_owned() })?;
            if let Some(before) = entries.last().filter(|before| before.minute >= minute) {
                let first = format!("{:02}:{:02}", before.minute / 60, before.minute % 60);
                return Err(ParseShareError::Order { first, second: time.to_owned() });
            }
            entries.push(Entry { minute, per_mille: percent(share)? });
        }
        Ok(Self { entries, constant: false })
    }
}

/// `08:30`: two digits each.
fn minute_of_day(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| {
        let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        two.then(|| digits.parse::<u32>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute < MINUTES_PER_DAY).then_some(minute)
}

/// `90%`, `87.5%`: thousandths within bounds.
fn percent(text: &str) -> Result<u32, ParseShareError> {
    let per_mille =
        per_mille(text).ok_or_else(|| ParseShareError::Percent { text: text.to_owned() })?;
    if !(PER_MILLE_MIN..=PER_MILLE_MAX).contains(&per_mille) {
        return Err(ParseShareError::Bounds { text: text.to_owned() });
    }
    Ok(per_mille)
}

/// `90%`, `87.5%`: thousandths, the largest number for more than that; `None` for anything else.
pub(crate) fn per_mille(text: &str) -> Option<u32> {
    let number = text.strip_suffix('%')?;
    let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(tenth) || tenth.len() > 1 {
        return None;
    }
    let (whole, tenth) = (whole.parse().unwrap_or(u32::MAX), tenth.parse().ok()?);
    Some(whole.saturating_mul(10).saturating_add(tenth))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn shares_read_back_what_they_print() {
        for (text, shown) in [
            ("90%", "90%"),
            (" 87.5% ", "87.5%"),
            ("100 %", "100%"),
            ("50.0%", "50%"),
            ("1%", "1%"),
            ("08:00,30% 19:00,95%", "08:00,30% 19:00,95%"),
            ("  00:00,99.9%\t23:59,1% ", "00:00,99.9% 23:59,1%"),
            ("08:00,30%", "08:00,30%"),
        ] {
            let share: Share = text.parse().unwrap();
            assert_eq!(share.to_string(), shown);
            assert_eq!(shown.parse::<Share>().unwrap(), share);
        }
        assert_eq!(Share::default().to_string(), "90%");
    }

    #[test]
    fn errors_say_what_is_wrong_and_show_the_form() {
        for (text, word) in [
            ("", "it is empty"),
            ("  ", "it is empty"),
            ("90", "\"90\" is no percentage"),
            ("%", "\"%\" is no percentage"),
            ("0.9", "\"0.9\" is no percentage"),
            ("-1%", "\"-1%\" is no percentage"),
            ("1.25%", "\"1.25%\" is no percentage"),
            ("90%%", "\"90%%\" is no percentage"),
            ("0%", "0% is out of bounds"),
            ("0.9%", "0.9% is out of bounds"),
            ("100.1%", "100.1% is out of bounds"),
            ("99999999999%", "out of bounds"),
            ("30% 95%", "\"30%\" has no time of day before it"),
            ("08:00,30% 95%", "\"95%\" has no time of day before it"),
            ("08:00", "is no percentage"),
            ("08:00,30", "\"30\" is no percentage"),
            ("08:00, 30%", "\"\" is no percentage"),
            ("8:00,30%", "\"8:00\" is no time of day"),
            ("08.00,30%", "\"08.00\" is no time of day"),
            ("24:00,30%", "\"24:00\" is no time of day"),
            ("08:60,30%", "\"08:60\" is no time of day"),
            ("+8:00,30%", "\"+8:00\" is no time of day"),
            (",30%", "\"\" is no time of day"),
            ("19:00,95% 08:00,30%", "08:00 does not come after 19:00"),
            ("08:00,30% 08:00,40%", "08:00 does not come after 08:00"),
            ("08:00,30%,19:00,95%", "\"30%,19:00,95%\" is no percentage"),
            ("08:00,30%;19:00,95%", "\"30%;19:00,95%\" is no percentage"),
        ] {
            let error = text.parse::<Share>().unwrap_err().to_string();
            assert!(error.contains(word), "{text:?}: {error}");
            assert!(
                error.contains("1% to 100%") && error.contains("08:00,30% 19:00,95%"),
                "{error}"
            );
        }
    }

    #[test]
    fn each_entry_lasts_to_the_next_and_the_last_wraps_over_midnight() {
        let share: Share = "08:00,30% 19:00,95%".parse().unwrap();
        for (now, held, next, then) in [
            ("2024-02-29T00:00:00Z", 950, "2024-02-29T08:00:00Z", 300),
            ("2024-02-29T07:59:59.999999999Z", 950, "2024-02-29T08:00:00Z", 300),
            ("2024-02-29T08:00:00Z", 300, "2024-02-29T19:00:00Z", 950),
            ("2024-02-29T18:59:59Z", 300, "2024-02-29T19:00:00Z", 950),
            ("2024-02-29T19:00:00Z", 950, "2024-03-01T08:00:00Z", 300),
            ("2024-02-29T23:59:59Z", 950, "2024-03-01T08:00:00Z", 300),
            ("1969-12-31T12:00:00Z", 300, "1969-12-31T19:00:00Z", 950),
        ] {
            assert_eq!(share.at(time(now)), held, "{now}");
            let change = share.next_change(time(now)).unwrap();
            assert_eq!((change.at, change.per_mille), (time(next), then), "{now}");
        }
        assert!(!share.is_constant());
        assert_eq!(share.max_per_mille(), 950);
    }

    #[test]
    fn equal_neighbours_are_no_change() {
        let share: Share = "01:00,30% 02:00,50% 03:00,50% 23:00,30%".parse().unwrap();
        for (now, next) in [
            ("2024-01-01T00:30:00Z", "2024-01-01T02:00:00Z"),
            ("2024-01-01T02:30:00Z", "2024-01-01T23:00:00Z"),
            ("2024-01-01T23:30:00Z", "2024-01-02T02:00:00Z"),
        ] {
            assert_eq!(share.next_change(time(now)).unwrap().at, time(next), "{now}");
        }
        for text in ["90%", "08:00,30%", "08:00,30% 19:00,30%"] {
            let share: Share = text.parse().unwrap();
            assert!(share.is_constant() && share.next_change(Timestamp::EPOCH).is_none());
        }
    }

    proptest! {
        /// Against the day written out minute by minute.
        #[test]
        fn a_day_by_the_minute(
            entries in proptest::collection::btree_map(0u32..1_440, 10u32..=1_000, 1..6),
            day in -10_000i64..30_000,
            minute in 0i64..1_440,
        ) {
            let text: Vec<_> = entries.iter().map(|(minute, share)| {
                format!("{:02}:{:02},{}", minute / 60, minute % 60, Percent(*share))
            }).collect();
            let share: Share = text.join(" ").parse().unwrap();
            let at = |minute: i64| {
                let minute = u32::try_from(minute.rem_euclid(1_440)).unwrap();
                let last = *entries.values().last().unwrap();
                entries.range(..=minute).next_back().map_or(last, |(_, share)| *share)
            };
            let now = Timestamp::from_ns(day * NS_PER_DAY + minute * NS_PER_MINUTE + 1);
            prop_assert_eq!(share.at(now), at(minute));
            let change = (minute + 1..=minute + 1_440).find(|later| at(*later) != at(minute));
            let expected = change.map(|later| ShareChange {
                at: Timestamp::from_ns(day * NS_PER_DAY + later * NS_PER_MINUTE),
                per_mille: at(later),
            });
            prop_assert_eq!(share.next_change(now), expected);
        }

        #[test]
        fn nothing_panics(text in "\\PC*", ns in any::<i64>()) {
            if let Ok(share) = text.parse::<Share>() {
                share.at(Timestamp::from_ns(ns));
                share.next_change(Timestamp::from_ns(ns));
            }
        }
    }
}
