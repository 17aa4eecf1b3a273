//! `/query`: what its parameters ask for.

use crate::sim::http::queries::statements_of;
use crate::sim::http::reply::{ApiError, Reply, ReplyBody};
use crate::sim::http::request::HttpRequest;
use crate::sim::influxql::{self, AnswerFormat, PIECE_ROWS, StatementsAsked};
use crate::sim::view::ServerView;

/// Answers one or several statements.
pub(super) fn answer(request: &HttpRequest, view: &ServerView<'_>) -> Result<Reply, ApiError> {
    let text = statements_of(request).ok_or_else(|| ApiError::decode("mime: no media type"))?;
    let (format, kind) = match request.header("accept") {
        Some("application/x-msgpack") => (AnswerFormat::MessagePack, "application/x-msgpack"),
        Some("application/csv" | "text/csv") => {
            return Err(ApiError::decode("only JSON and MessagePack are simulated"));
        }
        _ => (AnswerFormat::Json, "application/json"),
    };
    let chunk_rows = (request.parameter("chunked").as_deref() == Some("true")).then(|| {
        let rows = request.parameter("chunk_size").and_then(|rows| rows.parse().ok());
        rows.filter(|&rows| rows > 0).unwrap_or(PIECE_ROWS)
    });
    let asked = StatementsAsked {
        text,
        database: request.parameter("db").unwrap_or_default(),
        policy: request.given("rp"),
        format,
        time_unit_ns: match request.parameter("epoch").as_deref() {
            None | Some("") => None,
            Some("u") => Some(1_000),
            Some("ms") => Some(1_000_000),
            Some("s") => Some(1_000_000_000),
            Some("m") => Some(60_000_000_000),
            Some("h") => Some(3_600_000_000_000),
            Some(_) => Some(1),
        },
        chunk_rows,
    };
    let answer = influxql::run(&asked, view)
        .map_err(|message| ApiError::decode(format!("failed to parse query: {message}")))?;
    let headers = [("Content-Type", kind), ("Vary", "Accept-Encoding")];
    Ok(Reply::new(200, &headers, ReplyBody::Rows(Box::new(answer))))
}
