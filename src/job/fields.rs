//! Both ends as fields, for programs: what preflight's rows tell in words.

use crate::config::ends::EndConfig;
use crate::config::job::JobConfig;
use crate::job::destination_facts::DestinationFacts;
use crate::job::source_facts::SourceFacts;
use crate::report::preflight::EndFields;

fn given(end: &EndConfig, bucket: &str) -> EndFields {
    EndFields {
        address: end.host.clone(),
        address_from: end.host_from.to_string(),
        token_from: end.token.origin(),
        org: end.org.clone(),
        bucket: bucket.to_owned(),
        ..EndFields::default()
    }
}

/// The source, as far as it was asked.
pub(crate) fn of_source(config: &JobConfig, facts: Option<&SourceFacts>) -> EndFields {
    let given = given(&config.ends.source, &config.ends.source_bucket);
    let Some(facts) = facts else { return given };
    EndFields {
        version: facts.info.version.clone(),
        org: facts.is_org_named.then(|| facts.org.clone()),
        org_id: Some(facts.bucket.org_id.clone()),
        bucket_id: Some(facts.bucket.id.clone()),
        retention_s: Some(facts.bucket.retention_s),
        ..given
    }
}

/// The destination, as far as it was asked.
pub(crate) fn of_destination(config: &JobConfig, facts: Option<&DestinationFacts>) -> EndFields {
    let given = given(&config.ends.destination, &config.ends.destination_bucket);
    let Some(facts) = facts else { return given };
    let bucket = facts.bucket.as_ref();
    EndFields {
        version: facts.info.version.clone(),
        org: facts.org.clone(),
        org_id: facts.org_id.clone(),
        bucket_id: bucket.map(|bucket| bucket.id.clone()),
        retention_s: bucket.map(|bucket| bucket.retention_s),
        ..given
    }
}
