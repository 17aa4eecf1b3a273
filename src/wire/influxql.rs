//! The few InfluxQL statements sluice sends, and their JSON answers. Names are quoted by [`quote_identifier`] alone:
//! the endpoint runs `DROP` even on a GET.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::model::filter::Filter;
use crate::model::time::Timestamp;

/// All field keys of the default retention policy, with every type each one has.
pub const SHOW_FIELD_KEYS: &str = "SHOW FIELD KEYS";

/// All tag keys by measurement.
pub const SHOW_TAG_KEYS: &str = "SHOW TAG KEYS";

/// Counts the values of a measurement at [`Timestamp::MAX`], which no Flux range reaches.
pub fn count_at_largest_time(measurement: &str, filter: &Filter) -> String {
    let counts = if filter.fields.is_empty() {
        "count(*::field)".to_owned()
    } else {
        let counts =
            filter.fields.iter().map(|field| format!("count({})", quote_identifier(field)));
        counts.collect::<Vec<_>>().join(", ")
    };
    format!(
        "SELECT {counts} FROM {} WHERE time >= {}{}",
        quote_identifier(measurement),
        Timestamp::MAX.ns(),
        tag_conditions(filter)
    )
}

/// ` AND ...` for the tags of a filter: any value of a key, every key.
fn tag_conditions(filter: &Filter) -> String {
    let mut by_key: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (key, value) in &filter.tags {
        let test = format!("{} = {}", quote_identifier(key), quote_string(value));
        by_key.entry(key).or_default().push(test);
    }
    by_key.values().fold(String::new(), |text, tests| text + " AND (" + &tests.join(" OR ") + ")")
}

/// A string in single quotes: backslash, quote and line feed escaped.
fn quote_string(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"))
}

/// An identifier in double quotes: backslash, quote and line feed escaped.
pub fn quote_identifier(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push('"');
    for c in name.chars() {
        match c {
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            '\n' => quoted.push_str("\\n"),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// An answer that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The statement failed; the server's text.
    #[error("InfluxQL: {0}")]
    Statement(String),
    /// Not the JSON that `/query` sends.
    #[error("InfluxQL answer is not as expected: {0}")]
    Json(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    results: Vec<StatementResult>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct StatementResult {
    #[serde(default)]
    series: Vec<Table>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Table {
    name: String,
    values: Vec<Vec<Json>>,
}

/// Reads a `SHOW ... KEYS` answer: per measurement its rows (key, and for fields the type).
/// Execution errors come with HTTP 200 and are reported here.
pub fn parse_show_keys(json: &[u8]) -> Result<BTreeMap<String, Vec<Vec<String>>>, AnswerError> {
    let mut tables: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for table in parse_tables(json)? {
        let texts =
            |row: Vec<Json>| row.iter().filter_map(Json::as_str).map(str::to_owned).collect();
        tables.entry(table.name).or_default().extend(table.values.into_iter().map(texts));
    }
    Ok(tables)
}

/// Reads the answer to a statement of counts without groups: the sum of all of them.
pub fn parse_counts(json: &[u8]) -> Result<u64, AnswerError> {
    let tables = parse_tables(json)?;
    // The first column is the time.
    let counts = tables.iter().flat_map(|table| &table.values).flat_map(|row| row.iter().skip(1));
    Ok(counts.filter_map(Json::as_u64).sum())
}

fn parse_tables(json: &[u8]) -> Result<Vec<Table>, AnswerError> {
    let answer: Answer = serde_json::from_slice(json)?;
    let failed = answer.error.or(answer.results.iter().find_map(|result| result.error.clone()));
    match failed {
        Some(text) => Err(AnswerError::Statement(text)),
        None => Ok(answer.results.into_iter().flat_map(|result| result.series).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_so_that_a_name_stays_a_name() {
        assert_eq!(quote_identifier("cpu"), "\"cpu\"");
        assert_eq!(
            quote_identifier("a\"; DROP MEASUREMENT x --\\"),
            "\"a\\\"; DROP MEASUREMENT x --\\\\\""
        );
    }

    #[test]
    fn the_largest_time_is_counted_under_the_filter() {
        let filter = Filter {
            tags: vec![
                ("h".into(), "a'\\".into()),
                ("z".into(), "1".into()),
                ("h".into(), "b".into()),
            ],
            ..Filter::default()
        };
        assert_eq!(
            count_at_largest_time("m", &filter),
            "SELECT count(*::field) FROM \"m\" WHERE time >= 9223372036854775806 \
             AND (\"h\" = 'a\\'\\\\' OR \"h\" = 'b') AND (\"z\" = '1')"
        );
        let fields = Filter { fields: vec!["f".into(), "g".into()], ..Filter::default() };
        assert!(
            count_at_largest_time("m", &fields)
                .starts_with("SELECT count(\"f\"), count(\"g\") FROM")
        );
        let answer = br#"{"results":[{"statement_id":0,"series":[{"name":"t","columns":["time","count_f","count_i"],"values":[["2262-04-11T23:47:16.854775806Z",1,2]]}]}]}"#;
        assert_eq!(parse_counts(answer).unwrap(), 3);
        assert_eq!(parse_counts(br#"{"results":[{"statement_id":0}]}"#).unwrap(), 0);
    }

    #[test]
    fn reads_keys_and_reports_errors() {
        let keys = parse_show_keys(br#"{"results":[{"statement_id":0,"series":[{"name":"m","columns":["fieldKey","fieldType"],"values":[["v","float"],["v","integer"]]}]}]}"#).unwrap();
        assert_eq!(keys["m"], [["v", "float"], ["v", "integer"]]);
        assert!(parse_show_keys(br#"{"results":[{"statement_id":0}]}"#).unwrap().is_empty());
        assert!(matches!(
            parse_show_keys(br#"{"results":[{"statement_id":0,"error":"database not found: x"}]}"#),
            Err(AnswerError::Statement(_))
        ));
        assert!(matches!(
            parse_show_keys(br#"{"error":"unable to parse"}"#),
            Err(AnswerError::Statement(_))
        ));
        assert!(parse_show_keys(b"<html>").is_err());
    }
}
