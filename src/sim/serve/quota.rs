//! Cloud's read quota: so many bytes of answers in each fixed window.

use crate::sim::settings::ReadQuota;

/// Counts bytes by window. Times are milliseconds since the start of the server.
#[derive(Debug, Clone)]
pub(super) struct QuotaMeter {
    settings: ReadQuota,
    window: u64,
    used: u64,
}

impl QuotaMeter {
    /// A quota nothing of which is used.
    pub(super) const fn new(settings: ReadQuota) -> Self {
        Self { settings, window: 0, used: 0 }
    }

    /// Lets a query in, or tells the whole seconds until the window is reset. A query that was let in runs to its end.
    pub(super) fn admit(&mut self, now_ms: u64) -> Result<(), u64> {
        let into_window_ms = self.enter(now_ms);
        if self.used < self.settings.bytes_per_window {
            return Ok(());
        }
        Err((self.settings.window_ms - into_window_ms).div_ceil(1_000))
    }

    /// Counts bytes that were sent.
    pub(super) fn debit(&mut self, now_ms: u64, bytes: u64) {
        self.enter(now_ms);
        self.used = self.used.saturating_add(bytes);
    }

    /// Bytes counted in the current window.
    pub(super) fn used(&mut self, now_ms: u64) -> u64 {
        self.enter(now_ms);
        self.used
    }

    /// Moves to the window of `now_ms` and tells how much of it has passed.
    fn enter(&mut self, now_ms: u64) -> u64 {
        let since = now_ms + self.settings.phase_ms;
        let window_ms = self.settings.window_ms.max(1);
        if since / window_ms != self.window {
            self.window = since / window_ms;
            self.used = 0;
        }
        since % window_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_fixed_and_begin_at_the_phase() {
        let mut quota = QuotaMeter::new(ReadQuota {
            bytes_per_window: 100,
            window_ms: 10_000,
            phase_ms: 4_000,
        });
        quota.debit(0, 99);
        assert_eq!(quota.admit(0), Ok(()));
        quota.debit(1_000, 500);
        assert_eq!(quota.admit(1_000), Err(5));
        assert_eq!(quota.admit(5_999), Err(1));
        assert_eq!(quota.admit(6_000), Ok(()));
        quota.debit(6_000, 100);
        assert_eq!((quota.admit(6_000), quota.used(15_999)), (Err(10), 100));
        assert_eq!(quota.used(16_000), 0);
    }
}
