//! Which trial comes next: every setting once in random order, then what lies beside the best, then again with the better
//! half, until the repetitions, the bytes or the time are used up.
//!
//! A trial is only begun if what it will cost at the most, by all that was seen so far, fits into what is left. Whoever
//! runs it cuts it off at [`PlannedTrial::bytes_max`]: what it may bring beyond that is kept back from the start.

mod rounds;
pub(crate) mod terms;

use std::collections::{BTreeMap, BTreeSet};

use self::terms::{Left, PlannedTrial, Terms};
use crate::bench::cost::Cost;
use crate::bench::extrapolate;
use crate::bench::recommend;
use crate::bench::record::{Trial, TrialEnding, scaled};
use crate::bench::sample::Stratum;
use crate::bench::setting::{TrialSetting, Way};
use crate::bench::verdict::{BenchVerdict, SettingRow};
use crate::limits::{
    BENCH_LAST_TRIALS, BENCH_REFINEMENTS, BENCH_RESERVE_BYTES, BENCH_SLICES_PER_READER,
    BENCH_TRIAL_BATCHES_MAX, BENCH_TRIAL_BATCHES_TARGET, BENCH_TRIAL_VALUES_TARGET,
    SLICE_VALUES_MAX,
};
use crate::model::interval::Interval;
use crate::model::random::Random;
use crate::model::time::{NS_PER_S, TimeRange};

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
    /// What holds too much for a trial, and where.
    too_long: BTreeMap<Way, Vec<(Interval, Stratum)>>,
    trials: u64,
    elapsed_ms_max: u64,
    short: Option<&'static str>,
    ran: bool,
}

#[derive(Debug)]
struct Candidate {
    setting: TrialSetting,
    alive: bool,
    trials: Vec<Trial>,
}

impl Candidate {
    fn new(setting: TrialSetting) -> Self {
        Self { setting, alive: true, trials: Vec::new() }
    }
}

#[derive(Debug, Clone, Copy)]
struct Turn {
    candidate: usize,
    repetition: u32,
    stratum: Stratum,
    warm_up: bool,
}

/// What a turn would read.
#[derive(Debug, Clone, Copy)]
struct Sized {
    range: TimeRange,
    values: u64,
    /// At the most.
    bytes: u64,
    /// Even one batch holds more than a trial may.
    is_too_long: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    WarmUp,
    Repetition(u32),
}

