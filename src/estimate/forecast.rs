//! The arithmetic of a plan: what samples say of the rest, the guide's formula, which batches hold something. Pure.

use crate::estimate::sample::Sample;
use crate::limits::{CLOSING_COUNTS_MAX, QUOTA_WINDOW_MS};
use crate::model::batch::BatchPlan;
use crate::model::density::Cell;
use crate::model::foretold::DOWNLOADS_OF_THE_TASK;
use crate::model::scale::scaled;
use crate::model::spread::Spread;

/// Thousandths of a byte for each value, from samples that each stand for `weight` values: the least and the most of them,
/// and their mean by weight. None without a value.
pub(crate) fn milli_bytes_per_value(samples: &[(Sample, u64)]) -> Option<Spread> {
    let milli = |sample: &Sample| sample.milli_bytes_per_value();
    let held: Vec<_> = samples.iter().filter(|(sample, _)| sample.values > 0).collect();
    let low = held.iter().map(|(sample, _)| milli(sample)).min()?;
    let high = held.iter().map(|(sample, _)| milli(sample)).max()?;
    let weight: u128 = held.iter().map(|(_, weight)| u128::from((*weight).max(1))).sum();
    let sum: u128 = held
        .iter()
        .map(|(sample, weight)| u128::from(milli(sample)) * u128::from((*weight).max(1)))
        .sum();
    let likely = u64::try_from(sum / weight.max(1)).unwrap_or(u64::MAX);
    Some(Spread { low, likely, high })
}

/// `batchInterval = (read-rate-limit-mb / response-body-size-mb) * range-duration`, as the guide has it; none for an empty
/// body.
pub(crate) fn guide_interval_ns(limit_bytes: u64, body_bytes: u64, range_ns: i64) -> Option<i64> {
    let ns = i128::from(limit_bytes) * i128::from(range_ns) / i128::from(body_bytes.max(1));
    (body_bytes > 0).then(|| i64::try_from(ns).unwrap_or(i64::MAX))
}

/// What the official task needs at the least: each batch three times, at the whole quota.
pub(crate) fn official_task_ms(body_bytes: u64, quota_bytes: u64) -> Option<u64> {
    let bytes = body_bytes.saturating_mul(DOWNLOADS_OF_THE_TASK);
    (quota_bytes > 0).then(|| scaled(bytes, QUOTA_WINDOW_MS, quota_bytes))
}

/// Batches that hold something, and the counts that find them among empty ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Held {
    /// At the most all that touch a cell that holds something; at the least as if each were the fullest that was found.
    pub batches: Spread,
    /// Counts of stretches of batches.
    pub searches: Spread,
    /// Stretches that hold nothing.
    gaps: u64,
}

/// Foretells which batches hold something. `fullest` are the values of some cells and of the fullest batch of each. Beside an
/// empty cell a stretch begins or ends, most likely inside the cell; all else is taken for full.
pub(crate) fn held(plan: &BatchPlan, cells: &[Cell], fullest: &[(u64, u64)]) -> Held {
    let most = fullest.iter().map(|(_, batch)| *batch).max().unwrap_or(1).max(1);
    let alike = |values: u64| {
        let nearest = fullest.iter().min_by_key(|(cell, _)| cell.abs_diff(values));
        nearest.map_or(1, |(_, batch)| (*batch).max(1))
    };
    let is_empty = |at: usize| cells.get(at).is_some_and(|cell| cell.values == 0);
    let (mut held, mut next) = (Held::default(), 0);
    let (mut gap, mut run) = (0, Spread::default());
    for (at, cell) in cells.iter().enumerate().filter(|(_, cell)| cell.values > 0) {
        let last = plan.at(cell.range.stop.saturating_add_ns(-1));
        let (Some(first), Some(last)) = (plan.at(cell.range.start), last) else { continue };
        if first > next {
            held = held.with(gap, run);
            (gap, run) = (first - next, Spread::default());
        }
        let high = (last + 1).saturating_sub(first.max(next));
        let of = |batch: u64| cell.values.div_ceil(batch).min(high);
        let is_end = is_empty(at + 1) || at > 0 && is_empty(at - 1);
        let likely = if is_end { of(alike(cell.values)) } else { high };
        run = run.plus(Spread { low: of(most), likely, high });
        next = last + 1;
    }
    held.with(gap, run).with(plan.len().saturating_sub(next), Spread::default())
}

impl Held {
    /// With a run of batches behind so many empty ones. A run reaches twice as far with each count that finds nothing; the
    /// one that finds something is halved down to batches, empty or not.
    fn with(self, gap: u64, run: Spread) -> Self {
        let steps = 3 * u64::from((gap + 1).ilog2());
        let search = |batches: u64| steps + batches.min(gap);
        let searches =
            Spread { low: search(run.low), likely: search(run.likely), high: search(run.high) };
        Self {
            batches: self.batches.plus(run),
            searches: self.searches.plus(searches),
            gaps: self.gaps + u64::from(gap > 0),
        }
    }

    /// Counts of the batches and of what lies between them, once all are committed.
    pub(crate) fn last_counts(self) -> Spread {
        let of = |batches: u64| (batches + self.gaps).min(CLOSING_COUNTS_MAX as u64);
        let Spread { low, likely, high } = self.batches;
        Spread { low: of(low), likely: of(likely), high: of(high) }
    }
}

