//! Which bucket stands behind a database and a retention policy.

use crate::sim::data::bucket::BucketInfo;
use crate::sim::dbrp::{AUTOGEN, Dbrp};
use crate::sim::view::ServerView;

#[derive(Debug, Clone)]
pub(crate) struct DbrpMapping {
    pub(crate) made: Dbrp,
    pub(crate) id: String,
    pub(crate) bucket_id: String,
    pub(crate) is_virtual: bool,
}

/// Which mappings are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DbrpFilter<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) bucket_id: Option<&'a str>,
    pub(crate) database: Option<&'a str>,
    pub(crate) policy: Option<&'a str>,
    pub(crate) default: Option<bool>,
}

impl DbrpFilter<'_> {
    fn takes(&self, mapping: &DbrpMapping) -> bool {
        self.id.is_none_or(|id| id == mapping.id)
            && self.bucket_id.is_none_or(|id| id == mapping.bucket_id)
            && self.database.is_none_or(|name| name == mapping.made.database)
            && self.policy.is_none_or(|name| name == mapping.made.retention_policy)
            && self.default.is_none_or(|default| default == mapping.made.default)
    }
}

impl ServerView<'_> {
    /// What the real server finds. The filter takes its part of the mappings that somebody made *before* those that
    /// buckets have by their names are added, and only what it took hides one of these: asked for one bucket, the server
    /// lists a mapping that in truth leads to another one. What a token may not see is left out last, so it hides too.
    pub(crate) fn find_mappings(&self, filter: DbrpFilter<'_>) -> Vec<DbrpMapping> {
        let buckets = self.store.buckets();
        let mut found = self.made_mappings(&buckets);
        found.retain(|mapping| filter.takes(mapping));
        let named = buckets.iter().filter(|bucket| {
            self.settings.influxql
                && self.token.may_read(&bucket.name)
                && filter.bucket_id.is_none_or(|id| id == bucket.id)
        });
        for bucket in named {
            let mut mapping = mapping_by_name(bucket);
            if is_hidden(&mut mapping, &found) {
                continue;
            }
            if filter.takes(&mapping) {
                found.push(mapping);
            }
        }
        found.retain(|mapping| self.token.may_read(&mapping.made.bucket));
        found
    }

    /// What somebody made, in that order. The newest one that was made the default of its database is; without any the
    /// oldest one, whatever was asked for.
    fn made_mappings(&self, buckets: &[BucketInfo]) -> Vec<DbrpMapping> {
        let mut all: Vec<DbrpMapping> = Vec::new();
        let mapped = self.store.mapped();
        for (number, made) in self.settings.dbrps.iter().chain(&mapped).enumerate() {
            if let Some(bucket) = buckets.iter().find(|bucket| bucket.name == made.bucket) {
                let is_first = all.iter().all(|known| known.made.database != made.database);
                if made.default {
                    let others = all.iter_mut().filter(|m| m.made.database == made.database);
                    others.for_each(|other| other.made.default = false);
                }
                all.push(DbrpMapping {
                    made: Dbrp { default: made.default || is_first, ..made.clone() },
                    id: format!("{:016x}", 0x0db0_0000_0000_0001 + number as u64),
                    bucket_id: bucket.id.clone(),
                    is_virtual: false,
                });
            }
        }
        all
    }

    /// Every bucket behind a database.
    pub(super) fn buckets_of_database(&self, database: &str) -> Vec<String> {
        let found =
            self.find_mappings(DbrpFilter { database: Some(database), ..DbrpFilter::default() });
        found.into_iter().map(|mapping| mapping.made.bucket).collect()
    }

    /// The bucket of the default retention policy.
    pub(super) fn default_bucket(&self, database: &str) -> Option<String> {
        let filter =
            DbrpFilter { database: Some(database), default: Some(true), ..DbrpFilter::default() };
        self.find_mappings(filter).into_iter().next().map(|mapping| mapping.made.bucket)
    }

    /// The bucket of a retention policy or of the default one; the error is the server's.
    pub(super) fn bucket_of_policy(
        &self,
        database: &str,
        policy: Option<&str>,
    ) -> Result<String, String> {
        let filter = DbrpFilter { database: Some(database), ..DbrpFilter::default() };
        let known = self.find_mappings(filter);
        if known.is_empty() {
            return Err(format!("database not found: {database}"));
        }
        let policy = match policy {
            Some(policy) => policy,
            None => match known.iter().find(|mapping| mapping.made.default) {
                Some(mapping) => &mapping.made.retention_policy,
                None => return Err(format!("default retention policy not set for: {database}")),
            },
        };
        let named = self.find_mappings(DbrpFilter { policy: Some(policy), ..filter });
        match &named[..] {
            [] => Err(format!("retention policy not found: {policy}")),
            [one] => Ok(one.made.bucket.clone()),
            _ => Err(format!("finding DBRP mappings: expected 1, found {}", named.len())),
        }
    }
}

/// The mapping that a bucket has by its name: a slash parts database and policy.
fn mapping_by_name(bucket: &BucketInfo) -> DbrpMapping {
    let (database, policy) = bucket.name.split_once('/').unwrap_or((&bucket.name, AUTOGEN));
    DbrpMapping {
        made: Dbrp {
            database: database.to_owned(),
            retention_policy: policy.to_owned(),
            default: bucket.name == database,
            bucket: bucket.name.clone(),
        },
        id: bucket.id.clone(),
        bucket_id: bucket.id.clone(),
        is_virtual: true,
    }
}

/// Whether one of the found mappings takes the place of this one; a found default takes at least its default away, and
/// nothing behind that default is looked at, as on the real server.
fn is_hidden(mapping: &mut DbrpMapping, found: &[DbrpMapping]) -> bool {
    for known in found.iter().filter(|known| known.made.database == mapping.made.database) {
        if known.made.retention_policy == mapping.made.retention_policy {
            return true;
        }
        if known.made.default && mapping.made.default {
            mapping.made.default = false;
            return false;
        }
    }
    false
}
