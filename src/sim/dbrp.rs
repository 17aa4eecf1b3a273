//! Which bucket stands behind a database and a retention policy of InfluxQL, and `/api/v2/dbrps`.

use super::http::{ApiError, Reply, Request};
use super::respond::Access;
use super::store::BucketInfo;
use super::text::json_string;

/// A mapping that somebody made. OSS adds one for each bucket by itself, and so does a server with
/// [`super::ServerSettings::influxql`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dbrp {
    /// What `db` names.
    pub database: String,
    /// What `rp` names.
    pub retention_policy: String,
    /// Whether it stands for the database where no retention policy is named.
    pub default: bool,
    /// The bucket, by name.
    pub bucket: String,
}

impl Dbrp {
    /// The default mapping of a database to a bucket.
    pub fn default_of(database: &str, bucket: &str) -> Self {
        Self {
            database: database.to_owned(),
            retention_policy: AUTOGEN.to_owned(),
            default: true,
            bucket: bucket.to_owned(),
        }
    }
}

const AUTOGEN: &str = "autogen";

#[derive(Debug, Clone)]
struct Mapping {
    made: Dbrp,
    id: String,
    bucket_id: String,
    is_virtual: bool,
}

/// Which mappings are asked for.
#[derive(Debug, Clone, Copy, Default)]
struct Filter<'a> {
    id: Option<&'a str>,
    bucket_id: Option<&'a str>,
    database: Option<&'a str>,
    policy: Option<&'a str>,
    default: Option<bool>,
}

impl Filter<'_> {
    fn takes(&self, mapping: &Mapping) -> bool {
        self.id.is_none_or(|id| id == mapping.id)
            && self.bucket_id.is_none_or(|id| id == mapping.bucket_id)
            && self.database.is_none_or(|name| name == mapping.made.database)
            && self.policy.is_none_or(|name| name == mapping.made.retention_policy)
            && self.default.is_none_or(|default| default == mapping.made.default)
    }
}

impl Access<'_> {
    /// What the real server finds. The filter takes its part of the mappings that somebody made *before* those that
    /// buckets have by their names are added, and only what it took hides one of these: asked for one bucket, the server
    /// lists a mapping that in truth leads to another one. What a token may not see is left out last, so it hides too.
    fn find_mappings(&self, filter: Filter<'_>) -> Vec<Mapping> {
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
    fn made_mappings(&self, buckets: &[BucketInfo]) -> Vec<Mapping> {
        let mut all: Vec<Mapping> = Vec::new();
        for (number, made) in self.settings.dbrps.iter().enumerate() {
            if let Some(bucket) = buckets.iter().find(|bucket| bucket.name == made.bucket) {
                let is_first = all.iter().all(|known| known.made.database != made.database);
                if made.default {
                    let others = all.iter_mut().filter(|m| m.made.database == made.database);
                    others.for_each(|other| other.made.default = false);
                }
                all.push(Mapping {
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
        let found = self.find_mappings(Filter { database: Some(database), ..Filter::default() });
        found.into_iter().map(|mapping| mapping.made.bucket).collect()
    }

    /// The bucket of the default retention policy.
    pub(super) fn default_bucket(&self, database: &str) -> Option<String> {
        let filter = Filter { database: Some(database), default: Some(true), ..Filter::default() };
        self.find_mappings(filter).into_iter().next().map(|mapping| mapping.made.bucket)
    }

    /// The bucket of a retention policy or of the default one; the error is the server's.
    pub(super) fn bucket_of_policy(
        &self,
        database: &str,
        policy: Option<&str>,
    ) -> Result<String, String> {
        let filter = Filter { database: Some(database), ..Filter::default() };
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
        let named = self.find_mappings(Filter { policy: Some(policy), ..filter });
        match &named[..] {
            [] => Err(format!("retention policy not found: {policy}")),
            [one] => Ok(one.made.bucket.clone()),
            _ => Err(format!("finding DBRP mappings: expected 1, found {}", named.len())),
        }
    }
}

/// The mapping that a bucket has by its name: a slash parts database and policy.
fn mapping_by_name(bucket: &BucketInfo) -> Mapping {
    let (database, policy) = bucket.name.split_once('/').unwrap_or((&bucket.name, AUTOGEN));
    Mapping {
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
fn is_hidden(mapping: &mut Mapping, found: &[Mapping]) -> bool {
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

/// `GET /api/v2/dbrps`.
pub(super) fn list(request: &Request, access: &Access<'_>) -> Result<Reply, ApiError> {
    let invalid = |text: String| ApiError::pretty(400, "invalid", &text);
    let given = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
    let bad_id = |what: &str, id: &str| {
        let hex = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        (!hex).then(|| {
            invalid(format!("invalid {what} ID \"{id}\": id must have a length of 16 bytes"))
        })
    };
    let own = match (given("orgID"), given("org")) {
        (Some(id), _) => {
            if let Some(error) = bad_id("org", &id) {
                return Err(error);
            }
            id == access.settings.org_id
        }
        (None, Some(name)) if name == access.settings.org => true,
        (None, Some(name)) => {
            let text = format!("invalid org \"{name}\": organization not found");
            return Err(ApiError::pretty(404, "not found", &text));
        }
        (None, None) => {
            return Err(invalid("either 'org' or 'orgID' must be provided".to_owned()));
        }
    };
    let (id, bucket_id) = (given("id"), given("bucketID"));
    for (what, given) in [("DBRP", &id), ("bucket", &bucket_id)] {
        if let Some(error) = given.as_ref().and_then(|id| bad_id(what, id)) {
            return Err(error);
        }
    }
    let default = match given("default").as_deref() {
        None => None,
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Some(true),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Some(false),
        Some(_) => return Err(invalid("invalid default parameter".to_owned())),
    };
    let (database, policy) = (given("db"), given("rp"));
    let filter = Filter {
        id: id.as_deref(),
        bucket_id: bucket_id.as_deref(),
        database: database.as_deref(),
        policy: policy.as_deref(),
        default,
    };
    let mappings = if own { access.find_mappings(filter) } else { Vec::new() };
    let list: Vec<_> = mappings.iter().map(|m| mapping_json(m, &access.settings.org_id)).collect();
    let list = if list.is_empty() {
        "[]".to_owned()
    } else {
        format!("[\n\t\t{}\n\t]", list.join(",\n\t\t"))
    };
    Ok(Reply::json(200, format!("{{\n\t\"content\": {list}\n}}")))
}

fn mapping_json(mapping: &Mapping, org_id: &str) -> String {
    format!(
        "{{\n\t\t\t\"id\": \"{}\",\n\t\t\t\"database\": {},\n\t\t\t\"retention_policy\": {},\n\t\t\t\"default\": {},\
         \n\t\t\t\"virtual\": {},\n\t\t\t\"orgID\": \"{org_id}\",\n\t\t\t\"bucketID\": \"{}\"\n\t\t}}",
        mapping.id,
        json_string(mapping.made.database.as_bytes()),
        json_string(mapping.made.retention_policy.as_bytes()),
        mapping.made.default,
        mapping.is_virtual,
        mapping.bucket_id
    )
}
