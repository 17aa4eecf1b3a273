//! What goes wrong in a case: one thing, somewhere.

use sluice::testing::model::side::Side;
use sluice::testing::sim::{
    DamageEnd, DamagePlace, Fault, Forgotten, Matcher, Rule, Server, StoreChange, When,
};

use super::content::{Content, Shape};
use super::dice::Dice;

/// One trouble.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    None,
    /// A fault of one end, that an answer of it meets.
    Fault {
        side: Side,
        rule: Rule,
    },
    /// Somebody writes to or deletes from the source.
    Change {
        rule: Rule,
    },
    /// Acknowledged values are not at the destination, from the first or from some moment on.
    Loss {
        rule: Rule,
    },
    /// The run is gone after so many events.
    Kill {
        events: usize,
    },
    /// The run is asked to end after so many events, and does.
    Stop {
        events: usize,
    },
}

impl Trouble {
    pub(super) fn roll(seed: u64, content: &Content, bucket: &str, gzip: bool) -> Self {
        let mut dice = Dice::new(seed, 3);
        let dice = &mut dice;
        // Of their own: whatever else a seed means stays what it was.
        let mut more = Dice::new(seed, 4);
        match more.below(20) {
            0 => return Self::Stop { events: more.index(40) },
            1 if gzip => {
                let (side, rule) = flip(&mut more);
                return Self::Fault { side, rule };
            }
            _ => {}
        }
        let kind = match (content.shape, dice.below(20)) {
            // The first of several measurements are whole when the last are found to be cut.
            (Shape::Together, kind) if kind < 14 => 8,
            // Points that come while a batch over a boundary is counted.
            (Shape::Boundary, kind) if kind < 10 => 12,
            (_, kind) => kind,
        };
        match kind {
            0 => Self::None,
            1..=3 => {
                let matcher = source_request(dice);
                Self::Fault { side: Side::Source, rule: temporary(dice, &matcher) }
            }
            4..=5 => {
                let matcher = destination_request(dice);
                Self::Fault { side: Side::Destination, rule: temporary(dice, &matcher) }
            }
            6..=11 => Self::Fault { side: Side::Source, rule: damage(dice, content, gzip) },
            12..=15 => Self::Change { rule: change(dice, content, bucket) },
            16..=17 => Self::Loss { rule: loss(dice, content) },
            _ => Self::Kill { events: dice.index(40) },
        }
    }

    pub(super) fn inject(&self, source: &Server, destination: &Server) {
        match self {
            Self::None | Self::Kill { .. } | Self::Stop { .. } => {}
            Self::Fault { side: Side::Source, rule } | Self::Change { rule } => {
                source.inject(rule.clone());
            }
            Self::Fault { side: Side::Destination, rule } | Self::Loss { rule } => {
                destination.inject(rule.clone());
            }
        }
    }

    /// Whether an answer holds wrong values.
    pub(super) fn is_damage(&self) -> bool {
        matches!(self, Self::Fault { rule: Rule { fault: Fault::Damage { .. }, .. }, .. })
    }

    /// What is written or deleted at the source while the job runs.
    pub(super) fn change(&self) -> Option<&StoreChange> {
        match self {
            Self::Change { rule: Rule { fault: Fault::Change { change, .. }, .. } } => Some(change),
            _ => None,
        }
    }
}

fn matcher(path: &str, body: &str, skip: u64) -> Matcher {
    Matcher::path(path).body(body).skip(u32::try_from(skip).unwrap())
}

fn source_request(dice: &mut Dice) -> Matcher {
    match dice.below(6) {
        0 => matcher("", "", dice.below(30)),
        1 => matcher("/query", "", dice.below(8)),
        2 => matcher("/query", "SELECT", dice.below(6)),
        3 => matcher("/api/v2/query", "count()", dice.below(12)),
        4 => matcher("/api/v2/query", "", dice.below(16)),
        _ => matcher("/api/v2/query", "rename", dice.below(4)),
    }
}

fn destination_request(dice: &mut Dice) -> Matcher {
    match dice.below(3) {
        0 => matcher("", "", dice.below(40)),
        1 => matcher("/api/v2/write", "", dice.below(12)),
        _ => matcher("/api/v2/query", "", dice.below(12)),
    }
}

