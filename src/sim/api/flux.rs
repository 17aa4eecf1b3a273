//! `/api/v2/query`: what the body asks for, and the first part of the answer.

use serde::Deserialize;

use crate::model::time::Timestamp;
use crate::sim::flux::{self, Dialect, ScriptContext};
use crate::sim::http::reply::{ApiError, Reply, ReplyBody};
use crate::sim::http::request::HttpRequest;
use crate::sim::view::ServerView;

#[derive(Deserialize)]
struct QueryBody {
    #[serde(default)]
    query: String,
    #[serde(rename = "type", default)]
    kind: String,
    dialect: Option<DialectBody>,
    now: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DialectBody {
    header: Option<bool>,
    delimiter: Option<String>,
    annotations: Option<Vec<String>>,
    date_time_format: Option<String>,
}

/// Answers a query, or refuses it.
pub(super) fn answer(request: &HttpRequest, view: &ServerView<'_>) -> Result<Reply, ApiError> {
    view.check_query_org(request)?;
    let (script, dialect, now) = decode(request)?;
    if script.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::decode(
            "failed to decode request body: request body requires either query or AST",
        ));
    }
    let context = ScriptContext {
        store: view.store,
        may_read: &|bucket| view.token.may_read(bucket),
        now: now.unwrap_or_else(|| view.settings.clock.now()),
        uri: &request.uri(),
    };
    let encoder = flux::run(&script, dialect, &context)?;
    let headers = [("Content-Type", "text/csv; charset=utf-8"), ("Vary", "Accept-Encoding")];
    Ok(Reply::new(200, &headers, ReplyBody::Rows(Box::new(encoder))))
}

fn decode(request: &HttpRequest) -> Result<(Vec<u8>, Dialect, Option<i64>), ApiError> {
    let failed = |text: String| ApiError::decode(format!("failed to decode request body: {text}"));
    if request.header("content-type").is_some_and(|kind| kind.starts_with("application/vnd.flux")) {
        return Ok((request.body.clone(), Dialect::default(), None));
    }
    // What the script may hold that is not UTF-8 reaches the server replaced, as in Go.
    let text = String::from_utf8_lossy(&request.body);
    let body: QueryBody = serde_json::from_str(&text).map_err(|error| {
        let reason = if request.body.is_empty() { "EOF".to_owned() } else if error.is_eof() { "unexpected EOF".to_owned() } else { error.to_string() };
        failed(format!(
            "failed parsing request body as JSON; if sending a raw Flux script, set 'Content-Type: application/vnd.flux' \
             in your request headers: {reason}"
        ))
    })?;
    if !body.kind.is_empty() && body.kind != "flux" {
        return Err(failed(format!("unknown query type: {}", body.kind)));
    }
    let dialect = match body.dialect {
        None => Dialect::default(),
        Some(wanted) => wanted.check().map_err(failed)?,
    };
    let now = body.now.and_then(|text| text.parse::<Timestamp>().ok()).map(Timestamp::ns);
    Ok((body.query.into_bytes(), dialect, now))
}

impl DialectBody {
    fn check(self) -> Result<Dialect, String> {
        let delimiter = match self.delimiter.as_deref().map(str::as_bytes) {
            None | Some([]) => b',',
            Some([delimiter]) => *delimiter,
            Some(_) => return Err("invalid dialect delimeter: must be length 1".to_owned()),
        };
        let annotations = self.annotations.unwrap_or_default();
        if let Some(other) = annotations
            .iter()
            .find(|name| !matches!(name.as_str(), "group" | "datatype" | "default"))
        {
            return Err(format!("unknown dialect annotation type: {other}"));
        }
        if let Some(other) = self
            .date_time_format
            .filter(|format| !matches!(format.as_str(), "" | "RFC3339" | "RFC3339Nano"))
        {
            return Err(format!("unknown dialect date time format: {other}"));
        }
        Ok(Dialect { header: self.header.unwrap_or(true), delimiter, annotations })
    }
}
