//! The bytes of one answer, as they come. It ends well only if the HTTP message did and, for gzip, the trailer matched.
//!
//! What this cannot see: a gzip answer that was cut exactly where a member ends, and any answer whose server itself
//! stopped early. The end mark of the format shows those.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::{GzDecoder, GzEncoder};
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use tokio::time::Instant;

use super::classify::RequestKind;
use super::diagnosis::{self, Scene};
use super::error::{Failure, FailureKind};
use super::quota::Slot;
use super::watch::SilenceWatch;
use crate::limits::{DECODE_STEP_BYTES_MAX, GZIP_RATIO_MAX};

/// Packs a body, quickly rather than well. Takes the CPU for some milliseconds.
///
/// # Panics
/// Never: memory takes all bytes.
pub fn pack(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    let packed = encoder.write_all(plain).and_then(|()| encoder.finish());
    packed.expect("memory takes all bytes").into()
}

/// The body of one answer.
#[derive(Debug)]
pub(super) struct AnswerBody {
    response: Response,
    coding: Coding,
    /// What was looked at before it is handed out.
    ahead: Bytes,
    deadline: Instant,
    silence: Duration,
    wire_bytes: u64,
    decoded_bytes: u64,
    /// Until the end: the server has finished the query then.
    slot: Option<Slot>,
    watch: Option<(Arc<SilenceWatch>, RequestKind)>,
}

#[derive(Debug)]
enum Coding {
    Plain,
    Gzip(Box<Gunzip>),
}

