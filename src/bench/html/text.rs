//! Texts of the page: what is escaped, and how numbers are written that [`number`] does not know.

use std::fmt::{Arguments, Write as _};

use crate::bench::setting::TrialSetting;
use crate::limits::BODY_BYTES_TARGET;
use crate::model::number;
use crate::model::time::{NS_PER_S, Timestamp};

/// A text as it may stand in the page, also between quotes. Letters that cannot be seen, or that turn the direction of
/// others, are shown by their numbers.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter if is_hidden(letter) => safe.extend(letter.escape_unicode()),
            letter => safe.push(letter),
        }
    }
    safe
}

fn is_hidden(letter: char) -> bool {
    let ranges = [
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
        '\u{fff0}'..='\u{fffb}',
    ];
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        || ranges.iter().any(|range| range.contains(&letter))
}

/// Adds formatted text.
pub(super) fn put(to: &mut String, text: Arguments<'_>) {
    // Writing into a text does not fail.
    let _ = to.write_fmt(text);
}

/// A setting in words: `influxql 6h, 2 requests`, and the size of its bodies where that is not the usual one.
pub(super) fn in_words(setting: TrialSetting) -> String {
    let TrialSetting { interval, transport, concurrency, body_bytes } = setting;
    let bodies = (body_bytes != BODY_BYTES_TARGET).then_some(body_bytes);
    format!("{transport} {interval}{}", beside(Some(concurrency), bodies))
}

/// What tells settings of one transport apart: `, 2 requests, 4.2 MB bodies`.
pub(super) fn beside(concurrency: Option<usize>, body_bytes: Option<usize>) -> String {
    let requests =
        concurrency.map(|n| format!(", {}", number::counted(n as u64, "request", "requests")));
    let bodies = body_bytes.map(|n| format!(", {} bodies", number::bytes(n as u64)));
    [requests, bodies].into_iter().flatten().collect()
}

/// Thousandths as `6.1`.
pub(super) fn milli(milli: u64) -> String {
    number::ratio(milli, 1_000)
}

/// Thousandths as `6.1 ×`; as [`number::times`].
pub(super) fn times(milli: u64) -> String {
    format!("{} ×", number::times(milli))
}

/// Thousandths as `41 %`, rounded up: a limit is not further away than it is said to be.
pub(super) fn percent(per_mille: u64) -> String {
    format!("{} %", number::grouped(per_mille.div_ceil(10)))
}

/// Microseconds of one answer: `640 µs`, `38.5 ms`, `412 ms`, `1.2 s`, `84.0 s`, `25m`.
pub(super) fn answer_time(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..99_950 => format!("{} ms", number::ratio(us, 1_000)),
        99_950..999_500 => format!("{} ms", (us + 500) / 1_000),
        999_500..600_000_000 => format!("{} s", number::ratio(us, 1_000_000)),
        _ => number::duration(us / 1_000),
    }
}

/// A number of an axis: without zeros that say nothing, `2 M` of `2.00 M` and `3h` of `3h00m`.
pub(super) fn tick(text: &str) -> String {
    /// What stands beside an axis has no room for more.
    const LETTERS_MAX: usize = 9;
    let (digits, unit) =
        text.split_once(' ').map_or((text, None), |(digits, unit)| (digits, Some(unit)));
    let short = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits.strip_suffix("h00m").map_or(digits, |hours| &digits[..=hours.len()])
    };
    let is_spare =
        |unit: &&str| *unit == "0h" || (digits.ends_with('d') && text.len() > LETTERS_MAX);
    unit.filter(|unit| !is_spare(unit)).map_or(short.to_owned(), |unit| format!("{short} {unit}"))
}

/// The date and the time of an instant, for two lines: `2023-07-06` and `14:05Z`.
pub(super) fn date_and_time(time: Timestamp) -> (String, String) {
    let minute = 60 * NS_PER_S;
    let whole = time.ns().div_euclid(minute).saturating_mul(minute).max(Timestamp::MIN.ns());
    let text = number::minute(Timestamp::from_ns(whole));
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    (date.to_owned(), time.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_name_is_markup() {
        assert_eq!(escaped("a<b>&\"c'"), "a&lt;b&gt;&amp;&quot;c&#39;");
        assert_eq!(escaped("x\n\u{202e}y\0"), "x\\u{a}\\u{202e}y\\u{0}");
        assert_eq!(escaped("Größe 東京"), "Größe 東京");
    }

    #[test]
    fn times_of_answers() {
        for (us, text) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (1_000, "1.0 ms"),
            (99_949, "99.9 ms"),
            (99_950, "100 ms"),
            (999_499, "999 ms"),
            (999_500, "1.0 s"),
            (90_000_000, "90.0 s"),
            (599_999_999, "600.0 s"),
            (600_000_000, "10m"),
        ] {
            assert_eq!(answer_time(us), text);
        }
        assert_eq!((percent(0), percent(411)), ("0 %".into(), "42 %".into()));
        assert_eq!((times(4_249), times(u64::MAX)), ("4.2 ×".into(), "over 1,000 ×".into()));
        assert_eq!(times(319_140), "319 ×");
    }

    #[test]
    fn numbers_of_an_axis_are_short() {
        for (text, short) in [
            ("2.00 M", "2 M"),
            ("1.50 M", "1.5 M"),
            ("500,000", "500,000"),
            ("0.0", "0"),
            ("10.0 ms", "10 ms"),
            ("100 ms", "100 ms"),
            ("3h00m", "3h"),
            ("13h20m", "13h20m"),
            ("1d 0h", "1d"),
            ("2d 22h", "2d 22h"),
            ("213740740d 17h", "213740740d"),
        ] {
            assert_eq!(tick(text), short);
        }
    }

    #[test]
    fn dates_at_both_ends_of_time() {
        assert_eq!(date_and_time(Timestamp::EPOCH), ("1970-01-01".into(), "00:00Z".into()));
        assert_eq!(date_and_time(Timestamp::MIN).0, "1677-09-21");
        assert_eq!(date_and_time(Timestamp::STOP_MAX), ("2262-04-11".into(), "23:47Z".into()));
    }
}
