//! What is compared at one time, one piece behind the other and without a gap.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use super::compared::PieceMark;
use super::end::ComparedEnd;
use super::evidence::{Evidence, RecordedJob, WrittenBatch};
use super::sample::{BatchSample, SampledBatches};
use super::source::ComparedSource;
use super::spool::{ComparedBatches, ComparedSpool};
use crate::checkpoint::recorded::RecordedBatch;
use crate::limits::VERIFY_TOGETHER_VALUES_MAX;
use crate::model::batch::BatchPlan;
use crate::model::content_digest::ContentDigest;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::plan::counter::Counter;
use crate::pipeline::plan::{NextBatch, count};
use crate::pipeline::source::layer::Window;
use crate::spool::digest::sha256;
use crate::spool::name::encode;
use crate::spool::state::FileEntry;

/// A piece.
#[derive(Debug)]
pub(super) enum VerifyPiece {
    /// A batch, and what is recorded of it.
    Recorded(Arc<RecordedJob>, RecordedBatch),
    /// A batch that was written just now.
    Written(Box<WrittenBatch>),
    /// Nothing is recorded of it: no value was moved.
    Gap(Arc<RecordedJob>, TimeRange),
    /// So many batches of which the source holds nothing.
    Empty(TimeRange, u64),
    /// A batch of the source that holds something, to be read.
    Read(Arc<ComparedEnd>, TimeRange, Vec<Window>),
    /// The same, which is only counted.
    Counted(TimeRange, Vec<Window>, bool),
    /// A batch of a spool, with its files.
    Stored(Arc<ComparedSpool>, TimeRange, Vec<FileEntry>),
}

/// What a batch should hold.
pub(super) struct ExpectedValues {
    pub(super) digest: ContentDigest,
    pub(super) values: u64,
    /// Values of it that were refused.
    pub(super) rejected: u64,
}

impl VerifyPiece {
    /// Its range.
    pub(super) fn range(&self) -> TimeRange {
        match self {
            Self::Recorded(_, batch) => batch.range,
            Self::Written(batch) => batch.range,
            Self::Gap(_, range)
            | Self::Empty(range, _)
            | Self::Read(_, range, _)
            | Self::Stored(_, range, _)
            | Self::Counted(range, ..) => *range,
        }
    }

    /// How many batches it stands for.
    pub(super) fn batches(&self) -> u64 {
        match self {
            Self::Recorded(..)
            | Self::Written(_)
            | Self::Read(..)
            | Self::Counted(..)
            | Self::Stored(..) => 1,
            Self::Empty(_, batches) => *batches,
            Self::Gap(..) => 0,
        }
    }

    /// By what it is known again, unless what it is held against is of this moment, or so cheap that it is asked again.
    pub(super) fn mark(&self) -> Option<PieceMark> {
        let expected = match self {
            Self::Recorded(_, batch) => {
                let RecordedBatch { time, read, acknowledged, rejected, .. } = *batch;
                let digest = batch.digest.ok()?;
                format!("recorded {time} {digest} {read} {acknowledged} {rejected}")
            }
            Self::Gap(..) => "gap".to_owned(),
            Self::Empty(_, batches) => format!("empty {batches}"),
            Self::Read(_, _, holds) => format!("read {}", counted(holds)),
            Self::Stored(spool, range, files) => {
                let mut text = format!("stored {}", spool.unstaged(*range));
                for file in files {
                    text.extend([" ", &file.path, " ", &file.sha256]);
                }
                text
            }
            Self::Written(_) | Self::Counted(..) => return None,
        };
        let digits = &sha256(expected.as_bytes())[..32];
        let expected = u128::from_str_radix(digits, 16).expect("so many hexadecimal digits fit");
        Some(PieceMark { range: self.range(), expected })
    }

    /// Values that should be there, if that is all known by a digest.
    fn values_proven(&self) -> Option<u64> {
        match self {
            Self::Gap(..) => Some(0),
            batch => batch.expected().map(|expected| expected.values),
        }
    }

    /// What should be there, if that is known by a digest.
    pub(super) fn expected(&self) -> Option<ExpectedValues> {
        match self {
            Self::Recorded(_, batch) => {
                let RecordedBatch { acknowledged: values, rejected, .. } = *batch;
                Some(ExpectedValues { digest: batch.digest.ok()?, values, rejected })
            }
            Self::Written(batch) => {
                let WrittenBatch { acknowledged: values, rejected, .. } = **batch;
                Some(ExpectedValues { digest: batch.digests.whole(), values, rejected })
            }
            _ => None,
        }
    }
}

