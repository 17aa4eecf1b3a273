//! The JSON answers to `SHOW` statements and to counts: small, read whole.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

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
    fn counts_are_summed() {
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
