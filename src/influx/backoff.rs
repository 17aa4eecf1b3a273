//! Pauses between tries: exponential with full jitter, and what a server's `Retry-After` is worth.

use std::hash::{BuildHasher, RandomState};

use crate::limits::{RETRY_AFTER_MS_MAX, RETRY_AFTER_MS_MIN};
use crate::model::random::Random;

/// Pseudo-random numbers for jitter: seedable, so that a test sees the same pauses each time.
#[derive(Debug, Clone)]
pub struct Jitter(Random);

impl Jitter {
    /// The sequence of this seed; without one, another sequence each time.
    pub fn new(seed: Option<u64>) -> Self {
        Self(Random::new(seed.unwrap_or_else(|| RandomState::new().hash_one("jitter"))))
    }

    /// A number from 0 to `max`, both included.
    pub fn up_to(&mut self, max: u64) -> u64 {
        let drawn = self.0.next();
        max.checked_add(1).map_or(drawn, |count| drawn % count)
    }
}

/// The pauses of one request: each one is drawn from zero to a bound that doubles with every failure.
#[derive(Debug, Clone)]
pub struct Backoff {
    bound_ms: u64,
    bound_ms_max: u64,
    jitter: Jitter,
}

impl Backoff {
    /// Pauses of at most `ms_min` at first and never more than `ms_max`.
    pub fn new(ms_min: u64, ms_max: u64, jitter: Jitter) -> Self {
        Self { bound_ms: ms_min.min(ms_max), bound_ms_max: ms_max, jitter }
    }

    /// The pause after one more failure.
    pub fn next_ms(&mut self) -> u64 {
        let pause_ms = self.jitter.up_to(self.bound_ms);
        self.bound_ms = self.bound_ms.saturating_mul(2).min(self.bound_ms_max);
        pause_ms
    }
}

/// The wait that a `Retry-After` asks for, held between [`RETRY_AFTER_MS_MIN`] and [`RETRY_AFTER_MS_MAX`]. Seconds, or an
/// HTTP date seen from the answer's own `Date` (our clock may be wrong). Zero and whatever cannot be read ask for
/// nothing: the caller's own pauses are better than trying again at once.
pub(crate) fn retry_after_ms(value: &str, date: Option<&str>) -> Option<u64> {
    let value = value.trim();
    let asked_ms = match value.parse::<u64>() {
        Ok(0) => return None,
        Ok(seconds) => seconds.saturating_mul(1_000),
        Err(_) => {
            let wait_ns = http_date_ns(value)?.saturating_sub(http_date_ns(date?)?);
            u64::try_from(wait_ns / 1_000_000).unwrap_or(0)
        }
    };
    Some(asked_ms.clamp(RETRY_AFTER_MS_MIN, RETRY_AFTER_MS_MAX))
}

/// An HTTP date in nanoseconds since 1970.
pub(super) fn http_date_ns(text: &str) -> Option<i64> {
    let parsed = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    i64::try_from(parsed.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_bound_and_repeat_with_the_seed() {
        let pauses = |seed| {
            let mut backoff = Backoff::new(500, 60_000, Jitter::new(Some(seed)));
            (0..20).map(|_| backoff.next_ms()).collect::<Vec<_>>()
        };
        assert_eq!(pauses(7), pauses(7));
        assert_ne!(pauses(7), pauses(8));
        for seed in 0..200 {
            let mut bound = 500;
            for pause in pauses(seed) {
                assert!(pause <= bound, "{pause} > {bound}");
                bound = (bound * 2).min(60_000);
            }
        }
        let longest = (0..200).map(|seed| pauses(seed)[19]).max().unwrap();
        assert!(longest > 55_000, "jitter reaches the bound: {longest}");
    }

    #[test]
    fn jitter_covers_its_range() {
        let mut jitter = Jitter::new(Some(1));
        let drawn: std::collections::BTreeSet<_> = (0..200).map(|_| jitter.up_to(3)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(jitter.up_to(0), 0);
        jitter.up_to(u64::MAX);
        assert_ne!(Jitter::new(None).up_to(u64::MAX), Jitter::new(None).up_to(u64::MAX));
    }

    #[test]
    fn retry_after_is_read_and_clamped() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        for (value, date, wait_ms) in [
            ("1", None, Some(1_000)),
            (" 30 ", None, Some(30_000)),
            ("299", None, Some(299_000)),
            ("1000000000", None, Some(RETRY_AFTER_MS_MAX)),
            ("18446744073709551615", None, Some(RETRY_AFTER_MS_MAX)),
            ("0", None, None),
            ("-1", None, None),
            ("1e9", None, None),
            ("1.5", None, None),
            ("", None, None),
            ("soon", date, None),
            ("Sun, 06 Nov 1994 08:50:37 GMT", date, Some(60_000)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", date, Some(RETRY_AFTER_MS_MIN)),
            ("Sat, 05 Nov 1994 08:49:37 GMT", date, Some(RETRY_AFTER_MS_MIN)),
            ("Sun, 06 Nov 2094 08:49:37 GMT", date, None),
            ("Sat, 06 Nov 2094 08:49:37 GMT", date, Some(RETRY_AFTER_MS_MAX)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", None, None),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some("yesterday"), None),
        ] {
            assert_eq!(retry_after_ms(value, date), wait_ms, "{value:?} {date:?}");
        }
    }

    #[test]
    fn http_dates_are_nanoseconds() {
        assert_eq!(http_date_ns("Thu, 01 Jan 1970 00:00:01 GMT"), Some(1_000_000_000));
        assert_eq!(http_date_ns("never"), None);
    }
}
