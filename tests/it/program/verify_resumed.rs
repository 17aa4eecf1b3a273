//! `verify` that is stopped, and goes on: what was found equal is not read again, and nothing counts as equal that was not.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use sluice::testing::model::time::Timestamp;
use sluice::testing::sim::{Fault, Matcher, RequestRecord, Rule, Value as Stored};

use super::{BUCKET, CLOUD_TOKEN, OSS_TOKEN, PROGRESS, Running, World};
use crate::spool::full::Disk;
use crate::support::process::{Ended, flat};
use crate::support::schema::{assert_receipt, assert_valid};

/// 2020-01-01, the time of the first value.
const START_NS: i64 = 1_577_836_800_000_000_000;

/// All series are in each answer: nothing waits for a list of them.
const PLAIN: [&str; 2] = ["--transport", "flux"];
const READ: [&str; 4] = ["--source", "read", PLAIN[0], PLAIN[1]];

/// Values are read so often before the destination falls silent; samples of them too.
const READ_BEFORE: u32 = 5;

impl World {
    /// Everything is moved, in batches too large to be read together, as their records say.
    async fn moved() -> Self {
        let world = Self::new().await;
        world.migrate(&[]).await.assert_code(0);
        let large = |value: &mut Stored| {
            *value = match value {
                Stored::Integer(_) => Stored::Integer(3_000_000),
                Stored::Unsigned(_) => Stored::Unsigned(3_000_000),
                Stored::Float(_) => Stored::Float(3e6),
                Stored::String(_) => Stored::String((*b"3000000").into()),
                Stored::Boolean(_) => unreachable!("it is a number"),
            }
        };
        world.record_again(
            |_| true,
            0,
            |field, value| {
                if field == b"acknowledged" {
                    large(value);
                }
            },
        );
        world
    }

    /// Writes records of batches again, so much later, with some of their values changed.
    fn record_again(
        &self,
        is_it: impl Fn(i64) -> bool,
        later_ns: i64,
        change: impl Fn(&[u8], &mut Stored),
    ) {
        let store = self.oss.store();
        for mut one in store.dump(PROGRESS) {
            let series = one.series.to_string();
            if !series.starts_with("batch_details")
                || !series.contains("kind=batch")
                || !is_it(one.time)
            {
                continue;
            }
            change(&one.field, &mut one.value);
            let value = match &one.value {
                Stored::Float(value) => value.to_string(),
                Stored::Integer(value) => format!("{value}i"),
                Stored::Unsigned(value) => format!("{value}u"),
                Stored::Boolean(value) => value.to_string(),
                Stored::String(text) => format!("\"{}\"", String::from_utf8_lossy(text)),
            };
            let field = String::from_utf8_lossy(&one.field);
            let line = format!("{series} {field}={value} {}\n", one.time + later_ns);
            store.write_lp(PROGRESS, line.as_bytes()).expect("a line");
        }
    }

    fn journal(&self) -> PathBuf {
        let jobs = fs::read_dir(self.state().join("sluice")).expect("the state folder is there");
        let files = jobs.map(|job| job.expect("a folder").path().join("verify.journal"));
        let found: Vec<_> = files.filter(|file| file.exists()).collect();
        assert!(found.len() < 2, "{found:?}");
        found.into_iter().next().unwrap_or_else(|| self.state().join("no journal"))
    }

    /// Stretches that the journal knows.
    fn known(&self) -> u64 {
        let text = fs::read_to_string(self.journal()).unwrap_or_default();
        (text.lines().count() as u64).saturating_sub(1)
    }

    /// The start of the batch that it knew first.
    fn first_known(&self) -> i64 {
        let text = fs::read_to_string(self.journal()).unwrap();
        let line: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
        line["pieces"][0][0].as_i64().unwrap()
    }

    /// Batches that were read at the destination, so far.
    fn reads(&self) -> u64 {
        // Samples are of one measurement. What was not answered is noted whenever its client is missed.
        let is_read = |one: &&RequestRecord| {
            let text = &one.body_head;
            one.status == 200 && text.contains("rename(") && !text.contains("filter(")
        };
        self.oss.records().iter().filter(is_read).count() as u64
    }

