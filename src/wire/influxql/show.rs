//! The JSON answers to `SHOW` statements and to counts: small, read whole.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use crate::model::series::{Name, Series};

/// An answer that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The statement failed; the server's text.
    #[error("InfluxQL: {0}")]
    Statement(String),
    /// Not the JSON that `/query` sends.
    #[error("InfluxQL answer is not as expected: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON of `/query` with something in it that the statement does not give.
    #[error("InfluxQL answer is not as expected: {0}")]
    Unexpected(String),
    /// A series key with a backslash before a comma or an equals sign: an escape, or the end of a name that ends in a
    /// backslash. Nothing tells which. The series are to be listed by other means.
    #[error("the series key {0:?} can be read in more than one way")]
    AmbiguousKey(String),
    /// A series key with U+FFFD, which JSON puts for bytes that are not UTF-8. The series are to be listed by other means.
    #[error("the series key {0:?} holds U+FFFD, which JSON puts for bytes that are not UTF-8")]
    NotExact(String),
}

impl AnswerError {
    /// True for what no InfluxDB answers to the statement: damaged on the way.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Json(_) | Self::Unexpected(_))
    }
}

#[derive(Deserialize)]
struct Answer {
    results: Option<Vec<StatementResult>>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct StatementResult {
    series: Option<Vec<Table>>,
    error: Option<String>,
}

/// A statement that found nothing: its number, and what the server may have to say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {
    #[serde(rename = "results")]
    _results: Vec<NoResult>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoResult {
    #[serde(rename = "statement_id")]
    _statement_id: Option<IgnoredAny>,
    #[serde(rename = "messages")]
    _messages: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Table {
    #[serde(default)]
    name: String,
    columns: Vec<String>,
    #[serde(default)]
    partial: bool,
    values: Vec<Vec<Json>>,
}

/// Reads a `SHOW ... KEYS` answer: per measurement its rows (key, and for fields the type).
/// Execution errors come with HTTP 200 and are reported here.
pub fn parse_show_keys(json: &[u8]) -> Result<BTreeMap<String, Vec<Vec<String>>>, AnswerError> {
    let mut tables: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for table in parse_tables(json)? {
        if table.name.is_empty() {
            return Err(AnswerError::Unexpected("keys of a measurement without a name".to_owned()));
        }
        let rows: Result<Vec<Vec<String>>, _> = table.values.into_iter().map(texts).collect();
        tables.entry(table.name).or_default().extend(rows?);
    }
    Ok(tables)
}

fn texts(row: Vec<Json>) -> Result<Vec<String>, AnswerError> {
    let text = |cell| match cell {
        Json::String(text) => Ok(text),
        other => Err(AnswerError::Unexpected(format!("a key that is {other}"))),
    };
    row.into_iter().map(text).collect()
}

/// Reads the answer to a statement of counts without groups: the sum of all of them. A field that has no value has no count.
pub(crate) fn parse_counts(json: &[u8]) -> Result<u64, AnswerError> {
    let mut sum = 0;
    for row in parse_tables(json)?.iter().flat_map(|table| &table.values) {
        // The first column is the time.
        for count in row.iter().skip(1).filter(|count| !count.is_null()) {
            let unexpected = || AnswerError::Unexpected(format!("a count that is {count}"));
            sum += count.as_u64().ok_or_else(unexpected)?;
        }
    }
    Ok(sum)
}

/// Reads the time of the first row of an answer; nothing if it has none.
pub(crate) fn parse_first_time(json: &[u8]) -> Result<Option<i64>, AnswerError> {
    let tables = parse_tables(json)?;
    let Some(row) = tables.iter().flat_map(|table| &table.values).next() else { return Ok(None) };
    let unexpected = || AnswerError::Unexpected(format!("a time in {row:?}"));
    row.first().and_then(Json::as_i64).map(Some).ok_or_else(unexpected)
}

/// Reads the answer to `SHOW SERIES`: measurement and tags of each series. A single key that cannot be read for certain
/// makes the whole answer an error.
pub fn parse_show_series(json: &[u8]) -> Result<Vec<Series>, AnswerError> {
    let mut series = Vec::new();
    for row in parse_tables(json)?.into_iter().flat_map(|table| table.values) {
        let [Json::String(key)] = row.as_slice() else {
            return Err(AnswerError::Unexpected(format!("a series key that is {row:?}")));
        };
        series.push(parse_series_key(key)?);
    }
    Ok(series)
}

/// `measurement,key=value,...`, where comma, equals sign and space have a backslash before them, but not the backslash.
fn parse_series_key(key: &str) -> Result<Series, AnswerError> {
    if key.contains('\u{fffd}') {
        return Err(AnswerError::NotExact(key.to_owned()));
    }
    if key.contains("\\,") || key.contains("\\=") {
        return Err(AnswerError::AmbiguousKey(key.to_owned()));
    }
    // A space is never without its backslash, so this takes nothing else away.
    let plain = |part: &str| Name::from(part.replace("\\ ", " ").into_bytes());
    let unexpected = || AnswerError::Unexpected(format!("the series key {key:?}"));
    let mut parts = key.split(',');
    let measurement = parts.next().filter(|name| !name.is_empty()).ok_or_else(unexpected)?;
    let mut tags: Vec<(Name, Name)> = Vec::new();
    for part in parts {
        let (tag, value) = part.split_once('=').ok_or_else(unexpected)?;
        let tag = (plain(tag), plain(value));
        let is_known = tags.iter().any(|(known, _)| *known == tag.0);
        if tag.0.is_empty() || tag.1.is_empty() || value.contains('=') || is_known {
            return Err(unexpected());
        }
        tags.push(tag);
    }
    Ok(Series::new(plain(measurement), tags))
}

/// Reads the answer to `SHOW SERIES EXACT CARDINALITY`: number of series by measurement; a measurement without series has
/// none. Measurements that JSON cannot name exactly are left out.
pub fn parse_series_cardinality(json: &[u8]) -> Result<BTreeMap<String, u64>, AnswerError> {
    let mut counts = BTreeMap::new();
    for Table { name, values, .. } in parse_tables(json)? {
        let count = match values.as_slice() {
            [row] if row.len() == 1 => row[0].as_u64(),
            _ => None,
        };
        let count =
            count.ok_or_else(|| AnswerError::Unexpected(format!("a count that is {values:?}")))?;
        if name.contains('\u{fffd}') {
            continue;
        }
        if counts.insert(name.clone(), count).is_some() {
            return Err(AnswerError::Unexpected(format!("two counts of measurement {name:?}")));
        }
    }
    Ok(counts)
}

/// The tables of one statement. That there are none is believed only of an answer that has the form of such a one: one bit
/// makes `series` another word.
fn parse_tables(json: &[u8]) -> Result<Vec<Table>, AnswerError> {
    let answer: Answer = serde_json::from_slice(json)?;
    let results = answer.results.unwrap_or_default();
    let failed = answer.error.or(results.iter().find_map(|result| result.error.clone()));
    if let Some(text) = failed {
        return Err(AnswerError::Statement(text));
    }
    let tables: Vec<_> = results.into_iter().filter_map(|result| result.series).flatten().collect();
    if tables.is_empty() {
        serde_json::from_slice::<Nothing>(json)?;
    }
    let is_whole = |table: &Table| {
        !table.partial && table.values.iter().all(|row| row.len() == table.columns.len())
    };
    match tables.iter().find(|table| !is_whole(table)) {
        Some(table) => Err(AnswerError::Unexpected(format!("half of the table {:?}", table.name))),
        None => Ok(tables),
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
