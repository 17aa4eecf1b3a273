//! A spool, written: the frames of one reading of a batch to rows of its files.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::written::Written;
use crate::model::frame::Frame;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::event::Counters;
use crate::pipeline::pool::blocking;
use crate::spool::batch::{BatchWriter, FinishedBatch};
use crate::spool::writable::Spool;

/// The way into a spool for one reading of a batch.
#[derive(Debug, Clone)]
pub struct SpoolSink {
    writer: Arc<BatchWriter>,
    counters: Arc<Counters>,
}

impl SpoolSink {
    /// Opens it.
    pub fn open(spool: &Spool, batch: TimeRange, counters: Arc<Counters>) -> Self {
        Self { writer: Arc::new(spool.begin(batch)), counters }
    }

    /// Takes all frames of one slice; returns once each is kept.
    pub async fn take(&self, frames: mpsc::Receiver<Frame>) -> Result<Written, Error> {
        let writer = Arc::clone(&self.writer);
        blocking(move || push(&writer, frames)).await
    }

    /// Sorts and syncs what it has taken. All slices must be done.
    pub async fn close(self) -> Result<FinishedBatch, Error> {
        let Some(writer) = Arc::into_inner(self.writer) else {
            return Err(Error::StageGone("spool"));
        };
        let finished = blocking(move || Ok(writer.finish()?)).await?;
        let counters = &self.counters;
        let bytes = finished.files().iter().map(|file| file.bytes).sum();
        Counters::add(&counters.lines_written, finished.totals().rows);
        Counters::add(&counters.values_written, finished.totals().values);
        Counters::add(&counters.body_bytes, bytes);
        Counters::add(&counters.bodies, finished.files().len() as u64);
        Ok(finished)
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
