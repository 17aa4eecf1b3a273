//! The receipt of a comparison: what it tells, who can check it, and what is found in one that was changed.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use sluice::testing::sim::{BucketStore, Fault, Matcher, Rule};

use super::{BUCKET, OSS_ORG, PROGRESS, World, cloud_settings, oss_settings, sink};
use crate::spool::full::Disk;
use crate::support::need::{What, need};
use crate::support::process::{Ended, flat};
use crate::support::schema::{assert_receipt, assert_valid};

/// 2020-01-01, the time of the first value.
const START_NS: i64 = 1_577_836_800_000_000_000;
const BATCH_NS: i64 = 300_000_000_000;

impl World {
    fn receipt(&self) -> PathBuf {
        self.folder.path().join("plant.receipt.json")
    }

    fn text(&self) -> Vec<u8> {
        fs::read(self.receipt()).unwrap()
    }

    /// `verify` with a receipt; what it says, where it fits together for whoever looks.
    async fn receipt_of(&self, more: &[&str], code: i32) -> Value {
        let path = self.receipt().display().to_string();
        let verify = self.job("verify", &[more, &["--receipt", &path]].concat());
        self.start(verify).ended().await.assert_code(code);
        let whole: Value = serde_json::from_slice(&self.text()).unwrap();
        assert_receipt(&whole);
        self.check(&[]).await.assert_code(0);
        whole["receipt"].clone()
    }

    /// Nothing of a server or a token is at hand.
    async fn check(&self, more: &[&str]) -> Ended {
        let path = self.receipt().display().to_string();
        let mut check = self.command(&[&["verify", "--receipt-check", &path], more].concat());
        check.env_remove("INFLUX_TOKEN").env_remove("INFLUXDB_CLOUD_TOKEN");
        self.start(check).ended().await
    }

    async fn staged(&self, more: &[&str]) -> String {
        let place = self.folder.path().join("stage").display().to_string();
        let args = [more, &["--spool", "parquet", "--spool-dir", &place]].concat();
        self.migrate(&args).await.assert_code(0);
        place
    }
}

/// Each entry of a list.
fn each<'a>(list: &'a Value, name: &str) -> Vec<&'a Value> {
    list.as_array().unwrap().iter().map(|one| &one[name]).collect()
}

fn totals(batches: u64, different: u64, refused: u64, unproven: u64, values: u64) -> Value {
    json!({"batches": batches, "different": different, "refused": refused, "unproven": unproven, "values": values})
}

#[tokio::test]
async fn what_is_recorded_is_told_batch_by_batch() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    let asked = world.cloud.records().len();
    let receipt = world.receipt_of(&[], 0).await;
    assert_eq!(world.cloud.records().len(), asked, "the source was not asked");
    assert_eq!((&receipt["result"], &receipt["evidence"]), (&json!("equal"), &json!("recorded")));
    assert_eq!(receipt["totals"], totals(12, 0, 0, 0, 14_400));
    assert_eq!(receipt["measurements"], json!([{"measurement": "cpu", "values": 14_400}]));
    // Small neighbours were read as one.
    assert_eq!(each(&receipt["batches"], "values"), vec![&json!(1_200); 12]);
    assert_eq!(each(&receipt["batches"], "sum_of"), vec![&json!(12); 12]);
    let recorded = crate::support::digest::recorded(world.oss.store(), PROGRESS);
    let recorded: Vec<_> = recorded.into_iter().map(|(_, digest)| json!(digest)).collect();
    assert_eq!(each(&receipt["batches"], "digest"), recorded.iter().collect::<Vec<_>>());
    let (source, destination) = (&receipt["source"], &receipt["destination"]);
    assert_eq!(source["version"], Value::Null, "it was not asked");
    assert_eq!((&source["org"], &source["bucket"]), (&json!("ops-eu"), &json!(BUCKET)));
    assert_eq!(source["host"], world.cloud.url());
    assert_eq!(destination["host"], world.oss.url());
    assert_eq!((&destination["org"], &destination["build"]), (&json!(OSS_ORG), &json!("OSS")));
    for id in [source, destination] {
        assert_eq!(id["bucket_id"].as_str().map(str::len), Some(16), "{id}");
    }
    let job = json!({"batch_bucket": PROGRESS, "filter": "none", "interval": null});
    assert_eq!(receipt["job"], job);
    assert!(receipt["began"].as_str() <= receipt["ended"].as_str());
    // Names are for their owner.
    assert_eq!(fs::metadata(world.receipt()).unwrap().mode() & 0o777, 0o600);
    let told = world.check(&[]).await;
    assert!(told.out.starts_with("RECEIPT WHOLE (recorded, equal)"), "{}", told.out);
    assert!(flat(&told.out).contains("12 batches, 14,400 values"), "{}", told.out);
    let line = world.check(&["--json"]).await.lines().pop().unwrap();
    assert_valid(&line);
    assert_eq!((&line["equal_values"], &line["spool"]), (&json!(14_400), &Value::Null));
    // Colours are chosen as for every other command.
    for (env, is_painted) in [("NO_COLOR", false), ("LANG", true)] {
        let path = world.receipt().display().to_string();
        let mut check = world.command(&["verify", "--receipt-check", &path]);
        check.envs([("CLICOLOR_FORCE", "1"), (env, "C.UTF-8")]);
        let told = world.start(check).ended().await;
        assert_eq!(told.out.contains('\u{1b}'), is_painted, "{env}: {}", told.out);
    }
}

