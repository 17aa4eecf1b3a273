//! What is said of either end, and how.

use crate::config::ends::{EndConfig, TokenSetting};
use crate::influx::bucket::Bucket;
use crate::influx::client::Client;
use crate::influx::error::{Error as InfluxError, FailureKind};
use crate::influx::secrets;
use crate::job::matched::named;
use crate::model::nearest::nearest;
use crate::model::side::Side;
use crate::report::facts::RowFacts;
use crate::report::preflight::{Finding, Row, Verdict};

/// An end that cannot be used as it is given; `address` is the code of its address.
pub(super) fn out_of_reach(address: &str, side: Side, end: &EndConfig, error: &InfluxError) -> Row {
    if error.kind() == FailureKind::Unauthorized {
        return refused_token(side, end, error);
    }
    let (code, subject, cure) = match (error.kind(), origin_of(&end.host)) {
        (FailureKind::NotFound | FailureKind::Unexpected, Some(origin)) => {
            (address, "address", format!("give scheme, host and port only: --{side}-host {origin}"))
        }
        (FailureKind::Forbidden, _) => ("P02", "token", "give a token with this right".to_owned()),
        (FailureKind::Proxy, _) => (
            address,
            "proxy",
            "put user and password into the proxy's variable, or the address into NO_PROXY"
                .to_owned(),
        ),
        (FailureKind::Redirect, _) => {
            (address, "address", format!("give --{side}-host the address that it leads to"))
        }
        _ => {
            let start = match side {
                Side::Source => "check --source-host and the network",
                Side::Destination => "start InfluxDB there, or give --destination-host",
            };
            (address, "address", start.to_owned())
        }
    };
    let cure = error.cure.map_or(cure, str::to_owned);
    let cure = match end.host_wanted() {
        Some(wanted) => format!("no address of the {side} is given: {wanted}; else {cure}"),
        None => cure,
    };
    finding(code, Verdict::Fail, subject, error.without_cure(), Some(cure))
        .with("address", end.host.as_str())
        .with("kind", error.kind().name())
        .with("status", error.status)
}

/// Which token, from where, and who refuses it.
fn refused_token(side: Side, end: &EndConfig, error: &InfluxError) -> Row {
    let text = match error.status {
        Some(status) => {
            let words = &error.message;
            let colon = if words.is_empty() { "" } else { ": " };
            format!("{}: refused by the {side} (status {status}){colon}{words}", end.token.origin())
        }
        // It could not be had, and nobody was asked.
        None => error.message.clone(),
    };
    let make = match side {
        Side::Source => {
            "make one that may read the bucket: Load Data > API Tokens, or influx auth create --read-bucket ID"
        }
        Side::Destination => {
            "make one: influx auth create --read-bucket ID --write-bucket ID, for the data's bucket and for the batch bucket"
        }
    };
    let mend = match end.token {
        TokenSetting::Command(_) => {
            "run the command by hand: it has to print the token alone, and is started without a shell"
        }
        _ => "mend it: the token alone has to stand there, as the server showed it",
    };
    let usual = if error.status.is_some() { make } else { mend };
    let cure = error.cure.unwrap_or(usual).to_owned();
    finding("P02", Verdict::Fail, "token", text, Some(cure))
        .with("token_from", end.token.origin())
        .with("status", error.status)
}

/// The address without its path, if it has one.
fn origin_of(host: &str) -> Option<&str> {
    let start = host.find("://")? + 3;
    let path = host[start..].find('/')?;
    (start + path + 1 < host.len()).then(|| &host[..start + path])
}

/// What was probably meant by the name of a bucket that is not there, in words.
pub(super) fn bucket_meant(given: &str, seen: &[Bucket]) -> Option<String> {
    match seen.iter().find(|bucket| bucket.id == given) {
        Some(bucket) => Some(format!("that is the id of {}: give its name.", bucket.name)),
        None => nearest(given, seen.iter().map(|bucket| bucket.name.as_str()))
            .map(|name| format!("did you mean {name}?")),
    }
}

/// Their names.
pub(super) fn names_of(buckets: &[Bucket]) -> Vec<String> {
    buckets.iter().map(|bucket| bucket.name.clone()).collect()
}

