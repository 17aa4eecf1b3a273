//! One body on its way out, down to the single lines that the destination refuses.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use tokio::time::Instant;

use crate::influx;
use crate::influx::error::FailureKind;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::event::Counters;
use crate::pipeline::write::clash::ConflictPolicy;
use crate::pipeline::write::outlet::{Bucket, Outlet};
use crate::pipeline::write::pool;
use crate::pipeline::write::rejects::Refusal;
use crate::wire::line::body::Body;
use crate::wire::line::conflict::{self, PartialWrite};
use crate::wire::line::split::{count_fields, split_lines};

/// What became of some lines.
#[derive(Debug, Default)]
pub struct Written {
    /// Lines acknowledged.
    pub lines: u64,
    /// Values acknowledged.
    pub values: u64,
    /// Values refused.
    pub refusals: Vec<Refusal>,
}

impl Written {
    /// Adds another part.
    pub fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.values += other.values;
        self.refusals.extend(other.refusals);
    }
}

/// Writes one body: retried while the trouble is temporary, halved while it is too large or holds refused lines, down to
/// single lines, which become refusals. After the server has said 422 the rest of a body is not known to be stored, so
/// every part is sent until it is answered with 204.
pub async fn send_all(out: &Outlet, batch: TimeRange, body: Body) -> Result<Written, Error> {
    let mut written = Written::default();
    let mut whole = Some((body.lines, body.values));
    let Some(bucket) = out.bucket() else {
        written.add(acknowledged(out, &body.bytes, whole));
        return Ok(written);
    };
    let mut parts = vec![body.bytes];
    while let Some(part) = parts.pop() {
        let known = whole.take();
        let what = format!("write of {} bytes of batch {batch}", part.len());
        let failure = match send(out, bucket, &part, &what).await? {
            Ok(()) => {
                written.add(acknowledged(out, &part, known));
                continue;
            }
            Err(failure) => failure,
        };
        match failure.kind() {
            FailureKind::TooLarge => match halves(&part) {
                Some(halves) => parts.extend(halves),
                None => written.refusals.push(refuse(&part, &failure.message)),
            },
            FailureKind::PartialWrite | FailureKind::BadRequest => {
                let reason = &failure.message;
                let partial = conflict::parse_partial_write(reason);
                if matches!(partial, PartialWrite::TypeConflict { .. })
                    && bucket.on_type_conflict == ConflictPolicy::Stop
                {
                    return Err(Error::TypeConflict { batch, text: reason.to_owned() });
                }
                match halves(&part) {
                    Some(halves) => parts.extend(halves),
                    None => written.refusals.push(refuse(&part, reason)),
                }
            }
            _ => return Err(Error::influx(what, failure)),
        }
        if written.refusals.len() as u64 > out.rejects.max {
            return Err(Error::RejectLimit {
                rejected: written.refusals.len() as u64,
                limit: out.rejects.max,
                path: out.rejects.path.clone(),
            });
        }
    }
    Ok(written)
}

/// Sends one body, packed if that pays, and tells the pressure how it went.
async fn send(
    out: &Outlet,
    bucket: &Bucket,
    part: &Bytes,
    what: &str,
) -> Result<Result<(), influx::error::Error>, Error> {
    let (client, bucket) = (&bucket.client, &bucket.name);
    let packed = out.pressure.packs();
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
        out.pressure.acknowledged(bytes, begun.elapsed(), packed, client.refusals());
    }
    Ok(sent)
}

fn acknowledged(out: &Outlet, part: &[u8], known: Option<(u64, u64)>) -> Written {
    let (lines, values) = known.unwrap_or_else(|| {
        split_lines(part)
            .fold((0, 0), |(lines, values), line| (lines + 1, values + count_fields(&part[line])))
    });
    Counters::add(&out.counters.lines_written, lines);
    Counters::add(&out.counters.values_written, values);
    Counters::add(&out.counters.body_bytes, part.len() as u64);
    out.counters.bodies.fetch_add(1, Ordering::Relaxed);
    Written { lines, values, refusals: Vec::new() }
}

/// A body in two halves at a line end, or `None` if it is one line.
fn halves(part: &Bytes) -> Option<[Bytes; 2]> {
    let lines: Vec<_> = split_lines(part).collect();
    if lines.len() < 2 {
        return None;
    }
    let cut = lines[lines.len() / 2].start;
    // The second half lies on the stack below the first: lines stay in order.
    Some([part.slice(cut..), part.slice(..cut)])
}

fn refuse(line: &[u8], reason: &str) -> Refusal {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let values = count_fields(line);
    Refusal { values, reason: reason.to_owned(), line: line.to_vec(), carried: true }
}
