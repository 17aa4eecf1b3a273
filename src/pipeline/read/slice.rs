//! One slice on its way through: read, encoded and written, tried again or split as its failures ask for.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Duration;

use crate::influx::classify::Action;
use crate::influx::signal::{Signal, WaitCause};
use crate::limits::FRAMES_QUEUED_MAX;
use crate::model::side::Side;
use crate::model::time::TimeRange;
use crate::model::transport::Transport;
use crate::pipeline::context::Context;
use crate::pipeline::error::Error;
use crate::pipeline::event::{Counters, Event};
use crate::pipeline::plan::target::Target;
use crate::pipeline::plan::time::Slice;
use crate::pipeline::progress::Progress;
use crate::pipeline::read::fetch::{self, Request};
use crate::pipeline::write::inlet::Inlet;
use crate::pipeline::write::refusals::Refusals;
use crate::wire::csv::suspect::{Suspect, SuspectPlace, Suspects};

/// What became of a slice, or of several.
#[derive(Debug, Default)]
pub struct Moved {
    /// Values read.
    pub values: u64,
    /// Source bytes, decoded.
    pub bytes: u64,
    /// Tries that failed.
    pub retries: u64,
    /// Values refused.
    pub refusals: Refusals,
    /// How they were read.
    pub transports: BTreeSet<Transport>,
}

impl Moved {
    /// Adds another part.
    pub fn add(&mut self, other: Self) {
        self.values += other.values;
        self.bytes += other.bytes;
        self.retries += other.retries;
        self.refusals.add(other.refusals);
        self.transports.extend(other.transports);
    }
}

/// Reads and writes one slice; split, retried, or asked for in a plainer form as its failures ask for. Its parts keep its
/// permit.
pub async fn run(
    context: Arc<Context>,
    progress: Arc<Progress>,
    inlet: Inlet,
    slice: Slice,
) -> Result<Moved, Error> {
    let batch = progress.batch();
    let mut moved = Moved::default();
    let mut parts = vec![slice];
    let mut pauses = context.source.backoff();
    let mut tries = 0;
    while let Some(part) = parts.pop() {
        let what = format!("slice {} {} of batch {batch}", part.range, part.target);
        let error = match attempt(&context, &progress, &inlet, &part, &what).await {
            Ok(done) => {
                moved.add(done);
                tries = 0;
                pauses = context.source.backoff();
                continue;
            }
            Err(error) => error,
        };
        tries += 1;
        moved.retries += 1;
        Counters::add(&context.out.counters.retries, 1);
        if fetch::is_misfit(&error)
            && let Some(plain) = part.target.plain(part.layer)
        {
            note_doubt(&context, &error).await?;
            give_up_choice(&context, &part, &plain, &error);
            parts.push(part.by(plain));
            continue;
        }
        let Some(kind) = fetch::failure(&error, tries) else { return Err(error) };
        context.source.back_off(&kind);
        match (fetch::action(kind, tries), part.parts()) {
            (_, None) if matches!(error, Error::TooMuchHeld { .. }) => {
                parts.push(part.held_whole().ok_or(error)?);
            }
            _ if tries > context.source.retries_max() => return Err(error),
            (Action::Split, Some(smaller)) => {
                Counters::add(&context.out.counters.splits, 1);
                context.tell(Event::Split { batch, slice: part.range, cause: error_text(&error) });
                parts.extend(smaller.into_iter().rev());
                tries = 0;
            }
            (Action::Split | Action::Retry, _) => {
                pause(&context, &what, tries, &error, pauses.next_ms()).await;
                parts.push(part);
            }
            // The gate of the source is shut: the next request waits there.
            (Action::BackOff, _) => parts.push(part),
            (Action::Reject | Action::Stop, _) => return Err(error),
        }
    }
    Ok(moved)
}

/// What the choice was based on has changed: said once for each slice, and looked at again for the next batch.
fn give_up_choice(context: &Context, part: &Slice, plain: &Target, error: &Error) {
    for measurement in part.target.measurements() {
        context.choices.forget(measurement);
    }
    context.tell(Event::Notice(format!(
        "{} {}: {}; read {plain} instead",
        part.range,
        part.target,
        error_text(error)
    )));
}

