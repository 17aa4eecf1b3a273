//! Progress of work that reads known bytes: a line on a terminal, elsewhere one every half minute.

use std::time::{Duration, Instant};

use crate::limits::{PLAIN_LINE_MS, REDRAW_MS};
use crate::model::number;
use crate::report::bars::Bars;
use crate::report::stream;

/// A line that tells how far something is: on stderr.
#[derive(Debug)]
pub(crate) struct StatusLine {
    bars: Option<Bars>,
    quiet: bool,
    said: Instant,
}

impl StatusLine {
    /// Says nothing if `quiet`.
    pub(crate) fn new(quiet: bool) -> Self {
        let bars = if quiet { None } else { Bars::on_terminal() };
        Self { bars, quiet, said: Instant::now() }
    }

    /// Shows the line, if it is time for the next one.
    pub(crate) fn show(&mut self, line: impl FnOnce() -> String) {
        let step = if self.bars.is_some() { REDRAW_MS } else { PLAIN_LINE_MS };
        if self.quiet || self.said.elapsed() < Duration::from_millis(step) {
            return;
        }
        self.said = Instant::now();
        match &mut self.bars {
            Some(bars) => bars.draw(vec![line()]),
            None => stream::say(line()),
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        if let Some(bars) = &mut self.bars {
            bars.clear();
        }
    }
}

/// The same for work on known bytes.
#[derive(Debug)]
pub(crate) struct ProgressLine {
    what: &'static str,
    all_bytes: u64,
    status: StatusLine,
}

impl ProgressLine {
    /// Work on so many bytes; `what` is what was done with them, as `verified`. Says nothing if `quiet`.
    pub(crate) fn new(what: &'static str, all_bytes: u64, quiet: bool) -> Self {
        Self { what, all_bytes, status: StatusLine::new(quiet) }
    }

    /// So many bytes are done.
    pub(crate) fn at(&mut self, bytes: u64) {
        let (what, all_bytes) = (self.what, self.all_bytes);
        self.status.show(|| line(what, bytes, all_bytes));
    }
}

fn line(what: &str, bytes: u64, all_bytes: u64) -> String {
    let share = number::per_mille(bytes.into(), all_bytes.into());
    format!("{what} {}, {}", number::bytes_of(bytes, all_bytes), number::percent(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_bytes_and_their_share() {
        assert_eq!(line("verified", 500_000, 2_000_000), "verified 0.5/2.0 MB, 25.0 %");
        assert_eq!(line("merged", 0, 0), "merged 0/0 B, 100.0 %");
    }
}
