//! Each finding of preflight, provoked.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use sluice::testing::config::ends::TokenSetting;
use sluice::testing::config::job::JobConfig;
use sluice::testing::config::values::{ExistingPolicy, IntervalChoice, QuotaChoice};
use sluice::testing::exit::ExitCode;
use sluice::testing::influx::signal::Observer;
use sluice::testing::job::ends::Ends;
use sluice::testing::job::{judge, quota};
use sluice::testing::pipeline::write::bucket::type_conflict::ConflictPolicy;
use sluice::testing::report::preflight::Verdict;
use sluice::testing::sim::{
    AccessToken, BucketStore, Fault, FluxTask, Matcher, ReadQuota, ServerClock, ServerSettings,
};

use crate::support::rig::{
    BATCHES, BUCKET, CLOUD_ORG, READ_TOKEN, Rig, WRITE_TOKEN, cloud, elsewhere, oss, oss_source,
    plant, store_of,
};

async fn rig(source: ServerSettings, destination: ServerSettings, target: Arc<BucketStore>) -> Rig {
    Rig::between(source, store_of(&plant(0..3), 7 * 86_400), destination, target).await.over(
        "2022-01-01",
        "2022-01-01T03:00:00Z",
        "1h",
    )
}

async fn plain() -> Rig {
    rig(cloud(), oss(), Arc::new(BucketStore::default())).await
}

fn task(status: &str) -> FluxTask {
    FluxTask {
        id: "0000000000000abc".to_owned(),
        name: "migrate".to_owned(),
        status: status.to_owned(),
        flux: format!("migration = {{batchInterval: 1h, sourceBucket: \"{BUCKET}\"}}"),
    }
}

const QUOTA: ReadQuota =
    ReadQuota { bytes_per_window: 300_000_000, window_ms: 300_000, phase_ms: 0 };

