//! What is asked in Flux, and what is written.

use bytes::Bytes;
use reqwest::Method;
use tokio::time::Instant;

use super::body::pack;
use super::classify::RequestKind;
use super::client::Client;
use super::client::exchange::{ExpectedContent, HttpCall};
use super::error::Error;
use super::json::misread;
use super::stream::QueryStream;
use crate::model::scale::whole_ms;
use crate::wire::csv::error::Error as CsvError;

impl Client {
    /// One streamed query, sent once. Trying again is the caller's business: what has been read must be dropped first,
    /// or the slice be split. After a 429 or 503 calling again is enough: it waits for the gate.
    pub async fn query(&self, flux: &str, what: &str) -> Result<QueryStream, Error> {
        let call = self.flux(flux, what);
        let answer = self.send(&call).await.map_err(|failure| self.error(what, failure))?;
        Ok(QueryStream::new(self.clone(), what, answer.body, answer.begun))
    }

    /// A query with a small answer, whole: temporary trouble is retried, the end of the CSV is checked, errors in it are errors.
    pub async fn query_all(&self, flux: &str, what: &str) -> Result<Vec<u8>, Error> {
        self.whole(&self.flux(flux, what)).await
    }

    /// The same, read. What `read` calls damage is asked for again; what else it finds wrong is in the data, and the caller's
    /// to judge.
    pub async fn query_as<T>(
        &self,
        flux: &str,
        what: &str,
        read: impl Fn(&[u8]) -> Result<T, CsvError>,
    ) -> Result<Result<T, CsvError>, Error> {
        let once = |answer: Vec<u8>| match read(&answer) {
            Err(error) if error.is_damage() => Err(misread(&error)),
            read => Ok(read),
        };
        self.whole_as(&self.flux(flux, what), once).await
    }

    /// Line protocol in nanoseconds, sent once. Ok: all of it is stored.
    pub async fn write(&self, bucket: &str, body: Bytes, what: &str) -> Result<(), Error> {
        self.refuse_on_source(what)?;
        let call = self.plain_lines(bucket, body, what);
        let begun = Instant::now();
        let sent = self.whole_once(&call).await;
        sent.map(drop)
            .map_err(|failure| self.error(what, failure).after(1, whole_ms(begun.elapsed())))
    }

    /// As [`Client::write`]; temporary trouble is retried. Writing the same points again changes nothing.
    pub async fn write_retrying(&self, bucket: &str, body: Bytes, what: &str) -> Result<(), Error> {
        self.refuse_on_source(what)?;
        self.whole(&self.plain_lines(bucket, body, what)).await.map(drop)
    }

    /// As [`Client::write_retrying`], with a body from [`super::pack`].
    pub async fn write_packed(&self, bucket: &str, packed: Bytes, what: &str) -> Result<(), Error> {
        self.refuse_on_source(what)?;
        let mut call = self.lines(bucket, packed, what);
        call.packed = true;
        self.whole(&call).await.map(drop)
    }

    fn flux<'a>(&'a self, flux: &str, what: &'a str) -> HttpCall<'a> {
        let body = serde_json::json!({
            "query": flux,
            "type": "flux",
            "dialect": { "annotations": ["datatype", "group", "default"] },
        });
        HttpCall {
            kind: RequestKind::Query,
            method: Method::POST,
            path: "/api/v2/query",
            parameters: self.org().into_iter().collect(),
            body: Some(("application/json", body.to_string().into())),
            packed: false,
            status: 200,
            content: ExpectedContent::Csv,
            accept: None,
            what,
        }
    }

    /// Lines as they are. Where nothing else would show a bit that flips on the way they are packed, for the checksum.
    fn plain_lines<'a>(&'a self, bucket: &'a str, body: Bytes, what: &'a str) -> HttpCall<'a> {
        let packed = self.is_in_the_clear();
        let body = if packed { pack(&body) } else { body };
        HttpCall { packed, ..self.lines(bucket, body, what) }
    }

    fn lines<'a>(&'a self, bucket: &'a str, body: Bytes, what: &'a str) -> HttpCall<'a> {
        let mut parameters: Vec<_> = self.org().into_iter().collect();
        parameters.extend([("bucket", bucket), ("precision", "ns")]);
        HttpCall {
            kind: RequestKind::Write,
            method: Method::POST,
            path: "/api/v2/write",
            parameters,
            body: Some(("text/plain; charset=utf-8", body)),
            packed: false,
            status: 204,
            content: ExpectedContent::Any,
            accept: None,
            what,
        }
    }
}
