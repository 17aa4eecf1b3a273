//! The rounds of a schedule: which settings have their turn, and in which order.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::{Candidate, Round, Scheduler, Turn};
use crate::bench::extrapolate;
use crate::bench::record::scaled;
use crate::bench::setting::Setting;
use crate::model::random::Random;

/// Times that differ by no more than so many thousandths cannot be told apart by one run.
const EQUAL_PER_MILLE: u64 = 50;

impl Scheduler {
    /// Lays out the next round; false if there is none.
    pub(super) fn advance(&mut self) -> bool {
        let ran = std::mem::take(&mut self.ran);
        let last = match self.round {
            Round::WarmUp => 0,
            // Nothing of it could be afforded.
            Round::Repetition(_) if !ran => return false,
            Round::Repetition(last) => last,
        };
        if last > 0 && self.refine(last) {
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
        self.enqueue(&alive, next..=next);
        !self.queue.is_empty()
    }

    fn enqueue(&mut self, candidates: &[usize], repetitions: RangeInclusive<u32>) {
        let what = [4, u64::from(*repetitions.end()), self.field.len() as u64];
        let mut turns = Vec::new();
        for repetition in repetitions {
            for stratum in self.terms.strata.of_repetition(repetition) {
                let turn = |candidate: &usize| Turn {
                    candidate: *candidate,
                    repetition,
                    stratum,
                    warm_up: false,
                };
                turns.extend(candidates.iter().map(turn));
            }
        }
        Random::of(self.terms.seed, &what).shuffle(&mut turns);
        self.queue = turns;
    }

    /// Adds what lies beside the best, with as many repetitions as the others had; false if there is nothing new.
    fn refine(&mut self, repetitions: u32) -> bool {
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
        self.field.extend(fresh.map(Candidate::new));
        let added: Vec<usize> = (before..self.field.len()).collect();
        self.enqueue(&added, 1..=repetitions);
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
