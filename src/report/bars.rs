//! Lines at the foot of a terminal that are drawn again in place.
//!
//! The cursor stays behind the last line, which is never full: what the terminal itself echoes, as `^C`, stands there too and
//! goes with the next drawing. One lock guards all drawing, so that an early end can take the screen away for good.

use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError, TryLockError};

use crate::report::stream::{self, Stderr};
use crate::report::text::width;

/// The widths of the lines that are on the terminal, and whether no more may be drawn.
static DRAWN: Mutex<Drawn> = Mutex::new(Drawn { widths: Vec::new(), is_over: false });

#[derive(Debug)]
struct Drawn {
    widths: Vec<usize>,
    is_over: bool,
}

impl Drawn {
    /// Moves to the first of the lines, as far as the terminal is now.
    fn rewind(&self) -> String {
        let columns = stream::stderr_size().map_or(usize::MAX, |(columns, _)| columns.max(1));
        let rows: usize = self.widths.iter().map(|width| width.div_ceil(columns).max(1)).sum();
        match rows {
            0 => String::new(),
            1 => "\r".to_owned(),
            rows => format!("\r\u{1b}[{}A", rows - 1),
        }
    }
}

/// The lines of this program; there is one such screen.
#[derive(Debug, Default)]
pub(super) struct Bars {
    lines: Vec<String>,
}

impl Bars {
    /// Draws these lines, each with its width, in place of the ones before. Those that the terminal has no row for are left
    /// out, the last ones first.
    pub(super) fn draw(&mut self, lines: Vec<String>) {
        if lines != self.lines {
            self.lines = lines;
            let _ = self.put(&[]);
        }
    }

    /// Says lines above the ones that are drawn in place.
    pub(super) fn say(&self, lines: &[String]) -> io::Result<()> {
        if lines.is_empty() { Ok(()) } else { self.put(lines) }
    }

    fn put(&self, above: &[String]) -> io::Result<()> {
        let mut drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.is_over {
            return Ok(());
        }
        let rows = stream::stderr_size().map_or(usize::MAX, |(_, rows)| rows.max(2) - 1);
        let shown = &self.lines[..self.lines.len().min(rows)];
        let mut text = drawn.rewind();
        if !above.is_empty() {
            text.push_str("\u{1b}[J");
        }
        for line in above {
            text.extend([line, "\r\n"]);
        }
        for (at, line) in shown.iter().enumerate() {
            // The line is emptied first: behind a full one the cursor would stand on its last character.
            text.extend([if at == 0 { "" } else { "\r\n" }, "\u{1b}[2K", line]);
        }
        text.push_str("\u{1b}[J");
        drawn.widths = shown.iter().map(|line| width(&without_colors(line))).collect();
        Stderr.write_all(text.as_bytes())?;
        Stderr.flush()
    }

    /// Takes all lines away.
    pub(super) fn clear(&mut self) {
        self.lines.clear();
        wipe(false);
    }
}

/// Takes away what is drawn, from whichever thread. Once it `is_over` nothing is drawn any more.
pub(crate) fn wipe(is_over: bool) {
    let mut drawn = match DRAWN.try_lock() {
        Ok(drawn) => drawn,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        // Somebody is stuck in writing: then the terminal takes nothing.
        Err(TryLockError::WouldBlock) => return,
    };
    drawn.is_over |= is_over;
    if !drawn.widths.is_empty() {
        let text = format!("{}\u{1b}[J", drawn.rewind());
        drawn.widths.clear();
        let _ = Stderr.write_all(text.as_bytes()).and_then(|()| Stderr.flush());
    }
}

/// The text without the colours that [`Paper`](crate::report::text::Paper) gave it.
fn without_colors(line: &str) -> String {
    let mut bare = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        bare.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    bare + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_take_no_room() {
        assert_eq!(without_colors("a\u{1b}[31mb\u{1b}[0m c"), "ab c");
        assert_eq!(without_colors("plain"), "plain");
    }
}
