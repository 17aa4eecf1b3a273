//! `dashboard` as a program, and its queries on what real runs leave.

use std::process::Command;

use serde_json::Value as Json;
use sluice::testing::model::time::Timestamp;
use sluice::testing::report::dashboard::cells::CELLS;
use sluice::testing::sim::{AccessToken, Fault, Matcher, Permission, Rule, ServerSettings};

use super::exits::{OVER, clashing};
use super::{BUCKET, CLOUD_ORG, OSS_ORG, OSS_TOKEN, PROGRESS, World, cloud_settings, oss_settings};
use crate::support::cases::{Answer, ask};
use crate::support::dashboard::{Chosen, Row, column, rows};
use crate::support::kept::KeptJob;
use crate::support::process::Ended;

const TITLE: &str = "sluice: migration";

impl World {
    fn dashboard(&self, word: &str, more: &[&str]) -> Command {
        let oss = self.oss.url();
        let given = ["dashboard", word, "--destination-host", &oss];
        let mut command = self.command(&[&given[..], more].concat());
        command.env_remove("INFLUXDB_CLOUD_TOKEN");
        command
    }

    async fn run_dashboard(&self, word: &str, more: &[&str]) -> Ended {
        self.start(self.dashboard(word, more)).ended().await
    }

    /// Its code and first words.
    async fn assert_dashboard(&self, word: &str, more: &[&str], says: &str) {
        let ended = self.run_dashboard(word, more).await;
        ended.assert_code(0);
        assert!(ended.out.starts_with(says), "{says}: {ended:?}");
    }

    async fn answer(&self, flux: &str) -> Answer {
        let dialect = serde_json::json!({"annotations": ["datatype", "group", "default"]});
        let body = serde_json::json!({"query": flux, "type": "flux", "dialect": dialect});
        let headers = [
            ("Authorization".to_owned(), format!("Token {OSS_TOKEN}")),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        let path = format!("/api/v2/query?org={OSS_ORG}");
        ask(self.oss.addr(), "POST", &path, &headers, body.to_string().as_bytes()).await
    }

    /// The rows that a query returns.
    async fn rows(&self, flux: &str) -> Vec<Row> {
        let answer = self.answer(flux).await;
        assert_eq!(answer.status, 200, "{flux}\n{}", answer.text());
        rows(&answer.text())
    }

    /// The names of what templates and people have brought, sorted.
    fn objects(&self) -> Vec<String> {
        let mut names: Vec<_> = self.oss.objects().into_iter().map(|(_, name)| name).collect();
        names.sort();
        names
    }

    /// A destination with a batch bucket.
    async fn with_progress() -> Self {
        let world = Self::new().await;
        world.oss.store().create_bucket(PROGRESS, 0);
        world
    }
}

/// Two batches with values, of which the destination refuses two: a first run stops at one of them, a second is asked again
/// now and then, and ends.
async fn moved() -> World {
    let world = clashing(&["n v=2 1577838000000000000"]).await;
    let read_back = ["--verify", "batch"];
    world.migrate(&[&OVER[..], &read_back, &["--reject-limit", "1"]].concat()).await.assert_code(7);
    // The values of the first batch, by its end.
    let matcher = Matcher::path("/api/v2/query").body("2020-01-01T00:05:00Z) |> rename(");
    world.cloud.inject(Rule { matcher, times: 1, fault: Fault::Reset { after_bytes: 10 } });
    world.migrate(&[&OVER[..], &read_back].concat()).await.assert_code(3);
    world
}

/// A few minutes around now.
fn shown() -> (String, String) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now_ns = i64::try_from(now.as_nanos()).unwrap();
    let at = |s: i64| Timestamp::from_ns(now_ns + s * 1_000_000_000).to_rfc3339_nano();
    (at(-300), at(300))
}

