//! The few InfluxQL statements sluice sends, and their JSON answers. Names are quoted by [`quote_identifier`] alone:
//! the endpoint runs `DROP` even on a GET.

use std::collections::BTreeMap;

use serde::Deserialize;

/// All field keys of the default retention policy, with every type each one has.
pub const SHOW_FIELD_KEYS: &str = "SHOW FIELD KEYS";

/// All tag keys by measurement.
pub const SHOW_TAG_KEYS: &str = "SHOW TAG KEYS";

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
    values: Vec<Vec<String>>,
}

/// Reads a `SHOW ... KEYS` answer: per measurement its rows (key, and for fields the type).
/// Execution errors come with HTTP 200 and are reported here.
pub fn parse_show_keys(json: &[u8]) -> Result<BTreeMap<String, Vec<Vec<String>>>, AnswerError> {
    let answer: Answer = serde_json::from_slice(json)?;
    if let Some(text) = answer.error {
        return Err(AnswerError::Statement(text));
    }
    let mut tables: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for result in answer.results {
        if let Some(text) = result.error {
            return Err(AnswerError::Statement(text));
        }
        for table in result.series {
            tables.entry(table.name).or_default().extend(table.values);
        }
    }
    Ok(tables)
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
