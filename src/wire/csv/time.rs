//! RFC 3339 times, read byte by byte. The calendar is consulted once per day of data.

use crate::model::time::{NS_PER_S, Timestamp};

/// Reads times; remembers the last day.
#[derive(Debug)]
pub(super) struct TimeReader {
    date: [u8; 10],
    day_s: i64,
}

/// Times of fewer seconds than this lie inside 64 bits whatever their fraction.
const SAFE_S: u64 = i64::MAX.unsigned_abs() / NS_PER_S.unsigned_abs();

impl TimeReader {
    pub(super) fn new() -> Self {
        Self { date: [0; 10], day_s: 0 }
    }

    /// The time at the start of `text`, in nanoseconds, and its length. UTC only, up to nine digits of fraction, no
    /// leap second, inside the range of InfluxDB.
    #[inline]
    pub(super) fn read(&mut self, text: &[u8]) -> Option<(i64, usize)> {
        let head: &[u8; 20] = text.first_chunk()?;
        let date: &[u8; 10] = head.first_chunk()?;
        if *date != self.date {
            self.day_s = day_of(date)?.checked_mul(86_400)?;
            self.date = *date;
        }
        let (clock, _) = head[11..].split_first_chunk()?;
        let seconds = self.day_s + seconds_of_day(*clock).filter(|_| head[10] == b'T')?;
        let (fraction_ns, len) = if head[19] == b'Z' { (0, 20) } else { fraction(&text[19..])? };
        if seconds.unsigned_abs() < SAFE_S {
            return Some((seconds * NS_PER_S + fraction_ns, len));
        }
        let ns =
            i64::try_from(i128::from(seconds) * i128::from(NS_PER_S) + i128::from(fraction_ns))
                .ok()?;
        (Timestamp::MIN.ns()..=Timestamp::MAX.ns()).contains(&ns).then_some((ns, len))
    }

    /// A text that is a time and nothing else.
    pub(super) fn whole(&mut self, text: &[u8]) -> Option<i64> {
        self.read(text).filter(|(_, len)| *len == text.len()).map(|(ns, _)| ns)
    }
}

/// `.5Z` and the like: nanoseconds and the length of date, time and fraction together.
fn fraction(text: &[u8]) -> Option<(i64, usize)> {
    if text[0] != b'.' {
        return None;
    }
    let mut ns = 0;
    let mut unit_ns = NS_PER_S;
    for (at, byte) in text.iter().enumerate().skip(1).take(10) {
        match byte {
            b'0'..=b'9' if unit_ns > 1 => {
                unit_ns /= 10;
                ns += i64::from(byte - b'0') * unit_ns;
            }
            b'Z' if at > 1 => return Some((ns, 19 + at + 1)),
            _ => return None,
        }
    }
    None
}

/// Seconds of a time written `23:59:59`.
#[inline]
fn seconds_of_day(text: [u8; 8]) -> Option<i64> {
    // The bytes are looked at side by side: what differs from a digit's high half or from a colon is no digit.
    let digits = u64::from_le_bytes(text) ^ u64::from_le_bytes(*b"00:00:00");
    if (digits | digits.wrapping_add(0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    // Each tens digit stands before its ones digit; the colons are zero by now, and must have been.
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8).to_le_bytes();
    let (hour, minute, second) = (pairs[0], pairs[3], pairs[6]);
    let has_colons = text[2] == b':' && text[5] == b':';
    let is_time = has_colons && hour < 24 && minute < 60 && second < 60;
    is_time.then(|| i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second))
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then_some(u32::from(tens) * 10 + u32::from(ones))
}

/// Days from 1970-01-01 to a date written `2020-01-01`.
fn day_of(date: &[u8; 10]) -> Option<i64> {
    let year = i64::from(two(date[0], date[1])? * 100 + two(date[2], date[3])?);
    let (month, day) = (i64::from(two(date[5], date[6])?), i64::from(two(date[8], date[9])?));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if date[4] != b'-' || date[7] != b'-' || day < 1 || day > days_in_month {
        return None;
    }
    // Years counted from March, so that the leap day comes last.
    let shifted = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = shifted.div_euclid(4) - shifted.div_euclid(100) + shifted.div_euclid(400);
    Some(shifted * 365 + leap_days + day_of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<i64> {
        TimeReader::new().whole(text.as_bytes())
    }

    #[test]
    fn reads_the_edges() {
        for (text, ns) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.000000001Z", 1),
            ("1969-12-31T23:59:59.999999999Z", -1),
            ("2020-02-29T00:00:00.5Z", 1_582_934_400_500_000_000),
            ("2000-02-29T00:00:00Z", 951_782_400_000_000_000),
            ("1677-09-21T00:12:43.145224194Z", Timestamp::MIN.ns()),
            ("2262-04-11T23:47:16.854775806Z", Timestamp::MAX.ns()),
        ] {
            assert_eq!(read(text), Some(ns), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for bad in [
            "",
            "2020-01-01",
            "2020-01-01T00:00:00",
            "2020-01-01t00:00:00Z",
            "2020-01-01T00:00:00z",
            "2020-01-01 00:00:00Z",
            "2020-01-01T00:00:00+00:00",
            "2020-01-01T00:00:00.Z",
            "2020-01-01T00:00:00.1234567890Z",
            "2020-01-01T00:00:00.123456789",
            "2020-01-01T00:00:60Z",
            "2020-01-01T24:00:00Z",
            "2020-01-01T00:60:00Z",
            "2020-13-01T00:00:00Z",
            "2020-00-01T00:00:00Z",
            "2021-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2020-04-31T00:00:00Z",
            "2020-01-00T00:00:00Z",
            "2020-1a-01T00:00:00Z",
            "1677-09-21T00:12:43.145224193Z",
            "2262-04-11T23:47:16.854775807Z",
            "9999-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "2020-01-01T00:00:00Zx",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn damaged_times_are_seen(second in 0i64..86_400, at in 0usize..8, byte in any::<u8>()) {
            let text = format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60);
            let mut text = *text.as_bytes().first_chunk::<8>().unwrap();
            prop_assert_eq!(seconds_of_day(text), Some(second));
            text[at] = byte;
            let plain = std::str::from_utf8(&text).ok();
            let parts: Option<Vec<i64>> = plain.and_then(|text| {
                text.split(':').map(|part| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?).collect()
            });
            let expected = match parts.as_deref() {
                Some([hour @ ..24, minute @ ..60, second @ ..60]) if text[2] == b':' && text[5] == b':' => {
                    Some(hour * 3_600 + minute * 60 + second)
                }
                _ => None,
            };
            prop_assert_eq!(seconds_of_day(text), expected);
        }

        #[test]
        fn agrees_with_the_slow_reader(ns in Timestamp::MIN.ns()..=Timestamp::MAX.ns(), unit in 0u32..10) {
            let unit = 10i64.pow(unit);
            for ns in [ns, ns / unit * unit] {
                prop_assert_eq!(read(&Timestamp::from_ns(ns).to_string()), Some(ns));
                prop_assert_eq!(read(&Timestamp::from_ns(ns).to_rfc3339_nano()), Some(ns));
            }
        }
    }
}
