//! Health, organisations, limits, buckets and tasks.

use std::fmt::Write as _;
use std::sync::PoisonError;

use serde::Deserialize;

use super::http::{ApiError, Body, Reply, Request};
use super::respond::{Access, check_id};
use super::settings::{Kind, ServerSettings, Task};
use super::store::{BucketInfo, default_shard_s};
use super::text::json_string;

/// What needs no token.
pub(super) fn open(request: &Request, settings: &ServerSettings) -> Option<Reply> {
    let oss = settings.kind == Kind::Oss;
    match (request.path.as_str(), request.method.as_str()) {
        ("/ping", "GET" | "HEAD") => Some(Reply::new(204, &[("Vary", "Accept-Encoding")], Body::Empty)),
        ("/health", "GET") if oss => Some(Reply::json(
            200,
            format!(
                "{{\"name\":\"influxdb\", \"message\":\"ready for queries and writes\", \"status\":\"pass\", \"checks\":[], \
                 \"version\": \"{}\", \"commit\": \"none\"}}\n",
                settings.version
            ),
        )),
        ("/ready", "GET") if oss => Some(Reply::json(
            200,
            "{\n    \"status\": \"ready\",\n    \"started\": \"2020-01-01T00:00:00.123456789Z\",\n    \"up\": \"1h2m3.456789012s\"\n}\n".to_owned(),
        )),
        _ => None,
    }
}

/// What needs a token.
pub(super) fn answer(request: &Request, access: &Access<'_>) -> Result<Reply, ApiError> {
    let parts: Vec<_> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), &parts[..]) {
        ("GET", ["api", "v2", "orgs"]) => orgs(request, access),
        ("GET", ["api", "v2", "orgs", id, "limits"]) if access.settings.kind == Kind::Cloud => {
            limits(access, id)
        }
        // Not even the words of its API.
        ("GET", ["api", "v2", "orgs", _, "limits"]) => Ok(Reply::new(
            404,
            &[("Content-Type", "text/plain; charset=utf-8")],
            Body::Whole(b"404 page not found\n".to_vec()),
        )),
        ("GET", ["api", "v2", "buckets"]) => buckets(request, access),
        ("POST", ["api", "v2", "buckets"]) => create_bucket(request, access),
        ("GET", ["api", "v2", "buckets", id]) => readable_bucket(access, id)
            .map(|bucket| Reply::json(200, bucket_json(&bucket, &access.settings.org_id, 0))),
        ("PATCH", ["api", "v2", "buckets", id]) => patch_bucket(request, access, id),
        ("DELETE", ["api", "v2", "buckets", id]) => delete_bucket(access, id),
        ("GET", ["api", "v2", "dbrps"]) => super::dbrp::list(request, access),
        ("GET", ["api", "v2", "tasks"]) => {
            check_tasks_request(request, access)?;
            Ok(Reply::json(200, tasks_json(request, access)))
        }
        ("GET" | "PATCH", ["api", "v2", "tasks", id]) => task(request, access, id),
        _ => Err(ApiError::pretty(404, "not found", "path not found")),
    }
}

const MADE_AT: &str = "2020-01-01T00:00:00.123456789Z";

