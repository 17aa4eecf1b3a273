//! What a job is called: in its records, in the state folder, and where its refused lines go.

use std::path::PathBuf;

use crate::checkpoint::record::Keys;
use crate::config::job::{JobConfig, JobEnds};
use crate::job::error::Error;
use crate::job::source_facts::SourceFacts;
use crate::limits::{STATE_NAME_BYTES_CUT, STATE_NAME_BYTES_MAX};
use crate::pipeline::pool::blocking;
use crate::pipeline::write::rejects::limit::RejectsFile;
use crate::spool::digest::sha256;

/// The names of a job in the batch bucket.
pub(crate) fn keys(ends: &JobEnds) -> Keys {
    Keys {
        src_org: ends.source.org.clone().unwrap_or_default(),
        src_bucket: ends.source_bucket.clone(),
        dst_bucket: ends.destination_bucket.clone(),
    }
}

/// The settings with what the records of the job call the source's organization.
pub(crate) fn of_source(config: &JobConfig, source: &SourceFacts) -> JobConfig {
    let mut config = config.clone();
    config.ends.source.org = Some(source.org.clone());
    config
}

/// The folder of the job's state, below the state folder.
pub(crate) fn state_folder(config: &JobConfig, keys: &Keys) -> PathBuf {
    config.safety.state_dir.join(name(&config.ends, keys))
}

/// `<source org>.<source bucket>.<destination bucket>`, with a digest of the hosts and the batch bucket, so that no two jobs
/// share a name. Names too long for a file system are cut, and the digest is a longer one.
fn name(ends: &JobEnds, keys: &Keys) -> String {
    let names = [&keys.src_org, &keys.src_bucket, &keys.dst_bucket].map(|name| plain(name));
    let whole = format!(
        "{}\n{}\n{}\n{}\n{}\n{}",
        keys.src_org,
        keys.src_bucket,
        keys.dst_bucket,
        ends.source.host,
        ends.destination.host,
        ends.batch_bucket
    );
    joined(&names, whole.as_bytes())
}

fn joined(names: &[String; 3], whole: &[u8]) -> String {
    let name = format!("{}.{:016x}", names.join("."), fnv1a(whole));
    if name.len() <= STATE_NAME_BYTES_MAX {
        return name;
    }
    let digest = sha256(whole);
    // A point behind each name; the rest is shared evenly.
    let each = (STATE_NAME_BYTES_CUT - digest.len() - names.len()) / names.len();
    let cut = names.each_ref().map(|text| &text[..text.len().min(each)]);
    format!("{}.{digest}", cut.join("."))
}

/// A name with what any file system and any first line takes.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// Where the refused lines of a job between two buckets go.
pub(crate) fn rejects_file(config: &JobConfig) -> RejectsFile {
    let keys = keys(&config.ends);
    let own = || state_folder(config, &keys).join("rejects.lp");
    let (is_own_place, path) = match &config.safety.rejects {
        Some(path) => (false, path.clone()),
        None => (true, own()),
    };
    RejectsFile { path, job: name(&config.ends, &keys), is_own_place }
}

/// Looks whether refused lines can go there, before anything is begun.
pub(crate) async fn check_rejects(file: RejectsFile) -> Result<(), Error> {
    Ok(blocking(move || file.check()).await?)
}

/// FNV-1a: stable across versions and machines, which the standard hasher does not promise.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_only_where_no_file_system_takes_them() {
        let joined =
            |bucket: &str| joined(&["org", bucket, "copy"].map(str::to_owned), b"all of it");
        let fnv = format!("{:016x}", fnv1a(b"all of it"));
        // What earlier versions made keeps its name.
        assert_eq!(joined("plant"), format!("org.plant.copy.{fnv}"));
        let longest = "x".repeat(STATE_NAME_BYTES_MAX - "org..copy.".len() - fnv.len());
        assert_eq!(joined(&longest), format!("org.{longest}.copy.{fnv}"));
        let cut = joined(&format!("{longest}x"));
        assert!(cut.len() <= STATE_NAME_BYTES_CUT && cut.starts_with("org.xxx"), "{cut}");
        assert!(cut.ends_with(&sha256(b"all of it")), "{cut}");
    }
}
