//! A prefix of an object store.
//!
//! The store's client tries each request again by itself. What fails even so is tried again here, with a signature and
//! credentials of its own; so is what a client must not repeat because it cannot tell whether it was done.

pub(super) mod age;
mod transfer;
pub(super) mod trouble;
pub(super) mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::path::Path as Location;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};

use trouble::{Secrets, is_condition, may_pass};
use worker::Worker;

use crate::limits::OBJECT_ATTEMPTS_MAX;
use crate::spool::error::Error;

type Answer<T> = object_store::Result<T>;

/// An object store, and what is known about it here.
pub struct Reach {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// What all names begin with; no `/` at its ends, may be empty.
    pub prefix: String,
    /// For people.
    pub place: String,
    /// A folder of this machine for what is not complete; one for each place.
    pub local: PathBuf,
    /// Texts that no error may show.
    pub secrets: Vec<String>,
    /// First pause before something that failed is tried again, ms; each later one is twice as long.
    pub pause_ms: u64,
}

/// Neither the secrets nor what a client says of itself.
impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { place, local, .. } = self;
        f.debug_struct("Reach").field("place", place).field("local", local).finish_non_exhaustive()
    }
}

pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    place: String,
    secrets: Secrets,
    pause: Duration,
    worker: Worker,
}

/// A client's own words may hold what is secret.
impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Objects").field("place", &self.place).finish_non_exhaustive()
    }
}

/// The tries of one thing.
struct Tries {
    done: u32,
    pause: Duration,
}

impl Objects {
    pub(super) fn new(reach: Reach) -> Result<Self, Error> {
        let Reach { store, prefix, place, secrets, pause_ms, .. } = reach;
        let worker = Worker::start().map_err(Error::io("object store"))?;
        let (secrets, pause) = (Secrets::new(secrets), Duration::from_millis(pause_ms));
        Ok(Self { store, prefix, place, secrets, pause, worker })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// The parts of our own names hold no letters that a location would have to escape.
    fn at(&self, name: &str) -> Result<Location, Error> {
        let whole = match &*self.prefix {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        Location::parse(&whole).map_err(|error| Error::damaged(name, error.to_string()))
    }

    fn run<T: Send + 'static>(
        &self,
        name: &str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Error> {
        self.worker.run(work).map_err(Error::io(name))
    }

    fn tries(&self) -> Tries {
        Tries { done: 0, pause: self.pause }
    }

    /// True after a pause if something may be tried once more.
    fn again(&self, tries: &mut Tries) -> bool {
        tries.done += 1;
        let pause = tries.pause;
        tries.pause *= 2;
        let waited = || self.worker.run(async move { tokio::time::sleep(pause).await });
        tries.done < OBJECT_ATTEMPTS_MAX && waited().is_ok()
    }

    /// Does something that can be done twice.
    fn tried<T: Send + 'static, F: Future<Output = Answer<T>> + Send + 'static>(
        &self,
        name: &str,
        work: impl Fn(Arc<dyn ObjectStore>, Location) -> F,
    ) -> Result<Answer<T>, Error> {
        let (location, mut tries) = (self.at(name)?, self.tries());
        loop {
            match self.run(name, work(Arc::clone(&self.store), location.clone()))? {
                Err(error) if may_pass(&error) && self.again(&mut tries) => {}
                result => return Ok(result),
            }
        }
    }

    fn error(&self, name: &str) -> impl FnOnce(object_store::Error) -> Error + use<'_> {
        let name = name.to_owned();
        move |error| self.secrets.error(&name, &error)
    }

    /// Puts these bytes, over what was there.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let bytes = Bytes::copy_from_slice(bytes);
        let put = self.tried(name, |store, at| put(store, at, bytes.clone(), PutMode::Overwrite));
        put?.map_err(self.error(name))
    }

    /// Puts these bytes where nothing stands; false if something else does.
    pub(super) fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, Error> {
        let (location, mut tries) = (self.at(name)?, self.tries());
        loop {
            let payload = Bytes::copy_from_slice(bytes);
            let work = put(Arc::clone(&self.store), location.clone(), payload, PutMode::Create);
            let error = match self.run(name, work)? {
                Ok(()) => return Ok(true),
                Err(error) => error,
            };
            if is_condition(&error) {
                // It may be our own, put by a request whose answer was lost. Nothing at all means that two came at
                // one time, or that it is gone again.
                if let Some(own) = self.holds(name, bytes)? {
                    return Ok(own);
                }
            } else if !may_pass(&error) {
                return Err(self.refused_create(name, error));
            }
            if !self.again(&mut tries) {
                return Err(self.error(name)(error));
            }
        }
    }

    /// Tries to put these bytes over themselves; the store must refuse it.
    pub(super) fn prove_create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let bytes = Bytes::copy_from_slice(bytes);
        let put = self.tried(name, |store, at| put(store, at, bytes.clone(), PutMode::Create));
        match put? {
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(self.refused_create(name, error)),
            Ok(()) => Err(Error::NoCondition {
                place: self.place.clone(),
                what: "it put one over another all the same".to_owned(),
            }),
        }
    }

    fn refused_create(&self, name: &str, error: object_store::Error) -> Error {
        use object_store::Error as Failure;
        match &error {
            Failure::NotImplemented { .. } | Failure::NotSupported { .. } => {
                Error::NoCondition { place: self.place.clone(), what: self.secrets.told(&error) }
            }
            _ => self.error(name)(error),
        }
    }

    /// True if exactly these bytes stand there; `None` if nothing does.
    fn holds(&self, name: &str, bytes: &[u8]) -> Result<Option<bool>, Error> {
        let mut rest = Some(bytes);
        let found = self.each(name, &|_| Ok(()), &mut |more| {
            rest = rest.and_then(|rest| rest.strip_prefix(more));
            Ok(())
        })?;
        Ok(found.then_some(rest.is_some_and(<[u8]>::is_empty)))
    }

    /// The names of all objects below a folder.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        let list = |store: Arc<dyn ObjectStore>, at: Location| async move {
            let locations = store.list(Some(&at)).map_ok(|object| object.location.to_string());
            locations.try_collect::<Vec<_>>().await
        };
        let locations = self.tried(folder, list)?.map_err(self.error(folder))?;
        let own = |location: String| match &*self.prefix {
            "" => Some(location),
            prefix => location.strip_prefix(prefix)?.strip_prefix('/').map(str::to_owned),
        };
        Ok(locations.into_iter().filter_map(own).collect())
    }

    /// Removes an object, if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<(), Error> {
        match self.tried(name, |store, at| async move { store.delete(&at).await })? {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error(name)(error)),
        }
    }
}

async fn put(
    store: Arc<dyn ObjectStore>,
    location: Location,
    bytes: Bytes,
    mode: PutMode,
) -> Answer<()> {
    let options = PutOptions { mode, ..PutOptions::default() };
    store.put_opts(&location, PutPayload::from_bytes(bytes), options).await.map(|_| ())
}
