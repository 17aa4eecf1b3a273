//! Two clocks: tokio's for governor, and the source's time of day, which goes on tokio's clock between its answers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use governor::clock::Clock;
use tokio::time::Instant;

use crate::limits::QUOTA_CLOCK_SLACK_MS;
use crate::model::time::Timestamp;

/// Tokio's clock for governor: a paused clock in a test pauses the pacing too.
#[derive(Debug, Clone)]
pub(super) struct TokioClock(Instant);

impl TokioClock {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The source's time: what its newest answer said and what has passed since; this machine's until it has said something.
#[derive(Debug, Clone, Copy)]
pub(super) struct SourceClock {
    since: Instant,
    at: Timestamp,
}

impl SourceClock {
    pub(super) fn local() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ns = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
        Self { since: Instant::now(), at: Timestamp::from_ns(now_ns) }
    }

    pub(super) fn now(self) -> Timestamp {
        self.at.saturating_add_ns(signed_ns(self.since.elapsed()))
    }

    /// When the source's clock will show this time; now if it has passed.
    pub(super) fn instant_of(self, time: Timestamp) -> Instant {
        let ns = time.ns().saturating_sub(self.now().ns());
        Instant::now() + Duration::from_nanos(u64::try_from(ns).unwrap_or(0))
    }

    /// The source says what time it is, to the second. Small differences are its delay and change nothing, so that
    /// the time does not jump to and fro. True if the clock was set.
    pub(super) fn note(&mut self, said: Timestamp) -> bool {
        let ahead_ns = i128::from(self.now().ns()) - i128::from(said.ns());
        if ahead_ns.unsigned_abs() <= u128::from(QUOTA_CLOCK_SLACK_MS) * 1_000_000 {
            return false;
        }
        *self = Self { since: Instant::now(), at: said };
        true
    }
}

fn signed_ns(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn follows_the_source_but_not_its_jitter() {
        let mut clock = SourceClock::local();
        let noon: Timestamp = "2024-01-01T12:00:00Z".parse().unwrap();
        let second = |n: i64| noon.saturating_add_ns(n * 1_000_000_000);
        assert!(clock.note(noon));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(clock.now(), second(60));
        assert!(!clock.note(second(59)) && !clock.note(second(61)));
        assert_eq!(clock.now(), second(60));
        assert_eq!(clock.instant_of(second(90)), Instant::now() + Duration::from_secs(30));
        assert_eq!(clock.instant_of(second(1)), Instant::now());
        for jump in [second(57), second(-86_400), Timestamp::MIN, Timestamp::STOP_MAX] {
            assert!(clock.note(jump));
            assert_eq!(clock.now(), jump);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(clock.now(), Timestamp::STOP_MAX, "held at the end of time");
    }
}
