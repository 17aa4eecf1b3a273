//! Random buckets between real servers, without any trouble: what the stopped engine holds of both ends is the same.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use sluice::testing::model::time::Timestamp;

use super::{Json, Real};
use crate::differential::content::{Content, Shape};
use crate::support::need::{What, need};

/// Seeds that are tried; long buckets are left out.
const SEEDS: std::ops::Range<u64> = 0..24;

/// What a case left to be compared.
struct Moved {
    seed: u64,
    source_id: String,
    destination_id: String,
    content: Content,
}

async fn id_of(real: &Real, bucket: &str) -> String {
    let path = format!("/api/v2/buckets?name={}", bucket.replace('/', "%2F"));
    let found = real.api("GET", &path, &Json::Null).await;
    found["buckets"][0]["id"].as_str().unwrap().to_owned()
}

/// Another bucket of the same shape, and names that lead to it.
async fn beside(real: &Real, seed: u64, source: &str, content: &Content) {
    let twin =
        source.split_once('/').map_or_else(|| format!("twin-{seed}"), |(twin, _)| twin.to_owned());
    real.bucket(&twin, Some(content.shard_s)).await;
    real.load(&twin, &content.twin(content.time_at(400))).await;
    let policy = match seed % 4 {
        1 => "autogen",
        3 => "rp",
        _ => return,
    };
    let mapping = json!({
        "orgID": real.org_id, "bucketID": id_of(real, &twin).await, "database": source,
        "retention_policy": policy, "default": true,
    });
    real.api("POST", "/api/v2/dbrps", &mapping).await;
}

async fn moved(real: &Real, seed: u64) -> Result<Option<Moved>, String> {
    let content = Content::roll(seed);
    if content.shape == Shape::Long {
        return Ok(None);
    }
    let (mut source, destination) = (format!("random-{seed}"), format!("moved-{seed}"));
    if seed % 4 == 2 {
        source.push_str("/autogen");
    }
    real.bucket(&source, Some(content.shard_s)).await;
    real.load(&source, &content.lines()).await;
    beside(real, seed, &source, &content).await;
    let time = |ns| Timestamp::from_ns(ns).to_string();
    let (start, stop) = (time(content.start), time(content.stop));
    let transport =
        ["auto", "flux", "auto", "flux-keyed", "flux-pivot"][usize::try_from(seed % 5).unwrap()];
    let more = [
        ["--start", &start],
        ["--stop", &stop],
        ["--batch-interval", content.interval],
        ["--transport", transport],
    ];
    let ended = real.migrate(&source, &destination, more.as_flattened()).await;
    let wanted = if content.unreturned().is_empty() { 0 } else { 3 };
    if ended.code != Some(wanted) {
        let (out, err) = (ended.out, ended.err);
        return Err(format!(
            "seed {seed} ({:?}, {transport}): {:?}\n{out}\n{err}",
            content.shape, ended.code
        ));
    }
    let (source_id, destination_id) = (id_of(real, &source).await, id_of(real, &destination).await);
    Ok(Some(Moved { seed, source_id, destination_id, content }))
}

/// What the engine holds of a bucket: a line for each value. The server must have ended.
fn exported(real: &Real, program: &Path, bucket_id: &str) -> BTreeSet<Vec<u8>> {
    let file = real.folder.path().join(bucket_id);
    let mut command = Command::new(program);
    command.args(["inspect", "export-lp", "--bucket-id", bucket_id, "--log-level", "error"]);
    command.arg("--engine-path").arg(real.folder.path().join("engine"));
    command.arg("--output-path").arg(&file);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bytes = std::fs::read(&file).unwrap();
    // A string may hold a newline; a line ends with its time.
    let mut lines = BTreeSet::new();
    let mut line = Vec::new();
    for part in bytes.split_inclusive(|byte| *byte == b'\n') {
        line.extend_from_slice(part);
        let time = line.trim_ascii_end().rsplit(|byte| *byte == b' ').next().unwrap_or_default();
        let quotes = memchr::memchr_iter(b'"', &line).count();
        if time.len() > 8 && time.iter().all(|b| b.is_ascii_digit() || *b == b'-')
            || quotes.is_multiple_of(2)
        {
            lines.insert(std::mem::take(&mut line));
        }
    }
    lines.insert(line);
    lines.retain(|line| !line.trim_ascii().is_empty() && !line.starts_with(b"#"));
    lines
}

#[tokio::test]
async fn random_buckets_arrive_between_real_servers() {
    let Some(program) = need(What::Influxd2xProgram) else { return };
    let Some(mut real) = Real::start().await else { return };
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for seed in SEEDS {
        match moved(&real, seed).await {
            Ok(moved) => all.extend(moved),
            Err(text) => wrong.push(text),
        }
    }
    let mut process = real.process.take().unwrap();
    Command::new("kill").arg(process.id().to_string()).status().unwrap();
    process.wait().unwrap();
    let mut values = 0;
    for Moved { seed, source_id, destination_id, content } in &all {
        let mut wanted = exported(&real, &program, source_id);
        let unreturned = content.unreturned();
        wanted.retain(|line| !unreturned.iter().any(|key| line.starts_with(key)));
        let found = exported(&real, &program, destination_id);
        values += found.len();
        // A carriage return comes with a second write, and the export holds both.
        let without = |line: &Vec<u8>| line.iter().copied().filter(|b| *b != b'\r').collect();
        let twice: BTreeSet<Vec<u8>> =
            wanted.iter().filter(|l| l.contains(&b'\r')).map(without).collect();
        let found: BTreeSet<_> = found.into_iter().filter(|line| !twice.contains(line)).collect();
        let missing: Vec<_> = wanted.difference(&found).take(3).collect();
        let extra: Vec<_> = found.difference(&wanted).take(3).collect();
        if !missing.is_empty() || !extra.is_empty() {
            let show = |lines: &[&Vec<u8>]| {
                lines.iter().map(|line| line.escape_ascii().to_string()).collect::<Vec<_>>()
            };
            let shape = content.shape;
            wrong.push(format!(
                "seed {seed} ({shape:?}): missing {:?}, extra {:?}",
                show(&missing),
                show(&extra)
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), SEEDS.end, wrong.join("\n"));
    assert!(all.len() > 20 && values > 1_000, "{} buckets, {values} values", all.len());
}
