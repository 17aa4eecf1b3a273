//! One look at a piece, or at neighbours as one: what the destination holds, against what is expected of it.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::compared::{Compared, EqualBy, HeldContent, PieceVerdict, SumPart};
use super::end::{ComparedEnd, EndContent};
use super::evidence::{RecordedJob, WrittenBatch};
use super::pieces::{ExpectedValues, VerifyPiece};
use super::source::ComparedSource;
use super::staged;
use crate::checkpoint::recorded::RecordedBatch;
use crate::model::content_digest::ContentDigest;
use crate::model::series::Readable;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::plan::count;
use crate::pipeline::read::measurement_counts::MeasurementCounts;
use crate::pipeline::source::layer::Window;

/// Why nothing is known of what the source keeps no longer.
const EXPIRED: &str = "values of it may have expired at the source";

/// Neighbours, halved until the sum of a half is as it should be, or one is alone. `requested` is told once all of the
/// first look was asked for.
pub(super) async fn compare_all(
    destination: &ComparedEnd,
    neighbours: Vec<VerifyPiece>,
    requested: oneshot::Sender<()>,
) -> Result<Vec<Compared>, Error> {
    let (mut all, mut stretches, mut requested) = (Vec::new(), vec![neighbours], Some(requested));
    while let Some(mut pieces) = stretches.pop() {
        let told = requested.take().unwrap_or_else(|| oneshot::channel().0);
        if pieces.len() > 1 {
            if let Some(equal) = compare_sum(destination, &pieces, told).await? {
                all.push(equal);
            } else {
                let second = pieces.split_off(pieces.len() / 2);
                stretches.extend([second, pieces]);
            }
            continue;
        }
        if let Some(piece) = pieces.pop() {
            all.push(compare(destination, piece, told).await?);
        }
    }
    Ok(all)
}

/// Neighbours by the sum of their digests; `None` if that is another one.
async fn compare_sum(
    destination: &ComparedEnd,
    pieces: &[VerifyPiece],
    requested: oneshot::Sender<()>,
) -> Result<Option<Compared>, Error> {
    let (mut sum, mut refused, mut batches, mut values) = (ContentDigest::default(), 0, 0, 0);
    let mut parts = Vec::new();
    let marks = pieces.iter().map(VerifyPiece::mark).collect();
    for piece in pieces {
        let batch =
            piece.expected().map(|ExpectedValues { digest, values: expected, rejected }| {
                sum.add(digest);
                refused += rejected;
                values += expected;
                batches += 1;
                (expected, digest)
            });
        parts.push(SumPart { range: piece.range(), batch });
    }
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return Ok(None) };
    let range = TimeRange::new(first.range().start, last.range().stop);
    let found = destination.digests(range, requested).await?;
    let is_same = found.digests.whole() == sum && found.values == values;
    let is_equal = found.lacking.is_none() && is_same;
    let (held, verdict, by) = (found.held(), PieceVerdict::Equal, EqualBy::Digest);
    let compared =
        Compared { batches, range, held, refused, verdict, by, parts, marks, earlier: None };
    Ok(is_equal.then_some(compared))
}

pub(super) async fn compare(
    destination: &ComparedEnd,
    piece: VerifyPiece,
    requested: oneshot::Sender<()>,
) -> Result<Compared, Error> {
    let (range, batches) = (piece.range(), piece.batches());
    let marks = piece.mark().map(|mark| vec![mark]);
    let (mut refused, mut by) = (0, EqualBy::Digest);
    let (held, verdict) = match piece {
        VerifyPiece::Recorded(recorded, batch) => {
            refused = batch.rejected;
            recorded_batch(destination, &recorded, batch, requested).await?
        }
        VerifyPiece::Written(batch) => {
            refused = batch.rejected;
            written_batch(destination, &batch, requested).await?
        }
        VerifyPiece::Gap(recorded, range) => {
            by = EqualBy::Nothing;
            stray(destination.stray(range).await?, recorded.beside)
        }
        VerifyPiece::Empty(range, _) => {
            by = EqualBy::Nothing;
            stray(destination.stray(range).await?, None)
        }
        VerifyPiece::Read(source, range, holds) => {
            let here = source.digests_of(range, holds, requested);
            let source = ComparedSource::Bucket(Arc::clone(&source));
            read_batch(destination, &source, range, here).await?
        }
        VerifyPiece::Stored(spool, range, files) => {
            let here = spool.digests_of(range, files, requested);
            let source = ComparedSource::Spool(Arc::clone(&spool));
            let (held, verdict) = read_batch(destination, &source, range, here).await?;
            let (is_equal, ends) = (matches!(verdict, PieceVerdict::Equal), (&source, destination));
            let unstaged = spool.unstaged(range);
            let why = staged::unproven(ends, range, unstaged, is_equal).await?;
            (held, why.map_or(verdict, PieceVerdict::Unproven))
        }
        VerifyPiece::Counted(range, holds, may_expire) => {
            by = EqualBy::Counts;
            let there = count::windows(destination.bucket(), range).await?;
            counted_batch(holds, there, may_expire)
        }
    };
    let (parts, earlier) = (Vec::new(), None);
    Ok(Compared { batches, range, held, refused, verdict, by, parts, marks, earlier })
}

