//! What needs no token.

use crate::sim::http::reply::{Reply, ReplyBody};
use crate::sim::http::request::HttpRequest;
use crate::sim::settings::{Product, ServerSettings};

/// The answer, if the request is for one of these.
pub(super) fn answer(request: &HttpRequest, settings: &ServerSettings) -> Option<Reply> {
    let oss = settings.kind == Product::Oss;
    match (request.path.as_str(), request.method.as_str()) {
        ("/ping", "GET" | "HEAD") => Some(Reply::new(204, &[("Vary", "Accept-Encoding")], ReplyBody::Empty)),
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
