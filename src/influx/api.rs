//! Everything that is neither a query nor line protocol: buckets, limits, tasks, version.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::classify::RequestKind;
use super::client::{Client, is_id};
use super::error::{Error, Failure, FailureKind};
use super::exchange::{Call, Content};
use super::influxql::Database;
use crate::limits::{QUOTA_WINDOW_MS, TASK_PAGES_MAX, TASKS_PER_PAGE};

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

/// What an organization of Cloud may do. Zero means no limit, as the server writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Reading, in units of 1,000 bytes per second.
    #[serde(rename = "readKBs", deserialize_with = "limit")]
    pub read_kb_per_s: u64,
    /// Writing, in units of 1,000 bytes per second.
    #[serde(rename = "writeKBs", deserialize_with = "limit")]
    pub write_kb_per_s: u64,
    /// Queries at one time.
    #[serde(rename = "concurrentReadRequests", deserialize_with = "limit")]
    pub concurrent_read_requests: u64,
    /// Writes at one time.
    #[serde(rename = "concurrentWriteRequests", deserialize_with = "limit")]
    pub concurrent_write_requests: u64,
    /// How long all queries of the organization together may run in each window of
    /// [`crate::limits::QUERY_TIME_WINDOW_MS`]: 1,500 s by default. Not the time limit of one query.
    #[serde(rename = "queryTime", deserialize_with = "limit")]
    pub query_time_ns: u64,
}

/// Cloud writes -1 for a limit that is switched off.
fn limit<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    i64::deserialize(from).map(|limit| u64::try_from(limit).unwrap_or(0))
}

impl Limits {
    /// The read quota of one window; `None`: no limit.
    pub fn read_bytes_per_window(&self) -> Option<u64> {
        (self.read_kb_per_s > 0).then(|| self.read_kb_per_s.saturating_mul(QUOTA_WINDOW_MS))
    }

    /// The time of all queries together in one window of 30 s; `None`: no limit.
    pub fn query_time_ms(&self) -> Option<u64> {
        (self.query_time_ns > 0).then(|| (self.query_time_ns / 1_000_000).max(1))
    }

    /// Queries at one time; `None`: no limit.
    pub fn queries_max(&self) -> Option<u64> {
        (self.concurrent_read_requests > 0).then_some(self.concurrent_read_requests)
    }
}

/// A Flux task.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Task {
    /// 16 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it runs on schedule.
    pub status: TaskStatus,
    /// Its script.
    #[serde(default)]
    pub flux: String,
}

/// Whether a task runs on schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskStatus {
    /// It does.
    Active,
    /// It does not.
    Inactive,
}

/// What the server says of itself; Cloud names no version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerInfo {
    /// `X-Influxdb-Version`.
    pub version: Option<String>,
    /// `X-Influxdb-Build`: `OSS`, `Core`, `Enterprise`, or as Cloud has it.
    pub build: Option<String>,
}

