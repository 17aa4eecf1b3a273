//! Names of InfluxQL.

/// The retention policy of a database that was made without one.
pub(super) const AUTOGEN: &str = "autogen";

/// A mapping that somebody made. OSS adds one for each bucket by itself, and so does a server with
/// InfluxQL switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dbrp {
    /// What `db` names.
    pub database: String,
    /// What `rp` names.
    pub retention_policy: String,
    /// Whether it stands for the database where no retention policy is named.
    pub default: bool,
    /// The bucket, by name.
    pub bucket: String,
}

impl Dbrp {
    /// The default mapping of a database to a bucket.
    pub fn default_of(database: &str, bucket: &str) -> Self {
        Self {
            database: database.to_owned(),
            retention_policy: AUTOGEN.to_owned(),
            default: true,
            bucket: bucket.to_owned(),
        }
    }
}
