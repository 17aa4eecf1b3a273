//! One slice on its way in: request, stream, decode, hand the frames on.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::influx::classify::{self, Action, RequestKind};
use crate::influx::error::{Error as InfluxError, FailureKind};
use crate::influx::influxql::Encoding;
use crate::influx::stream::QueryStream;
use crate::limits::{CUTS_BEFORE_SPLIT, DECODE_STEP_BYTES_MAX, HELD_UNIT_VALUES, HELD_VALUES_MAX};
use crate::model::canary::Canary;
use crate::model::frame::Frame;
use crate::model::side::Side;
use crate::model::time::TimeRange;
use crate::pipeline::context::Context;
use crate::pipeline::error::Error;
use crate::pipeline::event::Counters;
use crate::pipeline::plan::catalogue;
use crate::pipeline::plan::target::{Ask, Target};
use crate::pipeline::progress::Progress;
use crate::wire::answer::AnswerDecoder;
use crate::wire::frames::totals::AnswerTotals;
use crate::wire::influxql::decoder::Format;

/// What one request asks for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Which values, and how.
    pub target: &'a Target,
    /// Of which range.
    pub range: TimeRange,
    /// What it is, for messages.
    pub what: &'a str,
    /// Values expected in the answer.
    pub values_predicted: u64,
    /// Bytes of frames that may be held.
    pub held_bytes_max: usize,
}

/// A slice that was read to its proper end.
#[derive(Debug)]
pub struct Fetched {
    /// What the decoder saw.
    pub totals: AnswerTotals,
    /// Bytes of the answer, decoded.
    pub bytes: u64,
    /// Time from the request to the end of the answer.
    pub elapsed: Duration,
    /// When that was.
    pub ended: Instant,
    /// Time from the request to its first byte.
    pub first_byte: Duration,
    /// Time in which the answer waited for its reader.
    pub reader_busy: Duration,
}

/// Reads one slice to its end, in one try. No frame goes out before the answer is proven whole, so nothing of one that
/// turns out damaged is ever written; that of restored series also not before it is sure that no series was added
/// meanwhile; and what Flux could have read too not before a sample of it was held against Flux.
pub async fn read(
    context: &Context,
    progress: &Progress,
    request: Request<'_>,
    frames: mpsc::Sender<Frame>,
) -> Result<Fetched, Error> {
    let units = request.values_predicted.min(HELD_VALUES_MAX).div_ceil(HELD_UNIT_VALUES);
    let units = u32::try_from(units).unwrap_or(u32::MAX);
    let _held = context.held.acquire_many(units).await.map_err(|_| Error::StageGone("held"))?;
    let mut held = Vec::new();
    let fetched = stream_into(&mut held, context, progress, request).await;
    if fetched.is_err() && context.source.canary() == Canary::DamagedWritten {
        for frame in held.drain(..) {
            frames.send(frame).await.map_err(|_| Error::StageGone("encode"))?;
        }
    }
    let fetched = fetched?;
    if let Some((measurement, known)) = request.target.known() {
        let now = catalogue::cardinality(context, measurement).await?;
        if now != Ok(known.cardinality) {
            let (before, now) =
                (known.cardinality, now.map_or_else(|text| text, |now| now.to_string()));
            return Err(Error::SeriesChanged { what: request.what.to_owned(), before, now });
        }
    }
    let held = context.witness.hear(context, progress, request, held).await?;
    for frame in held {
        frames.send(frame).await.map_err(|_| Error::StageGone("encode"))?;
    }
    Ok(fetched)
}

/// The whole answer, in frames.
pub(super) async fn stream(
    context: &Context,
    progress: &Progress,
    request: Request<'_>,
) -> Result<(Fetched, Vec<Frame>), Error> {
    let mut held = Vec::new();
    let fetched = stream_into(&mut held, context, progress, request).await?;
    Ok((fetched, held))
}

