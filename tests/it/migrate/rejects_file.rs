//! The rejects file: whose it is, what becomes of it, and what is said when it is not as it was.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use sluice::testing::config::job::JobConfig;
use sluice::testing::config::range::RangeStop;
use sluice::testing::exit::ExitCode;
use sluice::testing::model::series::Series;
use sluice::testing::pipeline::event::Event;
use sluice::testing::sim::{BucketStore, ColumnValues, Fault, Matcher};

use crate::spool::full::Disk;
use crate::support::rig::{BUCKET, Rig, Run, cloud, plant, points, store_of, time, with};

const LINE: &str = "partial write: points beyond retention policy dropped=1";

/// Three hours, one batch each; the destination refuses each line with `u=1003u` or `u=2003u`: two in two of the batches.
async fn rig() -> Rig {
    of(store_of(&plant(0..3), 7 * 86_400)).await
}

async fn of(data: Arc<BucketStore>) -> Rig {
    let rig = Rig::start(cloud(), data).await.over("2022-01-01", "2022-01-01T03:00:00Z", "1h");
    for line in ["u=1003u", "u=2003u"] {
        let writes = Matcher::path("/api/v2/write").body(line);
        rig.destination_fault(writes, u32::MAX, Fault::unprocessable(LINE));
    }
    rig
}

/// The notice that the file lacks something.
fn missing(run: &Run) -> Option<String> {
    run.events.iter().find_map(|event| match event {
        Event::Notice(text) if text.contains("accounts for") => Some(text.clone()),
        _ => None,
    })
}

