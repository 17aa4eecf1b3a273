//! Which bucket stands behind a database and a retention policy of InfluxQL, and `/api/v2/dbrps`.

use super::http::{ApiError, Reply, Request};
use super::respond::Access;
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

/// The mappings that a token can see.
#[derive(Debug)]
pub(super) struct Mappings(Vec<Mapping>);

impl Access<'_> {
    pub(super) fn mappings(&self) -> Mappings {
        let buckets = self.store.buckets();
        let mut all = Vec::new();
        for (number, made) in self.settings.dbrps.iter().enumerate() {
            if let Some(bucket) = buckets.iter().find(|bucket| bucket.name == made.bucket) {
                let id = format!("{:016x}", 0x0db0_0000_0000_0001 + number as u64);
                let bucket_id = bucket.id.clone();
                all.push(Mapping { made: made.clone(), id, bucket_id, is_virtual: false });
            }
        }
        for bucket in buckets.iter().filter(|_| self.settings.influxql) {
            // A slash parts the names of the two.
            let (database, policy) = bucket.name.split_once('/').unwrap_or((&bucket.name, AUTOGEN));
            let known = |mapping: &Mapping| {
                mapping.made.database == database && mapping.made.retention_policy == policy
            };
            if all.iter().any(known) {
                continue;
            }
            let taken =
                all.iter().any(|mapping| mapping.made.database == database && mapping.made.default);
            let made = Dbrp {
                database: database.to_owned(),
                retention_policy: policy.to_owned(),
                default: bucket.name == database && !taken,
                bucket: bucket.name.clone(),
            };
            let id = bucket.id.clone();
            all.push(Mapping { made, bucket_id: id.clone(), id, is_virtual: true });
        }
        all.retain(|mapping| self.token.may_read(&mapping.made.bucket));
        Mappings(all)
    }
}

impl Mappings {
    fn of<'a>(&'a self, database: &'a str) -> impl Iterator<Item = &'a Dbrp> {
        self.0.iter().map(|mapping| &mapping.made).filter(move |made| made.database == database)
    }

    /// Every bucket behind a database.
    pub(super) fn buckets(&self, database: &str) -> Vec<String> {
        self.of(database).map(|made| made.bucket.clone()).collect()
    }

    /// The bucket of the default retention policy.
    pub(super) fn default_bucket(&self, database: &str) -> Option<String> {
        self.of(database).find(|made| made.default).map(|made| made.bucket.clone())
    }

    /// The bucket of a retention policy or of the default one; the error is the server's.
    pub(super) fn bucket(&self, database: &str, policy: Option<&str>) -> Result<String, String> {
        if self.of(database).next().is_none() {
            return Err(format!("database not found: {database}"));
        }
        let policy = match policy {
            Some(policy) => policy,
            None => match self.of(database).find(|made| made.default) {
                Some(made) => &made.retention_policy,
                None => return Err(format!("default retention policy not set for: {database}")),
            },
        };
        let named: Vec<_> =
            self.of(database).filter(|made| made.retention_policy == policy).collect();
        match named[..] {
            [] => Err(format!("retention policy not found: {policy}")),
            [one] => Ok(one.bucket.clone()),
            _ => Err(format!("finding DBRP mappings: expected 1, found {}", named.len())),
        }
    }
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
    let bucket_id = given("bucketID");
    if let Some(error) = bucket_id.as_ref().and_then(|id| bad_id("bucket", id)) {
        return Err(error);
    }
    let default = match given("default").as_deref() {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(invalid("invalid default parameter".to_owned())),
    };
    let (database, policy) = (given("db"), given("rp"));
    let mut mappings = access.mappings().0;
    mappings.retain(|mapping| {
        own && bucket_id.as_ref().is_none_or(|id| *id == mapping.bucket_id)
            && database.as_ref().is_none_or(|name| *name == mapping.made.database)
            && policy.as_ref().is_none_or(|name| *name == mapping.made.retention_policy)
            && default.is_none_or(|default| default == mapping.made.default)
    });
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
