//! `/api/v2/templates/apply`, `/api/v2/stacks` and `/api/v2/dashboards`: the small part of them that is asked, for templates of
//! dashboards and variables.

use std::sync::PoisonError;

use serde::{Deserialize, Serialize as _};
use serde_json::{Value, json};

use super::orgs::{MADE_AT, check_id};
use crate::sim::data::objects::{ObjectStore, StoredObject, StoredStack};
use crate::sim::http::reply::{ApiError, Reply};
use crate::sim::http::request::HttpRequest;
use crate::sim::view::ServerView;

/// `GET /api/v2/stacks`.
pub(super) fn stacks(request: &HttpRequest, view: &ServerView<'_>) -> Result<Reply, ApiError> {
    let org_id = request.given("orgID").unwrap_or_default();
    if check_id(&org_id).is_err() {
        let text = format!("organization id[\"{org_id}\"] is invalid");
        return Err(ApiError::pretty(400, "invalid", &text));
    }
    may_read_org(view)?;
    let name = request.given("name");
    let store = view.objects.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted = store.stacks.iter().filter(|stack| {
        org_id == view.settings.org_id && name.as_ref().is_none_or(|name| *name == stack.name)
    });
    let found: Vec<_> = wanted.map(|stack| stack_json(stack, &store, view)).collect();
    Ok(pretty(200, &json!({ "stacks": found })))
}

/// `POST /api/v2/stacks`.
pub(super) fn create_stack(
    request: &HttpRequest,
    view: &ServerView<'_>,
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    struct StackBody {
        #[serde(default)]
        name: String,
        #[serde(default)]
        description: String,
    }
    let body: StackBody = request.json()?;
    may_write_stacks(view)?;
    let mut store = view.objects.lock().unwrap_or_else(PoisonError::into_inner);
    let id = store.next_id();
    let stack = StoredStack { id, name: body.name, description: body.description };
    let json = stack_json(&stack, &store, view);
    store.stacks.push(stack);
    Ok(pretty(201, &json))
}

/// `DELETE /api/v2/stacks/{id}`: with all that came in it.
pub(super) fn delete_stack(view: &ServerView<'_>, id: &str) -> Result<Reply, ApiError> {
    may_write_stacks(view)?;
    let mut store = view.objects.lock().unwrap_or_else(PoisonError::into_inner);
    if let Ok(id) = u64::from_str_radix(id, 16) {
        store.objects.retain(|object| object.origin.as_ref().is_none_or(|(stack, _)| *stack != id));
        store.stacks.retain(|stack| stack.id != id);
    }
    Ok(Reply::new(204, &[], crate::sim::http::reply::ReplyBody::Empty))
}

/// `GET /api/v2/dashboards/{id}`, with the properties of its cells.
pub(super) fn dashboard(view: &ServerView<'_>, id: &str) -> Result<Reply, ApiError> {
    let store = view.objects.lock().unwrap_or_else(PoisonError::into_inner);
    let found = store.objects.iter().find(|object| {
        object.kind == "Dashboard" && id_text(object.id) == id && view.token.may_all()
    });
    let found = found.ok_or_else(|| ApiError::pretty(404, "not found", "dashboard not found"))?;
    let cell = |chart: &Value| {
        json!({
            "x": chart["xPos"], "y": chart["yPos"], "w": chart["width"], "h": chart["height"],
            "name": chart["name"], "properties": properties(chart),
        })
    };
    let cells: Vec<_> = charts(&found.content).map(cell).collect();
    let dashboard = json!({
        "id": id, "orgID": view.settings.org_id, "name": found.name, "description": found.description, "cells": cells,
    });
    Ok(pretty(200, &dashboard))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApplyBody {
    #[serde(default)]
    dry_run: bool,
    #[serde(rename = "orgID", default)]
    org_id: String,
    #[serde(rename = "stackID")]
    stack_id: Option<String>,
    template: TemplateBody,
}

#[derive(Deserialize)]
struct TemplateBody {
    #[serde(default)]
    contents: Vec<ObjectBody>,
}

#[derive(Deserialize)]
struct ObjectBody {
    kind: String,
    metadata: NameBody,
    spec: Value,
}

#[derive(Deserialize)]
struct NameBody {
    name: String,
}

/// `POST /api/v2/templates/apply`.
pub(super) fn apply(request: &HttpRequest, view: &ServerView<'_>) -> Result<Reply, ApiError> {
    let body: ApplyBody = request.json()?;
    if check_id(&body.org_id).is_err() {
        let text = format!("invalid organization ID provided: \"{}\"", body.org_id);
        return Err(ApiError::pretty(400, "invalid", &text));
    }
    let faults = faults(&body.template.contents);
    let mut store = view.objects.lock().unwrap_or_else(PoisonError::into_inner);
    let mut answer =
        json!({ "sources": ["byte stream"], "stackID": body.stack_id.clone().unwrap_or_default() });
    if !faults.is_empty() {
        answer["diff"] = json!({ "dashboards": [], "variables": [] });
        answer["summary"] = json!({ "dashboards": [], "variables": [] });
        answer["errors"] = faults.into();
        if !body.dry_run {
            return Ok(pretty(201, &answer));
        }
        answer["code"] = "unprocessable entity".into();
        answer["message"] = "unprocessable entity".into();
        return Ok(pretty(422, &answer));
    }
    // A dry run asks for no right at all.
    if !body.dry_run && !view.token.may_all() {
        let text = format!("read:orgs/{} is unauthorized", view.settings.org_id);
        return Err(ApiError::pretty(500, "internal error", &text));
    }
    let stack = body.stack_id.and_then(|id| u64::from_str_radix(&id, 16).ok());
    let (mut diffs, mut summaries) = ([Vec::new(), Vec::new()], Vec::new());
    for object in &body.template.contents {
        let diff = one(object, stack, body.dry_run, &mut store);
        diffs[usize::from(object.kind == "Variable")].push(diff);
        if object.kind == "Dashboard" {
            let charts: Vec<_> = charts(&object.spec).map(chart_json).collect();
            summaries.push(json!({ "name": object.spec["name"], "charts": charts }));
        }
    }
    let [dashboards, variables] = diffs;
    answer["diff"] = json!({ "dashboards": dashboards, "variables": variables });
    answer["summary"] = json!({ "dashboards": summaries });
    Ok(pretty(if body.dry_run { 200 } else { 201 }, &answer))
}

/// One object of a template beside what is there; put there unless it is only tried. Variables are known by their names too,
/// dashboards by their stack alone.
fn one(object: &ObjectBody, stack: Option<u64>, dry_run: bool, store: &mut ObjectStore) -> Value {
    let ObjectBody { kind, metadata, spec } = object;
    let text = |key: &str| spec[key].as_str().unwrap_or_default().to_owned();
    let new = StoredObject {
        id: 0,
        kind: kind.clone(),
        name: text("name"),
        description: text("description"),
        content: spec.clone(),
        origin: stack.map(|stack| (stack, metadata.name.clone())),
    };
    let known = store.objects.iter().position(|known| {
        let is_of_stack = known.origin.is_some() && known.origin == new.origin;
        known.kind == *kind && (is_of_stack || kind == "Variable" && known.name == new.name)
    });
    let old = known.map(|at| store.objects[at].clone());
    let mut id = old.as_ref().map_or(0, |old| old.id);
    if !dry_run {
        id = if old.is_none() { store.next_id() } else { id };
        let made = StoredObject { id, ..new.clone() };
        match known {
            Some(at) => store.objects[at] = made,
            None => store.objects.push(made),
        }
    }
    json!({
        "id": id,
        "stateStatus": if old.is_some() { "exists" } else { "new" },
        "templateMetaName": metadata.name,
        "kind": kind,
        "new": object_json(&new),
        "old": old.as_ref().map(object_json),
    })
}

/// What the server does not accept: here only cells without a size.
fn faults(objects: &[ObjectBody]) -> Vec<Value> {
    let mut faults = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        for (chart_at, chart) in charts(&object.spec).enumerate() {
            for size in ["width", "height"] {
                if chart[size].as_i64().unwrap_or(0) <= 0 {
                    faults.push(json!({
                        "kind": object.kind, "fields": ["root", "spec", "charts", size],
                        "idxs": [at, null, chart_at, null], "reason": "must be greater than 0",
                    }));
                }
            }
        }
    }
    faults
}

