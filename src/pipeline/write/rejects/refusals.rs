//! Refused values between the place where they are refused and the commit of their batch.
//!
//! They count against the limit from the moment they are refused: the one that is too many ends the run, before anything
//! of its batch is committed. What is dropped before it was committed, because a slice or a batch is read again, counts no
//! longer. Their text is held in memory up to a bound for all open batches together, and beyond it in a temporary file
//! without a name beside the rejects file.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use super::limit::RejectLimit;
use super::spill::{Span, Spill};
use crate::limits::{ERROR_SHOWN_CHARS_MAX, REFUSALS_HELD_BYTES_MAX};
use crate::model::series::Readable;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::pool::blocking;

use crate::wire::line::encoder::Rejected;

/// What may still be refused, for all batches of a run.
#[derive(Debug)]
pub struct RejectBudget {
    limit: RejectLimit,
    /// Values refused so far, earlier runs included.
    refused: AtomicU64,
    /// The batch of the first one of this run.
    first: OnceLock<TimeRange>,
    /// Bytes of text in memory.
    held_bytes: AtomicUsize,
    spill: Mutex<Weak<Spill>>,
}

impl RejectBudget {
    /// At the beginning of a run.
    pub fn new(limit: RejectLimit) -> Arc<Self> {
        let refused = AtomicU64::new(limit.before);
        let held_bytes = AtomicUsize::new(0);
        Arc::new(Self {
            limit,
            refused,
            first: OnceLock::new(),
            held_bytes,
            spill: Mutex::default(),
        })
    }

    /// What it was given.
    pub fn limit(&self) -> &RejectLimit {
        &self.limit
    }

    /// Refuses whole lines of line protocol for one reason.
    pub fn lines(
        self: &Arc<Self>,
        batch: TimeRange,
        reason: &str,
        values: u64,
        lines: &[u8],
    ) -> Result<RefusedValues, Error> {
        let end: &[u8] = if lines.ends_with(b"\n") { b"" } else { b"\n" };
        self.refuse(batch, reason, values, &[lines, end])
    }

    /// Refuses values that no line carries; `text` is what is known of them.
    pub fn uncarried(
        self: &Arc<Self>,
        batch: TimeRange,
        reason: &str,
        values: u64,
        text: &[u8],
    ) -> Result<RefusedValues, Error> {
        let text = format!("# not line protocol: {}\n", text.escape_ascii());
        self.refuse(batch, reason, values, &[text.as_bytes()])
    }

    /// Refuses what an encoder could not carry.
    pub fn rejected(
        self: &Arc<Self>,
        batch: TimeRange,
        rejected: impl IntoIterator<Item = Rejected>,
    ) -> Result<RefusedValues, Error> {
        let mut refusals = RefusedValues::default();
        for Rejected { series, field, time_min, time_max, values, reason, text } in rejected {
            let field = field.map_or(String::new(), |field| format!(" field {}", Readable(&field)));
            let reason = format!("{reason}: {series}{field}, {time_min} to {time_max}");
            refusals.add(self.uncarried(batch, &reason, values, text.as_bytes())?);
        }
        Ok(refusals)
    }

    fn refuse(
        self: &Arc<Self>,
        batch: TimeRange,
        reason: &str,
        values: u64,
        parts: &[&[u8]],
    ) -> Result<RefusedValues, Error> {
        let reason = one_line(reason);
        let max = self.limit.max;
        let within = |refused: u64| refused.checked_add(values).filter(|sum| *sum <= max);
        if let Err(refused) =
            self.refused.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
        {
            let is_other = |first: &TimeRange| *first != batch;
            return Err(Error::RejectLimit {
                batch,
                rejected: refused.saturating_add(values),
                has_earlier: self.limit.before > 0 || self.first.get().is_some_and(is_other),
                limit: max,
                reason,
            });
        }
        // Only the first one counts.
        let _ = self.first.set(batch);
        let mut pieces = Vec::new();
        if self.limit.file.is_kept() {
            let mut text = format!("# {values} values: {}\n", commented(&reason)).into_bytes();
            for part in parts {
                text.extend_from_slice(part);
            }
            self.held_bytes.fetch_add(text.len(), Ordering::Relaxed);
            pieces.push(Piece::Held(Held { text, budget: Arc::clone(self) }));
        }
        let reason = Some(reason);
        Ok(RefusedValues {
            values,
            reason,
            has_other_reasons: false,
            pieces,
            budget: Some(Arc::clone(self)),
        })
    }

