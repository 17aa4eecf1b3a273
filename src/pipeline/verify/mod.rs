//! The destination, compared: batch by batch with what the runs of the job have recorded, or with the source as it is now.
//! Where they differ, by measurement, then value by value. Nothing is written, unless it is to be repaired.

mod compare;
pub(crate) mod compared;
mod deletion;
pub(crate) mod destination;
pub(crate) mod difference;
pub(crate) mod end;
pub(crate) mod evidence;
pub(crate) mod known;
pub(crate) mod ledger;
mod pieces;
pub(crate) mod prover;
pub(crate) mod repair;
pub(crate) mod sample;
pub(crate) mod source;
pub(crate) mod spool;
mod staged;
pub(crate) mod telling;
pub(crate) mod values;

use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use self::compare::compare_all;
use self::compared::{Compared, PieceVerdict};
use self::end::ComparedEnd;
use self::evidence::Evidence;
use self::known::{KnownStretches, Portion, Portions};
use self::ledger::BatchLedger;
use self::pieces::VerifyPieces;
use self::sample::{BatchSample, SampledBatches};
use self::source::ComparedSource;
use self::telling::{HearsEqual, Telling};
use crate::limits::{BATCHES_OPEN_MAX, RECEIPT_BATCHES_MAX, VERIFY_RANGES_MAX};
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::pipeline::event::VerifyProgress;
use crate::pipeline::pool::joined;

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
    /// What came of each batch, where that is kept.
    pub ledger: Option<BatchLedger>,
    /// Which batches were looked at, where not all were to be.
    pub sampled: Option<SampledBatches>,
    /// What of it a comparison that was stopped has found equal.
    pub resumed: Option<ResumedBatches>,
}

/// Equal batches that were compared earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResumedBatches {
    /// How many.
    pub batches: u64,
    /// Their values.
    pub values: u64,
    /// When the first of them was found equal.
    pub first: Timestamp,
    /// And the last one.
    pub last: Timestamp,
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

/// What is compared, who follows it, and what is kept of it.
pub(crate) struct Course<'a> {
    /// What is compared.
    pub range: TimeRange,
    /// Hears how far it is.
    pub progress: &'a (dyn Fn(VerifyProgress) + Sync),
    /// Keeps what comes of each batch.
    pub ledger: Option<BatchLedger>,
    /// What need not be read, because an earlier comparison has found it equal.
    pub known: KnownStretches,
    /// Hears of what is found equal now.
    pub hears: Option<HearsEqual<'a>>,
}

impl<'a> Course<'a> {
    /// Of a comparison of which nothing is known.
    pub(crate) fn new(
        range: TimeRange,
        progress: &'a (dyn Fn(VerifyProgress) + Sync),
        ledger: Option<BatchLedger>,
    ) -> Self {
        Self { range, progress, ledger, known: KnownStretches::default(), hears: None }
    }
}

/// Compares a range.
pub(crate) async fn run(
    destination: &Arc<ComparedEnd>,
    evidence: &Evidence,
    course: Course<'_>,
) -> Result<VerifyFindings, Error> {
    let pieces = VerifyPieces::of(evidence, course.range);
    compare_pieces((destination, evidence.source()), pieces, course).await
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
    let verified = compare_pieces(ends, pieces, Course::new(range, progress, None)).await?;
    Ok(VerifyFindings { sampled: Some(sampled), ..verified })
}

