//! Progress of work that reads known bytes: a line on a terminal, elsewhere one every half minute.

use std::time::{Duration, Instant};

use crate::limits::{PLAIN_LINE_MS, REDRAW_MS};
use crate::model::number;
use crate::report::bars::Bars;
use crate::report::stream;

/// On stderr.
#[derive(Debug)]
pub(crate) struct ProgressLine {
    what: &'static str,
    all_bytes: u64,
    bars: Option<Bars>,
    quiet: bool,
    said: Instant,
}

impl ProgressLine {
    /// Work on so many bytes; `what` is what was done with them, as `verified`. Says nothing if `quiet`.
    pub(crate) fn new(what: &'static str, all_bytes: u64, quiet: bool) -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_drawn = !quiet && stream::stderr_is_terminal() && !is_dumb;
        Self { what, all_bytes, bars: is_drawn.then(Bars::new), quiet, said: Instant::now() }
    }

    /// So many bytes are done.
    pub(crate) fn at(&mut self, bytes: u64) {
        let step = if self.bars.is_some() { REDRAW_MS } else { PLAIN_LINE_MS };
        if self.quiet || self.said.elapsed() < Duration::from_millis(step) {
            return;
        }
        self.said = Instant::now();
        let line = self.line(bytes);
        match &mut self.bars {
            Some(bars) => bars.draw(vec![line]),
            None => stream::say(line),
        }
    }

    fn line(&self, bytes: u64) -> String {
        let share = number::per_mille(bytes.into(), self.all_bytes.into());
        let done = number::bytes_of(bytes, self.all_bytes);
        format!("{} {done}, {}", self.what, number::percent(share))
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if let Some(bars) = &mut self.bars {
            bars.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_bytes_and_their_share() {
        let progress = ProgressLine::new("verified", 2_000_000, true);
        assert_eq!(progress.line(500_000), "verified 0.5/2.0 MB, 25.0 %");
        assert_eq!(ProgressLine::new("merged", 0, true).line(0), "merged 0/0 B, 100.0 %");
    }
}
