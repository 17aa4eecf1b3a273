//! Numbers, times and JSON strings as Go prints them.

use std::io::Write as _;

const NS_PER_S: i64 = 1_000_000_000;

/// RFC 3339 in UTC, fraction without trailing zeros. Remembers the date of the last time it printed.
#[derive(Debug, Clone, Default)]
pub(crate) struct TimeText {
    day: i64,
    date: [u8; 11],
    known: bool,
}

impl TimeText {
    pub(crate) fn push(&mut self, out: &mut Vec<u8>, ns: i64) {
        let (seconds, fraction) = (ns.div_euclid(NS_PER_S), ns.rem_euclid(NS_PER_S));
        let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        if !self.known || self.day != day {
            let (year, month, date) = civil(day);
            let mut text = [b'-'; 11];
            put_digits(&mut text[0..4], year);
            put_digits(&mut text[5..7], month);
            put_digits(&mut text[8..10], date);
            text[10] = b'T';
            (self.day, self.date, self.known) = (day, text, true);
        }
        let mut clock = *b"00:00:00";
        put_digits(&mut clock[0..2], second / 3_600);
        put_digits(&mut clock[3..5], second / 60 % 60);
        put_digits(&mut clock[6..8], second % 60);
        out.extend_from_slice(&self.date);
        out.extend_from_slice(&clock);
        if fraction != 0 {
            let mut digits = [b'0'; 9];
            put_digits(&mut digits, fraction);
            let length = 9 - digits.iter().rev().take_while(|&&digit| digit == b'0').count();
            out.push(b'.');
            out.extend_from_slice(&digits[..length]);
        }
        out.push(b'Z');
    }
}

/// The time as a string.
pub(crate) fn rfc3339_nano(ns: i64) -> String {
    let mut out = Vec::new();
    TimeText::default().push(&mut out, ns);
    String::from_utf8_lossy(&out).into_owned()
}

/// `Tue, 15 Nov 1994 08:12:31 GMT`, as the `Date` header wants it.
pub(crate) fn http_date(ns: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = ns.div_euclid(NS_PER_S);
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, date) = civil(day);
    let weekday = usize::try_from(day.rem_euclid(7)).unwrap_or(0);
    let month = usize::try_from(month - 1).unwrap_or(0);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!(
        "{}, {date:02} {} {year:04} {hour:02}:{minute:02}:{second:02} GMT",
        DAYS[weekday], MONTHS[month]
    )
}

/// Year, month and day of a number of days since 1970.
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, date)
}

/// Days since 1970 of a date; the inverse of [`civil`].
pub(crate) fn days_from_civil(year: i64, month: i64, date: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let of_year = (153 * month_from_march + 2) / 5 + date - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

fn put_digits(target: &mut [u8], mut number: i64) {
    for digit in target.iter_mut().rev() {
        *digit = b"0123456789"[usize::try_from(number % 10).unwrap_or(0)];
        number /= 10;
    }
}

/// A float without exponent, shortest that reads back.
pub(crate) fn push_float(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(value);
        if text.contains('e') {
            let _ = write!(out, "{value}");
        } else {
            out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
        }
    } else {
        out.extend_from_slice(if value.is_nan() {
            b"NaN"
        } else if value > 0.0 {
            b"+Inf"
        } else {
            b"-Inf"
        });
    }
}

/// A float as Go's JSON encoder writes it: with an exponent below a millionth and from 10^21 on.
pub(crate) fn push_json_float(out: &mut Vec<u8>, value: f64) {
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        push_float(out, value);
        return;
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    let _ = write!(out, "{digits}e{sign}{exponent}");
}

/// A JSON string as Go's encoder writes it: HTML characters escaped, bytes that are not UTF-8 as U+FFFD each.
pub(crate) fn json_string(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    push_json_string(&mut out, text);
    String::from_utf8_lossy(&out).into_owned()
}

