//! Lines at the foot of a terminal that are drawn again in place: all of them are the message of one bar of indicatif.
//!
//! The bar is known to the whole program, so that an early end can take it away for good.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::limits::{REDRAW_MS, WIPE_MS};
use crate::report::stream::{self, Stderr};
use crate::report::text::COLUMNS;

/// The bar that is on the terminal.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);
/// True once nothing may be drawn any more.
static IS_OVER: AtomicBool = AtomicBool::new(false);

/// The lines of this program; there is one such screen.
#[derive(Debug)]
pub(super) struct Bars {
    bar: ProgressBar,
    lines: Vec<String>,
}

impl Bars {
    /// On stderr, if that is a terminal that can be drawn on.
    pub(super) fn on_terminal() -> Option<Self> {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        (stream::stderr_is_terminal() && !is_dumb).then(Self::new)
    }

    /// On stderr, which is a terminal.
    pub(super) fn new() -> Self {
        let hz = u8::try_from(1_000 / REDRAW_MS).unwrap_or(u8::MAX);
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(Terminal), hz);
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(
            ProgressStyle::with_template("{msg}").expect("the template has one known key"),
        );
        *shown() = Some(bar.clone());
        Self { bar, lines: Vec::new() }
    }

    /// Draws these lines in place of the ones before. Those that the terminal has no row for are left out, the last ones
    /// first.
    pub(super) fn draw(&mut self, lines: Vec<String>) {
        if lines != self.lines {
            let rows = stream::stderr_size().map_or(usize::MAX, |(_, rows)| rows.max(2) - 1);
            self.bar.set_message(lines[..lines.len().min(rows)].join("\n"));
            self.lines = lines;
        }
    }

    /// What was drawn last, with what the terminal has no row for.
    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Says lines above the ones that are drawn in place.
    pub(super) fn say(&self, lines: &[String]) {
        if !IS_OVER.load(Ordering::SeqCst) {
            for line in lines {
                self.bar.println(line);
            }
        }
    }

    /// Takes all lines away, for good.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn shown() -> MutexGuard<'static, Option<ProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes away what is drawn, from whichever thread, and for good. Where the terminal takes nothing it is left as it is.
pub(crate) fn wipe() {
    IS_OVER.store(true, Ordering::SeqCst);
    let Some(bar) = shown().take() else { return };
    let (sender, wiped) = mpsc::channel();
    let wipe = move || {
        bar.finish_and_clear();
        let _ = sender.send(());
    };
    if thread::Builder::new().spawn(wipe).is_ok() {
        let _ = wiped.recv_timeout(Duration::from_millis(WIPE_MS));
    }
}

/// Stderr as indicatif draws on it. Between two drawings the cursor stands at the beginning of the last line: behind a full
/// one what the terminal itself echoes, as `^C`, would begin a line that nobody takes away.
#[derive(Debug)]
struct Terminal;

impl Terminal {
    fn moved(n: usize, letter: char) -> io::Result<()> {
        if n == 0 { Ok(()) } else { write!(Stderr, "\u{1b}[{n}{letter}") }
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        let columns = stream::stderr_size().map_or(COLUMNS, |(columns, _)| columns.max(1));
        u16::try_from(columns).unwrap_or(u16::MAX)
    }

    fn height(&self) -> u16 {
        u16::try_from(stream::stderr_size().map_or(1, |(_, rows)| rows)).unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        Self::moved(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        Self::moved(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        Self::moved(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        Self::moved(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        writeln!(Stderr, "{text}")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        Stderr.write_all(text.as_bytes())
    }

    fn clear_line(&self) -> io::Result<()> {
        Stderr.write_all(b"\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        Stderr.write_all(b"\r")?;
        Stderr.flush()
    }
}
