//! Whose certificates are trusted: those of the system, and those in a file that a person names.
//!
//! A server's own certificate that stands in that file is trusted as it is, also where it is one of a CA (which `openssl req
//! -x509` makes by default, and which no chain may end with). Its time and its names count all the same.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::error::{Failure, FailureKind};
use crate::limits::CA_FILE_BYTES_MAX;

/// The certificates of a file: PEM, any number; or a single one in DER.
pub(super) fn named(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    read(path).map_err(|text| {
        let text = format!("--tls-ca-file {}: {text}", path.display());
        Failure::new(FailureKind::Tls, text).curable("name a file with certificates in PEM form")
    })
}

/// Why a file names no certificates, before anything is asked of a server.
pub(crate) fn unusable(path: &Path) -> Option<String> {
    read(path).err()
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut bytes = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(CA_FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    let length = read.map_err(|cause| cause.to_string())?;
    if u64::try_from(length).is_ok_and(|length| length > CA_FILE_BYTES_MAX) {
        return Err(format!("larger than {CA_FILE_BYTES_MAX} bytes"));
    }
    // A sequence of more than 127 bytes: no text begins so.
    if bytes.starts_with(&[0x30, 0x82]) {
        return Ok(vec![bytes.into()]);
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err("it holds no certificate".to_owned()),
        Ok(found) => Ok(found),
        Err(cause) => Err(format!("{cause:?}")),
    }
}

/// TLS as a client speaks it.
pub(super) fn client_config(named: Vec<CertificateDer<'static>>) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Trust::new(named, Arc::clone(&provider)).map_err(|error| {
        let mut text = format!("no certificate is trusted: {error}");
        for store in unusable_stores() {
            text.extend(["; ", &store]);
        }
        let cure = "install the system's CA certificates, or --tls-ca-file FILE";
        Failure::new(FailureKind::Tls, text).curable(cure)
    })?;
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Failure::new(FailureKind::Tls, error.to_string()))?;
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The variables that name the system's certificates, where they lead nowhere: a sentence each.
pub(super) fn unusable_stores() -> Vec<String> {
    let paths = |name: &str| {
        std::env::var_os(name)
            .map(|value| std::env::split_paths(&value).collect::<Vec<_>>())
            .unwrap_or_default()
    };
    let file = std::env::var_os("SSL_CERT_FILE").filter(|value| !value.is_empty());
    let file = file.map(|path| ("SSL_CERT_FILE", path.into()));
    let folders = paths("SSL_CERT_DIR").into_iter().filter(|path| !path.as_os_str().is_empty());
    let mut said = Vec::new();
    for (name, path) in file.into_iter().chain(folders.map(|path| ("SSL_CERT_DIR", path))) {
        let path: std::path::PathBuf = path;
        let looked = match name {
            "SSL_CERT_FILE" => File::open(&path).map(drop),
            _ => std::fs::read_dir(&path).map(drop),
        };
        if let Err(cause) = looked {
            said.push(format!("{name} names {}, which cannot be read: {cause}", path.display()));
        }
    }
    said
}

/// The judgement of the system's verifier, and what a person has named beside it.
#[derive(Debug)]
struct Trust {
    system: Verifier,
    named: Vec<CertificateDer<'static>>,
}

impl Trust {
    fn new(
        named: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let system = Verifier::new_with_extra_roots(named.iter().cloned(), provider)?;
        Ok(Self { system, named })
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judged = self.system.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match judged {
            // Its time is looked at before its place in a chain, so it is right where only that place is refused.
            Err(Error::InvalidCertificate(cause))
                if self.named.iter().any(|named| named == end_entity)
                    && !is_about_itself(&cause) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.system.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.system.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.system.supported_verify_schemes()
    }
}

/// True for what no trust in a certificate makes good.
fn is_about_itself(cause: &CertificateError) -> bool {
    matches!(
        cause,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
            | CertificateError::NotValidForName
            | CertificateError::NotValidForNameContext { .. }
            | CertificateError::BadEncoding
            | CertificateError::Revoked
    )
}
