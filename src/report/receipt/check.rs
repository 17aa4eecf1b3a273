//! Whether a text is a receipt as it was written, and whether what it says fits together.

use std::fmt;

use super::{
    DIGEST_MEMBER, NAME, NUMBER, Receipt, ReceiptBatch, ReceiptProof, ReceiptResult, ReceiptTotals,
    Whole, canonical, with_sha256,
};
use crate::model::content_digest::ContentDigest;
use crate::model::time::Timestamp;
use crate::spool::digest::sha256;

/// Why a text is no receipt that can be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Neither its begin nor its end is that of a receipt.
    #[error("this is no receipt of sluice verify")]
    Foreign,
    /// Another version has written it.
    #[error("its format is {0}, and this version of sluice reads format {NUMBER}")]
    Format(u64),
    /// It is not what was written.
    #[error("it was changed or cut after it was written: {0}")]
    Changed(String),
    /// It is what was written, by whomever, and cannot be true.
    #[error("its SHA-256 is right, but what it says does not fit together: {0}")]
    Unfit(String),
}

/// A receipt that is as it was written.
#[derive(Debug)]
pub(crate) struct CheckedReceipt {
    /// What it says.
    pub(crate) receipt: Receipt,
    /// Its SHA-256.
    pub(crate) sha256: String,
}

/// Reads a receipt, if each of its bytes is as it was written.
pub(crate) fn read(text: &[u8]) -> Result<CheckedReceipt, ReceiptError> {
    let changed = |what: &dyn fmt::Display| ReceiptError::Changed(what.to_string());
    let Some((body, said)) = parts(text) else {
        let was_one = is_begun(text) || format_of(text).is_some();
        let why = &"it does not end in its SHA-256, as each receipt does";
        return Err(if was_one { changed(why) } else { ReceiptError::Foreign });
    };
    let computed = sha256(&body);
    if said != computed.as_bytes() {
        let said = String::from_utf8_lossy(said);
        return Err(changed(&format!("its SHA-256 is {computed}, and it says {said:?}")));
    }
    let format = format_of(&body).ok_or(ReceiptError::Foreign)?;
    if format != NUMBER {
        return Err(ReceiptError::Format(format));
    }
    let whole: Whole = serde_json::from_slice(&body)
        .map_err(|error| ReceiptError::Unfit(format!("it has another form: {error}")))?;
    if canonical::text(&whole) != body || with_sha256(body) != text {
        return Err(ReceiptError::Unfit("it has another form than sluice writes".to_owned()));
    }
    match misfit(&whole.receipt) {
        Some(why) => Err(ReceiptError::Unfit(why)),
        None => Ok(CheckedReceipt { receipt: whole.receipt, sha256: computed }),
    }
}

/// The text without its SHA-256, and that; `None` if it does not end in one.
fn parts(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    const DIGITS: usize = 64;
    let end = text.strip_suffix(b"\"}\n")?;
    let (rest, said) = end.split_at_checked(end.len().checked_sub(DIGITS)?)?;
    let body = rest.strip_suffix(DIGEST_MEMBER.as_bytes())?;
    Some(([body, b"}"].concat(), said))
}

/// True if it begins as a receipt does, or is the begin of one.
fn is_begun(text: &[u8]) -> bool {
    let begin = format!("{{\"format\":{{\"name\":\"{NAME}\"");
    let begin = begin.as_bytes();
    !text.is_empty() && (text.starts_with(begin) || begin.starts_with(text))
}

/// The number of its format, if it is a receipt.
fn format_of(body: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Any {
        format: super::Format,
    }
    let Any { format } = serde_json::from_slice(body).ok()?;
    (format.name == NAME).then_some(format.number)
}

/// What in a receipt cannot be true, if anything.
pub(crate) fn misfit(receipt: &Receipt) -> Option<String> {
    let range = receipt.range();
    let (mut at, mut sums, mut together) = (range.start, Sums::default(), Together::default());
    if receipt.range.stop < receipt.range.start {
        return Some("its range stops before it starts".to_owned());
    }
    for batch in &receipt.batches {
        if batch.start != at || batch.stop <= batch.start {
            return Some(format!("a batch from {} to {} follows {at}", batch.start, batch.stop));
        }
        at = batch.stop;
        if let Err(why) = sums.add(batch).and_then(|()| together.add(batch)) {
            return Some(format!("the batch {}: {why}", batch.range()));
        }
    }
    if together.open > 0 {
        return Some("its last batches are a sum of more than there are".to_owned());
    }
    if at != range.stop {
        return Some(format!("its batches end at {at}, and its range at {}", range.stop));
    }
    let counted = receipt.measurements.iter().map(|one| u128::from(one.values)).sum::<u128>();
    let expected = Sums { refused: receipt.totals.refused.into(), ..sums };
    if expected != Sums::of(&receipt.totals) {
        return Some("its totals are not the sums over its batches".to_owned());
    }
    if counted != sums.values {
        return Some("its measurements hold another number of values than its batches".to_owned());
    }
    let result = result(receipt, at);
    (receipt.result != result).then(|| format!("its batches make it {result}"))
}

