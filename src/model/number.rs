//! Numbers and times for people. Units are decimal (1 MB = 10^6 bytes) and everything is rounded in integers, so
//! that no text ever says `1000 MB`. Bounds and shares are rounded down: nothing is 100 % before its end.

use crate::model::time::{NS_PER_S, Timestamp};

const MS_PER_S: u64 = 1_000;
const MS_PER_MIN: u64 = 60 * MS_PER_S;
const MS_PER_HOUR: u64 = 60 * MS_PER_MIN;
const MS_PER_DAY: u64 = 24 * MS_PER_HOUR;

/// Name, size, and the first number of units that is shown in the next unit instead.
const BYTE_UNITS: [(&str, u64, u64); 7] = [
    ("B", 1, 1_000),
    ("kB", 1_000, 1_000),
    ("MB", 1_000_000, 1_000),
    ("GB", 1_000_000_000, 1_000),
    ("TB", 1_000_000_000_000, 1_000),
    ("PB", 1_000_000_000_000_000, 1_000),
    ("EB", 1_000_000_000_000_000_000, u64::MAX),
];

const COUNT_UNITS: [(&str, u64); 5] = [
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000),
];

/// All digits: `18,400,000,000`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count: all digits below a million, then three of them: `212,400`, `7.54 G`.
pub(crate) fn count(n: u64) -> String {
    if n < 1_000_000 {
        return grouped(n);
    }
    for (name, size) in COUNT_UNITS {
        for decimals in [2, 1, 0] {
            let tenths = rounded(n, size, decimals);
            if tenths < 1_000 {
                return format!("{} {name}", decimal(tenths, decimals));
            }
        }
    }
    unreachable!("a 64-bit number is below 1000 E")
}

/// An amount of bytes: `46.0 GB`, `54 MB`, `120 kB`.
pub(crate) fn bytes(n: u64) -> String {
    let (name, size, decimals) = byte_unit(n);
    format!("{} {name}", decimal(rounded(n, size, decimals), decimals))
}

/// Two amounts in one unit: `46.0/112.6 GB`.
pub(crate) fn bytes_of(part: u64, whole: u64) -> String {
    let (name, size, decimals) = byte_unit(part.max(whole));
    let shown = |n| decimal(rounded(n, size, decimals), decimals);
    format!("{}/{} {name}", shown(part), shown(whole))
}

/// Bytes per second: `9.0 MB/s`.
pub(crate) fn byte_rate(n: u64, elapsed_ms: u64) -> String {
    format!("{}/s", bytes(per_second(n, elapsed_ms)))
}

/// Counts per second, without the unit: `1.47 M`.
pub(crate) fn count_rate(n: u64, elapsed_ms: u64) -> String {
    count(per_second(n, elapsed_ms))
}

/// `n` per second, rounded down; of less than a millisecond nothing is known, so 0.
pub(crate) fn per_second(n: u64, elapsed_ms: u64) -> u64 {
    let per_second = (u128::from(n) * u128::from(MS_PER_S)).checked_div(u128::from(elapsed_ms));
    per_second.map_or(0, |rate| u64::try_from(rate).unwrap_or(u64::MAX))
}

/// A quotient with one decimal, such as bytes per value: `6.1`; `-` if there is nothing to divide by.
pub(crate) fn ratio(n: u64, by: u64) -> String {
    if by == 0 { "-".to_owned() } else { decimal(rounded(n, by, 1), 1) }
}

/// The same with two decimals, for what is below one: `0.37`.
pub(crate) fn ratio_fine(n: u64, by: u64) -> String {
    if by == 0 { "-".to_owned() } else { decimal(rounded(n, by, 2), 2) }
}

/// A count and its unit: `1 file`, `12 files`.
pub(crate) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// The same with all digits: `1,728,000 values`.
pub(crate) fn all_counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// The share of `part` in `whole` in thousandths, rounded down; an empty whole is complete.
pub(crate) fn per_mille(part: u128, whole: u128) -> u32 {
    if part >= whole {
        return 1_000;
    }
    let share =
        if whole > u128::MAX / 1_000 { part / (whole / 1_000) } else { part * 1_000 / whole };
    u32::try_from(share.min(999)).unwrap_or(999)
}

