//! Tables that are as wide as the paper: where there is too little room, columns are left out, in an order that each table
//! states. What stays is whole; only the names in the first column are shortened.

use crate::report::text::{fit, width};

/// A column behind the first one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableHead {
    name: &'static str,
    width: usize,
    gap: usize,
    is_right: bool,
    leaves: Option<u8>,
}

impl TableHead {
    /// Numbers: at the right of `width` columns, which have the gap in them.
    pub(crate) const fn right(name: &'static str, width: usize) -> Self {
        Self { name, width, gap: 0, is_right: true, leaves: None }
    }

    /// Words: behind a gap of two.
    pub(crate) const fn left(name: &'static str, width: usize) -> Self {
        Self { name, width, gap: 2, is_right: false, leaves: None }
    }

    /// The place in the order in which columns are left out: the first one leaves first. Without one it stays.
    pub(crate) const fn leaves(self, place: u8) -> Self {
        Self { leaves: Some(place), ..self }
    }

    /// Behind another gap.
    pub(crate) const fn gap(self, gap: usize) -> Self {
        Self { gap, ..self }
    }

    fn taken(&self) -> usize {
        self.gap + self.width
    }

    fn cell(&self, text: &str) -> String {
        let text = fit(text, self.width);
        let (gap, room) = (" ".repeat(self.gap), " ".repeat(self.width - width(&text)));
        if self.is_right { format!("{gap}{room}{text}") } else { format!("{gap}{text}{room}") }
    }
}

/// A table on paper of some width.
#[derive(Debug, Clone)]
pub(crate) struct TableLayout<'a> {
    first: &'a str,
    first_width: usize,
    heads: Vec<(usize, TableHead)>,
}

impl<'a> TableLayout<'a> {
    /// The columns that there is room for. The first one has `first.1` columns at the least; it takes what is left, up to
    /// what its widest name needs, and no less than it has on usual paper.
    pub(crate) fn new(
        columns: usize,
        first: (&'a str, usize, usize),
        widest: usize,
        heads: &[TableHead],
    ) -> Self {
        let (first, first_min, first_usual) = first;
        let mut heads: Vec<_> = heads.iter().copied().enumerate().collect();
        let taken = |heads: &[(usize, TableHead)]| -> usize {
            heads.iter().map(|(_, head)| head.taken()).sum()
        };
        while first_min + taken(&heads) > columns {
            let leaving = heads.iter().filter_map(|(_, head)| head.leaves).min();
            let Some(place) = leaving else { break };
            heads.retain(|(_, head)| head.leaves != Some(place));
        }
        let room = columns.saturating_sub(taken(&heads));
        let first_width = room.min(first_usual.max(widest + 1));
        Self { first, first_width, heads }
    }

    /// The line of the names of columns.
    pub(crate) fn head(&self) -> String {
        self.line(self.first, |_, head| head.name.to_owned())
    }

    /// A row: its name, and a cell for each column of the whole table.
    pub(crate) fn row(&self, name: &str, cells: &[String]) -> String {
        self.line(name, |at, _| cells.get(at).cloned().unwrap_or_default())
    }

    fn line(&self, name: &str, text: impl Fn(usize, &TableHead) -> String) -> String {
        let name = fit(name, self.first_width.saturating_sub(1));
        let gap = " ".repeat(self.first_width - width(&name));
        let cells = self.heads.iter().map(|(at, head)| head.cell(&text(*at, head)));
        format!("{name}{gap}{}", cells.collect::<String>()).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_leave_in_their_order_and_names_take_what_is_left() {
        let heads = [
            TableHead::right("VALUES", 8).leaves(2),
            TableHead::left("WAY", 4),
            TableHead::right("BYTES", 8).leaves(1),
        ];
        let cells = ["12".to_owned(), "flux".to_owned(), "3 MB".to_owned()];
        for (columns, head, row) in [
            (60, "NAME           VALUES  WAY    BYTES", "a-long-name        12  flux    3 MB"),
            (30, "NAME      VALUES  WAY    BYTES", "a-lon..       12  flux    3 MB"),
            (29, "NAME           VALUES  WAY", "a-long-name        12  flux"),
            (16, "NAME        WAY", "a-long-..   flux"),
        ] {
            let table = TableLayout::new(columns, ("NAME", 8, 10), "a-long-name".len() + 1, &heads);
            assert_eq!(
                (table.head().as_str(), table.row("a-long-name", &cells).as_str()),
                (head, row)
            );
        }
    }
}
