//! Profiles of the influx CLI, and that an end never mixes two places.

use std::path::Path;

use sluice::testing::config::ends::TokenSetting;

use super::Given;

const PROFILES: &str = "[cloud]\n  url = \"https://cloud.example\"\n  token = \"cloud-secret\"\n  org = \"ops\"\n\n\
    [local]\n  url = \"http://oss:8086/\"\n  token = \"oss-secret\"\n  org = \"\"\n  active = true\n\n\
    [empty]\n  url = \"http://oss:8086\"\n";

const PROFILE_PATH: &str = "/home/user/.influxdbv2/configs";

pub(super) fn with_profiles<'a>(argv: &[&'a str]) -> Given<'a> {
    let mut given = Given::bare(argv).file(PROFILE_PATH, PROFILES);
    given.env.retain(|(name, _)| *name == "HOME");
    given.argv.extend(["--source-bucket", "plant"]);
    given
}

pub(super) const BOTH: [&str; 4] = ["--source-profile", "cloud", "--destination-profile", "local"];

#[test]
fn a_profile_gives_a_whole_end() {
    let config = with_profiles(&BOTH).good();
    assert_eq!(
        (&*config.ends.source.host, config.ends.source.org.as_deref()),
        ("https://cloud.example", Some("ops"))
    );
    assert_eq!(
        (&*config.ends.destination.host, config.ends.destination.org.as_deref()),
        ("http://oss:8086", None)
    );
    let token = |token: &str, origin: &str| TokenSetting::Given {
        token: token.to_owned(),
        origin: origin.to_owned(),
    };
    assert_eq!(config.ends.source.token, token("cloud-secret", "profile \"cloud\""));
    assert_eq!(config.ends.destination.token, token("oss-secret", "profile \"local\""));
    let text = format!("{config:?} {:?}", with_profiles(&BOTH).inputs().unwrap());
    assert!(!text.contains("-secret"), "{text}");
    let mut elsewhere = with_profiles(&BOTH).env("INFLUX_CONFIGS_PATH", "/etc/influx");
    let profiles = elsewhere.files.remove(Path::new(PROFILE_PATH)).unwrap();
    assert!(elsewhere.file("/etc/influx", &profiles).check().is_ok());
}

#[test]
fn a_profile_named_by_a_flag_sets_environment_and_file_aside() {
    let given = with_profiles(&BOTH)
        .env("SLUICE_SOURCE_HOST", "https://other")
        .env("SLUICE_SOURCE_TOKEN_FILE", "other")
        .env("INFLUXDB_CLOUD_TOKEN", "other")
        .env("INFLUX_TOKEN", "other")
        .env("SLUICE_CONFIG", "s.toml")
        .file("s.toml", "destination_org = \"other\"\n[migration]\nsourceOrg = \"other\"");
    let config = given.good();
    assert!(!format!("{config:?}").contains("other"), "{config:?}");
    assert_eq!(config, with_profiles(&BOTH).good());
}

#[test]
fn an_end_never_mixes_two_places() {
    let by_env = |given: Given<'static>| {
        given.env("SLUICE_SOURCE_PROFILE", "cloud").env("INFLUX_TOKEN", "oss-secret")
    };
    let local = ["--destination-profile", "local"];
    for (given, parts) in [
        (
            with_profiles(&[&BOTH[..], &["--source-host", "https://x"]].concat()),
            ["--source-host", "(--source-profile)"],
        ),
        (
            with_profiles(&[&BOTH[..], &["--source-org", "x"]].concat()),
            ["--source-org", "(--source-profile)"],
        ),
        (
            with_profiles(&[&BOTH[..], &["--source-token-file", "x"]].concat()),
            ["--source-token-file", "(--source-profile)"],
        ),
        (
            with_profiles(&[&BOTH[..], &["--destination-token-command", "x"]].concat()),
            ["--destination-token-command", "(--destination-profile)"],
        ),
        (
            by_env(with_profiles(&[])).env("SLUICE_SOURCE_ORG", "x"),
            ["SLUICE_SOURCE_ORG", "(SLUICE_SOURCE_PROFILE)"],
        ),
        (
            by_env(with_profiles(&["--source-host", "https://x"])),
            ["--source-host", "(SLUICE_SOURCE_PROFILE)"],
        ),
        (
            by_env(with_profiles(&[])).env("INFLUXDB_CLOUD_TOKEN", "cloud-secret"),
            ["mix INFLUXDB_CLOUD_TOKEN", "(SLUICE_SOURCE_PROFILE)"],
        ),
        (
            with_profiles(&[&local[..], &["--config", "s.toml"]].concat()).file(
                "s.toml",
                "source_profile = \"cloud\"\n[migration]\nsourceHost = \"https://x\"",
            ),
            ["migration.sourceHost in s.toml line", "(source_profile in s.toml line"],
        ),
    ] {
        let error = given.error();
        for part in parts {
            assert!(error.contains(part), "{error} lacks {part}");
        }
    }
    // One end by profile, the other by explicit settings: nothing is mixed.
    assert!(by_env(with_profiles(&[])).check().is_ok());
}

#[test]
fn profiles_that_are_refused() {
    let named = |name: &'static str| {
        with_profiles(&["--source-profile", name, "--destination-profile", "local"])
    };
    for (given, parts) in [
        (
            named("prod"),
            ["no profile \"prod\" in /home/user/.influxdbv2/configs", "cloud, empty, local"],
        ),
        (named("empty"), ["profile \"empty\"", "has no token"]),
        (named("cloud").env("HOME", ""), ["\"cloud\"", "INFLUX_CONFIGS_PATH"]),
        (
            named("cloud").env("INFLUX_CONFIGS_PATH", "/gone"),
            ["cannot read /gone", "--source-profile"],
        ),
        (
            named("cloud").file(PROFILE_PATH, "[cloud]\nurl = \"https://c\"\ntoken = cloud-secret"),
            ["configs line 3", ""],
        ),
        (
            named("cloud").file(PROFILE_PATH, &PROFILES.replace("https://cloud.example", "cloud")),
            ["url of profile \"cloud\": \"cloud\"", "https://"],
        ),
        (
            named("cloud")
                .file(PROFILE_PATH, &PROFILES.replace("cloud-secret", "cloud-secret two")),
            ["profile \"cloud\" does not hold a token", ""],
        ),
    ] {
        let error = given.error();
        for part in parts {
            assert!(error.contains(part), "{error} lacks {part}");
        }
    }
}
