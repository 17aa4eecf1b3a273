//! What a verification says of the end of a case, held against what both ends hold.

use sluice::testing::config::values::EvidenceChoice;
use sluice::testing::config::verify::VerifyConfig;
use sluice::testing::job::error::chain;
use sluice::testing::pipeline::verify::evidence::EvidenceKind;

use super::case::Case;
use super::oracle;
use super::run::Ended;
use crate::support::rig::Rig;

/// By reading both ends: equal if and only if they are, and each difference counted. By what was recorded or staged: no alarm
/// where all is there, and none missed where the destination has lost something.
pub(super) async fn judge(case: &Case, rig: &Rig, ended: &Ended) -> Result<(), String> {
    let Some(config) = ended.config.as_ref().filter(|_| !ended.refused) else { return Ok(()) };
    // What went wrong is over.
    rig.source.clear_faults();
    rig.destination.clear_faults();
    let differing = oracle::differing(case, &rig.source, &rig.destination);
    let (evidence, choice) = match case.seed % 4 {
        _ if case.staged && !case.seed.is_multiple_of(3) => {
            (EvidenceKind::Spool, Some(rig.spool()))
        }
        0 | 2 => (EvidenceKind::Read, Some(EvidenceChoice::Read)),
        _ => (EvidenceKind::Recorded, Some(EvidenceChoice::Recorded)),
    };
    // None is written: what it would tell must fit together.
    let receipt = Some("receipt".into());
    let wanted =
        VerifyConfig { evidence: choice, values_shown: 1_000, receipt, ..VerifyConfig::default() };
    let found = match rig.verify(config, &wanted).await {
        Ok(found) => found,
        Err(error) => return Err(format!("verify {evidence:?}: {}", chain(&error).join(": "))),
    };
    let (verified, named) = (&found.verified, &found.named);
    let is_proven =
        verified.unproven_stretches == 0 && verified.refused == 0 && verified.doubts.is_empty();
    let is_different = verified.differing_batches > 0;
    let told = || format!("verify {evidence:?}: {verified:?} {:?}", &named.shown.iter().take(3));
    if differing.is_empty() && is_different {
        return Err(format!("a false alarm: {}", told()));
    }
    // What came or went at the source later is no matter of what was recorded or staged.
    let is_of_both = |is_changed: bool| evidence == EvidenceKind::Read || !is_changed;
    // What a spool lacks, a load knows nothing of: staging has told it.
    let is_told = evidence != EvidenceKind::Read && case.staged && !ended.is_well();
    let is_wrong = differing.iter().any(|(_, is_changed)| is_of_both(*is_changed));
    if is_wrong && is_proven && !is_different && !is_told {
        return Err(format!("{} differ, unseen: {}", differing.len(), told()));
    }
    if evidence == EvidenceKind::Read && is_proven && is_different {
        let count = |what| differing.iter().filter(|(one, _)| one.what == what).count() as u64;
        let truly = [count("missing"), count("wrong"), count("extra")];
        if truly != [named.missing, named.changed, named.extra] && named.is_whole {
            return Err(format!("{truly:?} differ: {}", told()));
        }
    }
    Ok(())
}
