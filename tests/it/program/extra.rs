//! What only the destination has: the commands that are printed for it remove exactly that.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::{BUCKET, OSS_ORG, OSS_TOKEN, World};
use crate::support::cases::ask;
use crate::support::process::{Ended, flat};
use crate::support::schema::assert_valid;

/// 2020-01-01, the time of the first value.
const START_NS: i64 = 1_577_836_800_000_000_000;

/// What an `influx delete` asks, as a shell passes it on: start, stop and predicate. Server and bucket must be those of the job.
fn asked(world: &World, command: &str) -> [String; 3] {
    let script = format!("influx() {{ printf '%s\\n' \"$@\"; }}; {command}");
    let said = Command::new("/bin/sh").args(["-c", &script]).output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    let words: Vec<_> = said.lines().collect();
    let host = world.oss.url();
    let [delete, rest @ ..] = &words[..] else { panic!("{command}") };
    assert_eq!(*delete, "delete");
    let flags: Vec<_> = rest.chunks(2).map(|pair| (pair[0], pair[1])).collect();
    let known = [("--host", &host[..]), ("--org", OSS_ORG), ("--bucket", BUCKET)];
    assert_eq!(flags[..3], known, "{command}");
    let names: Vec<_> = flags[3..].iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["--start", "--stop", "--predicate"]);
    [flags[3].1, flags[4].1, flags[5].1].map(str::to_owned)
}

impl World {
    /// Does what the CLI would.
    async fn delete(&self, command: &str) {
        let [start, stop, predicate] = asked(self, command);
        let body = json!({"start": start, "stop": stop, "predicate": predicate}).to_string();
        let path = format!("/api/v2/delete?org={OSS_ORG}&bucket={BUCKET}");
        let token = [("Authorization".to_owned(), format!("Token {OSS_TOKEN}"))];
        let answer = ask(self.oss.addr(), "POST", &path, &token, body.as_bytes()).await;
        assert_eq!(answer.status, 204, "{command}: {}", answer.text());
    }

    fn write(&self, line: &str) {
        self.oss.store().write_lp(BUCKET, format!("{line}\n").as_bytes()).expect("a line");
    }

    /// `verify` with all differences in a file; what it prints, and the lines of the file.
    async fn differences(&self, more: &[&str], code: i32) -> (Ended, Vec<Value>) {
        let path = self.folder.path().join("differences.jsonl").display().to_string();
        let verify = self.job("verify", &[more, &["--report", &path]].concat());
        let ended = self.start(verify).ended().await;
        ended.assert_code(code);
        let lines = fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.iter().for_each(assert_valid);
        (ended, lines)
    }
}

/// The commands of the lines, each once.
fn commands(lines: &[Value]) -> BTreeSet<String> {
    lines.iter().filter_map(|line| line["delete"].as_str().map(str::to_owned)).collect()
}

/// Those of the screen.
fn shown(ended: &Ended) -> BTreeSet<String> {
    let lines = ended.out.lines().map(str::trim);
    lines.filter(|line| line.starts_with("influx delete ")).map(str::to_owned).collect()
}

#[tokio::test]
async fn what_is_printed_removes_what_is_extra_and_nothing_else() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    let at = |second: i64| START_NS + second * 1_000_000_000;
    // Series of names that a shell, a predicate or line protocol has other meanings for.
    let names = [
        "x", "a b", "it's", "a\"b", "$HOME", "`x`", "a=b", "a,b", "küche", "AND", "-x", "*", "%41",
    ];
    for (nth, name) in (0_i64..).zip(names) {
        let measurement = name.replace(',', "\\,").replace(' ', "\\ ");
        let tag = measurement.replace('=', "\\=");
        for second in [1, 2, 3, 60 + nth] {
            world.write(&format!("{measurement},{tag}={tag} f=1,g=2 {}", at(second)));
        }
    }
    let (ended, lines) = world.differences(&["--differences", "1000"], 4).await;
    assert_eq!(lines.len(), names.len() * 8);
    let all = commands(&lines);
    // Neighbours of a series are one stretch where nothing else lies between: all four times of each.
    assert_eq!(all.len(), names.len(), "{all:?}");
    assert_eq!(shown(&ended), all);
    for command in &all {
        world.delete(command).await;
    }
    world.assert_whole();
    let equal = world.start(world.job("verify", &[])).ended().await;
    equal.assert_code(0);
}

