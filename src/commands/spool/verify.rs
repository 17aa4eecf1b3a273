//! `spool verify`: the whole proof.

use super::opened;
use crate::commands::error::Error;
use crate::config::export::PlaceConfig;
use crate::exit::ExitCode;
use crate::model::time::TimeRange;
use crate::report::progress::ProgressLine;
use crate::report::spool::ProofReport;
use crate::report::stream;
use crate::spool::stored::StoredSelection;

pub(super) fn run(config: &PlaceConfig) -> Result<ExitCode, Error> {
    let stored = opened::open(config)?;
    let bytes = stored.files(&StoredSelection::ALL).iter().map(|file| file.bytes).sum();
    let mut progress = ProgressLine::new("verified", bytes, config.json || config.quiet);
    let proof = stored.prove(|proof| progress.at(proof.bytes)).map_err(Box::new)?;
    drop(progress);
    let range = TimeRange::new(stored.job().identity.start, stored.watermark());
    let report = ProofReport { place: config.place.clone(), range, proof };
    let paper = stream::stdout_paper(None);
    let lines = || if config.quiet { report.quiet_lines(paper) } else { report.lines(paper) };
    opened::show(config.json, || report.json(), lines);
    match report.findings() {
        0 => Ok(ExitCode::Done),
        findings => Err(Error::SpoolDamaged { place: config.place.clone(), findings }),
    }
}
