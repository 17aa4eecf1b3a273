//! What the tests reach of `model`.

pub mod batch {
    pub use crate::model::batch::BatchPlan;
}
pub mod content_digest {
    pub use crate::model::content_digest::{ContentDigest, DigestKey};
}
pub mod held_value {
    pub use crate::model::held_value::HeldValue;
}
pub mod canary {
    pub use crate::model::canary::Canary;
}
pub mod catalogue {
    pub use crate::model::catalogue::Catalogue;
}
pub mod density {
    pub use crate::model::density::{Cell, stretches};
}
pub mod filter {
    pub use crate::model::filter::Filter;
}
pub mod foretold {
    pub use crate::model::foretold::{Conflict, Forecast, Guide, Outlook, PlanMeasurement};
}
pub mod frame {
    pub use crate::model::frame::{FieldType, Frame, Run};
}
pub mod interval {
    pub use crate::model::interval::Interval;
}
pub mod random {
    pub use crate::model::random::Random;
}
pub mod series {
    pub use crate::model::series::{Name, Readable, Series};
}
pub mod share {
    pub use crate::model::share::Share;
}
pub mod side {
    pub use crate::model::side::Side;
}
pub mod spread {
    pub use crate::model::spread::Spread;
}
pub mod time {
    pub use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
}
pub mod time_type {
    pub use crate::model::time_type::TimeType;
}
pub mod transport {
    pub use crate::model::transport::Transport;
}
