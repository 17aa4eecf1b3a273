//! Where the trials read: stretches that are dense, of middle density and sparse, so that what they say can be carried
//! over to all of the job.

use serde::{Deserialize, Serialize};

use crate::model::density::Cell;
use crate::model::random::Random;
use crate::model::time::{TimeRange, Timestamp};

/// A kind of stretch. The densest cells that hold half of the values are dense, those that hold the least tenth are sparse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stratum {
    /// Half of the values lie this dense or denser.
    Dense,
    /// The next four tenths.
    Middle,
    /// The last tenth.
    Sparse,
}

impl Stratum {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Dense, Self::Middle, Self::Sparse];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Middle => "middle",
            Self::Sparse => "sparse",
        }
    }
}

/// The job's time in strata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strata {
    /// The whole job.
    pub range: TimeRange,
    /// Its cells, in the order of time.
    pub cells: Vec<Cell>,
    /// The strata that hold anything, from the densest, each with its values and its cells.
    pub found: Vec<(Stratum, u64, Vec<Cell>)>,
}

impl Strata {
    /// Of equally long cells.
    pub fn new(range: TimeRange, cells: &[Cell]) -> Self {
        let mut held: Vec<Cell> = cells.iter().copied().filter(|cell| cell.values > 0).collect();
        held.sort_by_key(|cell| (std::cmp::Reverse(cell.values), cell.range.start));
        let total: u128 = held.iter().map(|cell| u128::from(cell.values)).sum();
        let mut found: Vec<(Stratum, u64, Vec<Cell>)> = Vec::new();
        let mut before: u128 = 0;
        for cell in held {
            let stratum = match before * 10 {
                tenths if tenths < total * 5 => Stratum::Dense,
                tenths if tenths < total * 9 => Stratum::Middle,
                _ => Stratum::Sparse,
            };
            before += u128::from(cell.values);
            match found.last_mut() {
                Some((last, values, cells)) if *last == stratum => {
                    *values = values.saturating_add(cell.values);
                    cells.push(cell);
                }
                _ => found.push((stratum, cell.values, vec![cell])),
            }
        }
        Self { range, cells: cells.to_vec(), found }
    }

    /// Values of the whole job.
    pub fn values(&self) -> u64 {
        self.found.iter().fold(0, |sum, (_, values, _)| sum.saturating_add(*values))
    }

    /// Which strata a repetition reads, from 1. Sparse stretches cost few bytes and much time, so each repetition has one;
    /// the others have the dense and the middle ones in turn.
    pub fn of_repetition(&self, repetition: u32) -> Vec<Stratum> {
        let has = |stratum: Stratum| self.found.iter().any(|(found, ..)| *found == stratum);
        let full = if repetition.is_multiple_of(2) && has(Stratum::Middle) {
            Stratum::Middle
        } else {
            Stratum::Dense
        };
        [full, Stratum::Sparse].into_iter().filter(|stratum| has(*stratum)).collect()
    }

    /// The cell of a stratum from which a repetition reads: another one each time, the same one for every setting.
    pub fn cell(&self, stratum: Stratum, repetition: u32, seed: u64) -> Option<Cell> {
        let (.., cells) = self.found.iter().find(|(found, ..)| *found == stratum)?;
        let mut shuffled = cells.clone();
        Random::of(seed, &[1, stratum as u64]).shuffle(&mut shuffled);
        shuffled.get(repetition as usize % shuffled.len().max(1)).copied()
    }

    /// A range of this length in that cell, or around it: at a multiple of the length, as far as the cell or the job allows.
    pub fn range(
        &self,
        stratum: Stratum,
        repetition: u32,
        seed: u64,
        length_ns: i64,
    ) -> Option<TimeRange> {
        let cell = self.cell(stratum, repetition, seed)?;
        let length_ns = length_ns.max(1);
        let cell_ns = u64::try_from(cell.range.duration_ns()).unwrap_or(u64::MAX).max(1);
        let what = [2, stratum as u64, u64::from(repetition)];
        let offset = Random::of(seed, &what).below(cell_ns);
        let at = cell.range.start.saturating_add_ns(i64::try_from(offset).unwrap_or(0));
        let aligned = at.ns().div_euclid(length_ns).saturating_mul(length_ns);
        // Inside the cell if it fits there: what lies beside it may be of another density.
        let fits = i128::from(length_ns) <= cell.range.duration_ns();
        let within = if fits { cell.range } else { self.range };
        let last = within.stop.saturating_add_ns(-length_ns).ns();
        let start = aligned.min(last).max(within.start.ns());
        let start = Timestamp::from_ns(start);
        let stop = start.saturating_add_ns(length_ns).min(self.range.stop);
        Some(TimeRange::new(start, stop))
    }

