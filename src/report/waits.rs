//! What the run waits for, and for how long it has.

use crate::influx::classify::RequestKind;
use crate::influx::signal::WaitCause;
use crate::model::number;
use crate::model::side::Side;

/// The kinds of waiting that are told apart, in rising order of interest.
pub(crate) const KINDS: [(Side, WaitCause); 14] = [
    (Side::Source, WaitCause::Quota),
    (Side::Source, WaitCause::Backoff),
    (Side::Source, WaitCause::Unavailable),
    (Side::Source, WaitCause::RateLimited),
    (Side::Source, WaitCause::Silence(RequestKind::Api)),
    (Side::Source, WaitCause::Silence(RequestKind::Write)),
    (Side::Source, WaitCause::Silence(RequestKind::Query)),
    (Side::Destination, WaitCause::Quota),
    (Side::Destination, WaitCause::Backoff),
    (Side::Destination, WaitCause::Unavailable),
    (Side::Destination, WaitCause::RateLimited),
    (Side::Destination, WaitCause::Silence(RequestKind::Api)),
    (Side::Destination, WaitCause::Silence(RequestKind::Query)),
    (Side::Destination, WaitCause::Silence(RequestKind::Write)),
];

/// Times of waiting by side and cause: the time in which at least one request waited, so that waits at the same time
/// count once and no sum exceeds the length of the run.
#[derive(Debug, Clone, Default)]
pub struct Waits {
    slots: [Slot; KINDS.len()],
    sink: Slot,
    /// Silence of the source, and of the destination, whatever was asked.
    silence: [Slot; 2],
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
    /// For how long already.
    pub for_ms: u64,
}

impl Waits {
    /// Waiting began.
    pub fn begin(&mut self, side: Side, cause: WaitCause, wait_ms: u64, now_ms: u64) {
        for slot in self.slots_of(side, cause) {
            match cause {
                // What is told is the time that it has lasted; when it ends nobody knows.
                WaitCause::Silence(_) => slot.begin(0, now_ms.saturating_sub(wait_ms)),
                _ => slot.begin(wait_ms, now_ms),
            }
        }
    }

    /// Waiting is over.
    pub fn end(&mut self, side: Side, cause: WaitCause, now_ms: u64) {
        self.slots_of(side, cause).for_each(|slot| slot.end(now_ms));
    }

    fn slots_of(&mut self, side: Side, cause: WaitCause) -> impl Iterator<Item = &mut Slot> {
        let Self { slots, sink, silence } = self;
        let silence = matches!(cause, WaitCause::Silence(_)).then(|| &mut silence[at(side)]);
        let sink = (side == Side::Destination).then_some(sink);
        [Some(&mut slots[index(side, cause)]), sink, silence].into_iter().flatten()
    }

    /// Closes every open wait: for a listener that has missed events.
    pub fn end_all(&mut self, now_ms: u64) {
        for slot in self.slots.iter_mut().chain([&mut self.sink]).chain(&mut self.silence) {
            slot.total_ms = slot.total_at(now_ms);
            slot.open = 0;
        }
    }

    /// The open wait of most interest.
    pub fn current(&self, now_ms: u64) -> Option<Waiting> {
        let (slot, (side, cause)) =
            self.slots.iter().zip(KINDS).rfind(|(slot, _)| slot.open > 0)?;
        let (left_ms, for_ms) =
            (slot.until_ms.saturating_sub(now_ms), now_ms.saturating_sub(slot.since_ms));
        Some(Waiting { side, cause, left_ms, for_ms })
    }

    /// The time waited for a side for a cause, until now. A silence counts once, whatever was asked.
    pub fn total_ms(&self, side: Side, cause: WaitCause, now_ms: u64) -> u64 {
        let slot = match cause {
            WaitCause::Silence(_) => &self.silence[at(side)],
            _ => &self.slots[index(side, cause)],
        };
        slot.total_at(now_ms)
    }

    /// The totals as the screens show them: the source by cause, the sink whichever the cause.
    pub fn parts(&self, now_ms: u64) -> Vec<String> {
        let source = |cause| number::duration(self.total_ms(Side::Source, cause, now_ms));
        let silent_ms = self.total_ms(Side::Source, WaitCause::Silence(RequestKind::Query), now_ms);
        let silent = (silent_ms > 0).then(|| format!("silent {}", number::duration(silent_ms)));
        let mut parts = vec![
            format!("quota {}", source(WaitCause::Quota)),
            format!("429 {}", source(WaitCause::RateLimited)),
            format!("503 {}", source(WaitCause::Unavailable)),
            format!("backoff {}", source(WaitCause::Backoff)),
        ];
        parts.extend(silent);
        parts.push(format!("sink {}", number::duration(self.sink.total_at(now_ms))));
        parts
    }
}

fn at(side: Side) -> usize {
    match side {
        Side::Source => 0,
        Side::Destination => 1,
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
    /// The time to show with it: how long it still takes, or has taken where nobody knows.
    pub fn shown_ms(self) -> u64 {
        match self.cause {
            WaitCause::Silence(_) => self.for_ms,
            _ => self.left_ms.saturating_add(999),
        }
    }

    /// The reason in words: `source quota (normal)`.
    pub fn reason(self) -> String {
        let side = self.side;
        match self.cause {
            WaitCause::Quota => format!("{side} quota (normal)"),
            WaitCause::RateLimited => format!("{side} answered 429"),
            WaitCause::Unavailable => format!("{side} answered 503 or its cache is full"),
            WaitCause::Backoff => format!("pause before the {side} is tried again"),
            WaitCause::Silence(asked) => silence(side, asked),
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
        WaitCause::Silence(_) => "silence",
    }
}

/// That a server says nothing.
pub(crate) fn silence(side: Side, asked: RequestKind) -> String {
    format!("the {side} has not answered {}", asked.words())
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
        assert_eq!(
            waits.current(3_000),
            Some(Waiting { side, cause, left_ms: 8_000, for_ms: 2_000 })
        );
        waits.end(side, cause, 5_000);
        assert_eq!(waits.total_ms(side, cause, 6_000), 5_000);
        waits.end(side, cause, 11_000);
        waits.end(side, cause, 12_000);
        assert_eq!((waits.total_ms(side, cause, 60_000), waits.current(60_000)), (10_000, None));
    }

    #[test]
    fn a_silence_counts_from_its_beginning_and_once() {
        let mut waits = Waits::default();
        let (side, write) = (Side::Destination, WaitCause::Silence(RequestKind::Write));
        let query = WaitCause::Silence(RequestKind::Query);
        waits.begin(side, write, 5_000, 20_000);
        waits.begin(side, query, 5_000, 21_000);
        let current = waits.current(27_000).unwrap();
        assert_eq!((current.cause, current.shown_ms()), (write, 12_000));
        assert_eq!(current.reason(), "the destination has not answered a write");
        waits.end(side, write, 30_000);
        waits.end(side, query, 31_000);
        assert_eq!(waits.total_ms(side, query, 60_000), 16_000);
        assert!(waits.parts(60_000).contains(&"sink 16s".to_owned()));
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
