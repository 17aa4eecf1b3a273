//! Which trial comes next: every setting once in random order, then what lies beside the best, then again with the better
//! half, until the repetitions, the bytes or the time are used up.
//!
//! A trial is only begun if what it will cost at the most, by all that was seen so far, fits into what is left. Whoever
//! runs it cuts it off at [`Planned::bytes_max`]: what it may bring beyond that is kept back from the start.

use std::collections::{BTreeMap, BTreeSet};

use super::extrapolate::{self, Whole};
use super::random::Random;
use super::recommend;
use super::record::{Ending, Row, Trial, Verdict, scaled};
use super::sample::{Strata, Stratum};
use super::setting::{Axes, Setting, Way};
use crate::limits::{
    BENCH_COUNT_BYTES, BENCH_REFINEMENTS, BENCH_RESERVE_BYTES, BENCH_SLICES_PER_READER,
    BENCH_TRIAL_BATCHES_MAX, BENCH_TRIAL_BATCHES_TARGET, BENCH_TRIAL_VALUES_TARGET,
    SLICE_VALUES_MAX,
};
use crate::model::interval::Interval;
use crate::model::time::TimeRange;
use crate::model::transport::Transport;
use crate::pipeline::context::LearnedCost;

/// A trial to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// What is tried.
    pub setting: Setting,
    /// Which repetition, from 1.
    pub repetition: u32,
    /// True if it only warms up.
    pub warm_up: bool,
    /// From which kind of stretch.
    pub stratum: Stratum,
    /// What is read.
    pub range: TimeRange,
    /// Values expected in it.
    pub values_predicted: u64,
    /// Bytes expected at the most.
    pub bytes_predicted: u64,
    /// Bytes after which it is cut off.
    pub bytes_max: u64,
}

/// What may still be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Source bytes.
    pub bytes: u64,
    /// Time; none without a bound.
    pub ms: Option<u64>,
}

/// Everything that a schedule follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What may be tried.
    pub axes: Axes,
    /// Where is read.
    pub strata: Strata,
    /// What is migrated.
    pub whole: Whole,
    /// The transport that stands behind `auto`, for a first guess of its costs.
    pub usual: Transport,
    /// Runs of each setting that stays to the end.
    pub repetitions: u32,
    /// Of order and samples.
    pub seed: u64,
    /// What may be spent on trials.
    pub budget: Left,
    /// Bytes that one trial should hold at the most, so that the pacing does not hold it up; none without a quota.
    pub trial_bytes_max: Option<u64>,
}

/// Chooses trial after trial.
#[derive(Debug)]
pub struct Scheduler {
    terms: Terms,
    /// What a trial of several batches holds at the most.
    trial_bytes_max: u64,
    /// What a trial of one batch holds at the most.
    batch_bytes_max: u64,
    field: Vec<Candidate>,
    /// What is still to be run in this round, the next one last.
    queue: Vec<Turn>,
    round: Round,
    refinements_left: u32,
    costs: BTreeMap<(Way, Stratum), Cost>,
    not_seen: BTreeSet<String>,
    /// The shortest interval of each way whose batches are too large for a trial.
    too_long: BTreeMap<Way, Interval>,
    trials: u64,
    elapsed_ms_max: u64,
    short: Option<&'static str>,
    ran: bool,
}

#[derive(Debug)]
struct Candidate {
    setting: Setting,
    alive: bool,
    trials: Vec<Trial>,
}

#[derive(Debug, Clone, Copy)]
struct Turn {
    candidate: usize,
    repetition: u32,
    stratum: Stratum,
    warm_up: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    WarmUp,
    Repetition(u32),
}

/// What a way to read costs, as far as seen.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// Thousandths of a byte for each value by which lengths are chosen: the first that were seen, so that all settings are
    /// measured alike.
    milli: u64,
    /// The most that were seen.
    milli_max: u64,
    /// Look-ups before the first batch, at the most.
    begun_bytes_max: u64,
    /// How far values went beyond what the density let expect, at the most, in thousandths; 1,000 at the least.
    excess_per_mille: u64,
    seen: bool,
}

/// What may still arrive of a trial after it was cut off.
pub fn reserve_bytes(setting: Setting) -> u64 {
    BENCH_RESERVE_BYTES * setting.concurrency.max(1) as u64
}

/// Times that differ by no more than so many thousandths cannot be told apart by one run.
const EQUAL_PER_MILLE: u64 = 50;