/// Keeps for good what was read before in a way that has just proved wrong, if that is what the error says.
async fn note_doubt(context: &Context, error: &Error) -> Result<(), Error> {
    let Error::NotAsFlux { text, measurement: Some(measurement), .. } = error else {
        return Ok(());
    };
    let Some(before) = context.witness.refuse(measurement, text) else { return Ok(()) };
    let doubt = format!(
        "{before}: read in the same way before, perhaps wrongly, and values may stand there that the source does not hold \
         ({text})"
    );
    context.tell(Event::Notice(doubt.clone()));
    context.keeper.note_doubt(&doubt).await
}

async fn attempt(
    context: &Context,
    progress: &Progress,
    inlet: &Inlet,
    part: &Slice,
    what: &str,
) -> Result<Moved, Error> {
    let (sender, receiver) = mpsc::channel(FRAMES_QUEUED_MAX);
    let Slice { range, target, values_predicted, held_bytes_max, .. } = part;
    let request = Request {
        target,
        range: *range,
        what,
        values_predicted: *values_predicted,
        held_bytes_max: *held_bytes_max,
    };
    let read = fetch::read(context, progress, request, sender);
    let write = inlet.take(receiver);
    let (fetched, written) = tokio::join!(read, write);
    // The writer's failure is the cause if both failed: the reader then only found nobody to hand frames to.
    let written = written?;
    let fetched = fetched?;
    let values = fetched.totals.values;
    let elapsed_ms = u64::try_from(fetched.elapsed.as_millis()).unwrap_or(u64::MAX);
    target.cost(context).learn(values, fetched.bytes, elapsed_ms);
    let mut refusals = written.refusals;
    refusals.add(lost_names(context, progress.batch(), &fetched.totals.suspects)?);
    let counts = !matches!(target, Target::CarriageReturns(_));
    if counts {
        Counters::add(&context.out.counters.values_read, values);
        progress.values(context, values, written.values);
        context.tell(Event::SliceRead {
            batch: progress.batch(),
            values,
            bytes: fetched.bytes,
            transport: target.transport(),
            first_byte: fetched.first_byte,
            elapsed: fetched.elapsed,
            reader_busy: fetched.reader_busy,
            written: fetched.ended.elapsed(),
        });
    }
    let used = (counts && values > 0).then_some(target.transport());
    let transports = used.into_iter().collect();
    Ok(Moved { values, bytes: fetched.bytes, retries: 0, refusals, transports })
}

async fn pause(context: &Context, what: &str, attempt: u32, error: &Error, wait_ms: u64) {
    let (side, cause) = (Side::Source, WaitCause::Backoff);
    context.tell(Event::Client(Signal::Retried {
        side,
        what: what.to_owned(),
        attempt,
        error: error_text(error),
    }));
    context.tell(Event::Client(Signal::WaitBegan { side, cause, wait_ms }));
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    context.tell(Event::Client(Signal::WaitEnded { side, cause, waited_ms: wait_ms }));
}

/// Values under names that lost a carriage return on their way: they are in no frame. String values that did are found by the source and read again.
fn lost_names(context: &Context, batch: TimeRange, suspects: &Suspects) -> Result<Refusals, Error> {
    let (rejects, mut refusals) = (&context.out.rejects, Refusals::default());
    let names = suspects
        .listed
        .iter()
        .filter(|suspect| !matches!(suspect.place, SuspectPlace::FieldValue(_)));
    for Suspect { measurement, place, count, .. } in names {
        let reason = format!("Flux dropped a carriage return from {place:?}");
        refusals.add(rejects.uncarried(batch, &reason, *count, measurement)?);
    }
    if suspects.unlisted_under_names > 0 {
        let reason = "Flux dropped carriage returns from further names";
        refusals.add(rejects.uncarried(batch, reason, suspects.unlisted_under_names, b"")?);
    }
    Ok(refusals)
}

fn error_text(error: &Error) -> String {
    match error {
        Error::Influx { source, .. } => {
            format!("{}: {}", source.kind().words(), source.message)
        }
        Error::Decode { source, .. } => source.to_string(),
        error => error.to_string(),
    }
}
