//! The destination, compared: batch by batch with what the runs of the job have recorded, or with the source as it is now.
//! Where they differ, by measurement, then value by value. Nothing is written, unless it is to be repaired.

pub(crate) mod end;
pub(crate) mod evidence;
mod pieces;
pub(crate) mod repair;
pub(crate) mod sample;
pub(crate) mod source;
pub(crate) mod spool;
mod staged;
pub(crate) mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use self::end::{ComparedEnd, EndContent};
use self::evidence::{Evidence, RecordedJob};
use self::pieces::{VerifyPiece, VerifyPieces};
use self::sample::{BatchSample, SampledBatches};
use self::source::ComparedSource;
use crate::checkpoint::recorded::RecordedBatch;
use crate::limits::{BATCHES_OPEN_MAX, VERIFY_RANGES_MAX};
use crate::model::content_digest::ContentDigest;
use crate::model::series::{Name, Readable};
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::pipeline::event::VerifyProgress;
use crate::pipeline::plan::count;
use crate::pipeline::pool::joined;

/// Why nothing is known of what the source keeps no longer.
const EXPIRED: &str = "values of it may have expired at the source";

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyFindings {
    /// Batches that are equal.
    pub batches: u64,
    /// Their values.
    pub values: u64,
    /// Those of them that differ from what is recorded, where both ends hold the same now.
    pub equal_by_reading: u64,
    /// Values that the job has not moved, because they were refused or could not be read, in batches that are equal else.
    pub refused: u64,
    /// Batches that differ, the first ones.
    pub differing: Vec<BatchDifference>,
    /// How many there are of them.
    pub differing_batches: u64,
    /// Stretches of which nothing is known, the first ones, and why.
    pub unproven: Vec<(TimeRange, String)>,
    /// How many there are of them.
    pub unproven_stretches: u64,
    /// What may have been read wrongly, in words.
    pub doubts: Vec<String>,
    /// Which batches were looked at, where not all were to be.
    pub sampled: Option<SampledBatches>,
}

/// A batch, or a stretch between two, in which the destination differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchDifference {
    /// Its range.
    pub range: TimeRange,
    /// Values that should be there.
    pub expected: u64,
    /// Values that are.
    pub found: u64,
    /// Which measurements differ, readable; none where that is not known.
    pub measurements: Vec<String>,
}

/// Compares a range.
pub(crate) async fn run(
    destination: &Arc<ComparedEnd>,
    evidence: &Evidence,
    range: TimeRange,
    progress: &(dyn Fn(VerifyProgress) + Sync),
) -> Result<VerifyFindings, Error> {
    let pieces = VerifyPieces::of(evidence, range);
    compare_pieces((destination, evidence.source()), pieces, range, progress).await
}

/// Reads some batches of both ends, and looks at every stretch that is empty at the source.
pub(crate) async fn run_sample(
    (destination, source): (&Arc<ComparedEnd>, &ComparedSource),
    sample: BatchSample,
    range: TimeRange,
    progress: &(dyn Fn(VerifyProgress) + Sync),
) -> Result<VerifyFindings, Error> {
    let (pieces, sampled) = VerifyPieces::sampled(source, sample).await?;
    let ends = (destination, Some(source.clone()));
    let verified = compare_pieces(ends, pieces, range, progress).await?;
    Ok(VerifyFindings { sampled: Some(sampled), ..verified })
}

async fn compare_pieces(
    (destination, source): (&Arc<ComparedEnd>, Option<ComparedSource>),
    mut pieces: VerifyPieces,
    range: TimeRange,
    progress: &(dyn Fn(VerifyProgress) + Sync),
) -> Result<VerifyFindings, Error> {
    let of_batches = pieces.batches();
    let mut comparing =
        Comparing { verified: VerifyFindings::default(), of_batches, done: 0, values: 0 };
    let permits = Arc::new(Semaphore::new(BATCHES_OPEN_MAX));
    let mut tasks = JoinSet::new();
    while let Some(neighbours) = Box::pin(pieces.next()).await? {
        let at = neighbours.first().map_or(range.start, |piece| piece.range().start);
        let permit = Arc::clone(&permits).acquire_owned().await;
        let permit = permit.map_err(|_| Error::StageGone("verify"))?;
        let (sender, requested) = oneshot::channel();
        let destination = Arc::clone(destination);
        tasks.spawn(async move {
            let compared = compare_all(&destination, neighbours, sender).await;
            drop(permit);
            compared
        });
        // One that fails drops its sender: its error comes with its task.
        let _ = requested.await;
        while let Some(done) = tasks.try_join_next() {
            for compared in joined(done)? {
                progress(comparing.note(compared, at));
            }
        }
    }
    while let Some(done) = tasks.join_next().await {
        for compared in joined(done)? {
            progress(comparing.note(compared, range.stop));
        }
    }
    let mut verified = comparing.verified;
    verified.doubts = destination.close().await?;
    if let Some(source) = source {
        verified.doubts.extend(source.close().await?);
    }
    verified.differing.sort_by_key(|found| found.range.start);
    verified.unproven.sort_by_key(|(range, _)| range.start);
    Ok(verified)
}

