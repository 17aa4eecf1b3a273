//! Frames to bodies on the pool, bodies to the destination while the next ones are made.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::lines::LineWriter;
use super::type_conflict::ConflictPolicy;
use super::{DestinationBucket, body};
use crate::model::frame::Frame;
use crate::model::measurement_digests::MeasurementDigests;
use crate::model::series::Readable;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::pool;
use crate::pipeline::write::rejects::refusals::{RefusedValues, RejectBudget};
use crate::pipeline::write::written::Written;
use crate::wire::line::body::{EncoderSettings, LineBody};
use crate::wire::line::encoder::Encoder;
use crate::wire::line::held;

/// Encodes all frames of one slice and writes their bodies; returns once each body is acknowledged or its refused
/// lines are known. Without a bucket the bodies are dropped. Restored are strings that are written over what came first.
pub(crate) async fn encode_and_write(
    out: &Arc<LineWriter>,
    batch: TimeRange,
    mut frames: mpsc::Receiver<Frame>,
    is_restored: bool,
) -> Result<Written, Error> {
    let mut encoder = Encoder::new(out.encoder_settings());
    let mut written = Written::default();
    let mut writes = JoinSet::new();
    while let Some(frame) = frames.recv().await {
        let frame = match out.bucket() {
            Some(bucket) => by_type(out, bucket, batch, frame, &mut written).await?,
            None => frame,
        };
        let rejects = Arc::clone(&out.rejects);
        let mut digests = std::mem::take(&mut written.digests);
        let is_kept = out.bucket().is_some();
        let (back, digests, bodies, uncarried) = pool::run(move || {
            let (mut bodies, mut uncarried) = (Vec::new(), Vec::new());
            encoder.push(&frame, &mut bodies, &mut uncarried);
            match (is_kept, is_restored) {
                (true, false) if uncarried.is_empty() => digests.add_frame(&frame),
                (true, false) => digests.add(carried(&frame)),
                (true, true) => digests.add_restored(&frame),
                (false, _) => {}
            }
            (encoder, digests, bodies, rejects.rejected(batch, uncarried))
        })
        .await?;
        encoder = back;
        written.digests = digests;
        written.refuse(uncarried?).await?;
        start(out, batch, bodies, &mut writes, &mut written).await?;
    }
    let mut last = Vec::new();
    encoder.finish(&mut last);
    start(out, batch, last, &mut writes, &mut written).await?;
    while let Some(done) = writes.join_next().await {
        written.add(pool::joined(done)?);
    }
    Ok(written)
}

/// The digests of what line protocol carries of a frame.
fn carried(frame: &Frame) -> MeasurementDigests {
    let mut encoder = Encoder::new(EncoderSettings::default());
    let (mut bodies, mut uncarried) = (Vec::new(), Vec::new());
    encoder.push(frame, &mut bodies, &mut uncarried);
    encoder.finish(&mut bodies);
    let mut digests = MeasurementDigests::default();
    for body in &bodies {
        digests.add(held::digests(&body.bytes));
    }
    digests
}

/// Takes out, or renames, what would clash with the type that the destination's shard group holds.
async fn by_type(
    out: &Arc<LineWriter>,
    bucket: &DestinationBucket,
    batch: TimeRange,
    frame: Frame,
    written: &mut Written,
) -> Result<Frame, Error> {
    if bucket.types.is_empty() {
        return Ok(frame);
    }
    let policy = bucket.on_type_conflict;
    let (frame, clashing) = bucket.types.apply(frame, bucket.shard_group_ns, policy);
    for (frame, fixed) in clashing {
        let (field, kind) = &frame.fields[0];
        let (ours, theirs) = (kind.name(), fixed.name());
        let (measurement, field) = (Readable(&frame.measurement), Readable(field));
        let text =
            format!("{measurement}.{field}: {ours} at the source, {theirs} at the destination");
        if policy == ConflictPolicy::Stop {
            return Err(Error::TypeConflict { batch, text });
        }
        let rejects = Arc::clone(&out.rejects);
        let refused = pool::run(move || refuse_lines(&rejects, batch, &text, &frame)).await?;
        written.refuse(refused?).await?;
    }
    Ok(frame)
}

/// All lines of a frame.
fn refuse_lines(
    rejects: &Arc<RejectBudget>,
    batch: TimeRange,
    reason: &str,
    frame: &Frame,
) -> Result<RefusedValues, Error> {
    let mut encoder = Encoder::new(EncoderSettings::default());
    let (mut bodies, mut uncarried) = (Vec::new(), Vec::new());
    encoder.push(frame, &mut bodies, &mut uncarried);
    encoder.finish(&mut bodies);
    let mut refusals = rejects.rejected(batch, uncarried)?;
    for body in bodies {
        refusals.add(rejects.lines(batch, reason, body.values, &body.bytes)?);
    }
    Ok(refusals)
}

/// Starts the writes of some bodies, each as soon as there is a permit for it.
async fn start(
    out: &Arc<LineWriter>,
    batch: TimeRange,
    bodies: impl IntoIterator<Item = LineBody>,
    writes: &mut JoinSet<Result<Written, Error>>,
    written: &mut Written,
) -> Result<(), Error> {
    for body in bodies {
        let permit = out.write_rate.permits().one().await?;
        let out = Arc::clone(out);
        writes.spawn(async move {
            let done = body::send_all(&out, batch, body).await;
            drop(permit);
            done
        });
        while let Some(done) = writes.try_join_next() {
            written.add(pool::joined(done)?);
        }
    }
    Ok(())
}