impl Scheduler {
    /// Before the first trial.
    pub fn new(terms: Terms) -> Self {
        let settings = terms.axes.first();
        let ways: BTreeSet<Way> = settings.iter().map(|setting| setting.transport).collect();
        let turns = (settings.len() + ways.len()) as u64 * 3;
        let share = terms.budget.bytes / turns.max(1);
        let trial_bytes_max = share.min(terms.trial_bytes_max.unwrap_or(u64::MAX)).max(1);
        let batch_bytes_max = share.saturating_mul(2);
        let first = |way: &Way| settings.iter().position(|setting| setting.transport == *way);
        let stratum = Stratum::Dense;
        let warm_up = |candidate| Turn { candidate, repetition: 1, stratum, warm_up: true };
        let mut queue: Vec<Turn> = ways.iter().filter_map(first).map(warm_up).collect();
        Random::of(terms.seed, &[3]).shuffle(&mut queue);
        let candidate = |setting| Candidate { setting, alive: true, trials: Vec::new() };
        let field = settings.into_iter().map(candidate).collect();
        Self {
            terms,
            trial_bytes_max,
            batch_bytes_max,
            field,
            queue,
            round: Round::WarmUp,
            refinements_left: BENCH_REFINEMENTS,
            costs: BTreeMap::new(),
            not_seen: BTreeSet::new(),
            too_long: BTreeMap::new(),
            trials: 0,
            elapsed_ms_max: 0,
            short: None,
            ran: false,
        }
    }

    /// The next trial; none if there is nothing more to learn or nothing left to spend.
    pub fn next(&mut self, left: Left) -> Option<Planned> {
        loop {
            while let Some(turn) = self.queue.pop() {
                if !self.field[turn.candidate].alive {
                    continue;
                }
                if left.ms.is_some_and(|ms| ms <= self.elapsed_ms_max) {
                    self.short = Some("time budget");
                    continue;
                }
                if let Some(planned) = self.plan(turn, left) {
                    self.ran = true;
                    return Some(planned);
                }
            }
            if !self.advance() {
                return None;
            }
        }
    }

    /// Takes the trial that was planned last.
    pub fn take(&mut self, trial: Trial) {
        self.trials += 1;
        self.elapsed_ms_max = self.elapsed_ms_max.max(trial.elapsed_us / 1_000);
        let way = trial.setting.transport;
        let mut cost = self.cost(way, trial.stratum);
        cost.learn(&trial);
        self.costs.insert((way, trial.stratum), cost);
        if let Ending::Failed { error } = &trial.ending {
            self.not_seen.insert(format!("{}: {error}", trial.setting));
            // What fails already when it warms up fails everywhere.
            for other in self.field.iter_mut().filter(|other| {
                other.setting == trial.setting || (trial.warm_up && other.setting.transport == way)
            }) {
                other.alive = false;
            }
        }
        if let Some(own) = self.field.iter_mut().find(|own| own.setting == trial.setting) {
            own.trials.push(trial);
        }
    }

    /// What the trials so far say.
    pub fn verdict(&self, stopped: Option<&str>, bytes_spent: u64, elapsed_ms: u64) -> Verdict {
        let rows: Vec<(Row, &[Trial])> = self
            .field
            .iter()
            .filter_map(|own| {
                let row = extrapolate::row(own.setting, &own.trials, &self.terms.whole)?;
                Some((row, own.trials.as_slice()))
            })
            .collect();
        let pairs = rows.iter().map(|(row, trials)| (row, *trials));
        let recommendation = recommend::best(pairs, &self.terms.whole);
        let too_long = self.too_long.iter();
        let mut not_seen: Vec<String> = too_long
            .map(|(way, interval)| format!("{way}: intervals of {interval} and longer (budget)"))
            .collect();
        not_seen.extend(self.not_seen.iter().cloned());
        let seen = |stratum: Stratum| {
            let mut trials = rows.iter().flat_map(|(_, trials)| trials.iter());
            trials.any(|trial| trial.counts() && trial.stratum == stratum)
        };
        let unseen = self.terms.strata.found.iter().filter(|(stratum, ..)| !seen(*stratum));
        not_seen.extend(unseen.map(|(stratum, ..)| format!("{} stretches", stratum.name())));
        let mut rows: Vec<Row> = rows.iter().map(|(row, _)| row.clone()).collect();
        rows.sort_by_key(|row| {
            let Setting { interval, transport, concurrency, body_bytes } = row.setting;
            (transport, interval.about_ns(), concurrency, body_bytes)
        });
        let own = self.short.unwrap_or("all repetitions done");
        Verdict {
            rows,
            recommendation,
            not_seen,
            stopped: stopped.unwrap_or(own).to_owned(),
            trials: self.trials,
            bytes_spent,
            elapsed_ms,
        }
    }

