//! The first word with both ends: what is wrong is told at once, with the address, the flag and the cure; or it is waited for.

use tokio::net::{TcpListener, TcpStream};

use super::{BUCKET, CLOUD_TOKEN, Ended, World};
use crate::support::process::flat;
use crate::support::tls::{TlsServer, answers_always, certificate};

/// In preflight's own words; 7, no longer than two tries take, and no token seen.
#[track_caller]
fn assert_told(ended: &Ended, words: &[&str]) {
    ended.assert_code(7);
    let flat = told(ended);
    for word in words {
        assert!(flat.contains(word), "no {word:?}: {ended:?}");
    }
    assert!(ended.err.matches("retry:").count() <= 2, "{ended:?}");
    assert!(!format!("{}{}", ended.out, ended.err).contains(CLOUD_TOKEN));
}

/// The screen without its line ends, which stand inside of sentences, as the verdicts do.
fn told(ended: &Ended) -> String {
    let flat = flat(&ended.out);
    ["P01", "P04", "P10"]
        .iter()
        .fold(flat, |flat, code| flat.replace(&format!("FAIL [{code}] "), ""))
}

async fn answering(bytes: &'static [u8]) -> String {
    format!("http://{}", answers_always(bytes).await)
}

const SENTENCE: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 62\r\n\r\n<html><head><title>Sign in</title></head><body>hello</body>\r\n\r\n";
const LOGIN: &[u8] =
    b"HTTP/1.1 302 Found\r\nLocation: https://sso.test/x?token=1\r\nContent-Length: 0\r\n\r\n";
