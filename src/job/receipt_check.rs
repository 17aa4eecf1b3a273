//! A receipt that is checked, and held against the records of a spool. No server is asked.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::receipt_error::ReceiptFileError;
use crate::limits::RECEIPT_BYTES_MAX;
use crate::model::content_digest::ContentDigest;
use crate::model::time::{TimeRange, Timestamp};
use crate::report::receipt::check::{self, CheckedReceipt};
use crate::report::receipt::told::AgainstSpool;
use crate::report::receipt::{Receipt, ReceiptBatch, ReceiptResult};
use crate::spool::stored::{Stored, StoredBatch};

/// Reads a receipt; it must be as it was written.
pub(crate) fn read(path: &Path) -> Result<CheckedReceipt, ReceiptFileError> {
    let text =
        text(path).map_err(|source| ReceiptFileError::Read { path: path.to_owned(), source })?;
    let path = || PathBuf::from(path);
    check::read(&text).map_err(|source| ReceiptFileError::Check { path: path(), source })
}

fn text(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let length = File::open(path)?.take(RECEIPT_BYTES_MAX + 1).read_to_end(&mut text)?;
    if length as u64 > RECEIPT_BYTES_MAX {
        let why = format!("larger than {RECEIPT_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(text)
}

/// Holds a receipt against the records of a spool, which must be of the same job.
pub(crate) fn against_spool(
    receipt: &Receipt,
    spool: &Stored,
    place: &str,
) -> Result<AgainstSpool, ReceiptFileError> {
    is_same_job(receipt, spool, place)?;
    let batches: Vec<_> = spool.batches().collect();
    let mut found = AgainstSpool { place: place.to_owned(), ..AgainstSpool::default() };
    found.range = staged(&batches);
    compare(&receipt.batches, &batches, &mut found);
    Ok(found)
}

/// Digests of another bucket, or of another part of one, are others.
fn is_same_job(receipt: &Receipt, spool: &Stored, place: &str) -> Result<(), ReceiptFileError> {
    let (job, source) = (spool.job(), &receipt.source);
    let id = job.identity.source_bucket_id;
    let ids = source.bucket_id.clone().filter(|_| !id.is_empty()).map(|own| (id, own));
    // Names change; where ids are known, they tell.
    let (what, of_spool, of_receipt) = match ids {
        Some((of_spool, of_receipt)) => ("the id of the source bucket", of_spool, of_receipt),
        None => ("the source bucket", job.source_bucket, source.bucket.clone()),
    };
    let of_receipt_filter = receipt.job.filter.clone();
    let parts =
        [(what, of_spool, of_receipt), ("the filter", job.identity.filter, of_receipt_filter)];
    for (what, of_spool, of_receipt) in parts {
        if of_spool != of_receipt {
            let place = place.to_owned();
            return Err(ReceiptFileError::OtherSpool { place, what, of_spool, of_receipt });
        }
    }
    Ok(())
}

fn staged(batches: &[StoredBatch]) -> Option<TimeRange> {
    let (first, last) = (batches.first()?, batches.last()?);
    Some(TimeRange::new(first.range.start, last.range.stop))
}

/// Digests add up: between two bounds that both have, the sums must be the same.
fn compare(receipt: &[ReceiptBatch], spool: &[StoredBatch], found: &mut AgainstSpool) {
    let (Some(whole), Some(staged)) = (hull(receipt), staged(spool)) else { return };
    let bounds = common_bounds(receipt, spool);
    let (mut own, mut other) = (receipt, spool);
    let mut at = whole.start;
    for bound in bounds {
        let (before, after) = own.split_at(own.partition_point(|batch| batch.start < bound));
        let (there, rest) =
            other.split_at(other.partition_point(|batch| batch.range.start < bound));
        let stretch = TimeRange::new(at, bound);
        // What lies before the first common bound has none before it.
        let is_common = there.first().is_some_and(|first| first.range.start == at);
        if is_common {
            stretch_of_both(stretch, before, there, found);
        } else {
            alone(stretch, staged, found);
        }
        (own, other, at) = (after, rest, bound);
    }
    alone(TimeRange::new(at, whole.stop), staged, found);
}

fn hull(batches: &[ReceiptBatch]) -> Option<TimeRange> {
    Some(TimeRange::new(batches.first()?.start, batches.last()?.stop))
}

/// Rising.
fn common_bounds(receipt: &[ReceiptBatch], spool: &[StoredBatch]) -> Vec<Timestamp> {
    let starts = spool.iter().map(|batch| batch.range.start);
    let bounds: Vec<_> = starts.chain(spool.last().map(|batch| batch.range.stop)).collect();
    let own = receipt.iter().map(|batch| batch.start);
    let own = own.chain(receipt.last().map(|batch| batch.stop));
    own.filter(|bound| bounds.binary_search(bound).is_ok()).collect()
}

fn stretch_of_both(
    stretch: TimeRange,
    own: &[ReceiptBatch],
    there: &[StoredBatch],
    found: &mut AgainstSpool,
) {
    let open = |batch: &&ReceiptBatch| batch.digest.is_none();
    if let Some(batch) = own.iter().find(open) {
        let why = match batch.result {
            ReceiptResult::Equal => "the receipt has counts of it, and no digest".to_owned(),
            other => format!("the receipt calls it {other}"),
        };
        return leave_open(stretch, why, found);
    }
    let (mut ours, mut theirs) = (ContentDigest::default(), ContentDigest::default());
    own.iter().filter_map(|batch| batch.digest).for_each(|digest| ours.add(digest));
    for batch in there {
        theirs.add(batch.digest);
    }
    let values: u64 = there.iter().map(|batch| batch.values).sum();
    let is_equal =
        ours == theirs && own.iter().filter_map(|batch| batch.values).sum::<u64>() == values;
    if !is_equal {
        found.differing.push(stretch);
        return;
    }
    found.values += values;
    if own.len() == 1 && there.len() == 1 {
        found.batches += 1;
    } else {
        found.sums += 1;
    }
}

/// What the receipt alone has, between these bounds.
fn alone(stretch: TimeRange, staged: TimeRange, found: &mut AgainstSpool) {
    let inside = stretch.intersect(staged);
    let cut = "it is cut otherwise in the spool, and both have no two bounds in common there";
    if !inside.is_empty() {
        leave_open(inside, cut.to_owned(), found);
    }
    let before = TimeRange::new(stretch.start, stretch.stop.min(staged.start));
    let after = TimeRange::new(stretch.start.max(staged.stop), stretch.stop);
    for outside in [before, after] {
        if !outside.is_empty() {
            leave_open(outside, "the spool does not reach so far".to_owned(), found);
        }
    }
}

/// Neighbours of one kind are one stretch.
fn leave_open(stretch: TimeRange, why: String, found: &mut AgainstSpool) {
    match found.uncompared.last_mut() {
        Some((last, same)) if last.stop == stretch.start && *same == why => {
            last.stop = stretch.stop;
        }
        _ => found.uncompared.push((stretch, why)),
    }
}