    /// A comparison that stands still in its middle, because the destination says nothing more.
    async fn standing(&self, more: &[&str]) -> Running {
        let values = Matcher::path("/api/v2/query").body("rename(").skip(READ_BEFORE);
        self.oss.inject(Rule { matcher: values, times: 1, fault: Fault::Hang });
        let mut running = self.start(self.job("verify", more));
        let hangs = |_: &_| {
            self.oss.faults_used_up() && self.oss.requests_waiting() > 0 && self.known() > 0
        };
        running.until("some of it is found equal", hangs).await;
        running
    }

    /// The destination answers, now that the one who has asked is gone: nothing is carried out that it has asked.
    async fn answers_again(&self) {
        while self.oss.requests_waiting() > 0 {
            tokio::task::yield_now().await;
        }
        self.oss.clear_faults();
    }

    /// The same, killed; gives how many batches are known.
    async fn killed(&self, more: &[&str]) -> u64 {
        self.standing(more).await.kill();
        self.answers_again().await;
        let known = self.known();
        assert!((1..12).contains(&known), "{known}");
        known
    }

    async fn verify(&self, more: &[&str]) -> Ended {
        self.start(self.job("verify", more)).ended().await
    }

    /// The receipt of a comparison.
    async fn told(&self, more: &[&str], code: i32) -> (Ended, Value) {
        let path = self.folder.path().join("receipt.json").display().to_string();
        let ended = self.verify(&[more, &["--receipt", &path]].concat()).await;
        ended.assert_code(code);
        let whole: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_receipt(&whole);
        let check = self.command(&["verify", "--receipt-check", &path]);
        self.start(check).ended().await.assert_code(0);
        (ended, whole["receipt"].clone())
    }

    async fn all_staged(&self) -> String {
        let place = self.folder.path().join("stage").display().to_string();
        self.migrate(&["--spool", "parquet", "--spool-dir", &place]).await.assert_code(0);
        place
    }
}

