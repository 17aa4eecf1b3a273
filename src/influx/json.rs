//! Small questions that are answered in JSON.

use reqwest::Method;
use serde_json::Value;

use super::classify::RequestKind;
use super::client::Client;
use super::client::exchange::{Call, Content};
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
        let json = self.whole(&api(Method::GET, path, parameters, what)).await?;
        self.parse(&json, what)
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
        let json = self.whole(&call).await?;
        self.parse(&json, what)
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, json: &[u8], what: &str) -> Result<T, Error> {
        serde_json::from_slice(json).map_err(|cause| {
            // The cause repeats what came, so it is part of the text, from which tokens are struck out.
            let text = format!("the answer is not as expected: {cause}");
            self.error(what, Failure::new(FailureKind::Unexpected, text))
        })
    }
}

/// A question without a body.
pub(super) fn api<'a>(
    method: Method,
    path: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    what: &'a str,
) -> Call<'a> {
    let content = Content::Json;
    Call {
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
