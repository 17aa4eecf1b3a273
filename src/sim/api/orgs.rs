//! `/api/v2/orgs`, and whether a request names the one organisation.

use std::fmt::Write as _;

use crate::sim::go::text::json_string;
use crate::sim::http::reply::{ApiError, Reply};
use crate::sim::http::request::HttpRequest;
use crate::sim::settings::Product;
use crate::sim::view::ServerView;

/// When everything was made.
pub(super) const MADE_AT: &str = "2020-01-01T00:00:00.123456789Z";

/// Those that the request names and the token may see.
pub(super) fn list(request: &HttpRequest, view: &ServerView<'_>) -> Result<Reply, ApiError> {
    let (name, id) = (&view.settings.org, &view.settings.org_id);
    // What is no id is not looked at.
    if request.given("orgID").is_some_and(|wanted| check_id(&wanted).is_ok() && wanted != *id) {
        return Err(ApiError::pretty(404, "not found", "organization not found"));
    }
    if let Some(wanted) = request.given("org").filter(|wanted| wanted != name) {
        return Err(ApiError::pretty(
            404,
            "not found",
            &format!("organization name \"{wanted}\" not found"),
        ));
    }
    // A token for buckets alone sees no organisation.
    let list = if view.token.may_all() {
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

/// What Cloud tells of its quota.
pub(super) fn limits(view: &ServerView<'_>, id: &str) -> Result<Reply, ApiError> {
    if !(view.settings.limits_readable && view.token.may_all()) {
        return Err(ApiError::pretty(
            401,
            "unauthorized",
            &format!("read:orgs/{id} is unauthorized"),
        ));
    }
    let read_kb_per_s =
        view.settings.quota.map_or(0, |quota| quota.bytes_per_window / quota.window_ms.max(1));
    Ok(Reply::json(
        200,
        format!(
            "{{\"limits\":{{\"orgID\":\"{id}\",\"rate\":{{\"readKBs\":{read_kb_per_s},\"concurrentReadRequests\":0,\"writeKBs\":17,\
             \"concurrentWriteRequests\":0,\"cardinality\":10000,\"queryTime\":{TOTAL_QUERY_TIME_NS}}}}},\"links\":{{\"self\":\"/api/v2/orgs/{id}/limits\"}}}}"
        ),
    ))
}

impl ServerView<'_> {
    /// OSS wants the organisation on every query; Cloud takes the token's.
    pub(super) fn check_query_org(&self, request: &HttpRequest) -> Result<(), ApiError> {
        if self.settings.kind == Product::Cloud {
            return Ok(());
        }
        let failed =
            |text: String| ApiError::decode(format!("failed to decode request body: {text}"));
        self.check_org(request).map_err(|(_, text)| failed(text))
    }

    /// The status and text for a request that names another organisation or none. What looks like an id is one, even
    /// where the name of an organisation is asked for.
    pub(super) fn check_org(&self, request: &HttpRequest) -> Result<(), (u16, String)> {
        let by_id = |id: &str| {
            let own = id == self.settings.org_id;
            if own { Ok(()) } else { Err((404, "organization not found".to_owned())) }
        };
        if let Some(id) = request.given("orgID") {
            return match check_id(&id) {
                Ok(()) => by_id(&id),
                Err(text) => Err((400, text.to_owned())),
            };
        }
        match request.given("org") {
            None => Err((400, "Please provide either orgID or org".to_owned())),
            Some(id) if check_id(&id).is_ok() => by_id(&id),
            Some(name) if name == self.settings.org => Ok(()),
            Some(name) => Err((404, format!("organization name \"{name}\" not found"))),
        }
    }
}

/// The server's words for what is no id.
pub(super) fn check_id(id: &str) -> Result<(), &'static str> {
    let is_hex = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    match id.len() {
        16 if is_hex && id != "0000000000000000" => Ok(()),
        16 => Err("invalid ID"),
        _ => Err("id must have a length of 16 bytes"),
    }
}