/// An organization that is not there.
pub(super) fn no_org(side: Side, end: &EndConfig, seen: &[String]) -> Row {
    let given = end.org.as_deref().unwrap_or_default();
    let sees = match seen {
        [] => "this token may not list any".to_owned(),
        seen => format!("this token sees: {}", named(seen)),
    };
    let cure = match meant(given, seen) {
        Some(name) => format!("did you mean --{side}-org {name:?}?"),
        None => format!("--{side}-org NAME, as the server has it"),
    };
    let text = format!("{given:?} is not there; {sees}");
    finding("P04", Verdict::Fail, "org", text, Some(cure)).with("org", given).with("there", seen)
}

/// The name that was probably meant; the only one, if there is but one.
pub(super) fn meant<'a>(given: &str, seen: &'a [String]) -> Option<&'a str> {
    nearest(given, seen.iter().map(String::as_str)).or(match seen {
        [only] => Some(only),
        _ => None,
    })
}

/// The address, and the proxy on the way to it.
pub(super) fn host_row(end: &EndConfig, client: &Client) -> Row {
    let proxy = client.proxy().map_or(String::new(), |proxy| format!("   (through proxy {proxy})"));
    Row::fact("host", format!("{}{proxy}", end.host))
        .with("address", end.host.as_str())
        .with("proxy", client.proxy())
}

/// The token's place, and who else can read it, there or on its way.
pub(super) fn token_rows(end: &EndConfig, client: &Client, rows: &mut Vec<Row>) {
    let (verdict, text, cure) = match (client.token_doubt(), &end.token) {
        (Some(doubt), TokenSetting::File(path)) => {
            (Verdict::Warn, doubt, Some(format!("chmod 600 {}", path.display())))
        }
        (Some(doubt), _) => (Verdict::Warn, doubt, None),
        (None, token) => (Verdict::Ok, token.origin(), None),
    };
    rows.push(finding("P02", verdict, "token", text, cure).with("token_from", end.token.origin()));
    if client.is_in_the_clear() {
        let text = "http to another machine: the token crosses the network in the clear";
        let cure = "give an https:// address, or use a tunnel that encrypts".to_owned();
        rows.push(finding("P20", Verdict::Warn, "TLS", text, Some(cure)));
    }
}

pub(super) fn finding(
    code: &str,
    verdict: Verdict,
    subject: &str,
    text: impl Into<String>,
    cure: Option<String>,
) -> Row {
    Row::Finding(Finding {
        code: code.to_owned(),
        verdict,
        subject: subject.to_owned(),
        text: secrets::redact(text.into()),
        cure: cure.map(secrets::redact),
        facts: RowFacts::default(),
    })
}

/// A bucket that is there.
pub(super) fn bucket_row(bucket: &Bucket) -> Row {
    let keeps = seconds(bucket.retention_s);
    Row::fact("bucket", format!("{} {}, keeps {keeps}", bucket.name, bucket.id))
        .with("bucket", bucket.name.as_str())
        .with("bucket_id", bucket.id.as_str())
        .with("retention_s", bucket.retention_s)
}

/// A duration of whole seconds as people write it.
pub(super) fn seconds(seconds: u64) -> String {
    match seconds {
        0 => "for ever".to_owned(),
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        _ => format!("{seconds}s"),
    }
}

/// True for a failure that a person can cure.
pub(super) fn is_finding(error: &InfluxError) -> bool {
    match error.kind() {
        FailureKind::Connect
        | FailureKind::Tls
        | FailureKind::Proxy
        | FailureKind::Unauthorized
        | FailureKind::Unframed
        | FailureKind::Forbidden
        | FailureKind::NotFound
        | FailureKind::BadRequest
        | FailureKind::Redirect
        | FailureKind::Unexpected
        | FailureKind::OtherProduct => true,
        // Nothing has ever answered there.
        FailureKind::Interrupted
        | FailureKind::Timeout
        | FailureKind::ServerError
        | FailureKind::Unavailable { .. } => !error.reached,
        _ => false,
    }
}