/// What a cell shows of the job of [`moved`].
fn assert_cell(name: &str, rows: &[Row]) {
    let values = |label: &str| column(rows, label);
    let sum =
        |label: &str| values(label).iter().map(|text| text.parse::<f64>().unwrap()).sum::<f64>();
    match name {
        "percent_complete" => assert_eq!(values("_value"), ["100"]),
        // A run that has ended foretells nothing, and this one had no quota.
        "time_left_min" | "time_left_max" | "quota_used" => assert!(rows.is_empty(), "{rows:?}"),
        "batches_open" => assert_eq!(values("_value"), ["0"]),
        "rejected" => assert_eq!(values("_value"), ["2"]),
        "run" => {
            assert_eq!((values("state"), values("phase").len()), (vec!["complete".to_owned()], 1));
            assert_eq!(values("verified"), ["unproven"]);
            assert_eq!(values("dstBucket"), [BUCKET]);
        }
        // How many records the empty batches share is a matter of speed.
        "values_per_batch" => assert!((sum("_value") - 5.0).abs() < 1e-9, "{rows:?}"),
        // Pieces of ten seconds.
        "values_per_s" => assert!((sum("_value") - 0.5).abs() < 1e-9, "{rows:?}"),
        "source_bytes_per_s" => assert!(sum("_value") > 1.0, "{rows:?}"),
        "source_bytes_per_window" => assert!(sum("_value") > 10.0, "{rows:?}"),
        "quota" => assert_eq!(
            (values("quota_bytes"), values("quota_used_bytes").len()),
            (vec!["0".to_owned()], 1)
        ),
        "retries_and_splits" => {
            assert_eq!(
                (values("rejected"), values("splits")),
                (vec!["2".to_owned()], vec!["0".to_owned()])
            );
            assert!(sum("retries") >= 1.0, "{rows:?}");
        }
        "retries_per_batch" => assert!(sum("_value") >= 1.0, "{rows:?}"),
        "last_errors" => {
            // Of two runs; the newer one stands first.
            assert_eq!(values("exit").last().unwrap(), "7");
            assert!(values("last_error").last().unwrap().contains("reject"), "{rows:?}");
            let mut times = values("_time");
            times.reverse();
            assert!(times.is_sorted(), "{times:?}");
        }
        "verified_ranges" => {
            assert_eq!(
                (values("proven"), values("read")),
                (vec!["1".to_owned()], vec!["1".to_owned()])
            );
            assert_eq!(values("start"), ["2020-01-01T00:20:00.000000000Z"]);
        }
        other => panic!("nothing is known of the cell {other}"),
    }
}

#[tokio::test]
async fn each_cell_shows_what_a_run_has_left() {
    let world = moved().await;
    let (start, stop) = shown();
    let chosen = Chosen {
        batch_bucket: PROGRESS,
        source_org: CLOUD_ORG,
        source_bucket: BUCKET,
        shown: (&start, &stop),
    };
    for (name, query) in chosen.of_influxdb().into_iter().chain(chosen.of_grafana()) {
        assert_cell(name, &world.rows(&query).await);
    }
    let values: Vec<_> = chosen.of_variables();
    for (query, value) in values.iter().zip([CLOUD_ORG, BUCKET, CLOUD_ORG, BUCKET]) {
        assert_eq!(column(&world.rows(query).await, "_value"), [value]);
    }
    // Of another job they show nothing.
    let other = Chosen { source_bucket: "other", ..chosen };
    for (name, query) in other.of_influxdb().into_iter().chain(other.of_grafana()) {
        assert_eq!(world.rows(&query).await, [], "{name}");
    }
}

#[tokio::test]
async fn what_a_run_waits_for_and_the_time_left_are_shown() {
    let world = World::with_progress().await;
    let job = KeptJob {
        state: "waiting",
        hours: 41,
        waits: Some(("quota", "source quota (normal)", 1)),
        eta: Some((225, 290)),
        last_error: "source: it broke, \"twice\"".replace('"', "\\\"").leak(),
        ..KeptJob::NEW
    };
    let (start, stop) = shown();
    let now: Timestamp = start.parse().unwrap();
    let lines = job.lines(now.ns() + 1_000_000_000);
    // A quarter of a quota is used.
    let lines = lines.replace("quota_bytes=0i", "quota_bytes=1000i");
    let lines = lines.replace("quota_used_bytes=0i", "quota_used_bytes=250i");
    world.oss.store().write_lp(PROGRESS, lines.as_bytes()).unwrap();
    let chosen = Chosen {
        batch_bucket: PROGRESS,
        source_org: "ops-eu",
        source_bucket: "plant",
        shown: (&start, &stop),
    };
    for (name, query) in chosen.of_influxdb().into_iter().chain(chosen.of_grafana()) {
        let rows = world.rows(&query).await;
        match name {
            "time_left_min" => assert_eq!(column(&rows, "_value"), ["225"]),
            "time_left_max" => assert_eq!(column(&rows, "_value"), ["290"]),
            "percent_complete" => assert_eq!(column(&rows, "_value"), ["41"]),
            "run" => {
                assert_eq!(column(&rows, "waits_for"), ["quota"]);
                assert_eq!(column(&rows, "waits_why"), ["source quota (normal)"]);
                assert_eq!(column(&rows, "waits_since").len(), 1);
            }
            "last_errors" => {
                assert_eq!(column(&rows, "last_error"), ["source: it broke, \"twice\""]);
                assert_eq!(column(&rows, "exit"), ["-1"]);
            }
            "quota_used" => {
                assert_eq!((column(&rows, "_value"), rows.len()), (vec!["25".to_owned()], 1));
                assert!(!rows[0].contains_key("quota_bytes"), "{rows:?}");
            }
            "quota" => {
                assert_eq!(column(&rows, "quota_bytes"), ["1000"]);
                assert_eq!(column(&rows, "quota_used_bytes"), ["250"]);
            }
            "verified_ranges" => assert_eq!(rows, [], "{name}"),
            _ => {}
        }
    }
}