/// As [`json_string`].
pub(crate) fn push_json_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        let (valid, mut done) = (chunk.valid(), 0);
        for (at, c) in valid.char_indices().filter(|(_, c)| is_escaped(*c)) {
            out.extend_from_slice(&valid.as_bytes()[done..at]);
            done = at + c.len_utf8();
            match c {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                '\u{8}' => out.extend_from_slice(b"\\b"),
                '\u{c}' => out.extend_from_slice(b"\\f"),
                _ => {
                    let _ = write!(out, "\\u{:04x}", u32::from(c));
                }
            }
        }
        out.extend_from_slice(&valid.as_bytes()[done..]);
        for _ in chunk.invalid() {
            out.extend_from_slice(b"\\ufffd");
        }
    }
    out.push(b'"');
}

const fn is_escaped(c: char) -> bool {
    matches!(c, '"' | '\\' | '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}')
}

/// A text with `to` in each place of `from`, from the left on.
pub(crate) fn replace(text: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    if memchr::memmem::find(&text, from).is_none() {
        return text;
    }
    let (mut out, mut at) = (Vec::with_capacity(text.len() + 8), 0);
    for found in memchr::memmem::find_iter(&text, from) {
        out.extend_from_slice(&text[at..found]);
        out.extend_from_slice(to);
        at = found + from.len();
    }
    out.extend_from_slice(&text[at..]);
    out
}

/// A whole number of seconds as Go prints a duration: `24h0m0s`, `1m0s`, `5s`.
pub(crate) fn go_duration(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    #[test]
    fn times_agree_with_the_calendar_of_the_model() {
        let mut text = TimeText::default();
        for ns in [
            0,
            1,
            -1,
            i64::MIN + 2,
            i64::MAX,
            1_577_836_800_120_000_000,
            951_782_400_000_000_000,
            -2_208_988_800_000_000_000,
        ] {
            let mut out = Vec::new();
            text.push(&mut out, ns);
            assert_eq!(String::from_utf8(out).unwrap(), Timestamp::from_ns(ns).to_string());
        }
        for day in (-700_000..2_900_000).step_by(397) {
            let (year, month, date) = civil(day);
            assert_eq!(days_from_civil(year, month, date), day);
        }
        assert_eq!(http_date(784_887_151_000_000_000), "Tue, 15 Nov 1994 08:12:31 GMT");
    }

    proptest::proptest! {
        #[test]
        fn floats_have_no_exponent(bits: u64) {
            let value = f64::from_bits(bits);
            let mut out = Vec::new();
            push_float(&mut out, value);
            if value.is_finite() {
                let text = String::from_utf8(out).unwrap();
                // Where two texts are equally short and equally near, either may be chosen.
                proptest::prop_assert_eq!(text.len(), value.to_string().len(), "{}", text);
                proptest::prop_assert_eq!(text.parse().map(f64::to_bits), Ok(bits), "{}", text);
                proptest::prop_assert!(!text.contains(['e', 'E']), "{}", text);
            }
        }
    }

    #[test]
    fn floats_and_strings_as_go_prints_them() {
        let mut out = Vec::new();
        for value in [1.0, -0.0, 0.1, 1e21, f64::INFINITY, f64::NAN] {
            push_float(&mut out, value);
            out.push(b' ');
        }
        assert_eq!(out, b"1 -0 0.1 1000000000000000000000 +Inf NaN ");
        assert_eq!(
            json_string(b"a\"<\x1f\x08\xff\xfe"),
            "\"a\\\"\\u003c\\u001f\\b\\ufffd\\ufffd\""
        );
        let mut out = Vec::new();
        for value in [0.0, -0.0, 1e-6, 9.5e-7, -1e-10, 1e20, 1e21, -1.5e300, 5e-324] {
            push_json_float(&mut out, value);
            out.push(b' ');
        }
        let text = "0 -0 0.000001 9.5e-7 -1e-10 100000000000000000000 1e+21 -1.5e+300 5e-324 ";
        assert_eq!(String::from_utf8(out).unwrap(), text);
        assert_eq!(go_duration(86_400), "24h0m0s");
    }
}
