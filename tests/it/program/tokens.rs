//! Tokens of any form, as InfluxDB OSS takes them: at the wrong place, in the words of servers, and in files and commands.

use std::os::unix::fs::PermissionsExt as _;

use sluice::testing::sim::{AccessToken, Fault, Matcher, Permission, Rule};

use super::{BUCKET, Ended, OSS_TOKEN, PROGRESS, World, bare, cloud_settings, oss_settings};
use crate::support::process::{flat, run};

/// No form that gives it away.
const WORD: &str = "correct-horse-battery";

#[track_caller]
fn unseen(ended: &Ended) {
    let said = format!("{}{}", ended.out, ended.err);
    assert!(!said.contains(WORD), "{said}");
}

#[tokio::test]
async fn a_token_at_the_wrong_place_is_not_repeated() {
    for args in [
        &["migrate", WORD][..],
        &[WORD],
        &["preflight", "--json", WORD],
        &["migrate", "--source-bucket", "b", WORD],
    ] {
        let ended = run(bare(args)).await;
        ended.assert_code(2);
        unseen(&ended);
        assert!(ended.err.contains("not shown"), "{ended:?}");
    }
    let world = World::new().await;
    for (flag, code) in [("--source-token-file", 2), ("--source-token-command", 12)] {
        for word in [WORD.to_owned(), format!("/{WORD}"), format!("none/{WORD}")] {
            for name in ["migrate", "preflight"] {
                let ended = world.start(world.job(name, &[flag, &word])).ended().await;
                ended.assert_code(code);
                unseen(&ended);
                let said = format!("{}{}", ended.out, ended.err);
                let said = flat(&said);
                assert!(said.contains("not shown"), "{said}");
            }
        }
    }
    // A file that is missing where its folder is there is told by its name.
    let absent = world.folder.path().join("absent.token");
    let ended = world.migrate(&["--source-token-file", absent.to_str().unwrap()]).await;
    ended.assert_code(2);
    assert!(ended.err.contains("absent.token"), "{ended:?}");
    assert!(ended.err.contains("token of the source: cannot read the token from file /"));
    // What is known as a token is struck out wherever it was typed.
    for flag in ["--source-host", "--start", "--batch-interval", "--quota", "--existing"] {
        let mut job = world.job("migrate", &[flag, WORD]);
        job.env("INFLUXDB_CLOUD_TOKEN", WORD);
        let ended = world.start(job).ended().await;
        ended.assert_code(2);
        unseen(&ended);
    }
}

/// Error texts of every form in which a server can send one.
#[tokio::test]
async fn no_words_of_a_server_bring_a_token_out() {
    let told = format!("bad header Token {WORD}");
    let status = |status, body: String| Fault::Status { status, retry_after: None, body };
    let json = format!("{{\"code\":\"invalid\",\"message\":\"{told}\"}}");
    let results = format!("{{\"results\":[{{\"statement_id\":0,\"error\":\"{told}\"}}]}}");
    let rows: Vec<(Matcher, Fault)> = vec![
        (Matcher::path("/api/v2/query").body("rename"), status(400, json.clone())),
        (
            Matcher::path("/api/v2/query").body("rename"),
            Fault::ErrorTable { after_rows: 2, message: told.clone() },
        ),
        (
            Matcher::path("/api/v2/query").body("count()"),
            Fault::ErrorTable { after_rows: 0, message: told.clone() },
        ),
        (Matcher::path("/query"), status(200, results)),
        (Matcher::path("/query"), status(400, json.clone())),
        (Matcher::path("/api/v2/buckets"), status(403, format!("<html>{told}</html>"))),
        (Matcher::path("/ping"), status(302, told.clone())),
        (Matcher::path("/api/v2/buckets"), status(200, format!("{{\"buckets\":\"{told}\"}}"))),
        (Matcher::path("/api/v2/buckets"), status(200, json.clone())),
    ];
    for (matcher, fault) in rows {
        let cloud = sluice::testing::sim::ServerSettings {
            tokens: vec![AccessToken::all(WORD)],
            ..cloud_settings()
        };
        let world = World::with(cloud, oss_settings()).await;
        world.cloud.inject(Rule { matcher: matcher.clone(), times: 1_000, fault: fault.clone() });
        for more in [&["--json"][..], &[], &["--dry-run"]] {
            let mut job = world.job("migrate", more);
            job.env("INFLUXDB_CLOUD_TOKEN", WORD);
            let ended = world.start(job).ended().await;
            assert!(ended.code.is_some_and(|code| code != 1), "{matcher:?} {fault:?}: {ended:?}");
            unseen(&ended);
        }
    }
}

