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
use crate::pipeline::write::refusals::Refusals;
use crate::pipeline::write::refused::{self, Verdict};
use crate::wire::line::body::Body;
use crate::wire::line::conflict::{self, PartialWrite};
use crate::wire::line::fields::count_fields;
use crate::wire::line::split::split_lines;

/// What became of some lines.
#[derive(Debug, Default)]
pub struct Written {
    /// Lines acknowledged.
    pub lines: u64,
    /// Values acknowledged.
    pub values: u64,
    /// Values refused.
    pub refusals: Refusals,
}

impl Written {
    /// Adds another part.
    pub fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.values += other.values;
        self.refusals.add(other.refusals);
    }

    /// Adds values that were refused just now.
    pub async fn refuse(&mut self, mut refusals: Refusals) -> Result<(), Error> {
        refusals.settle().await?;
        self.refusals.add(refusals);
        Ok(())
    }
}

/// Writes one body: retried while the trouble is temporary, in parts while it is too large or holds refused lines. After
/// the server has refused lines the rest of a body is not known to be stored, so every part is sent until it is answered
/// with 204, or all of it is known to be refused.
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
        match refused::judge(&part, &failure) {
            Verdict::Refused(groups, rest) => {
                for (reason, lines) in groups {
                    let values = values_of(&lines);
                    let refusals = out.rejects.lines(batch, &reason, values, &lines)?;
                    written.refuse(refusals).await?;
                }
                parts.extend(rest);
            }
            Verdict::Apart(smaller) => parts.extend(smaller),
            Verdict::NothingTaken => {
                return Err(Error::NothingTaken { batch, bytes: part.len() });
            }
            Verdict::Foreign => return Err(foreign(batch, &failure)),
        }
    }
    Ok(written)
}

fn foreign(batch: TimeRange, failure: &influx::error::Error) -> Error {
    let text = if failure.message.starts_with('<') {
        "a page of HTML".to_owned()
    } else {
        failure.cause()
    };
    Error::ForeignRefusal { batch, status: failure.status.unwrap_or_default(), text }
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
    let (lines, values) =
        known.unwrap_or_else(|| (split_lines(part).count() as u64, values_of(part)));
    Counters::add(&out.counters.lines_written, lines);
    Counters::add(&out.counters.values_written, values);
    Counters::add(&out.counters.body_bytes, part.len() as u64);
    out.counters.bodies.fetch_add(1, Ordering::Relaxed);
    Written { lines, values, refusals: Refusals::default() }
}

fn values_of(lines: &[u8]) -> u64 {
    split_lines(lines).map(|line| count_fields(&lines[line])).sum()
}