type Row = (&'static str, Verdict, Rig, fn(&mut JobConfig));

async fn rows() -> Vec<Row> {
    let with = |buckets: &[(&str, u64)]| {
        let store = Arc::new(BucketStore::default());
        for (name, retention_s) in buckets {
            store.create_bucket(name, *retention_s);
        }
        store
    };
    let both = || with(&[(BUCKET, 0), (BATCHES, 0)]);
    let shared = || {
        let store = both();
        let record =
            format!("batches,dstBucket=other,srcBucket={BUCKET},srcOrg={CLOUD_ORG} rows=1i 1\n");
        store.write_lp(BATCHES, record.as_bytes()).unwrap();
        store
    };
    let mut tasked = oss();
    tasked.tasks = vec![task("active")];
    let reads_only = || ServerSettings {
        tokens: vec![AccessToken {
            text: WRITE_TOKEN.to_owned(),
            permissions: vec![
                sluice::testing::sim::Permission::Read(BUCKET.to_owned()),
                sluice::testing::sim::Permission::Read(BATCHES.to_owned()),
            ],
        }],
        ..oss()
    };
    let other =
        ServerSettings { tokens: vec![AccessToken::read(READ_TOKEN, "other-1")], ..cloud() };
    let empty = Rig::between(cloud(), store_of(b"", 86_400), oss(), both()).await;
    let unreadable = Rig::between(
        cloud(),
        store_of(b"m,_value=x f=1 1640995200000000000\n", 86_400),
        oss(),
        both(),
    )
    .await;
    vec![
        ("P01", Verdict::Fail, plain().await, |c| {
            c.ends.source.host = "http://127.0.0.1:9".to_owned();
        }),
        ("P03", Verdict::Fail, rig(other, oss(), both()).await, |_| {}),
        ("P03", Verdict::Fail, plain().await, |c| c.ends.source_bucket = "nowhere".to_owned()),
        (
            "P04",
            Verdict::Fail,
            rig(cloud(), reads_only(), Arc::new(BucketStore::default())).await,
            |c| {
                c.ends.destination.org = None;
            },
        ),
        ("P05", Verdict::Fail, rig(cloud(), reads_only(), both()).await, |_| {}),
        ("P06", Verdict::Warn, limited().await, |c| {
            c.pace.quota = sluice::testing::config::values::QuotaChoice::Auto;
        }),
        ("P07", Verdict::Warn, plain().await, |_| {}),
        ("P08", Verdict::Warn, unreadable, |_| {}),
        ("P09", Verdict::Warn, empty, |c| {
            c.scope.start = sluice::testing::config::range::RangeStart::Earliest;
        }),
        ("P01", Verdict::Fail, plain().await, |c| {
            c.ends.source.host = c.ends.source.host.replace("http:", "https:");
        }),
        ("P20", Verdict::Warn, plain().await, |c| {
            c.ends.source.host = elsewhere(&c.ends.source.host);
        }),
        ("P20", Verdict::Warn, plain().await, |c| {
            c.ends.destination.host = elsewhere(&c.ends.destination.host);
        }),
        ("P10", Verdict::Fail, plain().await, |c| {
            c.ends.destination.host = "http://127.0.0.1:9".to_owned();
        }),
        (
            "P11",
            Verdict::Fail,
            rig(cloud(), oss(), with(&[(BUCKET, 86_400), (BATCHES, 0)])).await,
            |_| {},
        ),
        ("P13", Verdict::Fail, plain().await, |c| c.safety.create_buckets = false),
        ("P15", Verdict::Fail, plain().await, |c| c.safety.create_buckets = false),
        (
            "P15",
            Verdict::Fail,
            rig(cloud(), oss(), with(&[(BUCKET, 0), (BATCHES, 86_400)])).await,
            |_| {},
        ),
        ("P16", Verdict::Fail, rig(cloud(), tasked.clone(), both()).await, |_| {}),
        ("P16", Verdict::Warn, rig(cloud(), tasked, both()).await, |c| c.safety.pause_task = true),
        ("P17", Verdict::Fail, same().await, |c| {
            c.ends.destination =
                sluice::testing::config::ends::EndConfig { ..c.ends.source.clone() };
        }),
        ("P19", Verdict::Warn, rig(cloud(), oss(), shared()).await, |_| {}),
    ]
}

/// Those of tokens, filters and places.
async fn more_rows() -> Vec<Row> {
    vec![
        ("P02", Verdict::Fail, plain().await, |c| {
            c.ends.source.token =
                TokenSetting::Given { token: "no".to_owned(), origin: "test".to_owned() };
        }),
        ("P12", Verdict::Fail, rig(oss_source(), oss(), with_text()).await, |c| {
            c.safety.existing = ExistingPolicy::Merge;
        }),
        ("P12", Verdict::Warn, rig(oss_source(), oss(), with_text()).await, |c| {
            c.safety.existing = ExistingPolicy::Merge;
            c.safety.on_type_conflict = ConflictPolicy::Reject;
        }),
        ("P14", Verdict::Fail, rig(cloud(), oss(), with_text()).await, |_| {}),
        ("P21", Verdict::Warn, unchecked().await, |c| {
            c.ends.source.host = elsewhere(&c.ends.source.host);
        }),
        ("P22", Verdict::Warn, late().await, |_| {}),
        ("P23", Verdict::Fail, plain().await, |c| {
            c.ends.destination_bucket = "plant\\".to_owned();
        }),
        ("P24", Verdict::Fail, rig(cloud(), oss(), begun()).await, |c| {
            c.scope.filter.fields = vec!["i".to_owned()];
        }),
        ("P25", Verdict::Fail, rig(cloud(), oss(), held()).await, |_| {}),
        ("P26", Verdict::Fail, plain().await, |c| {
            c.scope.batch_interval = IntervalChoice::Fixed("1us".parse().unwrap());
        }),
        ("P27", Verdict::Fail, plain().await, |c| {
            c.safety.rejects = Some("/dev/null".into());
        }),
        ("P28", Verdict::Fail, plain().await, |c| {
            c.scope.filter.measurements = vec!["airr".to_owned()];
        }),
        ("P29", Verdict::Fail, rig(cloud(), oss(), begun_by("other")).await, |_| {}),
        ("P18", Verdict::Fail, plain().await, |c| c.ends.batch_bucket = BUCKET.to_owned()),
    ]
}

fn holding(bucket: &str, lines: &str) -> Arc<BucketStore> {
    let store = Arc::new(BucketStore::default());
    store.create_bucket(BUCKET, 0);
    store.create_bucket(BATCHES, 0);
    store.write_lp(bucket, lines.as_bytes()).unwrap();
    store
}

/// A field of the source as text.
fn with_text() -> Arc<BucketStore> {
    holding(BUCKET, "air,host=a i=\"x\" 1640995300000000000\n")
}

/// A job of another source into the same bucket.
fn begun_by(source: &str) -> Arc<BucketStore> {
    let tags = format!("dstBucket={BUCKET},kind=identity,srcBucket={source},srcOrg={CLOUD_ORG}");
    let fields = "start=\"2022-01-01T02:00:00.000000000Z\",stop=\"2022-01-01T02:30:00.000000000Z\"";
    holding(BATCHES, &format!("batch_details,{tags} {fields} 1640999000000000000\n"))
}

const TAGS: &str = "dstBucket=plant,srcBucket=plant,srcOrg=cloud-org";

/// A record of the official task.
fn begun() -> Arc<BucketStore> {
    let fields = "batch_start=\"2022-01-01T00:00:00.000000000Z\",\
                  batch_stop=\"2022-01-01T01:00:00.000000000Z\",rows=1i,percent_complete=1";
    holding(BATCHES, &format!("batches,{TAGS} {fields} 1640999000000000000\n"))
}

/// A lease of another machine.
fn held() -> Arc<BucketStore> {
    let now = ServerClock::system().now();
    let lease =
        format!("batch_details,kind=lease,{TAGS} machine=\"b\",run=\"7\",released=0i {now}\n");
    holding(BATCHES, &lease)
}

/// A source that packs no answer, and has long ones.
async fn unchecked() -> Rig {
    let mut lines = String::from_utf8(plant(0..3)).unwrap();
    for n in 0..300 {
        lines.push_str(&format!("one_of_many_measurements_{n} f=1 1640995200000000000\n"));
    }
    let target = Arc::new(BucketStore::default());
    let mut rig =
        Rig::between(cloud(), store_of(lines.as_bytes(), 7 * 86_400), oss(), target).await;
    rig.client.gzip = false;
    rig
}

/// A destination whose clock is an hour late.
async fn late() -> Rig {
    let clock = ServerClock::at(ServerClock::system().now() - 3_600_000_000_000);
    rig(cloud(), ServerSettings { clock, ..oss() }, Arc::new(BucketStore::default())).await
}

async fn limited() -> Rig {
    let settings = ServerSettings { limits_readable: false, ..cloud() };
    rig(settings, oss(), Arc::new(BucketStore::default())).await
}

async fn same() -> Rig {
    rig(oss_source(), oss(), Arc::new(BucketStore::default())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_finding_is_made() {
    let mut made = BTreeMap::<String, BTreeSet<&str>>::new();
    for (code, verdict, rig, change) in rows().await.into_iter().chain(more_rows().await) {
        let mut rig = rig;
        rig.client.retries_max = 1;
        let mut config = rig.config();
        change(&mut config);
        let ends =
            Ends::connect_with(&config, &rig.client.clone(), &(Arc::new(|_| ()) as _)).unwrap();
        let report = judge::check(&config, &ends).await.unwrap().report;
        for finding in report.findings().filter(|finding| finding.verdict != Verdict::Ok) {
            let severity = if finding.verdict == Verdict::Fail { "FAIL" } else { "WARN" };
            made.entry(finding.code.clone()).or_default().insert(severity);
        }
        let rows: Vec<_> =
            report.source.iter().chain(&report.destination).chain(&report.progress).collect();
        let found = rows.iter().any(|row| {
            matches!(row, sluice::testing::report::preflight::Row::Finding(finding)
                if finding.code == code && finding.verdict == verdict
                    && (verdict != Verdict::Fail || finding.cure.is_some()))
        });
        assert!(found, "{code}: {report:?}");
        // What the wrong bucket holds is its own: no advice to write over it.
        let is_own = report.findings().all(|finding| finding.code != "P14");
        assert!(is_own || !matches!(code, "P17" | "P18"), "{report:?}");
        let own = match code {
            _ if report.verdict() != Verdict::Fail => ExitCode::Done,
            "P02" => ExitCode::TokenRefused,
            "P24" | "P27" => ExitCode::State,
            "P25" => ExitCode::Locked,
            "P26" => ExitCode::Usage,
            _ => ExitCode::Permanent,
        };
        assert_eq!(report.exit(), own, "{code}");
        let asked = rig.destination.records();
        let changing = |r: &sluice::testing::sim::RequestRecord| {
            r.method != "GET" && r.body_bytes > 0 && !r.path.ends_with("/query")
        };
        assert!(!asked.iter().any(changing), "{code}: preflight writes nothing");
        if verdict == Verdict::Fail {
            rig.migrate(config).await.assert_exit(own);
            assert_eq!(rig.records().len(), usize::from(code == "P24"), "that of the task");
        }
    }
    hold_page(&made);
}

/// The codes of the sources, those of the page, and those that were made are the same, and so are their severities.
fn hold_page(made: &BTreeMap<String, BTreeSet<&str>>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/checks.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| P"));
    let told: BTreeMap<&str, Vec<&str>> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 5, "{row}");
            (cells[0], cells[2].split(", ").filter(|word| !word.starts_with("exit")).collect())
        })
        .collect();
    let known: BTreeSet<String> = codes_below(&root.join("src/job"));
    assert!(told.keys().copied().eq(known.iter().map(String::as_str)), "{known:?}");
    for (code, severities) in &told {
        let made = made.get(*code).unwrap_or_else(|| panic!("{code} is made by no test"));
        assert!(
            made.iter().copied().eq(severities.iter().rev().copied())
                || made.iter().all(|one| severities.contains(one)),
            "{code}: {made:?}"
        );
    }
}