async fn stream_into(
    held: &mut Vec<Frame>,
    context: &Context,
    progress: &Progress,
    request: Request<'_>,
) -> Result<Fetched, Error> {
    let what = request.what;
    let counters = &context.out.counters;
    let decode = |error| Error::decode(what, error);
    let (ask, settings) = request.target.ask(context, request.range);
    let predicted = request.target.cost(context).bytes(request.values_predicted);
    let admission = context.source.admit(predicted).await;
    let stream = send(context, &ask, what).await?;
    let mut stream = stream.charge(admission);
    Counters::add(&counters.slice_requests, 1);
    let mut decoder = AnswerDecoder::new(settings);
    let (mut counted, mut held_bytes) = (0, 0);
    let (mut wire, mut decoded) = (0, 0);
    let mut first_byte = None;
    loop {
        let next = stream.next().await.map_err(|error| Error::influx(what, error))?;
        let Some(chunk) = next else { break };
        first_byte.get_or_insert_with(|| stream.elapsed());
        Counters::add(&counters.slice_bytes_wire, stream.wire_bytes() - wire);
        Counters::add(&counters.slice_bytes_decoded, stream.decoded_bytes() - decoded);
        progress.bytes(context, stream.decoded_bytes() - decoded);
        (wire, decoded) = (stream.wire_bytes(), stream.decoded_bytes());
        if context.job.cut_at_bytes.is_some_and(|most| context.source.quota().total_bytes() > most)
        {
            return Err(Error::CutOff { what: what.to_owned() });
        }
        for step in chunk.chunks(DECODE_STEP_BYTES_MAX) {
            if let Err(error) = decoder.push(step, held) {
                // What the checksum says of such an answer counts before what the answer says.
                stream.verified().await.map_err(|source| Error::influx(what, source))?;
                return Err(decode(error));
            }
            held_bytes += held[counted..].iter().map(Frame::memory_bytes).sum::<usize>();
            counted = held.len();
            if held_bytes > request.held_bytes_max {
                return Err(Error::TooMuchHeld { what: what.to_owned() });
            }
        }
    }
    let totals = decoder.finish(held).map_err(decode)?;
    let elapsed = stream.elapsed();
    let first_byte = first_byte.unwrap_or(elapsed);
    let (ended, reader_busy) = (Instant::now(), stream.reader_busy());
    Ok(Fetched { totals, bytes: decoded, elapsed, ended, first_byte, reader_busy })
}

async fn send(context: &Context, ask: &Ask, what: &str) -> Result<QueryStream, Error> {
    let sent = match (ask, &context.job.routes.access) {
        (Ask::Flux(query), _) => context.source.query(query, what).await,
        (Ask::Influxql(statements), Some(access)) => {
            let (database, encoding) = (&access.database, access.encoding);
            context.source.influxql_stream(database, statements, encoding, what).await
        }
        (Ask::Influxql(_), None) => return Err(Error::StageGone("InfluxQL")),
    };
    sent.map_err(|error| Error::influx(what, error))
}

/// The format of an encoding; MessagePack where none was proven, in which case nothing is sent.
pub fn format(encoding: Option<Encoding>) -> Format {
    match encoding {
        Some(Encoding::Json) => Format::Json,
        Some(Encoding::MessagePack) | None => Format::MessagePack,
    }
}

/// True if a failed query may succeed later; else the source refuses it.
pub fn may_pass(error: &InfluxError) -> bool {
    classify::is_temporary(RequestKind::Query, &error.kind())
}

/// What kind of failure the `tries`th failed try of a slice was, if it was the source's.
pub fn failure(error: &Error, tries: u32) -> Option<FailureKind> {
    match error {
        Error::Influx { source, .. } if source.side == Side::Source => Some(source.kind()),
        Error::TooMuchHeld { .. } => Some(FailureKind::TooLarge),
        // What is no answer of InfluxDB was damaged on the way, or came from something in between: that may pass. What looks
        // like the bucket's own content is believed the second time.
        Error::Decode { source, .. } if source.is_final() && tries >= CUTS_BEFORE_SPLIT => None,
        Error::Decode { source, .. } => Some(
            source.failed_query().map_or(FailureKind::Interrupted, classify::classify_query_text),
        ),
        _ => None,
    }
}

/// True if an answer does not fit what the choice of its transport was based on: a form that needs to know less will do.
pub fn is_misfit(error: &Error) -> bool {
    match error {
        Error::SeriesChanged { .. } | Error::NotAsFlux { .. } => true,
        Error::Decode { source, .. } => source.is_misfit(),
        _ => false,
    }
}

/// What a slice that failed for the `tries`th time in a row calls for. An answer that breaks off twice at the same slice
/// breaks off for its size.
pub fn action(kind: FailureKind, tries: u32) -> Action {
    match kind {
        FailureKind::Interrupted if tries >= CUTS_BEFORE_SPLIT => Action::Split,
        // Of a smaller slice a proxy may tell the length; where there is none, it is what it is.
        FailureKind::Unframed if tries > CUTS_BEFORE_SPLIT => Action::Stop,
        FailureKind::Unframed if tries == CUTS_BEFORE_SPLIT => Action::Split,
        _ => classify::action(&kind),
    }
}
