//! Finds the answer to a request: who asks, and for what.

use std::sync::Mutex;

use super::{buckets, dbrps, delete, flux, health, influxql, orgs, tasks, templates, write};
use crate::sim::data::objects::ObjectStore;
use crate::sim::data::store::BucketStore;
use crate::sim::http::reply::{ApiError, Reply, ReplyBody};
use crate::sim::http::request::HttpRequest;
use crate::sim::settings::{FluxTask, Product, ServerSettings};
use crate::sim::view::ServerView;

/// The answer to a request, faults aside.
pub(crate) fn answer(
    request: &HttpRequest,
    settings: &ServerSettings,
    store: &BucketStore,
    tasks: &Mutex<Vec<FluxTask>>,
    objects: &Mutex<ObjectStore>,
) -> Reply {
    if let Some(reply) = health::answer(request, settings) {
        return reply;
    }
    let given = request.header("authorization").and_then(|header| header.split_once(' '));
    let known = |scheme: &str| match request.path.as_str() {
        // The endpoint of 1.x knows one scheme in one spelling.
        "/query" => scheme == "Token",
        _ => ["token", "bearer"].contains(&scheme.to_ascii_lowercase().as_str()),
    };
    let text = given.filter(|(scheme, _)| known(scheme)).map(|(_, text)| text.trim());
    let Some(token) = text.and_then(|text| settings.tokens.iter().find(|token| token.text == text))
    else {
        let message = if request.path == "/query" && text.is_some() {
            "Unauthorized"
        } else {
            "unauthorized access"
        };
        return ApiError::plain(401, "unauthorized", message).into();
    };
    let view = ServerView { settings, store, token, tasks, objects };
    let answered = match (request.path.as_str(), request.method.as_str()) {
        ("/api/v2/query", "POST") => flux::answer(request, &view),
        ("/api/v2/write", "POST") => write::answer(request, &view),
        ("/api/v2/delete", "POST") => delete::answer(request, &view),
        ("/api/v2/query" | "/api/v2/write", _) => {
            let mut reply: Reply =
                ApiError::plain(405, "method not allowed", "allow: OPTIONS, POST").into();
            reply.headers.push(("Allow", "OPTIONS, POST".to_owned()));
            Ok(reply)
        }
        ("/query", "GET" | "POST" | "HEAD") => influxql::answer(request, &view),
        _ => managed(request, &view),
    };
    answered.unwrap_or_else(Reply::from)
}

/// Organisations, buckets, databases, tasks and what templates bring.
fn managed(request: &HttpRequest, view: &ServerView<'_>) -> Result<Reply, ApiError> {
    let parts: Vec<_> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), &parts[..]) {
        ("GET", ["api", "v2", "orgs"]) => orgs::list(request, view),
        ("GET", ["api", "v2", "orgs", id, "limits"]) if view.settings.kind == Product::Cloud => {
            orgs::limits(view, id)
        }
        // Not even the words of its API.
        ("GET", ["api", "v2", "orgs", _, "limits"]) => Ok(Reply::new(
            404,
            &[("Content-Type", "text/plain; charset=utf-8")],
            ReplyBody::Whole(b"404 page not found\n".to_vec()),
        )),
        ("GET", ["api", "v2", "buckets"]) => buckets::list(request, view),
        ("POST", ["api", "v2", "buckets"]) => buckets::create(request, view),
        ("GET", ["api", "v2", "buckets", id]) => buckets::one(view, id),
        ("PATCH", ["api", "v2", "buckets", id]) => buckets::patch(request, view, id),
        ("DELETE", ["api", "v2", "buckets", id]) => buckets::delete(view, id),
        ("GET", ["api", "v2", "dbrps"]) => dbrps::list(request, view),
        ("GET", ["api", "v2", "tasks"]) => tasks::list(request, view),
        ("GET" | "PATCH", ["api", "v2", "tasks", id]) => tasks::one(request, view, id),
        ("POST", ["api", "v2", "templates", "apply"]) => templates::apply(request, view),
        ("GET", ["api", "v2", "stacks"]) => templates::stacks(request, view),
        ("POST", ["api", "v2", "stacks"]) => templates::create_stack(request, view),
        ("DELETE", ["api", "v2", "stacks", id]) => templates::delete_stack(view, id),
        ("GET", ["api", "v2", "dashboards", id]) => templates::dashboard(view, id),
        _ => Err(ApiError::pretty(404, "not found", "path not found")),
    }
}