/// What the source counts, part by part.
fn counted(holds: &[Window]) -> String {
    let mut text = String::new();
    for Window { range, layer, counts } in holds {
        let (start, stop) = (range.start.ns(), range.stop.ns());
        // Memory takes it.
        let _ = write!(text, "{start} {stop} {layer:?}:");
        for (name, values) in counts {
            text.extend([" ", &encode(name), "=", &values.to_string()]);
        }
        text.push(';');
    }
    text
}

/// Puts neighbours with few values together: digests add up, so that one sum tells of all of them. What is known by no
/// digest stays alone.
pub(super) fn together(pieces: Vec<VerifyPiece>) -> Vec<Vec<VerifyPiece>> {
    let mut all: Vec<Vec<VerifyPiece>> = Vec::new();
    // Values of the last ones, as long as more may join them.
    let mut open = None;
    for piece in pieces {
        let own = piece.values_proven();
        let sum = open.zip(own).map(|(values, more): (u64, u64)| values.saturating_add(more));
        let sum = sum.filter(|sum| *sum <= VERIFY_TOGETHER_VALUES_MAX);
        if let (Some(_), Some(neighbours)) = (sum, all.last_mut()) {
            neighbours.push(piece);
            open = sum;
        } else {
            all.push(vec![piece]);
            open = own;
        }
    }
    all
}

/// All pieces of a range.
pub(super) enum VerifyPieces {
    /// All at once: they are put together by whoever knows which are to be read.
    Recorded(Option<Vec<VerifyPiece>>),
    Read(Arc<ComparedEnd>, Counter),
    Counts(Arc<ComparedEnd>, Counter),
    Stored(ComparedBatches),
    /// Some of those of a source.
    Sampled(ComparedSource, std::vec::IntoIter<SampledPiece>),
}

/// What of a source is compared where not all is.
#[derive(Debug)]
pub(super) enum SampledPiece {
    /// So many batches of which the source holds nothing.
    Empty(TimeRange, u64),
    /// A batch that was chosen.
    Chosen(TimeRange),
}

impl VerifyPieces {
    /// What this evidence tells of.
    pub(super) fn of(evidence: &Evidence, range: TimeRange) -> Self {
        match evidence {
            Evidence::Recorded(recorded) => Self::Recorded(Some(of_job(recorded, range))),
            Evidence::Read(source) => Self::Read(Arc::clone(source), Counter::new()),
            Evidence::Counts(source) => Self::Counts(Arc::clone(source), Counter::new()),
            Evidence::Spool(spool) => Self::Stored(spool.batches()),
        }
    }

    /// Those of a sample. All are looked for once, to know which hold something; what they hold is not kept.
    pub(super) async fn sampled(
        source: &ComparedSource,
        sample: BatchSample,
    ) -> Result<(Self, SampledBatches), Error> {
        let mut all = match source {
            ComparedSource::Bucket(bucket) => Self::Read(Arc::clone(bucket), Counter::new()),
            ComparedSource::Spool(spool) => Self::Stored(spool.batches()),
        };
        let (mut pieces, mut starts) = (Vec::new(), Vec::new());
        while let Some(next) = all.next().await? {
            for piece in next {
                pieces.push(match piece {
                    VerifyPiece::Empty(stretch, batches) => SampledPiece::Empty(stretch, batches),
                    other => {
                        starts.push(other.range().start);
                        SampledPiece::Chosen(other.range())
                    }
                });
            }
        }
        let is_chosen = sample.choose(&starts);
        let of_batches = starts.len() as u64;
        let chosen = is_chosen.iter().filter(|is_chosen| **is_chosen).count() as u64;
        let mut is_chosen = is_chosen.into_iter();
        pieces.retain(|piece| match piece {
            SampledPiece::Empty(..) => true,
            SampledPiece::Chosen(_) => is_chosen.next() == Some(true),
        });
        let sampled = SampledBatches { sample, chosen, of_batches };
        Ok((Self::Sampled(source.clone(), pieces.into_iter()), sampled))
    }

