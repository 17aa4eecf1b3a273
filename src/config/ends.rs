//! The two ends: address, organization and token, all from one place. Explicit settings (flags, variables, file, task,
//! the token variables) are one place, each influx CLI profile is another; an end that would mix them is refused.

use std::fmt;
use std::path::PathBuf;

use super::env::Env;
use super::error::ConfigError;
use super::flag::{Flag, FlagOf};
use super::given::Given;
use super::layers::Layers;
use super::origin::{Rank, ValueOrigin};
use super::profile::Profile;
use super::shown::ShownValue;
use super::table::{
    DESTINATION_HOST, DESTINATION_ORG, DESTINATION_PROFILE, DESTINATION_TOKEN_COMMAND,
    DESTINATION_TOKEN_FILE, SOURCE_HOST, SOURCE_ORG, SOURCE_PROFILE, SOURCE_TOKEN_COMMAND,
    SOURCE_TOKEN_FILE, TLS_CA_FILE,
};
use super::task_record::Property;
use super::values;
use crate::influx::token;
use crate::model::side::Side;

/// One end of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndConfig {
    /// Address without a slash at the end.
    pub host: String,
    /// Where that stands.
    pub host_from: ValueOrigin,
    /// Organization, where one is given.
    pub org: Option<String>,
    /// Where its token comes from.
    pub token: TokenSetting,
    /// A file of certificates that are trusted beside those of the system.
    pub tls_ca_file: Option<PathBuf>,
}

impl EndConfig {
    /// Where its address stands, in words.
    pub fn host_told(&self) -> String {
        match &self.host_from {
            ValueOrigin::Default(flag) => format!("the default of --{flag}"),
            given => given.to_string(),
        }
    }

    /// How its address is given, where it is not.
    pub fn host_wanted(&self) -> Option<String> {
        let ValueOrigin::Default(name) = self.host_from else { return None };
        let flag = [SOURCE_HOST, DESTINATION_HOST].into_iter().find(|of| of.flag.name == name)?;
        let (variable, key) = (flag.flag.variable(), flag.flag.full_key().unwrap_or_default());
        Some(format!("give --{name}, {variable}, or {key} in the file named by --config"))
    }
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

/// The flags of one end.
struct EndFlags {
    side: Side,
    host: FlagOf<String>,
    org: FlagOf<String>,
    profile: FlagOf<String>,
    token_file: FlagOf<PathBuf>,
    token_command: FlagOf<Vec<String>>,
    token_variable: &'static str,
}

/// The address of a source of which nothing is given. Nobody asks it.
const NO_SOURCE: &str = "http://source.invalid";

const SOURCE: EndFlags = EndFlags {
    side: Side::Source,
    host: SOURCE_HOST,
    org: SOURCE_ORG,
    profile: SOURCE_PROFILE,
    token_file: SOURCE_TOKEN_FILE,
    token_command: SOURCE_TOKEN_COMMAND,
    token_variable: "INFLUXDB_CLOUD_TOKEN",
};

const DESTINATION: EndFlags = EndFlags {
    side: Side::Destination,
    host: DESTINATION_HOST,
    org: DESTINATION_ORG,
    profile: DESTINATION_PROFILE,
    token_file: DESTINATION_TOKEN_FILE,
    token_command: DESTINATION_TOKEN_COMMAND,
    token_variable: "INFLUX_TOKEN",
};

impl EndFlags {
    const fn of(side: Side) -> &'static Self {
        match side {
            Side::Source => &SOURCE,
            Side::Destination => &DESTINATION,
        }
    }

    /// Those that a profile stands for.
    const fn explicit(&self) -> [Flag; 4] {
        [self.host.flag, self.org.flag, self.token_file.flag, self.token_command.flag]
    }
}

/// The flag that names the profile of an end.
pub(super) fn profile_flag(side: Side) -> Flag {
    EndFlags::of(side).profile.flag
}

/// Checks one end. `profile` is the one that its profile setting names, already looked up.
pub(crate) fn check_end(
    side: Side,
    layers: &Layers,
    env: &Env,
    profile: Option<&Profile>,
) -> Result<EndConfig, ConfigError> {
    let flags = EndFlags::of(side);
    match (layers.plain(flags.profile.flag), profile) {
        (Some(named), Some(profile)) => from_profile(flags, layers, env, named, profile),
        _ => explicit(flags, layers, env),
    }
}

/// The destination, if anything of it is given; else one without a token, which is not to be asked.
pub(crate) fn destination_if_given(
    layers: &Layers,
    env: &Env,
    profile: Option<&Profile>,
) -> Result<EndConfig, ConfigError> {
    let mut named = DESTINATION.explicit().into_iter().chain([DESTINATION.profile.flag]);
    if named.any(|flag| layers.plain(flag).is_some())
        || env.get(DESTINATION.token_variable).is_some()
    {
        return check_end(Side::Destination, layers, env, profile);
    }
    no_destination(layers)
}

/// The source, if a way to its token is given; else one without a token, which is not to be asked.
pub(crate) fn source_if_given(
    layers: &Layers,
    env: &Env,
    profile: Option<&Profile>,
) -> Result<EndConfig, ConfigError> {
    let named = [SOURCE.token_file.flag, SOURCE.token_command.flag, SOURCE.profile.flag];
    if named.iter().any(|flag| layers.plain(*flag).is_some())
        || env.get(SOURCE.token_variable).is_some()
    {
        return check_end(Side::Source, layers, env, profile);
    }
    no_source(layers)
}

