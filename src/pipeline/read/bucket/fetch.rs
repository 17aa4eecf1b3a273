//! One slice on its way in: its answer is held until it is proven whole, then handed on.

use tokio::sync::mpsc;

use super::against_flux::hold_against_flux;
use super::answer::{FetchedSlice, ReadAttempt, read_into};
use super::asked_for;
use super::reader::BucketReader;
use crate::limits::{HELD_UNIT_VALUES, HELD_VALUES_MAX};
use crate::model::canary::Canary;
use crate::model::frame::Frame;
use crate::pipeline::error::Error;
use crate::pipeline::plan::catalogue;
use crate::pipeline::plan::request::SliceRequest;
use crate::pipeline::read::progress::BatchProgress;

/// Reads one slice to its end, in one try. No frame goes out before the answer is proven whole, so nothing of one that
/// turns out damaged is ever written; that of restored series also not before it is sure that no series was added
/// meanwhile; and what Flux could have read too not before a sample of it was held against Flux.
pub(crate) async fn read(
    reader: &BucketReader,
    progress: &BatchProgress,
    attempt: ReadAttempt<'_>,
    frames: mpsc::Sender<Frame>,
) -> Result<FetchedSlice, Error> {
    let units = attempt.values_predicted.min(HELD_VALUES_MAX).div_ceil(HELD_UNIT_VALUES);
    let units = u32::try_from(units).unwrap_or(u32::MAX);
    let _held = reader.held.acquire_many(units).await.map_err(|_| Error::StageGone("held"))?;
    let mut held = Vec::new();
    let fetched = read_into(&mut held, reader, progress, attempt).await;
    if fetched.is_err() && reader.source.client.canary() == Canary::DamagedWritten {
        for frame in held.drain(..) {
            frames.send(frame).await.map_err(|_| Error::StageGone("encode"))?;
        }
    }
    let fetched = fetched?;
    asked_for::check(attempt, &fetched.totals, &held)?;
    if let Some((measurement, known)) = attempt.request.known() {
        let now = catalogue::cardinality(&reader.source, measurement).await?;
        if now != Ok(known.cardinality) {
            let (before, now) =
                (known.cardinality, now.map_or_else(|text| text, |now| now.to_string()));
            return Err(Error::SeriesChanged { what: attempt.what.to_owned(), before, now });
        }
    }
    // Asked behind the answer: whatever led the name elsewhere before it still does.
    if matches!(attempt.request, SliceRequest::Influxql(..))
        && let Some(text) = reader.source.is_misled().await?
    {
        return Err(Error::Misled { what: attempt.what.to_owned(), text });
    }
    let held = hold_against_flux(reader, progress, attempt, held).await?;
    if let Some(known) = attempt.request.known()
        && !reader.out.discards()
    {
        reader.restored.note(progress.batch(), known, fetched.totals.values);
    }
    for frame in held {
        frames.send(frame).await.map_err(|_| Error::StageGone("encode"))?;
    }
    Ok(fetched)
}
