//! Values that go nowhere: their digests are taken, and they are kept where they are compared one by one.

use tokio::sync::mpsc;

use super::written::Written;
use crate::model::frame::Frame;
use crate::pipeline::error::Error;
use crate::pipeline::pool;

/// What is kept of values whose digests are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestsKept {
    /// Nothing.
    Digests,
    /// All of them: few enough for it.
    Values,
}

/// Takes all frames of one slice. Restored are strings that stand for what came of them first.
pub(crate) async fn take(
    kept: DigestsKept,
    mut frames: mpsc::Receiver<Frame>,
    is_restored: bool,
) -> Result<Written, Error> {
    let mut written = Written::default();
    while let Some(frame) = frames.recv().await {
        written = pool::run(move || {
            if is_restored {
                written.digests.add_restored(&frame);
            } else {
                written.digests.add_frame(&frame);
            }
            written.lines += frame.rows() as u64;
            written.values += frame.values;
            if kept == DigestsKept::Values {
                written.frames.push(frame);
            }
            written
        })
        .await?;
    }
    Ok(written)
}
