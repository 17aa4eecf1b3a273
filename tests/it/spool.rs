//! The Parquet spool: round trips, damage of every kind of file, runs that are killed, compaction, object stores.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod azure;
mod commands;
mod compacted;
mod damage;
mod exported;
mod faulty;
mod forged;
mod forgery;
mod format;
pub(crate) mod full;
mod golden;
mod killed;
mod layout;
mod locks;
mod modes;
mod page;
mod ranges;
mod readers;
mod round_trip;
mod s3;
mod size;
mod special;
mod stores;
mod time_types;
mod trouble;
mod unsound;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sluice::testing::checkpoint::identity::Identity;
use sluice::testing::model::frame::Frame;
use sluice::testing::model::series::Name;
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::model::time_type::TimeType;
use sluice::testing::spool::error::Error;
use sluice::testing::spool::state::StagedJob;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use crate::support::golden::{Point, flatten};

/// The job of most tests: everything.
fn job() -> StagedJob {
    StagedJob {
        identity: Identity {
            source_host: "https://cloud.example".into(),
            source_bucket_id: "0123456789abcdef".into(),
            destination_bucket_id: "spool".into(),
            start: Timestamp::MIN,
            filter: "none".into(),
        },
        source_org: "org".into(),
        source_bucket: "b/1".into(),
        stop: Timestamp::STOP_MAX,
        shard_group_ns: Some(86_400_000_000_000),
        one_type_ns: None,
        plan: "1".into(),
        time_type: TimeType::NsUtc,
    }
}

/// Writes the frames as one batch that covers everything.
fn write_all(storage: &Storage, frames: &[Frame]) -> Result<(), Error> {
    let spool = Spool::open(storage, &job(), false)?;
    write_batch(&spool, TimeRange::ALL, frames)?;
    spool.close()
}

fn write_batch(spool: &Spool, range: TimeRange, frames: &[Frame]) -> Result<(), Error> {
    let batch = spool.begin(range);
    frames.iter().try_for_each(|frame| batch.push(frame))?;
    spool.commit(batch.finish()?)
}

/// All values of the spool, sorted, after every check there is.
fn read_all(storage: &Storage) -> Result<Vec<Point>, Error> {
    let stored = Stored::open(storage)?;
    stored.verify_content(&StoredSelection::ALL)?;
    read(&stored, &StoredSelection::ALL)
}

fn read(stored: &Stored, selection: &StoredSelection) -> Result<Vec<Point>, Error> {
    let frames = stored.frames(selection)?.collect::<Result<Vec<_>, _>>()?;
    for frame in &frames {
        let names: BTreeSet<&Name> = frame.fields.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), frame.fields.len(), "a field twice");
        let series: BTreeSet<_> = frame.runs.iter().map(|run| &run.series).collect();
        assert_eq!(series.len(), frame.runs.len(), "a series is not contiguous");
    }
    Ok(flatten(&frames))
}

/// All files below a folder, sorted, relative to it.
fn files(folder: &Path) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(folder, &mut found);
    let mut found: Vec<_> =
        found.iter().map(|path| path.strip_prefix(folder).unwrap().to_owned()).collect();
    found.sort();
    found
}
