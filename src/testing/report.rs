//! What the tests reach of `report`.

pub use crate::report::{Ending, Mode, ReportOutput, ReportSettings, start_on};
pub mod dashboard {
    pub use crate::report::dashboard::{grafana, template};
    pub mod cells {
        pub use crate::report::dashboard::cells::CELLS;
    }
}
pub mod dry_run {
    pub use crate::report::dry_run::DryRun;
}
pub mod export {
    pub use crate::report::export::ExportReport;
}
pub mod facts {
    pub use crate::report::facts::RowFacts;
}
pub mod failure {
    pub use crate::report::failure::ErrorFacts;
}
pub mod json {
    pub use crate::report::json::{event, failure, status, summary};
}
pub mod plan {
    pub use crate::report::plan::{IntervalRow, PlanReport};
}
pub mod preflight {
    pub use crate::report::preflight::{Finding, PreflightReport, Row, Verdict};
}
pub mod question {
    pub use crate::report::question::Question;
}
pub mod run_end {
    pub use crate::report::run_end::RunEnd;
}
pub mod screen {
    pub use crate::report::screen::{batch_text, condition, screen, title};
}
pub mod state {
    pub use crate::report::state::{Header, OpenBatch, QuotaShown, RunState, RunTotals, SinkKind};
}
pub mod summary {
    pub use crate::report::summary::{FailureInput, failure_lines, lines};
    pub use crate::report::summary_input::SummaryInput;
}
pub mod talk {
    pub use crate::report::talk::{Talk, progress};
}
pub mod text {
    pub use crate::report::text::{COLUMNS, Glyphs, Paper, width};
}
pub mod verify {
    pub use crate::report::verify::NamedValues;
}
pub mod volume {
    pub use crate::report::volume::Volume;
}
