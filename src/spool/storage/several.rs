//! Several things at one time, where each of them waits for a network most of the time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Does this with each item, with so many at one time. After an error no further one is begun; that of the first item is
/// given.
pub(crate) fn each<T: Sync, E: Send>(
    items: &[T],
    at_one_time: usize,
    work: impl Fn(&T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    if at_one_time <= 1 || items.len() <= 1 {
        return items.iter().try_for_each(work);
    }
    let next = AtomicUsize::new(0);
    let one = || {
        loop {
            let at = next.fetch_add(1, Ordering::SeqCst);
            let item = items.get(at)?;
            if let Err(error) = work(item) {
                next.store(items.len(), Ordering::SeqCst);
                return Some((at, error));
            }
        }
    };
    let failed = thread::scope(|scope| {
        let threads: Vec<_> = (0..at_one_time.min(items.len())).map(|_| scope.spawn(one)).collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.flatten().min_by_key(|(at, _)| *at)
    });
    failed.map_or(Ok(()), |(_, error)| Err(error))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn all_are_done_and_the_first_error_is_given() {
        let items: Vec<usize> = (0..100).collect();
        for at_one_time in [0, 1, 3, 8, 200] {
            let seen = Mutex::new(Vec::new());
            let all = each(&items, at_one_time, |item| {
                seen.lock().unwrap().push(*item);
                Ok::<_, usize>(())
            });
            let mut seen = seen.into_inner().unwrap();
            seen.sort_unstable();
            assert_eq!((all, seen), (Ok(()), items.clone()), "{at_one_time}");

            let failed =
                each(&items, at_one_time, |item| if *item >= 20 { Err(*item) } else { Ok(()) });
            assert_eq!(failed, Err(20), "{at_one_time}");
        }
        assert_eq!(each(&[], 8, |(): &()| Err(())), Ok(()));
    }
}