    fn plan(&mut self, turn: Turn, left: Left) -> Option<Planned> {
        let Turn { candidate, repetition, stratum, warm_up } = turn;
        let setting = self.field[candidate].setting;
        let (strata, seed) = (&self.terms.strata, self.terms.seed);
        let cost = self.cost(setting.transport, stratum);
        let allowed = self.batch_bytes_max;
        let mut batches = self.batches(setting, turn, cost)?;
        let (range, values_predicted, bytes_predicted) = loop {
            let length_ns = setting.interval_ns().saturating_mul(batches);
            let range = strata.range(stratum, repetition, seed, length_ns)?;
            let values = strata.expected(range);
            let bytes = cost.bytes(values, batches.unsigned_abs() + 1);
            if bytes <= allowed || batches == 1 {
                break (range, values, bytes);
            }
            // Denser than its cell lets expect.
            batches /= 2;
        };
        let is_one_batch = batches == 1;
        let bytes_max = left.bytes.saturating_sub(reserve_bytes(setting));
        if bytes_predicted > bytes_max {
            self.short = Some("byte budget");
        }
        if is_one_batch && bytes_predicted > allowed {
            let Setting { interval, transport, .. } = setting;
            let shortest = self.too_long.entry(transport).or_insert(interval);
            if interval.about_ns() < shortest.about_ns() {
                *shortest = interval;
            }
            self.shorten(turn);
            return None;
        }
        if bytes_predicted > bytes_max {
            return None;
        }
        Some(Planned {
            setting,
            repetition,
            warm_up,
            stratum,
            range,
            values_predicted,
            bytes_predicted,
            bytes_max,
        })
    }

    /// What is known of a way in a stratum; else of the way in denser ones, else a first guess.
    fn cost(&self, way: Way, stratum: Stratum) -> Cost {
        let mut denser = Stratum::ALL.into_iter().rev().filter(|other| *other <= stratum);
        let known = denser.find_map(|other| self.costs.get(&(way, other)));
        known.copied().unwrap_or_else(|| {
            let milli = LearnedCost::of(way.0.unwrap_or(self.terms.usual)).bytes(1_000);
            Cost {
                milli,
                milli_max: milli,
                begun_bytes_max: 0,
                excess_per_mille: 1_000,
                seen: false,
            }
        })
    }

    /// Tries the next shorter interval in the place of one whose batches are too large for a trial.
    fn shorten(&mut self, turn: Turn) {
        self.field[turn.candidate].alive = false;
        let setting = self.field[turn.candidate].setting;
        if let Some(interval) = self.terms.axes.shorter(setting.interval) {
            let setting = Setting { interval, ..setting };
            let known = self.field.iter().position(|own| own.setting == setting);
            if known.is_none() {
                self.field.push(Candidate { setting, alive: true, trials: Vec::new() });
            }
            // One that is known has its own turn, unless it is for the warm-up.
            if known.is_none() || turn.warm_up {
                let candidate = known.unwrap_or(self.field.len() - 1);
                self.queue.push(Turn { candidate, ..turn });
            }
        }
    }

    /// One batch, or as many as it takes to say something of their speed.
    fn batches(&self, setting: Setting, turn: Turn, cost: Cost) -> Option<i64> {
        let cell = self.terms.strata.cell(turn.stratum, turn.repetition, self.terms.seed)?;
        let interval_ns = setting.interval_ns();
        let cell_ns = i64::try_from(cell.range.duration_ns()).unwrap_or(i64::MAX);
        let by_bytes = scaled(self.trial_bytes_max / 2, 1_000, cost.milli.max(1));
        let values = by_bytes.min(BENCH_TRIAL_VALUES_TARGET);
        let floor_ns = scaled(u64::try_from(cell_ns).unwrap_or(0), values, cell.values);
        // Several batches are open at one time in a migration, so a trial of one would be slower than it.
        let most_ns = cell_ns.max(interval_ns.saturating_mul(BENCH_TRIAL_BATCHES_TARGET));
        let floor_ns = i64::try_from(floor_ns).unwrap_or(i64::MAX).min(most_ns);
        let of_batch =
            scaled(cell.values, interval_ns.unsigned_abs(), cell_ns.unsigned_abs()).max(1);
        let slices = of_batch.div_ceil(SLICE_VALUES_MAX);
        let readers = setting.concurrency.max(1) as u64;
        let busy = (readers * BENCH_SLICES_PER_READER).div_ceil(slices);
        let busy = i64::try_from(busy).unwrap_or(1);
        Some((floor_ns / interval_ns).max(busy).clamp(1, BENCH_TRIAL_BATCHES_MAX))
    }

