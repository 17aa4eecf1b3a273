//! One server, and who asks there.

use std::net::IpAddr;

use super::token::TokenSource;
use crate::model::side::Side;

/// True if the address is this machine's.
pub(crate) fn is_loopback(host: &str) -> bool {
    reqwest::Url::parse(host.trim()).is_ok_and(|url| is_loopback_url(&url))
}

/// As [`is_loopback`].
pub(super) fn is_loopback_url(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// One end: which server, which organization, which token.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Which end it is.
    pub side: Side,
    /// Address as `http://host:port` or `https://host`, with a path if a proxy needs one.
    pub host: String,
    /// Where that address stands, as a person finds it: a flag, a variable, a key of a file.
    pub host_from: String,
    /// Name or id of the organization; Cloud knows it from the token.
    pub org: Option<String>,
    /// Where the token comes from.
    pub token: TokenSource,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::influx::token::Token;

    const CANARY: &str = "canary-0123456789";

    #[test]
    fn debug_shows_no_token() {
        let source =
            TokenSource::Given { token: Token::new(CANARY), origin: "INFLUX_TOKEN".into() };
        let endpoint = Endpoint {
            side: Side::Source,
            host: "http://h".into(),
            host_from: String::new(),
            org: None,
            token: source,
        };
        assert!(!format!("{endpoint:?} {endpoint:#?}").contains(CANARY));
        assert_eq!(endpoint.token.origin(), "INFLUX_TOKEN");
    }
}
