//! The queries of the dashboard as its two hosts send them, and the rows of their answers.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;

use serde_json::Value as Json;
use sluice::testing::report::dashboard::cells::CELLS;
use sluice::testing::report::dashboard::{grafana, template};

/// A row: its columns by name.
pub(crate) type Row = BTreeMap<String, String>;

/// The job that a person has chosen, and the time.
pub(crate) struct Chosen<'a> {
    pub(crate) batch_bucket: &'a str,
    pub(crate) source_org: &'a str,
    pub(crate) source_bucket: &'a str,
    /// RFC 3339, both of them.
    pub(crate) shown: (&'a str, &'a str),
}

fn text(json: &Json) -> String {
    json.as_str().unwrap_or_else(|| panic!("{json} is no text")).to_owned()
}

/// The dashboard of a template.
fn dashboard(template: &Json) -> &Json {
    template.as_array().unwrap().iter().find(|object| object["kind"] == "Dashboard").unwrap()
}

impl Chosen<'_> {
    /// The queries of all cells as InfluxDB runs them, each with the name of its cell. The variables stand before the query,
    /// as the server's own pages put them there.
    pub(crate) fn of_influxdb(&self) -> Vec<(&'static str, String)> {
        let template = template(self.batch_bucket);
        let variables: Vec<_> = template
            .as_array()
            .unwrap()
            .iter()
            .filter(|object| object["kind"] == "Variable")
            .map(|object| text(&object["spec"]["name"]))
            .collect();
        let [org, bucket] = &variables[..] else { panic!("{variables:?}") };
        let (start, stop) = self.shown;
        let prelude = format!(
            "option v = {{timeRangeStart: {start}, timeRangeStop: {stop}, windowPeriod: 10s, {org}: {:?}, {bucket}: {:?}}}\n",
            self.source_org, self.source_bucket
        );
        let charts = dashboard(&template)["spec"]["charts"].as_array().unwrap();
        assert_eq!(charts.len(), CELLS.len());
        let query = |chart: &Json| format!("{prelude}{}", text(&chart["queries"][0]["query"]));
        CELLS.iter().zip(charts).map(|(cell, chart)| (cell.name, query(chart))).collect()
    }

    /// The same as Grafana sends them: it puts texts in place of its variables and of what InfluxDB's pages know.
    pub(crate) fn of_grafana(&self) -> Vec<(&'static str, String)> {
        let dashboard = grafana(self.batch_bucket);
        let panels = dashboard["panels"].as_array().unwrap();
        assert_eq!(panels.len(), CELLS.len());
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\\\""));
        let (start, stop) = self.shown;
        let query = |panel: &Json| {
            let query = text(&panel["targets"][0]["query"])
                .replace("${source_org:doublequote}", &quoted(self.source_org))
                .replace("${source_bucket:doublequote}", &quoted(self.source_bucket))
                .replace("v.timeRangeStart", start)
                .replace("v.timeRangeStop", stop)
                .replace("v.windowPeriod", "10s");
            assert!(!query.contains('$') && !query.contains("v."), "{query}");
            query
        };
        CELLS.iter().zip(panels).map(|(cell, panel)| (cell.name, query(panel))).collect()
    }

    /// The queries of the variables of both forms.
    pub(crate) fn of_variables(&self) -> Vec<String> {
        let (template, grafana) = (template(self.batch_bucket), grafana(self.batch_bucket));
        let objects = template.as_array().unwrap().iter();
        let own = objects.filter(|object| object["kind"] == "Variable");
        let lists = grafana["templating"]["list"].as_array().unwrap().iter();
        let others = lists.filter(|variable| variable["type"] == "query");
        own.map(|object| text(&object["spec"]["query"]))
            .chain(others.map(|variable| text(&variable["query"]["query"])))
            .collect()
    }
}

/// The rows of an answer in annotated CSV whose cells hold no line ends.
pub(crate) fn rows(csv: &str) -> Vec<Row> {
    let (mut rows, mut head) = (Vec::new(), Vec::new());
    let mut is_head = true;
    for line in csv.lines() {
        if line.is_empty() || line.starts_with('#') {
            is_head = true;
            continue;
        }
        let cells = cells(line);
        if is_head {
            (head, is_head) = (cells, false);
        } else {
            rows.push(
                head.iter().cloned().zip(cells).filter(|(name, _)| !name.is_empty()).collect(),
            );
        }
    }
    rows
}

fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            _ => cell.push(letter),
        }
    }
    cells.push(cell);
    cells
}

/// The values of a column, without empty ones.
pub(crate) fn column(rows: &[Row], name: &str) -> Vec<String> {
    let values = rows.iter().filter_map(|row| row.get(name)).filter(|value| !value.is_empty());
    values.cloned().collect()
}
