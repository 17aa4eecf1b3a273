//! The screen of `status --watch`.

use std::io::{self, Write as _};

use crate::limits::{REDRAW_MS, WATCH_MS};
use crate::report::bars::Bars;
use crate::report::stream::{self, Stdout};
use crate::report::text::Paper;

/// Lines on stdout, now.
pub(crate) fn print(lines: &[String]) -> io::Result<()> {
    for line in lines {
        writeln!(Stdout, "{line}")?;
    }
    Stdout.flush()
}

/// The screen of `--watch`: drawn again in place on a terminal, printed screen after screen elsewhere.
#[derive(Debug)]
pub(crate) struct WatchedScreen {
    bars: Option<Bars>,
}

impl WatchedScreen {
    /// On stderr if that is a terminal.
    pub(crate) fn new() -> Self {
        Self { bars: Bars::on_terminal() }
    }

    /// What the screen is laid out for.
    pub(crate) fn paper(&self, color: Option<bool>) -> Paper {
        if self.bars.is_some() { stream::stderr_paper(color) } else { stream::stdout_paper(color) }
    }

    /// Shows a new one. An error means that nobody takes it.
    pub(crate) fn show(&mut self, lines: Vec<String>) -> io::Result<()> {
        match &mut self.bars {
            Some(bars) => bars.draw(lines),
            None => print(&lines)?,
        }
        Ok(())
    }

    /// Takes the screen away, and leaves the last one as the result.
    pub(crate) fn end(self) {
        if let Some(bars) = self.bars {
            bars.clear();
            bars.lines().iter().for_each(stream::print_exact);
        }
    }
}

const _: () = assert!(REDRAW_MS < WATCH_MS, "each look is drawn");
