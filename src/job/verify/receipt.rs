//! What a comparison found, as its receipt tells it.

use std::path::Path;

use super::moved::MovedJob;
use crate::checkpoint::identity::filter_text;
use crate::config::job::JobConfig;
use crate::influx::client::{Client, ServerInfo};
use crate::job::ends::Ends;
use crate::job::receipt_error::ReceiptFileError;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::verify::VerifyFindings;
use crate::pipeline::verify::end::ComparedEnd;
use crate::pipeline::verify::evidence::Evidence;
use crate::pipeline::verify::ledger::{BatchFinding, BatchLedger, LedgerEntry};
use crate::pipeline::verify::source::ComparedSource;
use crate::report::json;
use crate::report::receipt::check::misfit;
use crate::report::receipt::{
    Receipt, ReceiptBatch, ReceiptEnd, ReceiptJob, ReceiptMeasurement, ReceiptResult, ReceiptTotals,
};
use crate::report::verify::VerifyEnd;
use crate::spool::name::encode;

/// What a receipt tells beside the findings.
pub(super) struct ReceiptFacts<'a> {
    /// The settings.
    pub(super) config: &'a JobConfig,
    /// Both ends.
    pub(super) ends: &'a Ends,
    /// What was moved.
    pub(super) moved: &'a MovedJob,
    /// With what it was compared.
    pub(super) evidence: &'a Evidence,
    /// What was asked for.
    pub(super) range: TimeRange,
    /// Of what nothing is known beside batches.
    pub(super) beside: Vec<(TimeRange, String)>,
    /// When it began.
    pub(super) began: Timestamp,
}

impl ReceiptFacts<'_> {
    /// The receipt of what was found.
    pub(super) fn receipt(
        self,
        path: &Path,
        verified: &VerifyFindings,
        ledger: &BatchLedger,
    ) -> Result<Receipt, ReceiptFileError> {
        let kind = self.evidence.kind();
        let batches: Vec<_> = ledger.entries().map(ReceiptBatch::new).collect();
        let totals = totals(ledger, verified.refused);
        let receipt = Receipt {
            began: self.began,
            destination: self.destination(),
            doubts: verified.doubts.clone(),
            ended: json::now(),
            evidence: kind.name().to_owned(),
            job: self.job(),
            measurements: measurements(ledger, totals.values),
            range: hull(self.range, &batches).into(),
            result: match VerifyEnd::of(self.range, kind, verified) {
                VerifyEnd::Different => ReceiptResult::Different,
                // Of a sample no receipt is written.
                VerifyEnd::Unproven | VerifyEnd::Sampled => ReceiptResult::Unproven,
                VerifyEnd::Nothing => ReceiptResult::Nothing,
                VerifyEnd::Equal | VerifyEnd::Counted => ReceiptResult::Equal,
            },
            sluice: env!("CARGO_PKG_VERSION").to_owned(),
            source: self.source(),
            totals,
            unproven: self.beside.into_iter().map(Into::into).collect(),
            batches,
        };
        match misfit(&receipt) {
            Some(why) => Err(ReceiptFileError::Unfit { path: path.to_owned(), why }),
            None => Ok(receipt),
        }
    }

    fn job(&self) -> ReceiptJob {
        let config = self.config;
        let interval = self.evidence.source().map(|source| source.interval().to_string());
        ReceiptJob {
            batch_bucket: config.ends.batch_bucket.clone(),
            filter: filter_text(&config.scope.filter),
            interval,
        }
    }

    fn destination(&self) -> ReceiptEnd {
        let (config, moved) = (self.config, self.moved);
        let ServerInfo { version, build } = self.ends.destination.known_info();
        ReceiptEnd {
            bucket: moved.bucket.name.clone(),
            bucket_id: known(&moved.bucket.id),
            build,
            host: Some(config.ends.destination.host.clone()),
            org: moved.destination_org.clone(),
            org_id: known(&moved.bucket.org_id),
            version,
        }
    }

    /// The source as it is recorded; what it says itself where it is the evidence.
    fn source(&self) -> ReceiptEnd {
        let (config, moved) = (self.config, self.moved);
        let source = self.evidence.source();
        let read = source.as_ref().and_then(ComparedSource::bucket).map(ComparedEnd::ids);
        let ServerInfo { version, build } = match &read {
            Some(_) => Client::known_info(&self.ends.source),
            None => ServerInfo::default(),
        };
        let (bucket_id, org_id) = read.unwrap_or_default();
        let host = read.is_some().then(|| config.ends.source.host.clone());
        ReceiptEnd {
            bucket: config.ends.source_bucket.clone(),
            bucket_id: known(bucket_id).or_else(|| moved.source_bucket_id.clone()),
            build,
            host: host.or_else(|| moved.source_host.clone()),
            org: known(&moved.source_org),
            org_id: known(org_id),
            version,
        }
    }
}

fn known(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn totals(ledger: &BatchLedger, refused: u64) -> ReceiptTotals {
    let mut totals = ReceiptTotals { refused, ..ReceiptTotals::default() };
    for LedgerEntry { batches, finding, .. } in ledger.entries() {
        match finding {
            BatchFinding::Equal { values, .. } => {
                totals.batches += batches;
                totals.values += values;
            }
            BatchFinding::Different { .. } => totals.different += 1,
            BatchFinding::Unproven(_) => totals.unproven += 1,
        }
    }
    totals
}

/// What is not counted by measurement comes last, without a name.
fn measurements(ledger: &BatchLedger, values: u64) -> Vec<ReceiptMeasurement> {
    let named = ledger.counts().iter().map(|(name, values)| ReceiptMeasurement {
        measurement: Some(encode(name)),
        values: *values,
    });
    let mut all: Vec<_> = named.collect();
    let rest = values.saturating_sub(all.iter().map(|one| one.values).sum());
    if rest > 0 {
        all.push(ReceiptMeasurement { measurement: None, values: rest });
    }
    all
}

/// The range with batches that reach over its ends: they are compared whole.
fn hull(range: TimeRange, batches: &[ReceiptBatch]) -> TimeRange {
    let (Some(first), Some(last)) = (batches.first(), batches.last()) else { return range };
    TimeRange::new(range.start.min(first.start), range.stop.max(last.stop))
}
