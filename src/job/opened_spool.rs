//! A spool that is read: what it holds, and whose content that is.

use crate::config::inputs::{Inputs, Spooled};
use crate::config::job::JobConfig;
use crate::config::values::IntervalChoice;
use crate::job::error::Error;
use crate::job::load_config::{local_now, say_notices};
use crate::limits::LOAD_BATCH_VALUES_MIN;
use crate::model::interval::Interval;
use crate::model::time::TimeRange;
use crate::pipeline::plan::spool as plan;
use crate::pipeline::pool::blocking;
use crate::spool;
use crate::spool::place::Surroundings;
use crate::spool::state::StagedJob;
use crate::spool::stored::{Stored, StoredSelection};

/// A spool that is to be loaded, or compared.
#[derive(Debug)]
pub struct OpenedSpool {
    /// Where it is.
    pub place: String,
    /// What it holds.
    pub(crate) stored: Stored,
    /// Whose content that is.
    pub(crate) job: StagedJob,
}

impl OpenedSpool {
    /// Opens it.
    pub async fn open(place: &str, surroundings: &Surroundings) -> Result<Self, Error> {
        let (place, surroundings) = (place.to_owned(), surroundings.clone());
        let known = blocking(move || {
            let stored = Stored::open(&spool::place::storage(&place, &surroundings)?)?;
            Ok(Self { place, job: stored.job(), stored })
        });
        Ok(known.await?)
    }

    /// What is to be done with it.
    pub fn config(&self, inputs: &Inputs) -> Result<JobConfig, Error> {
        let spooled = Spooled {
            host: self.job.identity.source_host.clone(),
            org: self.job.source_org.clone(),
            bucket: self.job.source_bucket.clone(),
        };
        let config = inputs.check_load(&spooled, local_now())?;
        say_notices(&config.output.notices, config.output.json);
        Ok(config)
    }
}

/// Length of the batches of a range: as it was asked for, or as the files of a selection go well with.
pub(super) fn batch_interval(
    config: &JobConfig,
    spool: &Stored,
    selection: &StoredSelection,
    range: TimeRange,
) -> Interval {
    match config.scope.batch_interval {
        IntervalChoice::Fixed(interval) => interval,
        IntervalChoice::Auto => {
            plan::interval(&spool.files(selection), range, LOAD_BATCH_VALUES_MIN)
        }
    }
}
