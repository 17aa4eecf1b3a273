//! One slice on its way in: request, stream, decode, hand the frames on.

use tokio::sync::mpsc;

use super::context::Context;
use super::error::Error;
use super::event::Counters;
use super::progress::Progress;
use crate::influx::classify::{self, Action};
use crate::influx::error::{Error as InfluxError, FailureKind};
use crate::limits::DECODE_STEP_BYTES_MAX;
use crate::model::frame::Frame;
use crate::model::side::Side;
use crate::wire::csv::decoder::{Decoder, DecoderSettings, Totals};
use crate::wire::csv::error::Error as DecodeError;

/// What one request asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The query.
    pub query: String,
    /// What it is, for messages.
    pub what: String,
    /// Bytes expected in the answer: what the quota is debited with before.
    pub bytes_predicted: u64,
    /// True for the form in which the server escapes strings.
    pub unescape_strings: bool,
}

/// A slice that was read to its proper end.
#[derive(Debug)]
pub struct Fetched {
    /// What the decoder saw.
    pub totals: Totals,
    /// Bytes of the answer, decoded.
    pub bytes: u64,
    /// Time from the request to the end of the answer.
    pub elapsed_ms: u64,
}

/// Reads one slice to its end, in one try. Frames go out while the answer still comes in: writing them is safe because a
/// write can be repeated, but nothing counts before this function has returned.
pub async fn read(
    context: &Context,
    progress: &Progress,
    request: &Request,
    frames: mpsc::Sender<Frame>,
) -> Result<Fetched, Error> {
    let influx = |error| Error::influx(&request.what, error);
    let decode = |error| Error::decode(&request.what, error);
    let counters = &context.counters;
    let admission = context.source.admit(request.bytes_predicted).await;
    let stream = context.source.query(&request.query, &request.what).await.map_err(influx)?;
    let mut stream = stream.charge(admission);
    Counters::add(&counters.source_requests, 1);
    let mut decoder = Decoder::new(DecoderSettings {
        field_label: context.job.field_label.clone(),
        unescape_strings: request.unescape_strings,
    });
    let mut ready = Vec::new();
    let (mut wire, mut decoded) = (0, 0);
    loop {
        let next = stream.next().await;
        let own_delay = stream.reader_busy_ms() * 2 > stream.elapsed_ms();
        let Some(chunk) = next.map_err(|source| missed(&request.what, source, own_delay))? else {
            break;
        };
        Counters::add(&counters.source_bytes_wire, stream.wire_bytes() - wire);
        Counters::add(&counters.source_bytes_decoded, stream.decoded_bytes() - decoded);
        progress.bytes(context, stream.decoded_bytes() - decoded);
        (wire, decoded) = (stream.wire_bytes(), stream.decoded_bytes());
        for step in chunk.chunks(DECODE_STEP_BYTES_MAX) {
            decoder.push(step, &mut ready).map_err(decode)?;
            send(&mut ready, &frames).await?;
        }
    }
    let totals = decoder.finish(&mut ready).map_err(decode)?;
    send(&mut ready, &frames).await?;
    Ok(Fetched { totals, bytes: decoded, elapsed_ms: stream.elapsed_ms() })
}

/// A deadline that passed while the answer waited for us more than we for it is no reason to read less at a time.
fn missed(what: &str, source: InfluxError, own_delay: bool) -> Error {
    if own_delay && source.kind() == FailureKind::Timeout {
        return Error::OwnDelay { what: what.to_owned(), source };
    }
    Error::influx(what, source)
}

async fn send(ready: &mut Vec<Frame>, frames: &mpsc::Sender<Frame>) -> Result<(), Error> {
    for frame in ready.drain(..) {
        frames.send(frame).await.map_err(|_| Error::StageGone("encode"))?;
    }
    Ok(())
}

/// What kind of failure a failed try of a slice was, if it was the source's.
pub fn failure(error: &Error) -> Option<FailureKind> {
    match error {
        Error::Influx { source, .. } if source.side == Side::Source => Some(source.kind()),
        Error::OwnDelay { source, .. } => Some(source.kind()),
        Error::Decode { source, .. } => match source {
            DecodeError::Query { message, .. } | DecodeError::GluedError { message } => {
                Some(classify::classify_query_text(message))
            }
            DecodeError::Incomplete { .. } => Some(FailureKind::Interrupted),
            _ => None,
        },
        _ => None,
    }
}

/// What a slice that failed for the `tries`th time in a row calls for. An answer that breaks off twice at the same slice
/// breaks off for its size.
pub fn action(kind: FailureKind, tries: u32) -> Action {
    match kind {
        FailureKind::Interrupted if tries >= CUTS_BEFORE_SPLIT => Action::Split,
        _ => classify::action(&kind),
    }
}

/// Answers of one slice that break off before it is split.
const CUTS_BEFORE_SPLIT: u32 = 2;
