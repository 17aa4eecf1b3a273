//! The `influx delete` that removes values which only the destination has.

use std::collections::BTreeMap;

use crate::model::number::counted;
use crate::pipeline::verify::difference::{ExactDelete, ValueDifference};
use crate::report::text::{Paper, clean};

/// Where it removes them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeleteTarget {
    /// Address of the server.
    pub host: String,
    /// Name of the organization, if it is known.
    pub org: Option<String>,
    /// Name of the bucket.
    pub bucket: String,
}

impl DeleteTarget {
    /// The command, for a shell. It names the server: the CLI may be set up for another one.
    pub(crate) fn command(&self, delete: &ExactDelete) -> String {
        let ExactDelete { first, last, predicate } = delete;
        let org = self.org.as_ref().map(|org| format!(" --org {}", quoted(org)));
        format!(
            "influx delete --host {}{} --bucket {} --start {first} --stop {last} --predicate {}",
            quoted(&self.host),
            org.unwrap_or_default(),
            quoted(&self.bucket),
            quoted(predicate),
        )
    }
}

/// What removes the extra values of some that are shown, each command once; whole lines, for a shell.
pub(crate) fn removal(
    shown: &[ValueDifference],
    target: &DeleteTarget,
    paper: Paper,
) -> Vec<String> {
    let line = |label: &str, text: &str| paper.entry(label, text);
    let (mut commands, mut kept) = (Vec::new(), BTreeMap::<&str, u64>::new());
    for delete in shown.iter().filter_map(|one| one.delete.as_ref()) {
        match delete.as_ref().map(|delete| target.command(delete)) {
            Err(why) => *kept.entry(why.words()).or_default() += 1,
            Ok(command) if clean(&command, paper.glyphs) != command => {
                *kept.entry(NOT_SHOWN).or_default() += 1;
            }
            Ok(command) if commands.contains(&command) => {}
            Ok(command) => commands.push(command),
        }
    }
    let mut lines = Vec::new();
    if !commands.is_empty() {
        let head = "extra values, and nothing else (the time of --stop goes, too):";
        lines.extend(line("remove", head));
    }
    lines.extend(commands.into_iter().map(|command| format!("    {command}")));
    for (why, count) in kept {
        let values = counted(count, "extra value", "extra values");
        let label = if lines.is_empty() { "remove" } else { "" };
        lines.extend(line(label, &format!("no influx delete removes {values} alone: {why}")));
    }
    lines
}

/// Why a command is not on the screen.
const NOT_SHOWN: &str = "this terminal cannot show their names, --report has the command";

/// One word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:@%+,".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::model::time::Timestamp;

    /// The shell itself says what it makes of it.
    #[test]
    fn a_shell_passes_on_what_was_meant() {
        let names =
            ["plant", "a b", "it's", "-x", "$HOME", "`x`", "a\"b", "é\u{1f373}", "*", "~", "a=b"];
        for name in names {
            let target = DeleteTarget {
                host: "http://oss1:8086".to_owned(),
                org: Some(name.to_owned()),
                bucket: name.to_owned(),
            };
            let predicate = format!("_measurement=\"{}\"", name.replace('"', "\\\""));
            let (first, last) = (Timestamp::from_ns(-1), Timestamp::from_ns(1));
            let delete = ExactDelete { first, last, predicate: predicate.clone() };
            let script =
                format!("influx() {{ printf '%s\\n' \"$@\"; }}; {}", target.command(&delete));
            let said = Command::new("/bin/sh").args(["-c", &script]).output().unwrap().stdout;
            let said = String::from_utf8(said).unwrap();
            let words = [
                "delete",
                "--host",
                "http://oss1:8086",
                "--org",
                name,
                "--bucket",
                name,
                "--start",
                "1969-12-31T23:59:59.999999999Z",
                "--stop",
                "1970-01-01T00:00:00.000000001Z",
                "--predicate",
                &predicate,
            ];
            assert_eq!(said.lines().collect::<Vec<_>>(), words);
        }
    }
}
