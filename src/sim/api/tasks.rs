//! `/api/v2/tasks`.

use std::sync::PoisonError;

use serde::Deserialize;

use super::orgs::check_id;
use crate::sim::go::text::json_string;
use crate::sim::http::reply::{ApiError, Reply};
use crate::sim::http::request::HttpRequest;
use crate::sim::settings::{FluxTask, ServerSettings};
use crate::sim::view::ServerView;

/// Those that the request names and the token may see.
pub(super) fn list(request: &HttpRequest, view: &ServerView<'_>) -> Result<Reply, ApiError> {
    check_request(request, view)?;
    Ok(Reply::json(200, list_json(request, view)))
}

fn check_request(request: &HttpRequest, view: &ServerView<'_>) -> Result<(), ApiError> {
    let failed =
        |text: &str| ApiError::plain(400, "invalid", format!("failed to decode request: {text}"));
    for name in ["after", "orgID"] {
        request.given(name).map_or(Ok(()), |id| check_id(&id)).map_err(failed)?;
    }
    if let Some(name) = request.given("org").filter(|name| *name != view.settings.org) {
        return Err(failed(&format!("organization name \"{name}\" not found")));
    }
    match request.given("limit").map(|limit| limit.parse::<i64>()) {
        None | Some(Ok(1..=500)) => Ok(()),
        Some(Ok(_)) => Err(failed("limit must be between 1 and 500")),
        Some(Err(_)) => Err(failed("strconv.Atoi: invalid syntax")),
    }
}

fn list_json(request: &HttpRequest, view: &ServerView<'_>) -> String {
    let tasks = view.tasks.lock().unwrap_or_else(PoisonError::into_inner);
    let (name, after) = (request.given("name"), request.given("after"));
    let own = request.given("orgID").is_none_or(|id| id == view.settings.org_id);
    let visible = tasks.iter().filter(|task| {
        own && view.token.may_all()
            && name.as_ref().is_none_or(|name| *name == task.name)
            && after.as_ref().is_none_or(|after| *after < task.id)
    });
    let list: Vec<_> = visible.map(|task| task_json(task, view.settings)).collect();
    format!("{{\"links\":{{\"self\":\"/api/v2/tasks\"}},\"tasks\":[{}]}}", list.join(","))
}

/// One task, with a new status if the request brings one.
pub(super) fn one(
    request: &HttpRequest,
    view: &ServerView<'_>,
    id: &str,
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    struct TaskBody {
        status: Option<String>,
    }
    let mut tasks = view.tasks.lock().unwrap_or_else(PoisonError::into_inner);
    let task = tasks.iter_mut().find(|task| task.id == id && view.token.may_all());
    let task = task
        .ok_or_else(|| ApiError::pretty(404, "not found", "failed to find task: task not found"))?;
    if request.method == "PATCH" {
        let body: TaskBody = request.json()?;
        task.status = body.status.unwrap_or_else(|| task.status.clone());
    }
    Ok(Reply::json(200, task_json(task, view.settings)))
}

fn task_json(task: &FluxTask, settings: &ServerSettings) -> String {
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
