//! `verify --source spool:DIR` as a program: the source is gone, and its files prove what the destination holds.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::exits::files;
use super::verify::steady;
use super::{BUCKET, CLOUD_ORG, OSS_ORG, World};
use crate::support::process::{Ended, flat};
use crate::support::schema::assert_valid;

/// 2020-01-01, the time of the first value.
const START_NS: i64 = 1_577_836_800_000_000_000;

impl World {
    fn staged_at(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    async fn stage_to(&self, name: &str, more: &[&str]) -> String {
        let place = self.staged_at(name);
        let spool = ["--spool", "parquet", "--spool-dir", &place];
        self.migrate(&[&spool[..], more].concat()).await.assert_code(0);
        place
    }

    /// Stages everything and loads it.
    async fn loaded(&self) -> String {
        let (place, host) = (self.stage_to("stage", &[]).await, self.oss.url());
        let load = ["load", &place, "--destination-host", &host, "--destination-org", OSS_ORG];
        let load = [&load[..], &["--create-buckets"]].concat();
        self.start(self.command(&load)).ended().await.assert_code(0);
        place
    }

    /// Compares with a spool: nothing of the source is given but the name of its bucket.
    fn against(&self, place: &str, more: &[&str]) -> Command {
        let (source, oss) = (format!("spool:{place}"), self.oss.url());
        let [host, org] = ["--destination-host", "--destination-org"];
        let args = ["verify", "--source", &source, "--source-bucket", BUCKET, host, &oss, org];
        let mut command = self.command(&[&args[..], &[OSS_ORG], more].concat());
        command.env_remove("INFLUXDB_CLOUD_TOKEN");
        command
    }

    async fn held_against(&self, place: &str, more: &[&str]) -> Ended {
        self.start(self.against(place, more)).ended().await
    }
}

fn first_file(place: &str) -> PathBuf {
    let data = files(&PathBuf::from(place).join("data"));
    data.into_iter().map(|(path, _)| path).min().expect("a file")
}

#[tokio::test]
async fn a_difference_is_named_and_repaired_from_the_files() {
    let world = World::new().await;
    let place = world.loaded().await;
    let asked = world.cloud.records().len();
    let equal = world.held_against(&place, &[]).await;
    equal.assert_code(0);
    let screen = steady(&equal.out, &world).replace(&place, "/data/stage");
    let page = include_str!("../../../docs/verify.md");
    assert!(page.contains(&format!("```text\n{screen}```")), "{screen}");
    let store = world.oss.store();
    let tsbs = store.dump(BUCKET).into_iter().find(|value| value.time == START_NS);
    let series = tsbs.expect("a value").series.to_string();
    let line = format!("{series} usage_idle=1000i {START_NS}\n");
    store.write_lp(BUCKET, line.as_bytes()).expect("a line");
    store.delete(BUCKET, None, START_NS + 600_000_000_000, START_NS + 600_000_000_001);
    // Whatever the settings tell of the source, nothing of it is asked, and no token looked for.
    let gone = ["--source-host", "http://127.0.0.1:9", "--source-org", CLOUD_ORG];
    let gone = [&gone[..], &["--source-token-file", "/nowhere/at/all"]].concat();
    let found = world.held_against(&place, &gone).await;
    found.assert_code(4);
    assert!(found.out.starts_with("DIFFERENT (spool)"), "{}", found.out);
    assert!(found.out.contains("usage_idle = 1000i, 10i in the spool"), "{}", found.out);
    assert!(found.out.contains("40 values missing, 1 changed, 0 that only"), "{}", found.out);
    let json = world.held_against(&place, &["--json", "--differences", "2"]).await;
    json.assert_code(4);
    let last = json.lines().pop().expect("a line");
    assert_valid(&last);
    assert_eq!((&last["evidence"], &last["spool"]), (&"spool".into(), &place.clone().into()));
    let repaired = world.held_against(&place, &["--repair"]).await;
    repaired.assert_code(0);
    assert!(repaired.out.contains("repaired  41 values written again"), "{}", repaired.out);
    world.assert_whole();
    assert_eq!(world.cloud.records().len(), asked, "the source was not asked");
}

/// The place is one wherever it is typed, and settings that tell where to stage are no other job.
#[tokio::test]
async fn a_place_is_named_as_everywhere() {
    let world = World::new().await;
    let place = world.loaded().await;
    for named in [format!("file://{place}"), format!("{place}/")] {
        let equal = world.held_against(&named, &["-q"]).await;
        equal.assert_code(0);
        assert!(equal.out.starts_with("VERIFIED (spool)"), "{}", equal.out);
    }
    let spool = ["--spool", "parquet", "--spool-dir", &place];
    world.held_against(&place, &spool).await.assert_code(0);
    let file = world.folder.path().join("job.toml");
    let text = format!("[verify]\nsource = \"spool:{place}\"\n");
    fs::write(&file, text).expect("a file");
    let mut from_file = world.job("verify", &["--config", &file.display().to_string()]);
    from_file.env_remove("INFLUXDB_CLOUD_TOKEN");
    let ended = world.start(from_file).ended().await;
    ended.assert_code(0);
    assert!(ended.out.starts_with("VERIFIED (spool)"), "{}", ended.out);
    for (place, more, code, words) in [
        ("/nowhere/at/all", &[][..], 13, "holds no spool"),
        ("ftp://host/x", &[], 2, "is no place for a spool"),
        (&place, &["--batch-interval", "1us"], 2, "batches, more than"),
        (&place, &["--measurement", "nothing"], 2, "holds no measurement"),
        (&place, &["--tag", "hostname=host_0"], 2, "by time and measurement only"),
        (&place, &["--on-type-conflict", "suffix", "--repair"], 2, "--repair cannot tell"),
    ] {
        let ended = world.held_against(place, more).await;
        ended.assert_code(code);
        assert!(ended.err.contains(words), "{}", ended.err);
    }
}

/// A file that is not what was written is an error with its name, and never a difference of the destination.
#[tokio::test]
async fn a_damaged_file_is_an_error() {
    let world = World::new().await;
    let place = world.loaded().await;
    let file = first_file(&place);
    let (name, whole) = (file.file_name().expect("a name"), fs::read(&file).expect("bytes"));
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    let cut = &whole[..whole.len() - 1];
    for bytes in [Some(&damaged[..]), Some(cut), None] {
        match bytes {
            Some(bytes) => fs::write(&file, bytes).expect("written"),
            None => fs::remove_file(&file).expect("removed"),
        }
        let ended = world.held_against(&place, &[]).await;
        ended.assert_code(13);
        let is_named = ended.err.contains(&*name.to_string_lossy());
        let words = if bytes.is_some() { "is damaged" } else { "is missing" };
        assert!(is_named && ended.err.contains(words), "{}", ended.err);
        assert!(!ended.out.contains("DIFFERENT"), "{}", ended.out);
    }
    // What lies beside it is no matter of this file.
    let later = world.held_against(&place, &["--start", "2020-01-01T00:30:00Z"]).await;
    later.assert_code(0);
    fs::write(&file, &whole).expect("written");
    world.held_against(&place, &[]).await.assert_code(0);
    fs::write(file.with_file_name("x.parquet"), b"x").expect("written");
    let ended = world.held_against(&place, &[]).await;
    ended.assert_code(13);
    assert!(ended.err.contains("does not belong to it"), "{}", ended.err);
}

/// It is staged beside a migration, up to a half, in batches of its own.
#[tokio::test]
async fn a_spool_of_a_half_proves_a_half() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    let more = ["--stop", "2020-01-01T00:30:00Z", "--batch-interval", "10m"];
    let place = world.stage_to("half", &more).await;
    let found = world.held_against(&place, &["--batch-interval", "15m"]).await;
    found.assert_code(3);
    assert!(found.out.starts_with("NOT WHOLLY PROVEN (spool)"), "{}", found.out);
    assert!(found.out.contains("equal     2 batches, 7,200 values"), "{}", found.out);
    let rest = "unproven  [2020-01-01T00:30:00Z, 2020-01-01T01:00:00Z): not staged";
    assert!(found.out.contains(rest), "{}", found.out);
    let half = ["--batch-interval", "15m", "--stop", "2020-01-01T00:30:00Z"];
    world.held_against(&place, &half).await.assert_code(0);
}

#[tokio::test]
async fn another_spool_is_refused() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    let store = world.cloud.store();
    store.create_bucket("other", 0);
    store.write_lp("other", b"m f=1 1577836800000000000\n").expect("a line");
    let other = world.stage_to("other", &["--source-bucket", "other"]).await;
    let part = world.stage_to("part", &["--measurement", "cpu"]).await;
    for (place, words) in [
        (&other, "the source bucket of the job is \"plant\", that of the spool \"other\""),
        (&part, "the filter of the job is \"none\""),
    ] {
        let ended = world.held_against(place, &["--repair"]).await;
        ended.assert_code(13);
        let said = flat(&ended.err);
        assert!(said.contains(words), "{said}");
    }
}