impl AnswerBody {
    /// The body of `response`. One that does not tell its own end (see [`tells_its_end`]) proves nothing when it ends.
    pub(super) fn new(
        response: Response,
        deadline: Instant,
        silence: Duration,
    ) -> Result<Self, Failure> {
        let headers = response.headers();
        let coding =
            match headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim()) {
                None | Some("" | "identity") => Coding::Plain,
                Some("gzip" | "x-gzip") => Coding::Gzip(Box::default()),
                Some(other) => {
                    let text =
                        format!("the answer is encoded as {other:?}, which was not asked for");
                    return Err(Failure::new(FailureKind::Unexpected, text));
                }
            };
        let (wire_bytes, decoded_bytes) = (0, 0);
        Ok(Self {
            response,
            coding,
            ahead: Bytes::new(),
            deadline,
            silence,
            wire_bytes,
            decoded_bytes,
            slot: None,
            watch: None,
        })
    }

    /// Keeps a place among the queries at one time until this answer is over.
    pub(super) fn holding(mut self, slot: Option<Slot>) -> Self {
        self.slot = slot;
        self
    }

    /// Tells if nothing more comes of it for a while.
    pub(super) fn watched(self, watch: &Arc<SilenceWatch>, asked: RequestKind) -> Self {
        Self { watch: Some((Arc::clone(watch), asked)), ..self }
    }

    /// True if it is packed, so that its checksum tells of flipped bits.
    pub(super) fn is_packed(&self) -> bool {
        matches!(self.coding, Coding::Gzip(_))
    }

    /// Looks at a plain body before anything of it is handed out: all of it if it has less than `bytes_max` bytes.
    pub(super) async fn whole_if_small(
        &mut self,
        bytes_max: usize,
    ) -> Result<Option<Bytes>, Failure> {
        let mut ahead = BytesMut::new();
        while ahead.len() < bytes_max {
            let Some(bytes) = self.receive().await? else {
                self.slot = None;
                self.ahead = ahead.freeze();
                return Ok(Some(self.ahead.clone()));
            };
            self.wire_bytes += length(&bytes);
            ahead.extend_from_slice(&bytes);
        }
        self.ahead = ahead.freeze();
        Ok(None)
    }

    /// Counts bytes that came for the same question before.
    pub(super) fn after(&mut self, wire_bytes: u64) {
        self.wire_bytes += wire_bytes;
    }

    /// Bytes of the body as they came over the wire.
    pub(super) fn wire_bytes(&self) -> u64 {
        self.wire_bytes
    }

    /// Bytes handed out.
    pub(super) fn decoded_bytes(&self) -> u64 {
        self.decoded_bytes
    }

    /// The next bytes; `None` after a proper end. To be called no more after an error. Losing this future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if !self.ahead.is_empty() {
            let ahead = std::mem::take(&mut self.ahead);
            return self.hand_out(ahead).map(Some);
        }
        loop {
            let ready = match &mut self.coding {
                Coding::Plain => None,
                Coding::Gzip(gunzip) => gunzip.step().map_err(damaged)?,
            };
            if let Some(bytes) = ready {
                return self.hand_out(bytes).map(Some);
            }
            let Some(bytes) = self.receive().await? else {
                self.slot = None;
                let rest = match &mut self.coding {
                    Coding::Plain => None,
                    Coding::Gzip(gunzip) => gunzip.finish().map_err(damaged)?,
                };
                return rest.map(|bytes| self.hand_out(bytes)).transpose();
            };
            self.wire_bytes += length(&bytes);
            match &mut self.coding {
                Coding::Plain if bytes.is_empty() => {}
                Coding::Plain => return self.hand_out(bytes).map(Some),
                Coding::Gzip(gunzip) => gunzip.take(bytes),
            }
        }
    }

    /// The whole body, if it is not larger than the bound.
    pub(super) async fn whole(&mut self, bytes_max: usize) -> Result<Vec<u8>, Failure> {
        let mut whole = Vec::new();
        while let Some(bytes) = self.next().await? {
            if whole.len() + bytes.len() > bytes_max {
                return Err(Failure::new(
                    FailureKind::TooBig,
                    format!("more than {bytes_max} bytes"),
                ));
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(whole)
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, Failure> {
        let silent_at = Instant::now() + self.silence;
        let deadline = self.deadline.min(silent_at);
        let chunk = tokio::time::timeout_at(deadline, self.response.chunk());
        let received = match &self.watch {
            Some((watch, asked)) => watch.over(*asked, chunk).await,
            None => chunk.await,
        };
        match received {
            Ok(received) => {
                if let (Ok(_), Some((watch, _))) = (&received, &self.watch) {
                    watch.heard();
                }
                let scene = Scene { reached: true, tls: true, host: "", is_proxied: false };
                received.map_err(|error| diagnosis::failure(error, scene))
            }
            Err(_) if silent_at < self.deadline => {
                let text = format!("no byte for {} ms", self.silence.as_millis());
                Err(Failure::new(FailureKind::Interrupted, text))
            }
            Err(_) => {
                Err(Failure::new(FailureKind::Timeout, "the answer was not complete in time"))
            }
        }
    }

    fn hand_out(&mut self, bytes: Bytes) -> Result<Bytes, Failure> {
        self.decoded_bytes += length(&bytes);
        if is_bomb(self.wire_bytes, self.decoded_bytes) {
            let text = format!(
                "{} bytes unpack to more than {GZIP_RATIO_MAX} times as many",
                self.wire_bytes
            );
            return Err(Failure::new(FailureKind::TooBig, text));
        }
        Ok(bytes)
    }
}

/// True if the message says where it ends, so that a cut shows.
pub(super) fn tells_its_end(headers: &HeaderMap) -> bool {
    let chunked = |value: &reqwest::header::HeaderValue| {
        value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("chunked"))
    };
    headers.contains_key(CONTENT_LENGTH) || headers.get_all(TRANSFER_ENCODING).iter().any(chunked)
}

fn is_bomb(wire_bytes: u64, decoded_bytes: u64) -> bool {
    decoded_bytes > wire_bytes.saturating_mul(GZIP_RATIO_MAX)
}

fn damaged(cause: std::io::Error) -> Failure {
    Failure::new(FailureKind::Interrupted, format!("bad gzip: {cause}")).caused_by(cause)
}

fn length(bytes: &Bytes) -> u64 {
    bytes.len() as u64
}

/// Inflates one gzip member in steps of bounded size, so that no step holds the CPU for long.
#[derive(Debug)]
pub struct Gunzip {
    decoder: GzDecoder<Vec<u8>>,
    input: Bytes,
    finished: bool,
}

impl Default for Gunzip {
    fn default() -> Self {
        Self { decoder: GzDecoder::new(Vec::new()), input: Bytes::new(), finished: false }
    }
}

impl Gunzip {
    /// Takes more of the member, once all that it took before is unpacked.
    pub fn take(&mut self, input: Bytes) {
        self.input = input;
    }

    /// Unpacks what was taken; `None` when all of it is.
    pub fn step(&mut self) -> std::io::Result<Option<Bytes>> {
        while !self.input.is_empty() && self.decoder.get_ref().len() < DECODE_STEP_BYTES_MAX {
            let used = self.decoder.write(&self.input)?;
            if used == 0 {
                // A second member or junk: no InfluxDB sends that, so the answer is not what was meant.
                return Err(std::io::Error::other("bytes behind the end"));
            }
            drop(self.input.split_to(used));
        }
        Ok(self.hand_out())
    }

    /// Checks the trailer; the last bytes, if there are any that have not been handed out.
    pub fn finish(&mut self) -> std::io::Result<Option<Bytes>> {
        if !std::mem::replace(&mut self.finished, true) {
            self.decoder.try_finish()?;
        }
        Ok(self.hand_out())
    }

    fn hand_out(&mut self) -> Option<Bytes> {
        let unpacked = std::mem::take(self.decoder.get_mut());
        (!unpacked.is_empty()).then(|| unpacked.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        pack(plain).to_vec()
    }

    fn gunzip(packed: &[u8], step: usize) -> std::io::Result<Vec<u8>> {
        let mut gunzip = Gunzip::default();
        let mut whole = Vec::new();
        for part in packed.chunks(step) {
            gunzip.take(Bytes::copy_from_slice(part));
            while let Some(bytes) = gunzip.step()? {
                assert!(bytes.len() < DECODE_STEP_BYTES_MAX * 2, "steps are bounded");
                whole.extend_from_slice(&bytes);
            }
        }
        while let Some(bytes) = gunzip.finish()? {
            whole.extend_from_slice(&bytes);
        }
        Ok(whole)
    }

    proptest! {
        #[test]
        fn unpacks_in_any_pieces(plain in prop::collection::vec(0_u8..4, 0..5_000), step in 1_usize..3_000) {
            prop_assert_eq!(gunzip(&gzip(&plain), step).unwrap(), plain);
        }

        #[test]
        fn no_cut_passes(plain in prop::collection::vec(any::<u8>(), 0..300), cut in any::<prop::sample::Index>()) {
            let packed = gzip(&plain);
            prop_assert!(gunzip(&packed[..cut.index(packed.len())], 64).is_err());
        }
    }

    #[test]
    fn no_damage_to_the_trailer_and_nothing_behind_it_passes() {
        let packed = gzip(b"some rows\r\n\r\n");
        for at in packed.len() - 8..packed.len() {
            let mut bad = packed.clone();
            bad[at] ^= 1;
            assert!(gunzip(&bad, 7).is_err(), "{at}");
        }
        for behind in [&packed[..], b"x"] {
            for step in [1, 7, 1_000] {
                assert!(gunzip(&[&packed[..], behind].concat(), step).is_err());
            }
        }
        assert!(gunzip(b"", 1).is_err());
        assert!(gunzip(b"plain text, and a good deal of it", 5).is_err());
    }

    #[test]
    fn a_bomb_is_unpacked_in_bounded_steps() {
        let zeros = vec![0; 20_000_000];
        assert_eq!(gunzip(&gzip(&zeros), usize::MAX).unwrap().len(), zeros.len());
        assert!(!is_bomb(20, 20 * GZIP_RATIO_MAX));
        assert!(is_bomb(20, 20 * GZIP_RATIO_MAX + 1));
        assert!(is_bomb(0, 1));
    }
}
