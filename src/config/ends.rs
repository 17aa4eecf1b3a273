//! The two ends: address, organization and token, all from one place. Explicit settings (flags, variables, file, task,
//! the token variables) are one place, each influx CLI profile is another; an end that would mix them is refused.

use std::fmt;
use std::path::PathBuf;

use super::env::Env;
use super::error::{ConfigError, Shown};
use super::given::Given;
use super::grammar;
use super::layers::Settings;
use super::origin::{Origin, Rank};
use super::profile::Profile;
use super::task_record::Property;
use crate::influx::endpoint;
use crate::model::side::Side;

/// One end of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndConfig {
    /// Address without a slash at the end.
    pub host: String,
    /// Organization, where one is given.
    pub org: Option<String>,
    /// Where its token comes from.
    pub token: TokenSetting,
    /// A file of certificates that are trusted beside those of the system.
    pub tls_ca_file: Option<PathBuf>,
}

/// Where a token comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenSetting {
    /// From a variable or a profile.
    Given {
        /// The token.
        token: String,
        /// Where it was found, in words.
        origin: String,
    },
    /// The contents of a file.
    File(PathBuf),
    /// What a program prints; with its arguments.
    Command(Vec<String>),
    /// There is none, and the end is not asked: a plan without a destination.
    None,
}

impl TokenSetting {
    /// Where the token comes from, in words; never the token, never a command's arguments.
    pub fn origin(&self) -> String {
        match self {
            Self::Given { origin, .. } => origin.clone(),
            Self::File(path) => format!("file {}", path.display()),
            Self::Command(words) => format!("command {}", words.first().map_or("", String::as_str)),
            Self::None => "none".to_owned(),
        }
    }
}

impl TokenSetting {
    /// A word about a token in quotation marks, as files of variables keep them: they are sent with it.
    pub(super) fn quoted(&self) -> Option<String> {
        let Self::Given { token, origin } = self else { return None };
        let quoted = ['"', '\'']
            .into_iter()
            .any(|mark| token.len() > 1 && token.starts_with(mark) && token.ends_with(mark));
        quoted.then(|| {
            format!("the token from {origin} is in quotation marks, which are sent as a part of it")
        })
    }
}

impl fmt::Debug for TokenSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSetting(redacted, from {})", self.origin())
    }
}

/// Of both ends, whatever else they are made of.
const TLS_CA_FILE: &str = "tls-ca-file";

/// The names of one end's settings.
struct Names {
    side: Side,
    host: &'static str,
    org: &'static str,
    profile: &'static str,
    token_file: &'static str,
    token_command: &'static str,
    token_variable: &'static str,
}

const SOURCE: Names = Names {
    side: Side::Source,
    host: "source-host",
    org: "source-org",
    profile: "source-profile",
    token_file: "source-token-file",
    token_command: "source-token-command",
    token_variable: "INFLUXDB_CLOUD_TOKEN",
};

const DESTINATION: Names = Names {
    side: Side::Destination,
    host: "destination-host",
    org: "destination-org",
    profile: "destination-profile",
    token_file: "destination-token-file",
    token_command: "destination-token-command",
    token_variable: "INFLUX_TOKEN",
};

fn names(side: Side) -> &'static Names {
    match side {
        Side::Source => &SOURCE,
        Side::Destination => &DESTINATION,
    }
}

/// The setting that names the profile of an end.
pub(super) fn profile_setting(side: Side) -> &'static str {
    names(side).profile
}

/// Checks one end. `profile` is the one that its profile setting names, already looked up.
pub fn end(
    side: Side,
    settings: &Settings,
    env: &Env,
    profile: Option<&Profile>,
) -> Result<EndConfig, ConfigError> {
    let names = names(side);
    match (settings.plain(names.profile), profile) {
        (Some(named), Some(profile)) => from_profile(names, settings, env, named, profile),
        _ => explicit(names, settings, env),
    }
}

/// The destination, if anything of it is given; else one without a token, which is not to be asked.
pub fn destination_if_given(
    settings: &Settings,
    env: &Env,
    profile: Option<&Profile>,
) -> Result<EndConfig, ConfigError> {
    let names = &DESTINATION;
    let named = [names.host, names.org, names.profile, names.token_file, names.token_command];
    let is_named = named.into_iter().any(|name| settings.plain(name).is_some());
    if is_named || env.get(names.token_variable).is_some() {
        return end(Side::Destination, settings, env, profile);
    }
    no_destination(settings)
}

/// A destination without a token, which is not to be asked.
pub fn no_destination(settings: &Settings) -> Result<EndConfig, ConfigError> {
    let host = settings.value(DESTINATION.host)?;
    Ok(EndConfig {
        host: address(host.text(), || host.origin.clone())?,
        org: None,
        token: TokenSetting::None,
        tls_ca_file: settings.path(TLS_CA_FILE),
    })
}

