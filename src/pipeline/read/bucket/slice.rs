//! One slice on its way through: read, encoded and written, tried again or split as its failures ask for.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Duration;

use super::answer::{FetchedSlice, ReadAttempt};
use super::reader::BucketReader;
use super::{failure, fetch};
use crate::influx::classify::Action;
use crate::influx::signal::{Signal, WaitCause};
use crate::limits::FRAMES_QUEUED_MAX;
use crate::model::scale::whole_ms;
use crate::model::side::Side;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::event::{Counters, Event};
use crate::pipeline::plan::request::SliceRequest;
use crate::pipeline::plan::slice::Slice;
use crate::pipeline::read::batch::Moved;
use crate::pipeline::read::progress::BatchProgress;
use crate::pipeline::source::layer::Layer;
use crate::pipeline::write::BatchSink;
use crate::pipeline::write::rejects::refusals::RefusedValues;
use crate::wire::csv::suspect::{Suspect, SuspectPlace, Suspects};

/// Reads and writes one slice; split, retried, or asked for in a plainer form as its failures ask for. Its parts keep its
/// permit.
pub(crate) async fn run(
    reader: Arc<BucketReader>,
    progress: Arc<BatchProgress>,
    sink: BatchSink,
    slice: Slice,
) -> Result<Moved, Error> {
    let batch = progress.batch();
    let mut moved = Moved::default();
    let mut parts = vec![slice];
    let mut pauses = reader.source.client.backoff();
    let mut tries = 0;
    while let Some(part) = parts.pop() {
        let what = format!("slice {} {} of batch {batch}", part.range, part.request);
        let error = match attempt(&reader, &progress, &sink, &part, &what).await {
            Ok(done) => {
                moved.add(done);
                tries = 0;
                pauses = reader.source.client.backoff();
                continue;
            }
            Err(error) => error,
        };
        tries += 1;
        moved.retries += 1;
        Counters::add(&reader.out.counters.retries, 1);
        if failure::is_misfit(&error)
            && let Some(plain) = part.request.plain(part.layer)
        {
            note_doubt(&reader, &error).await?;
            give_up_choice(&reader, &part, &plain, &error);
            parts.push(part.by(plain));
            continue;
        }
        let Some(kind) = failure::source_failure(&error, reader.source.client.side(), tries) else {
            return Err(error);
        };
        reader.source.client.back_off(&kind);
        match (failure::action(kind, tries), part.parts()) {
            (_, None) if matches!(error, Error::TooMuchHeld { .. }) => {
                parts.push(part.held_whole().ok_or(error)?);
            }
            _ if tries > reader.source.client.retries_max() => return Err(error),
            (Action::Split, Some(smaller)) => {
                Counters::add(&reader.out.counters.splits, 1);
                reader.tell(Event::Split { batch, slice: part.range, cause: error_text(&error) });
                parts.extend(smaller.into_iter().rev());
                tries = 0;
            }
            (Action::Split | Action::Retry, _) => {
                pause(&reader, &what, tries, &error, pauses.next_ms()).await;
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
fn give_up_choice(reader: &BucketReader, part: &Slice, plain: &SliceRequest, error: &Error) {
    for measurement in part.request.measurements() {
        reader.choices.forget(measurement);
        if let Error::Misled { text, .. } = error {
            reader.source.flux_only.add(measurement, text);
        }
    }
    reader.tell(Event::Notice(format!(
        "{} {}: {}; read {plain} instead",
        part.range,
        part.request,
        error_text(error)
    )));
}

/// Keeps for good what was read before in a way that has just proved wrong, if that is what the error says.
async fn note_doubt(reader: &BucketReader, error: &Error) -> Result<(), Error> {
    let Error::NotAsFlux { text, measurement: Some(measurement), .. } = error else {
        return Ok(());
    };
    reader.source.flux_only.add(measurement, text);
    let Some(before) = reader.witness.retract(measurement) else { return Ok(()) };
    let doubt = format!(
        "{before}: read in the same way before, perhaps wrongly, and values may stand there that the source does not hold \
         ({text})"
    );
    reader.tell(Event::Notice(doubt.clone()));
    reader.checkpoint.note_doubt(&doubt).await
}

async fn attempt(
    reader: &BucketReader,
    progress: &BatchProgress,
    sink: &BatchSink,
    part: &Slice,
    what: &str,
) -> Result<Moved, Error> {
    let (sender, receiver) = mpsc::channel(FRAMES_QUEUED_MAX);
    let Slice { range, request, values_predicted, held_bytes_max, .. } = part;
    let attempt = ReadAttempt {
        request,
        range: *range,
        what,
        values_predicted: *values_predicted,
        held_bytes_max: *held_bytes_max,
    };
    let read = fetch::read(reader, progress, attempt, sender);
    // What is read by Flux comes first, without its carriage returns.
    let is_restored = matches!(request, SliceRequest::CarriageReturns(_));
    let write = sink.take(receiver, is_restored);
    let (fetched, written) = tokio::join!(read, write);
    // The writer's failure is the cause if both failed: the reader then only found nobody to hand frames to.
    let written = written?;
    let fetched = fetched?;
    let values = fetched.totals.values;
    let elapsed_ms = whole_ms(fetched.elapsed);
    request.cost(&reader.choices).learn(values, fetched.bytes, elapsed_ms);
    let mut refusals = written.refusals;
    refusals.add(lost_names(reader, progress.batch(), &fetched.totals.suspects)?);
    if !is_restored {
        Counters::add(&reader.out.counters.values_read, values);
        progress.values(values, written.values);
        reader.tell(Event::SliceRead {
            batch: progress.batch(),
            values,
            bytes: fetched.bytes,
            transport: request.transport(),
            first_byte: fetched.first_byte,
            elapsed: fetched.elapsed,
            reader_busy: fetched.reader_busy,
            written: fetched.ended.elapsed(),
        });
    }
    let used = (!is_restored && values > 0).then_some(request.transport());
    let transports = used.into_iter().collect();
    let by_influxql = match request {
        SliceRequest::Influxql(..) => request.measurements().into_iter().cloned().collect(),
        _ => BTreeSet::new(),
    };
    let FetchedSlice { bytes, strings_by_flux, counts, .. } = fetched;
    let counts = if part.layer == Layer::Mixed { counts.undivided() } else { counts };
    let (digests, frames) = (written.digests, written.frames);
    Ok(Moved {
        values,
        counts,
        digests,
        frames,
        bytes,
        retries: 0,
        refusals,
        transports,
        by_influxql,
        strings_by_flux,
    })
}

async fn pause(reader: &BucketReader, what: &str, attempt: u32, error: &Error, wait_ms: u64) {
    let (side, cause) = (Side::Source, WaitCause::Backoff);
    reader.tell(Event::Client(Signal::Retried {
        side,
        what: what.to_owned(),
        attempt,
        error: error_text(error),
    }));
    reader.tell(Event::Client(Signal::WaitBegan { side, cause, wait_ms }));
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    reader.tell(Event::Client(Signal::WaitEnded { side, cause, waited_ms: wait_ms }));
}

/// Values under names that lost a carriage return on their way: they are in no frame. String values that did are found by the source and read again.
fn lost_names(
    reader: &BucketReader,
    batch: TimeRange,
    suspects: &Suspects,
) -> Result<RefusedValues, Error> {
    let (rejects, mut refusals) = (&reader.out.rejects, RefusedValues::default());
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
        Error::Misplaced { text, .. } => format!("an answer to another question: {text}"),
        error => error.to_string(),
    }
}