/// The same in the reasons of refused lines.
#[tokio::test]
async fn no_rejects_file_holds_a_token() {
    let oss = sluice::testing::sim::ServerSettings {
        tokens: vec![AccessToken { text: WORD.to_owned(), permissions: vec![Permission::All] }],
        ..oss_settings()
    };
    let world = World::with(cloud_settings(), oss).await;
    let mut matcher = Matcher::path("/api/v2/write").body("usage");
    matcher.method = "POST".to_owned();
    let fault = Fault::unprocessable(&format!("partial write: Token {WORD} dropped=1"));
    world.oss.inject(Rule { matcher, times: 1_000_000, fault });
    let rejects = world.folder.path().join("rejects.lp");
    let more = ["--rejects", rejects.to_str().unwrap(), "--reject-limit", "100"];
    let mut job = world.job("migrate", &more);
    job.env("INFLUX_TOKEN", WORD);
    let ended = world.start(job).ended().await;
    ended.assert_code(7);
    unseen(&ended);
    let kept = std::fs::read_to_string(&rejects).unwrap_or_default();
    assert!(!kept.contains(WORD), "{kept}");
}

#[tokio::test]
async fn a_token_command_gets_no_tokens_and_says_nothing() {
    let world = World::new().await;
    let seen = world.folder.path().join("seen");
    let script = format!(
        "echo \"[$INFLUX_TOKEN$INFLUXDB_CLOUD_TOKEN]\" > {}; echo {WORD} >&2; echo {OSS_TOKEN}",
        seen.display()
    );
    let command = format!("/bin/sh -c '{script}'");
    let mut job = world.job("preflight", &["--destination-token-command", &command]);
    job.env("INFLUX_TOKEN", WORD);
    let ended = world.start(job).ended().await;
    ended.assert_code(0);
    unseen(&ended);
    assert_eq!(std::fs::read_to_string(&seen).unwrap(), "[]\n");
    let command = format!("/bin/sh -c 'echo {WORD} >&2; echo {WORD}; exit 3'");
    let job = world.job("preflight", &["--destination-token-command", &command]);
    let ended = world.start(job).ended().await;
    ended.assert_code(12);
    unseen(&ended);
    assert!(ended.out.contains("exit status: 3"), "{ended:?}");
}

#[tokio::test]
async fn a_token_file_is_looked_at() {
    let world = World::new().await;
    let path = world.folder.path().join("oss.token");
    let file = ["--destination-token-file", path.to_str().unwrap()];
    std::fs::write(&path, format!("{OSS_TOKEN}\n")).unwrap();
    for (mode, warned) in [(0o600, false), (0o644, true)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let ended = world.start(world.job("preflight", &file)).ended().await;
        ended.assert_code(0);
        assert_eq!(ended.out.contains("P02 cure: chmod 600"), warned, "{ended:?}");
    }
    for (text, word) in [
        (format!("\"{OSS_TOKEN}\"").into_bytes(), "quotes"),
        (format!("'{OSS_TOKEN}'\n").into_bytes(), "quotes"),
        (format!("\u{feff}{OSS_TOKEN}").into_bytes(), "byte order mark"),
        (
            format!("\u{feff}{OSS_TOKEN}").encode_utf16().flat_map(u16::to_be_bytes).collect(),
            "UTF-16",
        ),
        (OSS_TOKEN.encode_utf16().flat_map(u16::to_le_bytes).collect(), "UTF-16"),
        (format!("{{\"token\":\"{OSS_TOKEN}\"}}").into_bytes(), "JSON"),
    ] {
        std::fs::write(&path, &text).unwrap();
        let ended = world.start(world.job("preflight", &file)).ended().await;
        ended.assert_code(12);
        assert!(ended.out.contains(word), "{word}: {ended:?}");
        assert!(!format!("{}{}", ended.out, ended.err).contains(OSS_TOKEN), "{ended:?}");
        if let Ok(text) = String::from_utf8(text)
            && !text.contains('\0')
        {
            let mut job = world.job("preflight", &[]);
            job.env("INFLUX_TOKEN", text);
            let ended = world.start(job).ended().await;
            assert!(matches!(ended.code, Some(2 | 12)), "{ended:?}");
            let said = format!("{}{}", ended.out, ended.err);
            let is_told = flat(&said).contains(word);
            assert!((is_told || word == "quotes") && !said.contains(OSS_TOKEN), "{said}");
            assert!(
                word != "quotes" || said.contains("the token stands in") && said.contains("quotes"),
                "{said}"
            );
        }
    }
}

/// A bucket that is there and cannot be read is not called missing, and not made.
#[tokio::test]
async fn a_token_that_only_writes_is_told_of() {
    let oss = sluice::testing::sim::ServerSettings {
        tokens: vec![AccessToken::write(OSS_TOKEN, BUCKET)],
        ..oss_settings()
    };
    let world = World::with(cloud_settings(), oss).await;
    world.oss.store().create_bucket(BUCKET, 0);
    world.oss.store().create_bucket(PROGRESS, 0);
    let ended = world.migrate(&[]).await;
    ended.assert_code(7);
    let mut job = world.job("preflight", &[]);
    job.env("SLUICE_CREATE_BUCKETS", "false");
    let ended = world.start(job).ended().await;
    assert!(matches!(ended.code, Some(0 | 7)), "{ended:?}");
}

