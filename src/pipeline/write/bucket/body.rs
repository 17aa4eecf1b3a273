//! One body on its way out, down to the single lines that the destination refuses.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use tokio::time::Instant;

use super::DestinationBucket;
use super::lines::LineWriter;
use super::refused::{self, RefusalVerdict};
use super::type_conflict::ConflictPolicy;
use crate::influx;
use crate::influx::error::FailureKind;
use crate::model::measurement_digests::MeasurementDigests;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::event::Counters;
use crate::pipeline::pool;
use crate::pipeline::write::rejects::refusals::{RefusedValues, RejectBudget};
use crate::pipeline::write::written::Written;
use crate::wire::line::body::LineBody;
use crate::wire::line::conflict::{self, PartialWrite};
use crate::wire::line::fields::count_fields;
use crate::wire::line::held;
use crate::wire::line::split::split_lines;

/// Writes one body: retried while the trouble is temporary, in parts while it is too large or holds refused lines. After
/// the server has refused lines the rest of a body is not known to be stored, so every part is sent until it is answered
/// with 204, or all of it is known to be refused.
pub(crate) async fn send_all(
    out: &LineWriter,
    batch: TimeRange,
    body: LineBody,
) -> Result<Written, Error> {
    let mut written = Written::default();
    let whole = (body.lines, body.values);
    let Some(bucket) = out.bucket() else {
        written.add(acknowledged(out, body.bytes.len(), whole));
        return Ok(written);
    };
    let mut whole = Some(whole);
    let mut parts = vec![body.bytes];
    while let Some(part) = parts.pop() {
        let known = whole.take();
        let what = format!("write of {} bytes of batch {batch}", part.len());
        let failure = match send(out, bucket, &part, &what).await? {
            Ok(()) => {
                let bytes = part.len();
                let counts = match known {
                    Some(counts) => counts,
                    None => pool::run(move || counts_of(&part)).await?,
                };
                written.add(acknowledged(out, bytes, counts));
                continue;
            }
            Err(failure) => failure,
        };
        if !matches!(
            failure.kind(),
            FailureKind::TooLarge | FailureKind::PartialWrite | FailureKind::BadRequest
        ) {
            return Err(Error::influx(what, failure));
        }
        if bucket.on_type_conflict == ConflictPolicy::Stop
            && let PartialWrite::TypeConflict { .. } =
                conflict::parse_partial_write(&failure.message)
        {
            return Err(Error::TypeConflict { batch, text: failure.message.clone() });
        }
        let rejects = Arc::clone(&out.rejects);
        let Sorted { refusals, digests, rest } =
            pool::run(move || sort_out(&rejects, batch, &part, &failure)).await??;
        written.digests.take_away(digests);
        written.refuse(refusals).await?;
        parts.extend(rest);
    }
    Ok(written)
}

/// A refused body, sorted.
#[derive(Default)]
struct Sorted {
    /// What is refused for good.
    refusals: RefusedValues,
    /// The digests of that.
    digests: MeasurementDigests,
    /// What is to be sent again, the last part first.
    rest: Vec<Bytes>,
}

fn sort_out(
    rejects: &Arc<RejectBudget>,
    batch: TimeRange,
    part: &Bytes,
    failure: &influx::error::Error,
) -> Result<Sorted, Error> {
    let mut sorted = Sorted::default();
    match refused::judge(part, failure) {
        RefusalVerdict::Refused(groups, rest) => {
            for (reason, lines) in groups {
                sorted.refusals.add(rejects.lines(batch, &reason, values_of(&lines), &lines)?);
                sorted.digests.add(held::digests(&lines));
            }
            sorted.rest.extend(rest);
            Ok(sorted)
        }
        RefusalVerdict::Apart(smaller) => Ok(Sorted { rest: smaller.into(), ..sorted }),
        RefusalVerdict::NothingTaken => Err(Error::NothingTaken { batch, bytes: part.len() }),
        RefusalVerdict::Foreign => Err(foreign(batch, failure)),
    }
}

fn foreign(batch: TimeRange, failure: &influx::error::Error) -> Error {
    let status = failure.status.unwrap_or_default();
    Error::ForeignRefusal { batch, status, text: failure.cause() }
}

/// Sends one body, packed if that pays, and tells the rate how it went.
async fn send(
    out: &LineWriter,
    bucket: &DestinationBucket,
    part: &Bytes,
    what: &str,
) -> Result<Result<(), influx::error::Error>, Error> {
    let (client, bucket) = (&bucket.client, &bucket.name);
    let packed = out.write_rate.packs();
    let begun = Instant::now();
    let sent = if packed {
        let plain = part.clone();
        let body = pool::run(move || influx::pack(&plain)).await?;
        client.write_packed(bucket, body, what).await
    } else {
        client.write_retrying(bucket, part.clone(), what).await
    };
    if sent.is_ok() {
        let bytes = part.len() as u64;
        out.write_rate.acknowledged(bytes, begun.elapsed(), packed, client.refusals());
    }
    Ok(sent)
}

fn acknowledged(out: &LineWriter, bytes: usize, (lines, values): (u64, u64)) -> Written {
    Counters::add(&out.counters.lines_written, lines);
    Counters::add(&out.counters.values_written, values);
    Counters::add(&out.counters.body_bytes, bytes as u64);
    out.counters.bodies.fetch_add(1, Ordering::Relaxed);
    Written { lines, values, ..Written::default() }
}

/// Lines and values.
fn counts_of(lines: &[u8]) -> (u64, u64) {
    (split_lines(lines).count() as u64, values_of(lines))
}

fn values_of(lines: &[u8]) -> u64 {
    split_lines(lines).map(|line| count_fields(&lines[line])).sum()
}