/// What looks like a code of a check in the sources.
fn codes_below(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(codes_below(&path));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let codes = text.split('"').filter(|word| {
            word.len() == 3
                && word.starts_with('P')
                && word[1..].bytes().all(|byte| byte.is_ascii_digit())
        });
        found.extend(codes.map(str::to_owned));
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_row_of_the_quota_says_share_and_other_runs() {
    let settings = ServerSettings { quota: Some(QUOTA), ..cloud() };
    let rig = rig(settings, oss(), Arc::new(BucketStore::default())).await;
    let mut config = rig.config();
    config.pace.quota = QuotaChoice::Auto;
    let observer: Observer = Arc::new(|_| ());
    let ends = Ends::connect_with(&config, &rig.client.clone(), &observer).unwrap();
    let row = async |config: &JobConfig| {
        let checked = judge::check(config, &ends).await.unwrap();
        let found = checked.report.findings().find(|finding| finding.code == "P06").cloned();
        (found.unwrap().text, checked.source.unwrap())
    };
    let (text, facts) = row(&config).await;
    assert_eq!(text, "300 MB/5min for the whole org; share 90%");
    let mut runs = Vec::new();
    for others in ["1 other run on this machine shares it", "2 other runs on this machine share it"]
    {
        runs.push(quota::paced(&config, &ends.source, &facts, &observer).await);
        let (text, _) = row(&config).await;
        assert_eq!(text, format!("300 MB/5min for the whole org; share 90%; {others}"));
    }
    let usage = runs[1].quota().usage();
    assert_eq!((usage.quota_bytes, usage.runs), (Some(300_000_000), 2));
    drop(runs);
    config.pace.quota_share = "00:00,50% 12:00,50%".parse().unwrap();
    assert!(row(&config).await.0.ends_with("share 00:00,50% 12:00,50%"));
    config.pace.quota_share = "00:00,20% 23:59,30%".parse().unwrap();
    let text = row(&config).await.0;
    assert!(text.ends_with("share 00:00,20% 23:59,30%, 20% now") || text.ends_with("30% now"));
    config.safety.state_dir = "/dev/null".into();
    let text = row(&config).await.0;
    assert!(text.contains("other runs cannot be seen: cannot use /dev/null/quota"), "{text}");
}

/// The token that the guide prescribes: it reads one bucket and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_for_single_buckets_are_enough() {
    let source = ServerSettings { tokens: vec![AccessToken::read(READ_TOKEN, BUCKET)], ..cloud() };
    let may = |name: &str| {
        [
            sluice::testing::sim::Permission::Read(name.to_owned()),
            sluice::testing::sim::Permission::Write(name.to_owned()),
        ]
    };
    let destination = ServerSettings {
        tokens: vec![AccessToken {
            text: WRITE_TOKEN.to_owned(),
            permissions: may(BUCKET).into_iter().chain(may(BATCHES)).collect(),
        }],
        ..oss()
    };
    let target = Arc::new(BucketStore::default());
    target.create_bucket(BUCKET, 0);
    target.create_bucket(BATCHES, 0);
    let rig = rig(source, destination, target).await;
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    rig.assert_copied();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_active_task_is_paused_if_asked() {
    let mut destination = oss();
    destination.tasks = vec![task("active")];
    let rig = rig(cloud(), destination, Arc::new(BucketStore::default())).await;
    let mut config = rig.config();
    rig.migrate(config.clone()).await.assert_exit(ExitCode::Permanent);
    config.safety.pause_task = true;
    rig.migrate(config).await.assert_exit(ExitCode::Done);
    assert_eq!(rig.destination.tasks()[0].status, "inactive");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_of_others_is_not_written_over_unasked() {
    let target = Arc::new(BucketStore::default());
    target.create_bucket(BUCKET, 0);
    target
        .write_lp(BUCKET, b"theirs f=1 1640995300000000000\nlater f=1 1650000000000000000\n")
        .unwrap();
    let rig = rig(cloud(), oss(), target).await;
    let run = rig.migrate(rig.config()).await;
    run.assert_exit(ExitCode::Permanent);
    assert!(
        run.words().contains("--existing merge") && run.words().contains("holds 1 value in"),
        "{}",
        run.words()
    );
    assert!(rig.records().is_empty());
    let mut config = rig.config();
    config.safety.existing = ExistingPolicy::Merge;
    rig.migrate(config).await.assert_exit(ExitCode::Done);
    assert_eq!(rig.destination.store().count(BUCKET), 182);
    // From now on the job has an identity: what it wrote is its own.
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
}

/// Buckets that are made have no retention, and the source's shard groups.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buckets_are_made_to_fit() {
    let rig = Rig::start(cloud(), store_of(&plant(0..3), 3_600)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T03:00:00Z", "1h");
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let made = rig.destination.store().bucket(BUCKET).unwrap();
    assert_eq!((made.retention_s, made.shard_s), (0, 3_600));
    assert_eq!(rig.destination.store().bucket(BATCHES).unwrap().retention_s, 0);
}

/// Before anything else is blamed for it, and with places in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_predicate_is_told_as_such() {
    let rig = Rig::start(oss_source(), store_of(b"m,h=a f=1 1640995200000000000\n", 86_400)).await;
    for predicate in ["r.h == ", "r.h == \"a\" and (", "r.h ~ 1"] {
        let mut config = rig.config();
        config.scope.filter.predicate = Some(predicate.to_owned());
        let run = rig.migrate(config).await;
        run.assert_exit(ExitCode::Usage);
        let words = run.words();
        let begins = format!("--predicate \"{predicate}\": the request was refused (status 400): ");
        assert!(words.starts_with(&begins), "{words}");
        assert!(!words.contains("carriage") && !words.contains("trial"), "{words}");
    }
}

/// What an error and its cause both say is said once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_says_nothing_twice() {
    let rig = Rig::start(oss_source(), store_of(b"m,h=a f=1 1640995200000000000\n", 86_400)).await;
    let body = "{\"code\":\"invalid\",\"message\":\"no\"}".to_owned();
    let refused = Fault::Status { status: 400, retry_after: None, body };
    rig.source_fault(Matcher::path("/api/v2/query").body("schema.tagKeys"), u32::MAX, refused);
    let run = rig.migrate(rig.config()).await;
    assert_eq!(run.words(), "source: tag keys: the request was refused (status 400): no");
}
