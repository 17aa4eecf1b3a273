//! What lies between the program and its servers: proxies, TLS, wrong addresses. All of it is told at once, with its cure.

use sluice::testing::sim::{Fault, Matcher, Rule};

use super::{BUCKET, CLOUD_TOKEN, World};
use crate::support::proxy::{self, Way};
use crate::support::rig::elsewhere;
use crate::support::tls::{TlsServer, certificate};

/// A name that only a proxy knows.
const CLOUD: &str = "http://cloud.test";

/// In preflight's own words; 7, and both tokens and the proxy's password unseen.
#[track_caller]
fn assert_told(ended: &super::Ended, words: &[&str]) {
    ended.assert_code(7);
    for word in words {
        assert!(ended.err.contains(word) || ended.out.contains(word), "no {word:?}: {ended:?}");
    }
    let said = format!("{}{}", ended.out, ended.err);
    assert!(!said.contains("secretword") && !said.contains(CLOUD_TOKEN), "{said}");
}

#[tokio::test]
async fn a_run_goes_through_the_proxy_of_the_environment() {
    let world = World::new().await;
    let proxy = proxy::start(Way::To(world.cloud.url())).await;
    let mut job = world.job("migrate", &["--source-host", CLOUD]);
    job.env("HTTP_PROXY", format!("http://user:secretword@{proxy}"));
    let ended = world.start(job).ended().await;
    ended.assert_code(0);
    world.assert_whole();
    assert!(ended.err.contains(&format!("through proxy http://{proxy}")), "{ended:?}");
    assert!(ended.err.contains("P20"), "the token goes in the clear: {ended:?}");
    assert!(!ended.err.contains("secretword") && !ended.err.contains("without gzip"), "{ended:?}");
    // Loopback never goes through one, nor what is excluded. Another address is another job.
    let dead = "http://127.0.0.1:9";
    let own = ["--batch-bucket", "another", "--existing", "merge"];
    let mut job = world.job("preflight", &own);
    job.env("ALL_PROXY", dead);
    world.start(job).ended().await.assert_code(0);
    let host = elsewhere(&world.cloud.url());
    let mut job = world.job("preflight", &[&own[..], &["--source-host", &host]].concat());
    job.env("ALL_PROXY", dead).env("NO_PROXY", "0.0.0.0");
    let ended = world.start(job).ended().await;
    ended.assert_code(0);
    assert!(!ended.out.contains("through proxy"), "{ended:?}");
}

#[tokio::test]
async fn a_tunnel_through_the_proxy_is_judged_like_a_connection() {
    let world = World::new().await;
    let server = TlsServer::start("other-host", &world.cloud.url()).await;
    let proxy = proxy::start(Way::To(format!("127.0.0.1:{}", server.port))).await;
    for (host, code) in [("https://other.test", 0), ("https://third.test", 7)] {
        let ca = certificate("ca");
        let more = ["--source-host", host, "--tls-ca-file", ca.to_str().unwrap()];
        let mut job = world.job("preflight", &more);
        job.env("HTTPS_PROXY", &proxy);
        let ended = world.start(job).ended().await;
        ended.assert_code(code);
        assert!(!ended.out.contains("P20"), "{ended:?}");
        assert!(ended.out.contains(&format!("through proxy http://{proxy}")), "{ended:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_is_final_and_named() {
    let world = World::new().await;
    for (answer, words) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "407"),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "403"),
        ("HTTP/1.1 302 Found\r\nLocation: http://login.test\r\nContent-Length: 0\r\n\r\n", "302"),
        ("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "503"),
    ] {
        let proxy = proxy::start(Way::Refuse(answer)).await;
        let mut job = world.job("preflight", &["--source-host", "https://cloud.test"]);
        job.env("https_proxy", format!("http://user:secretword@{proxy}"));
        let ended = world.start(job).ended().await;
        assert_told(&ended, &[words, &format!("http://{proxy}"), "refuses to connect"]);
        let tries = ended.err.matches("retry:").count();
        assert_eq!(tries, usize::from(words == "503"), "{ended:?}");
    }
    let asks = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
    let proxy = proxy::start(Way::Refuse(asks)).await;
    let mut job = world.job("preflight", &["--source-host", CLOUD]);
    job.env("http_proxy", &proxy);
    let ended = world.start(job).ended().await;
    assert_told(&ended, &["407", &proxy]);
    assert!(!ended.err.contains("retry:"), "{ended:?}");
    // One that is not there.
    for (host, variable) in [(CLOUD, "http_proxy"), ("https://cloud.test", "ALL_PROXY")] {
        let mut job = world.job("preflight", &["--source-host", host]);
        job.env(variable, "http://user:secretword@127.0.0.1:9");
        let ended = world.start(job).ended().await;
        assert_told(&ended, &["through the proxy http://127.0.0.1:9", "P01"]);
    }
}

#[tokio::test]
async fn a_variable_that_names_no_proxy_is_told_of() {
    let world = World::new().await;
    let host = elsewhere(&world.cloud.url());
    let mut job = world.job("preflight", &["--source-host", &host]);
    job.env("http_proxy", "not a url with secretword");
    let ended = world.start(job).ended().await;
    ended.assert_code(0);
    assert!(ended.err.contains("notice: the variable http_proxy is no URL"), "{ended:?}");
    assert!(!ended.err.contains("secretword"), "{ended:?}");
}

