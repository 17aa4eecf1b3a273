//! A bucket, written: frames to lines, lines to bodies, bodies to the server, refused ones down to their lines.

use self::type_conflict::{ConflictPolicy, TypePlan};
use crate::influx::client::Client;
use crate::limits::BODY_BYTES_TARGET;
use crate::model::schema::FieldKey;

pub(crate) mod body;
pub(crate) mod encode;
pub(crate) mod lines;
mod refused;
pub(crate) mod type_conflict;
pub(crate) mod write_rate;

/// A bucket that is written.
#[derive(Debug)]
pub struct DestinationBucket {
    /// Writes.
    pub client: Client,
    /// Its name.
    pub name: String,
    /// Its id, where another one of the name would be noticed; else empty.
    pub id: String,
    /// Length of its shard groups.
    pub shard_group_ns: i64,
    /// Policy for type conflicts.
    pub on_type_conflict: ConflictPolicy,
    /// One type per field and shard group.
    pub types: TypePlan,
    /// True if it may hold what this job has not written.
    pub is_shared: bool,
    /// Bytes of a body after which it is sent.
    pub body_bytes_target: usize,
}

impl DestinationBucket {
    /// A bucket of which these fields may clash.
    pub fn new(
        client: Client,
        name: &str,
        shard_group_ns: i64,
        on_type_conflict: ConflictPolicy,
        watched: Vec<FieldKey>,
    ) -> Self {
        let types = TypePlan::new(watched);
        Self {
            client,
            name: name.to_owned(),
            id: String::new(),
            shard_group_ns,
            on_type_conflict,
            types,
            is_shared: false,
            body_bytes_target: BODY_BYTES_TARGET,
        }
    }

    /// The same, with its id.
    #[must_use]
    pub fn of_id(self, id: String) -> Self {
        Self { id, ..self }
    }

    /// The same, where it may hold what this job has not written.
    #[must_use]
    pub fn shared(self, is_shared: bool) -> Self {
        Self { is_shared, ..self }
    }
}