    /// How many batches there are.
    pub(super) fn batches(&self) -> u64 {
        match self {
            Self::Recorded(pieces) => pieces.iter().flatten().map(VerifyPiece::batches).sum(),
            Self::Read(source, _) | Self::Counts(source, _) => source.bucket().job.plan.len(),
            Self::Stored(batches) => batches.spool().plan().len(),
            Self::Sampled(_, pieces) => pieces.as_slice().iter().map(SampledPiece::batches).sum(),
        }
    }

    /// The next one, or several that follow one another. Stretches that are empty at the source are found as a
    /// migration finds them.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<VerifyPiece>>, Error> {
        let (source, counter, is_read) = match self {
            Self::Recorded(pieces) => return Ok(pieces.take()),
            Self::Stored(batches) => return Ok(stored(batches).map(|piece| vec![piece])),
            Self::Sampled(source, pieces) => {
                return Ok(match pieces.next() {
                    Some(piece) => Some(vec![piece.of(source).await?]),
                    None => None,
                });
            }
            Self::Read(source, counter) => (source, counter, true),
            Self::Counts(source, counter) => (source, counter, false),
        };
        let bucket = source.bucket();
        Ok(match counter.next(bucket).await? {
            None => None,
            Some(NextBatch::Empty(seqs)) => Some(vec![empty(bucket.job.plan, &seqs)]),
            Some(NextBatch::Batch { range, holds, .. }) => Some(vec![if is_read {
                VerifyPiece::Read(Arc::clone(source), range, holds)
            } else {
                VerifyPiece::Counted(range, holds, bucket.may_expire(range))
            }]),
        })
    }
}

impl SampledPiece {
    fn batches(&self) -> u64 {
        match self {
            Self::Empty(_, batches) => *batches,
            Self::Chosen(_) => 1,
        }
    }

    /// What of this source it stands for.
    async fn of(self, source: &ComparedSource) -> Result<VerifyPiece, Error> {
        Ok(match (self, source) {
            (Self::Empty(stretch, batches), _) => VerifyPiece::Empty(stretch, batches),
            (Self::Chosen(range), ComparedSource::Bucket(bucket)) => {
                let holds = count::windows(bucket.bucket(), range).await?;
                VerifyPiece::Read(Arc::clone(bucket), range, holds)
            }
            (Self::Chosen(range), ComparedSource::Spool(spool)) => {
                VerifyPiece::Stored(Arc::clone(spool), range, spool.files(range))
            }
        })
    }
}

/// So many batches without a value.
fn empty(plan: BatchPlan, seqs: &Range<u64>) -> VerifyPiece {
    let nth = |seq| plan.nth(seq).expect("an empty stretch is in the plan");
    let stretch = TimeRange::new(nth(seqs.start).start, nth(seqs.end - 1).stop);
    VerifyPiece::Empty(stretch, seqs.end - seqs.start)
}

/// The next piece of a spool.
fn stored(batches: &mut ComparedBatches) -> Option<VerifyPiece> {
    Some(match batches.next()? {
        NextBatch::Empty(seqs) => empty(batches.spool().plan(), &seqs),
        NextBatch::Batch { range, holds, .. } => {
            VerifyPiece::Stored(Arc::clone(batches.spool()), range, holds)
        }
    })
}

/// What is recorded of a range, and what lies between. Batches that reach over its ends are whole.
fn of_job(recorded: &Arc<RecordedJob>, range: TimeRange) -> Vec<VerifyPiece> {
    let is_touched = |batch: &TimeRange| !batch.intersect(range).is_empty();
    let touched = recorded.batches.iter().filter(|batch| is_touched(&batch.range));
    let mut batches: Vec<_> = touched.cloned().collect();
    // A batch that was recorded twice was moved twice: what was recorded last is there.
    batches.sort_by_key(|batch| (batch.range.start, Reverse(batch.time)));
    batches.dedup_by_key(|batch| batch.range.start);
    let gap = |start, stop| {
        (start < stop).then(|| VerifyPiece::Gap(Arc::clone(recorded), TimeRange::new(start, stop)))
    };
    let (mut pieces, mut at) = (Vec::new(), range.start);
    for batch in batches {
        pieces.extend(gap(at, batch.range.start));
        at = batch.range.stop;
        pieces.push(VerifyPiece::Recorded(Arc::clone(recorded), batch));
    }
    pieces.extend(gap(at, range.stop));
    pieces
}
