//! The destination, compared: batch by batch with what the runs of the job have recorded, or with the source as it is now.
//! Where they differ, by measurement, then value by value. Nothing is written, unless it is to be repaired.

pub(crate) mod end;
pub(crate) mod repair;
pub(crate) mod values;

use std::cmp::Reverse;
use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use self::end::ComparedEnd;
use crate::checkpoint::recorded::RecordedBatch;
use crate::limits::{BATCHES_OPEN_MAX, VERIFY_RANGES_MAX};
use crate::model::batch::BatchPlan;
use crate::model::series::Readable;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::commit::bucket::batch_bucket::BatchBucket;
use crate::pipeline::error::Error;
use crate::pipeline::event::VerifyProgress;
use crate::pipeline::plan::count;
use crate::pipeline::pool::joined;

/// What the destination is held against.
#[derive(Debug, Clone)]
pub(crate) enum Evidence {
    /// What the runs of the job have recorded of it.
    Recorded(Arc<RecordedJob>),
    /// The source as it is now, in these batches.
    Read(Arc<ComparedEnd>, BatchPlan),
}

impl Evidence {
    /// The word for it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Recorded(_) => "recorded",
            Self::Read(..) => "read",
        }
    }
}

/// What the runs of a job have recorded.
#[derive(Debug)]
pub(crate) struct RecordedJob {
    /// All batches that held something.
    pub(crate) batches: Vec<RecordedBatch>,
    /// Where they are recorded.
    pub(crate) store: BatchBucket,
    /// Why what the destination holds beside that is no difference: what was there before, or what another program has moved.
    pub(crate) beside: Option<&'static str>,
}

impl RecordedJob {
    /// True if any batch can be held against what is recorded of it.
    pub(crate) fn has_digests(&self) -> bool {
        self.batches.iter().any(|batch| batch.digest.is_ok())
    }
}

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
    let pieces = pieces(evidence, range);
    let of_batches = pieces.iter().filter(|piece| piece.is_batch()).count() as u64;
    let mut comparing =
        Comparing { verified: VerifyFindings::default(), of_batches, done: 0, values: 0 };
    let permits = Arc::new(Semaphore::new(BATCHES_OPEN_MAX));
    let mut tasks = JoinSet::new();
    for piece in pieces {
        let at = piece.range().start;
        let permit = Arc::clone(&permits).acquire_owned().await;
        let permit = permit.map_err(|_| Error::StageGone("verify"))?;
        let (sender, requested) = oneshot::channel();
        let destination = Arc::clone(destination);
        tasks.spawn(async move {
            let compared = compare(&destination, piece, sender).await;
            drop(permit);
            compared
        });
        // One that fails drops its sender: its error comes with its task.
        let _ = requested.await;
        while let Some(done) = tasks.try_join_next() {
            progress(comparing.note(joined(done)?, at));
        }
    }
    while let Some(done) = tasks.join_next().await {
        progress(comparing.note(joined(done)?, range.stop));
    }
    let mut verified = comparing.verified;
    verified.doubts = destination.close().await?;
    if let Evidence::Read(source, _) = evidence {
        verified.doubts.extend(source.close().await?);
    }
    verified.differing.sort_by_key(|found| found.range.start);
    verified.unproven.sort_by_key(|(range, _)| range.start);
    Ok(verified)
}

/// What is compared at one time.
#[derive(Debug)]
enum Piece {
    Recorded(Arc<RecordedJob>, RecordedBatch),
    /// Nothing is recorded of it: no value was moved.
    Gap(Arc<RecordedJob>, TimeRange),
    Read(Arc<ComparedEnd>, TimeRange),
}

impl Piece {
    fn range(&self) -> TimeRange {
        match self {
            Self::Recorded(_, batch) => batch.range,
            Self::Gap(_, range) | Self::Read(_, range) => *range,
        }
    }

    fn is_batch(&self) -> bool {
        !matches!(self, Self::Gap(..))
    }
}

/// The range without a gap. Batches that reach over its ends are whole.
fn pieces(evidence: &Evidence, range: TimeRange) -> Vec<Piece> {
    let is_touched = |batch: &TimeRange| !batch.intersect(range).is_empty();
    let recorded = match evidence {
        Evidence::Recorded(recorded) => recorded,
        Evidence::Read(source, plan) => {
            let batches = (0..plan.len()).filter_map(|seq| plan.nth(seq)).filter(is_touched);
            return batches.map(|batch| Piece::Read(Arc::clone(source), batch)).collect();
        }
    };
    let touched = recorded.batches.iter().filter(|batch| is_touched(&batch.range));
    let mut batches: Vec<_> = touched.cloned().collect();
    // A batch that was recorded twice was moved twice: what was recorded last is there.
    batches.sort_by_key(|batch| (batch.range.start, Reverse(batch.time)));
    batches.dedup_by_key(|batch| batch.range.start);
    let gap = |start, stop| {
        (start < stop).then(|| Piece::Gap(Arc::clone(recorded), TimeRange::new(start, stop)))
    };
    let (mut pieces, mut at) = (Vec::new(), range.start);
    for batch in batches {
        pieces.extend(gap(at, batch.range.start));
        at = batch.range.stop;
        pieces.push(Piece::Recorded(Arc::clone(recorded), batch));
    }
    pieces.extend(gap(at, range.stop));
    pieces
}

/// What came of a piece.
#[derive(Debug)]
struct Compared {
    is_batch: bool,
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

async fn compare(
    destination: &ComparedEnd,
    piece: Piece,
    requested: oneshot::Sender<()>,
) -> Result<Compared, Error> {
    let (range, is_batch) = (piece.range(), piece.is_batch());
    let mut refused = 0;
    let (values, verdict) = match piece {
        Piece::Recorded(recorded, batch) => {
            refused = batch.rejected;
            recorded_batch(destination, &recorded, batch, requested).await?
        }
        Piece::Gap(recorded, range) => {
            let found = count::total(destination.bucket(), range).await?;
            let verdict = match (found, recorded.beside) {
                (0, _) => Verdict::Equal,
                (_, Some(why)) => Verdict::Unproven(why.to_owned()),
                (_, None) => Verdict::Differs { expected: 0, measurements: Vec::new() },
            };
            (found, verdict)
        }
        Piece::Read(source, range) => {
            let here = source.digests(range, requested);
            let there = destination.digests(range, oneshot::channel().0);
            let (here, there) = tokio::try_join!(here, there)?;
            let verdict = match here.lacking.or(there.lacking) {
                Some(why) => Verdict::Unproven(why),
                None if here.digests == there.digests => Verdict::Equal,
                None => {
                    let names = here.digests.differing(&there.digests);
                    let measurements =
                        names.iter().map(|name| Readable(name).to_string()).collect();
                    Verdict::Differs { expected: here.values, measurements }
                }
            };
            (there.values, verdict)
        }
    };
    Ok(Compared { is_batch, range, values, refused, verdict })
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
    /// Takes the place of what was found before for some ranges by what was found for each of them since.
    pub(crate) fn replace_differing(&mut self, again: impl IntoIterator<Item = Self>) {
        self.differing.clear();
        self.differing_batches = 0;
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
        let Compared { is_batch, range, values, refused, verdict } = compared;
        let verified = &mut self.verified;
        self.done += u64::from(is_batch);
        self.values += values;
        match verdict {
            Verdict::Equal => {
                verified.batches += u64::from(is_batch);
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
            Verdict::Unproven(why) => {
                verified.unproven_stretches += 1;
                if verified.unproven.len() < VERIFY_RANGES_MAX {
                    verified.unproven.push((range, why));
                }
            }
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
