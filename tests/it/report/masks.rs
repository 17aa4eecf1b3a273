//! What stays of a text of a real run if all is taken away in which two runs may differ.

use serde_json::Value as Json;

/// Numbers with their units, the bar, the rows of open batches, and what is estimated.
pub(super) fn masked(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(masked_line).collect();
    // How often something is said depends on the time that it takes.
    lines.dedup();
    lines
}

fn masked_line(line: &str) -> String {
    if line.starts_with(" 20") && line.contains("  written ") {
        return "<open batch>".to_owned();
    }
    let line = line.split("ETA ").next().unwrap().replace("  wait:quota", "");
    let words = line.split([' ', '/', '[', ']']).filter(|word| !word.is_empty());
    let kept = words.filter(|word| !is_number(word)).collect::<Vec<_>>();
    kept.join(" ")
}

/// A number, a unit, a time, a bar.
fn is_number(word: &str) -> bool {
    const UNITS: [&str; 10] = ["B", "kB", "MB", "GB", "k", "M", "G", "s", "%", "-"];
    let bare = word.trim_matches(['(', ')', ',', ';', ':']);
    UNITS.contains(&bare)
        || bare.starts_with(|first: char| first.is_ascii_digit())
        || !bare.is_empty() && bare.chars().all(|sign| matches!(sign, '#' | '+' | '.'))
}

/// Of each line the names, the kinds of values, and the texts without their numbers.
pub(super) fn masked_json(text: &str) -> Vec<String> {
    text.lines().map(|line| shape(&serde_json::from_str(line).unwrap())).collect()
}

fn shape(json: &Json) -> String {
    match json {
        Json::Null | Json::Number(_) => "#".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::String(text) => format!("{:?}", masked(text)),
        Json::Array(all) => format!("[{}]", all.first().map_or(String::new(), shape)),
        Json::Object(all) => {
            let pairs = all.iter().map(|(name, value)| format!("{name}: {}", shape(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}

#[test]
fn words_stay_and_numbers_go() {
    let screen = "average       source 9.0 MB/s   sink 1.47 M values/s   ETA 1h50 - 2h30\n\
                  [##......]  41.0 %   857/2,090 batches\n 2023-07-06   read 54/54 MB  written 100 %  reading";
    let kept = ["average source sink values", "batches", "<open batch>"];
    assert_eq!(masked(screen), kept);
    assert_ne!(masked("STATE  finishing"), masked("STATE  running (auto)"));
    assert_ne!(masked_json("{\"a\":1}"), masked_json("{\"b\":1}"));
    assert_eq!(masked_json("{\"a\":1,\"t\":\"12 s\"}"), masked_json("{\"a\":null,\"t\":\"7 s\"}"));
}