#[tokio::test]
async fn what_is_read_or_counted_is_told_as_that() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    let read = world.receipt_of(&["--source", "read"], 0).await;
    assert_eq!((&read["result"], &read["evidence"]), (&json!("equal"), &json!("read")));
    assert_eq!(each(&read["batches"], "proof"), vec![&json!("digest"); 12]);
    assert_eq!(read["totals"], totals(12, 0, 0, 0, 14_400));
    assert_eq!(read["job"]["interval"], "5m");
    assert!(read["source"]["org_id"].is_string(), "{}", read["source"]);
    let counts = world.receipt_of(&["--source", "counts"], 0).await;
    assert_eq!(each(&counts["batches"], "proof"), vec![&json!("counts"); 12]);
    assert_eq!(each(&counts["batches"], "digest"), vec![&Value::Null; 12]);
    assert_eq!(counts["measurements"], json!([{"measurement": "cpu", "values": 14_400}]));
    let told = world.check(&[]).await;
    assert!(flat(&told.out).contains("counts do not tell one value"), "{}", told.out);
    let spool = format!("spool:{}", world.staged(&[]).await);
    let asked = world.cloud.records().len();
    let staged = world.receipt_of(&["--source", &spool], 0).await;
    assert_eq!(world.cloud.records().len(), asked, "the source was not asked");
    assert_eq!((&staged["result"], &staged["evidence"]), (&json!("equal"), &json!("spool")));
    assert_eq!(staged["totals"]["values"], 14_400);
    assert_eq!(
        (&staged["source"]["host"], &staged["source"]["version"]),
        (&json!(world.cloud.url()), &Value::Null)
    );
    let told = world.check(&[]).await;
    assert!(flat(&told.out).contains("held what was staged"), "{}", told.out);
    // Parts: batches that reach over an end are whole, where they were recorded.
    let part = ["--start", "2020-01-01T00:04:00Z", "--stop", "2020-01-01T00:11:00Z"];
    let recorded = world.receipt_of(&part, 0).await;
    let range = json!({"start": "2020-01-01T00:00:00Z", "stop": "2020-01-01T00:15:00Z"});
    assert_eq!((&recorded["range"], &recorded["totals"]["values"]), (&range, &json!(3_600)));
    let read = world.receipt_of(&[&part[..], &["--source", "read"]].concat(), 0).await;
    assert_eq!(read["range"]["start"], "2020-01-01T00:04:00Z");
}

/// Several measurements, names that are no text, fields of several types, and hours without anything.
#[tokio::test]
async fn names_are_told_apart_and_empty_batches_are_told() {
    let store = BucketStore::default();
    store.create_bucket(BUCKET, 0);
    let at = |batch: i64| START_NS + batch * BATCH_NS;
    for line in [
        format!("cpu f=1i {}\n", at(0)).into_bytes(),
        format!("a\\ b f=1,g=\"x\" {}\n", at(0)).into_bytes(),
        format!("a%20b f=2 {}\n", at(9)).into_bytes(),
    ] {
        store.write_lp(BUCKET, &line).expect("a line");
    }
    let world = World::of(cloud_settings(), store, oss_settings(), sink()).await;
    world.migrate(&[]).await.assert_code(0);
    let measurements = json!([
        {"measurement": "a%20b", "values": 2},
        {"measurement": "a%2520b", "values": 1},
        {"measurement": "cpu", "values": 1},
    ]);
    let recorded = world.receipt_of(&[], 0).await;
    assert_eq!(recorded["measurements"], measurements);
    assert_eq!(
        each(&recorded["batches"], "batches"),
        [1, 0, 1, 0].map(|n| json!(n)).iter().collect::<Vec<_>>()
    );
    let read = world.receipt_of(&["--source", "read"], 0).await;
    assert_eq!(read["measurements"], measurements);
    let batches = each(&read["batches"], "batches");
    assert_eq!(batches.iter().map(|n| n.as_u64().unwrap()).sum::<u64>(), 12, "{batches:?}");
    assert!(each(&read["batches"], "proof").contains(&&json!("nothing")), "{read}");
}