    /// Moves text to the disk.
    fn spill(&self, pieces: Vec<Piece>) -> Result<Vec<Piece>, Error> {
        let mut spilled = Vec::with_capacity(pieces.len());
        for piece in pieces {
            spilled.push(match piece {
                Piece::Held(held) => {
                    let spill = self.open_spill();
                    let span = spill.and_then(|spill| Spill::add(&spill, &held.text));
                    let path = self.limit.file.path.clone();
                    Piece::Spilled(span.map_err(|source| Error::State { path, source })?)
                }
                Piece::Spilled(span) => Piece::Spilled(span),
            });
        }
        Ok(spilled)
    }

    /// The file that is being filled; a new one once it is full, or nothing in it is wanted any more.
    fn open_spill(&self) -> io::Result<Arc<Spill>> {
        let mut current = self.spill.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(spill) = current.upgrade()
            && !spill.is_full()
        {
            return Ok(spill);
        }
        let spill = Arc::new(Spill::create(self.limit.file.folder())?);
        *current = Arc::downgrade(&spill);
        Ok(spill)
    }
}

/// Refused values of a batch, or of a part of it.
#[derive(Debug, Default)]
pub struct RefusedValues {
    values: u64,
    /// The first of their reasons.
    reason: Option<String>,
    /// There are others.
    has_other_reasons: bool,
    pieces: Vec<Piece>,
    /// That they count against; none if there are none.
    budget: Option<Arc<RejectBudget>>,
}

impl RefusedValues {
    /// How many values.
    pub fn values(&self) -> u64 {
        self.values
    }

    /// True if nothing was refused.
    pub fn is_empty(&self) -> bool {
        self.reason.is_none()
    }

    /// Why, in one line: the first reason, and that it is not the only one.
    pub fn reason(&self) -> Option<String> {
        let reason = self.reason.as_ref()?;
        let others = if self.has_other_reasons { " (the first of several reasons)" } else { "" };
        Some(format!("{reason}{others}"))
    }

    /// Adds those of another part.
    pub fn add(&mut self, mut other: Self) {
        self.values += std::mem::take(&mut other.values);
        self.has_other_reasons |= other.has_other_reasons;
        match (&self.reason, other.reason.take()) {
            (Some(own), Some(another)) => self.has_other_reasons |= *own != another,
            (None, reason) => self.reason = reason,
            (Some(_), None) => {}
        }
        self.budget = self.budget.take().or_else(|| other.budget.take());
        for piece in std::mem::take(&mut other.pieces) {
            match (self.pieces.last_mut(), piece) {
                (Some(Piece::Held(last)), Piece::Held(mut held)) => {
                    last.text.append(&mut held.text);
                }
                (_, piece) => self.pieces.push(piece),
            }
        }
    }

    /// Keeps memory bounded: beyond the bound the text goes to the disk.
    pub async fn settle(&mut self) -> Result<(), Error> {
        let Some(budget) = self.budget.clone() else { return Ok(()) };
        let is_held = |piece: &Piece| matches!(piece, Piece::Held(_));
        if budget.held_bytes.load(Ordering::Relaxed) > REFUSALS_HELD_BYTES_MAX
            && self.pieces.iter().any(is_held)
        {
            let pieces = std::mem::take(&mut self.pieces);
            self.pieces = blocking(move || budget.spill(pieces)).await?;
        }
        Ok(())
    }

    /// Bytes of their text.
    pub(super) fn bytes(&self) -> u64 {
        self.pieces.iter().map(Piece::bytes).sum()
    }

    /// Writes their text, the spilled part in steps.
    pub(super) fn write_to(&self, to: &mut impl Write) -> io::Result<()> {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Held(held) => to.write_all(&held.text),
            Piece::Spilled(span) => span.write_to(to),
        })
    }

    /// The same, for values that were refused once before in another form: their text is kept, and they count once.
    #[must_use]
    pub fn counted_before(mut self) -> Self {
        let values = std::mem::take(&mut self.values);
        if let Some(budget) = &self.budget {
            budget.refused.fetch_sub(values, Ordering::Relaxed);
        }
        self
    }

    /// Their batch is committed: they count for good.
    pub fn committed(mut self) {
        self.values = 0;
    }
}

impl Drop for RefusedValues {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            budget.refused.fetch_sub(self.values, Ordering::Relaxed);
        }
    }
}

#[derive(Debug)]
enum Piece {
    Held(Held),
    Spilled(Span),
}

impl Piece {
    fn bytes(&self) -> u64 {
        match self {
            Self::Held(held) => held.text.len() as u64,
            Self::Spilled(span) => span.bytes,
        }
    }
}

/// Text in memory.
#[derive(Debug)]
struct Held {
    text: Vec<u8>,
    budget: Arc<RejectBudget>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.held_bytes.fetch_sub(self.text.len(), Ordering::Relaxed);
    }
}

/// A reason as a comment that ends where its line does, for the server too: that looks for quotes and backslashes at line
/// ends before it looks for comments.
fn commented(reason: &str) -> String {
    let mut text = reason.replace('"', "'");
    if text.ends_with('\\') {
        text.push(' ');
    }
    text
}