/// Those cells of the vendor's dashboard that read the records of a job.
#[tokio::test]
async fn the_vendors_own_dashboard_shows_the_same_records() {
    let world = moved().await;
    let (start, stop) = shown();
    let prelude = format!(
        "option v = {{timeRangeStart: {start}, timeRangeStop: {stop}, source_org: {CLOUD_ORG:?}, source_bucket: {BUCKET:?}}}\n"
    );
    let job = "|> filter(fn: (r) => r.srcOrg == v.source_org) |> filter(fn: (r) => r.srcBucket == v.source_bucket)";
    let from = format!(
        "from(bucket: \"{PROGRESS}\") |> range(start: v.timeRangeStart, stop: v.timeRangeStop) \
         |> filter(fn: (r) => r._measurement == \"batches\")"
    );
    let rows_of_batches =
        format!("{prelude}{from} |> filter(fn: (r) => r._field == \"rows\") {job}");
    let values = column(&world.rows(&rows_of_batches).await, "_value");
    assert_eq!(values.iter().map(|text| text.parse::<u64>().unwrap()).sum::<u64>(), 5);
    let percent = format!(
        "{prelude}{from} |> filter(fn: (r) => r._field == \"percent_complete\") {job} |> last()"
    );
    assert_eq!(column(&world.rows(&percent).await, "_value"), ["100"]);
    let table = format!(
        "{prelude}{from} |> pivot(rowKey: [\"_time\"], columnKey: [\"_field\"], valueColumn: \"_value\") \
         |> drop(columns: [\"_start\", \"_stop\", \"_measurement\"])"
    );
    let rows = world.rows(&table).await;
    let columns: Vec<_> = rows[0].keys().map(String::as_str).collect();
    for wanted in
        ["batch_start", "batch_stop", "percent_complete", "rows", "srcBucket", "dstBucket"]
    {
        assert!(columns.contains(&wanted), "{columns:?}");
    }
    assert_eq!(rows.len(), values.len());
}

#[tokio::test]
async fn it_is_installed_once_and_removed_alone() {
    let world = World::with_progress().await;
    world.oss.add_variable("source_org");
    let all =
        [TITLE, "sluice_migration_source_bucket", "sluice_migration_source_org", "source_org"];
    world.assert_dashboard("remove", &[], "nothing to remove").await;
    world.assert_dashboard("apply", &["--dry-run"], "would install: dashboard").await;
    assert_eq!((world.objects(), world.oss.stacks()), (vec!["source_org".to_owned()], 0));
    world.assert_dashboard("apply", &[], "installed: dashboard \"sluice: migration\" with 2").await;
    assert_eq!(world.objects(), all);
    let ended = world.run_dashboard("apply", &[]).await;
    assert!(ended.out.contains(&format!("{}/orgs/", world.oss.url())), "{ended:?}");
    world.assert_dashboard("apply", &[], "unchanged: dashboard").await;
    let applied = |world: &World| {
        let records = world.oss.records();
        records
            .iter()
            .filter(|record| record.path == "/api/v2/templates/apply" && record.status == 201)
            .count()
    };
    assert_eq!(
        (world.objects(), world.oss.stacks(), applied(&world)),
        (all.map(str::to_owned).to_vec(), 1, 1)
    );
    // Another batch bucket has a dashboard of its own.
    world.oss.store().create_bucket("Night-1", 0);
    let night = ["--batch-bucket", "Night-1"];
    world.assert_dashboard("apply", &night, "installed: dashboard \"sluice: Night-1\"").await;
    assert!(world.objects().contains(&"sluice__4eight_2d1_source_org".to_owned()));
    assert_eq!((world.objects().len(), world.oss.stacks()), (7, 2));
    world.assert_dashboard("remove", &["--dry-run"], "would remove: dashboard").await;
    assert_eq!(world.objects().len(), 7);
    world.assert_dashboard("remove", &[], "removed: dashboard \"sluice: migration\" with 2").await;
    world.assert_dashboard("remove", &night, "removed: dashboard \"sluice: Night-1\"").await;
    assert_eq!((world.objects(), world.oss.stacks()), (vec!["source_org".to_owned()], 0));
}

