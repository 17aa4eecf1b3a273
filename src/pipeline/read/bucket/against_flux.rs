//! Samples of what was not read in plain Flux, read again by plain Flux and compared, before any of it is written.

use std::collections::BTreeSet;

use super::answer::{self, ReadAttempt};
use super::reader::BucketReader;
use super::witness::{Draw, DrawnSample, wanted_of};
use crate::limits::WITNESS_TRIES;
use crate::model::canary::Canary;
use crate::model::frame::Frame;
use crate::model::series::{Name, Readable};
use crate::model::time::Timestamp;
use crate::pipeline::error::Error;
use crate::pipeline::plan::request::SliceRequest;
use crate::pipeline::plan::series_group::SeriesGroup;
use crate::pipeline::pool;
use crate::pipeline::read::progress::BatchProgress;
use crate::pipeline::small_answer;
use crate::wire::csv::decoder;
use crate::wire::flux::{self, Selection, literal};
use crate::wire::frames::values;

/// Holds the frames of an answer against Flux as far as it is due, and gives them back.
pub(super) async fn hold_against_flux(
    reader: &BucketReader,
    progress: &BatchProgress,
    attempt: ReadAttempt<'_>,
    frames: Vec<Frame>,
) -> Result<Vec<Frame>, Error> {
    let believed = reader.source.client.canary() == Canary::GuessedDatabase;
    if believed || !is_of_interest(reader, attempt) {
        return Ok(frames);
    }
    let mut due = reader.witness.due(&frames);
    let sampled: Vec<Name> = due.iter().map(|(name, _)| name.clone()).collect();
    let mut held = frames;
    while let Some((name, values_max)) = due.first().cloned() {
        let names: Vec<Name> = due.iter().map(|(name, _)| name.clone()).collect();
        let random = reader.witness.random();
        let request = attempt.request.clone();
        let (back, sample) = pool::run(move || {
            let wanted = Draw { first: &name, due: &names, request: &request, values_max };
            let sample = wanted.draw(&held, random);
            (held, sample)
        })
        .await?;
        held = back;
        let Some(sample) = sample else { break };
        compare(reader, progress, attempt, &sample).await?;
        due.retain(|(name, _)| !sample.measurements.contains(name));
    }
    reader.witness.note(&held, &sampled);
    Ok(held)
}

/// Reads the sample by Flux. Where both differ, the values may have changed between the two readings: then both are
/// read again.
async fn compare(
    reader: &BucketReader,
    progress: &BatchProgress,
    attempt: ReadAttempt<'_>,
    sample: &DrawnSample,
) -> Result<(), Error> {
    let mut by_flux = read_by_flux(reader, attempt.request, sample).await?;
    if by_flux == sample.values {
        return Ok(());
    }
    let names = Readable::all(&sample.measurements).join(", ");
    let place = format!("measurement {names} at {}", sample.range.start);
    let changed = |text: String| {
        Err(Error::NotAsFlux { what: attempt.what.to_owned(), text, measurement: None })
    };
    for _ in 0..WITNESS_TRIES {
        let again = ReadAttempt { range: sample.range, ..attempt };
        let (_, frames) = answer::read(reader, progress, again).await?;
        let read = wanted_of(&frames, sample, attempt.request);
        let before =
            std::mem::replace(&mut by_flux, read_by_flux(reader, attempt.request, sample).await?);
        if read == by_flux {
            return changed(format!("{place} changed while it was read"));
        }
        if before == by_flux {
            let transport = attempt.request.transport();
            let text = format!("{transport} reads {place} otherwise than Flux");
            let what = attempt.what.to_owned();
            let other = read.symmetric_difference(&by_flux).next();
            let measurement = other.map(|value| values::measurement_of(value).into());
            return Err(Error::NotAsFlux { what, text, measurement });
        }
    }
    changed(format!("{place} keeps changing"))
}

async fn read_by_flux(
    reader: &BucketReader,
    request: &SliceRequest,
    sample: &DrawnSample,
) -> Result<BTreeSet<Vec<u8>>, Error> {
    let what = format!("sample of {} by Flux", sample.range);
    let (job, label) = (&reader.source.job, reader.source.job.field_label.as_str());
    let base = job.selection(sample.range);
    let mut conditions = base.without.to_vec();
    conditions.extend(request.among().map(SeriesGroup::condition));
    conditions.extend(sample.tags.iter().map(|(key, value)| literal::is_tag(key, value)));
    let selection = Selection { measurements: &sample.measurements, without: &conditions, ..base };
    let frames = |answer: &[u8]| Ok((answer.len() as u64, decoder::frames_of(answer, label)?));
    let asked = reader.source.client.query_as(&flux::read(selection, label), &what, frames).await;
    let (bytes, frames) = small_answer::read(&what, asked)?;
    reader.witness.note_sample(bytes);
    Ok(wanted_of(&frames, sample, request))
}

/// Plain Flux needs no witness, and what Flux cannot read has none.
fn is_of_interest(reader: &BucketReader, attempt: ReadAttempt<'_>) -> bool {
    match attempt.request {
        // What is only looked at is believed by nobody.
        _ if reader.out.discards() => false,
        _ if attempt.range.contains(Timestamp::MAX) => false,
        SliceRequest::Flux(_) | SliceRequest::CarriageReturns(_) => false,
        SliceRequest::Keyed(..) | SliceRequest::Pivot(..) => true,
        SliceRequest::Influxql(choices, _) => choices
            .iter()
            .all(|choice| !reader.source.job.routes.is_influxql_only(&choice.measurement)),
    }
}
