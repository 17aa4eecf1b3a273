//! The pages of the docs: their command lines are taken, their links lead somewhere, their messages are said. Each check is
//! itself held against a text in which it must find something.

use std::collections::BTreeSet;

use clap::Parser as _;
use clap::error::ErrorKind;
use sluice::testing::cli::args::Args;

use crate::tidy::source;

/// The pages, by their paths, with the texts at the top.
fn pages() -> Vec<(String, String)> {
    let top = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"];
    let top = top.into_iter().flat_map(|path| source::files(path, ""));
    source::files("docs", ".md").into_iter().chain(top).collect()
}

fn hold(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

// ---------------------------------------------------------------- command lines

/// What a shell would run of the fenced blocks of a page, a line each; those that go on with a backslash are joined.
fn shell_lines(page: &str) -> Vec<String> {
    let (mut lines, mut within, mut begun) = (Vec::new(), false, String::new());
    for line in page.lines() {
        let line = line.trim();
        if let Some(language) = line.strip_prefix("```") {
            within = !within && language == "sh";
        } else if within {
            let (part, goes_on) =
                line.strip_suffix('\\').map_or((line, false), |line| (line, true));
            begun += part;
            if !goes_on {
                lines.push(std::mem::take(&mut begun));
            }
        }
    }
    lines
}

/// The words of a command, as a shell cuts them, up to what ends it.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in command.chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, '|' | ';' | '#' | '>' | '<' | '&') if word.is_none() => return words,
            (None, ';') => break,
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// The command lines of sluice in a page that the program does not take. `...` stands for whatever else is given.
fn refused_lines(path: &str, page: &str) -> (usize, Vec<String>) {
    let (mut seen, mut refused) = (0, Vec::new());
    for line in shell_lines(page) {
        let begins = |at: &usize| *at == 0 || line[..*at].ends_with([' ', '|', ';', '(']);
        for (at, _) in line.match_indices("sluice ").filter(|(at, _)| begins(at)) {
            let mut argv = words(&line[at..]);
            argv.retain(|word| word != "...");
            seen += 1;
            if let Err(error) = Args::try_parse_from(&argv)
                && !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
            {
                let why = error.to_string();
                refused.push(format!("{path}: {line}\n    {}", why.lines().next().unwrap_or("")));
            }
        }
    }
    (seen, refused)
}

#[test]
fn every_command_line_of_the_pages_is_taken() {
    let (mut seen, mut refused) = (0, Vec::new());
    for (path, page) in pages() {
        let (here, bad) = refused_lines(&path, &page);
        seen += here;
        refused.extend(bad);
    }
    assert!(seen > 20, "only {seen} command lines were found");
    hold(&refused);
}

#[test]
fn the_check_of_command_lines_can_fail() {
    let page = |lines: &str| format!("text\n```sh\n{lines}\n```\n`sluice nonsense`\n");
    for (lines, seen, refused) in [
        ("sluice migrate --config a.toml --yes   # a remark", 1, 0),
        ("sluice migrate --confg a.toml", 1, 1),
        ("sluice migrat", 1, 1),
        ("sluice plan \\\n  --tag 'a b=c' \\\n  --nosuch", 1, 1),
        ("X=1 sluice demo; sluice demo --hosts | cat", 2, 1),
        ("cargo install sluice-x", 0, 0),
    ] {
        let (found, complaints) = refused_lines("x", &page(lines));
        assert_eq!((found, complaints.len()), (seen, refused), "{lines}: {complaints:?}");
    }
}

// ---------------------------------------------------------------- links

/// The anchors of a page: its headings as they are linked to.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut within = false;
    let heading = |line: &str| {
        let text = line.strip_prefix('#')?.trim_start_matches('#').trim();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
    };
    let outside = page.lines().filter(|line| {
        within ^= line.starts_with("```");
        !within
    });
    outside.filter_map(heading).collect()
}

/// Targets of the links of a page that are no addresses of the web.
fn targets(page: &str) -> Vec<&str> {
    let ends = page.match_indices("](").map(|(at, found)| &page[at + found.len()..]);
    let all = ends.filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    all.filter(|target| !target.contains("://") && !target.contains(' ')).collect()
}

fn broken(pages: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, page) in pages {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for target in targets(page) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let full = match (file, file.strip_prefix("../")) {
                ("", _) => path.clone(),
                (_, Some(above)) => above.to_owned(),
                _ if folder.is_empty() => file.to_owned(),
                _ => format!("{folder}/{file}"),
            };
            let text = pages.iter().find(|(path, _)| *path == full).map(|(_, text)| text);
            let is_there = match text {
                Some(text) => anchor.is_empty() || anchors(text).contains(anchor),
                None => anchor.is_empty() && !source::files(&full, "").is_empty(),
            };
            if !is_there {
                found.push(format!("{path}: nothing at {target}"));
            }
        }
    }
    found
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    let pages = pages();
    assert!(pages.iter().map(|(_, page)| targets(page).len()).sum::<usize>() > 100);
    hold(&broken(&pages));
    let page = |text: &str| vec![("docs/a.md".to_owned(), format!("# An `a`, b\n{text}\n"))];
    for (text, count) in [
        ("[x](a.md) [y](#an-a-b) [z](../README.md) [w](https://a.b/c.md#d)", 0),
        ("[x](b.md)", 1),
        ("[y](a.md#an-a) [z](../NO.md)", 2),
    ] {
        assert_eq!(broken(&page(text)).len(), count, "{text}");
    }
}

/// A page that the index does not name is found by nobody.
#[test]
fn the_index_names_every_page() {
    let pages = pages();
    let index = pages.iter().find(|(path, _)| path == "docs/README.md");
    let named = index.map(|(_, text)| targets(text)).unwrap_or_default();
    let is_named = |name: &str| named.iter().any(|target| target.split('#').next() == Some(name));
    let names = pages.iter().filter_map(|(path, _)| path.strip_prefix("docs/"));
    let missing: Vec<_> = names.filter(|name| *name != "README.md" && !is_named(name)).collect();
    assert!(missing.is_empty(), "not in docs/README.md: {missing:?}");
    assert!(is_named("plan.md") && !is_named("nosuch.md"));
}

// ---------------------------------------------------------------- messages

/// The quoted messages in the first column of the tables of a page, cut at what stands for anything.
fn messages(page: &str) -> Vec<&str> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let quoted = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    quoted
        .flat_map(|text| text.split("..."))
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect()
}

#[test]
fn every_message_of_the_page_is_said() {
    let all: String = source::files("src", ".rs").into_iter().map(|(_, text)| text).collect();
    // Texts are cut into lines in the sources, not in what is said.
    let all = all.replace("\\\n", " ");
    let said = all.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let is_said = |text: &&str| said.contains(&text.to_lowercase());
    let pages = pages();
    let page = pages.iter().find(|(path, _)| path == "docs/messages.md");
    let messages = page.map(|(_, text)| messages(text)).unwrap_or_default();
    assert!(messages.len() > 20, "{messages:?}");
    let unsaid: Vec<_> = messages.iter().filter(|text| !is_said(text)).collect();
    assert!(unsaid.is_empty(), "nothing in src says {unsaid:?}");
    assert!(!is_said(&"this stands nowhere in the sources"));
}