/// What may still arrive of a trial after it was cut off.
pub(crate) fn reserve_bytes(setting: TrialSetting) -> u64 {
    BENCH_RESERVE_BYTES * setting.concurrency.max(1) as u64
}

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
        let field = settings.into_iter().map(Candidate::new).collect();
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
    pub fn next(&mut self, left: Left) -> Option<PlannedTrial> {
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
        if let TrialEnding::Failed { error } = &trial.ending {
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
    pub fn verdict(
        &self,
        stopped: Option<&str>,
        bytes_spent: u64,
        elapsed_ms: u64,
    ) -> BenchVerdict {
        let rows: Vec<(SettingRow, &[Trial])> = self
            .field
            .iter()
            .filter_map(|own| {
                let row = extrapolate::row(own.setting, &own.trials, &self.terms.whole)?;
                Some((row, own.trials.as_slice()))
            })
            .collect();
        // What was seen in some stretches only is worth less than what was seen in all of them.
        let is_whole = |row: &&(SettingRow, &[Trial])| !self.is_too_long(row.0.setting);
        let whole = rows.iter().any(|row| is_whole(&row));
        let fit = rows.iter().filter(|row| !whole || is_whole(row));
        let pairs = fit.map(|(row, trials)| (row, *trials));
        let recommendation = recommend::best(pairs, &self.terms.whole);
        let settings: Vec<TrialSetting> = rows.iter().map(|(row, _)| row.setting).collect();
        let mut not_seen = self.too_long_for(&settings);
        not_seen.extend(self.not_seen.iter().cloned());
        let seen = |stratum: Stratum| {
            let mut trials = rows.iter().flat_map(|(_, trials)| trials.iter());
            trials.any(|trial| trial.counts() && trial.stratum == stratum)
        };
        let unseen = self.terms.strata.found.iter().filter(|(stratum, ..)| !seen(*stratum));
        not_seen.extend(unseen.map(|(stratum, ..)| format!("{} stretches", stratum.name())));
        let mut rows: Vec<SettingRow> = rows.iter().map(|(row, _)| row.clone()).collect();
        rows.sort_by_key(|row| row.setting.order());
        let own = self.short.unwrap_or("all repetitions done");
        BenchVerdict {
            rows,
            recommendation,
            not_seen,
            stopped: stopped.unwrap_or(own).to_owned(),
            trials: self.trials,
            bytes_spent,
            elapsed_ms,
        }
    }

    /// True if a batch of this setting held too much somewhere.
    fn is_too_long(&self, setting: TrialSetting) -> bool {
        let of_way = self.too_long.get(&setting.transport);
        of_way.is_some_and(|found| found.iter().any(|(interval, _)| *interval == setting.interval))
    }

    /// What was not tried because it holds too much: whole intervals, and stretches of those that were `seen` elsewhere.
    fn too_long_for(&self, seen: &[TrialSetting]) -> Vec<String> {
        let mut told = Vec::new();
        for (way, found) in &self.too_long {
            let of_way = || seen.iter().filter(|setting| setting.transport == *way);
            let longest = of_way().map(TrialSetting::interval_ns).max().unwrap_or(0);
            let beyond = found.iter().map(|(interval, _)| interval);
            let beyond = beyond.filter(|interval| interval.about_ns() > longest);
            if let Some(interval) = beyond.min_by_key(|interval| interval.about_ns()) {
                told.push(format!("{way}: intervals of {interval} and longer (budget)"));
            }
            let partly = found
                .iter()
                .filter(|(interval, _)| of_way().any(|setting| setting.interval == *interval));
            let partly: BTreeSet<String> = partly
                .map(|(interval, stratum)| {
                    format!("{way} {interval}: {} stretches (budget)", stratum.name())
                })
                .collect();
            told.extend(partly);
        }
        told
    }

    fn plan(&mut self, turn: Turn, left: Left) -> Option<PlannedTrial> {
        let Turn { candidate, repetition, stratum, warm_up } = turn;
        let setting = self.field[candidate].setting;
        let sized = self.sized(setting, turn)?;
        let bytes_max = left.bytes.saturating_sub(reserve_bytes(setting));
        if sized.bytes > bytes_max {
            self.short = Some("byte budget");
        }
        if sized.is_too_long {
            let of_way = self.too_long.entry(setting.transport).or_default();
            of_way.push((setting.interval, stratum));
            self.shorten(turn);
            return None;
        }
        if sized.bytes > bytes_max {
            return None;
        }
        Some(PlannedTrial {
            setting,
            repetition,
            warm_up,
            stratum,
            range: sized.range,
            values_predicted: sized.values,
            bytes_predicted: sized.bytes,
            bytes_max,
        })
    }

    /// Which part of the job a turn reads: as many batches as it takes to say something of their speed, fewer where they
    /// are too large. A warm-up says nothing of batches, so it may be a part of one.
    fn sized(&self, setting: TrialSetting, turn: Turn) -> Option<Sized> {
        let Turn { repetition, stratum, warm_up, .. } = turn;
        let cost = self.cost(setting.transport, stratum);
        let allowed = self.batch_bytes_max(setting);
        let mut batches = self.batches(setting, turn, cost)?;
        let mut length_ns = setting.interval_ns().saturating_mul(batches);
        loop {
            let strata = &self.terms.strata;
            let range = strata.range(stratum, repetition, self.terms.seed, length_ns)?;
            let values = strata.expected(range);
            let bytes = cost.bytes(values, batches.unsigned_abs() + 1);
            if bytes > allowed && batches > 1 {
                // Denser than its cell lets expect.
                batches /= 2;
                length_ns = setting.interval_ns().saturating_mul(batches);
            } else if bytes > allowed && warm_up && length_ns > NS_PER_S {
                length_ns /= 2;
            } else {
                return Some(Sized { range, values, bytes, is_too_long: bytes > allowed });
            }
        }
    }

    /// What a trial of one batch may hold. More of the budget for the shortest batches of the likeliest way: without them
    /// nothing would be known.
    fn batch_bytes_max(&self, setting: TrialSetting) -> u64 {
        let axes = &self.terms.axes;
        let is_likeliest = axes.transports.values.first() == Some(&setting.transport);
        if is_likeliest && axes.shorter(setting.interval).is_none() {
            self.batch_bytes_max.max(self.terms.budget.bytes / BENCH_LAST_TRIALS)
        } else {
            self.batch_bytes_max
        }
    }

    /// What is known of a way in a stratum; else of the way in denser ones, else a first guess.
    fn cost(&self, way: Way, stratum: Stratum) -> Cost {
        let mut denser = Stratum::ALL.into_iter().rev().filter(|other| *other <= stratum);
        let known = denser.find_map(|other| self.costs.get(&(way, other)));
        known.copied().unwrap_or_else(|| Cost::guessed(way.0.unwrap_or(self.terms.usual)))
    }

    /// Tries the next shorter interval in the place of one whose batches are too large for a trial.
    fn shorten(&mut self, turn: Turn) {
        let long = turn.candidate;
        self.field[long].alive = false;
        let setting = self.field[long].setting;
        let Some(interval) = self.terms.axes.shorter(setting.interval) else { return };
        let setting = TrialSetting { interval, ..setting };
        if let Some(known) = self.field.iter().position(|own| own.setting == setting) {
            // It has its own turns, unless this one is for the warm-up.
            if turn.warm_up {
                self.queue.push(Turn { candidate: known, ..turn });
            }
            return;
        }
        let candidate = self.field.len();
        self.field.push(Candidate::new(setting));
        self.queue.push(turn);
        for waiting in self.queue.iter_mut().filter(|waiting| waiting.candidate == long) {
            waiting.candidate = candidate;
        }
    }

    /// One batch, or as many as it takes to say something of their speed.
    fn batches(&self, setting: TrialSetting, turn: Turn, cost: Cost) -> Option<i64> {
        let cell = self.terms.strata.cell(turn.stratum, turn.repetition, self.terms.seed)?;
        let interval_ns = setting.interval_ns();
        let cell_ns = i64::try_from(cell.range.duration_ns()).unwrap_or(i64::MAX);
        let by_bytes = cost.values(self.trial_bytes_max / 2);
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
}
