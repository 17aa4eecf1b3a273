//! What a person should know of the way to a server: proxy, encryption, checksums, and who else can read the token.

use std::sync::atomic::Ordering;

use super::Client;
use crate::influx::signal::Signal;
use crate::limits::UNCHECKED_BYTES_MIN;
use crate::model::side::Side;

impl Client {
    /// True if the server is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.shared.transport.is_loopback()
    }

    /// True if a token for this server crosses a network in the clear.
    pub fn is_in_the_clear(&self) -> bool {
        !self.is_loopback() && !self.shared.transport.is_tls()
    }

    /// The proxy of the environment that all requests go through, without its password.
    pub fn proxy(&self) -> Option<String> {
        self.shared.transport.proxy()
    }

    /// What a person should know of the token's source, once it has been read.
    pub fn token_doubt(&self) -> Option<String> {
        self.shared.credentials.doubt()
    }

    /// Says once that answers come with nothing that would show a flipped bit.
    pub(in crate::influx) fn note_body(&self, is_packed: bool, bytes: u64) {
        let unchecked = !is_packed && bytes >= UNCHECKED_BYTES_MIN as u64 && self.is_in_the_clear();
        if unchecked
            && self.shared.side == Side::Source
            && !self.shared.unchecked.swap(true, Ordering::Relaxed)
        {
            let text = UNCHECKED.to_owned();
            (self.shared.observer)(Signal::Notice { side: self.shared.side, text });
        }
    }

    /// True if a large answer came with nothing that would show a flipped bit: neither gzip nor TLS.
    pub fn is_unchecked(&self) -> bool {
        self.shared.unchecked.load(Ordering::Relaxed)
    }
}

/// What is said where an answer of the source has no checksum.
const UNCHECKED: &str = "the source sends large answers without gzip and without TLS: a bit that flips on the way would \
                         not be seen";
