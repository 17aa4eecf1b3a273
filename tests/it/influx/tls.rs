//! TLS at real sockets: which certificates are trusted, and that what can never succeed is told at once, with its cure.

use std::path::PathBuf;

use sluice::testing::influx::client::{Client, ClientSettings};
use sluice::testing::influx::endpoint::Endpoint;
use sluice::testing::influx::error::{Error, FailureKind};
use sluice::testing::model::side::Side;

use super::{CANARY, client_of, given, settings, silent, source};
use crate::support::scripted::{Scripted, reply};
use crate::support::tls::{TlsServer, answers_always, certificate};

const CSV: (&str, &str) = ("Content-Type", "text/csv");

fn trusting(host: &str, ca_file: Option<PathBuf>) -> Client {
    client_of(Side::Source, host, given(), ClientSettings { ca_file, ..settings() }, silent())
}

async fn ask(host: &str, ca_file: Option<PathBuf>) -> Result<Vec<u8>, Error> {
    trusting(host, ca_file).query_all("x", "rows").await
}

/// One try, the kind, and the words of message and cure.
#[track_caller]
fn assert_final(error: &Error, kind: FailureKind, words: &[&str]) {
    let said = error.to_string();
    assert_eq!((error.kind(), error.attempts), (kind, 1), "{said}");
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(error.cure.is_some(), "{said}");
    assert!(!said.contains(CANARY), "{said}");
}

#[tokio::test]
async fn certificates_are_judged_once_and_the_token_is_sent_to_the_good_ones_only() {
    for (shown, named, host, words) in [
        ("good", Some("ca"), "localhost", None),
        ("good", Some("ca"), "127.0.0.1", None),
        ("good", Some("good"), "localhost", None),
        ("self-signed", Some("self-signed"), "localhost", None),
        ("self-signed", Some("self-signed"), "127.0.0.1", None),
        ("good", None, "localhost", Some(&["nobody who is trusted", "--tls-ca-file"][..])),
        ("good", Some("self-signed"), "localhost", Some(&["nobody who is trusted"])),
        ("self-signed", None, "localhost", Some(&["--tls-ca-file"])),
        ("self-signed", Some("ca"), "localhost", Some(&["--tls-ca-file"])),
        (
            "self-signed-expired",
            Some("self-signed-expired"),
            "localhost",
            Some(&["expired", "renew"]),
        ),
        ("expired", Some("ca"), "localhost", Some(&["expired", "renew"])),
        ("expired", Some("expired"), "localhost", Some(&["expired"])),
        ("future", Some("ca"), "localhost", Some(&["not valid yet", "clocks"])),
        ("other-host", Some("ca"), "localhost", Some(&["not valid for name", "other.test"])),
        ("other-host", Some("other-host"), "localhost", Some(&["not valid for name"])),
        ("nameless", Some("ca"), "localhost", Some(&["not valid for", "subjectAltName"])),
        ("nameless", Some("nameless"), "localhost", Some(&["not valid for"])),
    ] {
        let plain = Scripted::start([reply(200, &[CSV], "\r\n")]).await;
        let server = TlsServer::start(shown, &plain.host).await;
        let host = format!("https://{host}:{}", server.port);
        let answer = ask(&host, named.map(certificate)).await;
        let what = format!("{shown}, trusting {named:?}, as {host}");
        match words {
            None => {
                assert_eq!(answer.unwrap_or_else(|error| panic!("{what}: {error}")), b"\r\n");
                assert_eq!(plain.requests().len(), 1, "{what}");
            }
            Some(words) => {
                assert_final(&answer.expect_err(&what), FailureKind::Tls, words);
                assert!(plain.requests().is_empty(), "{what}: nothing was sent");
            }
        }
    }
}

#[tokio::test]
async fn the_wrong_protocol_is_told_at_once() {
    // https to a plain port: what servers of HTTP say to a handshake.
    let plain = answers_always(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400").await;
    let error = ask(&format!("https://{plain}"), None).await.unwrap_err();
    assert_final(&error, FailureKind::Tls, &["does not speak TLS", "http://"]);
    // A fatal alert, as of a server that speaks no TLS of ours, or none to us.
    for (alert, words) in [
        (&b"\x15\x03\x01\x00\x02\x02\x46"[..], &["no TLS that is safe", "1.2"][..]),
        (b"\x15\x03\x01\x00\x02\x02\x28", &["handshake_failure"]),
        (b"\x15\x03\x01\x00\x02\x02\x31", &["access_denied"]),
        (b"\x15\x03\x01\x00\x02\x02\x50", &["internal_error"]),
    ] {
        let error =
            ask(&format!("https://{}", answers_always(alert).await), None).await.unwrap_err();
        assert_final(&error, FailureKind::Tls, words);
    }
    // http to a TLS port: the sentence of the server is shown, with a length and without.
    for said in [
        &b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"[..],
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 48\r\nConnection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<html>The plain HTTP request was sent to HTTPS port",
    ] {
        let error = ask(&format!("http://{}", answers_always(said).await), None).await.unwrap_err();
        assert_final(&error, FailureKind::Tls, &["request", "https://"]);
        assert!(error.message.to_lowercase().contains("https"), "{error}");
    }
    // A server of TLS that answers with an alert, or not at all.
    for said in [&b"\x15\x03\x01\x00\x02\x02\x46"[..], b""] {
        let error = ask(&format!("http://{}", answers_always(said).await), None).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts), (FailureKind::Interrupted, 2), "{error}");
        assert!(error.cure.is_some_and(|cure| cure.contains("https://")) && !error.reached);
    }
}

#[tokio::test]
async fn trouble_of_tls_may_pass_where_it_was_good_before() {
    let plain = Scripted::start([reply(200, &[CSV], "\r\n")]).await;
    let server = TlsServer::start("good", &plain.host).await;
    let client = trusting(&format!("https://localhost:{}", server.port), Some(certificate("ca")));
    client.query_all("x", "rows").await.unwrap();
    drop(server);
    let few = client.query("x", "rows").await.unwrap_err();
    assert!(matches!(few.kind(), FailureKind::Connect | FailureKind::Interrupted), "{few}");
    assert!(few.reached);
}

#[test]
fn a_file_of_certificates_that_is_none_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "no certificate\n").unwrap();
    let garbled = folder.path().join("garbled");
    std::fs::write(&garbled, "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n")
        .unwrap();
    for (path, word) in [
        (folder.path().join("absent"), "No such file"),
        (empty, "no certificate"),
        (garbled, "--tls-ca-file"),
    ] {
        for host in ["https://localhost:1", "http://localhost:1"] {
            let endpoint = Endpoint {
                side: Side::Source,
                host: host.to_owned(),
                host_from: String::new(),
                org: None,
                token: given(),
            };
            let settings = ClientSettings { ca_file: Some(path.clone()), ..settings() };
            let error = Client::new(endpoint, settings, silent()).unwrap_err();
            assert_eq!(error.kind(), FailureKind::Tls);
            let said = error.to_string();
            assert!(said.contains(word) && said.contains("--tls-ca-file"), "{said}");
        }
    }
    assert!(
        Client::new(
            Endpoint {
                side: Side::Source,
                host: "https://localhost:1".into(),
                host_from: String::new(),
                org: None,
                token: given()
            },
            ClientSettings { ca_file: Some(certificate("self-signed")), ..settings() },
            silent()
        )
        .is_ok()
    );
    drop(source("http://localhost:1"));
}