impl ServerInfo {
    /// True if it says that it is an InfluxDB OSS.
    pub fn is_oss(&self) -> bool {
        self.build.as_deref() == Some("OSS")
    }
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

#[derive(Deserialize)]
struct Tasks {
    tasks: Vec<Task>,
}

#[derive(Deserialize)]
struct LimitsAnswer {
    /// The object may stand inside another.
    limits: Option<Box<LimitsAnswer>>,
    rate: Option<Limits>,
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
        let mut call = api(Method::DELETE, &path, vec![], &what);
        (call.status, call.content) = (204, Content::Any);
        match self.whole(&call).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind == FailureKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What InfluxQL calls a bucket, by the server's own list of names; or why it cannot be told. A name is never guessed:
    /// it may be that of another bucket.
    ///
    /// The list is asked for all buckets. Asked for one of them, OSS leaves out the names that somebody gave to the others,
    /// and shows that bucket's own name as if it counted. Source: `FindMany` of its service for these mappings.
    pub async fn database_of(&self, bucket: &Bucket) -> Result<Result<Database, String>, Error> {
        let what = format!("InfluxQL name of bucket {:?}", bucket.name);
        let parameters = vec![("orgID", bucket.org_id.as_str())];
        let found: Mappings = match self.get("/api/v2/dbrps", parameters, &what).await {
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
        Ok(name_in(&found.content, &bucket.id))
    }

    /// The limits of an organization of Cloud; `None` where the server has none to tell or the token may not ask.
    pub async fn limits(&self, org_id: &str) -> Result<Option<Limits>, Error> {
        let what = "limits of the organization";
        let path = self.path("/api/v2/orgs/", org_id, "/limits", what)?;
        match self.get::<LimitsAnswer>(&path, vec![], what).await {
            Ok(answer) => Ok(answer.limits.map_or(answer.rate, |limits| limits.rate)),
            Err(error) => match error.kind {
                FailureKind::Unauthorized
                | FailureKind::Forbidden
                | FailureKind::NotFound
                | FailureKind::BadRequest => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// All tasks of the organization that the token may see.
    pub async fn tasks(&self) -> Result<Vec<Task>, Error> {
        let mut tasks: Vec<Task> = Vec::new();
        let limit = TASKS_PER_PAGE.to_string();
        for _ in 0..TASK_PAGES_MAX {
            let last = tasks.last().map(|task| task.id.clone());
            let mut parameters: Vec<_> = self.org().into_iter().collect();
            parameters.push(("limit", &limit));
            parameters.extend(last.as_deref().map(|id| ("after", id)));
            let page: Tasks = self.get("/api/v2/tasks", parameters, "list of tasks").await?;
            let is_last = page.tasks.len() < TASKS_PER_PAGE;
            tasks.extend(page.tasks);
            if is_last {
                return Ok(tasks);
            }
        }
        let text = format!("more than {} tasks", TASK_PAGES_MAX * TASKS_PER_PAGE);
        Err(self.error("list of tasks", Failure::new(FailureKind::TooBig, text)))
    }

    /// One task by its id.
    pub async fn task(&self, id: &str) -> Result<Task, Error> {
        let what = format!("task {id:?}");
        self.get(&self.path("/api/v2/tasks/", id, "", &what)?, vec![], &what).await
    }

    /// Pauses a task or lets it run again.
    pub async fn set_task_status(&self, id: &str, status: TaskStatus) -> Result<Task, Error> {
        let what = format!("status of task {id:?}");
        self.refuse_on_source(&what)?;
        let status = match status {
            TaskStatus::Active => "active",
            TaskStatus::Inactive => "inactive",
        };
        let path = self.path("/api/v2/tasks/", id, "", &what)?;
        self.send_json(Method::PATCH, &path, &json!({ "status": status }), 200, &what).await
    }

    /// Version and build. A gateway that closes this path is no hindrance: the other answers tell them as well.
    pub async fn server_info(&self) -> Result<ServerInfo, Error> {
        let mut call = api(Method::GET, "/ping", vec![], "version");
        (call.status, call.content) = (204, Content::Any);
        match self.whole(&call).await {
            Ok(_) => Ok(self.known_info()),
            Err(error) => match error.kind {
                FailureKind::Unauthorized
                | FailureKind::Forbidden
                | FailureKind::NotFound
                | FailureKind::BadRequest
                | FailureKind::Unexpected => Ok(self.known_info()),
                _ => Err(error),
            },
        }
    }

    /// Version and build, as far as the answers so far tell them.
    pub fn known_info(&self) -> ServerInfo {
        self.shared.info.get().cloned().unwrap_or_default()
    }

    /// Ok if the token may write to the bucket: the server checks that before it finds that the body is empty.
    pub async fn probe_write(&self, bucket: &str) -> Result<(), Error> {
        self.write_retrying(
            bucket,
            bytes::Bytes::new(),
            &format!("right to write to bucket {bucket:?}"),
        )
        .await
    }

    /// A path with an id in it; anything but an id could lead elsewhere.
    fn path(&self, before: &str, id: &str, behind: &str, what: &str) -> Result<String, Error> {
        if is_id(id) {
            return Ok(format!("{before}{id}{behind}"));
        }
        let text = format!("{id:?} is no id: 16 hexadecimal digits");
        Err(self.error(what, Failure::new(FailureKind::BadRequest, text)))
    }

    pub(super) async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        parameters: Vec<(&str, &str)>,
        what: &str,
    ) -> Result<T, Error> {
        let json = self.whole(&api(Method::GET, path, parameters, what)).await?;
        self.parse(&json, what)
    }

    async fn send_json<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        status: u16,
        what: &str,
    ) -> Result<T, Error> {
        let mut call = api(method, path, vec![], what);
        call.body = Some(("application/json", body.to_string().into()));
        call.status = status;
        let json = self.whole(&call).await?;
        self.parse(&json, what)
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, json: &[u8], what: &str) -> Result<T, Error> {
        serde_json::from_slice(json).map_err(|cause| {
            // The cause repeats what came, so it is part of the text, from which tokens are struck out.
            let text = format!("the answer is not as expected: {cause}");
            self.error(what, Failure::new(FailureKind::Unexpected, text))
        })
    }
}

/// What InfluxDB says where a bucket of that name is there.
fn is_taken(message: &str) -> bool {
    message.contains("already exists")
}

fn api<'a>(
    method: Method,
    path: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    what: &'a str,
) -> Call<'a> {
    let content = Content::Json;
    Call {
        kind: RequestKind::Api,
        method,
        path,
        parameters,
        body: None,
        packed: false,
        status: 200,
        content,
        accept: None,
        what,
    }
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
