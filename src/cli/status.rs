//! The flags of `status`.

use super::flags::{Flags, Takes};
use crate::config::flag::FlagGroup;
use crate::config::table::{
    ALL_JOBS, BATCH_BUCKET, COLOR, CONFIG, CONNECTIONS, DESTINATION_BUCKET, DESTINATION_HOST,
    DESTINATION_ORG, DESTINATION_PROFILE, DESTINATION_TOKEN_COMMAND, DESTINATION_TOKEN_FILE, JSON,
    QUIET, SOURCE_BUCKET, VERBOSE, WATCH,
};

/// What `status` takes.
pub(crate) type StatusArgs = Flags<TakesStatus>;

/// A command that looks at the progress of jobs.
#[derive(Debug)]
pub enum TakesStatus {}

impl Takes for TakesStatus {
    const GROUPS: &'static [FlagGroup] = &[
        FlagGroup::of(&[
            DESTINATION_HOST.flag,
            DESTINATION_ORG.flag,
            DESTINATION_PROFILE.flag,
            DESTINATION_TOKEN_FILE.flag.told("File that holds the token; it needs to read only"),
            DESTINATION_TOKEN_COMMAND.flag,
        ])
        .under("Destination"),
        CONNECTIONS,
        FlagGroup::of(&[
            BATCH_BUCKET
                .flag
                .repeated()
                .told("Bucket at the destination that keeps the progress; may be repeated"),
            SOURCE_BUCKET.flag.told("Only jobs of this source bucket"),
            DESTINATION_BUCKET.flag.told("Only jobs into this destination bucket"),
            ALL_JOBS.flag,
            WATCH.flag,
        ])
        .under("Jobs"),
        FlagGroup::of(&[
            CONFIG.flag,
            JSON.flag.told("Print a JSON line for each job"),
            QUIET.flag.told("Only what is dead, failed or stalled, and the last line"),
            VERBOSE.flag.told("Say what else each run tells of itself"),
            COLOR.flag,
        ])
        .under("Output and settings"),
    ];
}
