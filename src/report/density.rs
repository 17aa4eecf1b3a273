//! How values lie over time, as one line of characters.

use crate::model::density::Cell;
use crate::report::text::Glyphs;

/// Heights of a column, from nothing to the most.
const UNICODE: [char; 9] = [
    ' ', '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}',
    '\u{2588}',
];
/// The same in ASCII.
const ASCII: [char; 9] = [' ', '.', ':', '-', '=', '+', '*', '#', '@'];

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
    use crate::model::time::TimeRange;

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
