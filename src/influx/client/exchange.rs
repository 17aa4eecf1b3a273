//! One request and the head of its answer: through the gate, with the token, checked before a byte is believed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE,
    HeaderMap, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, Response};
use serde::de::IgnoredAny;
use tokio::time::Instant;

use super::{Client, ServerInfo, refusal};
use crate::influx::backoff::{http_date_ns, retry_after_ms};
use crate::influx::body::{AnswerBody, tells_its_end};
use crate::influx::classify::{
    RequestKind, classify_response, is_temporary, page_words, server_message,
};
use crate::influx::contact::{INFLUXDB_3_REFUSES, OTHER_PRODUCT_CURE};
use crate::influx::credentials::Credential;
use crate::influx::error::{Failure, FailureKind};
use crate::influx::gate::Pass;
use crate::limits::{ERROR_BODY_BYTES_MAX, FIRST_ANSWER_MS_MAX};
use crate::model::time::Timestamp;

/// What an answer must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::influx) enum ExpectedContent {
    Any,
    Csv,
    Json,
    MessagePack,
}

/// One request, as often as it is sent.
#[derive(Debug)]
pub(in crate::influx) struct HttpCall<'a> {
    pub(in crate::influx) kind: RequestKind,
    pub(in crate::influx) method: Method,
    pub(in crate::influx) path: &'a str,
    pub(in crate::influx) parameters: Vec<(&'a str, &'a str)>,
    /// Content type and bytes.
    pub(in crate::influx) body: Option<(&'static str, Bytes)>,
    /// True if the bytes are packed.
    pub(in crate::influx) packed: bool,
    /// The status that means success.
    pub(in crate::influx) status: u16,
    pub(in crate::influx) content: ExpectedContent,
    /// The content type that is asked for, where the server has a choice.
    pub(in crate::influx) accept: Option<&'static str>,
    pub(in crate::influx) what: &'a str,
}

/// The head of a good answer, its body still to come.
pub(in crate::influx) struct Answer {
    pub(in crate::influx) body: AnswerBody,
    pub(in crate::influx) begun: Instant,
}

impl Client {
    /// Sends once; a refused token is read again and the request repeated with the new one.
    pub(super) async fn send_once(&self, call: &HttpCall<'_>) -> Result<Answer, Failure> {
        let pass = self.shared.gate.enter().await;
        let credential = self.shared.credentials.current().await?;
        let mut begun = Instant::now();
        let mut response = self.execute(call, &credential, begun).await?;
        if response.status().as_u16() == 401
            && let Some(renewed) = self.shared.credentials.renewed(&credential).await?
        {
            begun = Instant::now();
            response = self.execute(call, &renewed, begun).await?;
        }
        self.note_time(response.headers());
        let judged = self.judge(call, response, pass, begun).await;
        judged.map_err(|failure| self.late(call.kind, failure, begun))
    }

    async fn execute(
        &self,
        call: &HttpCall<'_>,
        credential: &Credential,
        begun: Instant,
    ) -> Result<Response, Failure> {
        self.shared.requests.fetch_add(1, Ordering::Relaxed);
        let transport = &self.shared.transport;
        let url = transport.url(call.path, &call.parameters);
        let mut request = transport.http.request(call.method.clone(), url);
        request = request.header(AUTHORIZATION, credential.header.clone());
        if self.shared.settings.gzip {
            request = request.header(ACCEPT_ENCODING, "gzip");
        }
        if let Some(accept) = call.accept {
            request = request.header(ACCEPT, accept);
        }
        if let Some((content_type, body)) = &call.body {
            request = request.header(CONTENT_TYPE, *content_type).body(body.clone());
            if call.packed {
                request = request.header(CONTENT_ENCODING, "gzip");
            }
        }
        let answer = tokio::time::timeout_at(self.deadline(call.kind, begun), request.send());
        match self.shared.watch.over(call.kind, answer).await {
            Ok(Ok(response)) => {
                self.shared.watch.heard();
                Ok(response)
            }
            Ok(Err(error)) => {
                let failure = transport.failure(error, self.is_reached()).await;
                Err(self.late(call.kind, failure, begun))
            }
            Err(_) => {
                let waited_s = begun.elapsed().as_secs();
                let text = format!("no answer within {waited_s} s");
                Err(Failure::new(FailureKind::Timeout, text))
            }
        }
    }

