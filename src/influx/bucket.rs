//! Buckets, and what InfluxQL calls them.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::Client;
use super::error::{Error, Failure, FailureKind};
use super::influxql::Database;

/// A bucket as the server describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// 16 hexadecimal digits.
    pub id: String,
    /// The organization that it belongs to.
    pub org_id: String,
    /// Its name.
    pub name: String,
    /// How long data is kept; 0: for ever.
    pub retention_s: u64,
    /// Length of a shard group, if the server tells (Cloud may not).
    pub shard_group_duration_s: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BucketAnswer {
    id: String,
    #[serde(rename = "orgID")]
    org_id: String,
    name: String,
    /// None at all is as good as an empty list.
    #[serde(default)]
    retention_rules: Option<Vec<RetentionRule>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RetentionRule {
    #[serde(default)]
    every_seconds: u64,
    shard_group_duration_seconds: Option<u64>,
}

/// A list of buckets.
#[derive(Deserialize)]
pub(super) struct Buckets {
    buckets: Vec<BucketAnswer>,
}

/// Those of the list that have this name: several only where they are in several organizations.
pub(super) fn named(list: Buckets, name: &str) -> Vec<Bucket> {
    list.buckets.into_iter().filter(|bucket| bucket.name == name).map(Bucket::from).collect()
}

/// Those that are not the server's own.
pub(super) fn of_users(list: Buckets) -> Vec<Bucket> {
    let buckets = list.buckets.into_iter().map(Bucket::from);
    buckets.filter(|bucket| !bucket.name.starts_with('_')).collect()
}

#[derive(Deserialize)]
struct Mappings {
    #[serde(default)]
    content: Vec<Mapping>,
}

#[derive(Clone, Deserialize)]
struct Mapping {
    database: String,
    retention_policy: String,
    #[serde(default)]
    default: bool,
    #[serde(rename = "bucketID")]
    bucket_id: String,
}

/// The name of a bucket in the list of all: its default one if it has one. One that is also another bucket's leads there.
fn name_in(all: &[Mapping], bucket_id: &str) -> Result<Database, String> {
    let is_clear = |own: &Mapping| {
        let same = |other: &&Mapping| {
            let named_so = other.retention_policy == own.retention_policy;
            other.database == own.database && (named_so || (own.default && other.default))
        };
        all.iter().filter(same).count() == 1
    };
    let mut of_bucket: Vec<_> =
        all.iter().filter(|mapping| mapping.bucket_id == bucket_id).collect();
    if of_bucket.is_empty() {
        return Err("no database and retention policy leads to it".to_owned());
    }
    of_bucket.retain(|mapping| is_clear(mapping));
    let mapping = of_bucket.iter().find(|mapping| mapping.default).or(of_bucket.first());
    let mapping = mapping.ok_or("its database and retention policy lead to another bucket too")?;
    Ok(Database {
        name: mapping.database.clone(),
        policy: (!mapping.default).then(|| mapping.retention_policy.clone()),
    })
}

impl From<BucketAnswer> for Bucket {
    fn from(answer: BucketAnswer) -> Self {
        let BucketAnswer { id, org_id, name, retention_rules } = answer;
        let rule = retention_rules.as_deref().and_then(<[RetentionRule]>::first);
        Self {
            id,
            org_id,
            name,
            retention_s: rule.map_or(0, |rule| rule.every_seconds),
            shard_group_duration_s: rule
                .and_then(|rule| rule.shard_group_duration_seconds)
                .filter(|s| *s > 0),
        }
    }
}

impl Client {
    /// Creates a bucket that keeps its data for ever, with the server's own shard group duration.
    pub async fn create_bucket(&self, org_id: &str, name: &str) -> Result<Bucket, Error> {
        let what = format!("create bucket {name:?}");
        self.refuse_on_source(&what)?;
        let body = json!({ "orgID": org_id, "name": name, "retentionRules": [] });
        match self
            .send_json::<BucketAnswer>(Method::POST, "/api/v2/buckets", &body, 201, &what)
            .await
        {
            Ok(created) => Ok(created.into()),
            // An earlier try may have done it, its answer lost; or it was there, and the token cannot see it.
            Err(error) if error.status == Some(422) && is_taken(&error.message) => {
                let seen = self.bucket_by_name(name).await?;
                if error.attempts > 1 && seen.is_some() {
                    return seen.ok_or(error);
                }
                let (why, cure) = match seen {
                    Some(_) => ("; it was made meanwhile", "the same command again"),
                    None => {
                        (", and this token cannot read it", "a token that may read and write it")
                    }
                };
                let text = format!("{}{why}", error.message);
                let failure = Failure::new(FailureKind::Forbidden, text).with_status(422);
                Err(self.error(&what, failure.curable(cure)))
            }
            Err(error)
                if matches!(error.kind, FailureKind::Forbidden | FailureKind::Unauthorized) =>
            {
                Err(error.or_cure(
                    "give a token that may create buckets, or create it by hand: influx bucket create --retention 0",
                ))
            }
            Err(error) => Err(error),
        }
    }

    /// Sets retention (0: for ever) and, if given, the duration of new shard groups. Returns the bucket as
    /// the server has it now.
    pub async fn set_bucket_retention(
        &self,
        bucket_id: &str,
        retention_s: u64,
        shard_group_duration_s: Option<u64>,
    ) -> Result<Bucket, Error> {
        let what = format!("retention of bucket {bucket_id:?}");
        self.refuse_on_source(&what)?;
        let mut rule = json!({ "type": "expire", "everySeconds": retention_s });
        if let Some(duration_s) = shard_group_duration_s {
            rule["shardGroupDurationSeconds"] = duration_s.into();
        }
        let path = self.path("/api/v2/buckets/", bucket_id, "", &what)?;
        let body = json!({ "retentionRules": [rule] });
        let changed: BucketAnswer = self.send_json(Method::PATCH, &path, &body, 200, &what).await?;
        Ok(changed.into())
    }

    /// Deletes a bucket with all that it holds. One that is not there any more is deleted.
    pub async fn delete_bucket(&self, bucket_id: &str) -> Result<(), Error> {
        let what = format!("delete bucket {bucket_id:?}");
        self.refuse_on_source(&what)?;
        let path = self.path("/api/v2/buckets/", bucket_id, "", &what)?;
        self.delete(&path, vec![], &what).await
    }

    /// What InfluxQL calls a bucket, by the server's own list of names; or why it cannot be told. A name is never guessed:
    /// it may be that of another bucket.
    ///
    /// The list is asked for all buckets. Asked for one of them, OSS leaves out the names that somebody gave to the others,
    /// and shows that bucket's own name as if it counted. Source: `FindMany` of its service for these mappings.
    pub async fn database_of(&self, bucket: &Bucket) -> Result<Result<Database, String>, Error> {
        self.database_of_id(&bucket.org_id, &bucket.id).await
    }

    /// The same of a bucket that is known by its id.
    pub async fn database_of_id(
        &self,
        org_id: &str,
        bucket_id: &str,
    ) -> Result<Result<Database, String>, Error> {
        let what = "InfluxQL name of the bucket";
        let found: Mappings = match self.get("/api/v2/dbrps", vec![("orgID", org_id)], what).await {
            Err(error) => {
                return match error.kind {
                    FailureKind::Unauthorized
                    | FailureKind::Forbidden
                    | FailureKind::NotFound
                    | FailureKind::BadRequest => {
                        Ok(Err(format!("the list of InfluxQL names cannot be read ({error})")))
                    }
                    _ => Err(error),
                };
            }
            Ok(found) => found,
        };
        Ok(name_in(&found.content, bucket_id))
    }
}

/// What InfluxDB says where a bucket of that name is there.
fn is_taken(message: &str) -> bool {
    message.contains("already exists")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(database: &str, policy: &str, default: bool, bucket_id: &str) -> Mapping {
        Mapping {
            database: database.to_owned(),
            retention_policy: policy.to_owned(),
            default,
            bucket_id: bucket_id.to_owned(),
        }
    }

    #[test]
    fn a_bucket_is_called_by_what_leads_to_it_alone() {
        let named = |all: &[Mapping]| name_in(all, "own").map(|found| found.to_string());
        let own = |policy, default| mapping("b", policy, default, "own");
        let others = |policy, default| mapping("b", policy, default, "other");
        assert_eq!(named(&[own("autogen", true)]), Ok("b".to_owned()));
        assert_eq!(named(&[own("autogen", false)]), Ok("b/autogen".to_owned()));
        assert_eq!(named(&[own("autogen", false), own("x", true)]), Ok("b".to_owned()));
        assert_eq!(named(&[others("x", false), own("autogen", true)]), Ok("b".to_owned()));
        assert_eq!(named(&[others("x", true), own("autogen", false)]), Ok("b/autogen".to_owned()));
        let elsewhere = mapping("c", "x", false, "own");
        for (all, why) in [
            (vec![], "no database"),
            (vec![others("autogen", true)], "no database"),
            (vec![own("autogen", true), others("autogen", false)], "another bucket too"),
            (vec![own("autogen", true), others("x", true)], "another bucket too"),
        ] {
            assert!(named(&all).unwrap_err().contains(why), "{why}");
            let all = [all.as_slice(), std::slice::from_ref(&elsewhere)].concat();
            assert_eq!(named(&all), Ok("c/x".to_owned()), "{why}");
        }
    }
}