#[tokio::test]
async fn what_would_take_more_is_not_printed() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    let store = world.oss.store();
    let series = store.dump(BUCKET).into_iter().find(|value| value.time == START_NS);
    let series = series.expect("a value").series.to_string();
    let at = |second: i64| START_NS + second * 1_000_000_000;
    // Another field of a point that is right; no time of its own in between.
    world.write(&format!("{series} note=\"x\" {}", at(0)));
    // A time of its own, between two that are right.
    world.write(&format!("{series} note=\"x\" {}", at(5)));
    // Less tags than a series that is right at that time, and at a time of its own.
    world.write(&format!("cpu,datacenter=x f=1 {}", at(1)));
    world.write(&format!("cpu f=1 {}", at(10)));
    world.write(&format!("cpu f=1 {}", at(11)));
    // Names that no predicate has.
    world.write(&format!("m,a=b\\\\c f=1 {}", at(1)));
    let (ended, lines) = world.differences(&[], 4).await;
    let deletes: Vec<_> =
        lines.iter().map(|line| (&line["at"], line["delete"].is_string())).collect();
    let times = [(0, false), (1, true), (1, false), (5, true), (10, false), (11, true)];
    let told: Vec<_> =
        deletes.iter().map(|(at, is)| (at.as_str().unwrap().to_owned(), *is)).collect();
    let time = |second: i64| format!("2020-01-01T00:00:{second:02}Z");
    assert_eq!(told, times.map(|(second, is)| (time(second), is)));
    let flat = flat(&ended.out);
    for why in [
        "other fields stand there",
        "series with more tags hold values there",
        "no predicate has their names",
    ] {
        let words = format!("no influx delete removes 1 extra value alone: {why}");
        assert!(flat.contains(&words), "{why}: {}", ended.out);
    }
    let before = store.count(BUCKET);
    for command in &commands(&lines) {
        world.delete(command).await;
    }
    assert_eq!(store.count(BUCKET), before - 3);
    let (_, left) = world.differences(&[], 4).await;
    assert_eq!(left.len(), 3);
    assert!(commands(&left).is_empty(), "{left:?}");
    assert!(left.iter().all(|line| line["difference"] == "extra"), "{left:?}");
    // Where they are no difference nobody is told to remove them.
    let superset = world.start(world.job("verify", &["--superset"])).ended().await;
    superset.assert_code(0);
    assert!(!superset.out.contains("influx delete"), "{}", superset.out);
}

/// The job moves one field: what else the destination holds was not read, and a delete would take it.
#[tokio::test]
async fn what_was_not_read_is_not_removed() {
    let world = World::new().await;
    let filter = ["--field", "usage_idle"];
    world.migrate(&filter).await.assert_code(0);
    world.write(&format!("x usage_idle=1i {}", START_NS + 1));
    world.write(&format!("x other=1i {}", START_NS + 1));
    let (ended, lines) = world.differences(&filter, 4).await;
    assert_eq!((lines.len(), &lines[0]["delete"]), (1, &Value::Null));
    assert!(ended.out.contains("no influx delete removes 1 extra value"), "{}", ended.out);
    // Of a measurement all is read.
    let other = World::new().await;
    let filter = ["--measurement", "cpu"];
    other.migrate(&filter).await.assert_code(0);
    other.write(&format!("cpu,x=y usage_idle=1i {}", START_NS + 1));
    let (_, lines) = other.differences(&filter, 4).await;
    assert_eq!(commands(&lines).len(), 1, "{lines:?}");
}
