//! The JSON line of a job.

use serde_json::{Value, json};

use super::row::{JobRow, age_ms};
use crate::checkpoint::heartbeat::Heartbeat;
use crate::checkpoint::job_state::JobState;
use crate::model::time::Timestamp;
use crate::report::json;

impl JobRow<'_> {
    /// The line, of a job of this batch bucket.
    pub(super) fn json(&self, bucket: &str) -> String {
        let (job, keys, beat) = (self.job, &self.job.keys, self.beat());
        let records = job.records.as_ref();
        let lease = job.lease.as_ref().filter(|_| !self.is_of_task);
        let text = |time: Timestamp| time.to_string();
        let eta = self.eta_ms();
        let waits = beat.filter(|_| self.state == JobState::Waiting);
        let waits = waits.and_then(|beat| beat.waits.as_ref());
        let mut body = json!({
            "server_time": text(self.now),
            "batch_bucket": bucket,
            "source_org": keys.src_org,
            "source_bucket": keys.src_bucket,
            "destination_bucket": keys.dst_bucket,
            "state": self.state.word(),
            "written_by": if self.is_of_task { "official_task" } else { "sluice" },
            "waits_for": waits.map(|wait| &wait.word),
            "waits_why": waits.map(|wait| &wait.reason),
            "waits_since": waits.map(|wait| text(wait.since)),
            "percent_complete": f64::from(self.per_mille()) / 10.0,
            "committed_to": records.and_then(|records| records.committed_to).map(text),
            "seen": job.seen().map(text),
            "seen_ms": job.seen().map(|seen| age_ms(self.now, seen)),
            "values": self.values(),
            "batches": records.map_or(0, |records| records.count),
            "rejected": if self.is_of_task { Value::Null } else { json!(job.rejected) },
            "eta_ms_min": eta.map(|(low, _)| low),
            "eta_ms_max": eta.map(|(_, high)| high),
            "verified": job.proof(self.now).word(),
            "run": lease.map(|stored| &stored.lease.run),
            "machine": lease.map(|stored| &stored.lease.machine),
        });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, self.run_json(beat)) {
            body.extend(more);
        }
        json::line("job_status", json::now(), body)
    }

    /// What the last run tells of itself; all of it `null` where it told nothing.
    fn run_json(&self, beat: Option<&Heartbeat>) -> Value {
        let rate = |of: fn(&Heartbeat) -> u64| beat.filter(|_| self.is_live()).map(of);
        let end = beat.and_then(|beat| beat.end.as_ref());
        let quota = beat.filter(|beat| beat.quota_bytes > 0);
        let error = beat.map(|beat| &beat.last_error).filter(|error| !error.is_empty());
        let job = beat.map(|beat| beat.job).filter(|job| !job.is_empty());
        json!({
            "version": beat.map(|beat| &beat.version),
            "begun": beat.map(|beat| beat.begun.to_string()),
            "moved": beat.map(|beat| beat.moved.to_string()),
            "phase": beat.filter(|_| self.is_live()).map(|beat| beat.phase.word()),
            "job_start": job.map(|job| job.start.to_string()),
            "job_stop": job.map(|job| job.stop.to_string()),
            "batches_open": rate(|beat| beat.batches_open),
            "run_values": beat.map(|beat| beat.values),
            "run_source_bytes": beat.map(|beat| beat.source_bytes),
            "run_retries": beat.map(|beat| beat.retries),
            "run_splits": beat.map(|beat| beat.splits),
            "run_rejected": beat.map(|beat| beat.rejected),
            "values_per_s": rate(|beat| beat.values_per_s),
            "source_bytes_per_s": rate(|beat| beat.source_bytes_per_s),
            "quota_window_bytes": quota.map(|beat| beat.quota_bytes),
            "quota_used_bytes": quota.map(|beat| beat.quota_used_bytes),
            "result": end.map(|end| &end.result),
            "exit": end.map(|end| end.exit),
            "last_error": error,
        })
    }
}