/// The rejects file at the job's own place.
fn own_place(rig: &Rig) -> PathBuf {
    let folders = fs::read_dir(rig.state.path().join("state")).unwrap();
    let mut found: Vec<_> = folders
        .map(|folder| folder.unwrap().path().join("rejects.lp"))
        .filter(|path| path.exists())
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn to(config: JobConfig, bucket: &str) -> JobConfig {
    with(config, |config| config.ends.destination_bucket = bucket.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_jobs_never_share_a_file() {
    let rig = rig().await;
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Rejected);
    let first = rig.rejects();
    assert!(first.starts_with("# sluice rejects of cloud-org.plant.plant."), "{first}");
    assert_eq!(first.matches("u=1003u").count() + first.matches("u=2003u").count(), 4);
    // Other destination, or other progress: another job.
    let other_batches =
        with(rig.config(), |config| config.ends.batch_bucket = "elsewhere".to_owned());
    let buckets = rig.destination.store().buckets().len();
    for config in [to(rig.config(), "second"), other_batches] {
        let run = rig.migrate(config).await;
        run.assert_exit(ExitCode::State);
        for word in ["of another job, cloud-org.plant.plant.", "rejects.lp", "--rejects FILE"] {
            assert!(run.words().contains(word), "no {word}: {}", run.words());
        }
        assert_eq!(rig.rejects(), first);
        assert_eq!(rig.destination.store().buckets().len(), buckets, "nothing was made");
    }
    // At its own place, each has its own.
    let own = |bucket| with(to(rig.config(), bucket), |config| config.safety.rejects = None);
    rig.migrate(own("second")).await.assert_exit(ExitCode::Rejected);
    assert!(fs::read_to_string(own_place(&rig)).unwrap().contains("cloud-org.plant.second."));
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Rejected);
    assert_eq!(rig.rejects(), first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_sluice_has_not_written_is_not_touched() {
    let rig = rig().await;
    let path = rig.config().safety.rejects.unwrap();
    for content in ["# batch 2022-01-01T00:00:00Z 2022-01-01T01:00:00Z\nm f=1 1\n", "notes\n"] {
        fs::write(&path, content).unwrap();
        let run = rig.migrate(rig.config()).await;
        run.assert_exit(ExitCode::State);
        assert!(run.words().contains("sluice has not written it"), "{}", run.words());
        assert_eq!(rig.rejects(), content);
    }
    assert!(rig.destination.store().bucket(BUCKET).is_none(), "nothing was made");
    // An empty file is nobody's.
    fs::write(&path, "").unwrap();
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Rejected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_regular_file_is_refused_at_once() {
    let rig = rig().await;
    let pipe = rig.state.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let paths = [pipe, "/dev/full".into(), "/dev/zero".into(), rig.state.path().into()];
    for path in paths {
        let config = with(rig.config(), |config| config.safety.rejects = Some(path.clone()));
        let staged =
            with(config.clone(), |config| config.ends.spool = rig.stage_config().ends.spool);
        for config in [config, staged] {
            let run = rig.migrate(config).await;
            run.assert_exit(ExitCode::State);
            assert!(run.words().contains("regular files only"), "{}", run.words());
            assert!(run.words().contains(path.to_str().unwrap()), "{}", run.words());
        }
    }
    assert!(rig.destination.store().bucket(BUCKET).is_none() && !rig.stage_dir().exists());
}

/// Earlier versions wrote neither a first line nor the length of a section.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_an_earlier_version_goes_on_at_its_own_place() {
    let rig = rig().await;
    let config = with(rig.config(), |config| config.safety.rejects = None);
    let half = with(config.clone(), |config| {
        config.scope.stop = RangeStop::At(time("2022-01-01T02:00:00Z"));
    });
    rig.migrate(half).await.assert_exit(ExitCode::Rejected);
    let path = own_place(&rig);
    let new = fs::read_to_string(&path).unwrap();
    let old: String = new
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("# sluice"))
        .map(|line| match line.strip_prefix("# batch ").and_then(|rest| rest.split_once(", ")) {
            Some((range, _)) => format!("# batch {range}\n"),
            None => line.to_owned(),
        })
        .collect();
    let uncommitted = "# batch 2022-01-01T02:00:00Z 2022-01-01T03:00:00Z\n# 5 values: x\nair f=1 1";
    fs::write(&path, format!("{old}{uncommitted}")).unwrap();
    let run = rig.migrate(config.clone()).await;
    run.assert_exit(ExitCode::Rejected);
    assert_eq!(missing(&run), None);
    let whole = fs::read_to_string(&path).unwrap();
    let added = whole.strip_prefix(&old).expect("what was committed stays as it was");
    assert!(added.starts_with("# batch 2022-01-01T02:00:00Z 2022-01-01T03:00:00Z, 10 values in "));
    assert!(!added.contains("air f=1 1") && added.matches("u=2003u").count() == 2, "{added}");
    let run = rig.migrate(config).await;
    run.assert_exit(ExitCode::Rejected);
    assert_eq!(missing(&run), None, "both forms are counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_lacks_what_was_refused_is_said_also_of_a_complete_job() {
    let rig = rig().await;
    let path = rig.config().safety.rejects.unwrap();
    let run = rig.migrate(rig.config()).await;
    run.assert_exit(ExitCode::Rejected);
    assert_eq!(missing(&run), None);
    let whole = fs::read(&path).unwrap();
    for (damaged, found) in [
        (None, Some(0)),
        (Some(Vec::new()), Some(0)),
        (Some(whole[..whole.len() - 1].to_vec()), Some(10)),
        (Some(whole[..whole.len() / 4].to_vec()), Some(0)),
        (Some(whole.clone()), None),
    ] {
        match &damaged {
            None => fs::remove_file(&path).unwrap(),
            Some(bytes) => fs::write(&path, bytes).unwrap(),
        }
        let run = rig.migrate(rig.config()).await;
        run.assert_exit(ExitCode::Rejected);
        assert_eq!(run.finished().outcome.batches, 0, "the job is complete");
        match found {
            None => assert_eq!(missing(&run), None),
            Some(found) => {
                let said = missing(&run).expect("a notice");
                let words = format!(
                    "have refused 20 values, but {} accounts for {found} of",
                    path.display()
                );
                assert!(said.contains(&words), "{said}");
            }
        }
        let left = fs::read(&path).ok();
        assert_eq!(left, damaged, "nothing is changed in it");
    }
    // A later run adds to what is left.
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    rig.source.store().write_lp(BUCKET, &plant([3])).unwrap();
    let writes = Matcher::path("/api/v2/write").body("u=3003u");
    rig.destination_fault(writes, u32::MAX, Fault::unprocessable(LINE));
    let config = with(rig.config(), |config| {
        config.scope.stop = RangeStop::At(time("2022-01-01T04:00:00Z"));
    });
    let run = rig.migrate(config).await;
    run.assert_exit(ExitCode::Rejected);
    assert!(missing(&run).is_some());
    assert!(
        rig.rejects().contains("\n# batch 2022-01-01T03:00:00Z")
            && rig.rejects().contains("u=3003u")
    );
}

/// Strings that look like marks of the file, refused and killed at every step: the file is the same in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strings_that_look_like_marks_are_none() {
    let strings = [
        "\n# batch 2000-01-01T00:00:00Z 2000-01-02T00:00:00Z, 1 values in 1 bytes\n",
        "\n# batch 2040-01-01T00:00:00Z 2040-01-02T00:00:00Z\n\\\"\n# 7 values: x\n",
        "\n# sluice rejects of another\n",
    ];
    let data = || {
        let store = store_of(&plant(0..3), 7 * 86_400);
        let name = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
        for (hour, string) in strings.iter().enumerate() {
            let series = Series::new(name("hostile"), [(name("t"), name("\"# batch"))]);
            let times =
                [time("2022-01-01").ns() + i64::try_from(hour).unwrap() * 3_600_000_000_000];
            let column = ColumnValues::String(vec![string.as_bytes().into()]);
            store.load_column(BUCKET, &series, b"s", &times, &column).unwrap();
        }
        store
    };
    let start = || async {
        let rig = of(data()).await;
        let writes = Matcher::path("/api/v2/write").body("hostile");
        rig.destination_fault(writes, u32::MAX, Fault::unprocessable(LINE));
        rig
    };
    let body = |rig: &Rig| rig.rejects().split_once('\n').map(|(_, rest)| rest.to_owned());
    let clean = start().await;
    let run = clean.migrate(clean.config()).await;
    run.assert_exit(ExitCode::Rejected);
    // Sent again as it is, it brings what was refused and nothing else.
    let all = BucketStore::default();
    all.create_bucket(BUCKET, 0);
    all.write_lp(BUCKET, &fs::read(clean.config().safety.rejects.unwrap()).unwrap()).unwrap();
    assert_eq!(all.count(BUCKET), run.finished().outcome.rejected);
    let missing_here: Vec<_> = points(clean.source.store(), BUCKET)
        .into_iter()
        .filter(|point| !points(clean.destination.store(), BUCKET).contains(point))
        .collect();
    assert_eq!(points(&all, BUCKET), missing_here);
    let committed = |event: &Event| matches!(event, Event::Committed { .. });
    let refused = |event: &Event| matches!(event, Event::Rejected { .. });
    for pick in [committed as fn(&Event) -> bool, refused] {
        for k in 1..=run.count(pick) {
            let rig = start().await;
            let seen = std::sync::atomic::AtomicUsize::new(0);
            let kill = move |event: &Event| {
                pick(event) && seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1 == k
            };
            rig.migrate_until(rig.config(), kill).await;
            let second = rig.migrate(rig.config()).await;
            second.assert_exit(ExitCode::Rejected);
            assert_eq!(missing(&second), None);
            assert_eq!(body(&rig), body(&clean), "{k}");
            let third = rig.migrate(rig.config()).await;
            assert_eq!(missing(&third), None, "{}", rig.rejects());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_ends_with_its_code_and_loses_no_refused_line() {
    let Some(disk) = Disk::mount() else { return };
    disk.resize(4);
    let rig = rig().await;
    let path = disk.path().join("rejects.lp");
    fs::write(disk.path().join("ballast"), [0; 16]).unwrap();
    let config = with(rig.config(), |config| config.safety.rejects = Some(path.clone()));
    // One block: the first section fits, as much as a block holds.
    fs::write(&path, "").unwrap();
    let mut run = rig.migrate(config.clone()).await;
    run.assert_exit(ExitCode::DiskFull);
    assert!(run.words().contains("rejects.lp"), "{}", run.words());
    disk.resize(4_096);
    run = rig.migrate(config).await;
    run.assert_exit(ExitCode::Rejected);
    assert_eq!(missing(&run), None);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!((text.matches("u=1003u").count(), text.matches("u=2003u").count()), (2, 2));
}
