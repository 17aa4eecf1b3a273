//! `/api/v2/dbrps`: databases of InfluxQL.

use crate::sim::go::text::json_string;
use crate::sim::http::reply::{ApiError, Reply};
use crate::sim::http::request::HttpRequest;
use crate::sim::influxql::{DbrpFilter, DbrpMapping};
use crate::sim::view::ServerView;

/// `GET /api/v2/dbrps`.
pub(super) fn list(request: &HttpRequest, view: &ServerView<'_>) -> Result<Reply, ApiError> {
    let invalid = |text: String| ApiError::pretty(400, "invalid", &text);
    let bad_id = |what: &str, id: &str| {
        let hex = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        (!hex).then(|| {
            invalid(format!("invalid {what} ID \"{id}\": id must have a length of 16 bytes"))
        })
    };
    let own = match (request.given("orgID"), request.given("org")) {
        (Some(id), _) => {
            if let Some(error) = bad_id("org", &id) {
                return Err(error);
            }
            id == view.settings.org_id
        }
        (None, Some(name)) if name == view.settings.org => true,
        (None, Some(name)) => {
            let text = format!("invalid org \"{name}\": organization not found");
            return Err(ApiError::pretty(404, "not found", &text));
        }
        (None, None) => {
            return Err(invalid("either 'org' or 'orgID' must be provided".to_owned()));
        }
    };
    let (id, bucket_id) = (request.given("id"), request.given("bucketID"));
    for (what, given) in [("DBRP", &id), ("bucket", &bucket_id)] {
        if let Some(error) = given.as_ref().and_then(|id| bad_id(what, id)) {
            return Err(error);
        }
    }
    let default = match request.given("default").as_deref() {
        None => None,
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Some(true),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Some(false),
        Some(_) => return Err(invalid("invalid default parameter".to_owned())),
    };
    let (database, policy) = (request.given("db"), request.given("rp"));
    let filter = DbrpFilter {
        id: id.as_deref(),
        bucket_id: bucket_id.as_deref(),
        database: database.as_deref(),
        policy: policy.as_deref(),
        default,
    };
    let mappings = if own { view.find_mappings(filter) } else { Vec::new() };
    let list: Vec<_> = mappings.iter().map(|m| mapping_json(m, &view.settings.org_id)).collect();
    let list = if list.is_empty() {
        "[]".to_owned()
    } else {
        format!("[\n\t\t{}\n\t]", list.join(",\n\t\t"))
    };
    Ok(Reply::json(200, format!("{{\n\t\"content\": {list}\n}}")))
}

fn mapping_json(mapping: &DbrpMapping, org_id: &str) -> String {
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
