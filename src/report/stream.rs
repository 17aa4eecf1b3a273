//! The two streams of the process, and the only place that writes to them. What cannot be written is never a reason to stop:
//! nobody may read stderr, and a result that stdout did not take is told at the end, by [`not_taken`].

#![expect(clippy::disallowed_methods, reason = "everything else writes through this module")]

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};
use std::sync::OnceLock;

/// What stdout refused first. A reader that went away, as `head` does, has seen what it wanted.
static REFUSED: OnceLock<io::Error> = OnceLock::new();

/// Says a line on stderr, if that takes it.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Says a line without its end, for an answer behind it.
pub(crate) fn ask(question: impl Display) {
    let mut stderr = io::stderr();
    let _ = write!(stderr, "{question}").and_then(|()| stderr.flush());
}

/// Prints a line on stdout, if that takes it.
pub(crate) fn print(line: impl Display) {
    // Refusals are kept by the stream.
    let _ = writeln!(Stdout, "{line}");
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