/// One row for each token: which, from where, refused by whom; and both ends are asked.
#[tokio::test]
async fn a_refused_token_is_a_row_with_its_origin() {
    let world = World::new().await;
    let path = world.folder.path().join("cloud.token");
    std::fs::write(&path, "not-this-one").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    for look in [&["preflight"][..], &["plan"], &["migrate", "--dry-run"], &["migrate"]] {
        let file = ["--source-token-file", path.to_str().unwrap()];
        let mut job = world.job(look[0], &[&look[1..], &file].concat());
        job.env("INFLUX_TOKEN", "nor-this-one");
        let ended = world.start(job).ended().await;
        ended.assert_code(12);
        let said = format!("{}{}", ended.out, ended.err);
        let said = flat(&said);
        assert_eq!(said.matches("FAIL [P02]").count(), 2, "{said}");
        assert!(
            said.contains("cloud.token: refused by the FAIL [P02] source (status 401)"),
            "{said}"
        );
        assert!(
            said.contains("INFLUX_TOKEN: refused by the destination (status FAIL [P02] 401)"),
            "{said}"
        );
        assert!(said.contains("P02 cure: make one that may read the bucket"), "{said}");
        assert!(!said.contains("this-one"), "{said}");
    }
}

/// Paths in a file of settings count from it, wherever the program is started; nothing is asked of a server before.
#[tokio::test]
async fn a_path_in_a_file_counts_from_that_file() {
    let world = World::new().await;
    let folder = world.folder.path().join("jobs");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("cloud.token"), super::CLOUD_TOKEN).unwrap();
    let text = "source_token_file = \"cloud.token\"\nrejects = \"refused.lp\"\n";
    std::fs::write(folder.join("plant.toml"), text).unwrap();
    let config = folder.join("plant.toml").display().to_string();
    let start = |name: &str, config: &str| {
        let mut job = world.job(name, &["--config", config]);
        job.env_remove("INFLUXDB_CLOUD_TOKEN").current_dir("/");
        world.start(job)
    };
    start("preflight", &config).ended().await.assert_code(0);
    start("migrate", &config).ended().await.assert_code(0);
    world.assert_whole();
    std::fs::remove_file(folder.join("cloud.token")).unwrap();
    let asked = world.cloud.records().len() + world.oss.records().len();
    let ended = start("migrate", &config).ended().await;
    ended.assert_code(2);
    let path = folder.join("cloud.token").display().to_string();
    assert!(ended.err.contains(&path), "no {path}: {ended:?}");
    assert_eq!(world.cloud.records().len() + world.oss.records().len(), asked);
}

/// Cures of names say what the token sees.
#[tokio::test]
async fn what_was_probably_meant_is_told() {
    let world = World::new().await;
    world.oss.store().create_bucket("archive", 0);
    let plant = world.cloud.store().bucket("plant").expect("it is there").id;
    for (more, words) in [
        (&["--source-org", "ops-eq"][..], "P04 cure: did you mean --source-org \"ops-eu\"?"),
        (&["--destination-org", "opss"], "P04 cure: did you mean --destination-org \"ops\"?"),
        (&["--source-bucket", "plannt"], "P03 cure: did you mean plant? If not, make a token"),
        (&["--source-bucket", &plant], "P03 cure: that is the id of plant: give its name."),
        (&["--source-host", "/orgs/123"], "give scheme, host and port only: --source-host http://"),
    ] {
        let host = format!("{}/orgs/123", world.cloud.url());
        let more = more.iter().map(|word| if *word == "/orgs/123" { &*host } else { *word });
        let ended = world.start(world.job("preflight", &more.collect::<Vec<_>>())).ended().await;
        ended.assert_code(7);
        assert!(ended.out.contains(words), "no {words}: {}", ended.out);
        assert!(!ended.out.contains("P13"), "the name is in doubt: {}", ended.out);
    }
    let mut job = world.job("preflight", &["--destination-bucket", "archiv"]);
    job.env("SLUICE_CREATE_BUCKETS", "false");
    let args: Vec<_> = job.get_args().map(ToOwned::to_owned).collect();
    let mut job = world.command(&[]);
    job.args(args.iter().filter(|arg| *arg != "--create-buckets"));
    let ended = world.start(job).ended().await;
    assert!(
        ended.out.contains("P13 cure: did you mean archive? If not: --create"),
        "{}",
        ended.out
    );
    world.oss.store().create_bucket("migration", 0);
    let mut job = world.command(&[]);
    job.args(args.iter().filter(|arg| *arg != "--create-buckets"));
    job.args(["--batch-bucket", "migratin"]);
    let ended = world.start(job).ended().await;
    for words in ["P13 cure: did you mean archive? If", "P15 cure: did you mean migration? If not:"]
    {
        assert!(ended.out.contains(words), "no {words}: {}", ended.out);
    }
    let archive = world.oss.store().bucket("archive").expect("it is there").id;
    let job = world.job("preflight", &["--destination-bucket", &archive]);
    let ended = world.start(job).ended().await;
    let words = "P13 cure: that is the id of archive: give its name. If not:";
    assert!(ended.out.contains(words), "none is made that is called like an id: {}", ended.out);
    let ended = world.start(world.job("preflight", &[])).ended().await;
    assert!(ended.out.contains("will be created (right not tried)"), "{}", ended.out);
}
