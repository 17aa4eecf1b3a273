//! A place as it is typed: a folder, or the address of one, or of a prefix in an object store.

mod stores;

use std::path::PathBuf;

use object_store::ObjectStoreScheme;
use url::Url;

use super::digest;
use super::error::Error;
use super::storage::{Reach, Storage};
use crate::limits::OBJECT_PAUSE_MS;
use stores::Stores;
pub use stores::Surroundings;

/// What forms there are, for people.
const FORMS: &str =
    "a folder, file:///folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix";

/// The folder, if the place is one (`stage`, `/data/stage`, `file:///data/stage`).
pub(crate) fn folder(place: &str) -> Option<PathBuf> {
    if !place.contains("://") {
        return Some(PathBuf::from(place));
    }
    let url = Url::parse(place).ok().filter(|url| url.scheme() == "file")?;
    url.to_file_path().ok()
}

/// A place as it has to be typed in a shell.
pub(crate) fn typed(place: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:@%+=,".contains(c);
    match place {
        _ if place.starts_with('-') => typed(&format!("./{place}")),
        _ if !place.is_empty() && place.chars().all(plain) => place.to_owned(),
        _ => format!("'{}'", place.replace('\'', r"'\''")),
    }
}

/// The storage at a place. Blocks: a machine that has a role in a cloud is asked for it.
pub fn storage(place: &str, surroundings: &Surroundings) -> Result<Storage, Error> {
    if let Some(folder) = folder(place) {
        return Ok(Storage::folder(folder));
    }
    let no_place = |why: &str| Error::Place { place: shown(place), why: why.to_owned() };
    let url = Url::parse(place).map_err(|_| no_place(FORMS))?;
    if url.query().is_some() || url.fragment().is_some() || url.password().is_some() {
        return Err(no_place("an address has no ?, # or password; secrets are variables"));
    }
    let (scheme, prefix) = ObjectStoreScheme::parse(&url).map_err(|_| no_place(FORMS))?;
    let stores = Stores::new(place, &url, surroundings);
    let store = match scheme {
        ObjectStoreScheme::AmazonS3 if url.username().is_empty() => stores.s3()?,
        ObjectStoreScheme::GoogleCloudStorage if url.username().is_empty() => stores.gcs()?,
        ObjectStoreScheme::MicrosoftAzure => stores.azure()?,
        _ => return Err(no_place(FORMS)),
    };
    let state = surroundings.state_dir.as_ref();
    let state = state
        .ok_or_else(|| no_place("HOME is not set: there is no folder for what is not complete"))?;
    let own = &digest::sha256(place.trim_end_matches('/').as_bytes())[..16];
    Storage::reach(Reach {
        store,
        prefix: prefix.to_string(),
        place: place.to_owned(),
        local: state.join("spools").join(own),
        secrets: stores.secrets(),
        pause_ms: OBJECT_PAUSE_MS,
    })
}

