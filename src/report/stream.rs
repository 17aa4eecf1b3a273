//! The two streams of the process, and the only place that writes to them. What cannot be written is never a reason to stop:
//! nobody may read stderr, and a result that stdout did not take is told at the end, by [`not_taken`].

#![expect(clippy::disallowed_methods, reason = "everything else writes through this module")]

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use terminal_size::{Height, Width};

use crate::report::text::{COLUMNS, COLUMNS_MAX, COLUMNS_MIN, Glyphs, Paper, clean, wrap};

/// Columns in front of what goes on below a line.
const INDENT: usize = 4;

/// What stdout refused first. A reader that went away, as `head` does, has seen what it wanted.
static REFUSED: OnceLock<io::Error> = OnceLock::new();

/// A question stands at the end of stderr.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Says a line on stderr, if that takes it.
pub(crate) fn say(line: impl Display) {
    let line = safe(&line.to_string());
    if stderr_is_terminal() {
        let columns = stderr_paper(None).columns;
        let lines = line.split('\n').flat_map(|line| wrap(line, columns, INDENT));
        lines.for_each(say_painted);
    } else {
        say_painted(line);
    }
}

/// Says a line that was laid out for this stream, colours and all. Behind a question without an answer it begins anew.
pub(crate) fn say_painted(line: impl Display) {
    let anew = if ASKED.swap(false, Ordering::Relaxed) { "\n" } else { "" };
    let _ = writeln!(io::stderr(), "{anew}{line}");
}

/// Says a line without its end, for an answer behind it.
pub(crate) fn ask(question: impl Display) {
    let mut stderr = io::stderr();
    ASKED.store(true, Ordering::Relaxed);
    let _ = write!(stderr, "{}", safe(&question.to_string())).and_then(|()| stderr.flush());
}

/// The answer came, and the end of its line with it.
pub(crate) fn answered() {
    ASKED.store(false, Ordering::Relaxed);
}

/// Prints a line on stdout, if that takes it.
pub(crate) fn print(line: impl Display) {
    // Refusals are kept by the stream.
    let _ = writeln!(Stdout, "{}", safe(&line.to_string()));
}

/// Prints a line as it is: JSON, which has escapes of its own, or what was laid out for this stream.
pub(crate) fn print_exact(line: impl Display) {
    let _ = writeln!(Stdout, "{line}");
}

/// What the streams of this process take.
pub(crate) fn glyphs() -> Glyphs {
    let env = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let (all, ctype, lang) = (env("LC_ALL"), env("LC_CTYPE"), env("LANG"));
    Glyphs::of_locale(all.as_deref(), ctype.as_deref(), lang.as_deref())
}

/// The text with what a terminal would obey escaped, but for line ends.
fn safe(text: &str) -> String {
    let glyphs = glyphs();
    text.split('\n').map(|line| clean(line, glyphs)).collect::<Vec<_>>().join("\n")
}

/// Stdout as paper; `color` is what was chosen, if anything was.
pub(crate) fn stdout_paper(color: Option<bool>) -> Paper {
    let size = terminal_size::terminal_size_of(io::stdout()).filter(|_| stdout_is_terminal());
    paper(size, color)
}

/// Stderr as paper.
pub(crate) fn stderr_paper(color: Option<bool>) -> Paper {
    let size = terminal_size::terminal_size_of(io::stderr()).filter(|_| stderr_is_terminal());
    paper(size, color)
}

fn paper(size: Option<(Width, Height)>, color: Option<bool>) -> Paper {
    let columns = size.map_or(COLUMNS, |(Width(columns), _)| usize::from(columns));
    Paper {
        columns: columns.clamp(COLUMNS_MIN, COLUMNS_MAX),
        glyphs: glyphs(),
        color: color.unwrap_or(size.is_some()),
    }
}

/// Columns and rows of the terminal behind stderr, if there is one.
pub(crate) fn stderr_size() -> Option<(usize, usize)> {
    let (Width(columns), Height(rows)) = terminal_size::terminal_size_of(io::stderr())?;
    Some((usize::from(columns), usize::from(rows)))
}

/// What of the result stdout has not taken: the first refusal, if it was one that somebody can miss.
pub(crate) fn not_taken() -> Option<&'static io::Error> {
    let _ = Stdout.flush();
    REFUSED.get()
}

/// True if stdout is a terminal.
pub(crate) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// True if stderr is a terminal.
pub(crate) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Stdout for whole texts. Remembers a refusal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        kept(io::stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        kept(io::stdout().flush())
    }
}

/// Stderr for what draws on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Takes note of what another writer to stdout has met.
pub(crate) fn keep(written: io::Result<()>) {
    let _ = kept(written);
}

fn kept<T>(result: io::Result<T>) -> io::Result<T> {
    if let Err(error) = &result
        && !matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::Interrupted)
    {
        let same =
            error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
        // Only the first is told.
        let _ = REFUSED.set(same);
    }
    result
}
