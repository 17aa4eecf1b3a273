//! Files on their way to an object store and back.

use std::fs::File;
use std::io::{Read, Seek as _};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::path::Path as Location;
use object_store::{GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt as _};

use super::trouble::{is_condition, may_pass};
use super::{Answer, Objects};
use crate::limits::{OBJECT_PARTS_MAX, SPOOL_STEP_BYTES};
use crate::spool::error::Error;

/// An object on its way here.
struct Download {
    stream: BoxStream<'static, Answer<Bytes>>,
    bytes: u64,
    tag: Option<String>,
}

impl Objects {
    /// Sends a file, in parts if it is large: it is there as a whole or not at all.
    pub(crate) fn upload(&self, path: &Path, name: &str) -> Result<(), Error> {
        let mut file = File::open(path).map_err(Error::io(name))?;
        let bytes = file.metadata().map_err(Error::io(name))?.len();
        if bytes <= SPOOL_STEP_BYTES as u64 {
            let mut all = Vec::new();
            file.read_to_end(&mut all).map_err(Error::io(name))?;
            return self.put(name, &all);
        }
        let part_bytes = bytes.div_ceil(OBJECT_PARTS_MAX).max(SPOOL_STEP_BYTES as u64);
        let mut tries = self.tries();
        loop {
            file.rewind().map_err(Error::io(name))?;
            let begin =
                |store: Arc<dyn ObjectStore>, at| async move { store.put_multipart(&at).await };
            let upload = self.tried(name, begin)?.map_err(self.error(name))?;
            match self.send(upload, &mut file, part_bytes, name)? {
                Ok(()) => return Ok(()),
                Err(error) if self.again(&mut tries) => drop(error),
                Err(error) => return Err(self.error(name)(error)),
            }
        }
    }

    fn send(
        &self,
        mut upload: Box<dyn MultipartUpload>,
        file: &mut File,
        part_bytes: u64,
        name: &str,
    ) -> Result<Answer<()>, Error> {
        let mut sent = Ok(());
        while sent.is_ok() {
            let mut part = Vec::new();
            Read::by_ref(file).take(part_bytes).read_to_end(&mut part).map_err(Error::io(name))?;
            if part.is_empty() {
                break;
            }
            sent = self.run(name, upload.put_part(part.into()))?;
        }
        self.run(name, async move {
            let done = match sent {
                Ok(()) => upload.complete().await.map(|_| ()),
                Err(error) => Err(error),
            };
            if done.is_err() {
                // The store's own rule for unfinished uploads removes what this cannot.
                let _ = upload.abort().await;
            }
            done
        })
    }

    /// Shows all bytes, piece by piece, once `fits` has agreed to their number; false if there is nothing. All of them
    /// are of one object, even if another one is put in its place meanwhile.
    pub(crate) fn each(
        &self,
        name: &str,
        fits: &dyn Fn(u64) -> Result<(), Error>,
        see: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let changed = || Error::damaged(name, "it was changed while it was read");
        let (location, mut at, mut tag, mut tries) = (self.at(name)?, 0, None, self.tries());
        loop {
            let get = get(Arc::clone(&self.store), location.clone(), at, tag.clone());
            let error = match self.run(name, get)? {
                Err(object_store::Error::NotFound { .. }) if at == 0 => return Ok(false),
                Err(object_store::Error::NotFound { .. }) => return Err(changed()),
                Err(error) if is_condition(&error) => return Err(changed()),
                Err(error) => error,
                Ok(download) => {
                    let (bytes, before) = (download.bytes, at);
                    fits(bytes)?;
                    tag.clone_from(&download.tag);
                    let broken = self.rest(download, name, &mut at, see)?;
                    if at != before {
                        tries = self.tries();
                    }
                    match broken {
                        Some(error) => error,
                        None if at == bytes => return Ok(true),
                        None => return Err(changed()),
                    }
                }
            };
            if !may_pass(&error) || !self.again(&mut tries) {
                return Err(self.error(name)(error));
            }
        }
    }

    /// Shows what is still to come; gives the error that ended it too early.
    fn rest(
        &self,
        download: Download,
        name: &str,
        at: &mut u64,
        see: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<Option<object_store::Error>, Error> {
        let (mut stream, bytes) = (download.stream, download.bytes);
        loop {
            let (piece, back, end) = self.run(name, piece(stream))?;
            if !piece.is_empty() {
                *at += piece.len() as u64;
                if *at > bytes {
                    return Err(Error::damaged(name, "it is longer than its store says"));
                }
                see(&piece)?;
            }
            match end {
                Some(Ok(())) => return Ok(None),
                Some(Err(error)) => return Ok(Some(error)),
                None => stream = back,
            }
        }
    }
}

/// An object from a byte on, if it still has the tag.
async fn get(
    store: Arc<dyn ObjectStore>,
    location: Location,
    at: u64,
    tag: Option<String>,
) -> Answer<Download> {
    let range = (at > 0).then_some(GetRange::Offset(at));
    let options = GetOptions { range, if_match: tag, ..GetOptions::default() };
    let answer = store.get_opts(&location, options).await?;
    let (bytes, tag) = (answer.meta.size, answer.meta.e_tag.clone());
    Ok(Download { stream: answer.into_stream(), bytes, tag })
}

/// Some bytes of a stream, the stream, and how it ended if it did.
async fn piece(
    mut stream: BoxStream<'static, Answer<Bytes>>,
) -> (Vec<u8>, BoxStream<'static, Answer<Bytes>>, Option<Answer<()>>) {
    let mut all = Vec::new();
    while all.len() < SPOOL_STEP_BYTES / 8 {
        match stream.next().await {
            Some(Ok(bytes)) => all.extend_from_slice(&bytes),
            Some(Err(error)) => return (all, stream, Some(Err(error))),
            None => return (all, stream, Some(Ok(()))),
        }
    }
    (all, stream, None)
}
