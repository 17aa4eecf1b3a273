//! One slice on its way through: read, encoded and written, tried again or split as its failures ask for.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Duration;

use super::context::Context;
use super::encode;
use super::error::Error;
use super::event::{Counters, Event};
use super::fetch::{self, Request};
use super::plan::Slice;
use super::progress::Progress;
use super::rejects::Refusal;
use crate::influx::classify::Action;
use crate::influx::signal::{Signal, WaitCause};
use crate::limits::FRAMES_QUEUED_MAX;
use crate::model::side::Side;
use crate::model::time::TimeRange;
use crate::wire::csv::suspect::{Place, Suspect, Suspects};
use crate::wire::flux;

/// What of a range is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// All values.
    Values,
    /// The strings that hold a carriage return, escaped by the server.
    CarriageReturns,
}

impl Form {
    fn request(self, context: &Context, batch: TimeRange, part: Slice) -> Request {
        let (selection, label) = (context.job.selection(part.range), &context.job.field_label);
        let bytes_predicted = context.cost.bytes(part.values_predicted);
        match self {
            Self::Values => Request {
                query: flux::read(selection, label),
                what: format!("slice {} of batch {batch}", part.range),
                bytes_predicted,
                unescape_strings: false,
            },
            Self::CarriageReturns => Request {
                query: flux::read_carriage_returns(selection, label),
                what: format!("strings with carriage returns in {} of batch {batch}", part.range),
                bytes_predicted,
                unescape_strings: true,
            },
        }
    }
}

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
    progress: Arc<Progress>,
    slice: Slice,
    form: Form,
) -> Result<Moved, Error> {
    let batch = progress.batch();
    let mut moved = Moved::default();
    let mut parts = vec![slice];
    let mut pauses = context.source.backoff();
    let mut tries = 0;
    while let Some(part) = parts.pop() {
        let request = form.request(&context, batch, part);
        let error = match attempt(&context, &progress, &request, form).await {
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
        Counters::add(&context.counters.retries, 1);
        let Some(kind) = fetch::failure(&error) else { return Err(error) };
        context.source.back_off(&kind);
        match (fetch::action(kind, tries), part.halves()) {
            _ if tries > context.source.retries_max() => return Err(error),
            _ if matches!(error, Error::OwnDelay { .. }) && context.slices.lower() => {
                let count = context.slices.count();
                context.tell(Event::Notice(format!(
                    "{error}: going on with {count} slices at a time"
                )));
                parts.push(part);
            }
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
    Ok(moved)
}

async fn attempt(
    context: &Arc<Context>,
    progress: &Progress,
    request: &Request,
    form: Form,
) -> Result<Moved, Error> {
    let (sender, receiver) = mpsc::channel(FRAMES_QUEUED_MAX);
    let read = fetch::read(context, progress, request, sender);
    let write = encode::encode_and_write(context, progress.batch(), receiver);
    let (fetched, written) = tokio::join!(read, write);
    // The writer's failure is the cause if both failed: the reader then only found nobody to hand frames to.
    let written = written?;
    let fetched = fetched?;
    if form == Form::Values {
        context.cost.learn(fetched.totals.values, fetched.bytes, fetched.elapsed_ms);
    }
    Counters::add(&context.counters.values_read, fetched.totals.values);
    progress.values(context, fetched.totals.values, written.values);
    let mut refusals = written.refusals;
    refusals.extend(lost_names(&fetched.totals.suspects));
    Ok(Moved { values: fetched.totals.values, bytes: fetched.bytes, retries: 0, refusals })
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
fn lost_names(suspects: &Suspects) -> Vec<Refusal> {
    let refusal = |suspect: &Suspect| Refusal {
        values: suspect.count,
        reason: format!("Flux dropped a carriage return from {:?}", suspect.place),
        line: suspect.measurement.to_vec(),
        carried: false,
    };
    let names =
        suspects.listed.iter().filter(|suspect| !matches!(suspect.place, Place::FieldValue(_)));
    let mut refusals: Vec<Refusal> = names.map(refusal).collect();
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
    match error {
        Error::Influx { source, .. } | Error::OwnDelay { source, .. } => {
            format!("{}: {}", source.kind().words(), source.message)
        }
        Error::Decode { source, .. } => source.to_string(),
        error => error.to_string(),
    }
}
