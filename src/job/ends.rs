//! From checked settings to clients.

use std::sync::Arc;

use crate::config::ends::{EndConfig, TokenSetting};
use crate::config::job::JobConfig;
use crate::influx::client::{Client, ClientSettings};
use crate::influx::endpoint::{Endpoint, is_loopback};
use crate::influx::signal::Observer;
use crate::influx::token::{Token, TokenSource};
use crate::influx::trust;
use crate::job::error::Error as JobError;
use crate::model::side::Side;
use crate::pipeline::error::Error::TooSlow;
use crate::pipeline::source::at_least::at_least;
use crate::wire::flux::Selection;

/// A client for one end.
pub(crate) fn connect(
    side: Side,
    end: &EndConfig,
    settings: &ClientSettings,
    observer: Observer,
) -> Result<Client, JobError> {
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
    if let Some(error) = token.unreadable_file() {
        return Err(JobError::TokenFile { side, source: error });
    }
    if let Some(path) = &end.tls_ca_file
        && let Some(why) = trust::unusable(path)
    {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        return Err(JobError::CaFile { path, why });
    }
    let endpoint = Endpoint {
        side,
        host: end.host.clone(),
        host_from: end.host_told(),
        org: end.org.clone(),
        token,
    };
    // On this machine compression costs both servers more than it saves; from elsewhere its checksum shows flipped bits.
    let settings = ClientSettings {
        gzip: settings.gzip && !is_loopback(&end.host),
        ca_file: end.tls_ca_file.clone(),
        ..settings.clone()
    };
    Ok(Client::new(endpoint, settings, observer)?)
}

/// Both ends, connected.
#[derive(Debug, Clone)]
pub struct Ends {
    /// Reads.
    pub source: Client,
    /// Writes.
    pub destination: Client,
}

impl Ends {
    /// Clients for both ends; the source is not paced yet.
    pub fn connect(config: &JobConfig, observer: &Observer) -> Result<Self, JobError> {
        Self::connect_with(config, &ClientSettings::default(), observer)
    }

    /// The same, with other waits than the default ones.
    pub fn connect_with(
        config: &JobConfig,
        settings: &ClientSettings,
        observer: &Observer,
    ) -> Result<Self, JobError> {
        let settings =
            ClientSettings { query_timeout_ms: config.pace.query_timeout_ms, ..settings.clone() };
        Ok(Self {
            source: connect(Side::Source, &config.ends.source, &settings, Arc::clone(observer))?,
            destination: connect(
                Side::Destination,
                &config.ends.destination,
                &settings,
                Arc::clone(observer),
            )?,
        })
    }
}

/// Values of one end that Flux counts in a selection, or their series where it cannot.
pub(crate) async fn count(
    client: &Client,
    selection: Selection<'_>,
    what: &str,
) -> Result<u64, JobError> {
    let values = at_least(client, selection, what).await?;
    Ok(values.ok_or(TooSlow { range: selection.range })?)
}
