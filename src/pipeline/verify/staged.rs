//! A batch of a spool that lacks values which could not be staged: what can be said of it all the same.

use super::Verdict;
use super::end::ComparedEnd;
use super::source::ComparedSource;
use super::values::ValueWalk;
use crate::model::number;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;

/// What came of a batch of which so many values were not staged. Those may be what the destination holds beside the others,
/// but nothing excuses one that was staged and is missing or changed there.
pub(super) async fn judge(
    ends: (&ComparedSource, &ComparedEnd),
    range: TimeRange,
    lacks: u64,
    verdict: Verdict,
) -> Result<Verdict, Error> {
    if lacks == 0 || matches!(verdict, Verdict::Unproven(_)) {
        return Ok(verdict);
    }
    let mut beside = 0_u64;
    if matches!(verdict, Verdict::Differs { .. }) {
        let mut walk = ValueWalk::new(ends, range);
        while let Some(found) = walk.next().await? {
            if !found.is_whole || found.differing.iter().any(|one| one.source.is_some()) {
                return Ok(verdict);
            }
            beside += found.differing.len() as u64;
        }
    }
    let lacks = number::all_counted(lacks, "value", "values");
    let beside = match beside {
        0 => String::new(),
        more => format!(
            ", and the destination holds {} beside it",
            number::all_counted(more, "value", "values")
        ),
    };
    Ok(Verdict::Unproven(format!("what was staged is there; {lacks} could not be staged{beside}")))
}