#[tokio::test]
async fn what_somebody_changed_is_put_right() {
    let world = World::with_progress().await;
    world.assert_dashboard("apply", &[], "installed").await;
    world.oss.change_dashboard(TITLE, "mine");
    world.assert_dashboard("apply", &["--dry-run"], "would update").await;
    assert!(world.objects().contains(&"mine".to_owned()));
    world.assert_dashboard("apply", &[], "updated").await;
    world.assert_dashboard("apply", &[], "unchanged").await;
    // The name is right, a cell is not there.
    world.oss.change_dashboard(TITLE, TITLE);
    world.assert_dashboard("apply", &[], "updated").await;
    assert_eq!(world.objects().len(), 3);
}

#[tokio::test]
async fn a_bucket_that_is_gone_does_not_keep_its_dashboard() {
    let world = World::with_progress().await;
    world.assert_dashboard("apply", &[], "installed").await;
    let id = world.oss.store().bucket(PROGRESS).unwrap().id;
    let headers = [("Authorization".to_owned(), format!("Token {OSS_TOKEN}"))];
    ask(world.oss.addr(), "DELETE", &format!("/api/v2/buckets/{id}"), &headers, b"").await;
    for more in [&["--destination-org", OSS_ORG][..], &[]] {
        world.assert_dashboard("remove", &[more, &["--dry-run"]].concat(), "would remove").await;
    }
    world.assert_dashboard("remove", &[], "removed").await;
    assert_eq!(world.objects(), Vec::<String>::new());
}

#[tokio::test]
async fn what_stands_in_the_way_is_named() {
    // No batch bucket.
    let world = World::new().await;
    let none = world.run_dashboard("apply", &[]).await;
    none.assert_code(7);
    assert!(none.err.contains("no bucket \"migration\""), "{none:?}");
    assert!(none.err.contains("the first run creates it"), "{none:?}");
    // Another organization.
    let world = World::with_progress().await;
    let other = world.run_dashboard("apply", &["--destination-org", "nobody"]).await;
    other.assert_code(7);
    assert!(other.err.contains("nobody"), "{other:?}");
    // A variable of somebody else.
    world.oss.add_variable("sluice_migration_source_bucket");
    let taken = world.run_dashboard("apply", &[]).await;
    taken.assert_code(7);
    assert!(taken.err.contains("a variable \"sluice_migration_source_bucket\""), "{taken:?}");
    assert_eq!((world.objects().len(), world.oss.stacks()), (1, 0));
    // The server's words on a template, and on a right that only shows when all is applied.
    for (status, skip, body, says) in [
        (
            422,
            0,
            "{\"errors\":[{\"kind\":\"Dashboard\",\"fields\":[\"root\",\"spec\"],\"reason\":\"must be greater than 0\"}],\
             \"code\":\"unprocessable entity\",\"message\":\"unprocessable entity\"}",
            "unprocessable entity: Dashboard root.spec: must be greater than 0",
        ),
        (
            500,
            1,
            "{\"code\":\"internal error\",\"message\":\"failed to create dashboards: write:orgs/1/dashboards is unauthorized\"}",
            "write:orgs/1/dashboards is unauthorized",
        ),
        (
            201,
            1,
            "{\"diff\":{\"dashboards\":[],\"variables\":[]},\"summary\":{\"dashboards\":[]},\
             \"errors\":[{\"kind\":\"Variable\",\"fields\":[\"root\"],\"reason\":\"it is odd\"}]}",
            "does not accept the template: Variable root: it is odd",
        ),
    ] {
        let world = World::with_progress().await;
        let matcher = Matcher::path("/api/v2/templates/apply").skip(skip);
        let fault = Fault::Status { status, retry_after: None, body: body.to_owned() };
        world.oss.inject(Rule { matcher, times: u32::MAX, fault });
        let refused = world.run_dashboard("apply", &[]).await;
        refused.assert_code(7);
        assert!(refused.err.contains(says), "{refused:?}");
        assert_eq!((world.objects().len(), world.oss.stacks()), (0, 0), "nothing stays of it");
    }
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let token = AccessToken {
        text: OSS_TOKEN.to_owned(),
        permissions: vec![
            Permission::Read(PROGRESS.to_owned()),
            Permission::Write(PROGRESS.to_owned()),
        ],
    };
    let oss = ServerSettings { tokens: vec![token], ..oss_settings() };
    let world = World::with(cloud_settings(), oss).await;
    world.oss.store().create_bucket(PROGRESS, 0);
    for word in ["apply", "remove"] {
        let refused = world.run_dashboard(word, &[]).await;
        refused.assert_code(7);
        assert!(refused.err.contains("the token lacks the right"), "{refused:?}");
        assert!(
            refused.err.contains("write dashboards, variables and the organization"),
            "{refused:?}"
        );
        assert!(!refused.err.contains(OSS_TOKEN), "{refused:?}");
    }
    let matcher = Matcher::path("/api/v2/buckets");
    world.oss.inject(Rule { matcher, times: u32::MAX, fault: Fault::unauthorized() });
    world.run_dashboard("apply", &[]).await.assert_code(12);
}

