//! Spools in folders as their users meet them: locks, modes, limits, exports that are stopped.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use sluice::testing::sim::{Fault, Matcher, Rule};

use super::exits::files;
use super::{BUCKET, OSS_ORG, World};
use crate::spool::full::Disk;
use crate::support::process::{Ended, flat};

impl World {
    fn place(&self) -> PathBuf {
        self.folder.path().join("stage")
    }

    fn stage(&self) -> Command {
        let place = self.place().display().to_string();
        self.job("migrate", &["--spool", "parquet", "--spool-dir", &place])
    }

    fn load(&self) -> Command {
        let (place, host) = (self.place().display().to_string(), self.oss.url());
        let args = ["load", &place, "--destination-host", &host, "--destination-org", OSS_ORG];
        self.command(&[&args[..], &["--create-buckets"]].concat())
    }

    async fn spool(&self, word: &str) -> Ended {
        let place = self.place().display().to_string();
        self.start(self.command(&["spool", word, &place])).ended().await
    }
}

/// The same command in a shell that has done this before.
fn after(first: &str, command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().args(["-c", &format!("{first}; exec \"$0\" \"$@\"")]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[tokio::test]
async fn a_compaction_waits_for_a_load_and_another_load_does_not() {
    let world = World::new().await;
    world.start(world.stage()).ended().await.assert_code(0);
    // The first write says nothing for an hour.
    world.oss.inject(Rule {
        matcher: Matcher::path("/api/v2/write").body("usage_"),
        times: 1,
        fault: Fault::Stall { after_bytes: 0, ms: 3_600_000 },
    });
    let mut first = world.start(world.load());
    first.until("the plan", |run| run.err().contains("plan:")).await;
    let ended = world.spool("compact").await;
    ended.assert_code(11);
    assert!(ended.err.contains("reads the spool"), "{ended:?}");
    world.spool("verify").await.assert_code(0);
    first.kill();
    world.spool("compact").await.assert_code(0);
    world.start(world.load()).ended().await.assert_code(0);
    world.assert_whole();
}

#[tokio::test]
async fn what_is_staged_is_for_its_owner() {
    let world = World::new().await;
    let ended = world.start(after("umask 0", &world.stage())).ended().await;
    ended.assert_code(0);
    assert!(!ended.err.contains("others can look"), "{ended:?}");
    assert_eq!(mode(&world.place()), 0o700);
    let all = files(&world.place());
    assert!(all.len() > 12, "{all:?}");
    for (path, _) in all {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        assert_eq!(mode(path.parent().unwrap()), 0o700, "{}", path.display());
    }
    fs::set_permissions(world.place(), fs::Permissions::from_mode(0o750)).unwrap();
    let ended = world.start(world.stage()).ended().await;
    ended.assert_code(0);
    assert_eq!(ended.err.matches("others can look into").count(), 1, "{ended:?}");
    assert_eq!(mode(&world.place()), 0o750);
}

/// Reports hold names and figures of a bucket.
#[tokio::test]
async fn the_files_of_a_bench_are_for_their_owner() {
    let world = World::new().await;
    let out = world.folder.path().join("a").display().to_string();
    let bench = ["--out", &out, "--max-transfer", "6MB", "--intervals", "5m", "--repetitions", "1"];
    let ended = world.start(after("umask 0", &world.job("bench", &bench))).ended().await;
    ended.assert_code(0);
    for ending in ["jsonl", "csv", "html"] {
        let path = world.folder.path().join(format!("a.{ending}"));
        assert_eq!(mode(&path), 0o600, "{ending}");
    }
}

/// The largest file that may be written, in blocks of 512 bytes.
#[tokio::test]
async fn a_limit_of_file_sizes_is_a_full_disk() {
    let world = World::new().await;
    let limited = |blocks: u32, command: &Command| after(&format!("ulimit -f {blocks}"), command);
    for blocks in [0, 2, 5] {
        let ended = piped(limited(blocks, &world.stage())).await;
        assert_eq!(ended.code, Some(14), "{blocks}: {ended:?}");
        assert!(ended.err.contains("of the spool") && ended.err.contains("large"), "{ended:?}");
    }
    world.start(world.stage()).ended().await.assert_code(0);
    world.spool("verify").await.assert_code(0);
    let place = world.place().display().to_string();
    let ended = piped(limited(2, &world.command(&["spool", "compact", &place]))).await;
    assert_eq!(ended.code, Some(14), "{ended:?}");
    world.spool("verify").await.assert_code(0);
    let text = world.folder.path().join("text").display().to_string();
    let export = ["export", &place, "--format", "lp", "--output", &text];
    // Compressed, all of it is written at the end.
    for more in [&[][..], &["--gzip"]] {
        let export = [&export[..], more].concat();
        let ended = piped(limited(2, &world.command(&export))).await;
        assert_eq!(ended.code, Some(14), "{ended:?}");
        assert!(!Path::new(&text).exists() && !Path::new(&format!("{text}.partial")).exists());
    }
    world.start(world.load()).ended().await.assert_code(0);
    world.assert_whole();
}

/// Nothing is lost, nothing half is left, and the same command goes on once there is room.
#[tokio::test]
async fn a_full_disk_ends_each_command_with_14() {
    let Some(disk) = Disk::mount() else { return };
    let world = World::new().await;
    disk.resize(24);
    let place = disk.path().join("stage").display().to_string();
    let stage = || world.job("migrate", &["--spool", "parquet", "--spool-dir", &place]);
    let ended = world.start(stage()).ended().await;
    ended.assert_code(14);
    assert!(ended.err.contains("of the spool") && ended.err.contains("No space"), "{ended:?}");
    disk.resize(4_096);
    world.start(stage()).ended().await.assert_code(0);
    let mut used = Command::new("df");
    let used = used.args(["-k", "--output=used"]).arg(disk.path()).output().unwrap();
    let used = String::from_utf8(used.stdout).unwrap();
    let used: u64 = used.lines().last().unwrap().trim().parse().unwrap();
    disk.resize(used + 8);
    let text = disk.path().join("text");
    let target = text.display().to_string();
    let commands = [
        &["spool", "compact", &place][..],
        &["export", &place, "--format", "lp", "--output", &target],
    ];
    for args in commands {
        let ended = world.start(world.command(args)).ended().await;
        ended.assert_code(14);
        world.start(world.command(&["spool", "verify", &place])).ended().await.assert_code(0);
    }
    assert!(!text.exists() && !disk.path().join("text.partial").exists());
    disk.resize(8_192);
    for args in commands {
        world.start(world.command(args)).ended().await.assert_code(0);
    }
}

/// Runs a command whose streams are pipes: no limit of files holds for them.
async fn piped(mut command: Command) -> Ended {
    // The servers that it asks run on this thread.
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[tokio::test]
async fn an_export_that_is_stopped_leaves_nothing() {
    let world = World::new().await;
    world.start(world.stage()).ended().await.assert_code(0);
    let place = world.place().display().to_string();
    let text = world.folder.path().join("text");
    let partial = world.folder.path().join("text.partial");
    let target = text.display().to_string();
    let args = ["export", &place, "--format", "csv", "--output", &target];
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        // It stands still at the first file: somebody else has it alone for a while, or it waits for nothing at all.
        let mut running = world.start(world.command(&args));
        let begun = || fs::metadata(&partial).is_ok_and(|found| found.len() > 0);
        running.until("a file, or its end", |_| begun() || text.exists()).await;
        running.signal(signal);
        let ended = running.ended().await;
        // A small spool may be done before the signal comes.
        if ended.code == Some(0) {
            fs::remove_file(&text).unwrap();
            continue;
        }
        ended.assert_code(code);
        assert!(ended.err.contains("is not whole") || text.exists(), "{ended:?}");
        assert!(!partial.exists());
        let _ = fs::remove_file(&text);
    }
    // What a killed one left is begun anew; what is no file is left alone.
    fs::write(&partial, "half").unwrap();
    world.start(world.command(&args)).ended().await.assert_code(0);
    assert!(!partial.exists());
    fs::rename(&text, world.folder.path().join("kept")).unwrap();
    std::os::unix::fs::symlink(world.folder.path().join("kept"), &partial).unwrap();
    let kept = fs::read(world.folder.path().join("kept")).unwrap();
    let ended = world.start(world.command(&args)).ended().await;
    ended.assert_code(7);
    assert!(ended.err.contains("is no file"), "{ended:?}");
    fs::remove_file(&partial).unwrap();
    assert!(Command::new("mkfifo").arg(&partial).status().unwrap().success());
    world.start(world.command(&args)).ended().await.assert_code(7);
    assert_eq!(fs::read(world.folder.path().join("kept")).unwrap(), kept);
}

/// What is staged by one run is loaded by two at the same time, into two buckets.
#[tokio::test]
async fn two_loads_read_at_the_same_time() {
    let world = World::new().await;
    world.start(world.stage()).ended().await.assert_code(0);
    let mut other = world.load();
    other.args(["--destination-bucket", "copy", "--batch-bucket", "progress-of-copy"]);
    let (one, two) = (world.start(world.load()), world.start(other));
    one.ended().await.assert_code(0);
    two.ended().await.assert_code(0);
    world.assert_whole();
    assert_eq!(world.oss.store().digest("copy"), world.oss.store().digest(BUCKET));
}

fn flowing(ended: &Ended) -> String {
    flat(&format!("{}{}", ended.out, ended.err))
}

/// What there is instead is told, and nothing is made.
#[tokio::test]
async fn a_part_that_a_spool_does_not_have_is_nothing_to_export_or_to_load() {
    let world = World::new().await;
    world.start(world.stage()).ended().await.assert_code(0);
    let place = world.place().display().to_string();
    let file = world.folder.path().join("out.lp");
    let output = file.display().to_string();
    let export = ["export", &place, "--format", "lp", "--output", &output];
    let holds = "no value lies in the range; the spool holds values from 2020-01-01T00:00:00Z to 2020-01-01T00:59:50Z";
    for (start, stop) in [("2019-01-01", "2019-02-01"), ("2021-01-01", "2021-02-01")] {
        let range = ["--start", start, "--stop", stop];
        let told = format!("range [{start}T00:00:00Z, {stop}T00:00:00Z)");
        let ended = world.start(world.command(&[&export[..], &range].concat())).ended().await;
        ended.assert_code(0);
        let said = flowing(&ended);
        assert!(ended.out.starts_with("NOTHING TO EXPORT  "), "{ended:?}");
        assert!(said.contains(&told) && said.contains(holds), "{said}");
        let args = [&export[..], &range, &["--json"]].concat();
        let ended = world.start(world.command(&args)).ended().await;
        assert_eq!(ended.lines().last().unwrap()["result"], "nothing_to_export", "{ended:?}");
        assert!(!file.exists());
        let load = |more: &[&str]| {
            let mut load = world.load();
            load.args(range).args(more);
            load
        };
        let ended = world.start(load(&[])).ended().await;
        ended.assert_code(0);
        assert!(ended.out.starts_with("NOTHING TO COPY   "), "{ended:?}");
        let said = flowing(&ended);
        assert!(said.contains(&told) && said.contains("WARN [P09]"), "{said}");
        assert!(ended.err.contains("the spool holds values"), "{ended:?}");
        let ended = world.start(load(&["--json"])).ended().await;
        assert_eq!(ended.lines().last().unwrap()["result"], "nothing_to_copy", "{ended:?}");
        assert!(world.oss.store().bucket(BUCKET).is_none(), "nothing is made for it");
    }
    let mut load = world.load();
    load.args(["--measurement", "cpuu"]);
    for command in [load, world.command(&[&export[..], &["--measurement", "cpuu"]].concat())] {
        let ended = world.start(command).ended().await;
        ended.assert_code(2);
        let words =
            "holds no measurement \"cpuu\"; it has: cpu; did you mean --measurement \"cpu\"?";
        assert!(ended.err.contains(words) && ended.err.contains("the spool /"), "{ended:?}");
    }
    // No stop was given, so none is named.
    let ended = world.start(world.command(&[&export[..], &["--start", "2101-01-01"]].concat()));
    let ended = ended.ended().await;
    ended.assert_code(2);
    let words = "--start (2101-01-01T00:00:00Z) is not before now less 10m (--settle)";
    assert!(ended.err.contains(words), "{ended:?}");
    // The whole of it is loaded all the same.
    world.start(world.load()).ended().await.assert_code(0);
    world.assert_whole();
}

/// As it is printed it can be run, and what was not staged is not loaded.
#[tokio::test]
async fn the_next_command_of_a_staging_is_whole() {
    let world = World::new().await;
    let folder = world.folder.path();
    fs::write(folder.join("oss.token"), super::OSS_TOKEN).unwrap();
    fs::set_permissions(folder.join("oss.token"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(folder.join("my plant.toml"), "destination_token_file = \"oss.token\"\n").unwrap();
    let stage = |more: &[&str]| {
        let usual = ["--config", "my plant.toml", "--spool", "parquet", "--spool-dir", "stage"];
        let mut job = world.job("migrate", &[&usual[..], more].concat());
        job.current_dir(folder).env_remove("INFLUX_TOKEN");
        job
    };
    let ended = world.start(stage(&["--stop", "2019-01-01"])).ended().await;
    ended.assert_code(0);
    assert!(ended.out.starts_with("NOTHING TO COPY") && !ended.out.contains("Next"), "{ended:?}");
    let ended = world.start(stage(&[])).ended().await;
    ended.assert_code(0);
    let next = ended.out.lines().find_map(|line| line.strip_prefix("Next: sluice ")).unwrap();
    assert!(next.starts_with("load stage ") && next.contains("--config 'my plant.toml'"), "{next}");
    let mut shell = Command::new("/bin/sh");
    let line = format!("exec \"$0\" {next}");
    let mut load = world.command(&[]);
    load.env_remove("INFLUX_TOKEN");
    shell.env_clear().current_dir(folder).args(["-c", &line]).arg(load.get_program());
    shell.envs(load.get_envs().filter_map(|(name, value)| Some((name, value?))));
    world.start(shell).ended().await.assert_code(0);
    world.assert_whole();
}
