//! An organization of Cloud on a paused clock: fixed windows of unknown phase, other readers, refusals for no reason of
//! ours, a limit for the time of queries and one for their number.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use sluice::testing::influx::backoff::Jitter;
use sluice::testing::model::time::{NS_PER_S, Timestamp};
use tokio::time::Instant;

pub(super) const QUOTA: u64 = 300_000_000;
pub(super) const WINDOW_MS: u64 = 300_000;
const TIME_WINDOW_MS: u64 = 30_000;

/// What else reads from the organization.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Other {
    Nobody,
    /// So many per mille of the quota, spread evenly over each window.
    Steady(u64),
    /// So many per mille of the quota at once, at a random time in each window.
    AtOnce(u64),
    /// So many per mille of the quota in the first second of each window.
    First(u64),
}

/// What a 429 says of the time to wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Says {
    /// The seconds until the window ends.
    Seconds,
    Nothing,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) seed: u64,
    pub(super) quota: u64,
    pub(super) other: Other,
    pub(super) says: Says,
    /// Requests refused for no reason of ours, per mille, with at most so many seconds to wait.
    pub(super) random: Option<(u64, u64)>,
    /// Total time of queries in 30 s.
    pub(super) query_time_ms: Option<u64>,
    pub(super) queries_max: Option<usize>,
    /// The time of day shows this at the beginning, and jumps by so many seconds after so many.
    pub(super) date: &'static str,
    pub(super) jumps: &'static [(u64, i64)],
}

#[derive(Debug, Default)]
struct State {
    random: Option<Jitter>,
    ours: BTreeMap<u64, u64>,
    others: BTreeMap<u64, u64>,
    /// When they first came, from the beginning of the window.
    others_from_ms: BTreeMap<u64, u64>,
    flow: Vec<(u64, u64)>,
    running: BTreeMap<u64, u64>,
    asked: u64,
    refused: u64,
    running_max: usize,
    /// Time of queries by second: as it passes, and at the end.
    passing: BTreeMap<u64, u64>,
    ended: BTreeMap<u64, u64>,
}

#[derive(Debug)]
pub(super) struct Cloud {
    pub(super) settings: Settings,
    begin: Instant,
    phase_ms: u64,
    state: Mutex<State>,
}

/// A query that runs.
pub(super) struct Query {
    cloud: Arc<Cloud>,
    number: u64,
}

impl Cloud {
    pub(super) fn new(settings: Settings) -> Arc<Self> {
        let mut random = Jitter::new(Some(settings.seed));
        let phase_ms = random.up_to(WINDOW_MS - 1);
        let state = State { random: Some(random), ..State::default() };
        let cloud =
            Arc::new(Self { settings, begin: Instant::now(), phase_ms, state: Mutex::new(state) });
        tokio::spawn(others(Arc::downgrade(&cloud), settings.other));
        cloud
    }

    pub(super) fn now_ms(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap()
    }

    /// The time of day, to the second as in a header.
    pub(super) fn date(&self) -> Timestamp {
        let begin: Timestamp = self.settings.date.parse().unwrap();
        let now_s = self.now_ms() / 1_000;
        let jumps = self.settings.jumps.iter().filter(|(at_s, _)| *at_s <= now_s);
        let jumped: i64 = jumps.map(|(_, by_s)| by_s).sum();
        begin.saturating_add_ns((i64::try_from(now_s).unwrap() + jumped) * NS_PER_S)
    }

    fn window(&self, at_ms: u64) -> u64 {
        (at_ms + self.phase_ms) / WINDOW_MS
    }

    /// Lets a query in, or says how long to wait.
    pub(super) fn ask(self: &Arc<Self>) -> Result<Query, Option<u64>> {
        let now_ms = self.now_ms();
        let mut state = self.state();
        state.asked += 1;
        if let Err(says_ms) = self.check(&mut state, now_ms) {
            state.refused += 1;
            return Err(says_ms.filter(|_| self.settings.says == Says::Seconds));
        }
        let number = state.asked;
        state.running.insert(number, now_ms);
        state.running_max = state.running_max.max(state.running.len());
        Ok(Query { cloud: Arc::clone(self), number })
    }

