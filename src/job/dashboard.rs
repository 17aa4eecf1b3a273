//! The dashboard of a batch bucket at the destination. A stack of the server keeps what was brought, and is found again by
//! its name: nothing is kept here.

use serde_json::Value;

use crate::config::dashboard::DashboardConfig;
use crate::influx::client::Client;
use crate::influx::org::OrgFound;
use crate::influx::template_fault::TemplateFault;
use crate::influx::templates::{
    AppliedTemplate, ChartSummary, ObjectDiff, Stack, StackObject, StoredDashboard,
};
use crate::job::dashboard_error::DashboardError;
use crate::job::error::Error;
use crate::job::orgs::unsettled;
use crate::report::dashboard::cells::CELLS;
use crate::report::dashboard::{stack_name, template, title};

/// What was done, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DashboardDone {
    /// It was not there.
    Installed,
    /// Something of it was not as it should be.
    Updated,
    /// It is as it should be.
    Unchanged,
    /// It was there.
    Removed,
    /// It was not there.
    Absent,
}

/// What came of `apply` or `remove`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DashboardOutcome {
    /// What was done.
    pub(crate) done: DashboardDone,
    /// True if it was only looked at.
    pub(crate) dry_run: bool,
    /// The name of the dashboard.
    pub(crate) title: String,
    /// The organization's id.
    pub(crate) org_id: String,
    /// Dashboards that are there now, or were, by their ids.
    pub(crate) dashboards: Vec<String>,
    /// How many variables come or go with it.
    pub(crate) variables: usize,
}

impl DashboardOutcome {
    /// What is printed of it.
    pub(crate) fn lines(&self, host: &str) -> Vec<String> {
        let Self { title, variables, .. } = self;
        let word = match (self.done, self.dry_run) {
            (DashboardDone::Installed, false) => "installed",
            (DashboardDone::Installed, true) => "would install",
            (DashboardDone::Updated, false) => "updated",
            (DashboardDone::Updated, true) => "would update",
            (DashboardDone::Unchanged, _) => "unchanged",
            (DashboardDone::Removed, false) => "removed",
            (DashboardDone::Removed, true) => "would remove",
            (DashboardDone::Absent, _) => {
                return vec![format!("nothing to remove: no dashboard {title:?} was installed")];
            }
        };
        let mut lines = vec![format!("{word}: dashboard {title:?} with {variables} variables")];
        if self.done != DashboardDone::Removed {
            let host = host.trim_end_matches('/');
            let address = |id: &String| format!("  {host}/orgs/{}/dashboards/{id}", self.org_id);
            lines.extend(self.dashboards.iter().map(address));
        }
        lines
    }
}

/// Installs it, or brings it up to date.
pub(crate) async fn apply(
    config: &DashboardConfig,
    client: &Client,
) -> Result<DashboardOutcome, Error> {
    let bucket = &config.batch_bucket;
    client.meet(config.wait_ms).await?;
    let org_id = org_of(client, bucket).await?;
    let (name, template) = (stack_name(bucket), template(bucket));
    let stack = client.stacks(&org_id, &name).await?.into_iter().next();
    let stack_id = stack.as_ref().map(|stack| stack.id.as_str());
    let tried = accepted(client.apply_template(&org_id, stack_id, &template, true).await?)?;
    let own = stack.as_ref().map_or(&[][..], |stack| &stack.resources);
    if let Some(other) = tried.diff.variables.iter().find(|found| is_foreign(found, own)) {
        let name = other.new["name"].as_str().unwrap_or_default().to_owned();
        return Err(DashboardError::Taken { name }.into());
    }
    let variables = tried.diff.variables.len();
    let outcome = |done, dashboards| DashboardOutcome {
        done,
        dry_run: config.dry_run,
        title: title(bucket),
        org_id: org_id.clone(),
        dashboards,
        variables,
    };
    let is_installed = !own.is_empty();
    if is_installed && is_as_meant(client, &tried).await? {
        return Ok(outcome(DashboardDone::Unchanged, ids(&tried)));
    }
    let done = if is_installed { DashboardDone::Updated } else { DashboardDone::Installed };
    if config.dry_run {
        return Ok(outcome(done, Vec::new()));
    }
    let applied = if let Some(id) = stack_id {
        accepted(client.apply_template(&org_id, Some(id), &template, false).await?)?
    } else {
        let stack = client.create_stack(&org_id, &name).await?;
        install(client, &org_id, &stack, &template).await?
    };
    Ok(outcome(done, ids(&applied)))
}

