//! The total time of queries, which Cloud limits to so many seconds in 30: 1,500 by default, fifty queries all the time.
//!
//! Whether a query counts while it runs or when it has ended is not known. So a query starts only if no 30 s that it can be
//! part of will see more than share x limit, counted either way: for every time until its predicted end, what ended in the
//! 30 s before that and what still runs then, each with all of its time, must fit. What runs is charged by
//! prediction, and by what it really took once that is more; ended, by what it took.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::bounds::WHOLE_PPM;
use crate::limits::{
    QUERY_CHARGED_MS_MAX, QUERY_SMALL_MS_PREDICTED, QUERY_TIME_WINDOW_MS, QUOTA_SMALL_BYTES_MAX,
    SLICE_SECONDS_MAX,
};
use crate::model::scale::{scaled, whole_ms};

/// The queries that count at this moment.
#[derive(Debug)]
pub(super) struct QueryTime {
    limit_ms: u64,
    origin: Instant,
    running: BTreeMap<u64, Running>,
    next: u64,
    /// Time of ended queries by the second they ended in.
    ended: VecDeque<(u64, u64)>,
    part_ppm: u32,
    /// A larger part counts only when what others used of it is 30 s old.
    rising: Option<(Instant, u32)>,
    learned: Learned,
}

#[derive(Debug)]
struct Running {
    predicted_bytes: u64,
    predicted_ms: u64,
    admitted: Instant,
    begun: Option<Instant>,
}

/// What queries took so far: small ones, large ones, and large ones by their size.
#[derive(Debug)]
struct Learned {
    small: Usual,
    large: Usual,
    ns_per_kib: u64,
}

/// A mean and the mean distance from it, both moving.
#[derive(Debug)]
struct Usual {
    mean_ms: u64,
    distance_ms: u64,
}

impl QueryTime {
    pub(super) fn new(limit_ms: u64) -> Self {
        Self {
            limit_ms,
            origin: Instant::now(),
            running: BTreeMap::new(),
            next: 0,
            ended: VecDeque::new(),
            part_ppm: WHOLE_PPM,
            rising: None,
            learned: Learned {
                small: Usual { mean_ms: QUERY_SMALL_MS_PREDICTED, distance_ms: 0 },
                large: Usual { mean_ms: SLICE_SECONDS_MAX * 1_000, distance_ms: 0 },
                ns_per_kib: 0,
            },
        }
    }

    /// Takes another part of the limit: a smaller one at once, a larger one when nothing that others have used of it
    /// counts any more; they have used nothing for so long.
    pub(super) fn set_part(&mut self, part_ppm: u32, rested: Duration) {
        let wait = Duration::from_millis(QUERY_TIME_WINDOW_MS).saturating_sub(rested);
        if part_ppm <= self.part_ppm || wait.is_zero() {
            (self.part_ppm, self.rising) = (part_ppm, None);
        } else {
            self.rising = Some((Instant::now() + wait, part_ppm));
        }
    }

    /// Lets a query in, and gives it a number; or tells how long to wait before it may be asked again.
    pub(super) fn start(&mut self, bytes: u64, share_per_mille: u32) -> Result<u64, Duration> {
        let predicted_ms = self.learned.predict_ms(bytes);
        let budget_ms = self.budget_ms(share_per_mille);
        // A query that is predicted to take more than the whole budget goes when nothing else counts.
        let is_alone = self.most_ms(0) == 0;
        if budget_ms == 0 || !is_alone && self.most_ms(predicted_ms) > budget_ms {
            return Err(self.until_next_second());
        }
        let number = self.next;
        self.next += 1;
        let running =
            Running { predicted_bytes: bytes, predicted_ms, admitted: Instant::now(), begun: None };
        self.running.insert(number, running);
        Ok(number)
    }

    /// The server has begun to answer a query that was sent at this time.
    pub(super) fn begun(&mut self, number: u64, at: Instant) {
        if let Some(running) = self.running.get_mut(&number) {
            running.begun = Some(at);
        }
    }

