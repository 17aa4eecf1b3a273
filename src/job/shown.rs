//! What a command that moves values shows and asks before and after its run.

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::config::ends::EndConfig;
use crate::config::job::{JobConfig, JobEnds, JobOutput};
use crate::config::range::RangeStop;
use crate::config::scope::JobScope;
use crate::config::values::ColorChoice;
use crate::job::error::Error;
use crate::job::source_facts::SourceFacts;
use crate::report::preflight::PreflightReport;
use crate::report::question::Question;
use crate::report::state::{Header, QuotaShown, SinkKind};
use crate::report::volume::Volume;
use crate::report::{Mode, json, stream};

/// What a run shows beside its events.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// Names and quota.
    pub header: Header,
    /// Bars, lines or JSON.
    pub mode: Mode,
    /// Colour of the result, where it was chosen.
    pub color: Option<bool>,
    /// How much is said.
    pub volume: Volume,
    /// What to run next.
    pub next: Option<String>,
    /// What another run after a whole one does, if that is known.
    pub later: Option<&'static str>,
}

/// What the same command does later: it goes on only where its stop is not given as a time. `is_ahead`: an earlier run of the
/// job has gone past the source's clock.
pub(crate) fn later(scope: &JobScope, is_ahead: bool) -> Option<&'static str> {
    match scope.stop {
        _ if is_ahead => Some(
            "No top-up: this job is committed up to a time that lies ahead. What is written before that comes too late.",
        ),
        RangeStop::Now { .. } => Some("Later: the same command tops up to now"),
        RangeStop::Back(_) => Some("Later: the same command tops up"),
        RangeStop::At(_) => None,
    }
}

/// How the run is shown.
pub(crate) fn mode(output: &JobOutput) -> Mode {
    match (Mode::here(output.json), output.color) {
        (Mode::Terminal { .. }, ColorChoice::Always) => Mode::Terminal { color: true },
        (Mode::Terminal { .. }, ColorChoice::Never) => Mode::Terminal { color: false },
        (mode, _) => mode,
    }
}

/// Colour or none, where one of both was chosen.
pub(crate) fn forced(color: ColorChoice) -> Option<bool> {
    match color {
        ColorChoice::Auto => None,
        ColorChoice::Always => Some(true),
        ColorChoice::Never => Some(false),
    }
}

/// `host:port`.
pub(crate) fn host_name(end: &EndConfig) -> &str {
    end.host.split_once("://").map_or(end.host.as_str(), |(_, host)| host)
}

/// `org@host:port/bucket`.
pub(crate) fn destination_name(ends: &JobEnds) -> String {
    let host = host_name(&ends.destination);
    let org = ends.destination.org.as_ref().map_or(String::new(), |org| format!("{org}@"));
    format!("{org}{host}/{}", ends.destination_bucket)
}

/// Both ends of a migration, as the screens name them.
pub(crate) fn header(config: &JobConfig, source: &SourceFacts) -> Header {
    let (destination, sink) = match &config.ends.spool {
        Some(spool) => (format!("spool {}", spool.place), SinkKind::Spool),
        None => (destination_name(&config.ends), SinkKind::Bucket),
    };
    Header {
        command: "migrate".to_owned(),
        source: format!("{}/{}", source.org, config.ends.source_bucket),
        destination,
        sink,
        quota: source.quota.bytes_per_window().map(|window_bytes| QuotaShown {
            window_bytes,
            share_percent: u64::from(config.pace.quota_share.at(source.now)) / 10,
        }),
    }
}

/// The checks before a run: on stderr, because stdout is for the result.
pub(crate) fn show_preflight(report: &PreflightReport, output: &JobOutput) {
    if output.json {
        stream::print_exact(json::preflight::preflight(report));
    } else {
        let paper = stream::stderr_paper(forced(output.color));
        let lines =
            if output.volume.is_quiet() { report.quiet_lines(paper) } else { report.lines(paper) };
        lines.iter().for_each(stream::say_painted);
    }
}

/// True if there is somebody to ask, and anything to ask.
pub(crate) fn asks(config: &JobConfig) -> bool {
    let somebody = io::stdin().is_terminal() && stream::stderr_is_terminal();
    somebody && !config.safety.yes && !config.output.json
}

/// Asks once. On a thread of its own: the answer may be a signal.
pub(crate) async fn confirm(question: &Question) -> Result<(), Error> {
    stream::ask(format_args!("{}", question.text(stream::stderr_paper(None))));
    let said = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    let said = said.await;
    if said.as_ref().is_ok_and(|said| said.as_ref().is_ok_and(|answer| answer.ends_with('\n'))) {
        stream::answered();
    }
    match said {
        Ok(Ok(answer)) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => Err(Error::NotConfirmed(
            "not confirmed; nothing was written (--yes skips the question)",
        )),
    }
}