/// Thousandths as `41.0 %`.
pub(crate) fn percent(per_mille: u32) -> String {
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

/// A length of time in its two largest units: `4s`, `1m12s`, `52m`, `1h25m`, `2d 22h`.
pub(crate) fn duration(ms: u64) -> String {
    let (s, min, hours) = (ms / MS_PER_S, ms / MS_PER_MIN, ms / MS_PER_HOUR);
    match (s, min, hours) {
        (0..60, ..) => format!("{s}s"),
        (_, 0..10, _) if s % 60 != 0 => format!("{min}m{}s", s % 60),
        (_, 0..60, _) => format!("{min}m"),
        (.., 0..24) => format!("{hours}h{:02}m", min % 60),
        _ => format!("{}d {}h", ms / MS_PER_DAY, hours % 24),
    }
}

/// The same, but below a minute as fine as differences are worth: `16 ms`, `1.2 s`.
pub(crate) fn duration_fine(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..59_950 => format!("{} s", ratio(ms, 1_000)),
        _ => duration(ms),
    }
}

/// How many times, in thousandths: `6.1`, `329`, and beyond all reason `over 1,000`. Nobody acts on a tenth of a large one.
pub(crate) fn times(per_mille: u64) -> String {
    match per_mille {
        0..10_000 => ratio(per_mille, 1_000),
        10_000..=1_000_000 => grouped((per_mille + 500) / 1_000),
        _ => "over 1,000".to_owned(),
    }
}

/// A range of lengths, rounded outwards to what an estimate is worth: `1h55 - 2h25`.
pub(crate) fn duration_range(low_ms: u64, high_ms: u64) -> String {
    let step = match high_ms {
        0..MS_PER_HOUR => MS_PER_MIN,
        MS_PER_HOUR..MS_PER_DAY => 5 * MS_PER_MIN,
        _ => MS_PER_HOUR,
    };
    let (low, high) = (low_ms / step * step, high_ms.div_ceil(step).saturating_mul(step));
    if high <= MS_PER_MIN {
        return "under 1m".to_owned();
    }
    if low == 0 && high < MS_PER_HOUR {
        return format!("under {}m", high / MS_PER_MIN);
    }
    let shown = |ms: u64| match high {
        0..MS_PER_HOUR => format!("{}m", ms / MS_PER_MIN),
        MS_PER_HOUR..MS_PER_DAY => format!("{}h{:02}", ms / MS_PER_HOUR, ms / MS_PER_MIN % 60),
        _ => duration(ms),
    };
    format!("{} - {}", shown(low), shown(high))
}

/// Minutes and seconds that count down: `2:14`.
pub(crate) fn clock(ms: u64) -> String {
    format!("{}:{:02}", ms / MS_PER_MIN, ms / MS_PER_S % 60)
}

/// A time without the part of its second.
pub(crate) fn to_the_second(time: Timestamp) -> String {
    let text = time.to_string();
    text.split_once('.').map_or(text.clone(), |(whole, _)| format!("{whole}Z"))
}

/// A time as short as it can be said: `2023-07-06T00:00Z`, seconds only where there are some, fractions never.
pub(crate) fn minute(time: Timestamp) -> String {
    let second = Timestamp::from_ns(
        time.ns().div_euclid(NS_PER_S).saturating_mul(NS_PER_S).max(Timestamp::MIN.ns()),
    );
    let text = to_the_second(second);
    text.strip_suffix(":00Z").map_or(text.clone(), |short| format!("{short}Z"))
}

/// As [`minute`], but only the date at midnight: `2023-07-06`.
pub(crate) fn day_or_minute(time: Timestamp) -> String {
    let text = minute(time);
    text.strip_suffix("T00:00Z").map_or(text.clone(), str::to_owned)
}

fn byte_unit(n: u64) -> (&'static str, u64, u32) {
    for (i, (name, size, next_from)) in BYTE_UNITS.into_iter().enumerate() {
        let decimals = u32::from(i >= 3 || (i == 2 && rounded(n, size, 1) < 100));
        if rounded(n, size, decimals) < u128::from(next_from) * 10u128.pow(decimals) {
            return (name, size, decimals);
        }
    }
    unreachable!("the last unit takes every number")
}

/// `n / size` with so many decimals, as an integer, half rounded up.
fn rounded(n: u64, size: u64, decimals: u32) -> u128 {
    let (n, size) = (u128::from(n) * 10u128.pow(decimals), u128::from(size));
    (n + size / 2) / size
}

