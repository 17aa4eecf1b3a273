//! The run itself, however it was prepared: reporter, pipeline, summary, exit code.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::config::job::JobOutput;
use crate::exit::ExitCode;
use crate::influx::signal::{Observer, Signal};
use crate::job::begin::{Begun, given_up};
use crate::job::error::Error;
use crate::job::exit_code::of_stop;
use crate::job::heart::Heart;
use crate::job::read_back::ReadsBack;
use crate::job::shown::Shown;
use crate::limits::{PLAIN_LINE_MS, WAIT_LINE_MS};
use crate::model::number;
use crate::model::scale::whole_ms;
use crate::pipeline::commit::doubt;
use crate::pipeline::event::{Counters, Event, EventSink};
use crate::pipeline::plan::spool::Lacking;
use crate::pipeline::pool::blocking;
use crate::pipeline::read::BatchOrigin;
use crate::pipeline::stop::StopSignal;
use crate::pipeline::verify::prover::BatchProof;
use crate::pipeline::write::{Destination, DestinationWriter};
use crate::pipeline::{self, RunOutcome};
use crate::report::summary_input::SummaryInput;
use crate::report::volume::{Volume, WAIT_MS_SAID_MIN, is_told};
use crate::report::waits::silence;
use crate::report::{self, Ending, ReportSettings, json, stream, talk};

/// Signals of the clients: to the reporter once there is one; before that, tries and waits are said on stderr.
#[derive(Clone, Default)]
#[expect(missing_debug_implementations, reason = "who listens has nothing to show")]
pub struct ClientSignals {
    events: Arc<OnceLock<EventSink>>,
    json: Arc<AtomicBool>,
    volume: Arc<OnceLock<Volume>>,
    /// When it was last said on what is waited for.
    said: Arc<Mutex<Option<Instant>>>,
}

impl ClientSignals {
    /// For the clients.
    pub fn observer(&self) -> Observer {
        let (events, is_json) = (Arc::clone(&self.events), Arc::clone(&self.json));
        let (volume, said) = (Arc::clone(&self.volume), Arc::clone(&self.said));
        Arc::new(move |signal| {
            let volume = volume.get().copied().unwrap_or_default();
            match events.get() {
                Some(events) => events(Event::Client(signal)),
                None => before_a_run(signal, is_json.load(Ordering::Relaxed), volume, &said),
            }
        })
    }

    /// From now on they are JSON lines, if that was asked for, and so many.
    pub(crate) fn told_as(&self, output: &JobOutput) {
        self.json.store(output.json, Ordering::Relaxed);
        // Of several spools all have the same settings.
        let _ = self.volume.set(output.volume);
    }

    fn connect(&self, events: EventSink) {
        // Set once per process; a second run keeps the first reporter.
        let _ = self.events.set(events);
    }
}

/// A signal that comes before there is a reporter.
fn before_a_run(signal: Signal, is_json: bool, volume: Volume, said: &Mutex<Option<Instant>>) {
    let event = Event::Client(signal);
    if !volume.takes(&event) {
        return;
    }
    if is_json {
        json::event(&event, json::now()).iter().for_each(stream::print_exact);
        return;
    }
    let Event::Client(signal) = event else { return };
    match signal {
        Signal::Retried { side, what, attempt, error } => {
            stream::say(format_args!("retry: {side}, {what}: try {attempt} failed: {error}"));
        }
        Signal::Silent { side, asked, silent_ms } => {
            let (waited, reason) = (number::duration(silent_ms), silence(side, asked));
            stream::say(format_args!("waiting {waited}: {reason}"));
        }
        Signal::Notice { text, .. } => stream::say(format_args!("notice: {text}")),
        Signal::WaitBegan { side, cause, wait_ms }
            if is_told(cause, wait_ms)
                && (volume.is_verbose() || wait_ms >= WAIT_MS_SAID_MIN && is_due(said)) =>
        {
            stream::say(talk::waiting(side, cause, wait_ms));
        }
        _ => {}
    }
}

/// True for the first wait, and for the next one after a while: nobody is left before an empty screen.
fn is_due(said: &Mutex<Option<Instant>>) -> bool {
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    let pause = Duration::from_millis(WAIT_LINE_MS);
    let is_due = said.is_none_or(|said| said.elapsed() >= pause);
    if is_due {
        *said = Some(Instant::now());
    }
    is_due
}

/// What a run needs.
#[derive(Debug)]
pub struct Prepared {
    /// What is read.
    pub source: BatchOrigin,
    /// Where it goes.
    pub sink: Destination,
    /// The job that it is part of.
    pub begun: Begun,
    /// How it is read back before it is recorded, if so.
    pub proof: Option<BatchProof>,
}

