//! The form of InfluxDB: a template, a list of the objects that it brings.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::cells::{CELLS, CellKind, CellUnit, DashboardCell};
use super::names::{about, title};
use super::query::{Chosen, values_of};

/// What the objects of a template say they are written for.
const API_VERSION: &str = "influxdata.com/v2alpha1";

/// A variable of the dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Variable {
    /// Inside the template.
    key: &'static str,
    /// In the organization, where all dashboards share one set of names.
    name: String,
    /// The tag whose values it offers.
    tag: &'static str,
    about: &'static str,
}

/// The variables by which a person chooses the job. No two batch buckets share one.
fn variables(batch_bucket: &str) -> [Variable; 2] {
    let name = |end: &str| format!("sluice_{}_{end}", word_of(batch_bucket));
    [
        Variable {
            key: "source-org",
            name: name("source_org"),
            tag: "srcOrg",
            about: "Organization of the source",
        },
        Variable {
            key: "source-bucket",
            name: name("source_bucket"),
            tag: "srcBucket",
            about: "Bucket at the source",
        },
    ]
}

/// A name as a part of an identifier, another one for every name. Capitals count for nothing in names of variables.
fn word_of(name: &str) -> String {
    let mut word = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() {
            word.push(char::from(byte));
        } else {
            let _ = write!(word, "_{byte:02x}");
        }
    }
    word
}

/// The objects of the template.
pub fn template(batch_bucket: &str) -> Value {
    let variables = variables(batch_bucket);
    let [source_org, source_bucket] =
        variables.clone().map(|variable| format!("v.{}", variable.name));
    let chosen = Chosen { batch_bucket: batch_bucket.to_owned(), source_org, source_bucket };
    let charts: Vec<_> = CELLS.iter().map(|cell| chart(cell, &chosen)).collect();
    let dashboard = object(
        "Dashboard",
        "dashboard",
        &json!({
            "name": title(batch_bucket),
            "description": about(batch_bucket),
            "charts": charts,
        }),
    );
    let variables = variables.iter().map(|variable| {
        object(
            "Variable",
            variable.key,
            &json!({
                "name": variable.name,
                "description": variable.about,
                "type": "query",
                "language": "flux",
                "query": values_of(batch_bucket, variable.tag),
            }),
        )
    });
    Value::Array(variables.chain([dashboard]).collect())
}

fn object(kind: &str, key: &str, spec: &Value) -> Value {
    json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": { "name": key }, "spec": spec })
}

fn chart(cell: &DashboardCell, chosen: &Chosen) -> Value {
    let mut chart = json!({
        "name": cell.title,
        "xPos": cell.place.x,
        "yPos": cell.place.y,
        "width": cell.place.width,
        "height": cell.place.height,
        "queries": [{ "query": chosen.query(cell) }],
    });
    let own = match cell.kind {
        CellKind::Stat => json!({
            "kind": "Single_Stat",
            "decimalPlaces": decimals(cell.unit),
            "suffix": suffix(cell.unit),
            "colors": [{ "name": "base", "type": "text", "hex": "#00C9FF", "value": 0 }],
        }),
        CellKind::Line => json!({
            "kind": "Xy",
            "geom": "line",
            "position": "overlaid",
            "xCol": "_time",
            "yCol": "_value",
            "axes": [
                { "name": "x", "scale": "linear", "base": "10" },
                { "name": "y", "scale": "linear", "base": "10", "label": cell.unit.word() },
            ],
            "colors": [{ "name": "base", "type": "scale", "hex": "#31C0F6", "value": 0 }],
        }),
        CellKind::Table => json!({
            "kind": "Table",
            "tableOptions": { "verticalTimeAxis": true, "wrapping": "wrap" },
            "timeFormat": "YYYY-MM-DD HH:mm:ss",
            "colors": [{ "name": "base", "type": "text", "hex": "#FFFFFF", "value": 0 }],
        }),
    };
    if let (Value::Object(chart), Value::Object(own)) = (&mut chart, own) {
        chart.extend(own);
    }
    chart
}

fn decimals(unit: CellUnit) -> u32 {
    match unit {
        CellUnit::Percent | CellUnit::Minutes => 1,
        _ => 0,
    }
}

fn suffix(unit: CellUnit) -> &'static str {
    match unit {
        CellUnit::Percent => "%",
        CellUnit::Minutes => " min",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_batch_buckets_share_a_variable() {
        let buckets =
            ["migration", "Migration", "my-bucket", "my_bucket", "my_2dbucket", "\u{e4}", ""];
        let names = buckets.map(|bucket| variables(bucket)[0].name.clone());
        let different: BTreeSet<_> = names.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(different.len(), buckets.len(), "{names:?}");
        let fits = |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        assert!(names.iter().all(fits), "{names:?}");
        assert_eq!(names[0], "sluice_migration_source_org");
    }

    #[test]
    fn no_two_cells_have_one_name_or_one_place() {
        let names: BTreeSet<_> = CELLS.iter().map(|cell| cell.name).collect();
        let titles: BTreeSet<_> = CELLS.iter().map(|cell| cell.title).collect();
        assert_eq!((names.len(), titles.len()), (CELLS.len(), CELLS.len()));
        let mut taken = BTreeSet::new();
        for cell in &CELLS {
            let place = cell.place;
            assert!(place.x + place.width <= 12 && place.height > 0, "{}", cell.name);
            for x in place.x..place.x + place.width {
                for y in place.y..place.y + place.height {
                    assert!(taken.insert((x, y)), "{} lies over another", cell.name);
                }
            }
        }
    }
}
