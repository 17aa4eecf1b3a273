//! A server of TLS on loopback: what it decrypts goes to another server of the test.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// One of the certificates of the tests.
pub(crate) fn certificate(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/tls/{name}.pem"))
}

/// The server; ends when dropped.
pub(crate) struct TlsServer {
    /// Its port on loopback.
    pub(crate) port: u16,
    accepting: JoinHandle<()>,
}

impl TlsServer {
    /// Shows this certificate, and hands what comes on to `target`, an address of plain HTTP.
    pub(crate) async fn start(name: &str, target: &str) -> Self {
        let chain = CertificateDer::pem_file_iter(certificate(name)).unwrap();
        let key = PrivateKeyDer::from_pem_file(certificate("key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions: [&SupportedProtocolVersion; 2] =
            [&rustls::version::TLS12, &rustls::version::TLS13];
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.map(Result::unwrap).collect(), key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let target = target.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepting = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (acceptor, target) = (acceptor.clone(), target.clone());
                tokio::spawn(async move {
                    let Ok(mut inner) = acceptor.accept(connection).await else { return };
                    let Ok(mut outer) = TcpStream::connect(target).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut inner, &mut outer).await;
                    let _ = inner.shutdown().await;
                });
            }
        });
        Self { port, accepting }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Answers every connection with these bytes, whatever comes, and closes it. Gives its address.
pub(crate) async fn answers_always(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0; 4_096];
                let _ = tokio::io::AsyncReadExt::read(&mut connection, &mut head).await;
                let _ = connection.write_all(bytes).await;
                let _ = connection.shutdown().await;
            });
        }
    });
    address
}
