//! Requests, and what their parameters and headers say.

use std::io::Read as _;

use percent_encoding::percent_decode;
use serde::de::DeserializeOwned;

use super::reply::ApiError;

/// A request, read whole.
#[derive(Debug, Default)]
pub(crate) struct HttpRequest {
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    /// As it was sent, without the question mark.
    pub(crate) raw_query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl HttpRequest {
    /// The JSON that it brings.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| ApiError::pretty(400, "invalid", &error.to_string()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The same request with another body, which is not packed.
    pub(crate) fn with_plain_body(mut self, body: Vec<u8>) -> Self {
        self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
        Self { body, ..self }
    }

    /// The body, unpacked if it is packed.
    pub(crate) fn plain_body(&self) -> Result<Vec<u8>, ApiError> {
        match self.header("content-encoding") {
            Some("gzip" | "x-gzip") => gunzip(&self.body),
            _ => Ok(self.body.clone()),
        }
    }

    /// A parameter of a form in the body, or of the query; bytes that are no UTF-8 are replaced.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.parameter_bytes(name).map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    /// A parameter that is not empty.
    pub(crate) fn given(&self, name: &str) -> Option<String> {
        self.parameter(name).filter(|value| !value.is_empty())
    }

    /// As [`HttpRequest::parameter`], as it was sent.
    pub(super) fn parameter_bytes(&self, name: &str) -> Option<Vec<u8>> {
        let form = self.method == "POST"
            && self
                .header("content-type")
                .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let body: &[u8] = if form { &self.body } else { &[] };
        [body, self.raw_query.as_bytes()].into_iter().find_map(|text| {
            // A pair with a bare semicolon in it is dropped.
            text.split(|&byte| byte == b'&').filter(|pair| !pair.contains(&b';')).find_map(|pair| {
                let equals = memchr::memchr(b'=', pair)?;
                (decode(&pair[..equals]) == name.as_bytes()).then(|| decode(&pair[equals + 1..]))
            })
        })
    }

    /// Path with query, as in the request line.
    pub(crate) fn uri(&self) -> String {
        if self.raw_query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.raw_query)
        }
    }

    /// True if the client takes gzip.
    pub(crate) fn takes_gzip(&self) -> bool {
        self.header("accept-encoding").is_some_and(|accepted| {
            accepted.split(',').any(|coding| {
                let mut parts = coding.split(';').map(str::trim);
                parts.next() == Some("gzip")
                    && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
            })
        })
    }
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

/// A name or a value of a form as it was before it was encoded.
fn decode(bytes: &[u8]) -> Vec<u8> {
    let spaced: Vec<_> = bytes.iter().map(|&b| if b == b'+' { b' ' } else { b }).collect();
    percent_decode(&spaced).collect()
}
