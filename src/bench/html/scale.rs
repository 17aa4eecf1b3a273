//! From numbers to places on an axis, and the round numbers that are written beside it.

/// Which numbers are round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// Powers of ten, twice and five times of them.
    Decimal,
    /// Milliseconds: seconds, minutes, hours, days as people count them.
    Time,
}

/// An axis. It begins at zero where the numbers are of one size, else it has equal steps for equal ratios.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    is_log: bool,
    from: f64,
    to: f64,
    /// The numbers to be written, rising; each lies on the axis.
    pub(super) ticks: Vec<u64>,
}

/// From this ratio of the most to the least on, small numbers could not be told apart on a plain axis.
const LOG_FROM: u64 = 20;

/// Room beyond the outermost numbers of an axis of ratios.
const LOG_MARGIN: f64 = 1.25;

const TICKS_MAX: usize = 6;

impl Scale {
    /// An axis that holds all of the numbers, from one place to another.
    pub(super) fn new(numbers: &[u64], round: Round, (from, to): (f64, f64)) -> Self {
        let least = numbers.iter().copied().min().unwrap_or(0);
        let most = numbers.iter().copied().max().unwrap_or(0);
        if least > 0 && most / least >= LOG_FROM {
            let (low, high) = (float(least) / LOG_MARGIN, float(most) * LOG_MARGIN);
            let ticks = log_ticks(round, low, high);
            return Self { low, high, is_log: true, from, to, ticks };
        }
        let parts_max = TICKS_MAX as u64 - 1;
        let steps = steps(round);
        let step = steps.iter().copied().find(|step| most.div_ceil(*step) <= parts_max);
        let step = step.unwrap_or(u64::MAX);
        let last = step.saturating_mul(most.div_ceil(step).max(1));
        let tick = |n: u64| step.checked_mul(n).filter(|tick| *tick <= last);
        let ticks = (0..=parts_max).map_while(tick).collect();
        Self { low: 0.0, high: float(last), is_log: false, from, to, ticks }
    }

    /// True if equal steps stand for equal ratios.
    pub(super) const fn is_log(&self) -> bool {
        self.is_log
    }

    /// Where a number lies; what is beyond an end lies at that end.
    pub(super) fn at(&self, n: u64) -> f64 {
        let share = if self.is_log {
            (float(n.max(1)).ln() - self.low.ln()) / (self.high.ln() - self.low.ln())
        } else {
            float(n) / self.high
        };
        self.from + (self.to - self.from) * share.clamp(0.0, 1.0)
    }
}

fn log_ticks(round: Round, low: f64, high: f64) -> Vec<u64> {
    let fits = |n: &u64| (low..=high).contains(&float(*n));
    let mut ticks: Vec<u64> = decades(round).into_iter().filter(fits).collect();
    if ticks.len() < 3 {
        ticks = steps(round).into_iter().filter(fits).collect();
    }
    let every = ticks.len().div_ceil(TICKS_MAX).max(1);
    ticks.into_iter().step_by(every).collect()
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Round numbers, rising, to the end of 64 bits.
fn steps(round: Round) -> Vec<u64> {
    let clock: &[u64] = match round {
        Round::Decimal => return powers(1, &[1, 2, 5]),
        Round::Time => &[
            SECOND,
            2 * SECOND,
            5 * SECOND,
            10 * SECOND,
            20 * SECOND,
            30 * SECOND,
            MINUTE,
            2 * MINUTE,
            5 * MINUTE,
            10 * MINUTE,
            20 * MINUTE,
            30 * MINUTE,
            HOUR,
            2 * HOUR,
            3 * HOUR,
            6 * HOUR,
            12 * HOUR,
        ],
    };
    let below = powers(1, &[1, 2, 5]).into_iter().take_while(|n| *n < SECOND);
    below.chain(clock.iter().copied()).chain(powers(DAY, &[1, 2, 5])).collect()
}

/// The roundest of them, about ten times apart.
fn decades(round: Round) -> Vec<u64> {
    match round {
        Round::Decimal => powers(1, &[1]),
        Round::Time => [1, 10, 100, SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR, 6 * HOUR]
            .into_iter()
            .chain(powers(DAY, &[1]))
            .collect(),
    }
}

/// `unit * 10^k * m` of each `k` and `m`.
fn powers(unit: u64, of: &[u64]) -> Vec<u64> {
    let decade = |k: u32| 10u64.checked_pow(k).and_then(|power| unit.checked_mul(power));
    let decades = (0..).map_while(decade);
    decades.flat_map(|decade| of.iter().filter_map(move |m| decade.checked_mul(*m))).collect()
}

/// For places on the page, which are a few hundred wide.
#[expect(clippy::cast_precision_loss, reason = "a place on a page")]
pub(super) fn float(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_any_size() -> impl Strategy<Value = u64> {
        (any::<u64>(), 0u32..64).prop_map(|(n, shift)| n >> shift)
    }

    proptest! {
        #[test]
        fn numbers_lie_on_the_axis_and_in_order(
            mut numbers in prop::collection::vec(of_any_size(), 0..9),
            is_time in any::<bool>(),
            ends in (-500.0..500.0, -500.0..500.0),
        ) {
            let round = if is_time { Round::Time } else { Round::Decimal };
            let scale = Scale::new(&numbers, round, ends);
            let inside = |n: u64| {
                let place = scale.at(n);
                (ends.0.min(ends.1) - 1e-6..=ends.0.max(ends.1) + 1e-6).contains(&place)
            };
            prop_assert!(numbers.iter().copied().all(inside) && inside(0) && inside(u64::MAX));
            numbers.sort_unstable();
            let way = (ends.1 - ends.0).signum();
            for pair in numbers.windows(2) {
                prop_assert!((scale.at(pair[1]) - scale.at(pair[0])) * way >= -1e-6);
            }
            prop_assert!((2..=TICKS_MAX).contains(&scale.ticks.len()), "{scale:?}");
            prop_assert!(scale.ticks.windows(2).all(|pair| pair[0] < pair[1]), "{scale:?}");
            // No tick hides behind an end, so each one stands at its own place.
            for pair in scale.ticks.windows(2) {
                prop_assert!((scale.at(pair[1]) - scale.at(pair[0])).abs() > (ends.1 - ends.0).abs() / 200.0);
            }
        }
    }

    #[test]
    fn ticks_are_round() {
        let ticks = |numbers: &[u64], round| Scale::new(numbers, round, (0.0, 1.0)).ticks;
        assert_eq!(ticks(&[3, 47], Round::Decimal), [0, 10, 20, 30, 40, 50]);
        assert_eq!(
            ticks(&[2_000, 120_000], Round::Decimal),
            [2_000, 5_000, 10_000, 20_000, 50_000, 100_000]
        );
        assert_eq!(
            ticks(&[1, 90_000_000], Round::Decimal),
            [1, 100, 10_000, 1_000_000, 100_000_000]
        );
        assert_eq!(
            ticks(&[5 * HOUR], Round::Time),
            [0, HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 5 * HOUR]
        );
        assert_eq!(ticks(&[HOUR, 30 * DAY], Round::Time), [HOUR, 6 * HOUR, DAY, 10 * DAY]);
        assert_eq!(ticks(&[], Round::Decimal), [0, 1]);
        assert_eq!(ticks(&[0], Round::Time), [0, 1]);
    }
}