    /// Lays out the next round; false if there is none.
    fn advance(&mut self) -> bool {
        let ran = std::mem::take(&mut self.ran);
        let last = match self.round {
            Round::WarmUp => 0,
            // Nothing of it could be afforded.
            Round::Repetition(_) if !ran => return false,
            Round::Repetition(last) => last,
        };
        if last == 1 && self.refine() {
            return true;
        }
        if last >= self.terms.repetitions {
            return false;
        }
        if last > 0 {
            self.halve();
        }
        let next = last + 1;
        self.round = Round::Repetition(next);
        let alive: Vec<usize> = (0..self.field.len()).filter(|at| self.field[*at].alive).collect();
        self.enqueue(&alive, next);
        !self.queue.is_empty()
    }

    fn enqueue(&mut self, candidates: &[usize], repetition: u32) {
        let strata = self.terms.strata.of_repetition(repetition);
        let turn = |candidate: usize, stratum: Stratum| Turn {
            candidate,
            repetition,
            stratum,
            warm_up: false,
        };
        let of = |candidate: &usize| {
            let candidate = *candidate;
            strata.iter().map(move |stratum| turn(candidate, *stratum))
        };
        let mut turns: Vec<Turn> = candidates.iter().flat_map(of).collect();
        let what = [4, u64::from(repetition), self.field.len() as u64];
        Random::of(self.terms.seed, &what).shuffle(&mut turns);
        self.queue = turns;
    }

    /// Adds what lies beside the best; false if there is nothing new.
    fn refine(&mut self) -> bool {
        if self.refinements_left == 0 {
            return false;
        }
        self.refinements_left -= 1;
        let Some((_, best)) = self.ranked().first().copied() else { return false };
        let known: Vec<Setting> = self.field.iter().map(|own| own.setting).collect();
        let job_ns = self.terms.strata.range.duration_ns();
        let beside = self.terms.axes.beside(self.field[best].setting);
        let fresh = beside.into_iter().filter(|setting| {
            !known.contains(setting) && i128::from(setting.interval_ns()) <= job_ns
        });
        let before = self.field.len();
        let candidate = |setting| Candidate { setting, alive: true, trials: Vec::new() };
        self.field.extend(fresh.map(candidate));
        let added: Vec<usize> = (before..self.field.len()).collect();
        self.enqueue(&added, 1);
        !added.is_empty()
    }

    /// Goes on with the better half of what is left, two at the least, and with what cannot be told from the best.
    fn halve(&mut self) {
        let ranked = self.ranked();
        let half = ranked.len().div_ceil(2).max(2);
        let best = ranked.first().map_or(0, |(time, _)| *time);
        let equal = best.saturating_add(scaled(best, EQUAL_PER_MILLE, 1_000));
        let stays = |(rank, (time, _)): &(usize, &(u64, usize))| *rank < half || *time <= equal;
        let kept: BTreeSet<usize> =
            ranked.iter().enumerate().filter(stays).map(|(_, (_, at))| *at).collect();
        for (at, own) in self.field.iter_mut().enumerate() {
            own.alive &= kept.contains(&at);
        }
    }

    /// What is alive and measured with its time, the best first.
    fn ranked(&self) -> Vec<(u64, usize)> {
        let time = |at: usize| {
            let own = &self.field[at];
            let row = extrapolate::row(own.setting, &own.trials, &self.terms.whole)?;
            own.alive.then_some((row.whole_ms.likely, row.engine_ms.likely))
        };
        let mut ranked: Vec<_> =
            (0..self.field.len()).filter_map(|at| Some((time(at)?, at))).collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|((whole_ms, _), at)| (whole_ms, at)).collect()
    }
}

impl Cost {
    /// Bytes of so many values in so many batches, at the most.
    fn bytes(&self, values: u64, batches: u64) -> u64 {
        let values = scaled(values, self.excess_per_mille, 1_000);
        let counts = batches.saturating_mul(BENCH_COUNT_BYTES);
        scaled(values, self.milli_max, 1_000)
            .saturating_add(counts)
            .saturating_add(self.begun_bytes_max)
    }

    fn learn(&mut self, trial: &Trial) {
        self.begun_bytes_max = self.begun_bytes_max.max(trial.bytes_begun);
        if trial.values == 0 {
            return;
        }
        let milli = trial.milli_bytes_per_value().max(1);
        if self.seen {
            self.milli_max = self.milli_max.max(milli);
        } else {
            (self.milli, self.milli_max, self.seen) = (milli, milli, true);
        }
        if trial.ending == Ending::Complete {
            let excess = scaled(trial.values, 1_000, trial.values_predicted.max(1));
            self.excess_per_mille = self.excess_per_mille.max(excess);
        }
    }
}
