//! The reporter's thread: takes events, draws, and prints the end.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::limits;
use crate::model::time::{NS_PER_S, Timestamp};
use crate::pipeline::event::{Counters, Event};
use crate::report::bars::Bars;
use crate::report::sender::{EventSender, Message};
use crate::report::state::{Header, RunState, RunTotals};
use crate::report::stream::{self, Stderr, Stdout};
use crate::report::summary::{self, FailureInput};
use crate::report::summary_input::SummaryInput;
use crate::report::talk::{self, Talk};
use crate::report::text::{Color, Paper};
use crate::report::volume::Volume;
use crate::report::{json, last_word, screen};

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A screen on stderr that is drawn again and again; the summary on stdout.
    Terminal {
        /// Whether colour may be used.
        color: bool,
    },
    /// One line on stderr per [`limits::PLAIN_LINE_MS`]; the summary on stdout.
    Plain,
    /// JSON lines on stdout, nothing else.
    Json,
}

impl Mode {
    /// The rule: `--json` first, then bars only on a terminal that can move its cursor, coloured unless `NO_COLOR` holds
    /// something.
    pub fn choose(
        json: bool,
        stderr_is_terminal: bool,
        term: Option<&str>,
        no_color: Option<&str>,
    ) -> Self {
        if json {
            Self::Json
        } else if stderr_is_terminal && term != Some("dumb") {
            Self::Terminal { color: no_color.is_none_or(str::is_empty) }
        } else {
            Self::Plain
        }
    }

    /// The rule applied to this process.
    pub fn here(json: bool) -> Self {
        let env = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        Self::choose(
            json,
            stream::stderr_is_terminal(),
            env("TERM").as_deref(),
            env("NO_COLOR").as_deref(),
        )
    }
}

/// What the reporter is told at the start.
#[derive(Debug, Clone)]
pub struct ReportSettings {
    /// Names and quota.
    pub header: Header,
    /// How the run is shown.
    pub mode: Mode,
    /// Time between plain lines, or between `status` lines of JSON: [`limits::PLAIN_LINE_MS`] by default.
    pub line_ms: u64,
    /// How much is said.
    pub volume: Volume,
}

/// Where the lines go.
#[expect(missing_debug_implementations, reason = "streams have nothing to show")]
pub struct ReportOutput {
    /// The result.
    pub stdout: Box<dyn Write + Send>,
    /// What the result is laid out for. Asked for when there is one: a terminal may have another size by then.
    pub stdout_paper: Box<dyn Fn() -> Paper + Send>,
    /// The talk.
    pub stderr: Box<dyn Write + Send>,
}

impl ReportOutput {
    /// The streams of this process.
    pub(crate) fn standard(color: Option<bool>) -> Self {
        Self {
            stdout: Box::new(Stdout),
            stdout_paper: Box::new(move || stream::stdout_paper(color)),
            stderr: Box::new(Stderr),
        }
    }
}

/// How the run ended.
#[derive(Debug, Clone)]
pub enum Ending {
    /// As planned, or early on request.
    Finished(Box<SummaryInput>),
    /// With an error, which the program itself prints unless the lines are JSON.
    Failed(FailureInput),
}

/// The handle of the reporter's thread.
#[derive(Debug)]
pub struct Reporter {
    sender: EventSender,
    thread: JoinHandle<Painter>,
}

/// Starts the reporter on the streams of this process.
pub(crate) fn start(
    settings: ReportSettings,
    counters: Arc<Counters>,
    color: Option<bool>,
) -> io::Result<(EventSender, Reporter)> {
    start_on(settings, counters, ReportOutput::standard(color))
}

/// Starts the reporter on any streams. Bars are drawn on the process's own stderr alone.
pub fn start_on(
    settings: ReportSettings,
    counters: Arc<Counters>,
    output: ReportOutput,
) -> io::Result<(EventSender, Reporter)> {
    let (sender, events) = EventSender::new(Instant::now());
    let mut painter = Painter::new(settings, counters, output, sender.clone());
    let thread = thread::Builder::new().name("report".to_owned()).spawn(move || {
        painter.run(&events);
        painter
    })?;
    Ok((sender.clone(), Reporter { sender, thread }))
}

