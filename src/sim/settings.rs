//! How a simulated server is set up.

use std::fmt;

use super::clock::ServerClock;
use super::dbrp::Dbrp;
use super::faults::script::FaultScript;

/// Which product is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// InfluxDB Cloud on TSM: limits, no version headers, no health endpoint.
    Cloud,
    /// InfluxDB OSS 2.x.
    Oss,
}

/// What a token may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// Everything in the organisation.
    All,
    /// Read one bucket, by name.
    Read(String),
    /// Write one bucket, by name.
    Write(String),
}

/// A token with its permissions. Its text appears in no output.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The secret.
    pub text: String,
    /// What it may do.
    pub permissions: Vec<Permission>,
}

impl AccessToken {
    /// A token that may do everything.
    pub fn all(text: &str) -> Self {
        Self { text: text.to_owned(), permissions: vec![Permission::All] }
    }

    /// A token that may read one bucket.
    pub fn read(text: &str, bucket: &str) -> Self {
        Self { text: text.to_owned(), permissions: vec![Permission::Read(bucket.to_owned())] }
    }

    /// A token that may write one bucket.
    pub fn write(text: &str, bucket: &str) -> Self {
        Self { text: text.to_owned(), permissions: vec![Permission::Write(bucket.to_owned())] }
    }

    pub(super) fn may_all(&self) -> bool {
        self.permissions.contains(&Permission::All)
    }

    pub(super) fn may_read(&self, bucket: &str) -> bool {
        self.permissions.iter().any(|granted| match granted {
            Permission::All => true,
            Permission::Read(name) => name == bucket,
            Permission::Write(_) => false,
        })
    }

    pub(super) fn may_write(&self, bucket: &str) -> bool {
        self.permissions.iter().any(|granted| match granted {
            Permission::All => true,
            Permission::Write(name) => name == bucket,
            Permission::Read(_) => false,
        })
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("text", &"[redacted]")
            .field("permissions", &self.permissions)
            .finish()
    }
}

/// How a query ends that runs longer than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutForm {
    /// An error table behind the rows.
    ErrorTable,
    /// The connection is closed in the middle of the body.
    Cut,
}

/// A Flux task, as `/api/v2/tasks` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FluxTask {
    /// Sixteen hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `active` or `inactive`.
    pub status: String,
    /// Its script.
    pub flux: String,
}

/// The quota of an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadQuota {
    /// Bytes of decoded answers in one window.
    pub bytes_per_window: u64,
    /// Length of a window; Cloud's is 300,000.
    pub window_ms: u64,
    /// How much of the first window has passed when the server starts.
    pub phase_ms: u64,
}

/// Everything a server can be told at its start.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Which product.
    pub kind: Product,
    /// The one organisation.
    pub org: String,
    /// Its id.
    pub org_id: String,
    /// Who may come in.
    pub tokens: Vec<AccessToken>,
    /// The read quota; answers to `/api/v2/query` and `/query` count.
    pub quota: Option<ReadQuota>,
    /// Whether a token with all permissions may read the limits.
    pub limits_readable: bool,
    /// Bytes per second at which a query yields; `None` for as fast as it can.
    pub read_bytes_per_s: Option<u64>,
    /// How long a query may take. It only strikes where `read_bytes_per_s` is set: a query that would take longer
    /// at that rate fails where the limit falls.
    pub query_timeout_ms: Option<u64>,
    /// In which form.
    pub timeout_form: TimeoutForm,
    /// Whether `/query` knows each bucket as a database by itself, as OSS does; Cloud does not.
    pub influxql: bool,
    /// Databases of `/query` that somebody mapped to buckets.
    pub dbrps: Vec<Dbrp>,
    /// Largest body of a write; `None` for no bound.
    pub write_bytes_max: Option<usize>,
    /// The wall clock.
    pub clock: ServerClock,
    /// The version that OSS names.
    pub version: String,
    /// Tasks of the organisation.
    pub tasks: Vec<FluxTask>,
    /// What goes wrong.
    pub faults: FaultScript,
    /// Whether requests are recorded.
    pub record_requests: bool,
}

impl ServerSettings {
    fn new(kind: Product, org: &str, token: &str) -> Self {
        Self {
            kind,
            org: org.to_owned(),
            org_id: "37e0d56ad7b6896a".to_owned(),
            tokens: vec![AccessToken::all(token)],
            quota: None,
            limits_readable: true,
            read_bytes_per_s: None,
            query_timeout_ms: None,
            timeout_form: TimeoutForm::ErrorTable,
            influxql: kind == Product::Oss,
            dbrps: Vec::new(),
            write_bytes_max: None,
            clock: ServerClock::system(),
            version: "v2.9.1".to_owned(),
            tasks: Vec::new(),
            faults: FaultScript::none(),
            record_requests: true,
        }
    }

    /// An OSS server with one token that may do everything.
    pub fn oss(org: &str, token: &str) -> Self {
        Self::new(Product::Oss, org, token)
    }

    /// A Cloud server with one token that may do everything, without a quota.
    pub fn cloud(org: &str, token: &str) -> Self {
        Self::new(Product::Cloud, org, token)
    }
}
