//! Where what is listed and what answers are two things: databases of InfluxQL, and measurements that no read returns.

use serde_json::json;
use sluice::testing::model::filter::Filter;
use sluice::testing::model::time::TimeRange;
use sluice::testing::sim::Dbrp;
use sluice::testing::wire::flux::{self, Selection};

use super::data::{DAY_NS, START_NS};
use super::pair::Pair;
use super::statements::{Asker, Ends};

/// Listed name of each measurement of [`unreadable_lines`].
const NAMES: [&str; 16] = [
    r"disk\ c",
    "disk c",
    r"alone\ x",
    r"com\,ma",
    "com,ma",
    r"eq\=x",
    "eq=x",
    r#"qu\"o"#,
    r#"qu"o"#,
    r"a\ z",
    r"a\\ z",
    r"a\\\ z",
    r"a\z",
    "a z",
    "e=x",
    r"z\ z",
];

/// Measurements that are listed and never returned, with and without a neighbour that answers for them.
fn unreadable_lines() -> String {
    let written = [
        r"disk\\ c,h=a v=1i",
        r"disk\ c,h=a v=2i",
        r"disk\ c,h=b v=3i",
        r"alone\\ x,h=a v=4i",
        r"com\\,ma,h=a v=5i",
        r"com\,ma,h=a v=50i",
        r"eq\\=x,h=a v=6i",
        r"eq=x,h=a v=60i",
        r#"qu\\"o,h=a v=7i"#,
        r#"qu\"o,h=a v=70i"#,
        r"a\z,h=a v=8i",
        r"a\ z,h=a v=9i",
        r"a\\ z,h=a v=10i",
        r"a\\\ z,h=a v=11i",
        r"a\\\\ z,h=a v=12i",
        r"e\=x,h=a v=13i",
        r"z\\ z,h=a v=14i",
        r"z\ z,h=a v=15i,only=16i",
        r"z\\ z,h=c v=17i",
        r"z\\ z,h=a w=18i",
    ];
    let mut lines = String::new();
    for (at, line) in written.iter().enumerate() {
        lines.push_str(&format!("{line} {}\n", START_NS + i64::try_from(at).unwrap()));
    }
    for (days, line) in [(1, r"z\\ z,h=a v=19i"), (1, r"z\ z,h=a w=20i"), (2, r"z\ z,h=a v=21i")] {
        lines.push_str(&format!("{line} {}\n", START_NS + days * DAY_NS));
    }
    lines
}

#[tokio::test]
async fn what_no_read_returns_is_listed_and_answered_alike() {
    let Some(pair) = Pair::start().await else { return };
    let bucket = "unreadable";
    pair.load(bucket, 86_400, unreadable_lines().as_bytes()).await;
    let filter = Filter::default();
    let at = |ns: i64| sluice::testing::model::time::Timestamp::from_ns(ns);
    let ranges = [
        TimeRange::new(at(START_NS), at(START_NS + 21 * DAY_NS)),
        TimeRange::new(at(START_NS), at(START_NS + 18)),
        TimeRange::new(at(START_NS + DAY_NS), at(START_NS + 2 * DAY_NS)),
    ];
    let (mut asked, mut wrong) = (0, Vec::new());
    for range in ranges {
        let all = Selection { bucket, range, filter: &filter, measurements: &[], without: &[] };
        let mut texts = vec![
            flux::read(all, "~f"),
            flux::count(all),
            flux::count_by_measurement(all),
            flux::count_by_series(all),
            flux::first(all),
            flux::earliest(all),
            flux::earliest_by_field(all),
            flux::latest(all),
            flux::fields_of(all),
            flux::index::measurements(bucket, range),
            flux::index::tag_keys(bucket, range),
        ];
        for name in NAMES {
            let name = name.as_bytes();
            let without = [flux::literal::not_measurement(name)];
            texts.extend([
                flux::read_keyed(all, "~f", name, &[b"h".to_vec()]),
                flux::read_pivoted(all, "~f", name, &[b"h".to_vec()]),
                flux::series_of(all, name, &[b"h".to_vec()]),
                flux::first_of_measurement(all, name),
                flux::index::series_cardinality(bucket, name),
                flux::count(Selection { without: &without, ..all }),
            ]);
        }
        asked += texts.len();
        for text in texts {
            wrong.extend(pair.query(&text).await);
        }
    }
    let mut asker = Asker::new(Ends::Newer(&pair));
    for statement in [
        "SHOW MEASUREMENTS",
        "SHOW FIELD KEYS",
        "SHOW TAG KEYS",
        "SHOW SERIES",
        "SHOW SERIES EXACT CARDINALITY",
        "SELECT * FROM /.*/ GROUP BY *",
        "SELECT count(*) FROM /.*/",
    ] {
        asker.ask(bucket, statement).await;
    }
    for name in NAMES {
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        for statement in [
            format!("SELECT * FROM \"{name}\" GROUP BY *"),
            format!("SELECT count(*) FROM \"{name}\""),
            format!("SHOW SERIES FROM \"{name}\""),
        ] {
            asker.ask(bucket, &statement).await;
        }
    }
    asked += asker.asked;
    wrong.extend(asker.wrong);
    let shown = wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} of {asked} answers differ:\n{shown}", wrong.len());
}

