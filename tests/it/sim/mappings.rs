//! Databases of InfluxQL: what the server lists of them, and which bucket answers. Two things, as on the real server.

use std::sync::Arc;

use sluice::testing::sim::{AccessToken, BucketStore, Dbrp, Server, ServerSettings};

use crate::support::cases::ask;

/// A bucket for each name, each with one value that tells which it is, and these mappings.
async fn serve(buckets: &[&str], dbrps: &[(&str, &str, bool, &str)], sees: Option<&str>) -> Server {
    let store = Arc::new(BucketStore::default());
    for name in buckets {
        store.create_bucket(name, 0);
        store.write_lp(name, format!("m of=\"{name}\" 1").as_bytes()).unwrap();
    }
    let mut settings = ServerSettings::oss("o", "secret");
    settings.dbrps = dbrps
        .iter()
        .map(|(database, policy, default, bucket)| Dbrp {
            database: (*database).to_owned(),
            retention_policy: (*policy).to_owned(),
            default: *default,
            bucket: (*bucket).to_owned(),
        })
        .collect();
    if let Some(bucket) = sees {
        settings.tokens = vec![AccessToken::read("secret", bucket)];
    }
    Server::start(settings, store).await.unwrap()
}

async fn get(server: &Server, path: &str) -> serde_json::Value {
    let headers = [("Authorization".to_owned(), "Token secret".to_owned())];
    let answer = ask(server.addr(), "GET", path, &headers, b"").await;
    serde_json::from_slice(&answer.body).unwrap()
}

/// `database/policy > bucket`, an asterisk for the default and a tilde for what no one made.
async fn listed(server: &Server, of_bucket: Option<&str>) -> Vec<String> {
    let mut path = "/api/v2/dbrps?org=o".to_owned();
    if let Some(bucket) = of_bucket {
        path.push_str(&format!("&bucketID={}", server.store().bucket(bucket).unwrap().id));
    }
    let found = get(server, &path).await;
    let line = |mapping: &serde_json::Value| {
        let text = |name: &str| mapping[name].as_str().unwrap().to_owned();
        let bucket = server.store().bucket(&text("bucketID")).unwrap().name;
        let default = if mapping["default"] == true { "*" } else { "" };
        let by_name = if mapping["virtual"] == true { "~" } else { "" };
        let (database, policy) = (text("database"), text("retention_policy"));
        format!("{database}/{policy}{default}{by_name} > {bucket}")
    };
    found["content"].as_array().unwrap().iter().map(line).collect()
}

/// The bucket that answers, or the error.
async fn answers(server: &Server, database: &str, policy: &str) -> String {
    let path = format!("/query?db={database}&rp={policy}&q=SELECT%20*%20FROM%20m");
    let result = get(server, &path).await["results"][0].clone();
    let value = result["series"][0]["values"][0][1].as_str().map(str::to_owned);
    value.or_else(|| result["error"].as_str().map(str::to_owned)).unwrap()
}

#[tokio::test]
async fn a_bucket_in_the_shadow_is_listed_as_if_it_counted() {
    // Asked for one bucket, only its own mappings are looked at.
    let server = serve(&["telegraf", "telegraf/autogen"], &[], None).await;
    assert_eq!(listed(&server, None).await, ["telegraf/autogen*~ > telegraf"]);
    assert_eq!(
        listed(&server, Some("telegraf/autogen")).await,
        ["telegraf/autogen~ > telegraf/autogen"]
    );
    assert_eq!(answers(&server, "telegraf", "autogen").await, "telegraf");
    assert_eq!(answers(&server, "telegraf", "").await, "telegraf");

    let server = serve(&["b", "other"], &[("b", "autogen", true, "other")], None).await;
    assert_eq!(listed(&server, None).await, ["b/autogen* > other", "other/autogen*~ > other"]);
    assert_eq!(listed(&server, Some("b")).await, ["b/autogen*~ > b"]);
    assert_eq!(answers(&server, "b", "").await, "other");
    assert_eq!(answers(&server, "b", "autogen").await, "other");
}

#[tokio::test]
async fn a_default_of_another_policy_leaves_the_bucket_reachable_by_name() {
    let server = serve(&["b", "other"], &[("b", "rp", true, "other")], None).await;
    assert_eq!(
        listed(&server, None).await,
        ["b/rp* > other", "b/autogen~ > b", "other/autogen*~ > other"]
    );
    assert_eq!(listed(&server, Some("b")).await, ["b/autogen*~ > b"]);
    assert_eq!(answers(&server, "b", "").await, "other");
    assert_eq!(answers(&server, "b", "autogen").await, "b");
    // The first mapping of a database is its default even if it was made without being one.
    let server = serve(&["b", "other"], &[("b", "rp", false, "other")], None).await;
    assert_eq!(listed(&server, None).await[0], "b/rp* > other");
    assert_eq!(answers(&server, "b", "").await, "other");
    // A later default takes its place.
    let made = [("b", "rp", true, "other"), ("b", "new", true, "b")];
    let server = serve(&["b", "other"], &made, None).await;
    assert_eq!(
        listed(&server, None).await,
        ["b/rp > other", "b/new* > b", "b/autogen~ > b", "other/autogen*~ > other"]
    );
    assert_eq!(answers(&server, "b", "").await, "b");
}

#[tokio::test]
async fn behind_a_default_the_same_policy_may_be_listed_twice() {
    // The server stops at the default that it finds first, and so does not see what hides the bucket's own mapping.
    let made = [("b", "rp", true, "other"), ("b", "autogen", false, "other")];
    let server = serve(&["b", "other"], &made, None).await;
    assert_eq!(
        listed(&server, None).await,
        ["b/rp* > other", "b/autogen > other", "b/autogen~ > b", "other/autogen*~ > other"]
    );
    assert_eq!(answers(&server, "b", "autogen").await, "other");
}

#[tokio::test]
async fn what_a_token_may_not_see_hides_all_the_same() {
    let made = [("b", "rp", true, "other")];
    let server = serve(&["b", "other"], &made, Some("b")).await;
    assert_eq!(listed(&server, None).await, ["b/autogen~ > b"]);
    assert_eq!(answers(&server, "b", "").await, "default retention policy not set for: b");
    assert_eq!(answers(&server, "b", "autogen").await, "b");
    let server = serve(&["b", "other"], &[("b", "autogen", true, "other")], Some("b")).await;
    assert_eq!(listed(&server, None).await, [""; 0]);
    assert_eq!(listed(&server, Some("b")).await, ["b/autogen*~ > b"]);
    assert_eq!(answers(&server, "b", "").await, "database not found: b");
    // Buckets that cannot be seen have no mappings by their names.
    let server = serve(&["telegraf", "telegraf/autogen"], &[], Some("telegraf/autogen")).await;
    assert_eq!(listed(&server, None).await, ["telegraf/autogen~ > telegraf/autogen"]);
    assert_eq!(answers(&server, "telegraf", "autogen").await, "telegraf/autogen");
    assert_eq!(
        answers(&server, "telegraf", "").await,
        "default retention policy not set for: telegraf"
    );
}