/// A reason in one line of bounded length: a server's text holds names of the source.
fn one_line(reason: &str) -> String {
    let mut chars = reason.chars();
    let mut line: String = chars
        .by_ref()
        .take(ERROR_SHOWN_CHARS_MAX)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if chars.next().is_some() {
        line.push_str("...");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::limit::RejectsFile;
    use super::*;

    fn budget(folder: &tempfile::TempDir, max: u64) -> Arc<RejectBudget> {
        let path = folder.path().join("job/rejects.lp");
        let file = RejectsFile { path, job: "j".into(), is_own_place: true };
        RejectBudget::new(RejectLimit { before: 3, max, file })
    }

    fn batch() -> TimeRange {
        TimeRange::new("2020-01-01".parse().unwrap(), "2020-01-02".parse().unwrap())
    }

    #[test]
    fn the_value_that_is_too_many_is_told_at_once_and_what_is_dropped_counts_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let budget = budget(&folder, 10);
        let refuse = |values| budget.lines(batch(), "a\nreason", values, b"m f=1 1");
        let first = refuse(4).unwrap();
        let error = refuse(4).unwrap_err();
        let Error::RejectLimit { rejected: 11, limit: 10, reason, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(reason, "a reason");
        drop(first);
        let mut kept = refuse(7).unwrap();
        assert!(refuse(1).is_err(), "exactly the limit");
        kept.add(RefusedValues::default());
        kept.committed();
        assert!(refuse(1).is_err(), "what is committed stays");
        assert_eq!(budget.held_bytes.load(Ordering::Relaxed), 0);
        assert_eq!(budget.refused.load(Ordering::Relaxed), 10);
    }

    #[tokio::test]
    async fn text_beyond_the_bound_waits_on_the_disk_and_comes_back_whole() {
        let folder = tempfile::tempdir().unwrap();
        let budget = budget(&folder, u64::MAX);
        let line = format!("m f=\"{}\" 1\n", "x".repeat(1_000_000));
        let (mut all, mut wanted) = (RefusedValues::default(), String::new());
        for at in 0..30 {
            let reason = format!("reason {at}");
            let mut one = budget.lines(batch(), &reason, 2, line.as_bytes()).unwrap();
            one.settle().await.unwrap();
            all.add(one);
            wanted.extend(["# 2 values: ", &reason, "\n", &line]);
            let held = budget.held_bytes.load(Ordering::Relaxed);
            assert!(held <= REFUSALS_HELD_BYTES_MAX, "{held}");
        }
        let mut text = Vec::new();
        all.write_to(&mut text).unwrap();
        assert!(text == wanted.as_bytes());
        assert_eq!((all.values(), all.bytes()), (60, wanted.len() as u64));
        assert_eq!(all.reason().as_deref(), Some("reason 0 (the first of several reasons)"));
        assert_eq!(
            std::fs::read_dir(folder.path().join("job")).unwrap().count(),
            0,
            "no name is left"
        );
        drop(all);
        assert!(budget.spill.lock().unwrap().upgrade().is_none(), "nor the file itself");
        assert_eq!(budget.refused.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn reasons_are_one_line_of_bounded_length() {
        let line = one_line(&format!("a\r\nb\u{1b}[31m{}", "\u{e4}".repeat(70_000)));
        assert!(line.starts_with("a  b [31m") && line.ends_with("..."));
        assert_eq!(line.chars().count(), ERROR_SHOWN_CHARS_MAX + 3);
    }

    #[test]
    fn a_comment_swallows_no_line() {
        let folder = tempfile::tempdir().unwrap();
        let budget = budget(&folder, u64::MAX);
        for reason in ["a=1 \"b", "a=\\", "input field \"x=\" of \"", "=\"\\\\\\"] {
            let mut all = budget.lines(batch(), reason, 1, b"m f=1 1").unwrap();
            all.add(budget.uncarried(batch(), reason, 1, reason.as_bytes()).unwrap());
            let mut text = Vec::new();
            all.write_to(&mut text).unwrap();
            let lines: Vec<_> = crate::wire::line::split::split_lines(&text).collect();
            assert_eq!(lines.len(), 4, "{}", text.escape_ascii());
            assert_eq!(&text[lines[1].clone()], b"m f=1 1\n");
            assert_eq!(all.reason().as_deref(), Some(reason), "as it was said");
        }
    }

    /// Of a run that only looks nothing is kept.
    #[test]
    fn nobody_keeps_what_nobody_asks_for() {
        let budget = RejectBudget::new(RejectLimit::none());
        let refused = budget.lines(batch(), "x", 7, b"m f=1 1\n").unwrap();
        assert_eq!((refused.values(), refused.bytes()), (7, 0));
    }
}
