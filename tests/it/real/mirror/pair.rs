//! The real and the simulated server, asked alike.

use std::sync::Arc;

use sluice::testing::sim::{BucketStore, Dbrp, Server, ServerSettings};

use super::super::{Real, query_body};
use crate::sim::msgpack::documents;
use crate::support::cases::{Answer, ask};

pub(crate) struct Pair {
    pub(crate) real: Real,
    pub(crate) sim: Server,
}

/// How an InfluxQL query travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Get,
    Form,
    Raw,
}

/// One InfluxQL query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) text: &'a [u8],
    pub(crate) way: Way,
    pub(crate) msgpack: bool,
    pub(crate) chunk_rows: Option<u64>,
    pub(crate) epoch: &'a str,
}

impl Pair {
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(Vec::new()).await
    }

    /// The simulated server has these mappings; the real one is to get them.
    pub(crate) async fn start_with(dbrps: Vec<Dbrp>) -> Option<Self> {
        let real = Real::start().await?;
        let settings = ServerSettings { dbrps, ..ServerSettings::oss(&real.org, &real.token) };
        let sim = Server::start(settings, Arc::new(BucketStore::default())).await.unwrap();
        Some(Self { real, sim })
    }

    pub(crate) async fn load(&self, bucket: &str, shard_s: u64, lines: &[u8]) {
        self.real.bucket(bucket, Some(shard_s)).await;
        self.real.load(bucket, lines).await;
        self.sim.store().create_bucket_with(bucket, 0, shard_s);
        self.sim.store().write_lp(bucket, lines).unwrap();
    }

    async fn both(
        &self,
        method: &str,
        path: &str,
        kinds: &[(&str, &str)],
        body: &[u8],
    ) -> (Answer, Answer) {
        let mut headers = vec![("Authorization".to_owned(), format!("Token {}", self.real.token))];
        headers.extend(kinds.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let real = ask(self.real.addr, method, path, &headers, body).await;
        (real, ask(self.sim.addr(), method, path, &headers, body).await)
    }

    /// The same request to both; what differs. How a script that is no Flux is described may differ.
    pub(crate) async fn compare(
        &self,
        method: &str,
        path: &str,
        body: &[u8],
        what: &str,
    ) -> Option<String> {
        let json = [("Content-Type", "application/json")];
        let (real, sim) = self.both(method, path, &json, body).await;
        let compiles = |answer: &Answer| !answer.text().contains("\"compilation failed: ");
        let same = real.body == sim.body || !compiles(&real) && !compiles(&sim);
        difference(&real, &sim, same, what)
    }

    pub(crate) async fn query(&self, flux: &str) -> Option<String> {
        let path = format!("/api/v2/query?org={}", self.real.org);
        self.compare("POST", &path, &query_body(flux), flux).await
    }

    /// The length of the answer, and what differs.
    pub(crate) async fn influxql(&self, asked: Asked<'_>) -> (usize, Option<String>) {
        let accept =
            ("Accept", if asked.msgpack { "application/x-msgpack" } else { "application/json" });
        let (path, kind, body) = path_of(asked);
        let method = if asked.way == Way::Get { "GET" } else { "POST" };
        let kinds: Vec<_> =
            [accept].into_iter().chain(kind.map(|kind| ("Content-Type", kind))).collect();
        let (real, sim) = self.both(method, &path, &kinds, &body).await;
        let same = if real.header("Content-Type") == Some("application/x-msgpack") {
            let (real, sim) = (documents(&real.body), documents(&sim.body));
            real.is_some() && real == sim
        } else {
            real.body == sim.body
        };
        let headers = ["Content-Type", "Content-Length", "Transfer-Encoding", "Vary"];
        let same = same && headers.iter().all(|name| real.header(name) == sim.header(name));
        let text = String::from_utf8_lossy(asked.text);
        let Asked { bucket, way, msgpack, chunk_rows, epoch, .. } = asked;
        let what = format!(
            "{bucket}: {text:?} {way:?}, MessagePack {msgpack}, chunks {chunk_rows:?}, {epoch:?}"
        );
        (real.body.len(), difference(&real, &sim, same, &what))
    }

    /// A request without a body and with these headers alone; status, headers and body are compared. Ids of the simulated
    /// server stand for those of the real one.
    pub(crate) async fn bare(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
        ids: &[(String, String)],
    ) -> Option<String> {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.replace("TOKEN", &self.real.token)))
            .collect();
        let to_sim = |text: &str| {
            ids.iter().fold(text.to_owned(), |text, (real, sim)| text.replace(real, sim))
        };
        let real = ask(self.real.addr, method, path, &headers, body.as_bytes()).await;
        let sim = ask(self.sim.addr(), method, &to_sim(path), &headers, body.as_bytes()).await;
        let names = ["Content-Type", "Content-Length", "Vary", "X-Platform-Error-Code"];
        let same = to_sim(&real.text()) == sim.text()
            && names.iter().all(|name| real.header(name) == sim.header(name));
        difference(&real, &sim, same, &format!("{method} {path} {headers:?} {body:?}"))
    }
}

/// Path, content type and body of a query.
pub(crate) fn path_of(asked: Asked<'_>) -> (String, Option<&'static str>, Vec<u8>) {
    let mut path = format!("/query?db={}", percent(asked.bucket.as_bytes()));
    if !asked.epoch.is_empty() {
        path.push_str(&format!("&epoch={}", asked.epoch));
    }
    if let Some(rows) = asked.chunk_rows {
        path.push_str(&format!("&chunked=true&chunk_size={rows}"));
    }
    let text = percent(asked.text);
    match asked.way {
        Way::Get => (format!("{path}&q={text}"), None, Vec::new()),
        Way::Form => {
            (path, Some("application/x-www-form-urlencoded"), format!("q={text}").into_bytes())
        }
        Way::Raw => (path, Some("application/vnd.influxql"), asked.text.to_vec()),
    }
}

fn difference(real: &Answer, sim: &Answer, same: bool, what: &str) -> Option<String> {
    let same = same && real.status == sim.status && real.complete && sim.complete;
    (!same).then(|| {
        let at = real.body.iter().zip(&sim.body).take_while(|(a, b)| a == b).count();
        let near = |bytes: &[u8]| {
            let (from, to) = (at.saturating_sub(200), bytes.len().min(at + 200));
            String::from_utf8_lossy(&bytes[from.min(to)..to]).into_owned()
        };
        format!(
            "{what}\n real {} {} bytes, at {at}: {}\n sim {} {} bytes: {}",
            real.status,
            real.body.len(),
            near(&real.body),
            sim.status,
            sim.body.len(),
            near(&sim.body)
        )
    })
}

fn percent(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}
