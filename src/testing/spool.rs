//! What the tests reach of `spool`.

pub mod batch {
    pub use crate::spool::batch::FinishedBatch;
}
pub mod compact {
    pub use crate::spool::compact::CompactedSizes;
}
pub mod error {
    pub use crate::spool::error::Error;
}
pub mod place {
    pub use crate::spool::place::{Surroundings, storage};
}
pub mod state {
    pub use crate::spool::state::{FORMAT, FileEntry, StagedJob};
}
pub mod storage {
    pub use crate::spool::storage::{Reach, Storage};
}
pub mod stored {
    pub use crate::spool::frames::Decoded;
    pub use crate::spool::stored::{Stored, StoredSelection};
}
pub mod writable {
    pub use crate::spool::writable::Spool;
}
