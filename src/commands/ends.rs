//! From checked settings to clients.

use crate::config::ends::{EndConfig, TokenSetting};
use crate::influx::client::{Client, ClientSettings};
use crate::influx::endpoint::{Endpoint, Token, TokenSource};
use crate::influx::error::Error;
use crate::influx::signal::Observer;
use crate::model::side::Side;

/// A client for one end.
pub fn connect(
    side: Side,
    end: &EndConfig,
    settings: &ClientSettings,
    observer: Observer,
) -> Result<Client, Error> {
    let token = match &end.token {
        TokenSetting::Given { token, origin } => {
            TokenSource::Given { token: Token::new(token), origin: origin.clone() }
        }
        TokenSetting::File(path) => TokenSource::File { path: path.clone() },
        TokenSetting::Command(argv) => TokenSource::Command { argv: argv.clone() },
        TokenSetting::None => {
            TokenSource::Given { token: Token::new(""), origin: "none".to_owned() }
        }
    };
    let endpoint = Endpoint { side, host: end.host.clone(), org: end.org.clone(), token };
    // On this machine compression costs both servers more than it saves.
    let settings =
        ClientSettings { gzip: settings.gzip && !is_loopback(&end.host), ..settings.clone() };
    Client::new(endpoint, settings, observer)
}

/// True if the address is this machine.
pub fn is_loopback(host: &str) -> bool {
    let rest = host.split_once("://").map_or(host, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    let name = authority.strip_prefix('[').map_or_else(
        || authority.split(':').next().unwrap_or(authority),
        |v6| v6.split(']').next().unwrap_or(v6),
    );
    name == "localhost" || name == "::1" || name.starts_with("127.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_names() {
        for host in [
            "http://localhost:8086",
            "http://127.0.0.1:1",
            "http://[::1]:8086",
            "https://127.1.2.3/x",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["https://cloud2.influxdata.com", "http://10.0.0.1:8086", "http://localhost.example:1"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