#[tokio::test]
async fn what_differs_or_is_not_known_is_told_and_repaired() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    let store = world.oss.store();
    store.delete(BUCKET, None, START_NS + BATCH_NS, START_NS + BATCH_NS + 1);
    let receipt = world.receipt_of(&[], 4).await;
    assert_eq!(receipt["result"], "different");
    assert_eq!(receipt["totals"], totals(11, 1, 0, 0, 13_200));
    let differs = &receipt["batches"][1];
    assert_eq!((&differs["expected"], &differs["found"]), (&json!(1_200), &json!(1_160)));
    assert_eq!(differs["measurements"], json!(["cpu"]));
    let told = world.check(&[]).await;
    told.assert_code(0);
    assert!(flat(&told.out).contains("1,160 values where 1,200 should be"), "{}", told.out);
    let counts = world.receipt_of(&["--source", "counts"], 4).await;
    assert_eq!(counts["totals"], totals(11, 1, 0, 0, 13_200));
    // More at the destination.
    let repaired = world.receipt_of(&["--repair"], 0).await;
    assert_eq!(repaired["totals"], totals(12, 0, 0, 0, 14_400));
    assert_eq!(repaired["measurements"][0]["values"], 14_400);
    store.write_lp(BUCKET, format!("more f=1 {START_NS}\n").as_bytes()).expect("a line");
    let superset = world.receipt_of(&["--superset"], 0).await;
    assert_eq!(superset["batches"][0]["proof"], "superset");
    assert_eq!(superset["totals"]["values"], 14_401);
    assert_eq!(superset["measurements"][1], json!({"measurement": "more", "values": 1}));
    // Nothing is known of what was not moved.
    let unproven = world.receipt_of(&["--superset", "--start", "2019-12-31"], 3).await;
    assert_eq!(
        (&unproven["result"], &unproven["totals"]["unproven"]),
        (&json!("unproven"), &json!(0))
    );
    assert_eq!(unproven["unproven"][0]["why"], "no part of the job");
    let outside = ["--start", "2021-01-01", "--stop", "2021-01-02"];
    let outside = world.receipt_of(&outside, 3).await;
    assert_eq!(outside["batches"], json!([]));
    // The record of a batch has gone: another program may have moved it.
    world.oss.store().delete(PROGRESS, Some(b"batch_details"), i64::MIN, i64::MAX);
    world.cloud.store().delete(BUCKET, None, START_NS, START_NS + 1);
    let nothing = world.receipt_of(&["--source", "recorded"], 3).await;
    assert_eq!(nothing["result"], "unproven");
}

/// What the source has changed since, in a way that the destination has too.
#[tokio::test]
async fn a_batch_that_only_differs_from_its_record_is_equal_by_its_values() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    for store in [world.oss.store(), world.cloud.store()] {
        store.delete(BUCKET, None, START_NS, START_NS + 1);
    }
    let receipt = world.receipt_of(&[], 0).await;
    assert_eq!(receipt["batches"][0]["proof"], "values");
    assert_eq!(receipt["totals"], totals(12, 0, 0, 0, 14_360));
}

