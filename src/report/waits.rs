//! What the run waits for, and for how long it has.

use crate::influx::signal::WaitCause;
use crate::model::number;
use crate::model::side::Side;

/// The kinds of waiting that are told apart, in rising order of interest.
pub(crate) const KINDS: [(Side, WaitCause); 8] = [
    (Side::Source, WaitCause::Quota),
    (Side::Source, WaitCause::Backoff),
    (Side::Source, WaitCause::Unavailable),
    (Side::Source, WaitCause::RateLimited),
    (Side::Destination, WaitCause::Quota),
    (Side::Destination, WaitCause::Backoff),
    (Side::Destination, WaitCause::Unavailable),
    (Side::Destination, WaitCause::RateLimited),
];

/// Times of waiting by side and cause: the time in which at least one request waited, so that waits at the same time
/// count once and no sum exceeds the length of the run.
#[derive(Debug, Clone, Default)]
pub struct Waits {
    slots: [Slot; KINDS.len()],
    sink: Slot,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    open: u64,
    since_ms: u64,
    until_ms: u64,
    total_ms: u64,
}

/// A wait that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Who is waited for.
    pub side: Side,
    /// Why.
    pub cause: WaitCause,
    /// How much longer, as far as known.
    pub left_ms: u64,
}

impl Waits {
    /// Waiting began.
    pub fn begin(&mut self, side: Side, cause: WaitCause, wait_ms: u64, now_ms: u64) {
        self.slots[index(side, cause)].begin(wait_ms, now_ms);
        if side == Side::Destination {
            self.sink.begin(wait_ms, now_ms);
        }
    }

    /// Waiting is over.
    pub fn end(&mut self, side: Side, cause: WaitCause, now_ms: u64) {
        self.slots[index(side, cause)].end(now_ms);
        if side == Side::Destination {
            self.sink.end(now_ms);
        }
    }

    /// Closes every open wait: for a listener that has missed events.
    pub fn end_all(&mut self, now_ms: u64) {
        for slot in self.slots.iter_mut().chain([&mut self.sink]) {
            slot.total_ms = slot.total_at(now_ms);
            slot.open = 0;
        }
    }

    /// The open wait of most interest.
    pub fn current(&self, now_ms: u64) -> Option<Waiting> {
        let (slot, (side, cause)) =
            self.slots.iter().zip(KINDS).rfind(|(slot, _)| slot.open > 0)?;
        Some(Waiting { side, cause, left_ms: slot.until_ms.saturating_sub(now_ms) })
    }

    /// The time waited for a side for a cause, until now.
    pub fn total_ms(&self, side: Side, cause: WaitCause, now_ms: u64) -> u64 {
        self.slots[index(side, cause)].total_at(now_ms)
    }

    /// The totals as the screens show them: the source by cause, the sink whichever the cause.
    pub fn parts(&self, now_ms: u64) -> Vec<String> {
        let source = |cause| number::duration(self.total_ms(Side::Source, cause, now_ms));
        vec![
            format!("quota {}", source(WaitCause::Quota)),
            format!("429 {}", source(WaitCause::RateLimited)),
            format!("503 {}", source(WaitCause::Unavailable)),
            format!("backoff {}", source(WaitCause::Backoff)),
            format!("sink {}", number::duration(self.sink.total_at(now_ms))),
        ]
    }
}

impl Slot {
    fn begin(&mut self, wait_ms: u64, now_ms: u64) {
        if self.open == 0 {
            (self.since_ms, self.until_ms) = (now_ms, now_ms);
        }
        self.open += 1;
        self.until_ms = self.until_ms.max(now_ms.saturating_add(wait_ms));
    }

    fn end(&mut self, now_ms: u64) {
        if self.open == 1 {
            self.total_ms = self.total_at(now_ms);
        }
        self.open = self.open.saturating_sub(1);
    }

    fn total_at(&self, now_ms: u64) -> u64 {
        let open_ms = if self.open > 0 { now_ms.saturating_sub(self.since_ms) } else { 0 };
        self.total_ms + open_ms
    }
}

impl Waiting {
    /// The reason in words: `source quota (normal)`.
    pub fn reason(self) -> String {
        let side = self.side;
        match self.cause {
            WaitCause::Quota => format!("{side} quota (normal)"),
            WaitCause::RateLimited => format!("{side} answered 429"),
            WaitCause::Unavailable => format!("{side} answered 503 or its cache is full"),
            WaitCause::Backoff => format!("pause before the {side} is tried again"),
        }
    }

    /// The reason in one word: `quota`.
    pub fn word(self) -> &'static str {
        match (self.side, self.cause) {
            (Side::Destination, _) => "sink",
            (Side::Source, cause) => cause_word(cause),
        }
    }
}

/// The name of a cause for programs.
pub(crate) fn cause_word(cause: WaitCause) -> &'static str {
    match cause {
        WaitCause::Quota => "quota",
        WaitCause::RateLimited => "429",
        WaitCause::Unavailable => "503",
        WaitCause::Backoff => "backoff",
    }
}

fn index(side: Side, cause: WaitCause) -> usize {
    KINDS
        .iter()
        .position(|kind| *kind == (side, cause))
        .expect("KINDS holds every pair of side and cause")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_at_the_same_time_count_once() {
        let mut waits = Waits::default();
        let (side, cause) = (Side::Source, WaitCause::Quota);
        waits.begin(side, cause, 4_000, 1_000);
        waits.begin(side, cause, 9_000, 2_000);
        assert_eq!(waits.current(3_000), Some(Waiting { side, cause, left_ms: 8_000 }));
        waits.end(side, cause, 5_000);
        assert_eq!(waits.total_ms(side, cause, 6_000), 5_000);
        waits.end(side, cause, 11_000);
        waits.end(side, cause, 12_000);
        assert_eq!((waits.total_ms(side, cause, 60_000), waits.current(60_000)), (10_000, None));
    }

    #[test]
    fn the_wait_of_most_interest_is_shown_and_a_lost_end_is_healed() {
        let mut waits = Waits::default();
        waits.begin(Side::Source, WaitCause::Quota, 100, 0);
        waits.begin(Side::Source, WaitCause::RateLimited, 100, 10);
        assert_eq!(waits.current(20).unwrap().word(), "429");
        waits.begin(Side::Destination, WaitCause::Backoff, 100, 10);
        assert_eq!(waits.current(20).unwrap().word(), "sink");
        waits.end_all(30);
        assert_eq!(waits.current(40), None);
        assert_eq!(waits.total_ms(Side::Source, WaitCause::Quota, 40), 30);
    }
}