/// A source without a token, which is not to be asked.
pub(crate) fn no_source(layers: &Layers) -> Result<EndConfig, ConfigError> {
    Ok(EndConfig {
        host: layers.find(SOURCE_HOST)?.unwrap_or_else(|| NO_SOURCE.to_owned()),
        host_from: ValueOrigin::Default(SOURCE_HOST.flag.name),
        org: layers.find(SOURCE_ORG)?,
        token: TokenSetting::None,
        tls_ca_file: None,
    })
}

/// A destination without a token, which is not to be asked.
pub(crate) fn no_destination(layers: &Layers) -> Result<EndConfig, ConfigError> {
    Ok(EndConfig {
        host: layers.get(DESTINATION_HOST)?,
        host_from: ValueOrigin::Default(DESTINATION_HOST.flag.name),
        org: None,
        token: TokenSetting::None,
        tls_ca_file: layers.find(TLS_CA_FILE)?,
    })
}

fn from_profile(
    flags: &EndFlags,
    layers: &Layers,
    env: &Env,
    named: &Given,
    profile: &Profile,
) -> Result<EndConfig, ConfigError> {
    // A profile named by a flag sets variables and file aside; anything as strong as its name, or stronger, is a mix.
    let rival = flags
        .explicit()
        .into_iter()
        .filter_map(|flag| layers.plain(flag))
        .filter(|given| given.rank <= named.rank)
        .map(|given| given.origin.to_string())
        .next();
    let variable = (named.rank >= Rank::Env && env.get(flags.token_variable).is_some())
        .then(|| flags.token_variable.to_owned());
    if let Some(explicit) = rival.or(variable) {
        return Err(ConfigError::MixedOrigins {
            side: flags.side,
            explicit,
            profile: named.origin.clone(),
        });
    }
    let origin = format!("profile {:?}", profile.name);
    let url = Given {
        texts: vec![profile.url.clone()],
        origin: ValueOrigin::Profile(profile.name.clone()),
        rank: named.rank,
    };
    let host = values::read_address(&url)?;
    agrees_with_task(flags, layers, profile, &host)?;
    let token = token_text(&profile.token, origin)?;
    let org = profile.org.clone().filter(|org| !org.is_empty());
    Ok(EndConfig {
        host,
        host_from: url.origin,
        org,
        token,
        tls_ca_file: layers.find(TLS_CA_FILE)?,
    })
}

/// A task names the source that it copies from: a profile for the source must lead to the same place.
fn agrees_with_task(
    flags: &EndFlags,
    layers: &Layers,
    profile: &Profile,
    host: &str,
) -> Result<(), ConfigError> {
    let literal = |flag| match layers.task()?.property(flag)? {
        Property::Literal(text) => Some(text.as_str()),
        Property::Computed(_) => None,
    };
    let differs = |what, in_profile: &str, in_task: &str| ConfigError::TaskDiffersFromProfile {
        profile: profile.name.clone(),
        what,
        in_profile: ShownValue::new(in_profile),
        in_task: ShownValue::new(in_task),
    };
    if let Some(in_task) =
        literal(flags.host.flag).filter(|text| text.trim_end_matches('/') != host)
    {
        return Err(differs("address", host, in_task));
    }
    match (profile.org.as_deref(), literal(flags.org.flag)) {
        (Some(in_profile), Some(in_task)) if in_profile != in_task => {
            Err(differs("organization", in_profile, in_task))
        }
        _ => Ok(()),
    }
}

fn explicit(flags: &EndFlags, layers: &Layers, env: &Env) -> Result<EndConfig, ConfigError> {
    let host = match flags.side {
        Side::Source => layers.needed(flags.host)?,
        Side::Destination => layers.get(flags.host)?,
    };
    let host_from = layers.given_or_default(flags.host.flag)?.origin;
    let (org, token) = (layers.find(flags.org)?, token(flags, layers, env)?);
    Ok(EndConfig { host, host_from, org, token, tls_ca_file: layers.find(TLS_CA_FILE)? })
}

/// Token file or command by flag, then by variable, then the token variable, then the file.
fn token(flags: &EndFlags, layers: &Layers, env: &Env) -> Result<TokenSetting, ConfigError> {
    let file = layers.plain(flags.token_file.flag);
    let command = layers.plain(flags.token_command.flag);
    if let (Some(file), Some(command)) = (file, command)
        && file.rank == command.rank
    {
        return Err(ConfigError::TwoTokens {
            first: file.origin.clone(),
            second: command.origin.clone(),
        });
    }
    let strongest = file.into_iter().chain(command).min_by_key(|given| given.rank);
    match (strongest, env.get(flags.token_variable)) {
        (Some(given), variable) if given.rank < Rank::File || variable.is_none() => {
            if Some(given) == file {
                flags.token_file.read(given).map(TokenSetting::File)
            } else {
                flags.token_command.read(given).map(TokenSetting::Command)
            }
        }
        (_, Some(token)) => token_text(token, flags.token_variable.to_owned()),
        (_, None) => {
            Err(ConfigError::MissingToken { side: flags.side, variable: flags.token_variable })
        }
    }
}

fn token_text(text: &str, origin: String) -> Result<TokenSetting, ConfigError> {
    let token = text.trim();
    if token.is_empty() {
        return Err(ConfigError::TokenForm { origin, problem: "is empty" });
    }
    if let Some(problem) = token::problem(token) {
        return Err(ConfigError::TokenForm { origin, problem });
    }
    Ok(TokenSetting::Given { token: token.to_owned(), origin })
}