const BUSY: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html>oops\r\n\r";
const CORE: &[u8] = b"HTTP/1.1 200 OK\r\nx-influxdb-build: Core\r\nx-influxdb-version: 3.9.1\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n{\"version\":\"3.9.1\"}";
const CORE_CLOSED: &[u8] = b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 47\r\n\r\n{\"error\": \"the request was not authenticated\"} ";
const OLD: &[u8] =
    b"HTTP/1.1 204 No Content\r\nX-Influxdb-Build: OSS\r\nX-Influxdb-Version: 1.8.10\r\n\r\n";
const EMPTY: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
const ROUTES: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n{\"message\":\"no Route matched\"}";
const DENIED: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 19\r\n\r\nRBAC: access denied";
const GARBAGE: &[u8] = b"SSH-2.0-OpenSSH_9.6\r\n";

#[tokio::test]
async fn every_wrong_turn_has_its_words_with_address_flag_and_cure() {
    let world = World::new().await;
    let plain = world.cloud.url().replace("http:", "https:");
    let tls = TlsServer::start("good", &world.cloud.url()).await;
    let expired = TlsServer::start("expired", &world.cloud.url()).await;
    let other = TlsServer::start("other-host", &world.cloud.url()).await;
    let (http_to_tls, unknown_ca, expired, other) = (
        format!("http://127.0.0.1:{}", tls.port),
        format!("https://localhost:{}", tls.port),
        format!("https://localhost:{}", expired.port),
        format!("https://localhost:{}", other.port),
    );
    let ca = certificate("ca");
    for (host, words) in [
        (
            "http://no-such-host.invalid",
            &["no such host name: no-such-host.invalid", "check the name"][..],
        ),
        ("http://127.0.0.1:9", &["nothing listens on 127.0.0.1:9", "--wait-for-ends 5m"]),
        (&plain, &["tls handshake", "http:// instead of https://"]),
        (&http_to_tls, &["https:// instead of http://"]),
        (
            &answering(SENTENCE).await,
            &["Client sent an HTTP request", "https:// instead of http://"],
        ),
        (&unknown_ca, &["is signed by nobody who is trusted here", "--tls-ca-file FILE"]),
        (&expired, &["its certificate has expired, on ", "renew the server's certificate"]),
        (&other, &["not valid for name localhost: only for other.test", "subjectAltName"]),
        (
            &answering(PAGE).await,
            &[
                "a web page answers there, not the API of InfluxDB: \"Sign in\"",
                "scheme, host and port",
            ],
        ),
        (&answering(LOGIN).await, &["the address redirects", "it leads to https://sso.test"]),
        (&answering(BUSY).await, &["server error (status 502)"]),
        (&answering(CORE).await, &["this is InfluxDB 3 Core (3.9.1)", "give the address of one"]),
        (&answering(CORE_CLOSED).await, &["this looks like InfluxDB 3", "give the address of one"]),
        (&answering(OLD).await, &["this is InfluxDB 1.8.10, of the 1.x line"]),
        (
            &answering(EMPTY).await,
            &[
                "another web server is there, which says nothing",
                "scheme, host and port of the API",
            ],
        ),
        (
            &answering(ROUTES).await,
            &["another web server is there, which says \"no Route matched\""],
        ),
        (&answering(DENIED).await, &["another web server is there, which says \"RBAC: access"]),
        (&answering(GARBAGE).await, &["what answers there does not speak HTTP"]),
    ] {
        for (end, code) in [("--source-host", "P01"), ("--destination-host", "P10")] {
            let mut more = vec![end, host];
            if host == expired || host == other {
                more.extend(["--tls-ca-file", ca.to_str().unwrap()]);
            }
            let ended = world.start(world.job("preflight", &more)).ended().await;
            assert_told(&ended, words);
            assert!(ended.out.contains(&format!("{code} cure:")), "{host}: {ended:?}");
            let flat = told(&ended);
            assert!(flat.contains(&format!("{host} ({end}): ")), "{host}: {ended:?}");
        }
    }
    for (end, server) in [("--source-host", &world.cloud), ("--destination-host", &world.oss)] {
        let browser = format!("{}/orgs/0123456789abcdef", server.url());
        let ended = world.start(world.job("preflight", &[end, &browser])).ended().await;
        let cure = &format!("give scheme, host and port only: {end} http://");
        assert_told(&ended, &["path not found", cure]);
    }
    assert_eq!(world.writes(BUCKET), 0);
}

/// Where the address stands elsewhere than in a flag, that place is named.
#[tokio::test]
async fn the_place_of_a_wrong_address_is_named() {
    let world = World::new().await;
    let file = world.folder.path().join("plant.toml");
    std::fs::write(&file, "[migration]\nsourceHost = \"http://127.0.0.1:9\"\n").unwrap();
    let profiles = world.folder.path().join("configs");
    std::fs::write(&profiles, "[oss]\nurl = \"http://127.0.0.1:9\"\ntoken = \"x\"\n").unwrap();
    let mut job = world.command(&[
        "preflight",
        "--config",
        file.to_str().unwrap(),
        "--source-bucket",
        BUCKET,
        "--destination-profile",
        "oss",
    ]);
    job.env("INFLUX_CONFIGS_PATH", &profiles);
    let ended = world.start(job).ended().await;
    assert_told(
        &ended,
        &["http://127.0.0.1:9 (migration.sourceHost in ", "(url of profile \"oss\")"],
    );
    let mut job = world.command(&["preflight", "--source-bucket", BUCKET]);
    job.env("SLUICE_SOURCE_HOST", "http://127.0.0.1:9");
    job.env("SLUICE_DESTINATION_HOST", "http://127.0.0.1:9");
    let ended = world.start(job).ended().await;
    assert_told(&ended, &["(SLUICE_SOURCE_HOST): ", "(SLUICE_DESTINATION_HOST): "]);
}

/// Containers start in any order.
#[tokio::test]
async fn ends_that_are_still_starting_are_waited_for_if_asked() {
    let world = World::new().await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let host = format!("http://127.0.0.1:{port}");
    let wait = ["--wait-for-ends", "5m", "--source-host", &host];
    let mut run = world.start(world.job("migrate", &wait));
    run.until("a word", |run| run.err().contains("waiting for the source to be up")).await;
    let said = run.err();
    assert!(
        said.contains(&format!("for 5m at most: cannot reach {host} (--source-host)")),
        "{said}"
    );
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let target = world.cloud.url().replace("http://", "");
    let serving = tokio::spawn(async move {
        while let Ok((mut inner, _)) = listener.accept().await {
            let target = target.clone();
            tokio::spawn(async move {
                let mut outer = TcpStream::connect(target).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut inner, &mut outer).await;
            });
        }
    });
    let ended = run.ended().await;
    ended.assert_code(0);
    world.assert_whole();
    assert_eq!(ended.err.matches("waiting for the source").count(), 1, "{ended:?}");
    serving.abort();
    // What waiting does not cure is told at once.
    let plain = answering(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400").await;
    let plain = plain.replace("http:", "https:");
    let wrong = ["--wait-for-ends", "5m", "--source-host", &plain];
    let ended = world.start(world.job("preflight", &wrong)).ended().await;
    assert_told(&ended, &["this address does not speak TLS", "http:// instead of https://"]);
    for wrong in ["soon", "-5m"] {
        let wait = format!("--wait-for-ends={wrong}");
        world.start(world.job("preflight", &[&wait])).ended().await.assert_code(2);
    }
    let ended =
        world
            .start(world.job(
                "preflight",
                &["--wait-for-ends", "1s", "--source-host", "http://127.0.0.1:9"],
            ))
            .ended()
            .await;
    assert_told(&ended, &["nothing listens on 127.0.0.1:9"]);
}
