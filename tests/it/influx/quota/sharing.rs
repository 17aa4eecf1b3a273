//! Runs that share a quota: how long a new one waits, what is told, and what happens if the folder cannot be used.

use std::fs::{self, File};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sluice::testing::influx::quota::{QuotaLedger, QuotaSettings, runs};
use sluice::testing::influx::signal::{Observer, Signal};
use sluice::testing::limits::{QUOTA_JOIN_MS_MAX, QUOTA_LOOK_EAGER_MS, QUOTA_LOOK_MS};
use tokio::time::Instant;

use super::super::{recorder, silent};
use super::cloud::QUOTA;
use super::ledger;

type Heard = Arc<Mutex<Vec<Signal>>>;

async fn shared(folder: &Path, observer: &Observer) -> Arc<QuotaLedger> {
    let ledger = ledger(Some(QUOTA));
    ledger.share(folder, observer).await;
    ledger
}

fn notices(heard: &Heard) -> Vec<String> {
    let heard = heard.lock().unwrap();
    let texts = heard.iter().filter_map(|signal| match signal {
        Signal::Notice { text, .. } => Some(text.clone()),
        _ => None,
    });
    texts.collect()
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

/// Until this run may read at this rate, give or take a thousandth.
async fn until(ledger: &QuotaLedger, bytes_per_s: u64) -> u64 {
    let begin = Instant::now();
    while ledger.bytes_per_s().is_none_or(|rate| rate.abs_diff(bytes_per_s) > bytes_per_s / 1_000) {
        assert!(begin.elapsed() < Duration::from_secs(3_600), "{:?}", ledger.usage());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ms(begin.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_new_run_waits_for_two_looks_and_what_is_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let observer = silent();
    for (in_flight_bytes, answer_ms) in [(0, 0), (6_000_000, 0), (6_000_000, 9_000)] {
        let first = shared(folder.path(), &observer).await;
        assert_eq!(first.bytes_per_s(), Some(900_000), "alone it has all of it at once");
        let mut answers = Vec::new();
        for _ in 0..if answer_ms > 0 { 2 } else { 1 } {
            answers.push(first.admit(in_flight_bytes, &observer).await);
        }
        tokio::time::sleep(Duration::from_millis(3_210)).await;
        let begin = Instant::now();
        let second = shared(folder.path(), &observer).await;
        assert_eq!((second.bytes_per_s(), second.usage().runs), (Some(0), 2));
        // Two of 6 MB are more than the half of what may be in flight.
        let answered = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(answer_ms)).await;
            drop(answers);
        });
        second.admit(4_096, &observer).await.settle(4_096);
        let waited_ms = ms(begin.elapsed());
        let bound_ms =
            (QUOTA_LOOK_MS + 2 * QUOTA_LOOK_EAGER_MS).max(answer_ms + 2 * QUOTA_LOOK_EAGER_MS);
        assert!(
            waited_ms <= bound_ms,
            "{waited_ms} of {bound_ms} ms with {in_flight_bytes} in flight"
        );
        assert!(waited_ms >= answer_ms, "{waited_ms} ms");
        assert_eq!((first.bytes_per_s(), second.bytes_per_s()), (Some(450_000), Some(450_000)));
        answered.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_gives_its_part_back_and_all_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (observer, heard) = recorder();
    let first = shared(folder.path(), &observer).await;
    let others = [shared(folder.path(), &silent()).await, shared(folder.path(), &silent()).await];
    until(&first, 300_000).await;
    for other in &others {
        until(other, 300_000).await;
    }
    assert_eq!((first.usage().runs, runs::count(folder.path()).unwrap()), (3, 3));
    let [second, third] = others;
    // Who meets another one that looks at the same moment looks again a second later.
    let look_ms_max = QUOTA_LOOK_MS + QUOTA_LOOK_EAGER_MS + 10;
    drop(second);
    assert!(until(&first, 450_000).await <= look_ms_max);
    assert!(until(&third, 450_000).await <= look_ms_max);
    drop(third);
    assert!(until(&first, 900_000).await <= look_ms_max);
    assert_eq!((first.usage().runs, runs::count(folder.path()).unwrap()), (1, 1));
    let told = notices(&heard);
    assert!(told.len() >= 3, "{told:?}");
    assert!(told[0].contains("other run") && told.iter().any(|text| text.contains("evenly by 3")));
    assert!(told.last().unwrap().contains("no other run"), "{told:?}");
    let paced = heard.lock().unwrap().iter().rev().find_map(|signal| match signal {
        Signal::Paced { bytes_per_s, share_per_mille, runs } => {
            Some((*bytes_per_s, *share_per_mille, *runs))
        }
        _ => None,
    });
    assert_eq!(paced, Some((900_000, 900, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_killed_run_is_found_and_what_it_may_owe_is_paid() {
    let folder = tempfile::tempdir().unwrap();
    let observer = silent();
    let first = shared(folder.path(), &observer).await;
    let killed = folder.path().join("0-0.run");
    let file = File::create_new(&killed).unwrap();
    file.lock().unwrap();
    fs::write(&killed, "0000000\n").unwrap();
    until(&first, 450_000).await;
    fs::write(&killed, "0500000\n").unwrap();
    drop(file);
    assert!(until(&first, 900_000).await <= QUOTA_LOOK_MS + 10);
    assert!(!killed.exists());
    // A third of the half that it had in flight: 3 MB at 0.9 MB/s.
    let begin = Instant::now();
    first.admit(4_096, &observer).await.settle(4_096);
    let waited_ms = ms(begin.elapsed());
    assert!((3_000..3_700).contains(&waited_ms), "{waited_ms} ms");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_owes_leaves_that_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let observer = silent();
    for (received_bytes, waits) in [(90_000_000, true), (1_000, false)] {
        let first = shared(folder.path(), &observer).await;
        first.admit(1_000, &observer).await.settle(received_bytes);
        drop(first);
        let second = shared(folder.path(), &observer).await;
        let begin = Instant::now();
        second.admit(4_096, &observer).await.settle(4_096);
        let waited_ms = ms(begin.elapsed());
        assert_eq!(waited_ms > 1_000, waits, "{received_bytes}: {waited_ms} ms");
        // The burst is not had twice.
        second.admit(3_000_000, &observer).await.settle(3_000_000);
        assert!(ms(begin.elapsed()) > 3_000);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_folder_a_run_is_alone_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let damaged = folder.path().join("damaged");
    fs::create_dir(&damaged).unwrap();
    let held = File::create_new(damaged.join("1-0.run")).unwrap();
    held.lock().unwrap();
    for (path, word) in [
        (Path::new("/proc/none/quota").to_owned(), "/proc/none/quota"),
        (file.join("quota"), "file/quota"),
        (damaged.clone(), "1-0.run is damaged"),
    ] {
        let (observer, heard) = recorder();
        let run = shared(&path, &observer).await;
        assert_eq!((run.bytes_per_s(), run.usage().runs), (Some(900_000), 1));
        let told = notices(&heard);
        assert!(
            matches!(&told[..], [text] if text.contains("not shared") && text.contains(word)),
            "{told:?}"
        );
        let begin = Instant::now();
        run.admit(6_000_000, &observer).await.settle(6_000_000);
        assert!(ms(begin.elapsed()) < 10, "with its burst, as a run alone");
    }
    drop(held);
    let run = shared(&damaged, &silent()).await;
    assert_eq!((run.bytes_per_s(), run.usage().runs), (Some(900_000), 1));
    assert!(!damaged.join("1-0.run").exists());
}

/// An empty file that another holds; it comes there as one, since a run that looks takes what nobody holds away.
fn held_at(path: &Path) -> File {
    let made = path.with_extension("made");
    let held = File::create_new(&made).unwrap();
    held.lock().unwrap();
    fs::rename(made, path).unwrap();
    held
}

#[tokio::test(start_paused = true)]
async fn trouble_later_on_takes_nothing_from_anybody() {
    let folder = tempfile::tempdir().unwrap();
    let (observer, heard) = recorder();
    let first = shared(folder.path(), &observer).await;
    let second = shared(folder.path(), &silent()).await;
    until(&second, 450_000).await;
    let bad = folder.path().join("0-0.run");
    let held = held_at(&bad);
    tokio::time::sleep(Duration::from_secs(120)).await;
    let third = shared(folder.path(), &silent()).await;
    assert_eq!([&first, &second].map(|run| run.bytes_per_s()), [Some(450_000); 2]);
    assert_eq!(third.usage().runs, 1, "it does not know better");
    let told = notices(&heard);
    let cannot = told.iter().filter(|text| text.contains("0-0.run is damaged"));
    assert_eq!(cannot.count(), 1, "told once: {told:?}");
    drop((held, second));
    until(&first, 900_000).await;
    // A run that waits for its part and cannot look any more goes on alone after a while.
    let answers =
        [first.admit(6_000_000, &observer).await, first.admit(6_000_000, &observer).await];
    let (observer, heard) = recorder();
    let fourth = shared(folder.path(), &observer).await;
    assert_eq!(fourth.bytes_per_s(), Some(0));
    let _held = held_at(&bad);
    let waited_ms = until(&fourth, 900_000).await;
    assert!((QUOTA_JOIN_MS_MAX..QUOTA_JOIN_MS_MAX + 3_000).contains(&waited_ms), "{waited_ms} ms");
    assert!(notices(&heard).last().unwrap().contains("not shared"), "{heard:?}");
    drop(answers);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_held_is_waited_for_but_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let lock = File::create_new(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let (observer, heard) = recorder();
    let begin = Instant::now();
    let alone = shared(folder.path(), &observer).await;
    assert!((QUOTA_JOIN_MS_MAX..QUOTA_JOIN_MS_MAX + 500).contains(&ms(begin.elapsed())));
    assert_eq!(alone.bytes_per_s(), Some(900_000));
    assert!(notices(&heard)[0].contains("another run holds"), "{heard:?}");
    let joining = {
        let folder = folder.path().to_owned();
        tokio::spawn(async move { shared(&folder, &silent()).await })
    };
    tokio::time::sleep(Duration::from_secs(3)).await;
    lock.unlock().unwrap();
    let run = joining.await.unwrap();
    assert_eq!((run.bytes_per_s(), run.usage().runs), (Some(900_000), 1));
    // Held later on, nothing changes: what a run has, nobody else takes.
    lock.lock().unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!((run.bytes_per_s(), run.usage().runs), (Some(900_000), 1));
}

#[tokio::test(start_paused = true)]
async fn runs_with_other_settings_stay_within_their_parts() {
    let folder = tempfile::tempdir().unwrap();
    let other = |bytes, share: &str| {
        let share = share.parse().unwrap();
        let settings = QuotaSettings { bytes_per_window: bytes, share, ..QuotaSettings::default() };
        Arc::new(QuotaLedger::new(&settings))
    };
    let runs = [other(Some(QUOTA), "90%"), other(Some(QUOTA), "50%"), other(None, "90%")];
    for run in &runs {
        run.share(folder.path(), &silent()).await;
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(runs[2].bytes_per_s(), None, "without a limit nothing is paced");
    until(&runs[0], 300_000).await;
    until(&runs[1], 166_666).await;
}

#[tokio::test(start_paused = true)]
async fn requests_larger_than_all_that_may_be_in_flight_do_not_keep_a_part() {
    let folder = tempfile::tempdir().unwrap();
    let first = shared(folder.path(), &silent()).await;
    // Twice the half: each goes alone, and the next one waits already.
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let ledger = Arc::clone(&first);
        readers.spawn(async move {
            for _ in 0..100 {
                let admission = ledger.admit(18_000_000, &silent()).await;
                tokio::time::sleep(Duration::from_secs(20)).await;
                admission.settle(18_000_000);
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(300)).await;
    let second = shared(folder.path(), &silent()).await;
    let waited_ms = until(&second, 450_000).await;
    // An answer under way, at most two paid for at the old and the new rate, and the looks.
    assert!(waited_ms <= 90_000, "{waited_ms} ms");
    let before = first.usage().window_bytes;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(before > 0 && first.usage().window_bytes > 0, "it goes on at its part");
    readers.abort_all();
}
