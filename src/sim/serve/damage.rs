//! Changes values and times of an answer in place, whatever its format, and packs it under the checksum of the true content.

use std::io::Write as _;

use flate2::Crc;
use flate2::write::DeflateEncoder;

use crate::sim::faults::fault::{DamageEnd, DamagePlace, Fault};

/// A gzip head without a name and a time, as Go writes it.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Damages the plain bytes of one answer as they come.
#[derive(Debug)]
pub(super) struct Damage {
    after_bytes: u64,
    places: u32,
    place: DamagePlace,
    binary: bool,
    seen: u64,
}

impl Damage {
    /// The damage that a fault does, if it does any; `binary` is MessagePack.
    pub(super) fn new(fault: Option<&Fault>, binary: bool) -> Option<Self> {
        match fault {
            Some(&Fault::Damage { after_bytes, places, place, .. }) => {
                Some(Self { after_bytes, places, place, binary, seen: 0 })
            }
            _ => None,
        }
    }

    /// Damages the next part. A place that lies across two parts stays as it is.
    pub(super) fn spoil(&mut self, part: &mut [u8]) {
        let mut at =
            usize::try_from(self.after_bytes.saturating_sub(self.seen)).unwrap_or(usize::MAX);
        self.seen += part.len() as u64;
        while self.places > 0 && at < part.len() {
            let found = if self.binary { self.in_binary(part, at) } else { self.in_text(part, at) };
            let Some(place) = found else { return };
            part[place] ^= 1;
            self.places -= 1;
            at = place + 1;
        }
    }

    /// The last digit of a time or of a number, or a letter. In CSV a time ends with `Z`; in JSON it is the first cell of a row.
    fn in_text(&self, part: &[u8], from: usize) -> Option<usize> {
        (from.max(1)..part.len().saturating_sub(1)).find(|&at| {
            let (byte, next) = (part[at], part[at + 1]);
            match self.place {
                DamagePlace::Letter => {
                    // An exchanged bit must not make another kind of byte of it.
                    matches!(byte, b'b'..=b'y') && part[at - 1].is_ascii_lowercase()
                }
                DamagePlace::Time | DamagePlace::Number if !byte.is_ascii_digit() => false,
                DamagePlace::Time => next == b'Z' || next == b',' && is_first_cell(part, at),
                DamagePlace::Number => {
                    let ends = matches!(next, b',' | b']' | b'\r');
                    ends && !is_first_cell(part, at)
                }
            }
        })
    }

    /// The lowest byte behind the mark of a long number. A mark may be something else by chance: damage is damage.
    fn in_binary(&self, part: &[u8], from: usize) -> Option<usize> {
        (from..part.len()).find_map(|at| {
            let bytes = match (self.place, part[at]) {
                (DamagePlace::Time, 0xd3) | (DamagePlace::Number, 0xcb | 0xcf) => 8,
                (DamagePlace::Number, 0xcc | 0xd0) => 1,
                (DamagePlace::Number, 0xcd | 0xd1) => 2,
                (DamagePlace::Number, 0xce | 0xd2) => 4,
                (DamagePlace::Letter, b'b'..=b'y') => 0,
                _ => return None,
            };
            (at + bytes < part.len()).then_some(at + bytes)
        })
    }
}

/// True for the end of the table's number in CSV and of the first cell of a row in JSON.
fn is_first_cell(part: &[u8], at: usize) -> bool {
    let digits =
        part[..=at].iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b'-');
    let start = at + 1 - digits.count();
    let before = &part[..start];
    before.ends_with(b"[") || before.ends_with(b"\n,,")
}

/// Packs an answer; the checksum may be that of other bytes.
pub(super) struct Zip {
    deflate: DeflateEncoder<Vec<u8>>,
    checksum: Crc,
}

impl Zip {
    pub(super) fn new() -> Self {
        let deflate = DeflateEncoder::new(GZIP_HEAD.to_vec(), flate2::Compression::default());
        Self { deflate, checksum: Crc::new() }
    }

    /// Packs bytes in place of the true ones; what is ready to be sent.
    pub(super) fn push(&mut self, bytes: &[u8], truth: &[u8]) -> Vec<u8> {
        self.checksum.update(truth);
        // Writing into memory does not fail.
        let _ = self.deflate.write_all(bytes);
        std::mem::take(self.deflate.get_mut())
    }

    /// The rest, with the checksum.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut rest = self.deflate.finish().unwrap_or_default();
        rest.extend_from_slice(&self.checksum.sum().to_le_bytes());
        rest.extend_from_slice(&self.checksum.amount().to_le_bytes());
        rest
    }

    /// A whole answer.
    pub(super) fn whole(bytes: &[u8], truth: &[u8]) -> Vec<u8> {
        let mut zip = Self::new();
        let mut all = zip.push(bytes, truth);
        all.extend(zip.finish());
        all
    }
}

/// Bytes of the plain body that a clean cut takes away, and of the body as sent that another one does.
pub(super) const fn missing(fault: Option<&Fault>) -> (u64, u64) {
    match fault {
        Some(Fault::Damage { end: DamageEnd::CutClean { bytes }, .. }) => (*bytes, 0),
        Some(Fault::Damage {
            end: DamageEnd::Cut { bytes } | DamageEnd::Reset { bytes }, ..
        }) => (0, *bytes),
        _ => (0, 0),
    }
}
