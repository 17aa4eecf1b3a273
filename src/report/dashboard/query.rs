//! The Flux of a cell.

use std::fmt::Write as _;

use super::cells::{CellRecords, CellTime, DashboardCell};
use crate::checkpoint::heartbeat::KIND_HEARTBEAT;
use crate::checkpoint::record::{BATCHES, DETAILS, KIND, KIND_BATCH};
use crate::wire::flux::literal::quote;

/// Where a query finds its records: how its form writes what a person chooses.
pub(super) struct Chosen {
    /// The batch bucket, by name.
    pub(super) batch_bucket: String,
    /// Flux for the name of the source organization.
    pub(super) source_org: String,
    /// Flux for the name of the source bucket.
    pub(super) source_bucket: String,
}

impl Chosen {
    /// The query of a cell.
    pub(super) fn query(&self, cell: &DashboardCell) -> String {
        let bucket = quote(self.batch_bucket.as_bytes());
        let range = match cell.time {
            CellTime::All => "start: 0",
            CellTime::Shown => "start: v.timeRangeStart, stop: v.timeRangeStop",
        };
        let of_kind =
            |kind: &str| format!("r._measurement == \"{DETAILS}\" and r.{KIND} == \"{kind}\"");
        let records = match cell.records {
            CellRecords::Progress => format!("r._measurement == \"{BATCHES}\""),
            CellRecords::Batch => of_kind(KIND_BATCH),
            CellRecords::Heartbeat => of_kind(KIND_HEARTBEAT),
        };
        let fields: Vec<_> =
            cell.fields.iter().map(|field| format!("r._field == \"{field}\"")).collect();
        let mut text = format!("from(bucket: {bucket})\n    |> range({range})");
        let Self { source_org, source_bucket, .. } = self;
        for filter in [
            records,
            format!("r.srcOrg == {source_org} and r.srcBucket == {source_bucket}"),
            fields.join(" or "),
        ] {
            let _ = write!(text, "\n    |> filter(fn: (r) => {filter})");
        }
        for step in cell.then {
            let _ = write!(text, "\n    |> {step}");
        }
        text
    }
}

/// A query for all values of a tag of the jobs.
pub(super) fn values_of(batch_bucket: &str, tag: &str) -> String {
    let bucket = quote(batch_bucket.as_bytes());
    format!(
        "import \"influxdata/influxdb/schema\"\n\nschema.tagValues(bucket: {bucket}, tag: \"{tag}\", start: 0)"
    )
}