#[tokio::test]
async fn a_receipt_appears_whole_or_not_at_all() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    world.receipt_of(&[], 0).await;
    let before = world.text();
    let path = world.receipt().display().to_string();
    let verify = |path: &str| world.start(world.job("verify", &["--receipt", path]));
    // Stopped while it compares.
    let values = Matcher::path("/api/v2/query").body("rename(");
    world.oss.inject(Rule { matcher: values, times: 1, fault: Fault::Hang });
    let mut running = verify(&path);
    let hangs = |_: &_| world.oss.faults_used_up() && world.oss.requests_waiting() > 0;
    running.until("the destination is read", hangs).await;
    let second = verify(&path).ended().await;
    second.assert_code(11);
    assert!(second.err.contains("another program writes"), "{}", second.err);
    running.signal("TERM");
    running.ended().await.assert_code(143);
    world.oss.clear_faults();
    assert!(!world.folder.path().join("plant.receipt.json.partial").exists());
    assert_eq!(world.text(), before);
    // Failed.
    let failed = world.start(world.job("verify", &["--receipt", &path, "--measurement", "x"]));
    failed.ended().await.assert_code(13);
    assert_eq!(world.text(), before);
    // Nowhere to write, known before anything is asked.
    let asked = world.oss.records().len();
    let folder = world.folder.path().display().to_string();
    let none = format!("{folder}/no/such");
    for (path, words) in
        [(&none[..], "cannot be written"), (&folder, "is no file"), ("/dev/null", "is no file")]
    {
        let ended = verify(path).ended().await;
        ended.assert_code(7);
        assert!(ended.err.contains(words), "{}", ended.err);
    }
    assert_eq!(world.oss.records().len(), asked);
    // A link stays one.
    let link = world.folder.path().join("link");
    symlink(world.receipt(), &link).unwrap();
    verify(&link.display().to_string()).ended().await.assert_code(0);
    assert!(link.is_symlink());
    assert_ne!(world.text(), before);
}

#[tokio::test]
async fn a_full_disk_takes_no_receipt_and_leaves_the_old_one() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    let path = world.receipt().display().to_string();
    fs::write(&path, "as it was").unwrap();
    let limited = |blocks: u32, more: &[&str]| {
        let verify = world.job("verify", &[more, &["--receipt", &path]].concat());
        let mut shell = Command::new("/bin/sh");
        let limit = format!("ulimit -f {blocks}; exec \"$0\" \"$@\" > /dev/null 2>&1");
        shell.env_clear().args(["-c", &limit]);
        shell.arg(verify.get_program()).args(verify.get_args());
        shell.envs(verify.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell
    };
    world.start(limited(1, &[])).ended().await.assert_code(14);
    assert_eq!(fs::read_to_string(&path).unwrap(), "as it was");
    let Some(disk) = Disk::mount() else { return };
    let full = disk.path().join("receipt");
    fs::write(&full, "as it was").unwrap();
    disk.resize(8);
    let (fill, path) = (disk.path().join("fill"), full.display().to_string());
    let _ = fs::write(&fill, vec![0; 1 << 20]);
    let ended = world.start(world.job("verify", &["--receipt", &path, "--json"])).ended().await;
    ended.assert_code(14);
    // What was found is told all the same.
    let lines = ended.lines();
    assert_eq!(
        (&lines[0]["message_type"], &lines[0]["result"]),
        (&json!("verified"), &json!("equal"))
    );
    assert_eq!((&lines[0]["exit"], &lines[1]["exit"]), (&json!(14), &json!(14)));
    assert_eq!(fs::read_to_string(&full).unwrap(), "as it was");
    assert!(!disk.path().join("receipt.partial").exists());
}

/// By the program: a few bytes of all. Each one is in the tests of the form.
#[tokio::test]
async fn what_was_changed_since_is_no_receipt() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    world.receipt_of(&[], 0).await;
    let text = world.text();
    for at in (0..text.len()).step_by(text.len() / 12) {
        let mut other = text.clone();
        other[at] ^= 1;
        fs::write(world.receipt(), &other).unwrap();
        let ended = world.check(&[]).await;
        ended.assert_code(13);
        assert!(ended.err.contains("changed or cut") && ended.out.is_empty(), "{ended:?}");
        fs::write(world.receipt(), &text[..at.max(1)]).unwrap();
        world.check(&["--json"]).await.assert_code(13);
    }
    for (content, words) in [("", "no receipt"), ("{\"a\":1}\n", "no receipt")] {
        fs::write(world.receipt(), content).unwrap();
        let ended = world.check(&[]).await;
        ended.assert_code(2);
        assert!(ended.err.contains(words), "{ended:?}");
    }
    fs::remove_file(world.receipt()).unwrap();
    world.check(&[]).await.assert_code(2);
    let both = ["--receipt", "x", "--report", "x"];
    let both = world.start(world.job("verify", &both)).ended().await;
    both.assert_code(2);
    assert!(both.err.contains("the same file"), "{}", both.err);
}

