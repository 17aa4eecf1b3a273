//! The texts of the queries that a request asks.

use serde::Deserialize;

use super::request::HttpRequest;

/// The script in a JSON body.
pub(crate) fn script_of(body: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Asked {
        #[serde(default)]
        query: String,
    }
    serde_json::from_slice::<Asked>(body).ok().map(|asked| asked.query.into_bytes())
}

/// The statements of a request, if it has any.
pub(crate) fn statements_of(request: &HttpRequest) -> Option<Vec<u8>> {
    if request.path != "/query" {
        return None;
    }
    let given = request.parameter_bytes("q").unwrap_or_default();
    if !given.trim_ascii().is_empty() {
        return Some(given.trim_ascii().to_vec());
    }
    let kind = request.header("content-type")?;
    let raw = kind.split(';').next().is_some_and(|kind| kind.trim() == "application/vnd.influxql");
    Some(if raw { request.body.clone() } else { Vec::new() })
}
