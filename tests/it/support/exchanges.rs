//! The golden exchanges: packed in `tests/golden/exchanges`, a `.tar.gz` for each case, made by `scripts/golden.sh`.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::need::{What, need};

const PACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/exchanges");

/// Of a tar archive: a header of that length before each file, and files are filled up to a multiple of it.
const BLOCK: usize = 512;

/// The folder of the golden exchanges: `cases` and `errors`.
pub(crate) fn golden() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(unpacked);
    &FOLDER
}

/// Unpacks where the build keeps what tests leave, under a name that tells what is inside: once for each state of the
/// archives. It is there whole or not at all, whoever else unpacks at the same time.
fn unpacked() -> PathBuf {
    let archives = archives();
    let mut all = ring::digest::Context::new(&ring::digest::SHA256);
    for (name, bytes) in &archives {
        all.update(format!("{name} {} ", bytes.len()).as_bytes());
        all.update(bytes);
    }
    let id = u64::from_be_bytes(all.finish().as_ref()[..8].try_into().unwrap());
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = parent.join(format!("golden-{id:016x}"));
    if !folder.is_dir() {
        fs::create_dir_all(parent).unwrap();
        let own = tempfile::tempdir_in(parent).unwrap();
        for (path, bytes) in files(&archives) {
            let path = own.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        // Another process may have been faster; then its folder stays.
        if fs::rename(own.path(), &folder).is_ok() {
            let _ = own.keep();
        }
    }
    assert!(
        folder.join("cases").is_dir() && folder.join("errors").is_dir(),
        "{}",
        folder.display()
    );
    folder
}

/// The packed cases by name.
fn archives() -> BTreeMap<String, Vec<u8>> {
    let mut archives = BTreeMap::new();
    for entry in fs::read_dir(PACKED).unwrap() {
        let path = entry.unwrap().path();
        if let Some(name) = path.file_name().unwrap().to_str().unwrap().strip_suffix(".tar.gz") {
            archives.insert(name.to_owned(), fs::read(&path).unwrap());
        }
    }
    archives
}

/// All files by their paths below the folder of the exchanges.
fn files(archives: &BTreeMap<String, Vec<u8>>) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (name, packed) in archives {
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut tar).unwrap();
        let place = if name == "errors" { "" } else { "cases" };
        files.extend(
            entries(&tar).into_iter().map(|(path, bytes)| (Path::new(place).join(path), bytes)),
        );
    }
    files
}

/// The files of a tar archive that has nothing but plain files and folders with short names.
fn entries(tar: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text = |bytes: &[u8]| {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        std::str::from_utf8(&bytes[..end]).unwrap().trim().to_owned()
    };
    let (mut entries, mut at) = (Vec::new(), 0);
    while tar[at] != 0 {
        let head = &tar[at..at + BLOCK];
        let (path, kind) = (text(&head[..100]), head[156]);
        let size = usize::from_str_radix(&text(&head[124..136]), 8).unwrap();
        assert!(matches!(kind, b'0' | b'5'), "{path} is of another kind");
        at += BLOCK;
        if kind == b'0' {
            entries.push((path, tar[at..at + size].to_vec()));
        }
        at += size.next_multiple_of(BLOCK);
    }
    entries
}

/// The files below a folder by their paths in it.
fn files_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), bytes);
            }
        }
    }
    files
}

#[test]
fn the_packed_exchanges_are_what_is_unpacked() {
    let (packed, folder) = (files(&archives()), files_of(golden()));
    assert!(packed == folder, "{} is not what {PACKED} holds: remove it", golden().display());
    assert_eq!(packed.len(), 632);
}

/// Who has the folder that the archives were made of packs it anew by `scripts/golden.sh` after a change.
#[test]
fn the_packed_exchanges_are_the_ones_of_the_folder() {
    let Some(folder) = need(What::Golden) else { return };
    let packed = files(&archives());
    let mut wanted = files_of(&folder);
    // Texts lie beside the archives as they are.
    wanted.retain(|path, _| path.parent() != Some(Path::new("")));
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&packed), names(&wanted));
    let differ: Vec<_> = packed.iter().filter(|(path, bytes)| wanted[*path] != **bytes).collect();
    assert!(differ.is_empty(), "{:?}", differ.iter().map(|(path, _)| path).collect::<Vec<_>>());
}