fn decimal(n: u128, decimals: u32) -> String {
    let one = 10u128.pow(decimals);
    if decimals == 0 {
        n.to_string()
    } else {
        format!("{}.{:0width$}", n / one, n % one, width = decimals as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1_204, "1,204"),
            (212_400, "212,400"),
            (999_999, "999,999"),
            (1_000_000, "1.00 M"),
            (7_540_000_000, "7.54 G"),
            (18_400_000_000, "18.4 G"),
            (999_499_999, "999 M"),
            (999_500_000, "1.00 G"),
            (9_995_000, "10.0 M"),
            (u64::MAX, "18.4 E"),
        ] {
            assert_eq!(count(n), text);
        }
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(count_rate(7_540_000_000, 5_100_000), "1.48 M");
        assert_eq!(
            (count_rate(5, 0), ratio(5, 0), ratio(112_600, 18_400)),
            ("0".into(), "-".into(), "6.1".into())
        );
    }

    #[test]
    fn amounts_of_bytes() {
        for (n, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (9_000_000, "9.0 MB"),
            (9_949_999, "9.9 MB"),
            (9_950_000, "10 MB"),
            (300_000_000, "300 MB"),
            (999_499_999, "999 MB"),
            (999_500_000, "1.0 GB"),
            (46_000_000_000, "46.0 GB"),
            (999_950_000_000, "1.0 TB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(bytes(n), text);
        }
        assert_eq!(bytes_of(46_000_000_000, 112_600_000_000), "46.0/112.6 GB");
        assert_eq!(bytes_of(0, 54_000_000), "0/54 MB");
        assert_eq!(bytes_of(120_000_000, 54_000_000), "120/54 MB");
        assert_eq!(bytes_of(u64::MAX, 0), "18.4/0.0 EB");
        assert_eq!(byte_rate(46_000_000_000, 5_100_000), "9.0 MB/s");
        assert_eq!(byte_rate(u64::MAX, 1), "18.4 EB/s");
    }

    #[test]
    fn lengths_of_time() {
        for (s, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (72, "1m12s"),
            (599, "9m59s"),
            (601, "10m"),
            (3_599, "59m"),
            (3_600, "1h00m"),
            (5_100, "1h25m"),
            (86_399, "23h59m"),
            (252_000, "2d 22h"),
        ] {
            assert_eq!(duration(s * 1_000), text);
        }
        for (ms, text) in [(999, "999 ms"), (1_440, "1.4 s"), (60_000, "1m")] {
            assert_eq!(duration_fine(ms), text);
        }
        for (low, high, text) in [
            (0, 20, "under 1m"),
            (0, 61, "under 2m"),
            (600, 719, "10m - 12m"),
            (3_000, 3_600, "0h50 - 1h00"),
            (6_900, 8_700, "1h55 - 2h25"),
            (6_999, 8_401, "1h55 - 2h25"),
            (80_000, 90_000, "22h00m - 1d 1h"),
            (252_000, 260_000, "2d 22h - 3d 1h"),
        ] {
            assert_eq!(duration_range(low * 1_000, high * 1_000), text);
        }
        assert_eq!(
            duration_range(u64::MAX, u64::MAX).len(),
            "213503982334d 14h - 213503982334d 14h".len()
        );
        assert_eq!(
            (clock(134_000), clock(9_000), clock(u64::MAX)),
            ("2:14".into(), "0:09".into(), "307445734561825:51".into())
        );
    }

    #[test]
    fn shares_are_rounded_down() {
        for (part, whole, text) in [
            (0, 3, "0.0 %"),
            (857, 2_090, "41.0 %"),
            (999_999, 1_000_000, "99.9 %"),
            (3, 3, "100.0 %"),
            (0, 0, "100.0 %"),
        ] {
            assert_eq!(percent(per_mille(part, whole)), text);
        }
        assert_eq!(per_mille(u128::MAX / 2, u128::MAX), 500);
    }

    #[test]
    fn times() {
        for (time, text, day) in [
            ("2023-07-06T00:00:00Z", "2023-07-06T00:00Z", "2023-07-06"),
            ("2023-07-06T05:30:00Z", "2023-07-06T05:30Z", "2023-07-06T05:30Z"),
            ("2023-07-06T00:00:10.5Z", "2023-07-06T00:00:10Z", "2023-07-06T00:00:10Z"),
            ("1677-09-21T00:12:43.145224194Z", "1677-09-21T00:12:43Z", "1677-09-21T00:12:43Z"),
            ("2262-04-11T23:47:16.854775807Z", "2262-04-11T23:47:16Z", "2262-04-11T23:47:16Z"),
        ] {
            let time: Timestamp = time.parse().unwrap();
            assert_eq!((minute(time).as_str(), day_or_minute(time).as_str()), (text, day));
        }
    }
}
