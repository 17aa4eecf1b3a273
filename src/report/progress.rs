//! Progress of work that reads known bytes: a line on a terminal, elsewhere one every half minute.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::limits::{PLAIN_LINE_MS, REDRAW_MS};
use crate::model::number;
use crate::report::stream;

/// On stderr.
#[derive(Debug)]
pub(crate) struct ProgressLine {
    what: &'static str,
    all_bytes: u64,
    bar: ProgressBar,
    quiet: bool,
    said: Instant,
}

impl ProgressLine {
    /// Work on so many bytes; `what` is what was done with them, as `verified`. Says nothing if `quiet`.
    ///
    /// # Panics
    ///
    /// Never: the template is a constant.
    pub(crate) fn new(what: &'static str, all_bytes: u64, quiet: bool) -> Self {
        let per_second = Duration::from_secs(1).as_millis() / u128::from(REDRAW_MS);
        let hz = u8::try_from(per_second).unwrap_or(10);
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(hz)
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(
            ProgressStyle::with_template("{wide_msg}").expect("the template has one known key"),
        );
        Self { what, all_bytes, bar, quiet, said: Instant::now() }
    }

    /// So many bytes are done.
    pub(crate) fn at(&mut self, bytes: u64) {
        if self.quiet {
            return;
        }
        let is_due = self.said.elapsed() >= Duration::from_millis(PLAIN_LINE_MS);
        if !self.bar.is_hidden() {
            self.bar.set_message(self.line(bytes));
        } else if is_due {
            stream::say(self.line(bytes));
            self.said = Instant::now();
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
        self.bar.finish_and_clear();
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