/// What stands where nothing was moved.
fn stray(
    (found, more): (u64, Option<String>),
    beside: Option<&'static str>,
) -> (HeldContent, PieceVerdict) {
    let verdict = match (found, beside, more) {
        (0, _, None) => PieceVerdict::Equal,
        (0, _, Some(more)) => PieceVerdict::Unproven(more),
        (_, Some(why), _) => PieceVerdict::Unproven(why.to_owned()),
        (_, None, _) => PieceVerdict::Differs { expected: 0, measurements: Vec::new() },
    };
    let digest = (found == 0).then(ContentDigest::default);
    (HeldContent { digest, ..HeldContent::values(found) }, verdict)
}

/// Both ends, read.
async fn read_batch(
    destination: &ComparedEnd,
    source: &ComparedSource,
    range: TimeRange,
    here: impl Future<Output = Result<EndContent, Error>>,
) -> Result<(HeldContent, PieceVerdict), Error> {
    let there = destination.digests(range, oneshot::channel().0);
    let (here, there) = tokio::try_join!(here, there)?;
    let verdict = match here.lacking.or(there.lacking.clone()) {
        Some(why) => PieceVerdict::Unproven(why),
        None if here.digests == there.digests => PieceVerdict::Equal,
        None if source.may_expire(range) => PieceVerdict::Unproven(EXPIRED.to_owned()),
        None => {
            let measurements = Readable::all(&here.digests.differing(&there.digests));
            PieceVerdict::Differs { expected: here.values, measurements }
        }
    };
    Ok((there.held(), verdict))
}

/// Both ends, counted by measurement.
fn counted_batch(
    here: Vec<Window>,
    there: Vec<Window>,
    may_expire: bool,
) -> (HeldContent, PieceVerdict) {
    let counts = MeasurementCounts::counted(&there);
    let (here, there) = (count::by_name(here), count::by_name(there));
    let verdict = match count::unlike(&here, &there) {
        None => PieceVerdict::Equal,
        Some(_) if may_expire => PieceVerdict::Unproven(EXPIRED.to_owned()),
        Some(names) => PieceVerdict::Differs {
            expected: here.values().sum(),
            measurements: Readable::all(&names),
        },
    };
    (HeldContent { counts, ..HeldContent::values(there.values().sum()) }, verdict)
}

async fn recorded_batch(
    destination: &ComparedEnd,
    recorded: &RecordedJob,
    batch: RecordedBatch,
    requested: oneshot::Sender<()>,
) -> Result<(HeldContent, PieceVerdict), Error> {
    let digest = match batch.digest {
        Ok(digest) => digest,
        Err(why) => return Ok((HeldContent::default(), PieceVerdict::Unproven(why.to_string()))),
    };
    let found = destination.digests(batch.range, requested).await?;
    let verdict = match (found.lacking.clone(), found.digests.whole() == digest, recorded.beside) {
        (Some(why), ..) => PieceVerdict::Unproven(why),
        (None, true, _) => PieceVerdict::Equal,
        (None, false, Some(why)) => PieceVerdict::Unproven(why.to_owned()),
        (None, false, None) => {
            let each = recorded.store.digests_of(batch.time).await?;
            let measurements = each.map(|each| each.differing(&found.digests));
            let measurements = measurements.unwrap_or_default();
            PieceVerdict::Differs { expected: batch.acknowledged, measurements }
        }
    };
    Ok((found.held(), verdict))
}

async fn written_batch(
    destination: &ComparedEnd,
    batch: &WrittenBatch,
    requested: oneshot::Sender<()>,
) -> Result<(HeldContent, PieceVerdict), Error> {
    let found = destination.digests(batch.range, requested).await?;
    let verdict = match &found.lacking {
        Some(why) => PieceVerdict::Unproven(why.clone()),
        None if found.digests.whole() == batch.digests.whole() => PieceVerdict::Equal,
        None => {
            let measurements = Readable::all(&batch.digests.differing(&found.digests));
            PieceVerdict::Differs { expected: batch.acknowledged, measurements }
        }
    };
    Ok((found.held(), verdict))
}
