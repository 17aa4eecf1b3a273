//! A batch of a spool that lacks values which could not be staged: what can be said of it all the same.

use super::end::ComparedEnd;
use super::source::ComparedSource;
use super::values::ValueWalk;
use crate::model::number;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;

/// Why nothing is known of a batch of which so many values were not staged; `None` if all were, or if the destination differs in
/// one that was. Those that were not may be what it holds beside the others, but nothing excuses one that is missing or changed.
pub(super) async fn unproven(
    ends: (&ComparedSource, &ComparedEnd),
    range: TimeRange,
    unstaged: u64,
    is_equal: bool,
) -> Result<Option<String>, Error> {
    if unstaged == 0 {
        return Ok(None);
    }
    let mut beside = 0_u64;
    if !is_equal {
        let mut walk = ValueWalk::new(ends, range);
        while let Some(found) = walk.next().await? {
            if !found.is_whole || found.differing.iter().any(|one| one.source.is_some()) {
                return Ok(None);
            }
            beside += found.differing.len() as u64;
        }
    }
    let values = |n| number::all_counted(n, "value", "values");
    let lack = format!("what was staged is there; {} could not be staged", values(unstaged));
    Ok(Some(match beside {
        0 => lack,
        more => format!("{lack}, and the destination holds {} beside it", values(more)),
    }))
}
