//! `spool compact`: small files become few.

use crate::commands::error::Error;
use crate::config::export::PlaceConfig;
use crate::exit::ExitCode;
use crate::report::progress::Progress;
use crate::report::spool::CompactReport;
use crate::report::text::Glyphs;
use crate::spool::compact::Sizes;
use crate::spool::stored::{Selection, Stored};
use crate::spool::writable::Spool;

pub(super) fn run(config: &PlaceConfig) -> Result<ExitCode, Error> {
    let (storage, stored) = super::open(config)?;
    let spool = Spool::open(&storage, &stored.job(), config.adopt).map_err(Box::new)?;
    // Again, now that nobody else writes.
    let (before, values) = sums(&Stored::open(&storage).map_err(Box::new)?);
    let mut progress = None;
    let compacted = spool.compact_step_by_step(Sizes::default(), |compacted, all_bytes| {
        let progress =
            progress.get_or_insert_with(|| Progress::new("merged", all_bytes, config.json));
        progress.at(compacted.bytes_before);
    });
    drop(progress);
    let compacted = compacted.map_err(Box::new)?;
    spool.close().map_err(Box::new)?;
    let (after, _) = sums(&Stored::open(&storage).map_err(Box::new)?);
    let report = CompactReport { place: config.place.clone(), compacted, before, after, values };
    super::show(config.json, || report.json(), || report.lines(Glyphs::Ascii));
    Ok(ExitCode::Done)
}

/// Files with their bytes, and values.
fn sums(stored: &Stored) -> ((u64, u64), u64) {
    let files = stored.files(&Selection::ALL);
    let bytes = files.iter().map(|file| file.bytes).sum();
    let values = files.iter().map(|file| file.values).sum();
    ((files.len() as u64, bytes), values)
}
