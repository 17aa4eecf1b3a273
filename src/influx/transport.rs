//! The HTTP connection to one server.

use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use reqwest::Url;
use reqwest::redirect::Policy;

use super::diagnosis::{self, Scene, is_refused_tunnel};
use super::endpoint::is_loopback_url as is_loopback;
use super::error::{Failure, FailureKind};
use super::proxy::{self, Proxy};
use super::trust;
use crate::limits::CONNECTION_IDLE_MS_MAX;

/// Connections to one address.
#[derive(Debug)]
pub(super) struct HttpTransport {
    base: Url,
    proxy: Option<Proxy>,
    pub(super) http: reqwest::Client,
}

impl HttpTransport {
    /// Prepares for requests to `host`; nothing is sent yet.
    pub(super) fn new(
        host: &str,
        connect_ms_max: u64,
        connections_max: usize,
        ca_file: Option<&Path>,
    ) -> Result<Self, Failure> {
        let base = parse_host(host)?;
        install_tls();
        // Also where no TLS is spoken: a file that cannot be used is never what was meant.
        let named = ca_file.map(trust::named).transpose()?.unwrap_or_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
            .http1_only()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(Duration::from_millis(connect_ms_max))
            .pool_max_idle_per_host(connections_max)
            .pool_idle_timeout(Duration::from_millis(CONNECTION_IDLE_MS_MAX));
        builder = if base.scheme() == "http" {
            // No trust store is needed then, and a minimal container has none.
            builder.tls_certs_only([])
        } else {
            builder.tls_backend_preconfigured(trust::client_config(named)?)
        };
        if is_loopback(&base) {
            // As Go's programs do, the influx CLI among them: a proxy cannot reach this machine's loopback.
            builder = builder.no_proxy();
        }
        let proxy = if is_loopback(&base) { None } else { Proxy::of(&base) };
        let scene = Scene { reached: false, tls: false, host: "", is_proxied: false };
        let http = builder.build().map_err(|error| Failure {
            kind: FailureKind::Tls,
            ..diagnosis::failure(error, scene)
        })?;
        Ok(Self { base, proxy, http })
    }

    /// True if the address is this machine's.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    /// True if what is sent is encrypted.
    pub(super) fn is_tls(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// The proxy that is used, without its password.
    pub(super) fn proxy(&self) -> Option<String> {
        self.proxy.as_ref().map(Proxy::to_string)
    }

    /// Settings of the environment that do not say what they seem to: a sentence each.
    pub(super) fn doubts(&self) -> Vec<String> {
        let mut doubts = if self.is_tls() { trust::unusable_stores() } else { Vec::new() };
        if !self.is_loopback() {
            let ignored = |name| format!("the variable {name} is no URL of a proxy and is ignored");
            doubts.extend(proxy::unusable(&self.base).into_iter().map(ignored));
        }
        doubts
    }

    /// What the error of a request means; a proxy that refuses the way is asked why.
    pub(super) async fn failure(&self, error: reqwest::Error, reached: bool) -> Failure {
        let refused = self.proxy.as_ref().filter(|_| is_refused_tunnel(&error));
        let host = self.connected_to();
        let is_proxied = self.proxy.is_some();
        let scene = Scene { reached, tls: self.is_tls(), host: &host, is_proxied };
        let mut failure = diagnosis::failure(error, scene);
        if let Some(proxy) = refused
            && let Some(status) = proxy.refusal().await
        {
            let kind = match status {
                408 | 425 | 429 | 500.. => FailureKind::Connect,
                _ => FailureKind::Proxy,
            };
            failure = Failure {
                source: failure.source,
                ..Failure::new(kind, "the proxy refuses to connect")
            };
            failure.status = Some(status);
        }
        failure
    }

    /// The address as it was given, without the slash at its end.
    pub(super) fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The name of the server.
    pub(super) fn host_name(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// True if the address holds more than scheme, host and port.
    pub(super) fn has_path(&self) -> bool {
        self.base.path() != "/"
    }

    /// Host and port that connections lead to: the server's, or those of the proxy on the way.
    fn connected_to(&self) -> String {
        let (host, port) = (self.host_name(), self.base.port_or_known_default().unwrap_or(0));
        self.proxy.as_ref().map_or_else(|| format!("{host}:{port}"), Proxy::authority)
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

/// reqwest is built without a cryptography provider of its own.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error says that the program has installed one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transport(host: &str) -> HttpTransport {
        HttpTransport::new(host, 1_000, 1, None).unwrap()
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
            let failure = HttpTransport::new(bad, 1_000, 1, None).unwrap_err();
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
                && loopback("http://[::ffff:127.0.0.1]:8086")
        );
        for other in ["https://example.com", "http://10.0.0.1", "http://127.0.0.1.example.com"] {
            assert!(!loopback(other), "{other}");
        }
    }
}
