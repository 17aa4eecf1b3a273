//! One answer of values, read to its proper end: request, stream, decode.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::reader::BucketReader;
use crate::influx::stream::QueryStream;
use crate::limits::DECODE_STEP_BYTES_MAX;
use crate::model::frame::{FieldType, Frame};
use crate::model::series::Name;
use crate::model::time::TimeRange;
use crate::model::transport::Transport;
use crate::pipeline::error::Error;
use crate::pipeline::event::Counters;
use crate::pipeline::plan::request::SliceRequest;
use crate::pipeline::plan::request_text::RequestText;
use crate::pipeline::read::measurement_counts::MeasurementCounts;
use crate::pipeline::read::progress::BatchProgress;
use crate::wire::answer::AnswerDecoder;
use crate::wire::frames::totals::AnswerTotals;

/// One try to read a slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadAttempt<'a> {
    /// Which values, and how.
    pub request: &'a SliceRequest,
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
pub(crate) struct FetchedSlice {
    /// What the decoder saw.
    pub totals: AnswerTotals,
    /// Values by measurement.
    pub counts: MeasurementCounts,
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
    /// Measurements of which it has brought strings, if it is Flux'.
    pub strings_by_flux: BTreeSet<Name>,
}

/// The whole answer, in frames.
pub(super) async fn read(
    reader: &BucketReader,
    progress: &BatchProgress,
    attempt: ReadAttempt<'_>,
) -> Result<(FetchedSlice, Vec<Frame>), Error> {
    let mut held = Vec::new();
    let fetched = read_into(&mut held, reader, progress, attempt).await?;
    Ok((fetched, held))
}

/// The same; of an answer that fails the frames before its failure are in `held`.
pub(super) async fn read_into(
    held: &mut Vec<Frame>,
    reader: &BucketReader,
    progress: &BatchProgress,
    attempt: ReadAttempt<'_>,
) -> Result<FetchedSlice, Error> {
    let what = attempt.what;
    let counters = &reader.out.counters;
    let decode = |error| Error::decode(what, error);
    let (text, settings) = attempt.request.text(&reader.source.job, attempt.range);
    let predicted = attempt.request.cost(&reader.choices).bytes(attempt.values_predicted);
    let admission = reader.source.client.admit(predicted).await;
    let stream = send(reader, &text, what).await?;
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
        progress.bytes(stream.decoded_bytes() - decoded);
        (wire, decoded) = (stream.wire_bytes(), stream.decoded_bytes());
        if reader
            .source
            .job
            .cut_at_bytes
            .is_some_and(|most| reader.source.client.quota().total_bytes() > most)
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
            if held_bytes > attempt.held_bytes_max {
                return Err(Error::TooMuchHeld { what: what.to_owned() });
            }
        }
    }
    let totals = decoder.finish(held).map_err(decode)?;
    let counts = MeasurementCounts::arrived(held, totals.values);
    let elapsed = stream.elapsed();
    let first_byte = first_byte.unwrap_or(elapsed);
    let (ended, reader_busy) = (Instant::now(), stream.reader_busy());
    let strings_by_flux = match attempt.request.transport() {
        Transport::Influxql => BTreeSet::new(),
        Transport::Flux | Transport::FluxKeyed | Transport::FluxPivot => with_strings(held),
    };
    let bytes = decoded;
    Ok(FetchedSlice {
        totals,
        counts,
        bytes,
        elapsed,
        ended,
        first_byte,
        reader_busy,
        strings_by_flux,
    })
}

/// The measurements that have a field of strings.
fn with_strings(frames: &[Frame]) -> BTreeSet<Name> {
    let has_strings =
        |frame: &&Frame| frame.fields.iter().any(|(_, kind)| *kind == FieldType::String);
    frames.iter().filter(has_strings).map(|frame| frame.measurement.clone()).collect()
}

async fn send(reader: &BucketReader, text: &RequestText, what: &str) -> Result<QueryStream, Error> {
    let sent = match (text, &reader.source.job.routes.access) {
        (RequestText::Flux(query), _) => reader.source.client.query(query, what).await,
        (RequestText::Influxql(statements), Some(access)) => {
            let (database, format) = (&access.database, access.format);
            reader.source.client.influxql_stream(database, statements, format, what).await
        }
        (RequestText::Influxql(_), None) => return Err(Error::StageGone("InfluxQL")),
    };
    sent.map_err(|error| Error::influx(what, error))
}
