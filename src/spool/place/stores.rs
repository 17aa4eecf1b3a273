//! The clients of the object stores, made from the variables that other programs of those clouds take too.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Once};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{BackoffConfig, ClientOptions, CredentialProvider, ObjectStore, RetryConfig};
use url::Url;

use crate::limits::{
    CONNECT_MS_MAX, OBJECT_BACKOFF_MS_MAX, OBJECT_BACKOFF_MS_MIN, OBJECT_REQUEST_MS_MAX,
    OBJECT_RETRIES_MAX, OBJECT_RETRY_MS_MAX, OBJECT_ROLE_MS_MAX,
};
use crate::spool::error::Error;
use crate::spool::storage::{Secrets, Worker};

type Store = Arc<dyn ObjectStore>;

/// What is not typed but counts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Variables by their names; those of the object stores are read.
    pub variables: BTreeMap<String, String>,
    /// Where this machine keeps state; needed for object stores only.
    pub state_dir: Option<PathBuf>,
}

impl Surroundings {
    /// What of an environment concerns object stores.
    pub fn new(variables: &BTreeMap<String, String>, state_dir: Option<PathBuf>) -> Self {
        const STARTS: [&str; 4] = ["AWS_", "AZURE_", "GOOGLE_", "IDENTITY_ENDPOINT"];
        let mut variables = variables.clone();
        variables.retain(|name, _| STARTS.iter().any(|start| name.starts_with(start)));
        Self { variables, state_dir }
    }
}

/// Names only: values may be secret.
impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.variables.keys().collect();
        f.debug_struct("Surroundings")
            .field("variables", &names)
            .field("state_dir", &self.state_dir)
            .finish()
    }
}

const S3_KEYS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
const S3_ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];

/// Variables of which one is enough to be somebody.
const S3_SOMEBODY: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_SKIP_SIGNATURE",
];
const GCS_SOMEBODY: [&str; 6] = [
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_BEARER_TOKEN",
    "GOOGLE_SKIP_SIGNATURE",
];
const AZURE_SOMEBODY: [&str; 13] = [
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_MASTER_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_TOKEN",
    "AZURE_STORAGE_CLIENT_SECRET",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_USE_AZURE_CLI",
    "AZURE_SKIP_SIGNATURE",
    "AZURE_STORAGE_USE_EMULATOR",
    "AZURE_USE_EMULATOR",
];

/// One address and all that is known of it.
pub(super) struct Stores<'a> {
    place: &'a str,
    url: &'a Url,
    surroundings: &'a Surroundings,
}

impl<'a> Stores<'a> {
    pub(super) fn new(place: &'a str, url: &'a Url, surroundings: &'a Surroundings) -> Self {
        install_tls();
        Self { place, url, surroundings }
    }

