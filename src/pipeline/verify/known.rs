//! Stretches that an earlier comparison, which was stopped, has found equal: counted as that, and not read again. Each is
//! believed only where the pieces that would be compared now are the very ones that were compared then.

use std::collections::{BTreeMap, VecDeque};

use super::compared::{Compared, EqualBy, HeldContent, PieceMark, PieceVerdict, SumPart};
use super::pieces::{VerifyPiece, VerifyPieces, together};
use crate::model::content_digest::ContentDigest;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::pipeline::read::measurement_counts::MeasurementCounts;

/// A stretch that is equal: with its pieces, all that is needed to count it without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EqualStretch {
    /// What was compared as one, one behind the other.
    pub pieces: Vec<PieceMark>,
    /// Values that the destination holds of it.
    pub values: u64,
    /// Their digest.
    pub digest: ContentDigest,
    /// How many of each measurement, as far as they are counted by it.
    pub counts: BTreeMap<Name, u64>,
}

impl EqualStretch {
    /// Of what was compared now; `None` where it is not equal, or its pieces could not be known again.
    pub(super) fn of(compared: &Compared) -> Option<Self> {
        let Compared { held, verdict, marks, earlier, .. } = compared;
        let is_new = matches!(verdict, PieceVerdict::Equal) && earlier.is_none();
        let pieces = marks.as_ref().filter(|_| is_new)?.clone();
        let (digest, counts) = (held.digest?, held.counts.named().clone());
        Some(Self { pieces, values: held.values, digest, counts })
    }

    /// Its range.
    pub(super) fn range(&self) -> Option<TimeRange> {
        let (first, last) = (self.pieces.first()?, self.pieces.last()?);
        Some(TimeRange::new(first.range.start, last.range.stop))
    }
}

/// Stretches that are known to be equal, by their starts, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct KnownStretches(BTreeMap<Timestamp, (EqualStretch, Timestamp)>);

impl KnownStretches {
    /// Adds one that was found equal at some time.
    pub(crate) fn add(&mut self, stretch: EqualStretch, at: Timestamp) {
        if let Some(range) = stretch.range() {
            self.0.insert(range.start, (stretch, at));
        }
    }

    /// True without any.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the one that these pieces begin with.
    fn take(&mut self, pieces: &VecDeque<VerifyPiece>) -> Option<(EqualStretch, Timestamp)> {
        let start = pieces.front()?.range().start;
        let (known, _) = self.0.get(&start)?;
        let is_same = |(mark, piece): (&PieceMark, &VerifyPiece)| piece.mark() == Some(*mark);
        let is_it =
            known.pieces.len() <= pieces.len() && known.pieces.iter().zip(pieces).all(is_same);
        if is_it { self.0.remove(&start) } else { None }
    }

    /// Divides pieces that follow one another into what is known and what is to be compared.
    fn divide(&mut self, pieces: Vec<VerifyPiece>) -> VecDeque<Portion> {
        let (mut portions, mut open) = (VecDeque::new(), Vec::new());
        let mut rest = VecDeque::from(pieces);
        let close = |portions: &mut VecDeque<Portion>, open: &mut Vec<VerifyPiece>| {
            portions.extend(together(std::mem::take(open)).into_iter().map(Portion::Open));
        };
        while !rest.is_empty() {
            if let Some((known, at)) = self.take(&rest) {
                close(&mut portions, &mut open);
                let own: Vec<_> = rest.drain(..known.pieces.len()).collect();
                portions.push_back(Portion::Known(Box::new(counted(known, &own, at))));
            } else {
                open.extend(rest.pop_front());
            }
        }
        close(&mut portions, &mut open);
        portions
    }
}

/// What came of a stretch that was compared earlier.
fn counted(known: EqualStretch, pieces: &[VerifyPiece], at: Timestamp) -> Compared {
    let range = known.range().expect("a known stretch has pieces");
    let EqualStretch { values, digest, counts, .. } = known;
    let counts = MeasurementCounts::of(counts);
    let mut compared = Compared {
        batches: pieces.iter().map(VerifyPiece::batches).sum(),
        range,
        held: HeldContent { values, digest: Some(digest), counts },
        refused: 0,
        verdict: PieceVerdict::Equal,
        by: EqualBy::Digest,
        parts: Vec::new(),
        marks: None,
        earlier: Some(at),
    };
    let is_alone = pieces.len() == 1;
    for piece in pieces {
        let expected = piece.expected();
        compared.refused += expected.as_ref().map_or(0, |expected| expected.rejected);
        if !is_alone {
            let batch = expected.map(|expected| (expected.values, expected.digest));
            compared.parts.push(SumPart { range: piece.range(), batch });
        } else if matches!(piece, VerifyPiece::Gap(..) | VerifyPiece::Empty(..)) {
            compared.by = EqualBy::Nothing;
        }
    }
    compared
}

/// A part of what is compared.
#[derive(Debug)]
pub(super) enum Portion {
    /// Equal, as it is known.
    Known(Box<Compared>),
    /// Neighbours that are to be compared as one.
    Open(Vec<VerifyPiece>),
}

/// All pieces of a range, with what is known of them.
pub(super) struct Portions {
    pieces: VerifyPieces,
    known: KnownStretches,
    ready: VecDeque<Portion>,
}

impl Portions {
    pub(super) fn new(pieces: VerifyPieces, known: KnownStretches) -> Self {
        Self { pieces, known, ready: VecDeque::new() }
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Result<Option<Portion>, Error> {
        while self.ready.is_empty() {
            let Some(pieces) = self.pieces.next().await? else { return Ok(None) };
            self.ready = self.known.divide(pieces);
        }
        Ok(self.ready.pop_front())
    }
}
