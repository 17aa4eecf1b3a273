//! What the page is made of.

use crate::bench::extrapolate::{self, Whole};
use crate::bench::recommend;
use crate::bench::record::{BenchHeader, Recorded, Trial};
use crate::bench::sample::Strata;
use crate::bench::setting::TrialSetting;
use crate::bench::verdict::{BenchVerdict, Recommendation, SettingRow};
use crate::model::density::Cell;
use crate::model::time::TimeRange;

/// A recorded bench, and what follows from its trials where it has no verdict.
pub(super) struct PageView<'a> {
    pub(super) header: &'a BenchHeader,
    pub(super) trials: &'a [Trial],
    pub(super) rows: Vec<SettingRow>,
    pub(super) best: Option<Recommendation>,
    pub(super) verdict: Option<&'a BenchVerdict>,
    pub(super) whole: Option<Whole>,
}

impl<'a> PageView<'a> {
    pub(super) fn of(recorded: &'a Recorded) -> Self {
        let Recorded { header, trials, verdict } = recorded;
        let verdict = verdict.as_ref();
        let whole = whole(header);
        let (rows, best) = match (verdict, &whole) {
            (Some(verdict), _) => (verdict.rows.clone(), verdict.recommendation.clone()),
            (None, Some(whole)) => so_far(whole, trials),
            (None, None) => (Vec::new(), None),
        };
        Self { header, trials, rows, best, verdict, whole }
    }
}

/// What the trials of a bench without a verdict say, as its verdict would.
fn so_far(whole: &Whole, trials: &[Trial]) -> (Vec<SettingRow>, Option<Recommendation>) {
    let mut settings: Vec<TrialSetting> = trials.iter().map(|trial| trial.setting).collect();
    settings.sort_by_key(TrialSetting::order);
    settings.dedup();
    let found: Vec<(SettingRow, Vec<Trial>)> = settings
        .into_iter()
        .filter_map(|setting| {
            let own = trials.iter().filter(|trial| trial.setting == setting);
            let own: Vec<Trial> = own.cloned().collect();
            Some((extrapolate::row(setting, &own, whole)?, own))
        })
        .collect();
    let pairs = found.iter().map(|(row, trials)| (row, trials.as_slice()));
    let best = recommend::best(pairs, whole);
    (found.into_iter().map(|(row, _)| row).collect(), best)
}

/// The migration that the trials are extrapolated to; none if its density is no possible one.
fn whole(header: &BenchHeader) -> Option<Whole> {
    header.density.iter().try_fold(0u64, |sum, cell| sum.checked_add(cell.values))?;
    let cells: Vec<Cell> = header
        .density
        .iter()
        .map(|cell| Cell { range: TimeRange::new(cell.start, cell.stop), values: cell.values })
        .collect();
    let strata = Strata::new(TimeRange::new(header.start, header.stop), &cells);
    Some(Whole::new(header, &strata))
}
