//! Finds the answer to a request: who asks, and for what.

use std::io::Read as _;
use std::sync::Mutex;

use super::api;
use super::faults::Forgotten;
use super::http::{ApiError, Body, Reply, Request};
use super::settings::{Kind, ServerSettings, Task, Token};
use super::store::{BucketInfo, Store};
use super::{influxql, line, points, query, write};

/// Who asks, and what there is.
pub(super) struct Access<'a> {
    pub(super) settings: &'a ServerSettings,
    pub(super) store: &'a Store,
    pub(super) token: &'a Token,
    pub(super) tasks: &'a Mutex<Vec<Task>>,
}

/// The answer to a request, faults aside.
pub(super) fn answer(
    request: &Request,
    settings: &ServerSettings,
    store: &Store,
    tasks: &Mutex<Vec<Task>>,
) -> Reply {
    if let Some(reply) = api::open(request, settings) {
        return reply;
    }
    let given = request.header("authorization").and_then(|header| header.split_once(' '));
    let known = |scheme: &str| match request.path.as_str() {
        // The endpoint of 1.x knows one scheme in one spelling.
        "/query" => scheme == "Token",
        _ => ["token", "bearer"].contains(&scheme.to_ascii_lowercase().as_str()),
    };
    let text = given.filter(|(scheme, _)| known(scheme)).map(|(_, text)| text.trim());
    let Some(token) = text.and_then(|text| settings.tokens.iter().find(|token| token.text == text))
    else {
        let message = if request.path == "/query" && text.is_some() {
            "Unauthorized"
        } else {
            "unauthorized access"
        };
        return ApiError::plain(401, "unauthorized", message).into();
    };
    let access = Access { settings, store, token, tasks };
    let answered = match (request.path.as_str(), request.method.as_str()) {
        ("/api/v2/query", "POST") => query::answer(request, &access),
        ("/api/v2/write", "POST") => access.write(request),
        ("/api/v2/query" | "/api/v2/write", _) => {
            let mut reply: Reply =
                ApiError::plain(405, "method not allowed", "allow: OPTIONS, POST").into();
            reply.headers.push(("Allow", "OPTIONS, POST".to_owned()));
            Ok(reply)
        }
        ("/query", "GET" | "POST" | "HEAD") => influxql::answer(request, &access),
        _ => api::answer(request, &access),
    };
    answered.unwrap_or_else(Reply::from)
}

