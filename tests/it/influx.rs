//! The HTTP client against a scripted server, and the pacing against a simulated quota.

#![expect(
    clippy::unwrap_used,
    clippy::format_push_string,
    reason = "a test may panic and need not be fast"
)]

mod answers;
mod bodies;
mod quota;
mod retries;
mod tls;

use std::sync::{Arc, Mutex};

use sluice::testing::influx::client::{Client, ClientSettings};
use sluice::testing::influx::endpoint::Endpoint;
use sluice::testing::influx::error::Error;
use sluice::testing::influx::signal::{Observer, Signal};
use sluice::testing::influx::stream::QueryStream;
use sluice::testing::influx::token::{Token, TokenSource};
use sluice::testing::model::side::Side;

/// What no output may show.
const CANARY: &str = "canary-token-0123456789abcdef";

/// Real time, but short.
fn settings() -> ClientSettings {
    ClientSettings {
        query_timeout_ms: 20_000,
        connect_ms_max: 5_000,
        backoff_ms_min: 1,
        backoff_ms_max: 2,
        seed: Some(1),
        ..ClientSettings::default()
    }
}

fn given() -> TokenSource {
    TokenSource::Given { token: Token::new(CANARY), origin: "the test".to_owned() }
}

fn silent() -> Observer {
    Arc::new(|_| {})
}

fn recorder() -> (Observer, Arc<Mutex<Vec<Signal>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let heard = Arc::clone(&heard);
        Arc::new(move |signal| heard.lock().unwrap().push(signal))
    };
    (observer, heard)
}

fn client_of(
    side: Side,
    host: &str,
    token: TokenSource,
    settings: ClientSettings,
    observer: Observer,
) -> Client {
    let endpoint = Endpoint {
        side,
        host: host.to_owned(),
        host_from: format!("--{side}-host"),
        org: Some("an org".to_owned()),
        token,
    };
    Client::new(endpoint, settings, observer).unwrap()
}

fn source(host: &str) -> Client {
    client_of(Side::Source, host, given(), settings(), silent())
}

fn destination(host: &str) -> Client {
    client_of(Side::Destination, host, given(), settings(), silent())
}

/// Reads to the end; what came before it, and whether it was proper.
async fn drain(stream: &mut QueryStream) -> (Vec<u8>, Result<(), Error>) {
    let mut whole = Vec::new();
    loop {
        match stream.next().await {
            Ok(Some(bytes)) => whole.extend_from_slice(&bytes),
            Ok(None) => return (whole, Ok(())),
            Err(error) => return (whole, Err(error)),
        }
    }
}