/// Neither a server nor a token is needed, and what a name holds stays inside of its literal.
#[tokio::test]
async fn it_is_printed_without_a_server() {
    let world = World::new().await;
    let print = |more: &[&str]| {
        let mut command = world.command(&[&["dashboard", "export"], more].concat());
        command.env_remove("INFLUX_TOKEN").env_remove("INFLUXDB_CLOUD_TOKEN");
        world.start(command)
    };
    let odd = "a \"b\\ ${x} \u{e4}";
    for (form, more) in [(None, &[][..]), (Some("Grafana"), &["--grafana"])] {
        for bucket in [PROGRESS, odd] {
            let ended = print(&[more, &["--batch-bucket", bucket]].concat()).ended().await;
            ended.assert_code(0);
            let json: Json = serde_json::from_str(&ended.out).unwrap();
            assert_eq!(json.is_array(), form.is_none(), "{json}");
            assert!(!ended.out.contains("${x}") || bucket == odd);
        }
    }
    assert_eq!(world.oss.records().len(), 0);
    world.oss.store().create_bucket(odd, 0);
    let job = KeptJob { hours: 7, ..KeptJob::NEW };
    let (start, stop) = shown();
    let now: Timestamp = start.parse().unwrap();
    world.oss.store().write_lp(odd, job.lines(now.ns()).as_bytes()).unwrap();
    let chosen = Chosen {
        batch_bucket: odd,
        source_org: "ops-eu",
        source_bucket: "plant",
        shown: (&start, &stop),
    };
    for (name, query) in chosen.of_influxdb() {
        let rows = world.rows(&query).await;
        assert!(name != "percent_complete" || column(&rows, "_value") == ["7"], "{rows:?}");
    }
}

/// The table of the page is that of the program.
#[test]
fn the_page_tells_of_each_cell() {
    let page = include_str!("../../../docs/dashboard.md");
    let table = page
        .split_once("<!-- cells -->\n")
        .and_then(|(_, rest)| rest.split_once("<!-- end of cells -->"))
        .expect("the table of cells")
        .0;
    let mut wanted = "| cell | kind | unit | what it shows |\n|---|---|---|---|\n".to_owned();
    for cell in &CELLS {
        wanted += &format!(
            "| {} | {} | {} | {} |\n",
            cell.title,
            cell.kind.word(),
            cell.unit.word(),
            cell.shows
        );
    }
    assert_eq!(table, wanted, "\n{wanted}");
}

/// What Grafana needs of a dashboard: panels with ids of their own that do not lie over each other.
#[test]
fn the_grafana_form_holds_together() {
    let dashboard = sluice::testing::report::dashboard::grafana(PROGRESS);
    let panels = dashboard["panels"].as_array().unwrap();
    let mut taken = std::collections::BTreeSet::new();
    for (at, panel) in panels.iter().enumerate() {
        assert_eq!(panel["id"], at + 1);
        assert!(["stat", "timeseries", "table"].contains(&panel["type"].as_str().unwrap()));
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
        assert_eq!(panel["targets"][0]["datasource"], panel["datasource"]);
        let number = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        let (x, y, w, h) = (number("x"), number("y"), number("w"), number("h"));
        assert!(x + w <= 24 && w > 0 && h > 0, "{panel}");
        for place in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(place), "two panels at {place:?}");
        }
    }
    let list = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = list.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["datasource", "source_org", "source_bucket"]);
    assert_eq!((&list[0]["type"], &list[0]["query"]), (&"datasource".into(), &"influxdb".into()));
}
