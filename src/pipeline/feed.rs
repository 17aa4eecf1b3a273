//! Where the batches of a run come from: a bucket of InfluxDB, or a spool. Everything behind them is the same.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::influx::client::Client;
use crate::model::batch::BatchPlan;
use crate::model::interval::Interval;
use crate::model::time::TimeRange;
use crate::model::transport::Transport;
use crate::pipeline::commit::keeper::Keeper;
use crate::pipeline::context::{Context, Job};
use crate::pipeline::error::Error;
use crate::pipeline::event::{Counters, Planned};
use crate::pipeline::plan::counter::{Counter, Found};
use crate::pipeline::read::batch::{self, Done};
use crate::pipeline::unload;
use crate::pipeline::write::outlet::Outlet;

/// What is read, resolved.
#[derive(Debug, Clone)]
pub enum Source {
    /// A bucket.
    Bucket(Box<Job>, Client),
    /// A spool.
    Spool(unload::Job),
}

impl Source {
    /// The whole job, from its start to this run's stop.
    pub fn range(&self) -> TimeRange {
        match self {
            Self::Bucket(job, _) => job.range,
            Self::Spool(job) => job.range,
        }
    }

    /// The batches of this run.
    pub fn plan(&self) -> BatchPlan {
        match self {
            Self::Bucket(job, _) => job.plan,
            Self::Spool(job) => job.plan,
        }
    }

    /// What it lists and returns to no query, in words.
    pub fn unreturned(&self) -> Vec<String> {
        match self {
            Self::Bucket(job, _) => job.routes.unreturned.iter().map(ToString::to_string).collect(),
            Self::Spool(_) => Vec::new(),
        }
    }

    /// What the run is about to do, for the report.
    pub fn planned(&self) -> Planned {
        let (interval, transport) = match self {
            Self::Bucket(job, _) => (job.interval, transport_name(job.transport)),
            Self::Spool(job) => (job.interval, unload::TRANSPORT),
        };
        planned(self.range(), self.plan(), interval, transport)
    }
}

/// What a run is about to do.
pub fn planned(job: TimeRange, plan: BatchPlan, interval: Interval, transport: &str) -> Planned {
    Planned {
        job,
        resume: plan.range().start,
        batches: plan.len(),
        interval: interval.to_string(),
        transport: transport.to_owned(),
    }
}

/// The transport as a person asks for it.
pub fn transport_name(transport: Option<Transport>) -> &'static str {
    transport.map_or("auto", Transport::name)
}

/// Hands out batch after batch.
pub(super) enum Feed {
    Bucket(Arc<Context>, Counter),
    Spool(Arc<unload::Context>, unload::Batches),
}

/// What comes next.
pub(super) enum Next {
    /// Batches without a value.
    Empty(std::ops::Range<u64>),
    /// A batch on its way, and word that everything of it has been asked for.
    Batch(Moving, oneshot::Receiver<()>),
}

/// Moves a batch.
pub(super) type Moving = Pin<Box<dyn Future<Output = Result<Done, Error>> + Send>>;

impl Feed {
    /// Of a run that writes to `out`.
    pub(super) fn new(source: Source, out: Arc<Outlet>, keeper: &Keeper) -> Self {
        match source {
            Source::Bucket(job, client) => {
                let context = Context::new(*job, client, out).kept_by(keeper.clone());
                Self::Bucket(Arc::new(context), Counter::new())
            }
            Source::Spool(job) => {
                let batches = unload::Batches::new(&job);
                Self::Spool(Arc::new(unload::Context::new(job, out)), batches)
            }
        }
    }

    /// What the run shares, if it reads a bucket.
    pub(super) fn context(&self) -> Option<Arc<Context>> {
        match self {
            Self::Bucket(context, _) => Some(Arc::clone(context)),
            Self::Spool(..) => None,
        }
    }

    /// Looks for the next batch that holds anything; `None` at the end of the plan.
    pub(super) async fn next(&mut self) -> Result<Option<Next>, Error> {
        let (sender, requested) = oneshot::channel();
        let moving: Moving = match self {
            Self::Bucket(context, counter) => match counter.next(context).await? {
                None => return Ok(None),
                Some(Found::Empty { first, end }) => return Ok(Some(Next::Empty(first..end))),
                Some(Found::Batch { seq, range, windows }) => {
                    Box::pin(batch::run(Arc::clone(context), seq, range, windows, sender))
                }
            },
            Self::Spool(context, batches) => match batches.next() {
                None => return Ok(None),
                Some(unload::Found::Empty(stretch)) => return Ok(Some(Next::Empty(stretch))),
                Some(unload::Found::Batch(seq, range, files)) => {
                    Box::pin(unload::run(Arc::clone(context), seq, range, files, sender))
                }
            },
        };
        Ok(Some(Next::Batch(moving, requested)))
    }

    /// Keeps the sums of what the source has answered up to date. A spool asks nothing beside its slices.
    pub(super) fn note_answered(&self, counters: &Counters) {
        if let Self::Bucket(context, _) = self {
            let source = &context.source;
            counters.note_answered(source.quota().total_bytes(), source.requests());
        }
    }

    /// Source bytes of this run at the most.
    pub(super) fn transfer_bytes_max(&self) -> Option<u64> {
        match self {
            Self::Bucket(context, _) => context.job.transfer_bytes_max,
            Self::Spool(..) => None,
        }
    }
}