impl Reporter {
    /// Shows what is still queued, takes the screen away and prints the end. Blocks until that is done. An error means
    /// that some of the output could not be written, and not because its reader went away; the run itself is not touched by it.
    pub fn finish(self, ending: &Ending) -> io::Result<()> {
        self.sender.end();
        let mut painter = self
            .thread
            .join()
            .map_err(|_| io::Error::other("the reporter ended by a defect of its own"))?;
        painter.finish(ending)
    }
}

struct Painter {
    state: RunState,
    counters: Arc<Counters>,
    sender: EventSender,
    lost: u64,
    talk: Talk,
    volume: Volume,
    view: View,
    color: bool,
    output: ReportOutput,
    failed: Option<io::Error>,
    started: Timestamp,
    line_ms: u64,
    line_due_ms: u64,
    draw_due_ms: u64,
}

impl std::fmt::Debug for Painter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Painter").field("view", &self.view).finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum View {
    Bars(Bars),
    Plain,
    Json,
}

impl Painter {
    fn new(
        settings: ReportSettings,
        counters: Arc<Counters>,
        output: ReportOutput,
        sender: EventSender,
    ) -> Self {
        let ReportSettings { header, mode, line_ms, volume } = settings;
        let (view, color) = match mode {
            Mode::Terminal { .. } if volume.is_quiet() => (View::Plain, false),
            Mode::Terminal { color } => (View::Bars(Bars::new()), color),
            Mode::Plain => (View::Plain, false),
            Mode::Json => (View::Json, false),
        };
        let mut state = RunState::new(header, (output.stdout_paper)().glyphs);
        if matches!(view, View::Bars(_)) {
            state.columns = stream::stderr_paper(Some(color)).columns;
        }
        Self {
            state,
            color,
            counters,
            sender,
            lost: 0,
            talk: Talk::of(volume),
            volume,
            view,
            output,
            failed: None,
            started: wall_time(),
            line_ms: line_ms.max(1),
            line_due_ms: line_ms,
            draw_due_ms: 0,
        }
    }

