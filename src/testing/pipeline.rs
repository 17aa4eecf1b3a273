//! What the tests reach of `pipeline`.

pub use crate::pipeline::{RunOutcome, run};
pub mod closing {
    pub use crate::pipeline::closing::Closing;
    pub use crate::pipeline::pieces::Discrepancy;
}
pub mod commit {
    pub use crate::pipeline::commit::Checkpoint;
}
pub mod event {
    pub use crate::pipeline::event::{Counters, Event, PlannedRun, StopReason, VerifyProgress};
}
pub mod plan {
    pub use crate::pipeline::plan::NextBatch;
    pub mod choice {
        pub use crate::pipeline::plan::choice::Choices;
    }
    pub mod spool {
        pub use crate::pipeline::plan::spool::{Lacking, SpoolBatches, SpoolJob};
    }
}
pub mod pool {
    pub use crate::pipeline::pool::jobs_open;
}
pub mod read {
    pub use crate::pipeline::read::BatchOrigin;
}
pub mod source {
    pub use crate::pipeline::source::SourceBucket;
}
pub mod stop {
    pub use crate::pipeline::stop::{StopSignal, Stopper, stop_pair};
}
pub mod write {
    pub use crate::pipeline::write::{Destination, DestinationWriter};
    pub mod bucket {
        pub mod type_conflict {
            pub use crate::pipeline::write::bucket::type_conflict::ConflictPolicy;
        }
    }
}
pub mod verify {
    pub mod evidence {
        pub use crate::pipeline::verify::evidence::EvidenceKind;
    }
    pub mod prover {
        pub use crate::pipeline::verify::prover::Proven;
    }
    pub mod repair {
        pub use crate::pipeline::verify::repair::Repaired;
    }
    pub mod sample {
        pub use crate::pipeline::verify::sample::{BatchSample, SampledBatches};
    }
    pub use crate::pipeline::verify::difference::ValueDifference;
    pub use crate::pipeline::verify::{BatchDifference, VerifyFindings};
}