    pub(super) fn s3(&self) -> Result<Store, Error> {
        if let Some(given) = S3_KEYS.iter().position(|name| self.get(name).is_some())
            && let Some(missing) = S3_KEYS.iter().find(|name| self.get(name).is_none())
        {
            return self.refuse(format!("{missing} is not set, but {} is", S3_KEYS[given]));
        }
        let endpoint = S3_ENDPOINTS.iter().find_map(|name| Some((*name, self.get(name)?)));
        let plain = match endpoint {
            None if ["AWS_REGION", "AWS_DEFAULT_REGION"]
                .iter()
                .all(|name| self.get(name).is_none()) =>
            {
                return self.refuse(
                    "AWS_REGION is not set, nor AWS_ENDPOINT_URL of another store".to_owned(),
                );
            }
            None => false,
            Some((name, address)) => self.is_plain(name, address)?,
        };
        let mut builder = AmazonS3Builder::new()
            .with_client_options(client().with_allow_http(plain))
            .with_retry(retry())
            // One object at a time is removed; not all stores can do several.
            .with_disable_bulk_delete(true);
        for (name, value) in self.named("AWS_") {
            if let Ok(key) = name.parse::<AmazonS3ConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        let store = self.built(builder.with_url(self.url.as_str()).build())?;
        self.somebody(
            &S3_SOMEBODY,
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            store.credentials(),
        )?;
        Ok(Arc::new(store))
    }

    pub(super) fn gcs(&self) -> Result<Store, Error> {
        let plain = match self.get("GOOGLE_BASE_URL") {
            Some(address) => self.is_plain("GOOGLE_BASE_URL", address)?,
            None => false,
        };
        let mut builder = GoogleCloudStorageBuilder::new()
            .with_client_options(client().with_allow_http(plain))
            .with_retry(retry());
        for (name, value) in self.named("GOOGLE_") {
            if let Ok(key) = name.parse::<GoogleConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        let store = self.built(builder.with_url(self.url.as_str()).build())?;
        self.somebody(&GCS_SOMEBODY, "GOOGLE_APPLICATION_CREDENTIALS", store.credentials())?;
        Ok(Arc::new(store))
    }

    pub(super) fn azure(&self) -> Result<Store, Error> {
        const ACCOUNT: &str = "AZURE_STORAGE_ACCOUNT_NAME";
        let emulator = ["AZURE_STORAGE_USE_EMULATOR", "AZURE_USE_EMULATOR"];
        let known = self.get(ACCOUNT).is_some()
            || !self.url.username().is_empty()
            || emulator.iter().any(|name| self.get(name).is_some());
        if !known {
            return self.refuse(format!("{ACCOUNT} is not set, and the address names no account"));
        }
        let endpoint = ["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"];
        let plain = match endpoint.iter().find_map(|name| Some((*name, self.get(name)?))) {
            Some((name, address)) => self.is_plain(name, address)?,
            None => false,
        };
        let mut builder = MicrosoftAzureBuilder::new()
            .with_client_options(client().with_allow_http(plain))
            .with_retry(retry());
        for (name, value) in self.named("AZURE_") {
            if let Ok(key) = name.parse::<AzureConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        if let Some(endpoint) = self.get("IDENTITY_ENDPOINT") {
            builder = builder.with_msi_endpoint(endpoint);
        }
        let store = self.built(builder.with_url(self.url.as_str()).build())?;
        let wanted = "AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN";
        self.somebody(&AZURE_SOMEBODY, wanted, store.credentials())?;
        Ok(Arc::new(store))
    }

    /// Values that no text may show.
    pub(super) fn secrets(&self) -> Vec<String> {
        const SIGNS: [&str; 6] = ["SECRET", "KEY", "TOKEN", "SAS", "PASSWORD", "PROXY"];
        let is_secret = |name: &str| {
            SIGNS.iter().any(|sign| name.contains(sign))
                && !["_ID", "_FILE", "_PATH"].iter().any(|end| name.ends_with(end))
        };
        let own = self.surroundings.variables.iter().filter(|(name, _)| is_secret(name));
        // A text in quotation marks is told without them.
        own.flat_map(|(_, value)| [value.clone(), value.trim_matches('"').to_owned()]).collect()
    }

    /// A variable; an empty one counts as not set.
    fn get(&self, name: &str) -> Option<&'a str> {
        let value = self.surroundings.variables.get(name);
        value.map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The variables of a cloud, as its builder calls them.
    fn named(&self, start: &'static str) -> impl Iterator<Item = (String, &'a str)> {
        let own = self.surroundings.variables.iter();
        let own = own.filter(move |(name, value)| name.starts_with(start) && !value.is_empty());
        own.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
    }

    /// True if an address that was set is one without TLS, as that of a server of one's own may be.
    fn is_plain(&self, name: &str, address: &str) -> Result<bool, Error> {
        match Url::parse(address) {
            Err(_) => self.refuse(format!("{name} is no address such as https://host:9000")),
            Ok(url) if url.password().is_some() || !url.username().is_empty() => {
                self.refuse(format!("{name} holds a login; secrets are variables of their own"))
            }
            Ok(url) => Ok(url.scheme() == "http"),
        }
    }

    fn refuse<T>(&self, why: String) -> Result<T, Error> {
        Err(Error::Place { place: self.place.to_owned(), why })
    }

    fn built<T>(&self, store: object_store::Result<T>) -> Result<T, Error> {
        store.or_else(|error| self.refuse(Secrets::new(self.secrets()).told(&error)))
    }

    /// Where nobody is named, the machine itself may be somebody in the cloud. If not, that is said now and not after
    /// many tries of the first request.
    fn somebody<C: std::fmt::Debug + Send + Sync + 'static>(
        &self,
        names: &[&str],
        wanted: &str,
        credentials: &Arc<dyn CredentialProvider<Credential = C>>,
    ) -> Result<(), Error> {
        if names.iter().any(|name| self.get(name).is_some()) {
            return Ok(());
        }
        let credentials = Arc::clone(credentials);
        let worker = Worker::start().map_err(Error::io("object store"))?;
        let asked = worker.run(role(credentials)).map_err(Error::io("object store"))?;
        let what = match asked {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => Secrets::new(self.secrets()).told(&error),
            None => format!("no answer in {} s", OBJECT_ROLE_MS_MAX / 1_000),
        };
        self.refuse(format!(
            "{wanted} is not set, and this machine has no role of its own ({what})"
        ))
    }
}

/// Asks for credentials; `None` if that takes too long.
async fn role<C: std::fmt::Debug + Send + Sync + 'static>(
    credentials: Arc<dyn CredentialProvider<Credential = C>>,
) -> Option<object_store::Result<()>> {
    let bound = Duration::from_millis(OBJECT_ROLE_MS_MAX);
    let asked = tokio::time::timeout(bound, credentials.get_credential()).await;
    asked.ok().map(|credential| credential.map(|_| ()))
}

fn client() -> ClientOptions {
    ClientOptions::new()
        .with_timeout(Duration::from_millis(OBJECT_REQUEST_MS_MAX))
        .with_connect_timeout(Duration::from_millis(CONNECT_MS_MAX))
}

fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(OBJECT_BACKOFF_MS_MIN),
            max_backoff: Duration::from_millis(OBJECT_BACKOFF_MS_MAX),
            base: 2.0,
        },
        max_retries: OBJECT_RETRIES_MAX,
        retry_timeout: Duration::from_millis(OBJECT_RETRY_MS_MAX),
    }
}

/// The HTTP library is built without a cryptography provider of its own.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error says that the program has installed one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
