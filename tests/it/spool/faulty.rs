//! An object store in memory with the troubles of real ones.

use std::collections::BTreeSet;
use std::fmt::{Display, Formatter};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result, UploadPart,
};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing.
    None,
    /// Each request is refused once, before anything is done.
    Busy,
    /// Each request is done, but its answer is lost once.
    Lost,
    /// Each download breaks off once, in the middle.
    Cut,
    /// Nothing works any longer.
    Gone,
    /// This one may not write.
    Denied,
    /// What must not exist is not looked at.
    Careless,
    /// What must not exist cannot be asked for.
    Unable,
}

/// The store.
#[derive(Debug)]
pub(super) struct Faulty {
    pub(super) inner: Arc<InMemory>,
    trouble: Mutex<Trouble>,
    /// Requests that have had their trouble.
    had: Arc<Mutex<BTreeSet<String>>>,
    requests: AtomicU64,
    /// How much older than it is the lock shall look, ms.
    pub(super) lock_older_ms: AtomicI64,
    /// The next download is of an object that is another one when its second piece comes.
    pub(super) replace: AtomicBool,
}

fn busy() -> Error {
    Error::Generic { store: "S3", source: "503 SlowDown: key hidden-secret".into() }
}

impl Faulty {
    pub(super) fn new(trouble: Trouble) -> Arc<Self> {
        Self::over(Arc::new(InMemory::new()), trouble)
    }

    /// Another way to the same store.
    pub(super) fn over(inner: Arc<InMemory>, trouble: Trouble) -> Arc<Self> {
        Arc::new(Self {
            inner,
            trouble: Mutex::new(trouble),
            had: Arc::default(),
            requests: AtomicU64::new(0),
            lock_older_ms: AtomicI64::new(0),
            replace: AtomicBool::new(false),
        })
    }

    pub(super) fn set(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    fn trouble(&self) -> Trouble {
        *self.trouble.lock().unwrap()
    }

    /// True every other time that the same is asked for.
    fn has_its_turn(&self, what: &str, path: &Path) -> bool {
        turn(&self.had, format!("{what} {path}"))
    }

    fn before(&self, what: &str, path: &Path, writes: bool) -> Result<()> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        match self.trouble() {
            Trouble::Gone => Err(busy()),
            Trouble::Busy if self.has_its_turn(what, path) => Err(busy()),
            Trouble::Denied if writes => Err(Error::PermissionDenied {
                path: path.to_string(),
                source: "403 AccessDenied".into(),
            }),
            _ => Ok(()),
        }
    }

    fn after<T>(&self, what: &str, path: &Path, done: Result<T>) -> Result<T> {
        match self.trouble() {
            Trouble::Lost if done.is_ok() && self.has_its_turn(what, path) => Err(busy()),
            _ => done,
        }
    }
}

fn turn(had: &Mutex<BTreeSet<String>>, what: String) -> bool {
    let mut had = had.lock().unwrap();
    !had.remove(&what) && had.insert(what)
}

impl Display for Faulty {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> Result<PutResult> {
        self.before("put", path, true)?;
        match (self.trouble(), &options.mode) {
            (Trouble::Careless, PutMode::Create) => options.mode = PutMode::Overwrite,
            (Trouble::Unable, PutMode::Create) => {
                return Err(Error::NotImplemented {
                    operation: "create".to_owned(),
                    implementer: "faulty".to_owned(),
                });
            }
            _ => {}
        }
        let done = self.inner.put_opts(path, payload, options).await;
        self.after("put", path, done)
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.before("upload", path, true)?;
        let inner = self.inner.put_multipart_opts(path, options).await?;
        let (path, trouble, had) = (path.clone(), self.trouble(), Arc::clone(&self.had));
        Ok(Box::new(Upload { inner, path, parts: 0, trouble, had }))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.before("get", path, false)?;
        let replaced = self.replace.swap(false, Ordering::SeqCst);
        let cut = replaced || self.trouble() == Trouble::Cut && self.has_its_turn("get", path);
        let head = options.head;
        let mut answer = self.inner.get_opts(path, options).await?;
        if path.filename() == Some("lock") {
            let older = self.lock_older_ms.load(Ordering::SeqCst);
            answer.meta.last_modified -= std::time::Duration::from_millis(older.unsigned_abs());
        }
        if cut && !head {
            let GetResult { payload, meta, range, attributes, extensions } = answer;
            let GetResultPayload::Stream(stream) = payload;
            let bytes: Vec<Bytes> = stream.try_collect().await?;
            let half = bytes.concat()[..bytes.concat().len() / 2].to_vec();
            if replaced {
                let other = PutPayload::from(bytes.concat());
                self.inner.put_opts(path, other, PutOptions::default()).await?;
            }
            let stream = stream::iter([Ok(half.into()), Err(busy())]).boxed();
            let payload = GetResultPayload::Stream(stream);
            answer = GetResult { payload, meta, range, attributes, extensions };
        }
        self.after("get", path, Ok(answer))
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let path = Path::from("any");
        if let Err(error) = self.before("delete", &path, true) {
            return stream::iter([Err(error)]).boxed();
        }
        let done = self.inner.delete_stream(paths);
        match self.after("delete", &path, Ok(())) {
            Ok(()) => done,
            // Each is done and then said not to be.
            Err(_) => done.map(|_| Err(busy())).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let path = prefix.cloned().unwrap_or_default();
        let done = self.before("list", &path, false).and(self.after("list", &path, Ok(())));
        match done {
            Ok(()) => self.inner.list(prefix),
            Err(error) => self.inner.list(prefix).take(1).chain(stream::iter([Err(error)])).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    path: Path,
    parts: u32,
    trouble: Trouble,
    had: Arc<Mutex<BTreeSet<String>>>,
}

impl Upload {
    /// True the first time that this is done: each upload is a new try of all.
    fn is_first(&self, what: &str) -> bool {
        self.had.lock().unwrap().insert(format!("{what} {}", self.path))
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts += 1;
        let fails = matches!(self.trouble, Trouble::Busy | Trouble::Lost)
            && self.is_first(&format!("part {}", self.parts));
        let done = self.inner.put_part(data);
        if fails { Box::pin(async { Err(busy()) }) } else { done }
    }

    async fn complete(&mut self) -> Result<PutResult> {
        if self.trouble == Trouble::Busy && self.is_first("complete") {
            return Err(busy());
        }
        let lost = self.trouble == Trouble::Lost && self.is_first("complete");
        let done = self.inner.complete().await;
        if lost { Err(busy()) } else { done }
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
