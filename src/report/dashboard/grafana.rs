//! The form of Grafana: one dashboard in its classic JSON model, for a data source of InfluxDB that speaks Flux. Grafana puts
//! the times of the dashboard in place of `v.timeRangeStart` and its kin itself.

use serde_json::{Value, json};

use super::cells::{CELLS, CellKind, CellUnit, DashboardCell};
use super::names::{about, title};
use super::query::{Chosen, values_of};

/// The model of Grafana 11; later ones read it.
const SCHEMA_VERSION: u32 = 39;
/// Columns of the grid for one of ours, and rows.
const GRID: u32 = 2;

/// The dashboard.
pub fn grafana(batch_bucket: &str) -> Value {
    // A name is quoted, and quotes in it are escaped, by Grafana.
    let chosen = Chosen {
        batch_bucket: batch_bucket.to_owned(),
        source_org: "${source_org:doublequote}".to_owned(),
        source_bucket: "${source_bucket:doublequote}".to_owned(),
    };
    let panels: Vec<_> = (1..).zip(&CELLS).map(|(id, cell)| panel(id, cell, &chosen)).collect();
    json!({
        "id": null,
        "title": title(batch_bucket),
        "description": about(batch_bucket),
        "tags": ["sluice"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": { "from": "now-6h", "to": "now" },
        "timepicker": {},
        "refresh": "30s",
        "annotations": { "list": [] },
        "links": [],
        "templating": { "list": [
            source(),
            variable(batch_bucket, "source_org", "Source organization", "srcOrg"),
            variable(batch_bucket, "source_bucket", "Source bucket", "srcBucket"),
        ] },
        "panels": panels,
    })
}

/// The data source that a person chooses.
fn source() -> Value {
    json!({
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "influxdb",
        "regex": "",
        "current": {},
        "options": [],
        "hide": 0,
        "refresh": 1,
        "multi": false,
        "includeAll": false,
        "skipUrlSync": false,
    })
}

/// The data source of a panel or variable: the one that was chosen.
fn chosen_source() -> Value {
    json!({ "type": "influxdb", "uid": "${datasource}" })
}

fn variable(batch_bucket: &str, name: &str, label: &str, tag: &str) -> Value {
    let query = values_of(batch_bucket, tag);
    json!({
        "type": "query",
        "name": name,
        "label": label,
        "datasource": chosen_source(),
        "definition": query,
        "query": { "query": query, "refId": name, "maxDataPoints": 1000 },
        "regex": "",
        "current": {},
        "options": [],
        "hide": 0,
        "refresh": 1,
        "sort": 1,
        "multi": false,
        "includeAll": false,
        "skipUrlSync": false,
    })
}

fn panel(id: u32, cell: &DashboardCell, chosen: &Chosen) -> Value {
    let (kind, custom, options) = match cell.kind {
        CellKind::Stat => (
            "stat",
            json!({}),
            json!({
                "reduceOptions": { "calcs": ["lastNotNull"], "fields": "", "values": false },
                "colorMode": "value",
                "graphMode": "none",
                "justifyMode": "auto",
                "orientation": "auto",
                "textMode": "value",
            }),
        ),
        CellKind::Line => (
            "timeseries",
            json!({
                "drawStyle": "line",
                "lineWidth": 1,
                "fillOpacity": 10,
                "showPoints": "auto",
                "spanNulls": false,
            }),
            json!({
                "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": [] },
                "tooltip": { "mode": "multi", "sort": "none" },
            }),
        ),
        CellKind::Table => (
            "table",
            json!({ "align": "auto", "cellOptions": { "type": "auto" }, "inspect": false }),
            json!({
                "showHeader": true,
                "cellHeight": "sm",
                "footer": { "show": false, "reducer": ["sum"], "fields": "" },
            }),
        ),
    };
    let place = cell.place;
    json!({
        "id": id,
        "type": kind,
        "title": cell.title,
        "description": cell.shows,
        "datasource": chosen_source(),
        "gridPos": {
            "x": place.x * GRID,
            "y": place.y * GRID,
            "w": place.width * GRID,
            "h": place.height * GRID,
        },
        "fieldConfig": {
            "defaults": { "unit": unit(cell.unit), "custom": custom },
            "overrides": [],
        },
        "options": options,
        "targets": [{ "refId": "A", "datasource": chosen_source(), "query": chosen.query(cell) }],
    })
}

/// The name that Grafana has for a unit.
fn unit(unit: CellUnit) -> &'static str {
    match unit {
        CellUnit::None => "none",
        CellUnit::Percent => "percent",
        CellUnit::Minutes => "m",
        CellUnit::Bytes => "decbytes",
        CellUnit::BytesPerSecond => "Bps",
        CellUnit::Values | CellUnit::ValuesPerSecond | CellUnit::Requests | CellUnit::Batches => {
            "short"
        }
    }
}
