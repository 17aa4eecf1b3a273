//! The token in use: read before the first request, read again once when the server refuses it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderValue;
use tokio::time::Instant;

use super::error::{Failure, FailureKind};
use super::secrets;
use super::token::{Token, TokenError, TokenSource};
use crate::limits::TOKEN_COMMAND_MS_MAX;

/// The token of one endpoint.
#[derive(Debug)]
pub(super) struct Credentials {
    source: TokenSource,
    current: Mutex<Option<Credential>>,
    doubt: Mutex<Option<String>>,
    /// Held while the source is read, so that many refused requests read it once. When it took too long, and how it failed.
    reading: tokio::sync::Mutex<Option<(Instant, String)>>,
}

/// A token as it is sent.
#[derive(Debug, Clone)]
pub(super) struct Credential {
    pub(super) header: HeaderValue,
    token: Token,
    previous: Option<Token>,
    generation: u64,
}

impl Credentials {
    pub(super) fn new(source: TokenSource) -> Self {
        if let TokenSource::Given { token, .. } = &source {
            secrets::learn(token.expose());
        }
        Self {
            source,
            current: Mutex::new(None),
            doubt: Mutex::new(None),
            reading: tokio::sync::Mutex::new(None),
        }
    }

    /// What a person should know of the token's source, once it has been read.
    pub(super) fn doubt(&self) -> Option<String> {
        self.doubt.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// True if the token stands in quotes, as files of variables keep them.
    pub(super) fn is_quoted(&self) -> bool {
        let current = self.lock();
        let token = current.as_ref().map_or("", |current| current.token.expose());
        ['"', '\'']
            .iter()
            .any(|quote| token.len() > 2 && token.starts_with(*quote) && token.ends_with(*quote))
    }

    /// The token to send; read from its source if it has not been yet.
    pub(super) async fn current(&self) -> Result<Credential, Failure> {
        if let Some(current) = &*self.lock() {
            return Ok(current.clone());
        }
        let mut slow = self.reading.lock().await;
        let known = self.lock().clone();
        match known {
            Some(current) => Ok(current),
            None => self.read(None, &mut slow).await,
        }
    }

    /// Another token than the one refused, if the source has one now or another request has read it already.
    pub(super) async fn renewed(
        &self,
        refused: &Credential,
    ) -> Result<Option<Credential>, Failure> {
        if !self.source.is_renewable() {
            return Ok(None);
        }
        let mut slow = self.reading.lock().await;
        let known = self.lock().clone();
        if let Some(current) = known.filter(|current| current.generation > refused.generation) {
            return Ok(Some(current));
        }
        let renewed = self.read(Some(refused), &mut slow).await?;
        Ok((renewed.token != refused.token).then_some(renewed))
    }

    /// Nobody waits for a slow command twice: how it failed a moment ago is how it fails.
    async fn read(
        &self,
        before: Option<&Credential>,
        slow: &mut Option<(Instant, String)>,
    ) -> Result<Credential, Failure> {
        let unauthorized = |text: String| Failure::new(FailureKind::Unauthorized, text);
        let pause = Duration::from_millis(TOKEN_COMMAND_MS_MAX);
        if let Some((_, text)) = slow.as_ref().filter(|(at, _)| at.elapsed() < pause) {
            return Err(unauthorized(text.clone()));
        }
        let read = self.source.read().await;
        let (token, doubt) = read.map_err(|error| {
            if matches!(error, TokenError::Slow { .. }) {
                *slow = Some((Instant::now(), error.to_string()));
            }
            unauthorized(error.to_string())
        })?;
        secrets::learn(token.expose());
        *self.doubt.lock().unwrap_or_else(PoisonError::into_inner) = doubt;
        let mut header =
            HeaderValue::from_str(&format!("Token {}", token.expose())).map_err(|_| {
                unauthorized(format!("the token from {} cannot be sent", self.source.origin()))
            })?;
        header.set_sensitive(true);
        let renewed = before.is_some_and(|before| before.token != token);
        let credential = Credential {
            header,
            previous: before.and_then(|before| {
                if renewed { Some(before.token.clone()) } else { before.previous.clone() }
            }),
            generation: before.map_or(0, |before| before.generation + u64::from(renewed)),
            token,
        };
        *self.lock() = Some(credential.clone());
        Ok(credential)
    }

    /// A server's text without our token, should it repeat it.
    pub(super) fn redact(&self, text: String) -> String {
        let current = self.lock();
        let Some(current) = &*current else { return text };
        let mut text = text;
        for token in [Some(&current.token), current.previous.as_ref()].into_iter().flatten() {
            if text.contains(token.expose()) {
                text = text.replace(token.expose(), "(token)");
            }
        }
        text
    }

    fn lock(&self) -> MutexGuard<'_, Option<Credential>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
