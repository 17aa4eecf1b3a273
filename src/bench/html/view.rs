//! What the page is made of.

use crate::bench::extrapolate::{self, Whole};
use crate::bench::recommend;
use crate::bench::record::{Header, Recorded, Trial};
use crate::bench::sample::Strata;
use crate::bench::setting::Setting;
use crate::bench::verdict::{Recommendation, Row, Verdict};
use crate::model::time::TimeRange;
use crate::pipeline::plan::tally::Cell;

/// A recorded bench, and what follows from its trials where it has no verdict.
pub(super) struct View<'a> {
    pub(super) header: &'a Header,
    pub(super) trials: &'a [Trial],
    pub(super) rows: Vec<Row>,
    pub(super) best: Option<Recommendation>,
    pub(super) verdict: Option<&'a Verdict>,
    pub(super) whole: Option<Whole>,
}

impl<'a> View<'a> {
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
fn so_far(whole: &Whole, trials: &[Trial]) -> (Vec<Row>, Option<Recommendation>) {
    let mut settings: Vec<Setting> = trials.iter().map(|trial| trial.setting).collect();
    settings.sort_by_key(Setting::order);
    settings.dedup();
    let found: Vec<(Row, Vec<Trial>)> = settings
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
fn whole(header: &Header) -> Option<Whole> {
    header.density.iter().try_fold(0u64, |sum, cell| sum.checked_add(cell.values))?;
    let cells: Vec<Cell> = header
        .density
        .iter()
        .map(|cell| Cell { range: TimeRange::new(cell.start, cell.stop), values: cell.values })
        .collect();
    let strata = Strata::new(TimeRange::new(header.start, header.stop), &cells);
    Some(Whole::new(header, &strata))
}
