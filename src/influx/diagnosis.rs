//! What an error of the HTTP library means, and what to do about it.

use std::error::Error as StdError;
use std::io;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription as Alert, CertificateError as Bad, Error as TlsError};

use super::error::{Failure, FailureKind};
use crate::model::number;
use crate::model::time::{NS_PER_S, Timestamp};

/// What is known where the error came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    /// The server has answered this client before.
    pub(super) reached: bool,
    /// The address says `https`.
    pub(super) tls: bool,
    /// Host and port that are connected to.
    pub(super) host: &'a str,
    /// They are those of a proxy.
    pub(super) is_proxied: bool,
}

const PROXY_CURE: &str = "mend the proxy or its variable (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY), or name the host in NO_PROXY";

/// What an error of the HTTP library means. Its text loses the URL, which holds statements.
pub(super) fn failure(error: reqwest::Error, scene: Scene<'_>) -> Failure {
    let error = error.without_url();
    if let Some((text, cure)) = tls_error(&error)
        .filter(|cause| is_final(cause, error.is_connect(), scene.reached))
        .map(tls_words)
    {
        let failure = Failure::new(FailureKind::Tls, text).caused_by(error);
        return failure.curable(cure);
    }
    let message = innermost(&error);
    if error.is_builder() {
        return Failure::new(FailureKind::BadRequest, message).caused_by(error);
    }
    if error.is_connect() {
        let is_cut = scene.tls && !scene.reached && is_cut_off(&error);
        let (text, cure) = if is_cut {
            let cure = "http:// instead of https://, if the server speaks no TLS there";
            (format!("{} lets go of the connection: {message}", scene.host), Some(cure))
        } else {
            connect_words(&error, &message, scene.host)
        };
        let failure = Failure::new(FailureKind::Connect, text).caused_by(error);
        return match cure {
            Some(_) if !scene.reached && scene.is_proxied => failure.curable(PROXY_CURE),
            Some(cure) if !scene.reached => failure.curable(cure),
            _ => failure,
        };
    }
    let message = if message.contains("invalid HTTP") {
        "what answers there does not speak HTTP".to_owned()
    } else {
        message
    };
    let failure = Failure::new(FailureKind::Interrupted, message).caused_by(error);
    if scene.reached || scene.tls {
        return failure;
    }
    failure.curable("https:// instead of http://, if the server speaks TLS there")
}

/// Why there is no connection, and what to do.
fn connect_words(
    error: &(dyn StdError + 'static),
    message: &str,
    host: &str,
) -> (String, Option<&'static str>) {
    use io::ErrorKind as Io;
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if causes(error).any(|cause| cause.to_string() == "dns error") {
        return if message.contains("Temporary failure") || message.contains("Try again") {
            let cure = "check the name server of this machine or container";
            (format!("no name server tells where {name} is ({message})"), Some(cure))
        } else {
            let cure = "check the name, in a container or VPN also its name server";
            (format!("no such host name: {name}"), Some(cure))
        };
    }
    let kind = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last();
    match kind.map(io::Error::kind) {
        Some(Io::ConnectionRefused) => (
            format!("nothing listens on {host}"),
            Some(
                "start InfluxDB there, or correct the address; --wait-for-ends 5m waits for its start",
            ),
        ),
        Some(Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown) => (
            format!("no network leads to {host} ({message})"),
            Some("check the address, the network of this machine, and its VPN"),
        ),
        kind if kind == Some(Io::TimedOut) || message.contains("timed out") => (
            format!("{host} does not answer"),
            Some("a firewall may be in between, or the machine is off"),
        ),
        _ => (format!("{host}: {message}"), None),
    }
}

/// True for an error of a tunnel that a proxy has refused.
pub(super) fn is_refused_tunnel(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| {
        let text = cause.to_string();
        text.starts_with("tunnel error")
            && !text.contains("connection")
            && !text.contains("io error")
    })
}

/// True where somebody took the connection and let it go again.
fn is_cut_off(error: &(dyn StdError + 'static)) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, UnexpectedEof};
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| matches!(cause.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted))
}

/// The causes, outermost first. Those inside an [`io::Error`] are none of its sources.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |cause| -> Option<&'a (dyn StdError + 'static)> {
        let cause: &'a (dyn StdError + 'static) = *cause;
        match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => cause.source(),
        }
    })
}

/// The outer ones only name the layer; the innermost tells what happened.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a TlsError> {
    causes(error).find_map(|cause| cause.downcast_ref::<TlsError>())
}

