//! Organizations that are left out, and some that are called like an id.

use std::sync::Arc;

use sluice::testing::config::job::JobConfig;
use sluice::testing::exit::ExitCode;
use sluice::testing::report::preflight::Verdict;
use sluice::testing::sim::{
    AccessToken, BucketStore, Fault, Matcher, Permission, RequestRecord, ServerSettings,
};

use crate::support::rig::{
    BATCHES, BUCKET, CLOUD_ORG, READ_TOKEN, Rig, WRITE_TOKEN, cloud, oss, oss_source, plant,
    store_of,
};

/// The token that the guide prescribes: it reads one bucket and sees no organization.
fn one_bucket(settings: ServerSettings) -> ServerSettings {
    ServerSettings { tokens: vec![AccessToken::read(READ_TOKEN, BUCKET)], ..settings }
}

/// A token that reads and writes both buckets, and sees no organization.
fn two_buckets() -> ServerSettings {
    let may = |name: &str| [Permission::Read(name.to_owned()), Permission::Write(name.to_owned())];
    let permissions = [BUCKET, BATCHES].into_iter().flat_map(may).collect();
    ServerSettings {
        tokens: vec![AccessToken { text: WRITE_TOKEN.to_owned(), permissions }],
        ..oss()
    }
}

fn both() -> Arc<BucketStore> {
    let store = Arc::new(BucketStore::default());
    store.create_bucket(BUCKET, 0);
    store.create_bucket(BATCHES, 0);
    store
}

async fn rig(source: ServerSettings, destination: ServerSettings, target: Arc<BucketStore>) -> Rig {
    let rig = Rig::between(source, store_of(&plant(0..3), 7 * 86_400), destination, target).await;
    rig.over("2022-01-01", "2022-01-01T03:00:00Z", "1h")
}

fn without_orgs(rig: &Rig) -> JobConfig {
    let mut config = rig.config();
    (config.ends.source.org, config.ends.destination.org) = (None, None);
    config
}

/// What the progress calls the organization of the source.
fn recorded_orgs(rig: &Rig) -> Vec<String> {
    let mut orgs: Vec<String> = rig
        .destination
        .store()
        .dump(BATCHES)
        .iter()
        .flat_map(|value| value.series.tags.clone())
        .filter(|(key, _)| **key == *b"srcOrg")
        .map(|(_, org)| String::from_utf8_lossy(&org).into_owned())
        .collect();
    orgs.sort();
    orgs.dedup();
    orgs
}

/// Requests that a real server refuses where they name no organization.
fn needs_org(request: &RequestRecord) -> bool {
    matches!(request.path.as_str(), "/api/v2/query" | "/api/v2/write" | "/api/v2/dbrps")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_left_out_is_taken_from_the_buckets() {
    let id = cloud().org_id;
    for (source, destination, target, recorded) in [
        (cloud(), oss(), both(), CLOUD_ORG),
        (cloud(), oss(), Arc::new(BucketStore::default()), CLOUD_ORG),
        (oss_source(), oss(), both(), CLOUD_ORG),
        (one_bucket(cloud()), two_buckets(), both(), id.as_str()),
        (one_bucket(oss_source()), oss(), Arc::new(BucketStore::default()), id.as_str()),
    ] {
        let rig = rig(source, destination, target).await;
        let run = rig.migrate(without_orgs(&rig)).await;
        run.assert_exit(ExitCode::Done);
        rig.assert_copied();
        assert_eq!(recorded_orgs(&rig), [recorded]);
        for server in [&rig.source, &rig.destination] {
            for request in server.records().iter().filter(|request| needs_org(request)) {
                assert!(request.query.contains(&id), "{request:?}");
            }
        }
        let warned = run.finding("P04").map(|found| found.verdict);
        assert_eq!(warned, (recorded == id).then_some(Verdict::Warn));
        // The same job goes on, and so it does with the name that the records hold.
        rig.migrate(without_orgs(&rig)).await.assert_exit(ExitCode::Done);
        let mut named = rig.config();
        named.ends.source.org = Some(recorded.to_owned());
        rig.migrate(named).await.assert_exit(ExitCode::Done);
        // Also with the name that preflight has asked for.
        rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
        assert_eq!(recorded_orgs(&rig), [recorded]);
        rig.assert_copied();
    }
}

/// The records name it, also where its id was given: it is one job, whichever was typed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organization_given_by_its_id_is_recorded_by_its_name() {
    let rig = rig(cloud(), oss(), both()).await;
    let mut by_id = rig.config();
    by_id.ends.source.org = Some(cloud().org_id);
    rig.migrate(by_id.clone()).await.assert_exit(ExitCode::Done);
    assert_eq!(recorded_orgs(&rig), [CLOUD_ORG]);
    let named = rig.migrate(rig.config()).await;
    named.assert_exit(ExitCode::Done);
    assert_eq!(named.opened(), 0);
    rig.migrate(by_id).await.assert_exit(ExitCode::Done);
    rig.assert_copied();
}