#[tokio::test]
async fn nothing_of_a_job_goes_with_a_check() {
    let world = World::new().await;
    for more in [
        &["--source-bucket", "x"][..],
        &["--receipt", "x"],
        &["--source", "read"],
        &["--config", "x"],
        &["--repair"],
        &["--spool-dir", "x"],
    ] {
        let ended = world.check(more).await;
        ended.assert_code(2);
        assert!(ended.err.contains("cannot be used with"), "{ended:?}");
    }
}

#[tokio::test]
async fn a_spool_is_held_against_a_receipt() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    world.receipt_of(&[], 0).await;
    let place = world.staged(&[]).await;
    let check = async |place: &str| world.check(&["--spool", place]).await;
    let same = check(&place).await;
    same.assert_code(0);
    assert!(flat(&same.out).contains("12 batches with the digests"), "{}", same.out);
    let line = world.check(&["--spool", &place, "--json"]).await.lines().pop().unwrap();
    assert_valid(&line);
    assert_eq!(line["spool"]["equal_batches"], 12);
    // The destination is another one since.
    world.oss.store().delete(BUCKET, None, START_NS, START_NS + 1);
    world.cloud.store().delete(BUCKET, None, START_NS, START_NS + 1);
    world.receipt_of(&[], 0).await;
    let other = check(&place).await;
    other.assert_code(4);
    assert!(flat(&other.out).contains("2020-01-01T00:05:00Z): other values"), "{}", other.out);
    assert!(flat(&other.out).contains("11 batches with the digests"), "{}", other.out);
    // Counts have none.
    world.receipt_of(&["--source", "counts"], 0).await;
    let none = check(&place).await;
    none.assert_code(3);
    assert!(flat(&none.out).contains("nothing could be compared"), "{}", none.out);
    assert!(flat(&none.out).contains("counts of it, and no digest"), "{}", none.out);
}

#[tokio::test]
async fn what_a_spool_cuts_otherwise_is_compared_by_sums() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    world.receipt_of(&[], 0).await;
    // Every 35 minutes both have a bound.
    let place = world.staged(&["--batch-interval", "7m"]).await;
    let sums = world.check(&["--spool", &place]).await;
    sums.assert_code(0);
    assert!(flat(&sums.out).contains("0 batches and 2 stretches cut otherwise"), "{}", sums.out);
    // Of a part there is no common bound.
    let part = ["--start", "2020-01-01T00:05:00Z", "--stop", "2020-01-01T00:30:00Z"];
    world.receipt_of(&part, 0).await;
    let none = world.check(&["--spool", &place]).await;
    none.assert_code(3);
    assert!(flat(&none.out).contains("no two bounds in common"), "{}", none.out);
}

#[tokio::test]
async fn a_spool_of_another_job_is_refused() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    world.receipt_of(&[], 0).await;
    let place = world.staged(&["--measurement", "cpu"]).await;
    let ended = world.check(&["--spool", &place]).await;
    ended.assert_code(13);
    assert!(ended.err.contains("the filter is measurement"), "{}", ended.err);
    let nothing = world.folder.path().join("nothing").display().to_string();
    world.check(&["--spool", &nothing]).await.assert_code(13);
}

/// The page's own script.
#[tokio::test]
async fn the_script_of_the_page_checks_one() {
    let Some(python) = need(What::Python) else { return };
    let page = include_str!("../../../docs/verify.md");
    let script = page.split("```python\n").nth(2).and_then(|rest| rest.split("```").next());
    let world = World::new().await;
    let path = world.folder.path().join("receipt.py");
    fs::write(&path, script.expect("the page has a second script")).unwrap();
    world.migrate(&[]).await.assert_code(0);
    let run = || Command::new(&python).arg(&path).arg(world.receipt()).output().unwrap();
    for (evidence, code) in [("recorded", 0), ("read", 0), ("counts", 0)] {
        world.receipt_of(&["--source", evidence], code).await;
        let checked = run();
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(checked.status.success(), "{checked:?}");
        assert_eq!(said.trim(), format!("equal ({evidence}): 12 batches, 14400 values"));
    }
    let text = world.text();
    for at in (0..text.len()).step_by(text.len() / 25) {
        let mut other = text.clone();
        other[at] ^= 2;
        fs::write(world.receipt(), &other).unwrap();
        assert!(!run().status.success(), "{at}");
    }
}