/// Neither gzip nor TLS, and not this machine: nothing would show a flipped bit.
#[tokio::test]
async fn answers_without_a_checksum_are_told_of() {
    let world = World::new().await;
    let proxy = proxy::start(Way::Plain(world.cloud.url())).await;
    let mut job = world.job("migrate", &["--source-host", CLOUD, "--batch-interval", "1h"]);
    job.env("http_proxy", &proxy);
    let ended = world.start(job).ended().await;
    ended.assert_code(0);
    assert_eq!(ended.err.matches("without gzip and without TLS").count(), 1, "{ended:?}");
    // On this machine no network lies between.
    let world = World::new().await;
    let ended = world.migrate(&["--batch-interval", "1h"]).await;
    ended.assert_code(0);
    assert!(!ended.err.contains("without gzip"), "{ended:?}");
}

#[tokio::test]
async fn certificates_are_named_by_flag_or_by_the_variable_of_all_programs() {
    let world = World::new().await;
    let good = TlsServer::start("good", &world.cloud.url()).await;
    let own = TlsServer::start("self-signed", &world.oss.url()).await;
    let (cloud, oss) =
        (format!("https://localhost:{}", good.port), format!("https://127.0.0.1:{}", own.port));
    let path = |name: &str| certificate(name).display().to_string();
    // Both ends by one file.
    let both = world.folder.path().join("both.pem");
    let texts = ["ca", "self-signed"].map(|name| std::fs::read(certificate(name)).unwrap());
    std::fs::write(&both, texts.concat()).unwrap();
    let ends = ["--source-host", &cloud, "--destination-host", &oss];
    let more = [&ends[..], &["--tls-ca-file", both.to_str().unwrap()]].concat();
    world.migrate(&more).await.assert_code(0);
    world.assert_whole();
    // The system's certificates by their variable, the other one by the flag.
    let (own, ca) = (path("self-signed"), path("ca"));
    let mut job = world.job("preflight", &[&ends[..], &["--tls-ca-file", &own]].concat());
    job.env("SSL_CERT_FILE", &ca);
    world.start(job).ended().await.assert_code(0);
    // One of a CA's form passes by the flag alone.
    let mut job = world.job("preflight", &[&ends[..], &["--tls-ca-file", &ca]].concat());
    job.env("SSL_CERT_FILE", &own);
    let ended = world.start(job).ended().await;
    assert_told(&ended, &["P10", "--tls-ca-file"]);
    // A file that is not there.
    let mut job = world.job("preflight", &[&ends[..], &["--tls-ca-file", &own]].concat());
    job.env("SSL_CERT_FILE", "/none/such.pem");
    let ended = world.start(job).ended().await;
    assert_told(&ended, &["P01"]);
    assert!(ended.err.contains("SSL_CERT_FILE names /none/such.pem"), "{ended:?}");
    // One that cannot be used is told before anything is asked.
    let text = world.folder.path().join("text.pem");
    std::fs::write(&text, "no certificate").unwrap();
    let asked = world.cloud.records().len() + world.oss.records().len();
    for (file, why) in [("such.pem", "No such file"), ("text.pem", "it holds no certificate")] {
        for word in ["preflight", "plan", "migrate"] {
            let mut job = world.job(word, &["--tls-ca-file", file]);
            job.current_dir(world.folder.path());
            let ended = world.start(job).ended().await;
            ended.assert_code(2);
            let path = world.folder.path().canonicalize().unwrap().join(file);
            let words = format!("error: --tls-ca-file {}: {why}", path.display());
            assert!(ended.err.starts_with(&words), "{ended:?}");
        }
    }
    assert_eq!(world.cloud.records().len() + world.oss.records().len(), asked);
}

/// The influx CLI lets a profile be without an organization.
#[tokio::test]
async fn an_organization_left_out_in_a_profile_is_found() {
    let world = World::new().await;
    let profiles = world.folder.path().join("configs");
    let profile = |name: &str, url: String, token: &str, org: &str| {
        format!("[{name}]\nurl = \"{url}\"\ntoken = \"{token}\"\n{org}\n")
    };
    let text = [
        profile("cloud", world.cloud.url(), CLOUD_TOKEN, "org = \"\""),
        profile("oss", world.oss.url(), super::OSS_TOKEN, ""),
    ];
    std::fs::write(&profiles, text.concat()).unwrap();
    let mut job = world.command(&[
        "migrate",
        "--source-profile",
        "cloud",
        "--source-bucket",
        BUCKET,
        "--destination-profile",
        "oss",
        "--create-buckets",
        "--stop",
        "2020-01-01T01:00:00Z",
        "--batch-interval",
        "5m",
    ]);
    job.env("INFLUX_CONFIGS_PATH", &profiles);
    let ended = world.start(job).ended().await;
    ended.assert_code(0);
    assert!(ended.err.contains(super::CLOUD_ORG), "{ended:?}");
    world.assert_whole();
    // Nor does a name that the server refuses for a bucket end as a defect of the program.
    let refused = Fault::Status {
        status: 422,
        retry_after: None,
        body: "{\"code\":\"unprocessable entity\",\"message\":\"bucket name is invalid\"}"
            .to_owned(),
    };
    let mut matcher = Matcher::path("/api/v2/buckets");
    matcher.method = "POST".to_owned();
    world.oss.inject(Rule { matcher, times: 100, fault: refused });
    let ended = world.migrate(&["--destination-bucket", "other"]).await;
    ended.assert_code(7);
    assert!(ended.err.contains("bucket name is invalid"), "{ended:?}");
}