    /// If not, the time to wait as far as there is one.
    fn check(&self, state: &mut State, now_ms: u64) -> Result<(), Option<u64>> {
        let settings = &self.settings;
        let window = self.window(now_ms);
        if state.used(window) >= settings.quota {
            let reset_ms = (window + 1) * WINDOW_MS - self.phase_ms - now_ms;
            return Err(Some(reset_ms.div_ceil(1_000) * 1_000));
        }
        let (time_ms, running) = (state.worst_time_ms(now_ms), state.running.len());
        if settings.query_time_ms.is_some_and(|limit_ms| time_ms > limit_ms)
            || settings.queries_max.is_some_and(|max| running >= max)
        {
            return Err(None);
        }
        let random = state.random.as_mut().unwrap();
        match settings.random {
            Some((per_mille, wait_s_max)) if random.up_to(999) < per_mille => {
                Err(Some(random.up_to(wait_s_max).max(1) * 1_000))
            }
            _ => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The most that any five minutes saw of us, and any fixed window of all.
    pub(super) fn worst_bytes(&self) -> (u64, u64) {
        let state = self.state();
        let (mut worst, mut sum, mut first) = (0, 0, 0);
        for (at_ms, bytes) in &state.flow {
            sum += bytes;
            while state.flow[first].0 + WINDOW_MS <= *at_ms {
                sum -= state.flow[first].1;
                first += 1;
            }
            worst = worst.max(sum);
        }
        let fixed = state.ours.keys().map(|window| state.used(*window)).max().unwrap_or(0);
        (worst, fixed)
    }

    /// Our bytes, and what of a share of the quota could be had in each window: what the others left, or what came
    /// before them at the rate of the share. The first and the last window are not whole.
    pub(super) fn ours_and_available(&self, share_per_mille: u64) -> (u64, u64) {
        let state = self.state();
        let windows = 1..self.window(self.now_ms());
        let left = |window: u64| {
            let others = state.others.get(&window).copied().unwrap_or(0);
            let share = self.settings.quota * share_per_mille / 1_000;
            let before = state.others_from_ms.get(&window).map_or(0, |ms| share * ms / WINDOW_MS);
            share.min(self.settings.quota.saturating_sub(others)).max(before)
        };
        let ours = windows.clone().map(|window| state.ours.get(&window).copied().unwrap_or(0));
        (ours.sum(), windows.map(left).sum())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.state().ours.values().sum()
    }

    /// Requests, and those of them that were refused.
    pub(super) fn asked(&self) -> (u64, u64) {
        let state = self.state();
        (state.asked, state.refused)
    }

    /// The most queries at one time, and the most time of queries that any 30 s saw: as it passed, and at the ends.
    pub(super) fn worst_queries(&self) -> (usize, u64, u64) {
        let state = self.state();
        let worst = |seconds: &BTreeMap<u64, u64>| {
            let window_s = TIME_WINDOW_MS / 1_000;
            let sum = |from: &u64| seconds.range(*from..from + window_s).map(|(_, ms)| ms).sum();
            seconds.keys().map(sum).max().unwrap_or(0)
        };
        (state.running_max, worst(&state.passing), worst(&state.ended))
    }
}

impl Cloud {
    /// The time of queries in 30 s, on average.
    pub(super) fn mean_query_ms(&self) -> u64 {
        let sum: u64 = self.state().ended.values().sum();
        sum * TIME_WINDOW_MS / self.now_ms()
    }
}

impl State {
    fn used(&self, window: u64) -> u64 {
        let of = |bytes: &BTreeMap<u64, u64>| bytes.get(&window).copied().unwrap_or(0);
        of(&self.ours) + of(&self.others)
    }

    /// Time of queries in the last 30 s, whichever way of counting sees more.
    fn worst_time_ms(&self, now_ms: u64) -> u64 {
        let from = now_ms.saturating_sub(TIME_WINDOW_MS) / 1_000;
        let sum = |seconds: &BTreeMap<u64, u64>| seconds.range(from..).map(|(_, ms)| ms).sum();
        let (passing, ended): (u64, u64) = (sum(&self.passing), sum(&self.ended));
        passing.max(ended)
    }
}

impl Query {
    /// Bytes of the answer.
    pub(super) fn send(&self, bytes: u64) {
        let now_ms = self.cloud.now_ms();
        let window = self.cloud.window(now_ms);
        let mut state = self.cloud.state();
        *state.ours.entry(window).or_default() += bytes;
        state.flow.push((now_ms, bytes));
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        let now_ms = self.cloud.now_ms();
        let mut state = self.cloud.state();
        let begun_ms = state.running.remove(&self.number).unwrap();
        for second in begun_ms / 1_000..=now_ms / 1_000 {
            let (from, to) = (begun_ms.max(second * 1_000), now_ms.min(second * 1_000 + 1_000));
            *state.passing.entry(second).or_default() += to - from;
        }
        *state.ended.entry(now_ms / 1_000).or_default() += now_ms - begun_ms;
    }
}

/// Another reader, for as long as there is anything to read from.
async fn others(cloud: std::sync::Weak<Cloud>, other: Other) {
    let mut random = Jitter::new(Some(7));
    let take = |part: u64| {
        let Some(cloud) = cloud.upgrade() else { return };
        let now_ms = cloud.now_ms();
        let window = cloud.window(now_ms);
        let mut state = cloud.state();
        if state.used(window) < cloud.settings.quota {
            *state.others.entry(window).or_default() += cloud.settings.quota * part / 1_000_000;
            let into_ms = (now_ms + cloud.phase_ms) % WINDOW_MS;
            state.others_from_ms.entry(window).or_insert(into_ms);
        }
    };
    let into = || cloud.upgrade().map(|cloud| (cloud.now_ms() + cloud.phase_ms) % WINDOW_MS);
    while let Some(into_ms) = into() {
        let wait = |ms| tokio::time::sleep(Duration::from_millis(ms));
        let next_ms = WINDOW_MS - into_ms;
        match other {
            Other::Nobody => return,
            Other::Steady(per_mille) => {
                wait(3_000).await;
                take(per_mille * 10);
            }
            Other::AtOnce(per_mille) => {
                let at_ms = random.up_to(WINDOW_MS - 2_000);
                wait(next_ms + at_ms).await;
                take(per_mille * 1_000);
                wait(1_000).await;
            }
            Other::First(per_mille) => {
                wait(next_ms).await;
                take(per_mille * 1_000);
            }
        }
    }
}