/// Databases, policies, whether it is made a default, and the bucket.
const MADE: [(&str, &str, bool, &str); 7] = [
    ("shadow", "autogen", true, "twin"),
    ("policy", "rp", true, "twin"),
    ("lone", "rp", false, "twin"),
    ("both", "rp", true, "twin"),
    ("both", "autogen", false, "twin"),
    ("late", "rp", true, "twin"),
    ("late", "rq", true, "late"),
];

#[tokio::test]
async fn databases_are_listed_and_answer_alike() {
    let made = MADE.map(|(database, policy, default, bucket)| Dbrp {
        database: database.to_owned(),
        retention_policy: policy.to_owned(),
        default,
        bucket: bucket.to_owned(),
    });
    let Some(pair) = Pair::start_with(made.to_vec()).await else { return };
    let buckets =
        ["twin", "shadow", "policy", "both", "late", "telegraf", "telegraf/autogen", "telegraf/rp"];
    let mut ids = vec![(pair.real.org_id.clone(), "37e0d56ad7b6896a".to_owned())];
    for name in buckets {
        let rule = json!({"type": "expire", "everySeconds": 0});
        let body = json!({"orgID": pair.real.org_id, "name": name, "retentionRules": [rule]});
        let real = pair.real.api("POST", "/api/v2/buckets", &body).await;
        let real = real["id"].as_str().unwrap().to_owned();
        let line = format!("m of=\"{name}\" 1");
        let path = format!("/api/v2/write?org={}&bucket={real}", pair.real.org);
        assert_eq!(pair.real.ask("POST", &path, line.as_bytes()).await.status, 204);
        ids.push((real, pair.sim.store().create_bucket(name, 0)));
        pair.sim.store().write_lp(name, line.as_bytes()).unwrap();
    }
    let id_of =
        |name: &str| ids[buckets.iter().position(|known| *known == name).unwrap() + 1].0.clone();
    let mut mapped = Vec::new();
    for (at, (database, policy, default, bucket)) in MADE.iter().enumerate() {
        let body = json!({
            "orgID": pair.real.org_id, "bucketID": id_of(bucket), "database": database,
            "retention_policy": policy, "default": default,
        });
        let made = pair.real.api("POST", "/api/v2/dbrps", &body).await;
        let id = made["id"].as_str().unwrap().to_owned();
        mapped.push((id, format!("{:016x}", 0x0db0_0000_0000_0001_u64 + at as u64)));
    }
    let paths_of = |buckets: &[&str]| -> Vec<String> {
        let org = format!("/api/v2/dbrps?orgID={}", pair.real.org_id);
        let mut paths: Vec<_> =
            buckets.iter().map(|name| format!("{org}&bucketID={}", id_of(name))).collect();
        for database in ["shadow", "policy", "lone", "both", "late", "telegraf", "none"] {
            paths.push(format!("{org}&db={database}"));
            paths.push(format!("{org}&db={database}&default=1"));
            paths.push(format!("{org}&db={database}&rp=autogen"));
            for policy in ["", "autogen", "rp", "rq", "none"] {
                let query = format!("/query?db={database}&rp={policy}&q=");
                paths.push(format!("{query}SELECT%20*%20FROM%20m"));
            }
            paths.push(format!("/query?db={database}&q=SHOW%20MEASUREMENTS"));
            paths.push(format!("/query?db={database}&q=SHOW%20TAG%20KEYS"));
        }
        paths
    };
    let paths = paths_of(&buckets);
    ids.extend(mapped);
    let token = ("Authorization", "Token TOKEN");
    let mut wrong = Vec::new();
    for path in paths {
        wrong.extend(pair.bare("GET", &path, &[token], "", &ids).await);
    }
    let shown = wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} differ:\n{shown}", wrong.len());
}
