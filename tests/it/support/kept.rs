//! What a run of the program has left in a batch bucket, as if it had run: for states that no test waits for.

use sluice::testing::model::time::Timestamp;

const S_NS: i64 = 1_000_000_000;

/// 2022-01-01: where each of these jobs begins. It is a hundred hours long.
const START_NS: i64 = 1_640_995_200 * S_NS;
const HOUR_NS: i64 = 3_600 * S_NS;

/// A job, and its last run.
pub(crate) struct KeptJob {
    /// Both buckets.
    pub(crate) bucket: &'static str,
    /// The state that the run tells.
    pub(crate) state: &'static str,
    /// Hours, and so percents, that are committed.
    pub(crate) hours: i64,
    /// Since its last sign of life.
    pub(crate) seen_s: i64,
    /// Since anything moved.
    pub(crate) moved_s: i64,
    /// Word, words, and since when.
    pub(crate) waits: Option<(&'static str, &'static str, i64)>,
    pub(crate) released: bool,
    pub(crate) values: u64,
    pub(crate) values_per_s: u64,
    pub(crate) rejected: u64,
    /// In minutes.
    pub(crate) eta: Option<(u64, u64)>,
    pub(crate) last_error: &'static str,
    pub(crate) verified: &'static str,
    /// Its name and its code.
    pub(crate) end: Option<(&'static str, u8)>,
}

impl KeptJob {
    /// A run that has moved nothing yet.
    pub(crate) const NEW: Self = Self {
        bucket: "plant",
        state: "running",
        hours: 0,
        seen_s: 1,
        moved_s: 1,
        waits: None,
        released: false,
        values: 0,
        values_per_s: 0,
        rejected: 0,
        eta: None,
        last_error: "",
        verified: "not",
        end: None,
    };

    /// Its lines, if the server's clock shows `now_ns`.
    pub(crate) fn lines(&self, now_ns: i64) -> String {
        let ago = |s: i64| Timestamp::from_ns(now_ns - s * S_NS).to_rfc3339_nano();
        let hour = |n: i64| Timestamp::from_ns(START_NS + n * HOUR_NS).to_rfc3339_nano();
        let at = now_ns - self.seen_s * S_NS;
        let tags = format!("dstBucket={0},srcBucket={0},srcOrg=ops-eu", self.bucket);
        let details = |kind: &str| format!("batch_details,{tags},kind={kind}");
        let (machine, seen) = ("machine=\"m2\",run=\"9c41\"", ago(self.seen_s));
        let released = i64::from(self.released);
        let (word, why, since_s) = self.waits.unwrap_or_default();
        let since = if word.is_empty() { String::new() } else { ago(since_s) };
        let (eta_min, eta_max) = self.eta.map_or((-1, -1), |(low, high)| {
            let ms = |minutes: u64| i64::try_from(minutes * 60_000).unwrap_or(-1);
            (ms(low), ms(high))
        });
        let (result, exit) = self.end.map_or(("", -1), |(name, code)| (name, i16::from(code)));
        let mut lines = vec![
            format!(
                "{} {machine},lock=\"l\",refreshed=\"{seen}\",released={released}i {at}",
                details("lease")
            ),
            format!(
                "{} {machine},version=\"0.1.0\",seen=\"{seen}\",begun=\"{}\",moved=\"{}\",state=\"{}\",\
                 waits_for=\"{word}\",waits_why=\"{why}\",waits_since=\"{since}\",phase=\"copy\",start=\"{}\",stop=\"{}\",\
                 batches_open=0i,values={}i,values_per_s={}i,source_bytes=0i,source_bytes_per_s=0i,quota_bytes=0i,\
                 quota_used_bytes=0i,retries=0i,splits=0i,rejected=0i,eta_ms_min={eta_min}i,eta_ms_max={eta_max}i,\
                 last_error=\"{}\",verified=\"{}\",result=\"{result}\",exit={exit}i {at}",
                details("heartbeat"),
                ago(self.seen_s + 86_400),
                ago(self.moved_s),
                self.state,
                hour(0),
                hour(100),
                self.values,
                self.values_per_s,
                self.last_error,
                self.verified,
            ),
        ];
        if self.hours > 0 {
            lines.push(format!(
                "batches,{tags} batch_start=\"{}\",batch_stop=\"{}\",percent_complete={}.0,rows={}i {at}",
                hour(0),
                hour(self.hours),
                self.hours,
                self.values
            ));
            lines.push(format!("{} rejected={}i {at}", details("batch"), self.rejected));
        }
        lines.join("\n") + "\n"
    }
}
