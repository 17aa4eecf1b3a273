//! Limits, tasks, version, rights.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::exchange::{ExpectedContent, HttpCall};
use super::client::{Client, ServerInfo};
use super::error::{Error, Failure, FailureKind};
use super::json::api;
use crate::limits::{QUOTA_WINDOW_MS, TASK_PAGES_MAX, TASKS_PER_PAGE};

pub(crate) use super::bucket::Bucket;

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

impl Client {
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
        self.as_told(self.whole(&ping()).await)
    }

    /// The same by a single try.
    pub(super) async fn server_info_once(&self) -> Result<ServerInfo, Error> {
        let call = ping();
        let answer = self.whole_once(&call).await;
        self.as_told(answer.map_err(|failure| self.error(call.what, failure)))
    }

    fn as_told(&self, answer: Result<Vec<u8>, Error>) -> Result<ServerInfo, Error> {
        match answer {
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

    /// Ok if the token may write to the bucket: the server checks that before it finds that the body is empty.
    pub async fn probe_write(&self, bucket: &str) -> Result<(), Error> {
        self.write_retrying(
            bucket,
            bytes::Bytes::new(),
            &format!("right to write to bucket {bucket:?}"),
        )
        .await
    }
}

fn ping() -> HttpCall<'static> {
    let mut call = api(Method::GET, "/ping", vec![], "version");
    (call.status, call.content) = (204, ExpectedContent::Any);
    call
}
