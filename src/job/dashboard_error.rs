//! Why a dashboard is not installed, or not taken away.

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DashboardError {
    /// Nobody says in which organization.
    #[error("the organization of the destination is not known: {why}; --destination-org gives it")]
    NoOrg {
        /// What was found instead.
        why: String,
    },
    /// There is nothing that it could show.
    #[error(
        "the destination has no bucket {bucket:?} that the token sees, so there is nothing to show: --batch-bucket names the \
         bucket that keeps the progress, and the first run creates it"
    )]
    NoBatchBucket {
        /// Its name.
        bucket: String,
    },
    /// It would write over something of somebody else.
    #[error(
        "the destination has a variable {name:?} that this dashboard has not brought, and its queries need one of that name: \
         rename that one, or remove it"
    )]
    Taken {
        /// The name of the variable.
        name: String,
    },
    /// The server does not accept it.
    #[error("the destination does not accept the template: {}", reasons.join("; "))]
    Refused {
        /// In its words.
        reasons: Vec<String>,
    },
}
