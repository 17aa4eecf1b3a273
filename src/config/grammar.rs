//! The small grammars of values: sizes, rates, durations, times, words. All are pure and give `None` for a
//! text that is not of their form.

use crate::limits::QUOTA_WINDOW_MS;
use crate::model::interval::Interval;
use crate::model::time::Timestamp;

/// Units of sizes. The influx CLI counts 1,024 for a kB, the quota pages do not say: powers of 1,000 are the safe side.
const SIZES: [(&str, u64); 10] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// `10GB`, `1.5 MiB`: bytes.
pub(crate) fn size_bytes(text: &str) -> Option<u64> {
    let text = text.replace(' ', "");
    let (number, unit) = number_and_unit(&text)?;
    let (_, factor) = SIZES.iter().find(|(name, _)| *name == unit)?;
    u64::try_from(number.times(*factor)?).ok()
}

/// The influx CLI's rates, `5MB/5min`, `5 MB / 5 min`, `17kBs`: bytes in one quota window of five minutes.
pub(crate) fn rate_bytes_per_window(text: &str) -> Option<u64> {
    let text = text.replace(' ', "");
    let (number, rest) = number_and_unit(&text)?;
    // The longest unit of size first: "MB5min" must not be read as "M".
    let (_, factor, per) = SIZES
        .iter()
        .filter_map(|(name, factor)| Some((name, factor, rest.strip_prefix(name)?)))
        .max_by_key(|(name, _, _)| name.len())?;
    let per = per.strip_prefix('/').unwrap_or(per);
    let digits = per.find(|c: char| !c.is_ascii_digit())?;
    let count: u64 = if digits == 0 { 1 } else { per[..digits].parse().ok()? };
    let unit_ms = match &per[digits..] {
        "s" | "sec" => 1_000,
        "m" | "min" => 60_000,
        _ => return None,
    };
    let per_ms = u128::from(count.checked_mul(unit_ms).filter(|ms| *ms > 0)?);
    let bytes = number.times(*factor)?.checked_mul(u128::from(QUOTA_WINDOW_MS))? / per_ms;
    u64::try_from(bytes).ok()
}

/// A Flux duration without months, `0s` among them: nanoseconds.
pub(crate) fn duration_ns(text: &str) -> Option<i64> {
    if matches!(text, "0" | "0s") {
        return Some(0);
    }
    text.parse::<Interval>().ok()?.exact_ns()
}

/// RFC 3339 or a bare date.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    if is_leap_second(text) { None } else { text.parse().ok() }
}

/// A negative Flux duration: how far back from the present.
pub(crate) fn parse_back(text: &str) -> Option<Interval> {
    let interval: Interval = text.strip_prefix('-')?.parse().ok()?;
    // Longer than all of time is a slip.
    let (first, last) = (Timestamp::MIN, Timestamp::MAX);
    interval.nth_after(last, -1).filter(|time| *time > first).map(|_| interval)
}

/// True for a time in a second 60, which other readers of RFC 3339 take for second 59: a range would lose a second.
pub(crate) fn is_leap_second(text: &str) -> bool {
    let clock = text.split_once(['T', 't', ' ', '_']).map_or("", |(_, clock)| clock);
    clock.split(':').nth(2).is_some_and(|second| second.starts_with("60"))
}

/// Words of a command line: cut at white space; `'...'` and `"..."` hold words together; a backslash keeps the next
/// letter, except between single quotes. Nothing is expanded. `None` if a quote is left open or nothing is there.
pub(crate) fn parse_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            (_, Some(open)) if letter == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().push(letters.next()?),
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (_, None) if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    (quote.is_none() && !words.is_empty()).then_some(words)
}

/// A decimal number: digits without the point, and how many stand behind it.
#[derive(Clone, Copy)]
struct Decimal {
    digits: u64,
    decimals: u32,
}

impl Decimal {
    /// The product, rounded down.
    fn times(self, factor: u64) -> Option<u128> {
        Some(
            u128::from(self.digits).checked_mul(u128::from(factor))?
                / 10u128.checked_pow(self.decimals)?,
        )
    }
}

