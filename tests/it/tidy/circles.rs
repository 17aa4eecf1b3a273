//! Circles of files: a file that comes back to itself over `use` lines and full paths cannot be read by itself.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

/// The path of a module, from the root of the crate.
type Module = Vec<String>;

/// For each file the files that it names.
pub(super) fn arrows(sources: &[Source]) -> BTreeMap<Module, BTreeSet<Module>> {
    let path = |source: &Source| source.module().into_iter().map(str::to_owned).collect();
    let modules: BTreeSet<Module> = sources.iter().map(path).collect();
    let named = |source: &Source| {
        let own: Module = path(source);
        let found = Names::of(&source.code).targets(&own, &modules);
        (own, found)
    };
    sources.iter().map(named).collect()
}

/// Each set of files of which every one leads to every other.
pub(super) fn circles(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<BTreeSet<Module>> {
    let ahead: BTreeMap<_, _> = arrows.keys().map(|from| (from, reached(from, arrows))).collect();
    let mut circles = BTreeSet::new();
    for (from, reached) in &ahead {
        let back = |to: &&Module| ahead.get(to).is_some_and(|ahead| ahead.contains(*from));
        let circle: BTreeSet<Module> = reached.iter().filter(back).cloned().collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

fn reached(from: &Module, arrows: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Module> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(module) = open.pop() {
        for next in arrows.get(module).into_iter().flatten() {
            if reached.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    reached
}

/// What a file names.
#[derive(Debug, Default)]
struct Names {
    /// Paths, in `use` lines or elsewhere.
    paths: Vec<Vec<String>>,
    /// What a name of a `use` line stands for.
    used: BTreeMap<String, Vec<String>>,
}

impl Names {
    fn of(code: &str) -> Self {
        let (tokens, mut names) = (tokens(code), Self::default());
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            if *token == "use" {
                at += 1;
                for (path, name) in tree(&tokens, &mut at, &[]) {
                    names.used.insert(name, path.clone());
                    names.paths.push(path);
                }
            } else if is_name(token) && tokens.get(at + 1) == Some(&"::") {
                let mut path = vec![(*token).to_owned()];
                while tokens.get(at + 1) == Some(&"::")
                    && let Some(next) = tokens.get(at + 2).filter(|next| is_name(next))
                {
                    path.push((*next).to_owned());
                    at += 2;
                }
                names.paths.push(path);
                at += 1;
            } else {
                at += 1;
            }
        }
        names
    }

    fn targets(&self, own: &Module, modules: &BTreeSet<Module>) -> BTreeSet<Module> {
        let target = |path: &Vec<String>| self.target(path, own, modules);
        self.paths.iter().filter_map(target).filter(|target| target != own).collect()
    }

    /// The file that a path leads into.
    fn target(&self, path: &[String], own: &Module, modules: &BTreeSet<Module>) -> Option<Module> {
        let child = |name: &String| {
            let mut child = own.clone();
            child.push(name.clone());
            modules.contains(&child)
        };
        let (mut at, rest) = match path.first()?.as_str() {
            "crate" => (Module::new(), &path[1..]),
            "self" => (own.clone(), &path[1..]),
            "super" => {
                let climbed = path.iter().take_while(|name| *name == "super").count();
                (own[..own.len().checked_sub(climbed)?].to_vec(), &path[climbed..])
            }
            _ if child(&path[0]) => (own.clone(), path),
            _ => {
                let meant = self.used.get(&path[0]).filter(|meant| meant[0] != path[0])?;
                let whole: Vec<_> = meant.iter().chain(&path[1..]).cloned().collect();
                return Self::default().target(&whole, own, modules);
            }
        };
        for name in rest {
            at.push(name.clone());
            if !modules.contains(&at) {
                at.pop();
                break;
            }
        }
        modules.contains(&at).then_some(at)
    }
}

/// The paths of a tree such as `a::{b, c as d, e::*}`, each with the name that it gets here.
fn tree(tokens: &[&str], at: &mut usize, before: &[String]) -> Vec<(Vec<String>, String)> {
    let mut path = before.to_vec();
    loop {
        let Some(token) = tokens.get(*at) else { return Vec::new() };
        *at += 1;
        match *token {
            "{" => {
                let mut all = Vec::new();
                while tokens.get(*at).is_some_and(|next| *next != "}") {
                    if tokens[*at] == "," {
                        *at += 1;
                    } else {
                        all.extend(tree(tokens, at, &path));
                    }
                }
                *at += 1;
                return all;
            }
            "self" if path.len() > before.len() || !before.is_empty() => {}
            "::" => continue,
            name => path.push(name.to_owned()),
        }
        if tokens.get(*at) != Some(&"::") {
            break;
        }
    }
    let mut name = path.last().cloned().unwrap_or_default();
    if tokens.get(*at) == Some(&"as") {
        name = tokens.get(*at + 1).map(|name| (*name).to_owned()).unwrap_or_default();
        *at += 2;
    }
    vec![(path, name)]
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::` and single signs.
fn tokens(code: &str) -> Vec<&str> {
    let (mut tokens, mut rest) = (Vec::new(), code.trim_start());
    while let Some(first) = rest.chars().next() {
        let inside = |c: char| c.is_alphanumeric() || c == '_';
        let length = if inside(first) {
            rest.find(|c| !inside(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

/// A circle as one line.
pub(super) fn line(circle: &BTreeSet<Module>) -> String {
    circle.iter().map(|module| module.join("::")).collect::<Vec<_>>().join(" ")
}

#[test]
fn circles_are_found_over_use_lines_and_full_paths() {
    let found = |files: &[(&str, &str)]| {
        let sources: Vec<_> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
        circles(&arrows(&sources)).iter().map(line).collect::<Vec<_>>()
    };
    let of_two =
        |a: &str, b: &str| found(&[("src/a.rs", a), ("src/b/mod.rs", b), ("src/b/c.rs", "")]);
    for (a, b, circles) in [
        ("use crate::b::f;", "use crate::a::g;", 1),
        ("use crate::b::f;", "fn f() { crate::a::g() }", 1),
        ("use crate::{b::{self, f}};", "use super::a;", 1),
        ("use crate::b; fn g() { b::f() }", "use crate::a as x; fn f() { x::g() }", 1),
        ("use crate::b::c::f;", "use crate::a::g;", 0),
        ("use crate::b::f;", "// use crate::a::g;", 0),
        ("use crate::b::f;", "#[cfg(test)]\nmod tests { use crate::a::g; }", 0),
        ("use crate::b::f;", "mod a { } use other::a::g;", 0),
    ] {
        assert_eq!(of_two(a, b).len(), circles, "{a} / {b}");
    }
    let child = |own: &str, child: &str| found(&[("src/b/mod.rs", own), ("src/b/c.rs", child)]);
    assert_eq!(child("mod c; fn f() { c::g() }", "use super::X;"), ["b b::c"]);
    assert_eq!(child("mod c; pub use c::Y;", "fn g(x: super::X) {}"), ["b b::c"]);
    assert_eq!(child("mod c;", "use super::X;"), [""; 0]);
    let three = [
        ("src/a.rs", "crate::b::x"),
        ("src/b.rs", "use crate::c::{x};"),
        ("src/c.rs", "crate::a::x"),
    ];
    assert_eq!(found(&three), ["a b c"]);
    assert_eq!(found(&three[..2]), [""; 0]);
}
