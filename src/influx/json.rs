//! Small questions that are answered in JSON.

use reqwest::Method;
use serde_json::Value;

use super::classify::RequestKind;
use super::client::Client;
use super::client::exchange::{ExpectedContent, HttpCall};
use super::error::{Error, Failure, FailureKind};
use super::id::is_id;

impl Client {
    /// A path with an id in it; anything but an id could lead elsewhere.
    pub(super) fn path(
        &self,
        before: &str,
        id: &str,
        behind: &str,
        what: &str,
    ) -> Result<String, Error> {
        if is_id(id) {
            return Ok(format!("{before}{id}{behind}"));
        }
        let text = format!("{id:?} is no id: 16 hexadecimal digits");
        Err(self.error(what, Failure::new(FailureKind::BadRequest, text)))
    }

    pub(super) async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        parameters: Vec<(&str, &str)>,
        what: &str,
    ) -> Result<T, Error> {
        self.json(&api(Method::GET, path, parameters, what)).await
    }

    pub(super) async fn send_json<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        status: u16,
        what: &str,
    ) -> Result<T, Error> {
        let mut call = api(method, path, vec![], what);
        call.body = Some(("application/json", body.to_string().into()));
        call.status = status;
        self.json(&call).await
    }

    /// Has something deleted. What is not there any more is deleted.
    pub(super) async fn delete(
        &self,
        path: &str,
        parameters: Vec<(&str, &str)>,
        what: &str,
    ) -> Result<(), Error> {
        let mut call = api(Method::DELETE, path, parameters, what);
        (call.status, call.content) = (204, ExpectedContent::Any);
        match self.whole(&call).await {
            Err(error) if error.kind != FailureKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// From a server that has answered before, JSON that is not as expected was damaged on the way: it is asked for again.
    /// Else it is the wrong address.
    async fn json<T: serde::de::DeserializeOwned>(&self, call: &HttpCall<'_>) -> Result<T, Error> {
        let kind =
            if self.is_reached() { FailureKind::Interrupted } else { FailureKind::Unexpected };
        let read = |json: Vec<u8>| {
            // The cause repeats what came, so it is part of the text, from which tokens are struck out.
            serde_json::from_slice(&json)
                .map_err(|cause| Failure::new(kind, not_as_expected(&cause)))
        };
        self.whole_as(call, read).await
    }
}

/// The answer of a server that has answered before is whole, and not what was asked for.
pub(super) fn misread(cause: &dyn std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Interrupted, not_as_expected(cause))
}

fn not_as_expected(cause: &dyn std::fmt::Display) -> String {
    format!("the answer is not as expected: {cause}")
}

/// A question without a body.
pub(super) fn api<'a>(
    method: Method,
    path: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    what: &'a str,
) -> HttpCall<'a> {
    let content = ExpectedContent::Json;
    HttpCall {
        kind: RequestKind::Api,
        method,
        path,
        parameters,
        body: None,
        packed: false,
        status: 200,
        content,
        accept: None,
        what,
    }
}
