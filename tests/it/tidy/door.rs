//! The door of the tests: what it lets through is used by a test or a bench.

use std::collections::BTreeSet;

use super::source;

/// The names that the page re-exports.
fn let_through(page: &str) -> BTreeSet<&str> {
    let uses = page.split("pub use crate::").skip(1).filter_map(|rest| rest.split(';').next());
    let names = uses.flat_map(|path| match path.split_once('{') {
        Some((_, list)) => list.trim_end_matches(['}', ' ', '\n']).split(',').collect(),
        None => path.rsplit("::").take(1).collect::<Vec<_>>(),
    });
    let named = names.map(|name| name.rsplit(" as ").next().unwrap_or(name).trim());
    named.filter(|name| !name.is_empty() && *name != "self").collect()
}

/// Those that no text has as a word.
fn unused<'a>(page: &'a str, texts: &[String]) -> Vec<&'a str> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let words: BTreeSet<&str> = texts.iter().flat_map(|text| text.split(|c| !is_part(c))).collect();
    let_through(page).into_iter().filter(|name| !words.contains(name)).collect()
}

#[test]
fn what_the_door_lets_through_is_used() {
    let pages = ["src/testing.rs", "src/testing"].map(|place| source::files(place, ".rs"));
    let page: String = pages.into_iter().flatten().map(|(_, text)| text).collect();
    let users = ["tests/it", "benches"].map(|folder| source::files(folder, ".rs"));
    let texts: Vec<String> = users.into_iter().flatten().map(|(_, text)| text).collect();
    assert!(let_through(&page).len() > 200 && texts.len() > 100);
    assert_eq!(unused(&page, &texts), [""; 0], "nothing uses these of src/testing.rs");
}

#[test]
fn the_check_of_the_door_can_fail() {
    let page = "mod a { pub use crate::a::{Used, Stale, x as renamed}; pub use crate::b::c; }";
    let texts = ["Used::new(renamed)".to_owned(), "Staleness cc".to_owned()];
    assert_eq!(unused(page, &texts), ["Stale", "c"]);
}