    /// Opens the body of a good answer; turns any other into a failure and tells the gate.
    async fn judge(
        &self,
        call: &HttpCall<'_>,
        response: Response,
        pass: Pass<'_>,
        begun: Instant,
    ) -> Result<Answer, Failure> {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let deadline = self.deadline(call.kind, begun);
        let silence = Duration::from_millis(self.shared.settings.silence_ms_max);
        self.note_info(&headers);
        let ends = tells_its_end(&headers) || matches!(status, 204 | 304);
        let body = AnswerBody::new(response, deadline, silence)
            .map(|body| body.watched(&self.shared.watch, call.kind));
        if status == call.status && is_content(&headers, call.content) {
            pass.answered();
            if !ends {
                // It could be cut anywhere without a trace.
                return Err(unframed().with_status(status));
            }
            self.shared.reached.store(true, Ordering::Relaxed);
            return Ok(Answer { body: body?, begun });
        }
        let (text, whole) = match body {
            Ok(body) => self.error_text(call.kind, body).await,
            Err(_) => (String::new(), false),
        };
        if (200..300).contains(&status) {
            pass.answered();
            return Err(self.foreign(status, &headers, text.trim()).with_status(status));
        }
        if is_error_of_influxdb(&text) {
            self.shared.reached.store(true, Ordering::Relaxed);
        }
        let asked_ms = header(&headers, RETRY_AFTER)
            .and_then(|value| retry_after_ms(value, header(&headers, DATE)));
        let kind = classify_response(call.kind, status, asked_ms, &text);
        let is_whole = whole && !is_cut(&headers, &text);
        let kind = if is_whole { kind } else { of_broken_text(call.kind, kind) };
        let kind = match kind {
            FailureKind::NotFound | FailureKind::Forbidden | FailureKind::BadRequest
                if !self.is_reached() && !is_signed(&headers) =>
            {
                FailureKind::Unexpected
            }
            kind => kind,
        };
        match refusal(&kind) {
            Some((cause, retry_after_ms)) => pass.refused(cause, retry_after_ms),
            None => pass.answered(),
        }
        let mut failure = match kind {
            FailureKind::Redirect => Failure::new(kind, target(&headers)),
            FailureKind::Unexpected if !self.is_reached() => other_server(text.trim()),
            FailureKind::Unauthorized if text.contains(INFLUXDB_3_REFUSES) => {
                let text = "this looks like InfluxDB 3, which refuses the token";
                Failure::new(FailureKind::OtherProduct, text).curable(OTHER_PRODUCT_CURE)
            }
            _ => Failure::new(kind, server_message(&text)),
        };
        match kind {
            FailureKind::Tls => failure = failure.curable("https:// instead of http://"),
            FailureKind::Unauthorized => failure = self.refused_token(failure),
            _ => {}
        }
        Err(failure.with_status(status))
    }

    /// A good status with something else than the answer. From a server that has answered before, a page or nothing at all
    /// is the passing trouble of something in between; else it is the wrong address.
    fn foreign(&self, status: u16, headers: &HeaderMap, text: &str) -> Failure {
        let content_type = header(headers, CONTENT_TYPE).filter(|_| status != 204);
        let of_influxdb = content_type.is_some_and(|value| {
            ["json", "csv", "msgpack"].iter().any(|format| value.contains(format))
        });
        let kind = if self.is_reached() && !of_influxdb {
            FailureKind::Interrupted
        } else {
            FailureKind::Unexpected
        };
        if !self.is_reached() && text.starts_with('<') {
            return page(text);
        }
        Failure::new(kind, format!("content type {}: {text}", content_type.unwrap_or("none")))
    }

    /// What a person may have overlooked in a token that the server does not know.
    fn refused_token(&self, mut failure: Failure) -> Failure {
        if self.shared.credentials.is_quoted() {
            failure.message.push_str("; the token stands in quotes, which are sent with it");
            failure = failure.curable("take the quotes away from the token");
        }
        failure
    }

    fn note_info(&self, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
        let (version, build) = (text("x-influxdb-version"), text("x-influxdb-build"));
        if version.is_some() || build.is_some() {
            // The first answer tells what all of them do.
            let _ = self.shared.info.set(ServerInfo { version, build });
        }
    }

    /// What there is of an error's text, up to a bound, and whether it came without breaking off.
    async fn error_text(&self, kind: RequestKind, mut body: AnswerBody) -> (String, bool) {
        let mut text = Vec::new();
        let whole = loop {
            match body.next().await {
                Ok(Some(bytes)) => text.extend_from_slice(&bytes),
                ended => break ended.is_ok(),
            }
            if text.len() >= ERROR_BODY_BYTES_MAX {
                break true;
            }
        };
        if kind == RequestKind::Query {
            self.quota().charge(body.wire_bytes().max(body.decoded_bytes()));
        }
        text.truncate(ERROR_BODY_BYTES_MAX);
        (String::from_utf8_lossy(&text).into_owned(), whole)
    }