/// True for what trying again cannot cure. A server that has answered before speaks TLS, and its certificate was good: what
/// is merely garbled then may pass, and so may what is garbled inside an answer.
fn is_final(error: &TlsError, connecting: bool, reached: bool) -> bool {
    match error {
        TlsError::AlertReceived(alert) if !connecting => matches!(
            *alert,
            Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::CertificateRequired
                | Alert::UnknownCA
                | Alert::AccessDenied
        ),
        _ if !connecting => false,
        TlsError::AlertReceived(Alert::InternalError) => !reached,
        TlsError::InvalidCertificate(_)
        | TlsError::NoCertificatesPresented
        | TlsError::UnsupportedNameType
        | TlsError::PeerIncompatible(_)
        | TlsError::AlertReceived(_) => true,
        _ => !reached,
    }
}

/// What is wrong, and what to do.
fn tls_words(error: &TlsError) -> (String, &'static str) {
    const TOO_OLD: &str = "the server must speak TLS 1.2 or 1.3";
    match error {
        TlsError::InvalidCertificate(bad) => certificate_words(error, bad),
        TlsError::InvalidMessage(_) => (
            "this address does not speak TLS".to_owned(),
            "http:// instead of https://, or the port that speaks TLS",
        ),
        TlsError::AlertReceived(Alert::ProtocolVersion) => {
            ("the server speaks no TLS that is safe".to_owned(), TOO_OLD)
        }
        TlsError::AlertReceived(alert) => (
            format!("the server refuses the TLS connection: {}", alert_name(*alert)),
            "see the server's own log; client certificates cannot be given",
        ),
        TlsError::PeerIncompatible(_) => (error.to_string(), TOO_OLD),
        _ => (error.to_string(), "check the address, and that the server speaks TLS there"),
    }
}

/// As the standard of TLS writes it: `handshake_failure`.
fn alert_name(alert: Alert) -> String {
    let mut name = String::new();
    for c in format!("{alert:?}").chars() {
        if c.is_ascii_uppercase() && name.ends_with(|last: char| last.is_ascii_lowercase()) {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

fn certificate_words(error: &TlsError, bad: &Bad) -> (String, &'static str) {
    const NAMES: &str =
        "give the address by a name that the certificate holds (as a subjectAltName)";
    const RENEW: &str = "renew the server's certificate, or check this machine's clock";
    const CLOCKS: &str = "check the clocks of both machines";
    match bad {
        Bad::UnknownIssuer => (
            "its certificate is signed by nobody who is trusted here".to_owned(),
            "--tls-ca-file FILE with the certificate of its CA, or with its own if it is self-signed",
        ),
        // A self-signed one of `openssl req -x509`; the verifier's own name for it is no public type.
        Bad::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => (
            "it shows a certificate of a CA as its own".to_owned(),
            "--tls-ca-file FILE with exactly this certificate",
        ),
        Bad::ExpiredContext { not_after, .. } => {
            (format!("its certificate has expired, on {}", day(*not_after)), RENEW)
        }
        Bad::Expired => ("its certificate has expired".to_owned(), RENEW),
        Bad::NotValidYetContext { not_before, .. } => {
            (format!("its certificate is not valid yet, only from {} on", day(*not_before)), CLOCKS)
        }
        Bad::NotValidYet => ("its certificate is not valid yet".to_owned(), CLOCKS),
        Bad::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().map(|name| plain_name(name)).collect();
            let only = match names.as_slice() {
                [] => "it holds no name".to_owned(),
                names => format!("only for {}", names.join(", ")),
            };
            (format!("its certificate is not valid for name {}: {only}", expected.to_str()), NAMES)
        }
        Bad::NotValidForName => {
            ("its certificate is not valid for name and address given".to_owned(), NAMES)
        }
        Bad::Revoked => {
            ("its certificate was revoked".to_owned(), "replace the server's certificate")
        }
        _ => (error.to_string(), "replace the server's certificate"),
    }
}

/// What the verifier writes as `DnsName("oss.test")`.
fn plain_name(presented: &str) -> &str {
    let inner = presented.split_once('(').map_or(presented, |(_, inner)| inner);
    inner.trim_end_matches(')').trim_matches('"')
}

fn day(time: UnixTime) -> String {
    let ns = i64::try_from(time.as_secs()).unwrap_or(0).saturating_mul(NS_PER_S);
    number::day_or_minute(Timestamp::from_ns(ns))
}
