//! From checked settings to clients.

use crate::config::ends::{EndConfig, TokenSetting};
use crate::influx::client::{Client, ClientSettings};
use crate::influx::endpoint::{Endpoint, Token, TokenSource, is_loopback};
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
    // On this machine compression costs both servers more than it saves; from elsewhere its checksum shows flipped bits.
    let settings = ClientSettings {
        gzip: settings.gzip && !is_loopback(&end.host),
        ca_file: end.tls_ca_file.clone(),
        ..settings.clone()
    };
    Client::new(endpoint, settings, observer)
}