/// What came of a piece.
#[derive(Debug)]
struct Compared {
    batches: u64,
    range: TimeRange,
    values: u64,
    refused: u64,
    verdict: Verdict,
}

#[derive(Debug)]
enum Verdict {
    Equal,
    Differs { expected: u64, measurements: Vec<String> },
    Unproven(String),
}

/// Neighbours, halved until the sum of a half is as it should be, or one is alone. `requested` is told once all of the
/// first look was asked for.
async fn compare_all(
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
    let (mut sum, mut refused, mut batches) = (ContentDigest::default(), 0, 0);
    for piece in pieces {
        if let VerifyPiece::Recorded(_, RecordedBatch { digest: Ok(digest), rejected, .. }) = piece
        {
            sum.add(*digest);
            refused += rejected;
            batches += 1;
        }
    }
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return Ok(None) };
    let range = TimeRange::new(first.range().start, last.range().stop);
    let found = destination.digests(range, requested).await?;
    let is_equal = found.lacking.is_none() && found.digests.whole() == sum;
    let (values, verdict) = (found.values, Verdict::Equal);
    Ok(is_equal.then_some(Compared { batches, range, values, refused, verdict }))
}

async fn compare(
    destination: &ComparedEnd,
    piece: VerifyPiece,
    requested: oneshot::Sender<()>,
) -> Result<Compared, Error> {
    let (range, batches) = (piece.range(), piece.batches());
    let mut refused = 0;
    let (values, verdict) = match piece {
        VerifyPiece::Recorded(recorded, batch) => {
            refused = batch.rejected;
            recorded_batch(destination, &recorded, batch, requested).await?
        }
        VerifyPiece::Gap(recorded, range) => {
            stray(destination.stray(range).await?, recorded.beside)
        }
        VerifyPiece::Empty(range, _) => stray(destination.stray(range).await?, None),
        VerifyPiece::Read(source, range, holds) => {
            let here = source.digests_of(range, holds, requested);
            let source = ComparedSource::Bucket(Arc::clone(&source));
            read_batch(destination, &source, range, here).await?
        }
        VerifyPiece::Stored(spool, range, files) => {
            let here = spool.digests_of(range, files, requested);
            let source = ComparedSource::Spool(Arc::clone(&spool));
            let (values, verdict) = read_batch(destination, &source, range, here).await?;
            let (is_equal, ends) = (matches!(verdict, Verdict::Equal), (&source, destination));
            let unstaged = spool.unstaged(range);
            let why = staged::unproven(ends, range, unstaged, is_equal).await?;
            (values, why.map_or(verdict, Verdict::Unproven))
        }
        VerifyPiece::Counted(range, holds, may_expire) => {
            let there = count::windows(destination.bucket(), range).await?;
            counted_batch(&count::by_name(holds), &count::by_name(there), may_expire)
        }
    };
    Ok(Compared { batches, range, values, refused, verdict })
}

/// What stands where nothing was moved.
fn stray((found, more): (u64, Option<String>), beside: Option<&'static str>) -> (u64, Verdict) {
    let verdict = match (found, beside, more) {
        (0, _, None) => Verdict::Equal,
        (0, _, Some(more)) => Verdict::Unproven(more),
        (_, Some(why), _) => Verdict::Unproven(why.to_owned()),
        (_, None, _) => Verdict::Differs { expected: 0, measurements: Vec::new() },
    };
    (found, verdict)
}

