//! Whether an answer is about what was asked for. One that is whole and well-formed may be that to another question: a proxy or
//! a cache has mixed them up, or a bit of a time has flipped.

use std::collections::BTreeSet;

use super::answer::ReadAttempt;
use crate::model::frame::Frame;
use crate::model::series::{Name, Readable, Series, is_spelt};
use crate::model::time::Timestamp;
use crate::pipeline::error::Error;
use crate::pipeline::plan::request::SliceRequest;
use crate::wire::frames::totals::AnswerTotals;

/// Fails for an answer with times, measurements or series that the request does not ask for.
pub(super) fn check(
    attempt: ReadAttempt<'_>,
    totals: &AnswerTotals,
    frames: &[Frame],
) -> Result<(), Error> {
    let found = time_elsewhere(attempt, totals)
        .or_else(|| measurement_elsewhere(attempt.request, frames))
        .or_else(|| series_elsewhere(attempt.request, frames));
    let misplaced = |text| Err(Error::Misplaced { what: attempt.what.to_owned(), text });
    found.map_or(Ok(()), misplaced)
}

/// The decoders take note of the first and the last time, whatever the form of the answer.
fn time_elsewhere(attempt: ReadAttempt<'_>, totals: &AnswerTotals) -> Option<String> {
    let mut ends = [totals.time_min, totals.time_max].into_iter().flatten();
    let time: Timestamp = ends.find(|time| !attempt.range.contains(*time))?;
    Some(format!("a value at {time}"))
}

/// Of names that no query can spell, others that look like them come too.
fn measurement_elsewhere(request: &SliceRequest, frames: &[Frame]) -> Option<String> {
    let names = request.measurements();
    if names.is_empty() || !names.iter().all(|name| is_spelt(name)) {
        return None;
    }
    let names: BTreeSet<&Name> = names.into_iter().collect();
    let other = frames.iter().find(|frame| !names.contains(&frame.measurement))?;
    Some(format!("values of measurement {}", Readable(&other.measurement)))
}

fn series_elsewhere(request: &SliceRequest, frames: &[Frame]) -> Option<String> {
    let among = request.among()?;
    let is_asked_for = among.test();
    let mut series = frames.iter().flat_map(|frame| &frame.runs).map(|run| &run.series);
    let other: &Series = series.find(|series| !is_asked_for(series))?;
    Some(format!("values of series {other}"))
}
