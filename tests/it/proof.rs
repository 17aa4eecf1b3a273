//! What the proof rests on: no test passes because it did nothing, and the page that says what is proven names tests that
//! exist.

#![expect(clippy::unwrap_used, reason = "a test may fail by panic, in its helper functions too")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::tidy::source::files;

/// The door, and who may look at the environment beside it: seeds are not something that a machine lacks.
const DOOR: &str = "support/need.rs";
const SEEDS: &str = "differential.rs";

fn text_of(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The sources of the tests by their paths in `tests/it`.
fn sources() -> BTreeMap<String, String> {
    let sources: BTreeMap<_, _> = files("tests/it", ".rs")
        .into_iter()
        .map(|(path, text)| (path["tests/it/".len()..].to_owned(), text))
        .collect();
    assert!(sources.len() > 100, "the tests were not found");
    sources
}

/// Lines that look for something past the door.
fn past_the_door(path: &str, text: &str) -> Vec<String> {
    // Put together, so that this file does not look either.
    let looks = [["env", "::var"].concat(), ["option", "_env!"].concat(), ["SKIP", "PED"].concat()];
    let names = ["SLUICE_TEST_SEED", "SLUICE_TEST_SEEDS", "SLUICE_TEST_CANARY", "ONE_SEED"];
    let lines = text.lines().filter(|line| looks.iter().any(|look| line.contains(look)));
    let fair = |line: &&str| {
        path == DOOR
            || path == SEEDS
                && names.iter().any(|name| {
                    line.contains(&format!("\"{name}\"")) || line.contains(&format!("({name})"))
                })
    };
    lines.filter(|line| !fair(line)).map(|line| format!("{path}: {line}")).collect()
}

#[test]
fn only_one_door_looks_for_what_a_test_may_lack() {
    let sources = sources();
    let found: Vec<_> = sources.iter().flat_map(|(path, text)| past_the_door(path, text)).collect();
    assert!(found.is_empty(), "{DOOR} is the only place to look:\n{}", found.join("\n"));
    let look = ["if std::env", "::var(\"SLUICE_TEST_X\").is_err() { return }"].concat();
    assert_eq!(past_the_door("spool/s3.rs", &look).len(), 1, "the check can fail");
    assert_eq!(past_the_door(SEEDS, &look).len(), 1);
    assert_eq!(past_the_door(DOOR, &look).len(), 0);
}

#[test]
fn ci_is_strict() {
    let text = text_of(".ci/run");
    assert!(text.contains("\nSLUICE_TEST_STRICT=1 cargo test\n"), "all that it installs is needed");
    assert_eq!(text.lines().last(), Some("scripts/not_run.sh"), "what did not run is said last");
}

/// The names in the second column of the tables: `module::name`, each with its row.
fn names(page: &str) -> Vec<(String, String)> {
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| promise"));
    let mut names = Vec::new();
    for row in rows {
        let held = row.trim_end_matches('|').rsplit_once(" | ").unwrap().1;
        let before = names.len();
        names.extend(held.split('`').skip(1).step_by(2).map(|name| (name.into(), row.to_owned())));
        assert!(names.len() > before, "held by nothing: {row}");
    }
    names
}

fn page() -> String {
    text_of("docs/testing.md")
}

/// Whether there is such a module, or such a test in its module.
fn exists(sources: &BTreeMap<String, String>, name: &str) -> bool {
    let module = |name: &str| sources.get(&format!("{}.rs", name.replace("::", "/")));
    let test = |(module_name, test): (&str, &str)| {
        module(module_name).is_some_and(|text| is_test(text, test))
    };
    module(name).is_some() || name.rsplit_once("::").is_some_and(test)
}

fn is_test(text: &str, name: &str) -> bool {
    let Some((before, _)) = text.split_once(&format!("fn {name}(")) else { return false };
    let attributes = before.lines().rev().skip_while(|line| line.starts_with("async"));
    attributes
        .map(str::trim)
        .take_while(|line| line.is_empty() || line.starts_with("#[") || line.starts_with("async"))
        .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
}

#[test]
fn the_page_names_tests_that_exist() {
    let (sources, page) = (sources(), page());
    let names = names(&page);
    assert!(names.len() > 90, "only {} names", names.len());
    let missing: Vec<_> = names.iter().filter(|(name, _)| !exists(&sources, name)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(!exists(&sources, "migrate::resume::no_such_test"));
    assert!(!exists(&sources, "migrate::resume::trace"), "a function is no test");
    assert!(!exists(&sources, "no_such_module"));
}

/// Each module that holds tests is named, by itself, by one of its tests, or by a module that it is in.
#[test]
fn the_page_names_every_module() {
    let page = page();
    let names = names(&page);
    let holds_tests = |text: &str| text.contains("#[test]") || text.contains("#[tokio::test");
    let unnamed: Vec<_> = sources()
        .into_iter()
        .filter(|(_, text)| holds_tests(text))
        .map(|(path, _)| path.trim_end_matches(".rs").replace('/', "::"))
        .filter(|module| {
            let covers = |name: &str| {
                let within = |a: &str, b: &str| a == b || a.starts_with(&format!("{b}::"));
                within(name, module) || within(module, name)
            };
            !names.iter().any(|(name, _)| covers(name))
        })
        .collect();
    assert!(unnamed.is_empty(), "not on the page: {unnamed:?}");
}
