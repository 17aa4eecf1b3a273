//! What can be wrong with the settings. Every message names the place and the cure; none holds a secret.

use std::io;
use std::path::PathBuf;

use super::origin::{LineOfFile, ValueOrigin};
use super::shown::ShownValue;
use crate::model::share::ParseShareError;
use crate::model::side::Side;

/// A setting that cannot be used. All of them end the program with the exit code for usage.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not of the form it should have.
    #[error("{origin}: {value} is not {expected}")]
    Value {
        /// Where it stands.
        origin: ValueOrigin,
        /// What it is.
        value: ShownValue,
        /// The form, with an example.
        expected: &'static str,
    },
    /// A filter on a tag of which no query can ask.
    #[error(
        "{origin}: {value}: no query can ask for a tag called {key}: InfluxDB takes that name for {taken_for}; \
         leave the filter out, or choose by another tag"
    )]
    NoTag {
        /// Where it stands.
        origin: ValueOrigin,
        /// What it is.
        value: ShownValue,
        /// The tag.
        key: ShownValue,
        /// What the server takes it for.
        taken_for: &'static str,
    },
    /// No share of the quota.
    #[error("{origin}: {value} is no share of the quota: {cause}")]
    Share {
        /// Where it stands.
        origin: ValueOrigin,
        /// What it is.
        value: ShownValue,
        /// What is wrong with it, and the right form.
        cause: ParseShareError,
    },
    /// A setting that says nothing without another one.
    #[error("{given} needs {needs}")]
    Incomplete {
        /// What was given.
        given: ValueOrigin,
        /// What it needs.
        needs: &'static str,
    },
    /// A repair of what is not looked at.
    #[error(
        "{given} looks at some batches only, and --repair would leave the others as they are: without it, --repair goes over \
         all; --start and --stop choose a part"
    )]
    SampleRepaired {
        /// What was given.
        given: ValueOrigin,
    },
    /// A receipt of a sample.
    #[error(
        "{given} looks at some batches only, and a receipt tells of each: leave one of the two out"
    )]
    SampleReceipt {
        /// What was given.
        given: ValueOrigin,
    },
    /// A sample where nothing of the source is read.
    #[error(
        "{given} takes --source read or --source spool:DIR: what is recorded is compared whole and costs nothing of the \
         source, and counts are cheap"
    )]
    SampleOfRecord {
        /// What was given.
        given: ValueOrigin,
    },
    /// One bucket for several spools.
    #[error(
        "{given} names one bucket, so it goes with one spool; without it each is loaded into a bucket of its source's name"
    )]
    OneBucket {
        /// What was given.
        given: ValueOrigin,
    },
    /// A setting that must be given.
    #[error("--{flag} is missing; give it, or {variable}{}", or_key(.key.as_ref()))]
    Missing {
        /// Its flag.
        flag: &'static str,
        /// Its variable.
        variable: String,
        /// Its key with its table, if the command reads a file.
        key: Option<String>,
    },
    /// An end without a token.
    #[error(
        "no token for the {side}: set the variable {variable}, or give --{side}-token-file, --{side}-token-command or \
         --{side}-profile"
    )]
    MissingToken {
        /// Which end.
        side: Side,
        /// Its token variable.
        variable: &'static str,
    },
    /// A token that no server could have given.
    #[error("{origin} does not hold a token: it {problem}")]
    TokenForm {
        /// Where it stands.
        origin: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// File and command at the same place.
    #[error("{first} and {second} both give a token; keep one")]
    TwoTokens {
        /// One.
        first: ValueOrigin,
        /// The other.
        second: ValueOrigin,
    },
    /// Two settings of which one takes back the other.
    #[error("{first} and {second} say the contrary; keep one")]
    Contrary {
        /// One.
        first: ValueOrigin,
        /// The other.
        second: ValueOrigin,
    },
    /// Two files that would be one.
    #[error("{first} and {second} name the same file; each needs one of its own")]
    OneFile {
        /// One.
        first: ValueOrigin,
        /// The other.
        second: ValueOrigin,
    },
    /// A profile and explicit settings for the same end.
    #[error(
        "the {side} would mix {explicit} with a profile ({profile}); an end takes address, organization and token from \
         one place: drop one of them, or name the profile with --{side}-profile to set variables and file aside"
    )]
    MixedOrigins {
        /// Which end.
        side: Side,
        /// The explicit setting.
        explicit: String,
        /// Where the profile is named.
        profile: ValueOrigin,
    },
    /// A profile that leads elsewhere than the task.
    #[error(
        "profile {profile:?} has the {what} {in_profile}, but the task copies from {in_task}; they must be the same"
    )]
    TaskDiffersFromProfile {
        /// Its name.
        profile: String,
        /// Address or organization.
        what: &'static str,
        /// The profile's.
        in_profile: ShownValue,
        /// The task's.
        in_task: ShownValue,
    },
    /// No such profile.
    #[error("there is no profile {name} in {}; it has {}", .path.display(), .known.join(", "))]
    NoProfile {
        /// What was asked for.
        name: ShownValue,
        /// The file of profiles.
        path: PathBuf,
        /// What it has.
        known: Vec<String>,
    },
    /// A profile that lacks something.
    #[error("profile {name:?} in {} has no {lacks}; `influx config set` can add it", .path.display())]
    ProfileLacks {
        /// Its name.
        name: String,
        /// The file of profiles.
        path: PathBuf,
        /// The key.
        lacks: &'static str,
    },
    /// Nowhere to look for profiles.
    #[error("cannot look for profile {name}: neither HOME nor INFLUX_CONFIGS_PATH is set")]
    NoProfilePath {
        /// What was asked for.
        name: ShownValue,
    },
    /// An unknown key.
    #[error("{place}: unknown key {key}{}", did_you_mean(.meant.as_ref()))]
    UnknownKey {
        /// Where.
        place: LineOfFile,
        /// The key with its table.
        key: ShownValue,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// A key in the wrong table.
    #[error("{place}: {key} belongs {belongs}")]
    KeyPlace {
        /// Where.
        place: LineOfFile,
        /// The key.
        key: String,
        /// Where to.
        belongs: String,
    },
    /// Both spellings of one key.
    #[error("{place}: {first} and {second} are the same setting; keep one")]
    KeyTwice {
        /// Where the other is.
        place: LineOfFile,
        /// One spelling.
        first: String,
        /// The other.
        second: String,
    },
    /// A literal token in the file.
    #[error(
        "{place}: {key} would keep a token in the file; remove it and use source_token_file, source_token_command or the \
         variable INFLUXDB_CLOUD_TOKEN (destination_token_file, destination_token_command or INFLUX_TOKEN)"
    )]
    TokenInFile {
        /// Where.
        place: LineOfFile,
        /// The key.
        key: String,
    },
    /// A value of the wrong TOML type.
    #[error("{place}: {key} must be {expected}")]
    KeyType {
        /// Where.
        place: LineOfFile,
        /// The key.
        key: String,
        /// The type, with an example.
        expected: &'static str,
    },
    /// Not TOML.
    #[error("{place}: {message}")]
    Syntax {
        /// Where.
        place: LineOfFile,
        /// The parser's words, without the line's text.
        message: String,
    },
    /// Several things that are wrong in a file, in the order of its lines.
    #[error("{}", each(.0))]
    Several(Vec<ConfigError>),
    /// The file of profiles that cannot be read.
    #[error("cannot read {}, where {named_by} looks for profiles of the influx CLI", .path.display())]
    NoProfiles {
        /// The file.
        path: PathBuf,
        /// What names a profile.
        named_by: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A file that cannot be read.
    #[error("cannot read {}, named by {named_by}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Who named it.
        named_by: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A variable that is not Unicode.
    #[error("the variable {name} is not valid Unicode")]
    NotText {
        /// Its name.
        name: String,
    },
    /// Nothing to copy.
    #[error("{start} is not before {stop}: there is nothing to copy")]
    EmptyRange {
        /// Where the start stands, and what it is.
        start: String,
        /// Where the stop stands, and what it is.
        stop: String,
    },
    /// The source does not take the predicate.
    #[error("--predicate {predicate}: {words}")]
    Predicate {
        /// As it was given.
        predicate: ShownValue,
        /// The server's words, with places in the predicate.
        words: String,
    },
    /// Source and destination are one.
    #[error("source and destination are the same bucket: {bucket} at {host}")]
    SameBucket {
        /// Its name.
        bucket: ShownValue,
        /// Its server.
        host: String,
    },
    /// The official task cannot be read.
    #[error("{named_by}: {cause}")]
    Task {
        /// Who named it.
        named_by: ValueOrigin,
        /// Why.
        #[source]
        cause: TaskRecordError,
    },
    /// A property that is not a literal.
    #[error("the task computes {property} as {text}, which cannot be read here; give --{flag}")]
    TaskComputes {
        /// Its name.
        property: String,
        /// The flag that replaces it.
        flag: &'static str,
        /// The expression.
        text: ShownValue,
    },
    /// The official task reads only a part of the bucket.
    #[error(
        "the task copies only what passes {text}; give the same with --measurement, --tag, --field or --predicate"
    )]
    TaskFilters {
        /// The first step behind `range`.
        text: ShownValue,
    },
    /// A bench that shall not measure.
    #[error(
        "{given}: a bench measures; sluice plan foretells at the cost of small samples, sluice bench --simulate without a server"
    )]
    DryBench {
        /// Where it stands.
        given: ValueOrigin,
    },
    /// The task was named by its id and has not been fetched.
    #[error("the task {id} has not been fetched from the destination")]
    TaskNotFetched {
        /// Its id.
        id: String,
    },
    /// Nowhere to keep state.
    #[error(
        "neither XDG_STATE_HOME, HOME nor STATE_DIRECTORY is set to an absolute path: there is no place for the state of a job; \
         set one, as in XDG_STATE_HOME=/var/lib"
    )]
    NoStateDir,
}

