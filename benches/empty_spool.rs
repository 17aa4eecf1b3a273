//! A spool of a job that has not begun.

use sluice::testing::checkpoint::identity::Identity;
use sluice::testing::model::time::Timestamp;
use sluice::testing::model::time_type::TimeType;
use sluice::testing::spool::state::StagedJob;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::writable::Spool;

/// Opens it in an empty place.
pub(crate) fn open(storage: &Storage, start_ns: i64) -> Spool {
    let job = StagedJob {
        identity: Identity {
            source_host: "https://cloud.example".into(),
            source_bucket_id: "0123456789abcdef".into(),
            destination_bucket_id: String::new(),
            start: Timestamp::from_ns(start_ns),
            filter: "none".into(),
        },
        source_org: "org".into(),
        source_bucket: "plant".into(),
        stop: Timestamp::STOP_MAX,
        shard_group_ns: None,
        one_type_ns: None,
        plan: String::new(),
        time_type: TimeType::NsUtc,
    };
    Spool::open(storage, &job, false).expect("an empty folder")
}
