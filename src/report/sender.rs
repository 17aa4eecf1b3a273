//! From the stages to the reporter: a bounded channel that nobody ever waits at.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TrySendError};

use crate::influx::secrets;
use crate::influx::signal::{Observer, Signal};
use crate::limits;
use crate::model::scale::whole_ms;
use crate::pipeline::event::Event;

/// What travels: events with the time of their sending, and the end.
#[derive(Debug)]
pub(super) enum Message {
    /// Something happened, so many ms after the start.
    Event(u64, Event),
    /// Nothing that comes later counts.
    End,
}

/// Hands events to the reporter; clones are cheap. Sending never blocks: progress of batches is dropped once the queue
/// is half full (give or take one per thread), since the next one replaces it; the rest is kept for all other
/// events, in order. Should even
/// that be full, as it can be only while the reporter's own output is stuck, the event is counted as lost and said so.
#[derive(Debug, Clone)]
pub struct EventSender {
    queue: Sender<Message>,
    started: Instant,
    lost: Arc<AtomicU64>,
}

impl EventSender {
    pub(super) fn new(started: Instant) -> (Self, Receiver<Message>) {
        let (queue, events) = crossbeam_channel::bounded(limits::EVENTS_QUEUED_MAX);
        (Self { queue, started, lost: Arc::default() }, events)
    }

    /// Tells the reporter; after the end of the run it does nothing.
    pub fn send(&self, event: Event) {
        let progress = matches!(event, Event::BatchProgress { .. } | Event::SliceRead { .. });
        if progress && self.queue.len() >= limits::EVENTS_PROGRESS_QUEUED_MAX {
            return;
        }
        let sent = self.queue.try_send(Message::Event(self.elapsed_ms(), without_tokens(event)));
        if matches!(sent, Err(TrySendError::Full(_))) && !progress {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The same as a function, for the stages, which know nothing of reports.
    pub fn as_fn(&self) -> Arc<dyn Fn(Event) + Send + Sync> {
        let sender = self.clone();
        Arc::new(move |event| sender.send(event))
    }

    /// For the clients' signals.
    pub fn observer(&self) -> Observer {
        let sender = self.clone();
        Arc::new(move |signal| sender.send(Event::Client(signal)))
    }

    /// Events that found the queue full, without progress of batches.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(super) fn elapsed_ms(&self) -> u64 {
        whole_ms(self.started.elapsed())
    }

    /// Asks the reporter to end; waits until it has room for that.
    pub(super) fn end(&self) {
        // An error means that the reporter has gone already.
        let _ = self.queue.send(Message::End);
    }
}

/// The event without any token that a server's words repeat.
fn without_tokens(event: Event) -> Event {
    match event {
        Event::Notice(text) => Event::Notice(secrets::redact(text)),
        Event::Split { batch, slice, cause } => {
            Event::Split { batch, slice, cause: secrets::redact(cause) }
        }
        Event::Rejected { batch, values, reason } => {
            Event::Rejected { batch, values, reason: secrets::redact(reason) }
        }
        Event::Client(Signal::Retried { side, what, attempt, error }) => {
            Event::Client(Signal::Retried { side, what, attempt, error: secrets::redact(error) })
        }
        event => event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::TimeRange;

    #[test]
    fn a_full_queue_drops_progress_first_and_counts_every_other_loss() {
        let (sender, events) = EventSender::new(Instant::now());
        let progress = Event::BatchProgress {
            batch: TimeRange::ALL,
            values_read: 1,
            values_written: 0,
            bytes_read: 1,
        };
        for _ in 0..limits::EVENTS_QUEUED_MAX {
            sender.send(progress.clone());
        }
        assert_eq!((events.len(), sender.lost()), (limits::EVENTS_PROGRESS_QUEUED_MAX, 0));
        for n in 0..limits::EVENTS_QUEUED_MAX {
            sender.send(Event::Notice(n.to_string()));
        }
        assert_eq!(events.len(), limits::EVENTS_QUEUED_MAX);
        assert_eq!(sender.lost(), limits::EVENTS_PROGRESS_QUEUED_MAX as u64);
        let kept = events.try_iter().filter_map(|message| match message {
            Message::Event(_, Event::Notice(text)) => Some(text),
            _ => None,
        });
        assert!(
            kept.eq((0..limits::EVENTS_QUEUED_MAX - limits::EVENTS_PROGRESS_QUEUED_MAX)
                .map(|n| n.to_string()))
        );
        drop(events);
        sender.send(Event::Notice("after the end".to_owned()));
        sender.end();
    }
}
