//! `/query`: the `SHOW` statements that a planner asks, as JSON.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::http::{ApiError, Body, Reply, Request};
use super::respond::Access;
use super::store::Bucket;
use super::text::json_string;

const KEYWORDS: [&str; 11] = [
    "SELECT", "DELETE", "SHOW", "CREATE", "DROP", "EXPLAIN", "GRANT", "REVOKE", "ALTER", "SET",
    "KILL",
];

/// A statement that can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    FieldKeys,
    TagKeys,
    Measurements,
    /// Known to InfluxDB, not to the simulation.
    Other,
}

/// Answers one or several statements.
pub(super) fn answer(request: &Request, access: &Access<'_>) -> Result<Reply, ApiError> {
    let text = request.parameter("q").unwrap_or_default();
    if text.is_empty() {
        return Err(ApiError::decode("mime: no media type"));
    }
    let statements = parse(&text)
        .map_err(|message| ApiError::decode(format!("failed to parse query: {message}")))?;
    let name = request.parameter("db").unwrap_or_default();
    let buckets = access.store.lock();
    let bucket = buckets.iter().find(|bucket| {
        access.settings.influxql
            && bucket.info.name == name
            && access.token.may_read(&bucket.info.name)
    });
    if bucket.is_some() && statements.contains(&Show::Other) {
        return Err(ApiError::decode(
            "failed to parse query: only SHOW FIELD KEYS, SHOW TAG KEYS and SHOW MEASUREMENTS are simulated",
        ));
    }
    let mut results = String::new();
    for (number, statement) in statements.into_iter().enumerate() {
        let series = match bucket {
            Some(bucket) => show(bucket, statement),
            None if name.is_empty() => ",\"error\":\"database name required\"".to_owned(),
            None => format!(
                ",\"error\":{}",
                json_string(format!("database not found: {name}").as_bytes())
            ),
        };
        let comma = if number > 0 { "," } else { "" };
        let _ = write!(results, "{comma}{{\"statement_id\":{number}{series}}}");
    }
    let headers = [("Content-Type", "application/json"), ("Vary", "Accept-Encoding")];
    Ok(Reply::new(
        200,
        &headers,
        Body::Whole(format!("{{\"results\":[{results}]}}\n").into_bytes()),
    ))
}

fn parse(text: &str) -> Result<Vec<Show>, String> {
    let mut statements = Vec::new();
    for statement in text.split(';').filter(|statement| !statement.trim().is_empty()) {
        let words: Vec<_> = statement.split_whitespace().map(str::to_uppercase).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        statements.push(match words[..] {
            ["SHOW", "FIELD", "KEYS"] => Show::FieldKeys,
            ["SHOW", "TAG", "KEYS"] => Show::TagKeys,
            ["SHOW", "MEASUREMENTS"] => Show::Measurements,
            [first, ..] if !KEYWORDS.contains(&first) => {
                let found = statement.split_whitespace().next().unwrap_or_default();
                return Err(format!(
                    "found {found}, expected {} at line 1, char 1",
                    KEYWORDS.join(", ")
                ));
            }
            _ => Show::Other,
        });
    }
    Ok(statements)
}

fn show(bucket: &Bucket, statement: Show) -> String {
    let mut tables = Vec::new();
    match statement {
        Show::Other => {}
        Show::Measurements => {
            let names: Vec<_> = bucket
                .tag_keys()
                .into_keys()
                .map(|name| format!("[{}]", json_string(name)))
                .collect();
            if !names.is_empty() {
                tables.push(table(b"measurements", &["name"], &names));
            }
        }
        Show::TagKeys => {
            for (measurement, keys) in bucket.tag_keys() {
                let rows: Vec<_> =
                    keys.into_iter().map(|key| format!("[{}]", json_string(key))).collect();
                if !rows.is_empty() {
                    tables.push(table(measurement, &["tagKey"], &rows));
                }
            }
        }
        Show::FieldKeys => {
            for (measurement, fields) in &bucket.types {
                let mut rows = Vec::new();
                for (field, shards) in fields {
                    let types: BTreeSet<_> = shards.values().map(|known| known.name()).collect();
                    rows.extend(
                        types
                            .into_iter()
                            .map(|name| format!("[{},\"{name}\"]", json_string(field))),
                    );
                }
                tables.push(table(measurement, &["fieldKey", "fieldType"], &rows));
            }
        }
    }
    if tables.is_empty() { String::new() } else { format!(",\"series\":[{}]", tables.join(",")) }
}

fn table(name: &[u8], columns: &[&str], rows: &[String]) -> String {
    format!(
        "{{\"name\":{},\"columns\":[\"{}\"],\"values\":[{}]}}",
        json_string(name),
        columns.join("\",\""),
        rows.join(",")
    )
}