/// The cells to sample: the densest, the one in the middle, and the thinnest that holds anything; fewer where these are the
/// same.
pub(crate) fn sampled_cells(cells: &[Cell]) -> Vec<Cell> {
    let mut held: Vec<Cell> = cells.iter().copied().filter(|cell| cell.values > 0).collect();
    held.sort_by_key(|cell| (cell.values, cell.range.start));
    let Some(last) = held.len().checked_sub(1) else { return Vec::new() };
    let mut picked = vec![last, last / 2, 0];
    picked.dedup();
    picked.into_iter().map(|at| held[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::interval::Interval;
    use crate::model::time::{NS_PER_S, TimeRange};

    fn cells(values: &[u64]) -> Vec<Cell> {
        let hour = |n: usize| {
            let ns = i64::try_from(n).unwrap() * 3_600 * NS_PER_S;
            crate::model::time::Timestamp::from_ns(ns)
        };
        let cell = |(n, values): (usize, &u64)| Cell {
            range: TimeRange::new(hour(n), hour(n + 1)),
            values: *values,
        };
        values.iter().enumerate().map(cell).collect()
    }

    #[test]
    fn the_formula_is_the_guides() {
        let day = 86_400 * NS_PER_S;
        // The guide's own example: 300 MB / 8 MB * 1 d is 37.5 d.
        assert_eq!(guide_interval_ns(300_000_000, 8_000_000, day), Some(37 * day + day / 2));
        assert_eq!(guide_interval_ns(300_000_000, 0, day), None);
        assert_eq!(guide_interval_ns(u64::MAX, 1, i64::MAX), Some(i64::MAX));
        assert_eq!(official_task_ms(100_000_000, 300_000_000), Some(300_000));
        assert_eq!(official_task_ms(1, 0), None);
    }

    #[test]
    fn spreads_come_from_the_samples() {
        let sample = |values, bytes| Sample { values, bytes };
        let spread = milli_bytes_per_value(&[
            (sample(100, 200), 1_000),
            (sample(0, 50), 5),
            (sample(10, 50), 3_000),
        ]);
        assert_eq!(spread, Some(Spread { low: 2_000, likely: 4_250, high: 5_000 }));
        assert_eq!(milli_bytes_per_value(&[(sample(0, 50), 5)]), None);
        assert_eq!(milli_bytes_per_value(&[]), None);
        let one = milli_bytes_per_value(&[(sample(3, 10), 0)]);
        assert_eq!(one, Some(Spread::exact(3_333)));
        let read = spread.unwrap().bytes_of(1_000_000);
        assert_eq!(read, Spread { low: 2_000_000, likely: 4_250_000, high: 5_000_000 });
        assert_eq!(
            read.duration_ms(1_000_000),
            Some(Spread { low: 2_000, likely: 4_250, high: 5_000 })
        );
        assert_eq!(read.duration_ms(0), None);
        assert_eq!(Spread::exact(u64::MAX).plus(Spread::exact(1)), Spread::exact(u64::MAX));
    }

    #[test]
    fn batches_that_hold_something_are_foretold_from_cells_and_the_fullest() {
        let plan = |hours: usize, minutes: i64| {
            let range = |hour: usize| cells(&vec![0; hours])[hour].range;
            let interval = Interval::from_ns(minutes * 60 * NS_PER_S);
            BatchPlan::new(range(0).start, interval, range(hours - 1).stop)
        };
        let of = |minutes, values: &[u64], fullest: &[(u64, u64)]| {
            held(&plan(values.len(), minutes), &cells(values), fullest)
        };
        let spread = |low, likely, high| Spread { low, likely, high };
        let full = of(15, &[40, 40, 40, 40], &[(40, 10)]);
        assert_eq!((full.batches, full.searches), (Spread::exact(16), Spread::default()));
        // Less in an hour is less in each batch, unless a stretch ends there.
        assert_eq!(of(15, &[40, 20, 40], &[(40, 10)]).batches, spread(10, 12, 12));
        let gap = of(15, &[40, 10, 0, 0, 5, 40], &[(40, 10), (10, 10)]);
        assert_eq!(gap.batches, spread(10, 10, 16));
        // Eight empty batches: three counts forth, six back, and each of a run that is as long.
        assert_eq!(gap.searches, spread(9 + 5, 9 + 5, 9 + 8));
        assert_eq!(of(15, &[40, 0], &[(40, 10)]).searches, Spread::exact(6));
        assert_eq!(of(60 * 24, &[40, 0, 3], &[(40, 43)]).batches, Spread::exact(1));
        assert_eq!(of(15, &[0, 0], &[]).batches, Spread::default());
    }

    #[test]
    fn the_densest_the_middle_and_the_thinnest_are_sampled() {
        let picked = |values: &[u64]| -> Vec<u64> {
            sampled_cells(&cells(values)).iter().map(|cell| cell.values).collect()
        };
        assert_eq!(picked(&[0, 0]), [] as [u64; 0]);
        assert_eq!(picked(&[0, 7]), [7]);
        assert_eq!(picked(&[3, 7]), [7, 3]);
        assert_eq!(picked(&[5, 1, 0, 9, 4]), [9, 4, 1]);
    }
}