fn from_profile(
    names: &Names,
    settings: &Settings,
    env: &Env,
    named: &Given,
    profile: &Profile,
) -> Result<EndConfig, ConfigError> {
    // A profile named by a flag sets variables and file aside; anything as strong as its name, or stronger, is a mix.
    let explicit = [names.host, names.org, names.token_file, names.token_command]
        .into_iter()
        .filter_map(|name| settings.plain(name));
    let rival = explicit
        .filter(|given| given.rank <= named.rank)
        .map(|given| given.origin.to_string())
        .next();
    let variable = (named.rank >= Rank::Env && env.get(names.token_variable).is_some())
        .then(|| names.token_variable.to_owned());
    if let Some(explicit) = rival.or(variable) {
        return Err(ConfigError::MixedOrigins {
            side: names.side,
            explicit,
            profile: named.origin.clone(),
        });
    }
    let origin = format!("profile {:?}", profile.name);
    let host = address(&profile.url, || Origin::Profile(profile.name.clone()))?;
    agrees_with_task(names, settings, profile, &host)?;
    let token = token_text(&profile.token, origin)?;
    let org = profile.org.clone().filter(|org| !org.is_empty());
    Ok(EndConfig { host, org, token, tls_ca_file: settings.path(TLS_CA_FILE) })
}

/// A task names the source that it copies from: a profile for the source must lead to the same place.
fn agrees_with_task(
    names: &Names,
    settings: &Settings,
    profile: &Profile,
    host: &str,
) -> Result<(), ConfigError> {
    let literal = |name| match settings.task()?.property(name)? {
        Property::Literal(text) => Some(text.as_str()),
        Property::Computed(_) => None,
    };
    let differs = |what, in_profile: &str, in_task: &str| ConfigError::TaskDiffersFromProfile {
        profile: profile.name.clone(),
        what,
        in_profile: Shown::new(in_profile),
        in_task: Shown::new(in_task),
    };
    if let Some(in_task) = literal(names.host).filter(|text| text.trim_end_matches('/') != host) {
        return Err(differs("address", host, in_task));
    }
    match (profile.org.as_deref(), literal(names.org)) {
        (Some(in_profile), Some(in_task)) if in_profile != in_task => {
            Err(differs("organization", in_profile, in_task))
        }
        _ => Ok(()),
    }
}

fn explicit(names: &Names, settings: &Settings, env: &Env) -> Result<EndConfig, ConfigError> {
    let host = match names.side {
        Side::Source => needed(settings, names.host)?,
        Side::Destination => settings.value(names.host)?,
    };
    let host = address(host.text(), || host.origin.clone())?;
    let org = settings.find(names.org)?.map(|given| given.name()).transpose()?;
    let token = token(names, settings, env)?;
    Ok(EndConfig { host, org, token, tls_ca_file: settings.path(TLS_CA_FILE) })
}

/// A setting without default that must be given.
pub(super) fn needed(settings: &Settings, name: &'static str) -> Result<Given, ConfigError> {
    let setting = settings.setting(name);
    let missing = || ConfigError::Missing {
        flag: name,
        variable: setting.variable(),
        key: setting.full_key(),
    };
    settings.find(name)?.ok_or_else(missing)
}

/// Token file or command by flag, then by variable, then the token variable, then the file.
fn token(names: &Names, settings: &Settings, env: &Env) -> Result<TokenSetting, ConfigError> {
    let (file, command) = (settings.plain(names.token_file), settings.plain(names.token_command));
    if let (Some(file), Some(command)) = (file, command)
        && file.rank == command.rank
    {
        return Err(ConfigError::TwoTokens {
            first: file.origin.clone(),
            second: command.origin.clone(),
        });
    }
    let strongest = file.into_iter().chain(command).min_by_key(|given| given.rank);
    match (strongest, env.get(names.token_variable)) {
        (Some(given), variable) if given.rank < Rank::File || variable.is_none() => {
            if Some(given) == file {
                return Ok(TokenSetting::File(PathBuf::from(given.text())));
            }
            let words = if given.texts.len() > 1 {
                Some(given.texts.clone())
            } else {
                grammar::words(given.text())
            };
            let words = words.ok_or_else(|| {
                given.wrong("a command such as 'vault read -field=token secret/cloud'")
            })?;
            Ok(TokenSetting::Command(words))
        }
        (_, Some(token)) => token_text(token, names.token_variable.to_owned()),
        (_, None) => {
            Err(ConfigError::MissingToken { side: names.side, variable: names.token_variable })
        }
    }
}

fn token_text(text: &str, origin: String) -> Result<TokenSetting, ConfigError> {
    let token = text.trim();
    if token.is_empty() {
        return Err(ConfigError::TokenForm { origin, problem: "is empty" });
    }
    if let Some(problem) = endpoint::problem(token) {
        return Err(ConfigError::TokenForm { origin, problem });
    }
    Ok(TokenSetting::Given { token: token.to_owned(), origin })
}

/// `http://` or `https://`, a host, perhaps a port and a path; no user, query or fragment. The slash at the end goes.
fn address(text: &str, origin: impl Fn() -> Origin) -> Result<String, ConfigError> {
    let lower = text.to_ascii_lowercase();
    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
    let authority = rest.map(|rest| rest.split('/').next().unwrap_or_default()).unwrap_or_default();
    let strange =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@' | '"' | '\\');
    if authority.is_empty() || authority.starts_with(':') || text.contains(strange) {
        let expected = "an address such as https://cloud2.influxdata.com or http://localhost:8086 (no user, no query)";
        return Err(ConfigError::Value { origin: origin(), value: Shown::new(text), expected });
    }
    Ok(text.trim_end_matches('/').to_owned())
}
