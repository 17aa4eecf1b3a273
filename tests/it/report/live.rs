//! The reporter's thread on streams that the test reads afterwards.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use sluice::testing::influx::signal::{Signal, WaitCause};
use sluice::testing::limits;
use sluice::testing::model::side::Side;
use sluice::testing::pipeline::event::{Counters, Event};
use sluice::testing::report::failure::ErrorFacts;
use sluice::testing::report::summary::FailureInput;
use sluice::testing::report::text::{Glyphs, Paper};
use sluice::testing::report::volume::Volume;
use sluice::testing::report::{Ending, Mode, ReportOutput, ReportSettings, start_on};

use super::fixture;

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream that cannot be written.
struct Closed(io::ErrorKind);

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn settings(mode: Mode, line_ms: u64) -> ReportSettings {
    ReportSettings { header: fixture::header(), mode, line_ms, volume: Volume::Usual }
}

/// What a run with these events leaves on stdout and stderr.
fn run(mode: Mode, events: &[Event], ending: &Ending) -> (String, String) {
    let (out, err) = (Kept::default(), Kept::default());
    let output = ReportOutput {
        stdout: Box::new(out.clone()),
        stdout_paper: Box::new(|| Paper::plain(Glyphs::Ascii)),
        stderr: Box::new(err.clone()),
    };
    let counters = Arc::new(Counters::default());
    let (sender, reporter) =
        start_on(settings(mode, limits::PLAIN_LINE_MS), Arc::clone(&counters), output).unwrap();
    for event in events {
        sender.send(event.clone());
    }
    Counters::add(&counters.values_written, 4_711);
    reporter.finish(ending).unwrap();
    sender.send(Event::Notice("after the end".to_owned()));
    (out.text(), err.text())
}

fn finished() -> Ending {
    Ending::Finished(Box::new(fixture::finished().0))
}

fn failed() -> Ending {
    Ending::Failed(FailureInput {
        errors: vec!["outer".to_owned(), "inner".to_owned()],
        facts: ErrorFacts::default(),
        elapsed_ms: 1,
        exit: 5,
    })
}

#[test]
fn plain_mode_talks_on_stderr_and_ends_on_stdout() {
    let events: Vec<_> = fixture::events().into_iter().map(|(_, event)| event).collect();
    let (out, err) = run(Mode::Plain, &events, &finished());
    assert!(err.starts_with("sluice migrate  ops-eu/plant-telemetry -> ops@oss1:8086/plant-telemetry\n0s  plan: 2,090 batches"), "{err}");
    assert!(
        err.contains("retry: source, reading 2022-11-03: try 1 failed: connection reset"),
        "{err}"
    );
    assert!(
        out.starts_with("COPIED, NOT YET VERIFIED   3h31m   exit 3\n")
            && out.contains("4,711 values"),
        "{out}"
    );
    for text in [&out, &err] {
        assert!(
            text.is_ascii() && !text.contains('\u{1b}') && !text.contains("after the end"),
            "{text}"
        );
    }
    let (out, _) = run(Mode::Plain, &events, &failed());
    assert!(
        out.starts_with(
            "FAILED   0s   exit 5\n  committed to 2023-07-06T00:00Z   41.0 %; the place"
        ),
        "{out}"
    );
}

#[test]
fn json_mode_prints_json_lines_on_stdout_and_nothing_else() {
    let events: Vec<_> = fixture::events().into_iter().map(|(_, event)| event).collect();
    for (ending, last) in [(finished(), "summary"), (failed(), "exit_error")] {
        let (out, err) = run(Mode::Json, &events, &ending);
        assert_eq!(err, "");
        let types: Vec<_> = out
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap()["message_type"].clone()
            })
            .collect();
        assert_eq!(types.first().unwrap(), "plan");
        assert_eq!(types.last().unwrap(), last);
    }
}

#[test]
fn nothing_but_progress_is_lost_in_a_flood_and_the_order_is_kept() {
    let (out, err) = (Kept::default(), Kept::default());
    let output = ReportOutput {
        stdout: Box::new(out.clone()),
        stdout_paper: Box::new(|| Paper::plain(Glyphs::Ascii)),
        stderr: Box::new(err),
    };
    let (sender, reporter) = start_on(settings(Mode::Json, 1), Arc::default(), output).unwrap();
    // Senders that look at the queue at the same moment may pass the half by one event each.
    let notices = limits::EVENTS_QUEUED_MAX - limits::EVENTS_PROGRESS_QUEUED_MAX - 4;
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for n in 0..100_000 {
                    sender.send(fixture::progress(fixture::open_first(), n, n, n));
                }
            });
        }
        for n in 0..notices {
            sender.send(Event::Notice(n.to_string()));
        }
    });
    assert_eq!(sender.lost(), 0);
    reporter.finish(&finished()).unwrap();
    let text = out.text();
    let seen = text.lines().filter(|line| line.starts_with("{\"message_type\":\"notice\""));
    let numbers = seen.map(|line| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["text"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    assert!(numbers.eq((0..notices).map(|n| n.to_string())));
}

#[test]
fn a_reader_that_went_away_is_no_error_and_a_full_disk_is_one_at_the_end() {
    for (kind, error) in [
        (io::ErrorKind::BrokenPipe, None),
        (io::ErrorKind::StorageFull, Some(io::ErrorKind::StorageFull)),
    ] {
        let output = ReportOutput {
            stdout: Box::new(Closed(kind)),
            stdout_paper: Box::new(|| Paper::plain(Glyphs::Ascii)),
            stderr: Box::new(Closed(kind)),
        };
        let (sender, reporter) = start_on(settings(Mode::Json, 1), Arc::default(), output).unwrap();
        for n in 0..1_000 {
            sender.send(Event::Notice(n.to_string()));
        }
        assert_eq!(reporter.finish(&finished()).err().map(|error| error.kind()), error);
    }
}

#[test]
fn stages_and_clients_get_functions() {
    let (out, err) = (Kept::default(), Kept::default());
    let output = ReportOutput {
        stdout: Box::new(out.clone()),
        stdout_paper: Box::new(|| Paper::plain(Glyphs::Ascii)),
        stderr: Box::new(err),
    };
    let (sender, reporter) =
        start_on(settings(Mode::Json, limits::PLAIN_LINE_MS), Arc::default(), output).unwrap();
    sender.as_fn()(Event::Notice("from a stage".to_owned()));
    sender.observer()(Signal::WaitBegan {
        side: Side::Source,
        cause: WaitCause::Quota,
        wait_ms: 1,
    });
    reporter.finish(&finished()).unwrap();
    assert!(out.text().contains("from a stage") && out.text().contains("\"state\":\"began\""));
}