    fn deadline(&self, kind: RequestKind, begun: Instant) -> Instant {
        let settings = &self.shared.settings;
        begun
            + Duration::from_millis(match kind {
                RequestKind::Query => {
                    settings.query_timeout_ms.saturating_add(settings.query_grace_ms)
                }
                RequestKind::Write => settings.write_ms_max,
                RequestKind::Api if self.is_reached() => settings.api_ms_max,
                RequestKind::Api => settings.api_ms_max.min(FIRST_ANSWER_MS_MAX),
            })
    }

    fn note_time(&self, headers: &HeaderMap) {
        if let Some(time_ns) = header(headers, DATE).and_then(http_date_ns) {
            self.shared.server_time_ns.store(time_ns, Ordering::Relaxed);
            self.quota().note_time(Timestamp::from_ns(time_ns));
        }
    }
}

/// What an error means whose text broke off. Most statuses mean one thing or another by their text, so the request is sent
/// again to read all of it, unless the status alone tells what to do.
fn of_broken_text(request: RequestKind, kind: FailureKind) -> FailureKind {
    match kind {
        FailureKind::Redirect | FailureKind::Proxy | FailureKind::TooLarge => kind,
        kind if is_temporary(request, &kind) => kind,
        _ => FailureKind::Interrupted,
    }
}

/// True for an error in JSON that stops before its end, though HTTP calls it complete. One as long as the bound was cut by us.
fn is_cut(headers: &HeaderMap, text: &str) -> bool {
    let of_type = header(headers, CONTENT_TYPE).is_some_and(|value| value.contains("json"));
    let is_meant_empty = header(headers, CONTENT_LENGTH) == Some("0");
    let is_json = text.trim_start().starts_with('{') || (of_type && !is_meant_empty);
    let read: Result<IgnoredAny, _> = serde_json::from_str(text);
    is_json && text.len() < ERROR_BODY_BYTES_MAX && read.is_err_and(|error| error.is_eof())
}

fn unframed() -> Failure {
    let text = "it has neither a length nor chunks, so nobody can tell whether all of it came";
    let cure = "reach the server without the HTTP/1.0 proxy in between, or let it speak HTTP/1.1";
    Failure::new(FailureKind::Unframed, text).curable(cure)
}

/// True for an error as InfluxDB writes it; a proxy writes pages.
fn is_error_of_influxdb(text: &str) -> bool {
    let json: Option<serde_json::Value> = serde_json::from_str(text).ok();
    json.is_some_and(|json| ["code", "error"].iter().any(|key| json.get(key).is_some()))
}

fn header(headers: &HeaderMap, name: reqwest::header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn is_content(headers: &HeaderMap, content: ExpectedContent) -> bool {
    let allowed: &[&str] = match content {
        ExpectedContent::Any => return true,
        ExpectedContent::Csv => &["text/csv", "application/csv"],
        ExpectedContent::Json => &["application/json"],
        ExpectedContent::MessagePack => &["application/x-msgpack"],
    };
    let content_type = header(headers, CONTENT_TYPE).and_then(|value| value.split(';').next());
    content_type.is_some_and(|value| {
        allowed.iter().any(|allowed| value.trim().eq_ignore_ascii_case(allowed))
    })
}

/// True for an answer that says in its head that it is InfluxDB's, whatever its text.
fn is_signed(headers: &HeaderMap) -> bool {
    ["x-influxdb-version", "x-influxdb-build", "x-platform-error-code"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

const API_CURE: &str =
    "give scheme, host and port of the API; a gateway or a sign-in page may be in between";

/// A page where the API should be. Its title tells a person what it is.
fn page(text: &str) -> Failure {
    let words = page_words(text);
    let text = format!("a web page answers there, not the API of InfluxDB: {words:?}");
    Failure::new(FailureKind::Unexpected, text).curable(API_CURE)
}

/// An error where the API should be that is none of InfluxDB's.
fn other_server(text: &str) -> Failure {
    if text.starts_with('<') {
        return page(text);
    }
    let text = match server_message(text) {
        said if said.is_empty() => "another web server is there, which says nothing".to_owned(),
        said => format!("another web server is there, which says {said:?}"),
    };
    Failure::new(FailureKind::Unexpected, text).curable(API_CURE)
}

/// Where a redirect leads, without what may be secret in it.
fn target(headers: &HeaderMap) -> String {
    let location = header(headers, LOCATION).and_then(|value| reqwest::Url::parse(value).ok());
    match location {
        Some(url) => format!("it leads to {}", url.origin().ascii_serialization()),
        None => "it leads to another path of the same server".to_owned(),
    }
}
