//! Ids as InfluxDB writes them, and an organization by its id or its name.

/// How requests name the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OrgKey {
    Name(String),
    Id(String),
}

impl OrgKey {
    /// A text as a person gives it: an id, if it has the form of one.
    pub(super) fn given(text: String) -> Self {
        if is_id(&text) { Self::Id(text) } else { Self::Name(text) }
    }

    pub(super) fn parameter(&self) -> (&'static str, &str) {
        match self {
            Self::Name(name) => ("org", name),
            Self::Id(id) => ("orgID", id),
        }
    }
}

/// True for an id as InfluxDB writes it: 16 hexadecimal digits.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