    /// A query is over and brought so many bytes.
    pub(super) fn end(&mut self, number: u64, bytes: u64) {
        let Some(running) = self.running.remove(&number) else { return };
        let took_ms = match running.begun {
            Some(begun) => whole_ms(begun.elapsed()),
            // No answer: when it was sent is not known, and it may have waited for the gate before.
            None => whole_ms(running.admitted.elapsed()).min(QUERY_CHARGED_MS_MAX),
        };
        if running.begun.is_some() {
            self.learned.learn(running.predicted_bytes, bytes, took_ms);
        }
        let second = self.origin.elapsed().as_secs();
        match self.ended.back_mut() {
            Some((last, sum_ms)) if *last == second => *sum_ms += took_ms,
            _ => self.ended.push_back((second, took_ms)),
        }
    }

    /// The most that any 30 s will see of what is known now, if one more query starts that takes so long.
    fn most_ms(&mut self, predicted_ms: u64) -> u64 {
        // A second longer than the window: those that ended within one second are kept together.
        let seconds = QUERY_TIME_WINDOW_MS / 1_000 + 1;
        let now = self.origin.elapsed().as_secs();
        while self.ended.front().is_some_and(|(second, _)| second + seconds <= now) {
            self.ended.pop_front();
        }
        let at = |later: u64| {
            let ended = self.ended.iter().filter(|(second, _)| second + seconds > now + later);
            let ended_ms: u64 = ended.map(|(_, ms)| ms).sum();
            let later_ms = later * 1_000;
            let runs = |running: &Running| {
                let elapsed_ms = running.begun.map_or(0, |begun| whole_ms(begun.elapsed()));
                running.predicted_ms.min(elapsed_ms + later_ms).max(elapsed_ms)
            };
            let running_ms: u64 = self.running.values().map(runs).sum();
            ended_ms + running_ms + predicted_ms.min(later_ms)
        };
        // When nothing that has ended counts any more, later only adds to what runs.
        let end = self.running.values().map(|running| running.predicted_ms).max().unwrap_or(0);
        let end = end.max(predicted_ms).div_ceil(1_000);
        (0..=end.min(seconds)).chain([end]).map(at).max().unwrap_or(0)
    }

    /// True if what counts is within the budget; a single query may be more.
    pub(super) fn fits(&mut self, share_per_mille: u32) -> bool {
        self.running.len() <= 1 || self.most_ms(0) <= self.budget_ms(share_per_mille)
    }

    fn budget_ms(&mut self, share_per_mille: u32) -> u64 {
        if let Some((at, part_ppm)) = self.rising
            && at <= Instant::now()
        {
            (self.part_ppm, self.rising) = (part_ppm, None);
        }
        let part_ms = scaled(self.limit_ms, u64::from(self.part_ppm), u64::from(WHOLE_PPM));
        scaled(part_ms, u64::from(share_per_mille.min(1_000)), 1_000)
    }

    fn until_next_second(&self) -> Duration {
        let into = self.origin.elapsed().subsec_nanos();
        Duration::from_nanos(u64::from(1_000_000_000 - into))
    }
}

impl Learned {
    /// Rather too much: the longer of what is usual and of what is usual for the size.
    fn predict_ms(&self, bytes: u64) -> u64 {
        if bytes <= QUOTA_SMALL_BYTES_MAX {
            return self.small.predict_ms();
        }
        self.large.predict_ms().max(scaled(bytes, self.ns_per_kib, NS_PER_MS_AND_KIB))
    }

    fn learn(&mut self, predicted_bytes: u64, bytes: u64, took_ms: u64) {
        if predicted_bytes <= QUOTA_SMALL_BYTES_MAX {
            self.small.learn(took_ms);
        } else if bytes > QUOTA_SMALL_BYTES_MAX {
            self.large.learn(took_ms);
            let seen = scaled(took_ms, NS_PER_MS_AND_KIB, bytes);
            self.ns_per_kib = approach(self.ns_per_kib, seen);
        }
    }
}

/// Nanoseconds of a millisecond times bytes of a KiB.
const NS_PER_MS_AND_KIB: u64 = 1_000_000 * 1024;

impl Usual {
    fn predict_ms(&self) -> u64 {
        self.mean_ms.saturating_add(self.distance_ms.saturating_mul(2)).max(1)
    }

    fn learn(&mut self, took_ms: u64) {
        self.distance_ms = approach(self.distance_ms, took_ms.abs_diff(self.mean_ms));
        self.mean_ms = approach(self.mean_ms, took_ms);
    }
}

