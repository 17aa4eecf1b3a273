//! Statements for `/query`: sent with POST, and only such as read. The endpoint would run a DROP that comes with a GET.

use bytes::Bytes;
use reqwest::Method;

use super::classify::RequestKind;
use super::client::Client;
use super::client::exchange::{ExpectedContent, HttpCall};
use super::error::{Error, Failure, FailureKind};
use super::json::misread;
use super::stream::QueryStream;
use crate::wire::influxql::decoder::Format;
use crate::wire::influxql::show::AnswerError;

/// What InfluxQL calls a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Name of the database.
    pub name: String,
    /// Retention policy; the default one if none.
    pub policy: Option<String>,
}

impl std::fmt::Display for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.policy {
            Some(policy) => write!(f, "{}/{policy}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Rows of one series in one piece of an answer: the server's own default.
const CHUNK_ROWS: &str = "10000";

impl Client {
    /// One statement that reads, answered whole in JSON. What `read` calls damage is asked for again; errors of the statement
    /// itself are part of the answer.
    pub async fn influxql<T>(
        &self,
        database: &Database,
        statement: &str,
        what: &str,
        read: impl Fn(&[u8]) -> Result<T, AnswerError>,
    ) -> Result<Result<T, AnswerError>, Error> {
        let statements = self.reading(&[statement], what)?;
        let once = |answer: Vec<u8>| match read(&answer) {
            Err(error) if error.is_damage() => Err(misread(&error)),
            read => Ok(read),
        };
        self.whole_as(&statements_call(database, statements, Format::Json, what), once).await
    }

    /// Statements that read, with a small answer, whole: temporary trouble is retried, damage included. The answer has the
    /// form of [`Client::influxql_stream`]; errors of the statements themselves are part of it.
    pub async fn influxql_all(
        &self,
        database: &Database,
        statements: &[String],
        format: Format,
        what: &str,
    ) -> Result<Vec<u8>, Error> {
        self.whole(&self.in_pieces(database, statements, format, what)?).await
    }

    /// Statements that read, answered in pieces with times in nanoseconds, sent once. Trying again is the caller's
    /// business, as for [`Client::query`].
    pub async fn influxql_stream(
        &self,
        database: &Database,
        statements: &[String],
        format: Format,
        what: &str,
    ) -> Result<QueryStream, Error> {
        let call = self.in_pieces(database, statements, format, what)?;
        let answer = self.send(&call).await.map_err(|failure| self.error(what, failure))?;
        Ok(QueryStream::new(self.clone(), what, answer.body, answer.begun))
    }

    fn in_pieces<'a>(
        &self,
        database: &'a Database,
        statements: &[String],
        format: Format,
        what: &'a str,
    ) -> Result<HttpCall<'a>, Error> {
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        let mut call = statements_call(database, self.reading(&statements, what)?, format, what);
        call.parameters.extend([("chunked", "true"), ("chunk_size", CHUNK_ROWS)]);
        Ok(call)
    }

    fn reading(&self, statements: &[&str], what: &str) -> Result<Bytes, Error> {
        if statements.is_empty() || !statements.iter().all(|statement| is_reading(statement)) {
            let text = "only SELECT and SHOW are sent";
            return Err(self.error(what, Failure::new(FailureKind::BadRequest, text)));
        }
        Ok(statements.join(";").into())
    }
}

fn statements_call<'a>(
    database: &'a Database,
    statements: Bytes,
    format: Format,
    what: &'a str,
) -> HttpCall<'a> {
    let mut parameters = vec![("db", database.name.as_str()), ("epoch", "ns")];
    parameters.extend(database.policy.as_deref().map(|policy| ("rp", policy)));
    let (content, accept) = match format {
        Format::MessagePack => (ExpectedContent::MessagePack, "application/x-msgpack"),
        Format::Json => (ExpectedContent::Json, "application/json"),
    };
    HttpCall {
        kind: RequestKind::Query,
        method: Method::POST,
        path: "/query",
        parameters,
        body: Some(("application/vnd.influxql", statements)),
        packed: false,
        status: 200,
        content,
        accept: Some(accept),
        what,
    }
}

/// True for one SELECT or SHOW. A semicolon outside quotes could begin another statement.
fn is_reading(statement: &str) -> bool {
    let word =
        statement.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    if !["select", "show"].iter().any(|reading| word.eq_ignore_ascii_case(reading)) {
        return false;
    }
    let mut quote = None;
    let mut characters = statement.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (None, ';') => return false,
            (None, '"' | '\'') => quote = Some(c),
            (Some(_), '\\') => drop(characters.next()),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    quote.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_single_statements_that_read_pass() {
        for (statement, reads) in [
            ("SHOW FIELD KEYS", true),
            (" select * from \"a;b\\\";\"", true),
            ("SELECT f FROM m WHERE t = 'x;y'", true),
            ("SELECTED", false),
            ("DROP MEASUREMENT m", false),
            ("SELECT 1; DROP MEASUREMENT m", false),
            ("SELECT f FROM \"open", false),
            ("SELECT f FROM \"a\\\"; DROP MEASUREMENT m", false),
            ("", false),
        ] {
            assert_eq!(is_reading(statement), reads, "{statement}");
        }
    }
}