/// An address without what may be secret.
fn shown(place: &str) -> String {
    let open = place.split(['?', '#']).next().unwrap_or_default();
    match (open.split_once("://"), open.rsplit_once('@')) {
        (Some((scheme, _)), Some((login, rest))) if login.matches(':').count() > 1 => {
            format!("{scheme}://***@{rest}")
        }
        _ => open.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(place: &str, variables: &[(&str, &str)]) -> String {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let surroundings = Surroundings {
            variables: variables.iter().map(pair).collect(),
            state_dir: Some("/nowhere".into()),
        };
        match storage(place, &surroundings) {
            Ok(storage) => format!("{} is a place", storage.place()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn folders_are_folders_however_they_are_typed() {
        for (place, path) in [
            ("stage", "stage"),
            ("/data/stage", "/data/stage"),
            ("c:/x", "c:/x"),
            ("file:///data/stage", "/data/stage"),
            ("file:///data/my%20stage", "/data/my stage"),
        ] {
            assert_eq!(folder(place), Some(PathBuf::from(path)), "{place}");
        }
        for place in ["file://host/data", "s3://bucket/x", "://x", "http://x/y"] {
            assert_eq!(folder(place), None, "{place}");
        }
    }

    #[test]
    fn places_are_typed_so_that_a_shell_passes_them_on() {
        for (place, expected) in [
            ("/data/stage", "/data/stage"),
            ("s3://bucket/a=b", "s3://bucket/a=b"),
            ("-", "./-"),
            ("--x y", "'./--x y'"),
            ("it's $x", r"'it'\''s $x'"),
            ("é", "'é'"),
            ("", "''"),
        ] {
            assert_eq!(typed(place), expected);
        }
    }

    #[test]
    fn what_is_no_place_is_refused_without_its_secrets() {
        for place in
            ["ftp://x/y", "://x", "file://host/data", "memory:///x", "https://x/y", "s3://"]
        {
            let text = refused(place, &[]);
            assert!(text.contains("s3://bucket/prefix"), "{text}");
        }
        for place in ["s3://b/p?sig=hidden", "az://c/p#hidden", "s3://key:hidden@b/p"] {
            let text = refused(place, &[]);
            assert!(text.contains("no ?, # or password") && !text.contains("hidden"), "{text}");
        }
    }

    const S3: [(&str, &str); 3] = [
        ("AWS_ACCESS_KEY_ID", "an-id"),
        ("AWS_SECRET_ACCESS_KEY", "hidden-key"),
        ("AWS_REGION", "eu-central-1"),
    ];
    /// As base64, as keys of Azure are.
    const AZURE: [(&str, &str); 2] =
        [("AZURE_STORAGE_ACCOUNT_NAME", "plant"), ("AZURE_STORAGE_ACCOUNT_KEY", "aGlkZGVuIQ==")];

    #[test]
    fn addresses_with_their_variables_are_places() {
        let bearer = [("GOOGLE_BEARER_TOKEN", "hidden-token")];
        let abfs = "abfss://files@plant.dfs.core.windows.net/a/b";
        for (place, variables) in [
            ("s3://bucket/a/b", &S3[..]),
            ("s3a://bucket/a", &S3[..]),
            ("s3://bucket", &S3[..]),
            ("gs://bucket/a/b", &bearer[..]),
            ("az://container/a", &AZURE[..]),
            ("abfs://container/a", &AZURE[..]),
            (abfs, &AZURE[1..]),
        ] {
            assert_eq!(refused(place, variables), format!("{place} is a place"));
        }
        let endpoint = [S3[0], S3[1], ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")];
        assert_eq!(refused("s3://b/p", &endpoint), "s3://b/p is a place");
    }

    /// Without keys the machine is asked for its role, at an address that clouds have inside of them.
    #[test]
    fn a_machine_without_a_role_is_told_which_variables_are_missing() {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let _ = socket.read(&mut [0; 4096]).unwrap();
            socket.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").unwrap();
        });
        let text = refused("s3://b/p", &[S3[2], ("AWS_METADATA_ENDPOINT", &address)]);
        server.join().unwrap();
        assert!(text.contains("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is not set"), "{text}");
        assert!(text.contains("no role of its own") && text.contains("404"), "{text}");
    }

    #[test]
    fn what_is_missing_is_named_and_nothing_secret_is() {
        let endpoint = ("AWS_ENDPOINT_URL", "http://me:hidden@127.0.0.1:9000");
        for (place, variables, wanted) in [
            ("s3://b/p", &S3[..2], "AWS_REGION is not set"),
            ("s3://b/p", &[S3[0], S3[2]][..], "AWS_SECRET_ACCESS_KEY is not set"),
            ("s3://b/p", &S3[1..], "AWS_ACCESS_KEY_ID is not set"),
            ("s3://b/p", &[S3[0], S3[1], endpoint][..], "AWS_ENDPOINT_URL holds a login"),
            ("az://c/p", &AZURE[1..], "AZURE_STORAGE_ACCOUNT_NAME is not set"),
            (
                "az://c/p",
                &[AZURE[0], ("AZURE_STORAGE_ACCOUNT_KEY", "hidden!")][..],
                "Invalid Access Key",
            ),
            ("gs://b/p", &[("GOOGLE_SERVICE_ACCOUNT_KEY", "\"hidden\"")][..], "***"),
            ("gs://b/p", &[("GOOGLE_SERVICE_ACCOUNT", "/no/such/file")][..], "/no/such/file"),
        ] {
            let text = refused(place, variables);
            assert!(text.contains(wanted) && !text.contains("hidden"), "{place}: {text}");
        }
    }
}