/// Why there is no record of an official task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskRecordError {
    /// No `migration = {`.
    #[error(
        "the text holds no record `migration = {{...}}`; is it the task of the migration guide?"
    )]
    Missing,
    /// The record does not end.
    #[error("the record `migration` has no closing brace")]
    Open,
    /// A string that does not end.
    #[error("a string that begins in line {line} has no end")]
    OpenString {
        /// Counted from 1.
        line: usize,
    },
    /// Not `name: value`.
    #[error("the record `migration` has something else than `name: value` in line {line}")]
    Form {
        /// Counted from 1.
        line: usize,
    },
    /// Twice the same property.
    #[error("the record `migration` has the property {name} twice")]
    Twice {
        /// Its name.
        name: String,
    },
    /// No property of an official record.
    #[error("the record `migration` has none of the properties of the migration guide")]
    Empty,
}

fn or_key(key: Option<&String>) -> String {
    key.map_or_else(String::new, |key| format!(", or {key} in the file named by --config"))
}

impl ConfigError {
    /// The line of the file that is wrong, where it is one.
    pub(super) fn line(&self) -> Option<usize> {
        match self {
            Self::UnknownKey { place, .. }
            | Self::KeyPlace { place, .. }
            | Self::KeyTwice { place, .. }
            | Self::TokenInFile { place, .. }
            | Self::KeyType { place, .. }
            | Self::Syntax { place, .. } => Some(place.line),
            _ => None,
        }
    }
}

fn each(errors: &[ConfigError]) -> String {
    errors.iter().map(ConfigError::to_string).collect::<Vec<_>>().join("; ")
}

fn did_you_mean(meant: Option<&String>) -> String {
    meant.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}
