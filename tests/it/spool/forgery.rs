//! A spool whose manifest and journal say something else, under digests that are right.

use std::fs;
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};
use serde_json::Value;

pub(super) fn sha256(bytes: &[u8]) -> String {
    let bytes: Vec<_> =
        digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.concat()
}

/// What manifest and journal say.
#[derive(Clone)]
pub(super) struct Forgery {
    folder: PathBuf,
    pub(super) manifest: Value,
    pub(super) records: Vec<Value>,
}

impl Forgery {
    pub(super) fn of(folder: &Path) -> Self {
        let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let manifest = text("manifest.json");
        let journal = text("journal/records");
        let record = |line: &str| serde_json::from_str(line.split_once(' ').unwrap().1).unwrap();
        Self {
            folder: folder.to_owned(),
            manifest: serde_json::from_str(manifest.lines().next().unwrap()).unwrap(),
            records: journal.lines().map(record).collect(),
        }
    }

    /// The id of the job, computed as the page of the docs says.
    pub(super) fn id(&self) -> String {
        let mut bytes = Vec::new();
        for (name, text) in self.manifest["job"]["identity"].as_object().unwrap() {
            for text in [name, text.as_str().unwrap()] {
                bytes.extend((text.len() as u64).to_le_bytes());
                bytes.extend(text.as_bytes());
            }
        }
        sha256(&bytes)[..16].to_owned()
    }

    /// Writes both, signed.
    pub(super) fn write(&self) {
        let format = &self.manifest["format"];
        let mut chain = sha256(format!("sluice spool {format} {}", self.id()).as_bytes());
        let mut manifest = self.manifest.clone();
        let known = manifest["records"].as_u64().unwrap_or_default();
        let mut journal = String::new();
        for (number, record) in (1..).zip(&self.records) {
            chain = sha256(format!("{chain} {record}").as_bytes());
            journal += &format!("{chain} {record}\n");
            if number == known {
                manifest["chain"] = chain.clone().into();
            }
        }
        let json = manifest.to_string();
        let signed = format!("{json}\n{{\"sha256\":\"{}\"}}\n", sha256(json.as_bytes()));
        fs::write(self.folder.join("manifest.json"), signed).unwrap();
        fs::write(self.folder.join("journal/records"), journal).unwrap();
    }

    /// Changes what is said of a file, wherever it is said. Its path may change too.
    pub(super) fn edit(&mut self, path: &str, edit: impl Fn(&mut Value)) {
        let mut renamed = path.to_owned();
        let mut entry = |value: &mut Value| {
            if value["path"] == path && value.get("sha256").is_some() {
                edit(value);
                value["path"].as_str().unwrap_or_default().clone_into(&mut renamed);
            }
        };
        self.records.iter_mut().for_each(|record| walk(record, &mut entry));
        walk(&mut self.manifest, &mut entry);
        let rename = |value: &mut Value| {
            if *value == path {
                *value = renamed.clone().into();
            }
        };
        self.records.iter_mut().for_each(|record| walk(record, &mut { rename }));
        walk(&mut self.manifest, &mut { rename });
        let files = self.manifest["files"].as_object_mut().unwrap();
        if let Some(entry) = files.remove(path) {
            files.insert(renamed, entry);
        }
    }
}

fn walk(value: &mut Value, see: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| walk(value, see)),
        Value::Object(values) => values.values_mut().for_each(|value| walk(value, see)),
        _ => {}
    }
    see(value);
}
