//! The HTTP connection to one server, and what its errors mean.

use std::error::Error as StdError;
use std::net::IpAddr;
use std::sync::Once;
use std::time::Duration;

use reqwest::Url;
use reqwest::redirect::Policy;

use super::error::{Failure, FailureKind};
use crate::limits::CONNECTION_IDLE_MS_MAX;

/// Connections to one address.
#[derive(Debug)]
pub(super) struct Transport {
    base: Url,
    pub(super) http: reqwest::Client,
}

impl Transport {
    /// Prepares for requests to `host`; nothing is sent yet.
    pub(super) fn new(
        host: &str,
        connect_ms_max: u64,
        connections_max: usize,
    ) -> Result<Self, Failure> {
        let base = parse_host(host)?;
        install_tls();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
            .http1_only()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(Duration::from_millis(connect_ms_max))
            .pool_max_idle_per_host(connections_max)
            .pool_idle_timeout(Duration::from_millis(CONNECTION_IDLE_MS_MAX));
        if base.scheme() == "http" {
            // No trust store is needed then, and a minimal container has none.
            builder = builder.tls_certs_only([]);
        }
        if is_loopback(&base) {
            // As Go's programs do, the influx CLI among them: a proxy cannot reach this machine's loopback.
            builder = builder.no_proxy();
        }
        // Nothing but the trust store can be missing here.
        let http = builder
            .build()
            .map_err(|error| Failure { kind: FailureKind::Tls, ..failure(error) })?;
        Ok(Self { base, http })
    }

    /// True if the address is this machine's.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    /// The address of `path` with the parameters, percent-encoded.
    pub(super) fn url(&self, path: &str, parameters: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        url
    }
}

/// The address without its faults. Nothing of it is repeated in an error: it may hold a password.
fn parse_host(host: &str) -> Result<Url, Failure> {
    let bad = |text: &str| Failure::new(FailureKind::BadRequest, text);
    let url =
        Url::parse(host.trim()).map_err(|cause| bad(&format!("the address is no URL: {cause}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(bad("the address must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("the address must hold no user name or password; use a token"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("the address must hold no parameters"));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// reqwest is built without a cryptography provider of its own.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error says that the program has installed one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// What an error of the HTTP library means. Its text loses the URL, which holds statements.
pub(super) fn failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let kind = if error.is_builder() {
        FailureKind::BadRequest
    } else if !error.is_connect() {
        FailureKind::Interrupted
    } else if is_tls(&error) {
        FailureKind::Tls
    } else {
        FailureKind::Connect
    };
    let mut message = String::new();
    let mut cause: Option<&dyn StdError> = error.source();
    while let Some(below) = cause {
        // The outer ones only name the layer; the innermost tells what happened.
        message = below.to_string();
        cause = below.source();
    }
    if message.is_empty() {
        message = error.to_string();
    }
    Failure::new(kind, message).caused_by(error)
}

fn is_tls(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(below) = cause {
        let inner = below.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if below.is::<rustls::Error>()
            || inner.is_some_and(<dyn StdError + Send + Sync>::is::<rustls::Error>)
        {
            return true;
        }
        cause = below.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transport(host: &str) -> Transport {
        Transport::new(host, 1_000, 1).unwrap()
    }

    #[test]
    fn parameters_are_encoded_and_a_path_is_kept() {
        let url =
            transport("http://localhost:8086/").url("/api/v2/query", &[("org", "a b&c=\u{e4}#")]);
        assert_eq!(url.as_str(), "http://localhost:8086/api/v2/query?org=a+b%26c%3D%C3%A4%23");
        let url = transport("http://127.0.0.1/influx/").url("/ping", &[]);
        assert_eq!(url.as_str(), "http://127.0.0.1/influx/ping");
    }

    #[test]
    fn addresses_that_are_refused_are_not_repeated() {
        for bad in [
            "localhost:8086",
            "",
            "ftp://h",
            "http://user:secretword@h",
            "http://secretword@h",
            "http://h/?token=secretword",
            "http://h/#secretword",
        ] {
            let failure = Transport::new(bad, 1_000, 1).unwrap_err();
            assert_eq!(failure.kind, FailureKind::BadRequest, "{bad}");
            assert!(!format!("{failure:?}").contains("secretword"), "{failure:?}");
        }
    }

    #[test]
    fn loopback_is_known() {
        let loopback = |host: &str| is_loopback(&parse_host(host).unwrap());
        assert!(
            loopback("http://localhost:1")
                && loopback("http://127.0.0.2")
                && loopback("http://[::1]:8086")
        );
        assert!(!loopback("https://example.com") && !loopback("http://10.0.0.1"));
    }
}
