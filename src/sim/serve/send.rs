//! Puts an answer on the wire: framing, pace, and the faults of transport.

use std::io::Write as _;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::damage::missing as missing_of;
use crate::sim::faults::fault::{DamageEnd, Fault};

/// Bytes gathered before they are written to the socket.
const WIRE_BYTES: usize = 64 * 1024;

/// How a connection ends before its answer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionEnd {
    /// RST.
    Reset,
    /// FIN.
    Close,
    /// HTTP says that the answer is complete; the connection lives on.
    Clean,
}

/// Writes one answer.
pub(super) struct Sender<'a> {
    stream: &'a mut TcpStream,
    /// Bytes on their way to the socket.
    wire: Vec<u8>,
    /// Size of a chunk; `None` for an answer of known length.
    piece: Option<usize>,
    /// Bytes of the body that do not fill a chunk yet.
    pending: Vec<u8>,
    sent: u64,
    stop: Option<(u64, ConnectionEnd)>,
    /// Bytes at the end of the body that are never sent, and how the connection ends instead.
    missing: Option<(usize, ConnectionEnd)>,
    flip: Option<(u64, u8)>,
    misspelt: Option<&'static str>,
    stall: Option<(u64, Duration)>,
    drip: Option<(usize, Duration)>,
    bytes_per_s: Option<u64>,
    started: Instant,
}

impl<'a> Sender<'a> {
    pub(super) fn new(
        stream: &'a mut TcpStream,
        head: Vec<u8>,
        piece: Option<usize>,
        fault: Option<&Fault>,
        bytes_per_s: Option<u64>,
    ) -> Self {
        let (mut stop, mut stall, mut drip) = (None, None, None);
        let (mut missing, mut flip, mut misspelt) = (None, None, None);
        match fault {
            Some(Fault::Reset { after_bytes }) => stop = Some((*after_bytes, ConnectionEnd::Reset)),
            Some(Fault::Cut { after_bytes }) => stop = Some((*after_bytes, ConnectionEnd::Close)),
            Some(Fault::CutClean { after_bytes }) if piece.is_some() => {
                stop = Some((*after_bytes, ConnectionEnd::Clean));
            }
            Some(Fault::Stall { after_bytes, ms }) if *after_bytes > 0 => {
                stall = Some((*after_bytes, Duration::from_millis(*ms)));
            }
            Some(Fault::Flip { at_byte, bit }) => flip = Some((*at_byte, *bit)),
            Some(Fault::Misspell { word }) => misspelt = Some(*word),
            Some(Fault::Damage { end, .. }) => {
                let how = match end {
                    DamageEnd::Cut { .. } => Some(ConnectionEnd::Close),
                    DamageEnd::Reset { .. } => Some(ConnectionEnd::Reset),
                    _ => None,
                };
                let bytes = usize::try_from(missing_of(fault).1).unwrap_or(usize::MAX);
                missing = how.map(|how| (bytes, how));
            }
            Some(Fault::Drip { bytes, tick_ms }) => {
                drip = Some(((*bytes).max(1), Duration::from_millis(*tick_ms)));
            }
            _ => {}
        }
        let started = Instant::now();
        Self {
            stream,
            wire: head,
            piece,
            pending: Vec::new(),
            sent: 0,
            stop,
            missing,
            flip,
            misspelt,
            stall,
            drip,
            bytes_per_s,
            started,
        }
    }

    /// Bytes of the body so far.
    pub(super) const fn sent_bytes(&self) -> u64 {
        self.sent
    }

    /// Sends a part of the body. `decoded_bytes` of the answer were made so far: the pace counts those.
    pub(super) async fn push(&mut self, bytes: &[u8], decoded_bytes: u64) -> Option<ConnectionEnd> {
        if let Some(rate) = self.bytes_per_s {
            let due = Duration::from_millis(decoded_bytes.saturating_mul(1_000) / rate.max(1));
            tokio::time::sleep_until(self.started + due).await;
        }
        if self.piece.is_none() && self.missing.is_none() {
            return self.piece(bytes).await;
        }
        self.pending.extend_from_slice(bytes);
        let piece = self.piece?;
        let pending = std::mem::take(&mut self.pending);
        let held = self.missing.map_or(0, |(bytes, _)| bytes);
        let whole = pending.len().saturating_sub(held) / piece * piece;
        for part in pending[..whole].chunks(piece) {
            if let Some(stop) = self.piece(part).await {
                return Some(stop);
            }
        }
        self.pending = pending[whole..].to_vec();
        None
    }