fn number_and_unit(text: &str) -> Option<(Decimal, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') || number.ends_with('.') {
        return None;
    }
    let digits = format!("{whole}{fraction}").parse().ok()?;
    Some((Decimal { digits, decimals: u32::try_from(fraction.len()).ok()? }, unit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0B", 0),
            ("10GB", 10_000_000_000),
            ("1.5 MiB", 1_572_864),
            ("3kB", 3_000),
            ("0.5KB", 500),
            ("18446744073709551615B", u64::MAX),
        ] {
            assert_eq!(size_bytes(text), Some(bytes), "{text}");
        }
        for text in [
            "",
            "10",
            "GB",
            "10gb",
            "1.B",
            ".5MB",
            "1.2.3MB",
            "-1MB",
            "18446744073709551616B",
            "99999999999TB",
            "1 M B x",
        ] {
            assert_eq!(size_bytes(text), None, "{text}");
        }
    }

    #[test]
    fn rates_are_those_of_the_influx_cli() {
        for (text, bytes) in [
            ("300MB/5min", 300_000_000),
            ("5MB/5min", 5_000_000),
            ("5 MB / 5 min", 5_000_000),
            ("17kBs", 17_000 * 300),
            ("17kB/s", 17_000 * 300),
            ("1.5MB/1m", 7_500_000),
            ("3GB/5min", 3_000_000_000),
            ("10MB/sec", 3_000_000_000),
            ("5MB5min", 5_000_000),
            ("1B/301s", 0),
        ] {
            assert_eq!(rate_bytes_per_window(text), Some(bytes), "{text}");
        }
        for text in [
            "",
            "5MB",
            "5MB/",
            "MB/s",
            "5MB/h",
            "5MB/0s",
            "5/5min",
            "5 mb/s",
            "5MB//s",
            "5MB/5minutes",
            "99999999TB/s",
            "5MB/18446744073709551615min",
        ] {
            assert_eq!(rate_bytes_per_window(text), None, "{text}");
        }
    }

    #[test]
    fn durations_and_times() {
        assert_eq!(duration_ns("1h30m"), Some(5_400_000_000_000));
        assert_eq!(
            (duration_ns("0s"), duration_ns("1mo"), duration_ns("-1h"), duration_ns("ten")),
            (Some(0), None, None, None)
        );
        for (text, expected) in [
            ("2022-01-01", "2022-01-01T00:00:00Z"),
            ("2022-01-01T02:00:00+02:00", "2022-01-01T00:00:00Z"),
        ] {
            assert_eq!(parse_time(text).unwrap().to_string(), expected, "{text}");
        }
        let now: Timestamp = "2026-03-31T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("-30d", "2026-03-01T12:00:00Z"),
            ("-1mo", "2026-02-28T12:00:00Z"),
            ("-1y2mo", "2025-01-31T12:00:00Z"),
        ] {
            let counted = parse_back(text).unwrap().nth_after(now, -1).unwrap();
            assert_eq!(counted.to_string(), expected, "{text}");
        }
        for text in
            ["", "-", "30d", "+1h", "--1h", "-900y", "2022-13-01", "yesterday", "1700000000"]
        {
            assert_eq!((parse_time(text), parse_back(text)), (None, None), "{text}");
        }
        for text in ["2016-12-31T23:59:60Z", "2016-12-31t23:59:60.5+00:00", "2016-12-31 23:59:60Z"]
        {
            assert!(is_leap_second(text) && parse_time(text).is_none(), "{text}");
        }
        assert!(!is_leap_second("2016-12-31T23:59:59Z") && !is_leap_second("2016-12-31"));
    }

    #[test]
    fn words_of_a_command() {
        for (text, expected) in [
            ("get-token", vec!["get-token"]),
            (
                "  vault  read -field=token  secret/x ",
                vec!["vault", "read", "-field=token", "secret/x"],
            ),
            ("a 'b c' \"d \\\" e\" f\\ g ''", vec!["a", "b c", "d \" e", "f g", ""]),
            ("a'b'c '\\'", vec!["abc", "\\"]),
            ("echo $HOME `x`", vec!["echo", "$HOME", "`x`"]),
        ] {
            assert_eq!(parse_words(text).unwrap(), expected, "{text}");
        }
        for text in ["", "  ", "a 'b", "a \"b", "a\\"] {
            assert_eq!(parse_words(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn quoted_words_come_back(list in proptest::collection::vec("[ -~]{0,8}", 1..5)) {
            let text: Vec<String> = list.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
            prop_assert_eq!(parse_words(&text.join(" ")).unwrap(), list);
        }

        #[test]
        fn whole_rates_scale(count in 0u64..1_000_000, minutes in 1u64..1_000) {
            prop_assert_eq!(rate_bytes_per_window(&format!("{count}MB/{minutes}min")), Some(count * 5_000_000 / minutes));
        }

        #[test]
        fn nothing_panics(text in "\\PC*") {
            let _ = (size_bytes(&text), rate_bytes_per_window(&text), duration_ns(&text), parse_words(&text));
            let _ = (parse_time(&text), parse_back(&text), is_leap_second(&text));
        }
    }
}
