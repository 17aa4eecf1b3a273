//! `spool compact`: small files become few.

use super::opened;
use crate::commands::error::Error;
use crate::config::export::PlaceConfig;
use crate::exit::ExitCode;
use crate::report::progress::ProgressLine;
use crate::report::spool::CompactReport;
use crate::report::stream;
use crate::spool::compact::CompactedSizes;
use crate::spool::stored::Stored;
use crate::spool::writable::Spool;

pub(super) fn run(config: &PlaceConfig) -> Result<ExitCode, Error> {
    let storage = opened::storage(config)?;
    let job = Stored::job_of(&storage).map_err(Box::new)?;
    let spool = Spool::open(&storage, &job, config.adopt).map_err(Box::new)?;
    let (before, (_, values)) = (spool.size(), spool.totals());
    let mut progress = None;
    let compacted =
        spool.compact_step_by_step(CompactedSizes::default(), |compacted, all_bytes| {
            let progress = progress.get_or_insert_with(|| {
                ProgressLine::new("merged", all_bytes, config.json || config.quiet)
            });
            progress.at(compacted.bytes_before);
        });
    drop(progress);
    let compacted = compacted.map_err(Box::new)?;
    let after = spool.size();
    spool.close().map_err(Box::new)?;
    let report = CompactReport { place: config.place.clone(), compacted, before, after, values };
    opened::show(
        config.json,
        || report.json(),
        || opened::told(config, report.lines(stream::stdout_paper(None))),
    );
    Ok(ExitCode::Done)
}