    /// Sends what is left, and the end of the message.
    pub(super) async fn finish(&mut self, tail: &[u8]) -> Option<ConnectionEnd> {
        let mut rest = std::mem::take(&mut self.pending);
        rest.extend_from_slice(tail);
        if let Some((bytes, _)) = self.missing {
            rest.truncate(rest.len().saturating_sub(bytes));
        }
        for part in rest.chunks(self.piece.unwrap_or(usize::MAX)) {
            if let Some(stop) = self.piece(part).await {
                return Some(stop);
            }
        }
        // A cut that falls on the very end still takes the end of the message away.
        if let Some((after, stop @ (ConnectionEnd::Reset | ConnectionEnd::Close))) = self.stop
            && self.sent >= after
        {
            self.flush().await;
            return Some(stop);
        }
        if let Some((_, stop)) = self.missing {
            self.flush().await;
            return Some(stop);
        }
        if self.piece.is_some() {
            self.wire.extend_from_slice(b"0\r\n\r\n");
        }
        if self.flush().await { None } else { Some(ConnectionEnd::Close) }
    }

    /// Sends one chunk, or a whole body.
    async fn piece(&mut self, bytes: &[u8]) -> Option<ConnectionEnd> {
        if let Some((after, pause)) =
            self.stall.take_if(|(after, _)| self.sent + bytes.len() as u64 > *after)
        {
            let _ = after;
            self.flush().await;
            tokio::time::sleep(pause).await;
        }
        let mut part = bytes;
        let mut stop = None;
        if let Some((after, how)) = self.stop {
            let left = usize::try_from(after.saturating_sub(self.sent)).unwrap_or(usize::MAX);
            if left < bytes.len() {
                part = &bytes[..left];
                stop = Some(how);
            }
        }
        if self.piece.is_some() {
            // A cut leaves the chunk short of the size it announced.
            let announced =
                if stop == Some(ConnectionEnd::Clean) { part.len() } else { bytes.len() };
            if announced > 0 {
                let _ = write!(self.wire, "{announced:x}\r\n");
                self.wire.extend_from_slice(part);
            }
            if announced == part.len() && announced > 0 {
                self.wire.extend_from_slice(b"\r\n");
            }
        } else {
            self.wire.extend_from_slice(part);
        }
        self.flip_in(part.len());
        self.misspell_in(part.len());
        self.sent += part.len() as u64;
        if stop == Some(ConnectionEnd::Clean) {
            self.wire.extend_from_slice(b"0\r\n\r\n");
        }
        let gathers = stop.is_none() && self.wire.len() < WIRE_BYTES && self.bytes_per_s.is_none();
        if gathers || self.flush().await { stop } else { Some(ConnectionEnd::Close) }
    }

    /// Changes the bit that is to be another one, if it is among the last `bytes` of the body.
    fn flip_in(&mut self, bytes: usize) {
        let at = self.flip.and_then(|(at, _)| at.checked_sub(self.sent));
        let at = at.and_then(|at| usize::try_from(at).ok()).filter(|at| *at < bytes);
        if let (Some(at), Some((_, bit))) = (at, self.flip) {
            let start = self.start_of_last(bytes);
            if let Some(byte) = self.wire.get_mut(start + at) {
                *byte ^= 1 << (bit & 7);
            }
        }
    }

    /// Changes the word that is to be another one, if it is among the last `bytes` of the body.
    fn misspell_in(&mut self, bytes: usize) {
        let start = self.start_of_last(bytes);
        let found = self.misspelt.and_then(|word| {
            let at = memchr::memmem::find(&self.wire[start..], word.as_bytes())?;
            Some(start + at + word.len() - 1)
        });
        if let Some(last) = found {
            self.wire[last] ^= 1;
            self.misspelt = None;
        }
    }

    /// Where the last `bytes` of the body are on their way.
    fn start_of_last(&self, bytes: usize) -> usize {
        let framed = if self.piece.is_some() && bytes > 0 { b"\r\n".len() } else { 0 };
        self.wire.len().saturating_sub(framed + bytes)
    }

    /// Writes to the socket; false if the client is gone.
    pub(super) async fn flush(&mut self) -> bool {
        let wire = std::mem::take(&mut self.wire);
        let Some((bytes, tick)) = self.drip else {
            let done = self.stream.write_all(&wire).await.is_ok();
            self.wire = wire;
            self.wire.clear();
            return done;
        };
        for part in wire.chunks(bytes) {
            if self.stream.write_all(part).await.is_err() {
                return false;
            }
            tokio::time::sleep(tick).await;
        }
        true
    }
}