/// A job that began under the name goes on where the token does not tell it any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_is_taken_from_the_records() {
    let rig = rig(one_bucket(cloud()), oss(), both()).await;
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let run = rig.migrate(without_orgs(&rig)).await;
    run.assert_exit(ExitCode::Done);
    assert_eq!((recorded_orgs(&rig), run.opened()), (vec![CLOUD_ORG.to_owned()], 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_none_is_to_be_had_it_is_told_before_anything_is_made() {
    // No bucket yet, and a token that sees no organization.
    let rig = rig(cloud(), two_buckets(), Arc::new(BucketStore::default())).await;
    let run = rig.migrate(without_orgs(&rig)).await;
    run.assert_exit(ExitCode::Permanent);
    let found = run.finding("P04").unwrap();
    assert!(found.cure.is_some_and(|cure| cure.starts_with("--destination-org with its id")));
    assert!(rig.destination.store().bucket(BUCKET).is_none());
    // A name that no server has.
    for (source, code) in [(true, "P04"), (false, "P04")] {
        let mut config = rig.config();
        let end = if source { &mut config.ends.source } else { &mut config.ends.destination };
        end.org = Some("nowhere".to_owned());
        let fault = Fault::Status {
            status: 404,
            retry_after: None,
            body: "{\"code\":\"not found\",\"message\":\"organization name \\\"nowhere\\\" not found\"}"
                .to_owned(),
        };
        let matcher = Matcher::path("/api/v2/buckets");
        if source {
            rig.source_fault(matcher, u32::MAX, fault);
        } else {
            rig.source.clear_faults();
            rig.destination_fault(matcher, u32::MAX, fault);
        }
        let run = rig.migrate(config).await;
        run.assert_exit(ExitCode::Permanent);
        let found = run.finding(code).unwrap();
        assert!(found.cure.as_ref().is_some_and(|cure| cure.contains("-org ")), "{found:?}");
        assert!(rig.destination.store().bucket(BUCKET).is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_may_not_create_buckets_is_told_what_may() {
    let store = Arc::new(BucketStore::default());
    store.create_bucket(BUCKET, 0);
    let rig = rig(cloud(), two_buckets(), store).await;
    let run = rig.migrate(rig.config()).await;
    run.assert_exit(ExitCode::Permanent);
    for words in ["create bucket", "(cure: give a token that may create buckets, or create it by"] {
        assert!(run.words().contains(words), "no {words}: {}", run.words());
    }
}

/// Buckets of one name in two organizations, which a token for all of them sees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_buckets_of_one_name_are_not_chosen_between() {
    let rig = rig(cloud(), oss(), both()).await;
    let bucket = |id: &str, org: &str| {
        format!(
            "{{\"id\":\"{id}\",\"orgID\":\"{org}\",\"name\":\"{BUCKET}\",\"retentionRules\":null}}"
        )
    };
    let body = format!(
        "{{\"buckets\":[{},{}]}}",
        bucket("00000000000000aa", "00000000000000a0"),
        bucket("00000000000000bb", "00000000000000b0")
    );
    let twice = |status| Fault::Status { status, retry_after: None, body: body.clone() };
    rig.source_fault(Matcher::path("/api/v2/buckets"), u32::MAX, twice(200));
    let run = rig.migrate(without_orgs(&rig)).await;
    run.assert_exit(ExitCode::Permanent);
    let found = run.finding("P04").unwrap();
    assert!(found.text.contains("00000000000000a0, 00000000000000b0"), "{found:?}");
    rig.source.clear_faults();
    rig.destination_fault(Matcher::path("/api/v2/buckets"), u32::MAX, twice(200));
    let run = rig.migrate(without_orgs(&rig)).await;
    run.assert_exit(ExitCode::Permanent);
    assert!(run.finding("P04").unwrap().text.contains("2 organizations"));
}

/// A record of a bucket without retention says so in three ways.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_retention_rules_are_none() {
    for rules in ["\"retentionRules\":null,", "\"retentionRules\":[],", ""] {
        let rig = rig(cloud(), oss(), both()).await;
        let bucket = rig.source.store().bucket(BUCKET).unwrap();
        let body = format!(
            "{{\"buckets\":[{{\"id\":\"{}\",\"orgID\":\"{}\",{rules}\"name\":\"{BUCKET}\"}}]}}",
            bucket.id,
            cloud().org_id
        );
        let fault = Fault::Status { status: 200, retry_after: None, body };
        rig.source_fault(Matcher::path("/api/v2/buckets"), u32::MAX, fault);
        rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
        rig.assert_copied();
    }
}

/// Sixteen hexadecimal digits may be a name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organization_called_like_an_id_works() {
    const LIKE_AN_ID: &str = "deadbeefdeadbeef";
    for creating in [false, true] {
        let named =
            |settings: ServerSettings| ServerSettings { org: LIKE_AN_ID.to_owned(), ..settings };
        let target = if creating { Arc::new(BucketStore::default()) } else { both() };
        let rig = rig(named(cloud()), named(oss()), target).await;
        let mut config = rig.config();
        config.ends.source.org = Some(LIKE_AN_ID.to_owned());
        config.ends.destination.org = Some(LIKE_AN_ID.to_owned());
        let run = rig.migrate(config).await;
        run.assert_exit(ExitCode::Done);
        rig.assert_copied();
        assert_eq!(recorded_orgs(&rig), [LIKE_AN_ID]);
    }
}