/// What its batches come to.
fn result(receipt: &Receipt, stop: Timestamp) -> ReceiptResult {
    let ReceiptTotals { different, refused, unproven, .. } = receipt.totals;
    let is_open = unproven + refused > 0 || !receipt.unproven.is_empty();
    if different > 0 {
        ReceiptResult::Different
    } else if is_open || !receipt.doubts.is_empty() {
        ReceiptResult::Unproven
    } else if stop == receipt.range.start {
        ReceiptResult::Nothing
    } else {
        ReceiptResult::Equal
    }
}

/// As [`ReceiptTotals`]; no sum is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sums {
    batches: u128,
    different: u128,
    refused: u128,
    unproven: u128,
    values: u128,
}

impl Sums {
    fn of(totals: &ReceiptTotals) -> Self {
        let ReceiptTotals { batches, different, refused, unproven, values } = *totals;
        let [batches, different, refused, unproven, values] =
            [batches, different, refused, unproven, values].map(u128::from);
        Self { batches, different, refused, unproven, values }
    }

    /// Adds a batch, which must have what belongs to its result, and nothing else.
    fn add(&mut self, batch: &ReceiptBatch) -> Result<(), &'static str> {
        let is_equal = [batch.values.is_some(), batch.proof.is_some()];
        let is_different =
            [batch.expected.is_some(), batch.found.is_some(), batch.measurements.is_some()];
        let (all, none) =
            (|is: &[bool]| is.iter().all(|is| *is), |is: &[bool]| !is.contains(&true));
        let more = batch.digest.is_some() || batch.sum_of.is_some();
        let fits = match batch.result {
            ReceiptResult::Equal => {
                self.batches += u128::from(batch.batches);
                self.values += u128::from(batch.values.unwrap_or_default());
                all(&is_equal) && none(&is_different) && batch.why.is_none() && proves(batch)
            }
            ReceiptResult::Different => {
                self.different += 1;
                none(&is_equal) && all(&is_different) && batch.why.is_none() && !more
            }
            ReceiptResult::Unproven => {
                self.unproven += 1;
                none(&is_equal) && none(&is_different) && batch.why.is_some() && !more
            }
            ReceiptResult::Nothing => false,
        };
        if fits { Ok(()) } else { Err("its members do not belong together") }
    }
}

/// Neighbours that are proven by one sum: as many as each of them says.
#[derive(Debug, Default)]
struct Together {
    digests: u64,
    /// Those that are still to come.
    open: u64,
}

impl Together {
    fn add(&mut self, batch: &ReceiptBatch) -> Result<(), &'static str> {
        let is_between = batch.proof == Some(ReceiptProof::Nothing);
        match (self.open, batch.sum_of) {
            (0, None) => {}
            (0, Some(digests)) => *self = Self { digests, open: digests - 1 },
            (_, None) if is_between => {}
            (_, Some(digests)) if digests == self.digests => self.open -= 1,
            (_, _) => return Err("it stands among the parts of a sum and is none"),
        }
        Ok(())
    }
}

/// True if the proof of a batch has what it needs.
fn proves(batch: &ReceiptBatch) -> bool {
    let has_digest = batch.digest.is_some();
    let fits = match batch.proof {
        Some(ReceiptProof::Digest | ReceiptProof::Sum) => has_digest,
        Some(ReceiptProof::Counts) => !has_digest,
        Some(ReceiptProof::Nothing) => {
            batch.values == Some(0) && batch.digest == Some(ContentDigest::default())
        }
        Some(ReceiptProof::Values | ReceiptProof::Superset) => true,
        None => false,
    };
    let is_sum = batch.proof == Some(ReceiptProof::Sum);
    fits && is_sum == batch.sum_of.is_some() && batch.sum_of.is_none_or(|digests| digests > 1)
}

impl fmt::Display for ReceiptResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Different => "different",
            Self::Equal => "equal",
            Self::Nothing => "nothing",
            Self::Unproven => "unproven",
        })
    }
}
