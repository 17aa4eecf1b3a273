//! Templates and stacks: objects of an organization that come together, and go together.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Client;
use super::error::{Error, FailureKind};
use super::template_fault::TemplateFault;

/// What a token needs for all of this.
const RIGHTS: &str = "a token that may read and write dashboards, variables and the organization itself (docs/dashboard.md)";

/// What a template has brought, under one name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Stack {
    /// 16 hexadecimal digits.
    pub(crate) id: String,
    /// Its name; no two need differ.
    pub(crate) name: String,
    /// What it holds now.
    #[serde(default)]
    pub(crate) resources: Vec<StackObject>,
}

/// One object of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct StackObject {
    /// 16 hexadecimal digits.
    #[serde(rename = "resourceID")]
    pub(crate) id: String,
    /// `Dashboard`, `Variable`.
    pub(crate) kind: String,
}

#[derive(Deserialize)]
struct Stacks {
    stacks: Vec<Stack>,
}

/// What applying a template does, or would do.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct AppliedTemplate {
    /// Object by object.
    pub(crate) diff: TemplateDiff,
    /// What is there then.
    pub(crate) summary: TemplateSummary,
    /// Why some of it is not accepted.
    #[serde(default)]
    pub(crate) errors: Vec<TemplateFault>,
}

/// The objects of a template beside what is there.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct TemplateDiff {
    /// Dashboards.
    pub(crate) dashboards: Vec<ObjectDiff>,
    /// Variables.
    pub(crate) variables: Vec<ObjectDiff>,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ObjectDiff {
    /// Its id as a number, as the server writes it here; 0 if it is not there.
    pub(crate) id: u64,
    /// `new` or `exists`.
    pub(crate) state_status: String,
    /// As the template has it.
    pub(crate) new: Value,
    /// As it is.
    #[serde(default)]
    pub(crate) old: Value,
}

impl ObjectDiff {
    /// True if an object of that name is there.
    pub(crate) fn exists(&self) -> bool {
        self.state_status == "exists"
    }

    /// Its id as everywhere else.
    pub(crate) fn id(&self) -> String {
        format!("{:016x}", self.id)
    }
}

/// What a template comes to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct TemplateSummary {
    /// Dashboards.
    pub(crate) dashboards: Vec<DashboardSummary>,
}

/// A dashboard that a template brings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct DashboardSummary {
    /// Its cells, in the order of the template.
    pub(crate) charts: Vec<ChartSummary>,
}

/// A cell that a template brings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChartSummary {
    /// From the left.
    pub(crate) x_pos: u32,
    /// From the top.
    pub(crate) y_pos: u32,
    /// How wide.
    pub(crate) width: u32,
    /// How high.
    pub(crate) height: u32,
    /// All else, as the server keeps it.
    pub(crate) properties: Value,
}

/// A dashboard as it is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct StoredDashboard {
    /// Its cells.
    #[serde(default)]
    pub(crate) cells: Vec<StoredCell>,
}

/// A cell as it is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct StoredCell {
    /// What stands above it.
    #[serde(default)]
    pub(crate) name: String,
    /// From the left.
    pub(crate) x: u32,
    /// From the top.
    pub(crate) y: u32,
    /// How wide.
    pub(crate) w: u32,
    /// How high.
    pub(crate) h: u32,
    /// All else.
    #[serde(default)]
    pub(crate) properties: Value,
}

impl Client {
    /// The stacks of an organization that have this name.
    pub(crate) async fn stacks(&self, org_id: &str, name: &str) -> Result<Vec<Stack>, Error> {
        let what = format!("stack {name:?}");
        let parameters = vec![("orgID", org_id), ("name", name)];
        let found: Stacks =
            self.get("/api/v2/stacks", parameters, &what).await.map_err(right_to_template)?;
        Ok(found.stacks.into_iter().filter(|stack| stack.name == name).collect())
    }

    /// A new stack without anything in it.
    pub(crate) async fn create_stack(&self, org_id: &str, name: &str) -> Result<Stack, Error> {
        let what = format!("create stack {name:?}");
        self.refuse_on_source(&what)?;
        let body = json!({ "orgID": org_id, "name": name, "description": "brought by sluice dashboard apply", "urls": [] });
        let created = self.send_json(Method::POST, "/api/v2/stacks", &body, 201, &what).await;
        created.map_err(right_to_template)
    }

    /// Takes a stack away with all that it has brought. One that is not there any more is taken away.
    pub(crate) async fn delete_stack(&self, org_id: &str, id: &str) -> Result<(), Error> {
        let what = format!("remove stack {id:?}");
        self.refuse_on_source(&what)?;
        let path = self.path("/api/v2/stacks/", id, "", &what)?;
        self.delete(&path, vec![("orgID", org_id)], &what).await.map_err(right_to_template)
    }

    /// Brings the objects of a template, into a stack if one is given; or tells what that would do.
    pub(crate) async fn apply_template(
        &self,
        org_id: &str,
        stack_id: Option<&str>,
        template: &Value,
        dry_run: bool,
    ) -> Result<AppliedTemplate, Error> {
        let what = if dry_run { "try the template" } else { "apply the template" };
        self.refuse_on_source(what)?;
        let mut body = json!({
            "dryRun": dry_run,
            "orgID": org_id,
            "template": { "contentType": "json", "contents": template },
        });
        if let Some(id) = stack_id {
            body["stackID"] = id.into();
        }
        let status = if dry_run { 200 } else { 201 };
        let path = "/api/v2/templates/apply";
        let applied = self.send_json(Method::POST, path, &body, status, what).await;
        applied.map_err(right_to_template)
    }

    /// A dashboard with all of its cells; `None` if it is not there any more.
    pub(crate) async fn dashboard(&self, id: &str) -> Result<Option<StoredDashboard>, Error> {
        let what = format!("dashboard {id:?}");
        let path = self.path("/api/v2/dashboards/", id, "", &what)?;
        match self.get(&path, vec![("include", "properties")], &what).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind == FailureKind::NotFound => Ok(None),
            Err(error) => Err(right_to_template(error)),
        }
    }
}

fn right_to_template(error: Error) -> Error {
    if error.kind == FailureKind::Forbidden { error.or_cure(RIGHTS) } else { error }
}