fn charts(spec: &Value) -> impl Iterator<Item = &Value> {
    spec["charts"].as_array().into_iter().flatten()
}

fn chart_json(chart: &Value) -> Value {
    json!({
        "xPos": chart["xPos"], "yPos": chart["yPos"], "width": chart["width"], "height": chart["height"],
        "properties": properties(chart),
    })
}

/// All of a cell but its name and place.
fn properties(chart: &Value) -> Value {
    let mut properties = chart.clone();
    if let Value::Object(members) = &mut properties {
        for other in ["name", "xPos", "yPos", "width", "height"] {
            members.remove(other);
        }
    }
    properties
}

/// A dashboard's cells are not compared.
fn object_json(object: &StoredObject) -> Value {
    let mut json = json!({ "name": object.name, "description": object.description });
    if object.kind == "Variable" {
        let values =
            json!({ "query": object.content["query"], "language": object.content["language"] });
        json["args"] = json!({ "type": object.content["type"], "values": values });
    }
    json
}

fn stack_json(stack: &StoredStack, store: &ObjectStore, view: &ServerView<'_>) -> Value {
    let resource = |object: &StoredObject| {
        json!({
            "apiVersion": "influxdata.com/v2alpha1",
            "resourceID": id_text(object.id),
            "kind": object.kind,
            "templateMetaName": object.origin.as_ref().map(|(_, key)| key),
            "associations": [],
        })
    };
    let resources: Vec<_> = store.of_stack(stack.id).map(resource).collect();
    json!({
        "id": id_text(stack.id),
        "orgID": view.settings.org_id,
        "createdAt": MADE_AT,
        "eventType": if resources.is_empty() { "create" } else { "update" },
        "name": stack.name,
        "description": stack.description,
        "resources": resources,
        "sources": [],
        "urls": [],
        "updatedAt": MADE_AT,
    })
}

fn id_text(id: u64) -> String {
    format!("{id:016x}")
}

fn may_read_org(view: &ServerView<'_>) -> Result<(), ApiError> {
    if view.token.may_all() {
        return Ok(());
    }
    let text = format!("read:orgs/{} is unauthorized", view.settings.org_id);
    Err(ApiError::pretty(401, "unauthorized", &text))
}

fn may_write_stacks(view: &ServerView<'_>) -> Result<(), ApiError> {
    if view.token.may_all() {
        return Ok(());
    }
    Err(ApiError::pretty(401, "unauthorized", "not authorized to create stack"))
}

/// JSON as the newer endpoints write it.
fn pretty(status: u16, json: &Value) -> Reply {
    let mut bytes = Vec::new();
    let format = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, format);
    // A value has nothing that cannot be written to memory.
    let _ = json.serialize(&mut writer);
    Reply::json(status, String::from_utf8_lossy(&bytes).into_owned())
}
