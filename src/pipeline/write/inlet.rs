//! Where the frames of one batch go in: as lines to the destination, or as rows to the files of a spool.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::model::frame::Frame;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::event::Counters;
use crate::pipeline::write::body::Written;
use crate::pipeline::write::encode;
use crate::pipeline::write::outlet::{Outlet, Sink};
use crate::pipeline::pool::blocking;
use crate::spool::batch::{BatchWriter, FinishedBatch};

/// The way in for one reading of a batch. What is read again after it was given up leaves nothing of the first reading
/// in a spool.
#[derive(Debug, Clone)]
pub struct Inlet {
    out: Arc<Outlet>,
    batch: TimeRange,
    writer: Option<Arc<BatchWriter>>,
}

impl Inlet {
    /// Opens it.
    pub fn open(out: &Arc<Outlet>, batch: TimeRange) -> Self {
        let writer = match &out.sink {
            Sink::Spool(spool) => Some(Arc::new(spool.begin(batch))),
            Sink::Bucket(_) | Sink::Discard => None,
        };
        Self { out: Arc::clone(out), batch, writer }
    }

    /// Takes all frames of one slice; returns once each is acknowledged, kept for the spool, or its refused lines are
    /// known.
    pub async fn take(&self, frames: mpsc::Receiver<Frame>) -> Result<Written, Error> {
        match &self.writer {
            None => encode::encode_and_write(&self.out, self.batch, frames).await,
            Some(writer) => {
                let writer = Arc::clone(writer);
                blocking(move || push(&writer, frames)).await
            }
        }
    }

    /// Sorts and syncs what a spool has taken: `None` where there is no spool. All slices must be done.
    pub async fn close(self) -> Result<Option<FinishedBatch>, Error> {
        let Some(writer) = self.writer else { return Ok(None) };
        let Some(writer) = Arc::into_inner(writer) else {
            return Err(Error::StageGone("spool"));
        };
        let finished = blocking(move || Ok(writer.finish()?)).await?;
        let counters = &self.out.counters;
        let bytes = finished.files().iter().map(|file| file.bytes).sum();
        Counters::add(&counters.lines_written, finished.totals().rows);
        Counters::add(&counters.values_written, finished.totals().values);
        Counters::add(&counters.body_bytes, bytes);
        Counters::add(&counters.bodies, finished.files().len() as u64);
        Ok(Some(finished))
    }
}

fn push(writer: &BatchWriter, mut frames: mpsc::Receiver<Frame>) -> Result<Written, Error> {
    let mut written = Written::default();
    while let Some(frame) = frames.blocking_recv() {
        writer.push(&frame)?;
        written.lines += frame.rows() as u64;
        written.values += frame.values;
    }
    Ok(written)
}