/// A receipt without what tells when it was found.
fn timeless(receipt: &Value) -> Value {
    let mut receipt = receipt.clone();
    for member in ["began", "ended"] {
        receipt[member] = Value::Null;
    }
    for batch in receipt["batches"].as_array_mut().unwrap() {
        batch.as_object_mut().unwrap().remove("compared");
    }
    receipt
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When batches were compared, of those that an earlier comparison has compared.
fn earlier(receipt: &Value) -> Vec<&str> {
    let batches = receipt["batches"].as_array().unwrap();
    batches.iter().filter_map(|batch| batch["compared"].as_str()).collect()
}

async fn goes_on(world: &World, more: &[&str], signal: Option<(&str, i32)>) {
    let running = world.standing(more).await;
    let known = world.known();
    assert_eq!(fs::metadata(world.journal()).unwrap().mode() & 0o777, 0o600);
    let text = fs::read_to_string(world.journal()).unwrap();
    for secret in [CLOUD_TOKEN, OSS_TOKEN, "host_0", "usage"] {
        assert!(!text.contains(secret), "{text}");
    }
    match signal {
        Some((signal, code)) => {
            running.signal(signal);
            let ended = running.ended().await;
            ended.assert_code(code);
            let said = flat(&ended.err);
            assert!(said.contains("the same command goes on from there"), "{said}");
        }
        None => running.kill(),
    }
    world.answers_again().await;
    assert!(world.known() >= known && (1..12).contains(&known), "{known}");
    let (known, reads) = (world.known(), world.reads());
    let (ended, receipt) = world.told(more, 0).await;
    assert_eq!(world.reads() - reads, 12 - known, "what is known is not read again");
    let said = flat(&ended.out);
    let batches = if known == 1 { "1 batch".to_owned() } else { format!("{known} batches") };
    assert!(said.contains(&format!("resumed {batches} compared between ")), "{said}");
    assert!(said.contains("by a comparison that was stopped"), "{said}");
    assert!(said.contains("equal 12 batches, 14,400 values"), "{said}");
    let times = earlier(&receipt);
    assert_eq!(times.len() as u64, known);
    let began = time(receipt["began"].as_str().unwrap());
    assert!(times.iter().all(|at| began <= time(at)), "{receipt}");
    assert!(!world.journal().exists(), "it came to its end");
    // Unchanged, it is the same from the start.
    let (ended, whole) = world.told(&[more, &["--from-start"]].concat(), 0).await;
    assert!(!ended.out.contains("resumed"), "{}", ended.out);
    assert_eq!(timeless(&receipt), timeless(&whole));
    assert_eq!(earlier(&whole), Vec::<&str>::new());
}

#[tokio::test]
async fn by_what_is_recorded_it_goes_on() {
    let world = World::moved().await;
    goes_on(&world, &PLAIN, Some(("TERM", 143))).await;
    goes_on(&world, &PLAIN, None).await;
}

#[tokio::test]
async fn by_both_ends_it_goes_on() {
    let world = World::moved().await;
    goes_on(&world, &READ, Some(("INT", 130))).await;
    goes_on(&world, &READ, None).await;
}

#[tokio::test]
async fn by_a_spool_it_goes_on() {
    let world = World::moved().await;
    let spool = format!("spool:{}", world.all_staged().await);
    let against = ["--source", &spool, PLAIN[0], PLAIN[1]];
    goes_on(&world, &against, Some(("TERM", 143))).await;
    goes_on(&world, &against, None).await;
}

/// By an error, a limit of time, and once more in the middle of what was left.
#[tokio::test]
async fn whatever_stops_it_what_is_equal_is_kept() {
    let world = World::moved().await;
    let refused = Matcher::path("/api/v2/query").body("rename(").skip(READ_BEFORE);
    world.oss.inject(Rule { matcher: refused, times: 1, fault: Fault::unauthorized() });
    let failed = world.verify(&READ).await;
    failed.assert_code(12);
    let said = flat(&failed.err);
    assert!(said.contains("what was found equal is kept: the same command goes on"), "{said}");
    let known = world.known();
    assert!((1..12).contains(&known), "{known}");
    let values = Matcher::path("/api/v2/query").body("rename(").skip(READ_BEFORE);
    world.oss.inject(Rule { matcher: values, times: 1, fault: Fault::Hang });
    let limited = world.verify(&[&READ[..], &["--max-duration", "2s"]].concat()).await;
    assert!(flat(&limited.err).contains("the same command goes on from there"), "{}", limited.err);
    world.answers_again().await;
    let more = world.known();
    assert!(more > known, "{more} {known}");
    let json = world.verify(&[&READ[..], &["--json"]].concat()).await;
    json.assert_code(0);
    let last = json.lines().pop().expect("a line");
    assert_valid(&last);
    assert_eq!((&last["resumed"]["batches"], &last["equal_batches"]), (&json!(more), &json!(12)));
    assert_eq!(last["resumed"]["values"], more * 1_200);
    let [first, latest] = ["first", "last"].map(|at| time(last["resumed"][at].as_str().unwrap()));
    assert!(first <= latest, "{last}");
    let json = world.verify(&[&READ[..], &["--json"]].concat()).await.lines().pop().unwrap();
    assert_valid(&json);
    assert_eq!(json["resumed"], Value::Null);
}

/// What was found equal counts as it was found: the result says when. All of it is looked at from the start.
#[tokio::test]
async fn what_is_damaged_since_is_seen_from_the_start_only() {
    for more in [&PLAIN[..], &READ] {
        let world = World::moved().await;
        let known = world.killed(more).await;
        let journal = (world.journal(), fs::read(world.journal()).unwrap());
        let start = world.first_known();
        world.oss.store().delete(BUCKET, None, start, start + 1);
        let blind = world.verify(more).await;
        blind.assert_code(0);
        assert!(flat(&blind.out).contains(&format!("resumed {known} batch")), "{}", blind.out);
        fs::write(&journal.0, &journal.1).unwrap();
        let seen = world.verify(&[more, &["--from-start"]].concat()).await;
        seen.assert_code(4);
        assert!(!world.journal().exists());
    }
}

/// Its record is another one, or what the source holds of it.
#[tokio::test]
async fn a_batch_that_changed_at_the_evidence_is_read_again() {
    let world = World::moved().await;
    let known = world.killed(&PLAIN).await;
    let nth = (world.first_known() - START_NS) / 300_000_000_000;
    let records = world.oss.store().dump(PROGRESS).into_iter();
    let of_batches = records.filter(|one| one.series.to_string().contains("kind=batch"));
    let times: BTreeSet<i64> = of_batches.map(|one| one.time).collect();
    let time_of_it = *times.iter().nth(nth.try_into().unwrap()).expect("its record");
    world.record_again(|time| time == time_of_it, 60_000_000_000, |_, _| ());
    let (ended, receipt) = world.told(&PLAIN, 0).await;
    assert!(flat(&ended.out).contains("equal 12 batches"), "{}", ended.out);
    assert_eq!(earlier(&receipt).len() as u64, known - 1, "{receipt}");
    // The source has more of the first batch, and so has the destination.
    let known = world.killed(&READ).await;
    let start = world.first_known();
    for store in [world.cloud.store(), world.oss.store()] {
        store.write_lp(BUCKET, format!("cpu more=1 {start}\n").as_bytes()).expect("a line");
    }
    let (ended, receipt) = world.told(&READ, 0).await;
    assert!(flat(&ended.out).contains("equal 12 batches, 14,401 values"), "{}", ended.out);
    assert_eq!(earlier(&receipt).len() as u64, known - 1, "{receipt}");
}

/// Cut or changed: nothing counts that was not found. Each offset is in the tests of the form.
#[tokio::test]
async fn a_damaged_journal_is_not_believed() {
    let world = World::moved().await;
    world.killed(&READ).await;
    let (path, text) = (world.journal(), fs::read(world.journal()).unwrap());
    let (_, whole) = world.told(&[&READ[..], &["--from-start"]].concat(), 0).await;
    for (nth, at) in (0..text.len()).step_by(text.len() / 8).enumerate() {
        let mut other = text.clone();
        other[at] ^= 1 << (nth % 8);
        fs::write(&path, &other).unwrap();
        let (ended, receipt) = world.told(&READ, 0).await;
        assert!(flat(&ended.err).contains("this one begins from the start"), "{}", ended.err);
        assert_eq!(receipt["batches"], whole["batches"]);
        fs::write(&path, &text[..at]).unwrap();
        let (ended, receipt) = world.told(&READ, 0).await;
        assert!(!ended.err.contains("begins from the start"), "{}", ended.err);
        assert_eq!(timeless(&receipt), timeless(&whole));
        let lines = String::from_utf8_lossy(&text[..at]).matches('\n').count();
        assert_eq!(earlier(&receipt).len(), lines.saturating_sub(1));
    }
}

#[tokio::test]
async fn of_another_comparison_nothing_is_believed() {
    let world = World::moved().await;
    world.killed(&READ).await;
    let (path, text) = (world.journal(), fs::read(world.journal()).unwrap());
    let other = world.verify(&PLAIN).await;
    other.assert_code(0);
    assert!(flat(&other.err).contains("the evidence was another one"), "{}", other.err);
    assert!(!other.out.contains("resumed"), "{}", other.out);
    // Nothing of these is kept, or used.
    for more in [&["--source", "counts"][..], &["--source", "read", "--sample", "50%"]] {
        fs::write(&path, &text).unwrap();
        let ended = world.verify(more).await;
        ended.assert_code(0);
        assert!(!ended.out.contains("resumed"), "{}", ended.out);
        assert_eq!(fs::read(&path).unwrap(), text);
    }
    // Of a part of the range the same batches are known: the first two, if they were compared.
    let is_known = |batch: &i64| {
        let start = 1_577_836_800_000_000_000 + batch * 300_000_000_000;
        String::from_utf8_lossy(&text).contains(&format!("[{start},"))
    };
    let of_part = (0..2).filter(is_known).count();
    let part = [&READ[..], &["--stop", "2020-01-01T00:10:00Z"]].concat();
    let (_, receipt) = world.told(&part, 0).await;
    let batches = receipt["batches"].as_array().unwrap().len();
    assert_eq!((batches, earlier(&receipt).len()), (2, of_part));
    // Batches of another length are others.
    fs::write(&path, &text).unwrap();
    let (_, receipt) = world.told(&[&READ[..], &["--batch-interval", "6m"]].concat(), 0).await;
    assert_eq!(earlier(&receipt), Vec::<&str>::new());
}

/// A repair that is stopped: what was equal stays known, what differs is found and repaired.
#[tokio::test]
async fn a_repair_goes_on() {
    let world = World::moved().await;
    let last = START_NS + 11 * 300_000_000_000;
    world.oss.store().delete(BUCKET, None, last, last + 1);
    let repair = [&PLAIN[..], &["--repair"]].concat();
    let known = world.killed(&repair).await;
    let repaired = world.verify(&repair).await;
    repaired.assert_code(0);
    let said = flat(&repaired.out);
    assert!(said.contains(&format!("resumed {known} batch")), "{said}");
    assert!(said.contains("40 values written again"), "{said}");
    assert!(!world.journal().exists());
    world.assert_whole();
}

/// The second one says so, goes without, and leaves the first one alone.
#[tokio::test]
async fn one_of_two_at_one_time_keeps_a_journal() {
    let world = World::moved().await;
    let values = Matcher::path("/api/v2/query").body("rename(").skip(READ_BEFORE);
    let stall = Fault::Stall { after_bytes: 0, ms: 3_600_000 };
    world.oss.inject(Rule { matcher: values, times: 1, fault: stall });
    let mut first = world.start(world.job("verify", &READ));
    first.until("one of them is left", |_| world.known() == 11).await;
    let text = fs::read(world.journal()).unwrap();
    for more in [&READ[..], &[&READ[..], &["--from-start"]].concat()] {
        let second = world.verify(more).await;
        second.assert_code(0);
        let said = flat(&second.err);
        assert!(said.contains("another comparison of this job is under way (process"), "{said}");
        assert!(!second.out.contains("resumed"), "{}", second.out);
    }
    assert_eq!(fs::read(world.journal()).unwrap(), text);
    first.kill();
}

/// What was read by key tags alone waits for a list of its series, which does not come so soon.
#[tokio::test]
async fn what_may_be_read_wrongly_is_not_kept() {
    let world = World::moved().await;
    let values = Matcher::path("/api/v2/query").body("rename(").skip(READ_BEFORE);
    world.oss.inject(Rule { matcher: values, times: 1, fault: Fault::Hang });
    let keyed = ["--transport", "flux-keyed"];
    let mut running = world.start(world.job("verify", &keyed));
    let hangs = |_: &_| world.oss.faults_used_up() && world.oss.requests_waiting() > 0;
    running.until("the destination is read", hangs).await;
    assert_eq!(world.known(), 0);
    running.signal("TERM");
    let ended = running.ended().await;
    ended.assert_code(143);
    assert!(flat(&ended.err).contains("the same command begins again"), "{}", ended.err);
    world.answers_again().await;
    let again = world.verify(&keyed).await;
    again.assert_code(0);
    assert!(!again.out.contains("resumed"), "{}", again.out);
    assert_eq!(world.known(), 0);
}

/// It is a help and no more: without it the comparison is the same.
#[tokio::test]
async fn without_a_place_for_it_the_comparison_goes_on() {
    let world = World::moved().await;
    world.killed(&READ).await;
    let path = world.journal();
    let whole = async |words: &str| {
        let ended = world.verify(&READ).await;
        ended.assert_code(0);
        assert!(flat(&ended.err).contains(words), "{}", ended.err);
        assert!(ended.out.starts_with("VERIFIED (read)"), "{}", ended.out);
    };
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    whole("it is no file").await;
    fs::remove_dir(&path).unwrap();
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path.parent().unwrap(), "").unwrap();
    whole("what is found equal is not kept").await;
    let mut homeless = world.job("verify", &READ);
    homeless.env_remove("XDG_STATE_HOME").env_remove("HOME");
    let ended = world.start(homeless).ended().await;
    ended.assert_code(0);
    assert!(flat(&ended.err).contains("or HOME names a place for it"), "{}", ended.err);
    let Some(disk) = Disk::mount() else { return };
    let on_disk = |more: &[&str]| {
        let mut verify = world.job("verify", more);
        verify.env("XDG_STATE_HOME", disk.path());
        world.start(verify)
    };
    on_disk(&READ).ended().await.assert_code(0);
    let _ = fs::write(disk.path().join("fill"), vec![0; 1 << 20]);
    let full = on_disk(&READ).ended().await;
    full.assert_code(0);
    assert!(flat(&full.err).contains("is not kept"), "{}", full.err);
    disk.read_only();
    let closed = on_disk(&READ).ended().await;
    closed.assert_code(0);
    assert!(flat(&closed.err).contains("what is found equal is not kept"), "{}", closed.err);
}
