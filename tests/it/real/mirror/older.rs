//! A real InfluxDB 1.x and the simulated server, asked alike: what the older server can answer of the statements that
//! sluice sends. A machine has such a server sooner than one of 2.x: Debian packages it.

use std::sync::Arc;

use serde_json::Value as Json;
use sluice::testing::sim::{BucketStore, Server, ServerSettings};

use super::pair::{Asked, Way, path_of};
use crate::sim::msgpack::documents;
use crate::support::cases::{Answer, ask};
use crate::support::influxd::Influxd;

const TOKEN: &str = "mirror-token";

pub(crate) struct Older {
    real: Influxd,
    sim: Server,
}

impl Older {
    pub(crate) async fn with(real: Influxd) -> Self {
        let store = Arc::new(BucketStore::default());
        let sim = Server::start(ServerSettings::oss("mirror", TOKEN), store).await.unwrap();
        Self { real, sim }
    }

    pub(crate) fn load(&self, bucket: &str, shard_s: u64, lines: &[u8]) {
        let create =
            format!("CREATE DATABASE \"{bucket}\" WITH DURATION INF SHARD DURATION {shard_s}s");
        self.real.query("", &create);
        let answer = self.real.write(bucket, lines);
        assert_eq!(answer.status, 204, "{}", String::from_utf8_lossy(&answer.body));
        self.sim.store().create_bucket_with(bucket, 0, shard_s);
        self.sim.store().write_lp(bucket, lines).unwrap();
    }

    /// The length of the answer, and what differs. Headers and bytes may, what they mean may not.
    pub(crate) async fn influxql(&self, asked: Asked<'_>) -> (usize, Option<String>) {
        // It counts a series once for each shard group that it lies in.
        if asked.text.windows(11).any(|word| word == b"CARDINALITY") {
            return (0, None);
        }
        // A body of statements alone is younger than this server.
        let asked =
            Asked { way: if asked.way == Way::Raw { Way::Form } else { asked.way }, ..asked };
        let (path, kind, body) = path_of(asked);
        let accept = if asked.msgpack { "application/x-msgpack" } else { "application/json" };
        let mut headers = vec![
            ("Authorization".to_owned(), format!("Token {TOKEN}")),
            ("Accept".to_owned(), accept.to_owned()),
        ];
        headers.extend(kind.map(|kind| ("Content-Type".to_owned(), kind.to_owned())));
        let method = if asked.way == Way::Get { "GET" } else { "POST" };
        let real = ask(self.real.address(), method, &path, &headers, &body).await;
        let sim = ask(self.sim.addr(), method, &path, &headers, &body).await;
        let alike = real.status == sim.status && means(&real, asked) == means(&sim, asked);
        let differs = (!alike).then(|| {
            let text = |answer: &Answer| answer.body.escape_ascii().to_string();
            let short = |text: String| text.chars().take(600).collect::<String>();
            format!(
                "{asked:?} {}\n real {} {}\n sim {} {}",
                String::from_utf8_lossy(asked.text),
                real.status,
                short(text(&real)),
                sim.status,
                short(text(&sim))
            )
        });
        (real.body.len(), differs)
    }
}

/// What an answer says, in whatever order its maps come. A refusal has another frame in each version.
fn means(answer: &Answer, asked: Asked<'_>) -> Vec<String> {
    if answer.status == 400 {
        let text = answer.text();
        let (_, reason) = text.split_once(" query: ").expect("a reason");
        return vec![reason.trim_end().trim_end_matches(['"', '}']).to_owned()];
    }
    if asked.msgpack {
        return documents(&answer.body).into_iter().map(|all| format!("{all:?}")).collect();
    }
    let documents = serde_json::Deserializer::from_slice(&answer.body).into_iter::<Json>();
    documents.map(|document| format!("{document:?}")).collect()
}
