//! The page of a bench: whole, by itself, and safe whatever the names.

use sluice::bench::record::{Density, Recorded};
use sluice::commands::bench::html;

use super::{DAY_NS, cells, model, recorded, run, terms};

fn bench() -> Recorded {
    let mut model =
        model(cells(DAY_NS, (0..64).map(|n| if n % 9 == 4 { 0 } else { 5_000_000 + n })));
    model.quota = Some((300_000_000, 900));
    let (trials, scheduler) = run(&model, terms(&model, "6h", 300_000_000, 9), 9);
    let mut bench = recorded(&model, trials);
    bench.header.density = model
        .cells
        .iter()
        .map(|cell| Density { start: cell.range.start, stop: cell.range.stop, values: cell.values })
        .collect();
    bench.verdict = Some(scheduler.verdict(None, 123_000_000, 456_000));
    bench
}

/// Every tag is closed in its place.
fn assert_well_formed(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let body = page.strip_prefix("<!doctype html>").unwrap();
    for part in body.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or_else(|| panic!("open: {part}"));
        assert!(!text.contains('>') || open.last() == Some(&"style"), "{text}");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !tag.ends_with('/') && name != "meta" {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_page_stands_by_itself_and_shows_every_plot() {
    let page = html::page(&bench());
    assert_well_formed(&page);
    for forbidden in
        ["<script", "http:", "https:", "url(", "@import", "src=", "href=", "NaN", "inf\""]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for title in [
        "Values/s by interval, 2 requests at a time",
        "Bytes/value by interval",
        "Longest answer by interval",
        "time limit for one query",
        "Time of the whole migration",
        "Values over time",
        "prefers-color-scheme:dark",
        "width=device-width",
        "<dt>command</dt><dd>sluice bench</dd>",
    ] {
        assert!(page.contains(title), "{title}");
    }
    assert_eq!(page.matches("<svg ").count(), 5);
    if let Some(path) = std::env::var_os("SLUICE_TEST_PAGE") {
        std::fs::write(path, page).unwrap();
    }
}

#[test]
fn names_cannot_leave_their_place() {
    let mut bench = bench();
    bench.header.source = "<script>alert(1)</script>/\"'&\u{1b}".to_owned();
    bench.header.command = vec!["--predicate".to_owned(), "r.host == \"<b>\"".to_owned()];
    if let Some(verdict) = &mut bench.verdict {
        verdict.not_seen.push("</dd><img>".to_owned());
    }
    let page = html::page(&bench);
    assert_well_formed(&page);
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains('\u{1b}'));
    assert!(page.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn a_bench_without_a_trial_or_a_verdict_has_a_page_too() {
    let mut bench = bench();
    bench.verdict = None;
    assert_well_formed(&html::page(&bench));
    bench.trials.clear();
    bench.header.density.clear();
    let page = html::page(&bench);
    assert_well_formed(&page);
    assert!(!page.contains("<svg "));
}