    /// Values that the density lets expect in a range.
    pub fn expected(&self, range: TimeRange) -> u64 {
        let inside = self.cells.iter().filter(|cell| cell.values > 0 && !cell.range.is_empty());
        inside
            .map(|cell| match cell.range.intersect(range) {
                part if part.is_empty() => 0,
                part => cell.range.share(cell.values, part),
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::NS_PER_S;

    const HOUR_NS: i64 = 3_600 * NS_PER_S;

    fn strata(values: &[u64]) -> Strata {
        let hour = |n: usize| Timestamp::from_ns(i64::try_from(n).unwrap() * HOUR_NS);
        let cell = |(n, values): (usize, &u64)| Cell {
            range: TimeRange::new(hour(n), hour(n + 1)),
            values: *values,
        };
        let cells: Vec<_> = values.iter().enumerate().map(cell).collect();
        Strata::new(TimeRange::new(hour(0), hour(values.len())), &cells)
    }

    #[test]
    fn strata_follow_the_values_not_the_cells() {
        use Stratum::{Dense, Middle, Sparse};
        let sizes = |values: &[u64]| {
            let found = strata(values).found;
            found
                .into_iter()
                .map(|(stratum, values, cells)| (stratum, values, cells.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!(sizes(&[]), []);
        assert_eq!(sizes(&[0, 7, 0]), [(Dense, 7, 1)]);
        assert_eq!(sizes(&[10; 10]), [(Dense, 50, 5), (Middle, 40, 4), (Sparse, 10, 1)]);
        // One burst holds nearly all.
        assert_eq!(sizes(&[1, 1, 1_000, 0, 1]), [(Dense, 1_000, 1), (Sparse, 3, 3)]);
        assert_eq!(strata(&[1, 0, 5]).values(), 6);
        // As a line says that somebody has written.
        assert_eq!(sizes(&[u64::MAX; 3]), [(Dense, u64::MAX, 2), (Middle, u64::MAX, 1)]);
        assert_eq!(strata(&[u64::MAX; 3]).values(), u64::MAX);
    }

    #[test]
    fn ranges_are_inside_replay_and_hold_something() {
        let strata = strata(&[500, 0, 0, 10_000, 9_000, 300, 200, 100, 6_000, 100]);
        for seed in 0..50 {
            for repetition in 1..8 {
                for stratum in strata.of_repetition(repetition) {
                    for length_ns in [HOUR_NS / 60, HOUR_NS / 4, HOUR_NS, 3 * HOUR_NS, 99 * HOUR_NS]
                    {
                        let draw = || strata.range(stratum, repetition, seed, length_ns);
                        let range = draw().unwrap();
                        assert_eq!(draw(), Some(range));
                        assert!(range.intersect(strata.range) == range && !range.is_empty());
                        assert!(strata.expected(range) > 0, "{seed} {stratum:?} {range}");
                    }
                }
            }
        }
        assert_eq!(strata.expected(strata.range), strata.values());
        assert_eq!(self::strata(&[0]).range(Stratum::Dense, 1, 1, 5), None);
    }

    #[test]
    fn repetitions_go_through_the_strata_and_their_cells() {
        let all = strata(&[50, 49, 48, 47, 20, 20, 3, 3]);
        let turn = |strata: &Strata, n| {
            let names: Vec<_> = strata.of_repetition(n).iter().map(|found| found.name()).collect();
            names.join(" ")
        };
        let turns: Vec<_> = (1..=3).map(|n| turn(&all, n)).collect();
        assert_eq!(turns, ["dense sparse", "middle sparse", "dense sparse"]);
        assert_eq!(turn(&strata(&[0, 7]), 2), "dense");
        assert_ne!(all.cell(Stratum::Dense, 1, 9), all.cell(Stratum::Dense, 2, 9));
        let picked = |seed| all.cell(Stratum::Dense, 1, seed).unwrap().range.start;
        assert!((0..20).any(|seed| picked(seed) != picked(20)), "the seed decides");
    }
}