/// The organization that holds the batch bucket.
async fn org_of(client: &Client, bucket: &str) -> Result<String, Error> {
    match client.settle_org(bucket).await? {
        (_, Some(bucket)) => Ok(bucket.org_id),
        (found @ (OrgFound::Ambiguous(_) | OrgFound::Several(_)), None) => {
            Err(DashboardError::NoOrg { why: unsettled(&found) }.into())
        }
        (_, None) => Err(DashboardError::NoBatchBucket { bucket: bucket.to_owned() }.into()),
    }
}

/// Brings it into a new stack, which does not stay where that fails.
async fn install(
    client: &Client,
    org_id: &str,
    stack: &Stack,
    template: &Value,
) -> Result<AppliedTemplate, Error> {
    let applied = match client.apply_template(org_id, Some(&stack.id), template, false).await {
        Ok(applied) => accepted(applied),
        Err(error) => Err(error.into()),
    };
    if applied.is_err() {
        // What came before is told; this is a courtesy.
        let _ = client.delete_stack(org_id, &stack.id).await;
    }
    applied
}

/// Takes it away.
pub(crate) async fn remove(
    config: &DashboardConfig,
    client: &Client,
) -> Result<DashboardOutcome, Error> {
    let bucket = &config.batch_bucket;
    client.meet(config.wait_ms).await?;
    // The bucket may be gone.
    let (found, _) = client.settle_org(bucket).await?;
    let org_id = match &found {
        OrgFound::One { id: Some(id), .. } => id.clone(),
        OrgFound::One { id: None, .. } => match client.org_id(bucket).await? {
            Some(id) => id,
            None => return Err(DashboardError::NoOrg { why: unsettled(&found) }.into()),
        },
        _ => return Err(DashboardError::NoOrg { why: unsettled(&found) }.into()),
    };
    let stacks = client.stacks(&org_id, &stack_name(bucket)).await?;
    let of_kind = |kind: &str| -> Vec<String> {
        let objects = stacks.iter().flat_map(|stack| &stack.resources);
        objects.filter(|object| object.kind == kind).map(|object| object.id.clone()).collect()
    };
    let outcome = DashboardOutcome {
        done: if stacks.is_empty() { DashboardDone::Absent } else { DashboardDone::Removed },
        dry_run: config.dry_run,
        title: title(bucket),
        org_id: org_id.clone(),
        dashboards: of_kind("Dashboard"),
        variables: of_kind("Variable").len(),
    };
    if !config.dry_run {
        for stack in &stacks {
            client.delete_stack(&org_id, &stack.id).await?;
        }
    }
    Ok(outcome)
}

/// What the server has accepted.
fn accepted(applied: AppliedTemplate) -> Result<AppliedTemplate, Error> {
    if applied.errors.is_empty() {
        return Ok(applied);
    }
    let reasons = applied.errors.iter().map(TemplateFault::text).collect();
    Err(DashboardError::Refused { reasons }.into())
}

/// True for what is there under a name of ours and was not brought by us.
fn is_foreign(found: &ObjectDiff, own: &[StackObject]) -> bool {
    found.exists() && !own.iter().any(|object| object.id == found.id())
}

fn ids(applied: &AppliedTemplate) -> Vec<String> {
    applied.diff.dashboards.iter().map(ObjectDiff::id).collect()
}

/// True if all of it is there and nobody has changed it. The server compares names and queries of variables; the cells of a
/// dashboard it does not.
async fn is_as_meant(client: &Client, tried: &AppliedTemplate) -> Result<bool, Error> {
    let variables = tried.diff.variables.iter();
    if !variables.clone().all(|found| found.exists() && found.new == found.old) {
        return Ok(false);
    }
    for (found, meant) in tried.diff.dashboards.iter().zip(&tried.summary.dashboards) {
        let same = |key: &str| found.new[key] == found.old[key];
        if !(found.exists() && same("name") && same("description")) {
            return Ok(false);
        }
        match client.dashboard(&found.id()).await? {
            Some(dashboard) if has_cells(&dashboard, &meant.charts) => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// True if a dashboard has these cells and no others, in any order.
fn has_cells(dashboard: &StoredDashboard, meant: &[ChartSummary]) -> bool {
    let is_there = |title: &str, chart: &ChartSummary| {
        dashboard.cells.iter().any(|cell| {
            cell.name == title
                && (cell.x, cell.y, cell.w, cell.h)
                    == (chart.x_pos, chart.y_pos, chart.width, chart.height)
                && cell.properties == chart.properties
        })
    };
    dashboard.cells.len() == meant.len()
        && CELLS.iter().zip(meant).all(|(cell, chart)| is_there(cell.title, chart))
}
