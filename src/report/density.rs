//! How values lie over time, as one line of characters.

use crate::model::density::Cell;
use crate::model::time::TimeRange;
use crate::report::text::{Glyphs, LABEL};

/// Heights of a column, from nothing to the most.
const UNICODE: [char; 9] = [
    ' ', '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}',
    '\u{2588}',
];
/// The same in ASCII.
const ASCII: [char; 9] = [' ', '.', ':', '-', '=', '+', '*', '#', '@'];

/// The cells that there is room for between two bars, and the indent of these: below the labels where all of them fit, else
/// at the left, else each two cells as one.
pub(crate) fn fitting(cells: &[Cell], columns: usize) -> (Vec<Cell>, usize) {
    const NARROW_INDENT: usize = 2;
    let mut cells = cells.to_vec();
    let fits = |cells: &[Cell], indent: usize| indent + cells.len() + 2 <= columns;
    if fits(&cells, LABEL) {
        return (cells, LABEL);
    }
    while !fits(&cells, NARROW_INDENT) && cells.len() > 1 {
        let pair = |pair: &[Cell]| Cell {
            range: TimeRange { start: pair[0].range.start, stop: pair[pair.len() - 1].range.stop },
            values: pair.iter().fold(0, |sum, cell| sum.saturating_add(cell.values)),
        };
        cells = cells.chunks(2).map(pair).collect();
    }
    (cells, NARROW_INDENT)
}

/// One character for each cell: its share of the fullest one. A cell that holds anything is never blank.
pub(crate) fn plot(cells: &[Cell], glyphs: Glyphs) -> String {
    let heights = match glyphs {
        Glyphs::Unicode => UNICODE,
        Glyphs::Ascii => ASCII,
    };
    let most = cells.iter().map(|cell| cell.values).max().unwrap_or(0).max(1);
    let height = |cell: &Cell| {
        let share = (u128::from(cell.values) * 8).div_ceil(u128::from(most));
        heights[usize::try_from(share).unwrap_or(8).min(8)]
    };
    cells.iter().map(height).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_paper_has_wider_cells() {
        let cells = [1, 2, 3, 4, 5].map(|values| Cell { range: TimeRange::ALL, values });
        let held = |columns| {
            let (cells, indent) = fitting(&cells, columns);
            (cells.iter().map(|cell| cell.values).collect::<Vec<_>>(), indent)
        };
        assert_eq!(held(19), (vec![1, 2, 3, 4, 5], 12));
        assert_eq!(held(18), (vec![1, 2, 3, 4, 5], 2));
        assert_eq!(held(8), (vec![3, 7, 5], 2));
        assert_eq!(held(1), (vec![15], 2));
    }

    #[test]
    fn little_is_not_nothing() {
        let cell = |values| Cell { range: TimeRange::ALL, values };
        let cells = [0, 1, 500, 1_000].map(cell);
        assert_eq!(plot(&cells, Glyphs::Ascii), " .=@");
        assert_eq!(plot(&cells, Glyphs::Unicode), " \u{2581}\u{2584}\u{2588}");
        assert_eq!(plot(&[0, 0].map(cell), Glyphs::Ascii), "  ");
        assert_eq!(plot(&[u64::MAX].map(cell), Glyphs::Ascii), "@");
    }
}