fn orgs(request: &Request, access: &Access<'_>) -> Result<Reply, ApiError> {
    let (name, id) = (&access.settings.org, &access.settings.org_id);
    let given = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
    // What is no id is not looked at.
    if given("orgID").is_some_and(|wanted| check_id(&wanted).is_ok() && wanted != *id) {
        return Err(ApiError::pretty(404, "not found", "organization not found"));
    }
    if let Some(wanted) = given("org").filter(|wanted| wanted != name) {
        return Err(ApiError::pretty(
            404,
            "not found",
            &format!("organization name \"{wanted}\" not found"),
        ));
    }
    // A token for buckets alone sees no organisation.
    let list = if access.token.may_all() {
        let mut links = String::new();
        let mut link = |label: &str, path: String| {
            let comma = if links.is_empty() { "" } else { "," };
            let _ = write!(links, "{comma}\n\t\t\t\t\"{label}\": {}", json_string(path.as_bytes()));
        };
        link("buckets", format!("/api/v2/buckets?org={name}"));
        link("dashboards", format!("/api/v2/dashboards?org={name}"));
        for part in ["labels", "logs", "members", "owners", "secrets"] {
            link(part, format!("/api/v2/orgs/{id}/{part}"));
        }
        link("self", format!("/api/v2/orgs/{id}"));
        link("tasks", format!("/api/v2/tasks?org={name}"));
        format!(
            "[\n\t\t{{\n\t\t\t\"links\": {{{links}\n\t\t\t}},\n\t\t\t\"id\": \"{id}\",\n\t\t\t\"name\": {},\n\t\t\t\"description\": \"\",\
             \n\t\t\t\"createdAt\": \"{MADE_AT}\",\n\t\t\t\"updatedAt\": \"{MADE_AT}\"\n\t\t}}\n\t]",
            json_string(name.as_bytes())
        )
    } else {
        "[]".to_owned()
    };
    Ok(Reply::json(
        200,
        format!(
            "{{\n\t\"links\": {{\n\t\t\"self\": \"/api/v2/orgs\"\n\t}},\n\t\"orgs\": {list}\n}}"
        ),
    ))
}

/// What all queries together may take in 30 s: Cloud's default.
const TOTAL_QUERY_TIME_NS: u64 = 1_500_000_000_000;

fn limits(access: &Access<'_>, id: &str) -> Result<Reply, ApiError> {
    if !(access.settings.limits_readable && access.token.may_all()) {
        return Err(ApiError::pretty(
            401,
            "unauthorized",
            &format!("read:orgs/{id} is unauthorized"),
        ));
    }
    let read_kb_per_s =
        access.settings.quota.map_or(0, |quota| quota.bytes_per_window / quota.window_ms.max(1));
    Ok(Reply::json(
        200,
        format!(
            "{{\"limits\":{{\"orgID\":\"{id}\",\"rate\":{{\"readKBs\":{read_kb_per_s},\"concurrentReadRequests\":0,\"writeKBs\":17,\
             \"concurrentWriteRequests\":0,\"cardinality\":10000,\"queryTime\":{TOTAL_QUERY_TIME_NS}}}}},\"links\":{{\"self\":\"/api/v2/orgs/{id}/limits\"}}}}"
        ),
    ))
}