/// Runs a prepared job to its end and reports it.
pub(crate) async fn run(
    prepared: Prepared,
    reads_back: Option<ReadsBack>,
    shown: Shown,
    signals: &ClientSignals,
    stop: StopSignal,
) -> Result<Finished, Error> {
    let started = Instant::now();
    let counters = Arc::new(Counters::default());
    let settings = ReportSettings {
        header: shown.header.clone(),
        mode: shown.mode,
        line_ms: PLAIN_LINE_MS,
        volume: shown.volume,
    };
    let io = |source| Error::Io { what: "cannot start the reporter", source };
    let (sender, reporter) =
        report::start(settings, Arc::clone(&counters), shown.color).map_err(io)?;
    let heart = Heart::start(&prepared.begun.keeper, shown.header.quota, &counters);
    let events = heart.beside(sender.as_fn());
    signals.connect(Arc::clone(&events));
    if let BatchOrigin::Bucket(_, client) = &prepared.source {
        client.quota().tell(&signals.observer());
    }
    let rejects = prepared.begun.rejects.file.path.display().to_string();
    let resume = prepared.begun.resume;
    let mut result = execute(prepared, Arc::clone(&events), counters, stop.clone()).await;
    let elapsed_ms = || whole_ms(started.elapsed());
    let read_back = match (&mut result, reads_back) {
        (Ok(finished), Some(reads_back)) if finished.outcome.has_moved() => {
            let hear = (&signals.observer(), &events);
            let moved = (resume, &finished.outcome);
            let read = Box::pin(reads_back.run(moved, elapsed_ms(), hear, &stop)).await;
            if read.is_different() {
                finished.exit = ExitCode::Different;
            }
            Some(read)
        }
        _ => None,
    };
    let elapsed_ms = elapsed_ms();
    let ending = match &result {
        Ok(finished) => Ending::Finished(Box::new(SummaryInput {
            outcome: finished.outcome.clone(),
            source: shown.header.source,
            destination: shown.header.destination,
            elapsed_ms,
            exit: finished.exit.number(),
            rejects: (finished.rejected_total > 0).then_some(rejects),
            next: shown.next,
            later: shown.later,
            read_back,
        })),
        Err(error) => Ending::Failed(error.failure(elapsed_ms)),
    };
    // What stdout does not take is told by the stream, at the end of the program: it changes nothing of the run.
    let ending = Arc::new(ending);
    let told = Arc::clone(&ending);
    let showing = tokio::task::spawn_blocking(move || reporter.finish(&told));
    let (shown, ()) = tokio::join!(showing, heart.end(&ending, &stop));
    if let Err(error) = shown {
        stream::say(format_args!("notice: the summary could not be shown: {error}"));
    }
    result
}

/// Runs a prepared job to its end. The job is let go however it ends.
pub async fn execute(
    prepared: Prepared,
    events: EventSink,
    counters: Arc<Counters>,
    stop: StopSignal,
) -> Result<Finished, Error> {
    let Prepared { source, sink, begun, proof } = prepared;
    let Begun { keeper, rejects, lock, folder, .. } = begun;
    let rejected_before = rejects.before;
    events(Event::Planned(source.planned()));
    let out = Arc::new(DestinationWriter::new(sink, rejects, events, counters));
    let moving = pipeline::run(source, Arc::clone(&out), keeper.clone(), proof, stop.clone());
    let result = moving.await;
    if out.bucket().is_some_and(|bucket| bucket.client.disk_was_full())
        && let Some(folder) = folder
    {
        // If not even this can be kept, what is said of the failure still tells.
        let _ = blocking(move || Ok(doubt::keep(&folder, doubt::DISK_WAS_FULL).is_ok())).await;
    }
    let outcome = match result {
        Ok(mut outcome) => {
            if out.bucket().is_some_and(|bucket| bucket.client.disk_was_full()) {
                outcome.doubts.push(doubt::DISK_WAS_FULL.to_owned());
            }
            outcome
        }
        Err(error) => return Err(given_up(keeper, &stop, error.into()).await),
    };
    match keeper.close(&stop).await {
        // All that this run has recorded was recorded while the job was its own.
        Ok(()) | Err(pipeline::error::Error::LeaseLost { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    drop(lock);
    let rejected_total = rejected_before + outcome.rejected;
    let exit = exit_of(&outcome, rejected_total);
    Ok(Finished { outcome, rejected_total, exit })
}

/// A run that ended as planned, or early on request.
#[derive(Debug, Clone)]
pub struct Finished {
    /// How.
    pub outcome: RunOutcome,
    /// Values refused in all committed batches of the job, earlier runs included.
    pub rejected_total: u64,
    /// With which code.
    pub exit: ExitCode,
}

fn exit_of(outcome: &RunOutcome, rejected_total: u64) -> ExitCode {
    match outcome.stopped {
        Some(reason) => of_stop(reason),
        None if !outcome.closing.destination.is_empty() => ExitCode::Different,
        None if rejected_total > 0
            || !outcome.changed.is_empty()
            || !outcome.unreturned.is_empty()
            || outcome.lacking != Lacking::default()
            || !outcome.doubts.is_empty()
            || !outcome.closing.source.is_empty() =>
        {
            ExitCode::Rejected
        }
        None => ExitCode::Done,
    }
}