/// Both ends, read.
async fn read_batch(
    destination: &ComparedEnd,
    source: &ComparedSource,
    range: TimeRange,
    here: impl Future<Output = Result<EndContent, Error>>,
) -> Result<(u64, Verdict), Error> {
    let there = destination.digests(range, oneshot::channel().0);
    let (here, there) = tokio::try_join!(here, there)?;
    let verdict = match here.lacking.or(there.lacking) {
        Some(why) => Verdict::Unproven(why),
        None if here.digests == there.digests => Verdict::Equal,
        None if source.may_expire(range) => Verdict::Unproven(EXPIRED.to_owned()),
        None => {
            let names = here.digests.differing(&there.digests);
            let measurements = names.iter().map(|name| Readable(name).to_string()).collect();
            Verdict::Differs { expected: here.values, measurements }
        }
    };
    Ok((there.values, verdict))
}

/// Both ends, counted by measurement.
fn counted_batch(
    here: &BTreeMap<Name, u64>,
    there: &BTreeMap<Name, u64>,
    may_expire: bool,
) -> (u64, Verdict) {
    let verdict = match count::unlike(here, there) {
        None => Verdict::Equal,
        Some(_) if may_expire => Verdict::Unproven(EXPIRED.to_owned()),
        Some(names) => Verdict::Differs {
            expected: here.values().sum(),
            measurements: names.iter().map(|name| Readable(name).to_string()).collect(),
        },
    };
    (there.values().sum(), verdict)
}

async fn recorded_batch(
    destination: &ComparedEnd,
    recorded: &RecordedJob,
    batch: RecordedBatch,
    requested: oneshot::Sender<()>,
) -> Result<(u64, Verdict), Error> {
    let digest = match batch.digest {
        Ok(digest) => digest,
        Err(why) => return Ok((0, Verdict::Unproven(why.to_string()))),
    };
    let found = destination.digests(batch.range, requested).await?;
    let verdict = match (found.lacking, found.digests.whole() == digest, recorded.beside) {
        (Some(why), ..) => Verdict::Unproven(why),
        (None, true, _) => Verdict::Equal,
        (None, false, Some(why)) => Verdict::Unproven(why.to_owned()),
        (None, false, None) => {
            let each = recorded.store.digests_of(batch.time).await?;
            let measurements = each.map(|each| each.differing(&found.digests));
            let measurements = measurements.unwrap_or_default();
            Verdict::Differs { expected: batch.acknowledged, measurements }
        }
    };
    Ok((found.values, verdict))
}

struct Comparing {
    verified: VerifyFindings,
    of_batches: u64,
    done: u64,
    values: u64,
}

impl VerifyFindings {
    /// Of such a stretch nothing is known.
    pub(crate) fn add_unproven(&mut self, range: TimeRange, why: String) {
        self.unproven_stretches += 1;
        if self.unproven.len() < VERIFY_RANGES_MAX {
            self.unproven.push((range, why));
        }
    }

    /// Takes the place of what was found before for some ranges by what was found for each of them since.
    pub(crate) fn replace_differing(&mut self, again: impl IntoIterator<Item = Self>) {
        // What was only counted differs as before.
        self.differing_batches -= self.differing.len() as u64;
        self.differing.clear();
        for found in again {
            self.batches += found.batches;
            self.values += found.values;
            self.refused += found.refused;
            self.differing.extend(found.differing);
            self.differing_batches += found.differing_batches;
            self.unproven.extend(found.unproven);
            self.unproven_stretches += found.unproven_stretches;
            self.doubts.extend(found.doubts);
        }
    }
}

impl Comparing {
    fn note(&mut self, compared: Compared, at: Timestamp) -> VerifyProgress {
        let Compared { batches, range, values, refused, verdict } = compared;
        let verified = &mut self.verified;
        self.done += batches;
        self.values += values;
        match verdict {
            Verdict::Equal => {
                verified.batches += batches;
                verified.values += values;
                verified.refused += refused;
            }
            Verdict::Differs { expected, measurements } => {
                verified.differing_batches += 1;
                if verified.differing.len() < VERIFY_RANGES_MAX {
                    let difference =
                        BatchDifference { range, expected, found: values, measurements };
                    verified.differing.push(difference);
                }
            }
            Verdict::Unproven(why) => verified.add_unproven(range, why),
        }
        VerifyProgress {
            at,
            batches: self.done,
            of_batches: self.of_batches,
            values: self.values,
            differing: self.verified.differing_batches,
        }
    }
}
