//! What a rejects file lacks of what the records tell.

use std::fmt;

use super::limit::RejectsFile;
use crate::model::number;

/// What is missing in the file, in one sentence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Missing<'a> {
    /// The file.
    pub file: &'a RejectsFile,
    /// Values in its whole sections of committed batches.
    pub found: u64,
    /// Values that those batches have refused, as their records say.
    pub refused: u64,
}

impl fmt::Display for Missing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, found, refused } = self;
        let path = file.path.display();
        let (found, refused) = (number::grouped(*found), number::grouped(*refused));
        write!(
            f,
            "the committed batches of this job have refused {refused} values, but {path} accounts for {found} of them: \
             it is missing, cut, changed, or not the file of the earlier runs. sluice cannot restore it; the batches are \
             those of batch_details with rejected > 0"
        )
    }
}