    fn run(&mut self, events: &Receiver<Message>) {
        if matches!(self.view, View::Plain) && !self.volume.is_quiet() {
            self.say(&[screen::title(&self.state, "")]);
        }
        loop {
            match events.recv_timeout(Duration::from_millis(limits::REDRAW_MS)) {
                Ok(Message::Event(at_ms, event)) => self.take(&event, at_ms),
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now_ms = self.sender.elapsed_ms();
            if now_ms >= self.draw_due_ms {
                self.draw_due_ms = now_ms + limits::REDRAW_MS;
                self.tick(now_ms);
            }
        }
        self.state.observe(RunTotals::of(&self.counters), self.sender.elapsed_ms());
    }

    fn take(&mut self, event: &Event, at_ms: u64) {
        self.state.apply(event, at_ms);
        if matches!(self.view, View::Json) {
            let line = json::event(event, self.wall(at_ms));
            if let Some(line) = line.filter(|_| self.volume.takes(event)) {
                self.print(&[line]);
            }
        } else {
            let lines = self.talk.lines(event, &self.state, at_ms);
            self.say(&lines);
        }
    }

    fn tick(&mut self, now_ms: u64) {
        self.state.observe(RunTotals::of(&self.counters), now_ms);
        let lost = self.sender.lost();
        if lost > self.lost {
            self.lost = lost;
            self.state.missed(now_ms);
        }
        last_word::keep(&self.state, now_ms, matches!(self.view, View::Json));
        if let View::Bars(bars) = &mut self.view {
            let paper = stream::stderr_paper(Some(self.color));
            self.state.columns = paper.columns;
            bars.draw(screen::painted(&self.state, now_ms, paper));
        } else if now_ms >= self.line_due_ms && !self.volume.is_quiet() {
            self.line_due_ms = now_ms + self.line_ms;
            if matches!(self.view, View::Json) {
                self.print(&[json::status(&self.state, now_ms, self.wall(now_ms))]);
            } else {
                self.say(&[talk::progress(&self.state, now_ms)]);
            }
        }
    }

    fn finish(&mut self, ending: &Ending) -> io::Result<()> {
        if let View::Bars(bars) = &mut self.view {
            // The talk; the result goes to stdout.
            bars.clear();
        }
        let lost = self.sender.lost();
        let paper = (self.output.stdout_paper)();
        last_word::forget();
        let mut lines = match (&self.view, ending) {
            (View::Json, Ending::Finished(input)) => {
                vec![json::summary(input, &self.state, lost, self.wall(input.elapsed_ms))]
            }
            (View::Json, Ending::Failed(input)) => {
                vec![json::failure(input, &self.state, lost, self.wall(input.elapsed_ms))]
            }
            (_, Ending::Finished(input)) if self.volume.is_quiet() => {
                summary::quiet_lines(input, &self.state, paper)
            }
            (_, Ending::Finished(input)) => summary::lines(input, &self.state, paper),
            (_, Ending::Failed(input)) if self.volume.is_quiet() => {
                summary::headline("FAILED", input.elapsed_ms, input.exit, paper.columns)
            }
            (_, Ending::Failed(input)) => summary::failure_lines(input, &self.state, paper),
        };
        if lost > 0 && !matches!(self.view, View::Json) {
            let text = format!(
                "notice: {lost} events came faster than they could be shown; no sum is touched by that"
            );
            self.say(&talk::remark(&text, self.sender.elapsed_ms(), self.state.columns));
        }
        if !matches!(self.view, View::Json) {
            painted(&mut lines, ending, paper);
        }
        self.print(&lines);
        // A reader that went away, as `head` does, has seen what it wanted.
        let failed = self.failed.take().filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
        failed.map_or(Ok(()), Err)
    }

    /// To stdout. After a failure, such as a closed pipe, nothing more is written, but events are still taken.
    fn print(&mut self, lines: &[String]) {
        if self.failed.is_none() {
            self.failed = write_lines(&mut self.output.stdout, lines).err();
        }
    }

    /// To stderr; without one the run goes on in silence.
    fn say(&mut self, lines: &[String]) {
        match &self.view {
            View::Bars(bars) => bars.say(lines),
            View::Plain | View::Json => {
                let _ = write_lines(&mut self.output.stderr, lines);
            }
        }
    }

    fn wall(&self, elapsed_ms: u64) -> Timestamp {
        let ns = i64::try_from(elapsed_ms).ok().and_then(|ms| ms.checked_mul(NS_PER_S / 1_000));
        self.started.saturating_add_ns(ns.unwrap_or(i64::MAX))
    }
}

/// The headline of the summary in the colour of the end.
fn painted(lines: &mut [String], ending: &Ending, paper: Paper) {
    let color = match ending {
        Ending::Finished(input) if input.exit == 0 => Color::Green,
        Ending::Finished(input) if input.outcome.stopped.is_none() && input.exit == 3 => {
            Color::Yellow
        }
        _ => Color::Red,
    };
    if let Some(line) = lines.first_mut() {
        *line = paper.paint(color, line);
    }
}

fn write_lines(stream: &mut dyn Write, lines: &[String]) -> io::Result<()> {
    for line in lines {
        stream.write_all(format!("{line}\n").as_bytes())?;
    }
    stream.flush()
}

/// Now, to the millisecond.
fn wall_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ns(
        i64::try_from(since.as_millis()).unwrap_or(0).saturating_mul(NS_PER_S / 1_000),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_only_where_they_can_be_drawn() {
        let colored = Mode::Terminal { color: true };
        let bare = Mode::Terminal { color: false };
        for (json, terminal, term, no_color, mode) in [
            (false, true, Some("xterm"), None, colored),
            (false, true, None, Some(""), colored),
            (false, true, Some("xterm"), Some("1"), bare),
            (false, true, Some("dumb"), None, Mode::Plain),
            (false, false, Some("xterm"), None, Mode::Plain),
            (true, true, Some("xterm"), None, Mode::Json),
        ] {
            assert_eq!(Mode::choose(json, terminal, term, no_color), mode);
        }
    }
}
