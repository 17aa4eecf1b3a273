//! What an error of the HTTP library means, and what to do about it.

use std::error::Error as StdError;
use std::io;

use rustls::{AlertDescription as Alert, CertificateError as Bad, Error as TlsError};

use super::error::{Failure, FailureKind};

/// What is known where the error came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    /// The server has answered this client before.
    pub(super) reached: bool,
    /// The address says `https`.
    pub(super) tls: bool,
}

/// What an error of the HTTP library means. Its text loses the URL, which holds statements.
pub(super) fn failure(error: reqwest::Error, scene: Scene) -> Failure {
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
        let failure = Failure::new(FailureKind::Connect, message).caused_by(error);
        let cure = "http:// instead of https://, if the server speaks no TLS there";
        return if is_cut { failure.curable(cure) } else { failure };
    }
    let failure = Failure::new(FailureKind::Interrupted, message).caused_by(error);
    if scene.reached || scene.tls {
        return failure;
    }
    failure.curable("https:// instead of http://, if the server speaks TLS there")
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
            format!("what answers there does not speak TLS ({error})"),
            "http:// instead of https://, or the port that speaks TLS",
        ),
        TlsError::AlertReceived(Alert::ProtocolVersion) => {
            ("the server speaks no TLS that is safe".to_owned(), TOO_OLD)
        }
        TlsError::AlertReceived(alert) => (
            format!("the server refuses the TLS connection: {alert:?}"),
            "see the server's own log; client certificates cannot be given",
        ),
        TlsError::PeerIncompatible(_) => (error.to_string(), TOO_OLD),
        _ => (error.to_string(), "check the address, and that the server speaks TLS there"),
    }
}

fn certificate_words(error: &TlsError, bad: &Bad) -> (String, &'static str) {
    match bad {
        Bad::UnknownIssuer => (
            "the certificate is signed by nobody who is trusted here".to_owned(),
            "--tls-ca-file FILE with the certificate of its CA, or with its own if it is self-signed",
        ),
        // A self-signed one of `openssl req -x509`; the verifier's own name for it is no public type.
        Bad::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => (
            "the server shows a certificate of a CA as its own".to_owned(),
            "--tls-ca-file FILE with exactly this certificate",
        ),
        Bad::Expired | Bad::ExpiredContext { .. } => {
            (error.to_string(), "renew the server's certificate, or check this machine's clock")
        }
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            (error.to_string(), "check the clocks of both machines")
        }
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => (
            error.to_string(),
            "give the address by a name that the certificate holds (as a subjectAltName)",
        ),
        _ => (error.to_string(), "replace the server's certificate"),
    }
}