/// An eighth of the way to what was seen.
fn approach(known: u64, seen: u64) -> u64 {
    (known - known / 8).saturating_add(seen / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: u64 = 1_000_000;

    async fn sleep_s(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// A query that takes so long, if it may start now.
    async fn query(time: &mut QueryTime, seconds: u64) -> bool {
        let Ok(number) = time.start(LARGE, 1_000) else { return false };
        time.begun(number, Instant::now());
        sleep_s(seconds).await;
        time.end(number, LARGE);
        true
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_ended_counts_for_a_window() {
        let mut time = QueryTime::new(60_000);
        for _ in 0..3 {
            // The first prediction is 30 s, which is also what they take.
            assert!(query(&mut time, 30).await, "one after the other fits");
        }
        let number = time.start(LARGE, 1_000).unwrap();
        assert!(time.start(LARGE, 1_000).is_err(), "30 s that ended, and twice 30 s to come");
        time.begun(number, Instant::now());
        sleep_s(2).await;
        time.end(number, LARGE);
        assert_eq!(time.most_ms(0), 32_000);
        sleep_s(28).await;
        assert_eq!(time.most_ms(0), 32_000, "a second more than the window");
        sleep_s(4).await;
        assert_eq!(time.most_ms(0), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_longer_than_all_goes_alone() {
        let mut time = QueryTime::new(1_000);
        let first = time.start(LARGE, 900).unwrap();
        assert!(time.start(LARGE, 900).is_err() && time.fits(900), "one alone is no excess");
        sleep_s(300).await;
        // No answer came: it is charged with what one query can take at the most.
        time.end(first, 0);
        assert_eq!(time.most_ms(0), QUERY_CHARGED_MS_MAX);
        assert!(time.start(LARGE, 900).is_err());
        sleep_s(31).await;
        assert!(time.start(LARGE, 900).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_smaller_part_counts_at_once_and_a_larger_one_after_a_window() {
        let mut time = QueryTime::new(100_000);
        let half = WHOLE_PPM / 2;
        let first = time.start(LARGE, 1_000).unwrap();
        let second = time.start(LARGE, 1_000).unwrap();
        assert!(time.fits(1_000));
        time.set_part(half, Duration::ZERO);
        assert!(!time.fits(1_000) && time.start(LARGE, 1_000).is_err());
        time.end(first, 0);
        time.end(second, 0);
        assert!(time.start(LARGE, 1_000).is_ok(), "30 of 50 s");
        time.set_part(WHOLE_PPM, Duration::ZERO);
        assert!(time.start(LARGE, 1_000).is_err(), "what others have used still counts");
        sleep_s(29).await;
        assert!(time.start(LARGE, 1_000).is_err());
        sleep_s(1).await;
        assert!(time.start(LARGE, 1_000).is_ok());
        time.set_part(0, Duration::ZERO);
        sleep_s(1_000).await;
        assert!(time.start(QUOTA_SMALL_BYTES_MAX, 1_000).is_err(), "nothing is nothing");
    }

    /// A run that enters alone begins at once.
    #[tokio::test(start_paused = true)]
    async fn what_nobody_has_used_for_a_window_counts_at_once() {
        let mut time = QueryTime::new(100_000);
        for (rested_s, wait_s) in [(31, 0), (20, 10), (0, 30)] {
            time.set_part(0, Duration::ZERO);
            time.set_part(WHOLE_PPM, Duration::from_secs(rested_s));
            if wait_s > 0 {
                sleep_s(wait_s - 1).await;
                assert!(time.start(LARGE, 1_000).is_err(), "{rested_s}");
                sleep_s(1).await;
            }
            let number = time.start(LARGE, 1_000).unwrap();
            time.end(number, 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn predictions_follow_what_was_seen() {
        let mut time = QueryTime::new(u64::MAX);
        assert_eq!(time.learned.predict_ms(LARGE), 30_000);
        for _ in 0..200 {
            assert!(query(&mut time, 4).await);
        }
        assert!((3_900..=4_300).contains(&time.learned.predict_ms(LARGE)));
        let twice = time.learned.predict_ms(2 * LARGE);
        assert!((7_800..=8_300).contains(&twice), "{twice}");
        assert_eq!(time.learned.predict_ms(1), QUERY_SMALL_MS_PREDICTED, "small ones on their own");
        // What failed teaches nothing.
        let number = time.start(LARGE, 1_000).unwrap();
        time.end(number, 0);
        assert!(time.learned.predict_ms(LARGE) >= 3_900);
    }
}
