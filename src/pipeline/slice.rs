//! One slice: read, decoded, encoded and written; tried again, or cut in halves, as its failures ask for.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Duration;

use super::context::Context;
use super::encode;
use super::error::Error;
use super::event::{Counters, Event};
use super::fetch::{self, Request};
use super::plan::Slice;
use super::rejects::Refusal;
use crate::influx::classify::Action;
use crate::influx::signal::{Signal, WaitCause};
use crate::limits::FRAMES_QUEUED_MAX;
use crate::model::side::Side;
use crate::model::time::TimeRange;
use crate::wire::csv::suspect::{Place, Suspect, Suspects};
use crate::wire::flux;

/// How a slice is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// All values; strings arrive without their carriage returns.
    Plain,
    /// The strings with carriage returns alone, escaped by the server.
    Escaped,
}

/// What became of a slice, or of several.
#[derive(Debug, Default)]
pub struct Moved {
    /// Values read.
    pub values: u64,
    /// Source bytes.
    pub bytes: u64,
    /// Requests that were tried again.
    pub retries: u64,
    /// Values refused.
    pub refusals: Vec<Refusal>,
}

impl Moved {
    /// Adds another part.
    pub fn add(&mut self, other: Self) {
        self.values += other.values;
        self.bytes += other.bytes;
        self.retries += other.retries;
        self.refusals.extend(other.refusals);
    }
}

/// Reads and writes one slice, split and retried as its failures ask for; its parts keep its permit.
pub async fn run(
    context: Arc<Context>,
    batch: TimeRange,
    slice: Slice,
    form: Form,
    permit: OwnedSemaphorePermit,
) -> Result<Moved, Error> {
    let mut moved = Moved::default();
    let mut parts = vec![slice];
    let mut pauses = context.source.backoff();
    let mut tries = 0;
    while let Some(part) = parts.pop() {
        let request = request(&context, batch, part, form);
        let error = match attempt(&context, batch, &request, form).await {
            Ok(done) => {
                if form == Form::Plain {
                    context.bytes_per_value.learn(done.values, done.bytes);
                }
                moved.add(done);
                tries = 0;
                pauses = context.source.backoff();
                continue;
            }
            Err(error) => error,
        };
        tries += 1;
        moved.retries += 1;
        Counters::add(&context.counters.retries, 1);
        let Some(kind) = fetch::failure(&error) else { return Err(error) };
        context.source.back_off(&kind);
        match (fetch::action(kind, tries), part.halves()) {
            _ if tries > context.source.retries_max() => return Err(error),
            (Action::Split, Some(halves)) => {
                Counters::add(&context.counters.splits, 1);
                context.tell(Event::Split { batch, slice: part.range, cause: error_text(&error) });
                parts.extend(halves.into_iter().rev());
                tries = 0;
            }
            (Action::Split | Action::Retry, _) => {
                pause(&context, &request.what, tries, &error, pauses.next_ms()).await;
                parts.push(part);
            }
            // The gate of the source is shut: the next request waits there.
            (Action::BackOff, _) => parts.push(part),
            (Action::Reject | Action::Stop, _) => return Err(error),
        }
    }
    drop(permit);
    Ok(moved)
}

async fn attempt(
    context: &Arc<Context>,
    batch: TimeRange,
    request: &Request,
    form: Form,
) -> Result<Moved, Error> {
    let (sender, receiver) = mpsc::channel(FRAMES_QUEUED_MAX);
    let read = fetch::read(context, request, sender);
    let write = encode::encode_and_write(context, batch, receiver);
    let (fetched, written) = tokio::join!(read, write);
    // The writer's failure is the cause if both failed: the reader then only found nobody to hand frames to.
    let written = written?;
    let fetched = fetched?;
    let values = fetched.totals.values;
    let mut refusals = written.refusals;
    let (mut values_read, mut values_written) = (values, written.values);
    match form {
        Form::Plain => {
            for refusal in lost_names(&fetched.totals.suspects) {
                let (values, reason) = (refusal.values, refusal.reason.clone());
                context.tell(Event::Rejected { batch, values, reason });
                refusals.push(refusal);
            }
        }
        // These values were counted when they were read without their carriage returns.
        Form::Escaped => {
            (values_read, values_written) = (0, 0);
            for refusal in &mut refusals {
                refusal.values = 0;
                refusal.reason = format!("the exact form of a line above: {}", refusal.reason);
            }
        }
    }
    Counters::add(&context.counters.values_read, values_read);
    let bytes_read = fetched.bytes;
    context.tell(Event::BatchProgress { batch, values_read, values_written, bytes_read });
    Ok(Moved { values, bytes: bytes_read, retries: 0, refusals })
}

fn request(context: &Context, batch: TimeRange, part: Slice, form: Form) -> Request {
    let (selection, label) = (context.job.selection(part.range), &context.job.field_label);
    let (query, what) = match form {
        Form::Plain => (flux::read(selection, label), "slice"),
        Form::Escaped => (flux::read_carriage_returns(selection, label), "carriage returns in slice"),
    };
    Request {
        query,
        what: format!("{what} {} of batch {batch}", part.range),
        bytes_predicted: context.bytes_per_value.predict(part.values_predicted),
        unescape_strings: form == Form::Escaped,
    }
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

/// Names that lost a carriage return on their way. Values that did are found by the source and read again.
fn lost_names(suspects: &Suspects) -> Vec<Refusal> {
    let refusal = |suspect: &Suspect| Refusal {
        values: suspect.count,
        reason: format!("Flux dropped a carriage return from {:?}", suspect.place),
        line: suspect.measurement.to_vec(),
        carried: false,
    };
    let names =
        suspects.listed.iter().filter(|suspect| !matches!(suspect.place, Place::FieldValue(_)));
    let mut refusals: Vec<_> = names.map(refusal).collect();
    if suspects.unlisted_under_names > 0 {
        refusals.push(Refusal {
            values: suspects.unlisted_under_names,
            reason: "Flux dropped carriage returns from further names".to_owned(),
            line: Vec::new(),
            carried: false,
        });
    }
    refusals
}

fn error_text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}
