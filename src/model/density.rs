//! How values lie over time: cells of equal length, and stretches of them that are unlike the rest.

use super::time::TimeRange;

/// A part of a range, and the values in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// When.
    pub range: TimeRange,
    /// How many.
    pub values: u64,
}

/// A stretch of time that is unlike the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// When.
    pub range: TimeRange,
    /// Its values.
    pub values: u64,
    /// Its density in thousandths of the mean one.
    pub per_mille_of_mean: u64,
}

/// From this many thousandths of the mean density of what is not empty, a cell is dense.
const DENSE_PER_MILLE: u64 = 2_000;

/// Stretches of equally long cells that hold nothing, and of cells much denser than the others; each kind from the longest
/// to the shortest.
pub fn stretches(cells: &[Cell]) -> (Vec<Stretch>, Vec<Stretch>) {
    let held = cells.iter().filter(|cell| cell.values > 0).count() as u128;
    let total: u128 = cells.iter().map(|cell| u128::from(cell.values)).sum();
    let per_mille = |values: u64, cells: usize| {
        let share = u128::from(values) * held * 1_000;
        u64::try_from(share / (total * cells as u128).max(1)).unwrap_or(u64::MAX)
    };
    let kind = |cell: &Cell| match cell.values {
        0 if cell.range.is_empty() => Kind::Other,
        0 => Kind::Empty,
        values if per_mille(values, 1) >= DENSE_PER_MILLE => Kind::Dense,
        _ => Kind::Other,
    };
    let (mut dense, mut empty) = (Vec::new(), Vec::new());
    for run in cells.chunk_by(|a, b| kind(a) == kind(b)) {
        let range = TimeRange { start: run[0].range.start, stop: run[run.len() - 1].range.stop };
        let values = run.iter().map(|cell| cell.values).sum();
        let stretch = Stretch { range, values, per_mille_of_mean: per_mille(values, run.len()) };
        match kind(&run[0]) {
            Kind::Dense => dense.push(stretch),
            Kind::Empty => empty.push(stretch),
            Kind::Other => {}
        }
    }
    for list in [&mut dense, &mut empty] {
        list.sort_by_key(|stretch| {
            (std::cmp::Reverse(stretch.range.duration_ns()), stretch.range.start)
        });
    }
    (dense, empty)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dense,
    Empty,
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::{NS_PER_S, Timestamp};

    fn cells(values: &[u64]) -> Vec<Cell> {
        let hour = |n: usize| {
            let ns = i64::try_from(n).unwrap() * 3_600 * NS_PER_S;
            Timestamp::from_ns(ns)
        };
        let cell = |(n, values): (usize, &u64)| Cell {
            range: TimeRange::new(hour(n), hour(n + 1)),
            values: *values,
        };
        values.iter().enumerate().map(cell).collect()
    }

    #[test]
    fn stretches_are_named_from_the_longest_on() {
        let of = |values: &[u64]| {
            let (dense, empty) = stretches(&cells(values));
            let hours = |list: Vec<Stretch>| -> Vec<(i64, i64)> {
                let hour = 3_600 * NS_PER_S;
                list.iter().map(|s| (s.range.start.ns() / hour, s.range.stop.ns() / hour)).collect()
            };
            (hours(dense), hours(empty))
        };
        assert_eq!(of(&[]), (vec![], vec![]));
        assert_eq!(of(&[5, 5, 5, 5]), (vec![], vec![]));
        assert_eq!(of(&[1, 0, 1, 0, 0, 1]), (vec![], vec![(3, 5), (1, 2)]));
        assert_eq!(of(&[1, 1, 1, 20, 30, 1, 1, 1, 1, 0]), (vec![(3, 5)], vec![(9, 10)]));
        let (dense, _) = stretches(&cells(&[1, 1, 1, 1, 1, 5]));
        assert_eq!((dense[0].values, dense[0].per_mille_of_mean), (5, 3_000));
        let (dense, empty) = stretches(&cells(&[0, 0]));
        assert_eq!((dense.len(), empty.len()), (0, 1));
    }
}