async fn compare_pieces(
    (destination, source): (&Arc<ComparedEnd>, Option<ComparedSource>),
    pieces: VerifyPieces,
    course: Course<'_>,
) -> Result<VerifyFindings, Error> {
    let Course { range, progress, ledger, known, hears } = course;
    let of_batches = pieces.batches();
    if ledger.is_some() && of_batches > RECEIPT_BATCHES_MAX {
        return Err(Error::TooManyToKeep { batches: of_batches });
    }
    let verified = VerifyFindings { ledger, ..VerifyFindings::default() };
    let telling = hears.map(|hears| Telling::new(hears, destination, source.clone()));
    let mut comparing = Comparing { verified, of_batches, done: 0, values: 0, progress, telling };
    let mut portions = Portions::new(pieces, known);
    let permits = Arc::new(Semaphore::new(BATCHES_OPEN_MAX));
    let mut tasks = JoinSet::new();
    while let Some(portion) = Box::pin(portions.next()).await? {
        let neighbours = match portion {
            Portion::Open(neighbours) => neighbours,
            Portion::Known(known) => {
                let at = known.range.start;
                comparing.note(*known, at);
                continue;
            }
        };
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
            comparing.note_all(joined(done)?, at).await?;
        }
    }
    while let Some(done) = tasks.join_next().await {
        comparing.note_all(joined(done)?, range.stop).await?;
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

struct Comparing<'a> {
    verified: VerifyFindings,
    of_batches: u64,
    done: u64,
    values: u64,
    progress: &'a (dyn Fn(VerifyProgress) + Sync),
    telling: Option<Telling<'a>>,
}

impl ResumedBatches {
    /// Both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            batches: self.batches.saturating_add(other.batches),
            values: self.values.saturating_add(other.values),
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }
}

impl VerifyFindings {
    /// Of such a stretch nothing is known.
    pub(crate) fn add_unproven(&mut self, range: TimeRange, why: String) {
        self.unproven_stretches += 1;
        if self.unproven.len() < VERIFY_RANGES_MAX {
            self.unproven.push((range, why));
        }
    }

    /// Adds what came of a piece.
    fn note(&mut self, mut compared: Compared) {
        let values = compared.held.values;
        if let Some(ledger) = &mut self.ledger {
            ledger.note(&mut compared);
        }
        let Compared { batches, range, refused, verdict, earlier, .. } = compared;
        if let Some(at) = earlier {
            let one = ResumedBatches { batches, values, first: at, last: at };
            self.resumed = self.resumed.into_iter().chain([one]).reduce(ResumedBatches::and);
        }
        match verdict {
            PieceVerdict::Equal => {
                self.batches += batches;
                self.values += values;
                self.refused += refused;
            }
            PieceVerdict::Differs { expected, measurements } => {
                self.differing_batches += 1;
                if self.differing.len() < VERIFY_RANGES_MAX {
                    let difference =
                        BatchDifference { range, expected, found: values, measurements };
                    self.differing.push(difference);
                }
            }
            PieceVerdict::Unproven(why) => self.add_unproven(range, why),
        }
    }

    /// Takes the place of what was found before for some ranges by what was found for each of them since.
    pub(crate) fn replace_differing(&mut self, again: impl IntoIterator<Item = (TimeRange, Self)>) {
        // What was only counted differs as before.
        self.differing_batches -= self.differing.len() as u64;
        self.differing.clear();
        for (range, mut found) in again {
            if let (Some(ledger), Some(again)) = (&mut self.ledger, found.ledger.take()) {
                ledger.replace(range, again);
            }
            self.add(found);
        }
    }

    /// Adds what was found of other ranges; what is kept of each batch stays as it is.
    pub(crate) fn add(&mut self, other: Self) {
        self.batches += other.batches;
        self.values += other.values;
        self.equal_by_reading += other.equal_by_reading;
        self.refused += other.refused;
        self.differing.extend(other.differing);
        self.differing_batches += other.differing_batches;
        self.unproven.extend(other.unproven);
        self.unproven_stretches += other.unproven_stretches;
        self.doubts.extend(other.doubts);
        self.resumed = self.resumed.into_iter().chain(other.resumed).reduce(ResumedBatches::and);
    }
}

impl Comparing<'_> {
    async fn note_all(&mut self, all: Vec<Compared>, at: Timestamp) -> Result<(), Error> {
        for compared in all {
            self.note(compared, at);
        }
        match &mut self.telling {
            Some(telling) => telling.list_if_due().await,
            None => Ok(()),
        }
    }

    fn note(&mut self, compared: Compared, at: Timestamp) {
        if let Some(telling) = &mut self.telling {
            telling.note(&compared);
        }
        self.done += compared.batches;
        self.values += compared.held.values;
        self.verified.note(compared);
        (self.progress)(VerifyProgress {
            at,
            batches: self.done,
            of_batches: self.of_batches,
            values: self.values,
            differing: self.verified.differing_batches,
        });
    }
}