impl Access<'_> {
    /// OSS wants the organisation on every query; Cloud takes the token's.
    pub(super) fn check_query_org(&self, request: &Request) -> Result<(), ApiError> {
        if self.settings.kind == Kind::Cloud {
            return Ok(());
        }
        let failed =
            |text: String| ApiError::decode(format!("failed to decode request body: {text}"));
        self.org(request).map_err(|(_, text)| failed(text))
    }

    /// The status and text for a request that names another organisation or none. What looks like an id is one, even
    /// where the name of an organisation is asked for.
    fn org(&self, request: &Request) -> Result<(), (u16, String)> {
        let by_id = |id: &str| {
            let own = id == self.settings.org_id;
            if own { Ok(()) } else { Err((404, "organization not found".to_owned())) }
        };
        if let Some(id) = request.parameter("orgID").filter(|id| !id.is_empty()) {
            return match check_id(&id) {
                Ok(()) => by_id(&id),
                Err(text) => Err((400, text.to_owned())),
            };
        }
        match request.parameter("org").filter(|name| !name.is_empty()) {
            None => Err((400, "Please provide either orgID or org".to_owned())),
            Some(id) if check_id(&id).is_ok() => by_id(&id),
            Some(name) if name == self.settings.org => Ok(()),
            Some(name) => Err((404, format!("organization name \"{name}\" not found"))),
        }
    }

    fn write(&self, request: &Request) -> Result<Reply, ApiError> {
        let code = |status| if status == 400 { "invalid" } else { "not found" };
        if self.settings.kind == Kind::Oss {
            self.org(request)
                .map_err(|(status, text)| ApiError::plain(status, code(status), text))?;
        }
        let ns_per_unit = match request.parameter("precision").as_deref() {
            None | Some("" | "ns") => 1,
            Some("us") => 1_000,
            Some("ms") => 1_000_000,
            Some("s") => 1_000_000_000,
            Some(_) => {
                return Err(ApiError::plain(
                    400,
                    "invalid",
                    "invalid precision; valid precision units are ns, us, ms, and s",
                ));
            }
        };
        let bucket = self.write_bucket(request)?;
        let body = self.write_body(request)?;
        let points = points::parse_body(&body, ns_per_unit)
            .map_err(|text| ApiError::plain(400, "invalid", text))?;
        let now = self.settings.clock.now().div_euclid(ns_per_unit).saturating_mul(ns_per_unit);
        let mut buckets = self.store.lock();
        let bucket = buckets.iter_mut().find(|known| known.info.id == bucket.id);
        let bucket = bucket.ok_or_else(|| ApiError::plain(404, "not found", "bucket not found"))?;
        match write::apply(bucket, &points, Some(now)) {
            Ok(()) => Ok(Reply::new(204, &[], Body::Empty)),
            Err(refused) => {
                Err(ApiError::plain(422, "unprocessable entity", refused.message(&bucket.info.id)))
            }
        }
    }

    fn write_bucket(&self, request: &Request) -> Result<BucketInfo, ApiError> {
        let name = request.parameter("bucket").unwrap_or_default();
        let not_found = |text: String| ApiError::plain(404, "not found", text);
        if name.is_empty() {
            return Err(not_found("bucket not found".to_owned()));
        }
        let bucket = self
            .store
            .bucket(&name)
            .ok_or_else(|| not_found(format!("bucket \"{name}\" not found")))?;
        if self.token.may_write(&bucket.name) {
            Ok(bucket)
        } else {
            Err(ApiError::plain(403, "forbidden", "insufficient permissions for write"))
        }
    }

    fn write_body(&self, request: &Request) -> Result<Vec<u8>, ApiError> {
        let bound = self.settings.write_bytes_max.unwrap_or(usize::MAX);
        let too_large = || {
            ApiError::plain(
                413,
                "request too large",
                "unable to read data: points batch is too large",
            )
        };
        let zipped = request
            .header("content-encoding")
            .is_some_and(|coding| matches!(coding, "gzip" | "x-gzip"));
        let body = if zipped { gunzip(&request.body)? } else { request.body.clone() };
        if body.len() > bound { Err(too_large()) } else { Ok(body) }
    }
}

/// The server's words for what is no id.
pub(super) fn check_id(id: &str) -> Result<(), &'static str> {
    let is_hex = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    match id.len() {
        16 if is_hex && id != "0000000000000000" => Ok(()),
        16 => Err("invalid ID"),
        _ => Err("id must have a length of 16 bytes"),
    }
}

/// A write without the lines that are to be forgotten.
pub(super) fn forgetting(request: Request, forgotten: Forgotten) -> Request {
    let zipped = request.header("content-encoding").is_some();
    let body =
        if zipped { gunzip(&request.body).unwrap_or_default() } else { request.body.clone() };
    let (mut kept, mut at, mut number) = (Vec::new(), 0, 0);
    while at < body.len() {
        let end = (line::scan_line(&body, at) + 1).min(body.len());
        let keeps = match forgotten {
            Forgotten::All => false,
            Forgotten::From(first) => number < first,
            Forgotten::EverySecond => number % 2 == 1,
        };
        if keeps {
            kept.extend_from_slice(&body[at..end]);
        }
        (at, number) = (end, number + 1);
    }
    request.with_plain_body(kept)
}

fn gunzip(body: &[u8]) -> Result<Vec<u8>, ApiError> {
    if !body.starts_with(&[0x1f, 0x8b]) {
        return Err(ApiError::plain(
            500,
            "internal error",
            "An internal error has occurred - check server logs",
        ));
    }
    let mut out = Vec::new();
    match flate2::read::MultiGzDecoder::new(body).read_to_end(&mut out) {
        Ok(_) => Ok(out),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(ApiError::plain(500, "internal error", "unable to read data: unexpected EOF"))
        }
        Err(_) => {
            Err(ApiError::plain(400, "invalid", "unable to read data: gzip: invalid checksum"))
        }
    }
}
