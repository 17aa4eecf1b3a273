//! The terminal: shows the lines of the screen, each as one bar of indicatif without a bar of its own.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::limits;

const YELLOW: &str = "\u{1b}[33m";
const RESET: &str = "\u{1b}[0m";

/// Lines at the foot of a terminal that are drawn again in place.
#[derive(Debug)]
pub(super) struct Bars {
    all: MultiProgress,
    lines: Vec<ProgressBar>,
    color: bool,
}

impl Bars {
    /// On stderr; indicatif shows nothing where that is no terminal.
    pub(super) fn new(color: bool) -> Self {
        let per_second = Duration::from_secs(1).as_millis() / u128::from(limits::REDRAW_MS);
        let hz = u8::try_from(per_second).unwrap_or(10);
        Self {
            all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(hz)),
            lines: Vec::new(),
            color,
        }
    }

    /// Draws these lines in place of the ones before.
    pub(super) fn draw(&mut self, lines: &[String]) {
        while self.lines.len() > lines.len() {
            if let Some(line) = self.lines.pop() {
                self.all.remove(&line);
            }
        }
        while self.lines.len() < lines.len() {
            let line = self.all.add(ProgressBar::new_spinner());
            line.set_style(
                ProgressStyle::with_template("{wide_msg}").expect("the template has one known key"),
            );
            self.lines.push(line);
        }
        for (bar, line) in self.lines.iter().zip(lines) {
            let painted = if self.color { paint(line) } else { line.clone() };
            if bar.message() != painted {
                bar.set_message(painted);
            }
        }
    }

    /// Says lines above the ones that are drawn in place.
    pub(super) fn say(&self, lines: &[String]) -> std::io::Result<()> {
        lines.iter().try_for_each(|line| self.all.println(line))
    }

    /// Takes all lines away.
    pub(super) fn clear(&mut self) -> std::io::Result<()> {
        for line in self.lines.drain(..) {
            line.finish_and_clear();
        }
        self.all.clear()
    }
}

/// Yellow for what deserves a look: a wait that is not the normal one, and the end that someone asked for.
fn paint(line: &str) -> String {
    let unusual =
        line.contains("waiting ") && !line.contains("(normal)") || line.contains("draining: ");
    if line.starts_with("STATE") && unusual {
        format!("{YELLOW}{line}{RESET}")
    } else {
        line.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unusual_state_is_coloured() {
        assert_eq!(
            paint("STATE  waiting 4s: source quota (normal)"),
            "STATE  waiting 4s: source quota (normal)"
        );
        assert_eq!(paint("counts waiting 4s"), "counts waiting 4s");
        assert_eq!(
            paint("STATE  waiting 4s: source answered 429"),
            "\u{1b}[33mSTATE  waiting 4s: source answered 429\u{1b}[0m"
        );
    }
}
