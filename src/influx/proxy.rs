//! The proxy of the environment: which one, if any, and why it refuses a tunnel.

use std::fmt;
use std::time::Duration;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::limits::{PROXY_ANSWER_BYTES_MAX, PROXY_ANSWER_MS_MAX};

/// A proxy that the requests to one address go through. Shown without its user and password.
#[derive(Clone)]
pub(super) struct Proxy {
    way: Intercept,
    target: String,
}

impl Proxy {
    /// The proxy that the HTTP library takes for this address.
    pub(super) fn of(address: &Url) -> Option<Self> {
        let way = Matcher::from_system().intercept(&address.as_str().parse::<Uri>().ok()?)?;
        let target = format!("{}:{}", address.host_str()?, address.port_or_known_default()?);
        Some(Self { way, target })
    }

    /// Its host and port.
    pub(super) fn authority(&self) -> String {
        self.way.uri().authority().map_or_else(
            || "?".to_owned(),
            |at| at.host().to_owned() + &at.port().map_or(String::new(), |port| format!(":{port}")),
        )
    }

    /// The status with which it refuses a tunnel, if it tells one to a second request for it. The HTTP library does
    /// not say.
    pub(super) async fn refusal(&self) -> Option<u16> {
        let wait = Duration::from_millis(PROXY_ANSWER_MS_MAX);
        let status = tokio::time::timeout(wait, self.asked()).await.ok()??;
        (status >= 300).then_some(status)
    }

    async fn asked(&self) -> Option<u16> {
        let uri = self.way.uri();
        if uri.scheme_str() != Some("http") {
            return None;
        }
        let port = uri.port_u16().unwrap_or(80);
        let host = uri.host()?.trim_matches(['[', ']']);
        let mut connection = TcpStream::connect((host, port)).await.ok()?;
        let mut head = format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", self.target).into_bytes();
        if let Some(auth) = self.way.basic_auth() {
            head.extend_from_slice(b"Proxy-Authorization: ");
            head.extend_from_slice(auth.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        connection.write_all(&head).await.ok()?;
        let mut answer = Vec::new();
        let line_end = b"\r\n";
        while memchr::memmem::find(&answer, line_end).is_none() {
            let room = answer.len() < PROXY_ANSWER_BYTES_MAX;
            if !room || connection.read_buf(&mut answer).await.ok()? == 0 {
                return None;
            }
        }
        let end = memchr::memmem::find(&answer, line_end)?;
        let line = std::str::from_utf8(&answer[..end]).ok()?;
        line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = self.way.uri();
        let scheme = uri.scheme_str().unwrap_or("http");
        write!(f, "{scheme}://{}", uri.authority().map_or("?", |authority| authority.as_str()))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// The variables that would name a proxy for this address and hold no URL of one, which the HTTP library ignores.
pub(super) fn unusable(address: &Url) -> Vec<&'static str> {
    let own = match address.scheme() {
        "https" => ["HTTPS_PROXY", "https_proxy"],
        _ => ["HTTP_PROXY", "http_proxy"],
    };
    let mut found = Vec::new();
    for names in [own, ["ALL_PROXY", "all_proxy"]] {
        // As in the HTTP library, the first one that is set counts.
        let set = names.iter().find_map(|name| Some((*name, std::env::var(name).ok()?)));
        match set {
            Some((_, value)) if value.is_empty() => {}
            Some((_, value)) if is_proxy(&value) => break,
            Some((name, _)) => found.push(name),
            None => {}
        }
    }
    found
}

fn is_proxy(value: &str) -> bool {
    let any = Uri::from_static("http://any.invalid");
    Matcher::builder().all(value.to_owned()).build().intercept(&any).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        let way = Matcher::builder().all("http://user:secretword@proxy.test:3128".to_owned());
        let way = way.build().intercept(&Uri::from_static("https://cloud.test")).unwrap();
        let proxy = Proxy { way, target: "cloud.test:443".to_owned() };
        assert_eq!(proxy.to_string(), "http://proxy.test:3128");
        assert_eq!(format!("{proxy:?}"), "Proxy(http://proxy.test:3128)");
    }

    #[test]
    fn texts_that_name_no_proxy_are_known() {
        for (value, is) in [
            ("http://proxy:3128", true),
            ("proxy:3128", true),
            ("socks5://proxy:1080", true),
            ("ftp://proxy", false),
            ("not a url", false),
            ("http://", false),
        ] {
            assert_eq!(is_proxy(value), is, "{value}");
        }
    }
}