fn buckets(request: &Request, access: &Access<'_>) -> Result<Reply, ApiError> {
    let number = |name: &str, default: usize| {
        request.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (limit, offset) = (number("limit", 20), number("offset", 0));
    if !(1..=100).contains(&limit) {
        return Err(ApiError::pretty(400, "invalid", "limit must be between 1 and 100"));
    }
    let given = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
    let (name, id, org, org_id) = (given("name"), given("id"), given("org"), given("orgID"));
    for id in [&org_id, &id].into_iter().flatten() {
        check_id(id).map_err(|text| ApiError::pretty(400, "invalid", text))?;
    }
    let not_found = |text: String| Err(ApiError::pretty(404, "not found", &text));
    // Whether the organization is this one. Its id goes before its name, and nobody looks whether there is one.
    let own = match (&org_id, &org) {
        (Some(org_id), _) => *org_id == access.settings.org_id,
        (None, Some(wanted)) if *wanted != access.settings.org => {
            return not_found(format!("organization name \"{wanted}\" not found"));
        }
        _ => true,
    };
    let mut found = access.store.buckets();
    if let Some(id) = &id {
        found.retain(|bucket| bucket.id == *id);
        if found.is_empty() {
            return not_found("bucket not found".to_owned());
        }
    } else {
        found.retain(|bucket| own && name.as_ref().is_none_or(|name| *name == bucket.name));
        // One name in one organization is looked up, not searched for.
        if let (true, Some(name), true) =
            (found.is_empty(), &name, org_id.is_some() || org.is_some())
        {
            return not_found(format!("bucket \"{name}\" not found"));
        }
    }
    // A token that may only write sees nothing.
    found.retain(|bucket| access.token.may_read(&bucket.name));
    let more = found.len() > offset + limit;
    let page: Vec<_> = found
        .into_iter()
        .skip(offset)
        .take(limit)
        .map(|bucket| bucket_json(&bucket, &access.settings.org_id, 2))
        .collect();
    let link = |offset: usize| {
        let name = name.as_ref().map_or_else(String::new, |name| format!("bucket={name}&"));
        let mut named = org.as_ref().map_or_else(String::new, |org| format!("&org={org}"));
        named.push_str(&org_id.as_ref().map_or_else(String::new, |id| format!("&orgID={id}")));
        json_string(
            format!("/api/v2/buckets?{name}descending=false&limit={limit}&offset={offset}{named}")
                .as_bytes(),
        )
    };
    let next =
        if more { format!(",\n\t\t\"next\": {}", link(offset + limit)) } else { String::new() };
    let list = if page.is_empty() {
        "[]".to_owned()
    } else {
        format!("[\n\t\t{}\n\t]", page.join(",\n\t\t"))
    };
    Ok(Reply::json(
        200,
        format!(
            "{{\n\t\"links\": {{\n\t\t\"self\": {}{next}\n\t}},\n\t\"buckets\": {list}\n}}",
            link(offset)
        ),
    ))
}

fn bucket_json(bucket: &BucketInfo, org_id: &str, depth: usize) -> String {
    let id = &bucket.id;
    let write = json_string(format!("/api/v2/write?org={org_id}&bucket={id}").as_bytes());
    let text = format!(
        "{{\n\t\"id\": \"{id}\",\n\t\"orgID\": \"{org_id}\",\n\t\"type\": \"user\",\n\t\"name\": {},\n\t\"retentionRules\": [\n\t\t{{\
         \n\t\t\t\"type\": \"expire\",\n\t\t\t\"everySeconds\": {},\n\t\t\t\"shardGroupDurationSeconds\": {}\n\t\t}}\n\t],\
         \n\t\"createdAt\": \"{MADE_AT}\",\n\t\"updatedAt\": \"{MADE_AT}\",\n\t\"links\": {{\
         \n\t\t\"labels\": \"/api/v2/buckets/{id}/labels\",\n\t\t\"members\": \"/api/v2/buckets/{id}/members\",\
         \n\t\t\"org\": \"/api/v2/orgs/{org_id}\",\n\t\t\"owners\": \"/api/v2/buckets/{id}/owners\",\
         \n\t\t\"self\": \"/api/v2/buckets/{id}\",\n\t\t\"write\": {write}\n\t}},\n\t\"labels\": []\n}}",
        json_string(bucket.name.as_bytes()),
        bucket.retention_s,
        bucket.shard_s
    );
    text.replace('\n', &format!("\n{}", "\t".repeat(depth)))
}

fn bucket_by_id(access: &Access<'_>, id: &str) -> Result<BucketInfo, ApiError> {
    check_id(id).map_err(|text| ApiError::pretty(400, "invalid", text))?;
    let found = access.store.buckets().into_iter().find(|bucket| bucket.id == id);
    found.ok_or_else(|| ApiError::pretty(404, "not found", "bucket not found"))
}

fn readable_bucket(access: &Access<'_>, id: &str) -> Result<BucketInfo, ApiError> {
    let bucket = bucket_by_id(access, id)?;
    let may = access.token.may_read(&bucket.name);
    if may { Ok(bucket) } else { Err(unauthorized("read", access, id)) }
}

fn writable_bucket(access: &Access<'_>, id: &str) -> Result<BucketInfo, ApiError> {
    let bucket = bucket_by_id(access, id)?;
    let may = access.token.may_write(&bucket.name);
    if may { Ok(bucket) } else { Err(unauthorized("write", access, id)) }
}

fn unauthorized(action: &str, access: &Access<'_>, id: &str) -> ApiError {
    let org_id = &access.settings.org_id;
    let text = format!("{action}:orgs/{org_id}/buckets/{id} is unauthorized");
    ApiError::pretty(401, "unauthorized", &text)
}

#[derive(Deserialize)]
struct BucketBody {
    #[serde(rename = "orgID", default)]
    org_id: String,
    name: Option<String>,
    #[serde(rename = "retentionRules", default)]
    rules: Vec<RetentionRule>,
}

#[derive(Deserialize, Clone, Copy)]
struct RetentionRule {
    #[serde(rename = "everySeconds")]
    every_s: Option<i64>,
    #[serde(rename = "shardGroupDurationSeconds")]
    shard_s: Option<i64>,
}

fn bucket_body(request: &Request) -> Result<(BucketBody, Option<RetentionRule>), ApiError> {
    let body: BucketBody = serde_json::from_slice(&request.body)
        .map_err(|error| ApiError::pretty(400, "invalid", &error.to_string()))?;
    let unprocessable = |text| Err(ApiError::pretty(422, "unprocessable entity", text));
    match body.rules[..] {
        [_, _, ..] => {
            unprocessable("buckets cannot have more than one retention rule at this time")
        }
        [rule] if rule.every_s.is_some_and(|s| s < 0) => {
            unprocessable("expiration seconds cannot be negative")
        }
        [rule] if rule.shard_s.is_some_and(|s| s < 0) => {
            unprocessable("shard-group duration seconds cannot be negative")
        }
        [rule] => Ok((body, Some(rule))),
        [] => Ok((body, None)),
    }
}

fn seconds(given: Option<i64>) -> Option<u64> {
    given.and_then(|s| u64::try_from(s).ok())
}

/// Every other name is taken, odd as it may be: an empty one too.
fn check_name(name: &str) -> Result<(), ApiError> {
    if name.starts_with('_') {
        return Err(ApiError::pretty(
            400,
            "invalid",
            &format!("bucket name {name} is invalid. Buckets may not start with underscore"),
        ));
    }
    if name.contains('"') {
        return Err(ApiError::pretty(
            400,
            "invalid",
            &format!("bucket name {name} is invalid. Bucket names may not include quotation marks"),
        ));
    }
    Ok(())
}

fn create_bucket(request: &Request, access: &Access<'_>) -> Result<Reply, ApiError> {
    let (body, rule) = bucket_body(request)?;
    let org_id = &access.settings.org_id;
    if body.org_id.is_empty() {
        return Err(ApiError::pretty(400, "invalid", "organization id must be provided"));
    }
    if body.org_id != *org_id {
        return Err(ApiError::pretty(404, "not found", "organization not found"));
    }
    if !access.token.may_all() {
        return Err(ApiError::pretty(
            401,
            "unauthorized",
            &format!("write:orgs/{org_id}/buckets is unauthorized"),
        ));
    }
    let name = body.name.unwrap_or_default();
    check_name(&name)?;
    if access.store.bucket(&name).is_some_and(|known| known.name == name) {
        return Err(ApiError::pretty(
            422,
            "conflict",
            &format!("bucket with name {name} already exists"),
        ));
    }
    let retention_s = rule.and_then(|rule| seconds(rule.every_s)).unwrap_or(0);
    if (1..3_600).contains(&retention_s) {
        return Err(ApiError::pretty(
            500,
            "internal error",
            "retention policy duration must be at least 1h0m0s",
        ));
    }
    let shard_s = rule.and_then(|rule| seconds(rule.shard_s)).filter(|&s| s > 0);
    let shard_s = shard_s.map_or_else(|| default_shard_s(retention_s), |s| s.max(3_600));
    if retention_s > 0 && shard_s > retention_s {
        return Err(ApiError::pretty(
            500,
            "internal error",
            "retention policy duration must be greater than the shard duration",
        ));
    }
    let id = access.store.create_bucket_with(&name, retention_s, shard_s);
    let bucket = BucketInfo { id, name, retention_s, shard_s };
    Ok(Reply::json(201, bucket_json(&bucket, org_id, 0)))
}

fn patch_bucket(request: &Request, access: &Access<'_>, id: &str) -> Result<Reply, ApiError> {
    let mut bucket = writable_bucket(access, id)?;
    let (body, rule) = bucket_body(request)?;
    if let Some(name) = body.name {
        check_name(&name)?;
        bucket.name = name;
    }
    if let Some(rule) = rule {
        bucket.retention_s = seconds(rule.every_s).unwrap_or(bucket.retention_s);
        bucket.shard_s =
            seconds(rule.shard_s).filter(|&s| s > 0).map_or(bucket.shard_s, |s| s.max(3_600));
    }
    if bucket.retention_s > 0 && bucket.shard_s > bucket.retention_s {
        let text =
            "shard-group duration must also be updated to be smaller than new retention duration";
        return Err(ApiError::pretty(422, "unprocessable entity", text));
    }
    access.store.update(id, |info| *info = bucket.clone());
    Ok(Reply::json(200, bucket_json(&bucket, &access.settings.org_id, 0)))
}

fn delete_bucket(access: &Access<'_>, id: &str) -> Result<Reply, ApiError> {
    let bucket = writable_bucket(access, id)?;
    access.store.remove_bucket(&bucket.id);
    Ok(Reply::new(204, &[], Body::Empty))
}

fn check_tasks_request(request: &Request, access: &Access<'_>) -> Result<(), ApiError> {
    let given = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
    let failed =
        |text: &str| ApiError::plain(400, "invalid", format!("failed to decode request: {text}"));
    for name in ["after", "orgID"] {
        given(name).map_or(Ok(()), |id| check_id(&id)).map_err(failed)?;
    }
    if let Some(name) = given("org").filter(|name| *name != access.settings.org) {
        return Err(failed(&format!("organization name \"{name}\" not found")));
    }
    match given("limit").map(|limit| limit.parse::<i64>()) {
        None | Some(Ok(1..=500)) => Ok(()),
        Some(Ok(_)) => Err(failed("limit must be between 1 and 500")),
        Some(Err(_)) => Err(failed("strconv.Atoi: invalid syntax")),
    }
}

fn tasks_json(request: &Request, access: &Access<'_>) -> String {
    let tasks = access.tasks.lock().unwrap_or_else(PoisonError::into_inner);
    let given = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
    let (name, after) = (given("name"), given("after"));
    let own = given("orgID").is_none_or(|id| id == access.settings.org_id);
    let visible = tasks.iter().filter(|task| {
        own && access.token.may_all()
            && name.as_ref().is_none_or(|name| *name == task.name)
            && after.as_ref().is_none_or(|after| *after < task.id)
    });
    let list: Vec<_> = visible.map(|task| task_json(task, access.settings)).collect();
    format!("{{\"links\":{{\"self\":\"/api/v2/tasks\"}},\"tasks\":[{}]}}", list.join(","))
}

/// One task, with a new status if the request brings one.
fn task(request: &Request, access: &Access<'_>, id: &str) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    struct TaskBody {
        status: Option<String>,
    }
    let mut tasks = access.tasks.lock().unwrap_or_else(PoisonError::into_inner);
    let task = tasks.iter_mut().find(|task| task.id == id && access.token.may_all());
    let task = task
        .ok_or_else(|| ApiError::pretty(404, "not found", "failed to find task: task not found"))?;
    if request.method == "PATCH" {
        let body: TaskBody = serde_json::from_slice(&request.body)
            .map_err(|error| ApiError::pretty(400, "invalid", &error.to_string()))?;
        task.status = body.status.unwrap_or_else(|| task.status.clone());
    }
    Ok(Reply::json(200, task_json(task, access.settings)))
}

fn task_json(task: &Task, settings: &ServerSettings) -> String {
    format!(
        "{{\"id\":\"{}\",\"orgID\":\"{}\",\"org\":{},\"name\":{},\"status\":{},\"flux\":{}}}",
        task.id,
        settings.org_id,
        json_string(settings.org.as_bytes()),
        json_string(task.name.as_bytes()),
        json_string(task.status.as_bytes()),
        json_string(task.flux.as_bytes())
    )
}
