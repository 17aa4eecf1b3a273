//! What is said of a run that is ended at once: where it stood when it was last looked at. The reporter keeps it here, because
//! nobody has the time to ask it then.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;

use crate::model::number;
use crate::model::time::Timestamp;
use crate::report::state::RunState;
use crate::report::text::{wrap, wrap_after};
use crate::report::{json, stream};

static LAST: Mutex<Option<LastSeen>> = Mutex::new(None);

#[derive(Debug, Clone, Copy)]
struct LastSeen {
    elapsed_ms: u64,
    committed_to: Option<Timestamp>,
    per_mille: u32,
    is_json: bool,
    is_kept: bool,
}

/// Where the run stands now.
pub(super) fn keep(state: &RunState, elapsed_ms: u64, is_json: bool) {
    let (committed_to, per_mille) = (state.committed_to, state.job_per_mille());
    let is_kept = state.header.is_kept();
    *last() = Some(LastSeen { elapsed_ms, committed_to, per_mille, is_json, is_kept });
}

/// The run tells its end itself.
pub(super) fn forget() {
    *last() = None;
}

/// The last word, if a run is under way.
pub(crate) fn lines(exit: u8) -> Option<Vec<String>> {
    let LastSeen { elapsed_ms, committed_to, per_mille, is_json, is_kept } = (*last())?;
    if is_json {
        let body = json!({
            "exit": exit,
            "kind": "stopped",
            "side": null,
            "status": null,
            "cure": null,
            "message": AT_ONCE,
            "errors": [AT_ONCE],
            "elapsed_ms": elapsed_ms,
            "committed_to": committed_to.map(|time| time.to_string()),
        });
        return Some(vec![json::line("exit_error", json::now(), body)]);
    }
    let then = if is_kept { "the same command resumes" } else { "nothing of it is kept" };
    let place = match committed_to {
        Some(time) => {
            let percent = number::percent(per_mille);
            format!("committed to {}   {percent}; {then}", number::minute(time))
        }
        None => format!("nothing was committed by this run; {then}"),
    };
    let columns = stream::stdout_paper(None).columns;
    let head = format!("STOPPED at once   {}   exit {exit}", number::duration(elapsed_ms));
    let mut lines = wrap(&head, columns, 2);
    lines.extend(wrap_after(columns, "  ", &place));
    Some(lines)
}

const AT_ONCE: &str = "stopped at once by a second signal; what is committed is kept";

fn last() -> MutexGuard<'static, Option<LastSeen>> {
    LAST.lock().unwrap_or_else(PoisonError::into_inner)
}