/// Trouble that passes.
fn temporary(dice: &mut Dice, matcher: &Matcher) -> Rule {
    let after_bytes = dice.below(600);
    let text = |text: &str| format!("{{\"code\":\"x\",\"message\":\"{text}\"}}");
    let status = |status, body: String| Fault::Status { status, retry_after: None, body };
    let fault = match dice.below(14) {
        0 => Fault::Refuse,
        1 | 2 => Fault::Reset { after_bytes },
        3 | 4 => Fault::Cut { after_bytes },
        5 | 6 => Fault::CutClean { after_bytes },
        7 => Fault::ErrorTable {
            after_rows: dice.below(20),
            message: "internal error: rpc error".to_owned(),
        },
        8 => Fault::Timeout,
        9 => status(429, text("org 1 has exceeded limited_query plan limit")),
        10 => status(503, text("queue length exceeded")),
        11 => status(500, text("internal error")),
        12 => status(502, "<html>Bad Gateway</html>".to_owned()),
        _ => Fault::LostAck,
    };
    Rule { matcher: matcher.clone(), times: u32::try_from(dice.between(1, 2)).unwrap(), fault }
}

/// Values of an answer are other ones, and its end tells.
fn damage(dice: &mut Dice, content: &Content, gzip: bool) -> Rule {
    let end = match dice.below(5) {
        // Where nothing is packed, nothing would ever tell.
        0 | 1 if gzip => DamageEnd::Checksum,
        0..=2 => DamageEnd::CutClean { bytes: dice.between(1, 60) },
        3 => DamageEnd::Cut { bytes: dice.between(1, 60) },
        _ => DamageEnd::Reset { bytes: dice.between(1, 60) },
    };
    let together = content.shape == Shape::Together;
    let place = *dice.one(&[
        DamagePlace::Time,
        DamagePlace::Time,
        DamagePlace::Time,
        DamagePlace::Number,
        DamagePlace::Letter,
    ]);
    // A wrong value is written over by the next try, a wrong time is not.
    let place = if together { DamagePlace::Time } else { place };
    let places = u32::try_from(dice.between(1, 3)).unwrap();
    // Behind the head, most of all of answers with values that hold several measurements.
    let kind = if together { 2 } else { dice.below(6) };
    let (matcher, after_bytes, times) = match kind {
        0 => (source_request(dice), dice.below(800), 1),
        1 => (matcher("/query", "SELECT", dice.below(3)), dice.below(600), 1),
        _ => {
            let times = u32::try_from(dice.between(1, 3)).unwrap();
            (matcher("/api/v2/query", "rename", dice.below(5)), 100 + dice.below(400), times)
        }
    };
    Rule { matcher, times, fault: Fault::Damage { after_bytes, places, place, end } }
}

/// One bit of an answer from another machine, or of a write to one, is another one.
fn flip(dice: &mut Dice) -> (Side, Rule) {
    let (at_byte, bit) = (dice.below(400), u8::try_from(dice.below(8)).unwrap());
    if dice.hits(1, 3) {
        let fault = Fault::FlipAsked { at_byte: usize::try_from(at_byte).unwrap(), bit };
        let matcher = matcher("/api/v2/write", "", dice.below(8));
        return (Side::Destination, Rule { matcher, times: 1, fault });
    }
    let fault = Fault::Flip { at_byte, bit };
    (Side::Source, Rule { matcher: source_request(dice), times: 1, fault })
}

fn change(dice: &mut Dice, content: &Content, bucket: &str) -> Rule {
    let when = *dice.one(&[When::Before, When::After]);
    let change = if content.shape == Shape::Boundary || dice.hits(3, 4) {
        StoreChange::Write { bucket: bucket.to_owned(), lines: content.late(dice) }
    } else {
        let (first, second) =
            (content.time_at(dice.index(1_000)), content.time_at(dice.index(1_000)));
        StoreChange::Delete {
            bucket: bucket.to_owned(),
            measurement: None,
            start: first.min(second),
            stop: first.max(second),
        }
    };
    let matcher = match (content.shape, dice.below(4)) {
        // Between the counts of the first batch.
        (Shape::Boundary, 0..=2) => matcher("/api/v2/query", "count()", dice.between(1, 6)),
        (_, 0) => source_request(dice),
        _ => matcher("/api/v2/query", "count()", dice.below(8)),
    };
    Rule { matcher, times: 1, fault: Fault::Change { when, change } }
}

/// The destination forgets.
fn loss(dice: &mut Dice, content: &Content) -> Rule {
    if dice.hits(1, 2) {
        let lines = *dice.one(&[Forgotten::All, Forgotten::From(1), Forgotten::EverySecond]);
        let matcher = matcher("/api/v2/write", " f0=", dice.below(3));
        return Rule { matcher, times: 1, fault: Fault::Forget { lines } };
    }
    let (first, second) = (content.time_at(dice.index(1_000)), content.time_at(dice.index(1_000)));
    let change = StoreChange::Delete {
        bucket: crate::support::rig::BUCKET.to_owned(),
        measurement: None,
        start: first.min(second),
        stop: first.max(second),
    };
    let matcher = matcher("/api/v2/write", "batch_stop", dice.below(3));
    Rule {
        matcher,
        times: 1,
        fault: Fault::Change { when: *dice.one(&[When::Before, When::After]), change },
    }
}
