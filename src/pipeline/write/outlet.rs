//! What the stages behind reading share: where the values of a run go, and how.

use std::sync::Arc;

use crate::influx::client::Client;
use crate::limits::{BODY_BYTES_TARGET, WRITES_IN_FLIGHT_DEFAULT};
use crate::model::schema::FieldKey;
use crate::model::time::TimeRange;
use crate::pipeline::event::{Counters, Event, EventSink};
use crate::pipeline::permits::Permits;
use crate::pipeline::write::clash::{ConflictPolicy, TypePlan};
use crate::pipeline::write::pressure::Pressure;
use crate::pipeline::write::refusals::{Refusals, RejectBudget, RejectLimit};
use crate::spool::writable::Spool;

/// Where values go.
#[derive(Debug)]
pub enum Sink {
    /// To a bucket of InfluxDB, as line protocol.
    Bucket(Bucket),
    /// Into a folder of Parquet files.
    Spool(Spool),
    /// Nowhere: they are encoded, and that is all. For looks and measurements.
    Discard,
}

/// A bucket that is written.
#[derive(Debug)]
pub struct Bucket {
    /// Writes.
    pub client: Client,
    /// Its name.
    pub name: String,
    /// Length of its shard groups.
    pub shard_group_ns: i64,
    /// Policy for type conflicts.
    pub on_type_conflict: ConflictPolicy,
    /// One type per field and shard group.
    pub types: TypePlan,
    /// True if it may hold what this job has not written.
    pub is_shared: bool,
}

impl Bucket {
    /// A bucket of which these fields may clash.
    pub fn new(
        client: Client,
        name: &str,
        shard_group_ns: i64,
        on_type_conflict: ConflictPolicy,
        watched: Vec<FieldKey>,
    ) -> Self {
        let types = TypePlan::new(watched);
        let (name, is_shared) = (name.to_owned(), false);
        Self { client, name, shard_group_ns, on_type_conflict, types, is_shared }
    }

    /// The same, where it may hold what this job has not written.
    #[must_use]
    pub fn shared(self, is_shared: bool) -> Self {
        Self { is_shared, ..self }
    }
}

/// Sink, permits, totals and who hears of them.
pub struct Outlet {
    /// Where to.
    pub sink: Sink,
    /// Permits for writes, and how they are sent.
    pub pressure: Pressure,
    /// Bytes of a body after which it is sent.
    pub body_bytes_target: usize,
    /// What may be refused.
    pub rejects: Arc<RejectBudget>,
    /// Who hears of events.
    pub events: EventSink,
    /// Totals.
    pub counters: Arc<Counters>,
}

impl std::fmt::Debug for Outlet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outlet").field("sink", &self.sink).finish_non_exhaustive()
    }
}

impl Outlet {
    /// What a run shares, at its beginning.
    pub fn new(
        sink: Sink,
        rejects: RejectLimit,
        events: EventSink,
        counters: Arc<Counters>,
    ) -> Self {
        // On this machine packing costs both programs more than it saves.
        let pack = matches!(&sink, Sink::Bucket(bucket) if !bucket.client.is_loopback());
        let pressure = Pressure::new(Permits::new("write", WRITES_IN_FLIGHT_DEFAULT), pack);
        let rejects = RejectBudget::new(rejects);
        Self { sink, pressure, body_bytes_target: BODY_BYTES_TARGET, rejects, events, counters }
    }

    /// Of a run that only looks: nothing is written and nobody told.
    pub fn nowhere() -> Self {
        Self::new(Sink::Discard, RejectLimit::none(), Arc::new(|_| ()), Arc::default())
    }

    /// The bucket, if one is written.
    pub fn bucket(&self) -> Option<&Bucket> {
        match &self.sink {
            Sink::Bucket(bucket) => Some(bucket),
            Sink::Spool(_) | Sink::Discard => None,
        }
    }

    /// Tells of all refusals of a batch at once, with the first of their reasons.
    pub fn tell_refusals(&self, batch: TimeRange, refusals: &Refusals) {
        if let Some(reason) = refusals.reason() {
            let (values, reason) = (refusals.values(), reason.to_owned());
            self.tell(Event::Rejected { batch, values, reason });
        }
    }

    /// Tells the reporter.
    pub fn tell(&self, event: Event) {
        (self.events)(event);
    }
}
