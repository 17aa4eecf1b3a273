//! The values that differ: the first ones for the screen, all of them for a file.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use crate::config::verify::VerifyConfig;
use crate::job::error::Error;
use crate::model::time::TimeRange;
use crate::pipeline::verify::VerifyFindings;
use crate::pipeline::verify::compared::EqualBy;
use crate::pipeline::verify::difference::ValueDifference;
use crate::pipeline::verify::end::ComparedEnd;
use crate::pipeline::verify::repair::Repairer;
use crate::pipeline::verify::source::ComparedSource;
use crate::pipeline::verify::values::{ComparedValues, ValueWalk};
use crate::report::influx_delete::DeleteTarget;
use crate::report::verify::{NamedValues, value_line};

/// Looks for the values that differ.
#[derive(Debug)]
pub(super) struct Namer {
    /// Those that were found.
    pub(super) named: NamedValues,
    shown_max: usize,
    /// Every difference is looked at, not only those that are shown.
    is_thorough: bool,
    report: Option<Report>,
}

impl Namer {
    /// None yet. The file is made anew.
    pub(super) fn new(wanted: &VerifyConfig) -> Result<Self, Error> {
        let report = wanted.report.as_ref().map(Report::create).transpose()?;
        Ok(Self {
            shown_max: wanted.values_shown,
            is_thorough: report.is_some() || wanted.superset || wanted.repair,
            report,
            ..Self::judge(wanted.superset)
        })
    }

    /// Who only finds out whether both ends hold the same now.
    pub(super) fn judge(is_superset: bool) -> Self {
        let named = NamedValues { is_whole: true, is_superset, ..NamedValues::default() };
        Self { named, shown_max: 0, is_thorough: true, report: None }
    }

    /// True if anybody wants to know which values differ.
    pub(super) fn is_wanted(&self, verified: &VerifyFindings) -> bool {
        verified.differing_batches > 0 && (self.shown_max > 0 || self.is_thorough)
    }

    /// Looks for them, as far as they are asked for. What differs in nothing, or in extra values alone where those are no
    /// difference, is equal. What is missing or changed is repaired, if that is asked for.
    pub(super) async fn find(
        &mut self,
        ends: (&ComparedSource, &ComparedEnd),
        verified: &mut VerifyFindings,
        mut repairer: Option<&mut Repairer>,
    ) -> Result<(), Error> {
        let mut kept = Vec::new();
        for batch in std::mem::take(&mut verified.differing) {
            let is_equal = self.walk(ends, batch.range, repairer.as_deref_mut()).await?;
            if is_equal {
                verified.differing_batches -= 1;
                verified.batches += 1;
                verified.values += batch.expected;
                verified.equal_by_reading += 1;
                let by = if self.named.is_superset { EqualBy::Superset } else { EqualBy::Values };
                if let Some(ledger) = &mut verified.ledger {
                    ledger.settle(batch.range, by);
                }
            } else {
                kept.push(batch);
            }
        }
        verified.differing = kept;
        if let Some(report) = &mut self.report {
            report.flush()?;
        }
        self.named.is_whole &= verified.differing.len() as u64 == verified.differing_batches;
        Ok(())
    }

    /// Goes over one batch; true if it is equal after all.
    async fn walk(
        &mut self,
        ends: (&ComparedSource, &ComparedEnd),
        range: TimeRange,
        mut repairer: Option<&mut Repairer>,
    ) -> Result<bool, Error> {
        let mut walk = ValueWalk::new(ends, range);
        let mut is_equal = true;
        loop {
            if self.named.shown.len() >= self.shown_max && !self.is_thorough {
                self.named.is_whole = false;
                return Ok(false);
            }
            let Some(ComparedValues { range, differing, is_whole }) = walk.next().await? else {
                return Ok(is_equal);
            };
            self.named.is_whole &= is_whole;
            is_equal &= is_whole;
            for difference in &differing {
                is_equal &= self.named.is_superset && difference.source.is_none();
                self.take(difference)?;
            }
            if let Some(repairer) = &mut repairer {
                repairer.write(range, &differing).await?;
            }
        }
    }

    fn take(&mut self, difference: &ValueDifference) -> Result<(), Error> {
        let named = &mut self.named;
        match (&difference.source, &difference.destination) {
            (Some(_), None) => named.missing += 1,
            (None, _) => named.extra += 1,
            (Some(_), Some(_)) => named.changed += 1,
        }
        if let Some(report) = &mut self.report {
            report.add(difference, &named.target)?;
        }
        if named.shown.len() < self.shown_max {
            named.shown.push(difference.clone());
        }
        Ok(())
    }
}

/// The file of all differences.
#[derive(Debug)]
struct Report {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Report {
    fn create(path: &PathBuf) -> Result<Self, Error> {
        match File::create(path) {
            Ok(file) => Ok(Self { path: path.clone(), file: BufWriter::new(file) }),
            Err(source) => Err(Error::ReportFile { path: path.clone(), source }),
        }
    }

    fn add(&mut self, difference: &ValueDifference, target: &DeleteTarget) -> Result<(), Error> {
        let written = writeln!(self.file, "{}", value_line(difference, target));
        written.map_err(|source| self.refused(source))
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.file.flush().map_err(|source| self.refused(source))
    }

    fn refused(&self, source: io::Error) -> Error {
        Error::ReportFile { path: self.path.clone(), source }
    }
}
