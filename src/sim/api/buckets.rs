//! `/api/v2/buckets`.

use serde::Deserialize;

use super::orgs::{MADE_AT, check_id};
use crate::sim::data::bucket::{BucketInfo, default_shard_s};
use crate::sim::go::text::json_string;
use crate::sim::http::reply::{ApiError, Reply, ReplyBody};
use crate::sim::http::request::HttpRequest;
use crate::sim::view::ServerView;

/// Those that the request names and the token may read.
pub(super) fn list(request: &HttpRequest, view: &ServerView<'_>) -> Result<Reply, ApiError> {
    let number = |name: &str, default: usize| {
        request.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (limit, offset) = (number("limit", 20), number("offset", 0));
    if !(1..=100).contains(&limit) {
        return Err(ApiError::pretty(400, "invalid", "limit must be between 1 and 100"));
    }
    let (name, id, org, org_id) =
        (request.given("name"), request.given("id"), request.given("org"), request.given("orgID"));
    for id in [&org_id, &id].into_iter().flatten() {
        check_id(id).map_err(|text| ApiError::pretty(400, "invalid", text))?;
    }
    let not_found = |text: String| Err(ApiError::pretty(404, "not found", &text));
    // Whether the organization is this one. Its id goes before its name, and nobody looks whether there is one.
    let own = match (&org_id, &org) {
        (Some(org_id), _) => *org_id == view.settings.org_id,
        (None, Some(wanted)) if *wanted != view.settings.org => {
            return not_found(format!("organization name \"{wanted}\" not found"));
        }
        _ => true,
    };
    let mut found = view.store.buckets();
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
    found.retain(|bucket| view.token.may_read(&bucket.name));
    let more = found.len() > offset + limit;
    let page: Vec<_> = found
        .into_iter()
        .skip(offset)
        .take(limit)
        .map(|bucket| bucket_json(&bucket, &view.settings.org_id, 2))
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

fn bucket_by_id(view: &ServerView<'_>, id: &str) -> Result<BucketInfo, ApiError> {
    check_id(id).map_err(|text| ApiError::pretty(400, "invalid", text))?;
    let found = view.store.buckets().into_iter().find(|bucket| bucket.id == id);
    found.ok_or_else(|| ApiError::pretty(404, "not found", "bucket not found"))
}

/// One bucket.
pub(super) fn one(view: &ServerView<'_>, id: &str) -> Result<Reply, ApiError> {
    let bucket = readable_bucket(view, id)?;
    Ok(Reply::json(200, bucket_json(&bucket, &view.settings.org_id, 0)))
}

fn readable_bucket(view: &ServerView<'_>, id: &str) -> Result<BucketInfo, ApiError> {
    let bucket = bucket_by_id(view, id)?;
    let may = view.token.may_read(&bucket.name);
    if may { Ok(bucket) } else { Err(unauthorized("read", view, id)) }
}

fn writable_bucket(view: &ServerView<'_>, id: &str) -> Result<BucketInfo, ApiError> {
    let bucket = bucket_by_id(view, id)?;
    let may = view.token.may_write(&bucket.name);
    if may { Ok(bucket) } else { Err(unauthorized("write", view, id)) }
}

fn unauthorized(action: &str, view: &ServerView<'_>, id: &str) -> ApiError {
    let org_id = &view.settings.org_id;
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

fn bucket_body(request: &HttpRequest) -> Result<(BucketBody, Option<RetentionRule>), ApiError> {
    let body: BucketBody = request.json()?;
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

pub(super) fn create(request: &HttpRequest, view: &ServerView<'_>) -> Result<Reply, ApiError> {
    let (body, rule) = bucket_body(request)?;
    let org_id = &view.settings.org_id;
    if body.org_id.is_empty() {
        return Err(ApiError::pretty(400, "invalid", "organization id must be provided"));
    }
    if body.org_id != *org_id {
        return Err(ApiError::pretty(404, "not found", "organization not found"));
    }
    if !view.token.may_all() {
        return Err(ApiError::pretty(
            401,
            "unauthorized",
            &format!("write:orgs/{org_id}/buckets is unauthorized"),
        ));
    }
    let name = body.name.unwrap_or_default();
    check_name(&name)?;
    if view.store.bucket(&name).is_some_and(|known| known.name == name) {
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
    let id = view.store.create_bucket_with(&name, retention_s, shard_s);
    let bucket = BucketInfo { id, name, retention_s, shard_s };
    Ok(Reply::json(201, bucket_json(&bucket, org_id, 0)))
}

pub(super) fn patch(
    request: &HttpRequest,
    view: &ServerView<'_>,
    id: &str,
) -> Result<Reply, ApiError> {
    let mut bucket = writable_bucket(view, id)?;
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
    view.store.update(id, |info| *info = bucket.clone());
    Ok(Reply::json(200, bucket_json(&bucket, &view.settings.org_id, 0)))
}

pub(super) fn delete(view: &ServerView<'_>, id: &str) -> Result<Reply, ApiError> {
    let bucket = writable_bucket(view, id)?;
    view.store.remove_bucket(&bucket.id);
    Ok(Reply::new(204, &[], ReplyBody::Empty))
}
