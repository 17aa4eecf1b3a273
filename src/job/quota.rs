//! The limits of the source as its ledger keeps them, and the folder in which the runs of this machine share them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::job::{JobConfig, JobPace};
use crate::influx::api::Bucket;
use crate::influx::client::Client;
use crate::influx::quota::{QuotaLedger, QuotaSettings, runs};
use crate::influx::signal::Observer;
use crate::job::names::fnv1a;
use crate::job::source_facts::{Quota, SourceFacts};
use crate::model::number;
use crate::model::share::Percent;
use crate::model::time::Timestamp;
use crate::report::facts::RowFacts;
use crate::report::preflight::{Finding, Row, Verdict};

/// The source as a run reads it: within its limits, shared with the other runs of this machine.
pub async fn paced(
    config: &JobConfig,
    source: &Client,
    facts: &SourceFacts,
    observer: &Observer,
) -> Client {
    let settings = settings(&config.pace, facts);
    let ledger = ledger(&settings, source);
    let limits = [settings.bytes_per_window, settings.query_time_ms, settings.queries_max];
    if limits.iter().any(Option::is_some) {
        ledger.share(&folder(config, &facts.bucket), observer).await;
    }
    source.clone().with_quota(ledger)
}

/// The source as a look reads it: within its limits. A look that is alone on this machine leaves nothing in the folder of
/// the runs.
pub async fn paced_look(
    config: &JobConfig,
    source: &Client,
    facts: &SourceFacts,
    observer: &Observer,
) -> Client {
    if runs::count(&folder(config, &facts.bucket)).is_ok_and(|runs| runs == 0) {
        return source.clone().with_quota(ledger(&settings(&config.pace, facts), source));
    }
    paced(config, source, facts, observer).await
}

/// A ledger that follows the source's clock.
fn ledger(settings: &QuotaSettings, source: &Client) -> Arc<QuotaLedger> {
    let ledger = Arc::new(QuotaLedger::new(settings));
    if let Some(now_ns) = source.server_time() {
        ledger.note_time(Timestamp::from_ns(now_ns));
    }
    ledger
}

fn settings(pace: &JobPace, facts: &SourceFacts) -> QuotaSettings {
    QuotaSettings {
        bytes_per_window: facts.quota.bytes_per_window(),
        query_time_ms: facts.limits.and_then(|limits| limits.query_time_ms()),
        queries_max: facts.limits.and_then(|limits| limits.queries_max()),
        share: pace.quota_share.clone(),
    }
}

/// `<state>/quota/<digest of host and organization>`: all jobs that read from one organization meet there.
fn folder(config: &JobConfig, bucket: &Bucket) -> PathBuf {
    let host = config.ends.source.host.trim_end_matches('/').to_ascii_lowercase();
    let digest = fnv1a(format!("{host}\n{}", bucket.org_id).as_bytes());
    config.safety.state_dir.join("quota").join(format!("{digest:016x}"))
}

/// What preflight says of the quota: how much, how much of it, and who else reads.
pub(crate) fn row(config: &JobConfig, facts: &SourceFacts) -> Row {
    let share = &config.pace.quota_share;
    let now = if share.is_constant() {
        String::new()
    } else {
        format!(", {} now", Percent(share.at(facts.now)))
    };
    let others = runs::count(&folder(config, &facts.bucket));
    let others_seen = others.as_ref().ok().copied();
    let others = match others {
        Ok(0) => String::new(),
        Ok(1) => "; 1 other run on this machine shares it".to_owned(),
        Ok(others) => format!("; {others} other runs on this machine share it"),
        Err(error) => format!("; other runs cannot be seen: {error}"),
    };
    let paced = |bytes| {
        let bytes = number::bytes(bytes);
        format!("{bytes}/5min for the whole org; share {share}{now}{others}")
    };
    let (from, bytes) = match facts.quota {
        Quota::None => ("none", None),
        Quota::Given(bytes) => ("given", Some(bytes)),
        Quota::Told(bytes) => ("told", Some(bytes)),
        Quota::Assumed(bytes) => ("assumed", Some(bytes)),
    };
    let (verdict, text, cure) = match facts.quota {
        Quota::None => (Verdict::Ok, "none: as fast as both ends can".to_owned(), None),
        Quota::Given(bytes) => (Verdict::Ok, format!("{} (--quota)", paced(bytes)), None),
        Quota::Told(bytes) => (Verdict::Ok, paced(bytes), None),
        Quota::Assumed(bytes) => {
            let cure = "--quota 3GB/5min if the organization has a usage-based plan".to_owned();
            (Verdict::Warn, format!("{}; assumed, not readable", paced(bytes)), Some(cure))
        }
    };
    let (code, subject) = ("P06".to_owned(), "quota".to_owned());
    Row::Finding(Finding { code, verdict, subject, text, cure, facts: RowFacts::default() })
        .with("quota_from", from)
        .with("quota_window_bytes", bytes)
        .with("share_per_mille", share.at(facts.now))
        .with("other_runs", others_seen)
}
