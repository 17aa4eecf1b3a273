//! What the words of a failed query mean.

use super::error::{FailureKind, is_panic};

/// Texts that name the place in the script: the script is at fault, whatever names it holds.
const SCRIPT_ERRORS: [&str; 5] = [
    "compilation failed",
    "error @",
    "error in building plan",
    "error in query specification",
    "failed to decode request body",
];

/// First match wins.
const QUERY_TEXTS: [(&str, FailureKind); 31] = [
    ("schema collision", FailureKind::BadRequest),
    ("type conflict", FailureKind::BadRequest),
    ("cardinality limit", FailureKind::Cardinality),
    ("limited_cardinality", FailureKind::Cardinality),
    ("max-series", FailureKind::Cardinality),
    ("plan limit", FailureKind::RateLimited { retry_after_ms: None }),
    ("too many requests", FailureKind::RateLimited { retry_after_ms: None }),
    ("rate limit", FailureKind::RateLimited { retry_after_ms: None }),
    ("memory allocation limit", FailureKind::MemoryLimit),
    ("memory limit", FailureKind::MemoryLimit),
    ("out of memory", FailureKind::MemoryLimit),
    ("queue length exceeded", FailureKind::Unavailable { retry_after_ms: None }),
    ("could not find bucket", FailureKind::NotFound),
    ("database not found", FailureKind::NotFound),
    ("retention policy not found", FailureKind::NotFound),
    ("unauthorized access", FailureKind::Unauthorized),
    ("insufficient permissions", FailureKind::Forbidden),
    ("timeout", FailureKind::Timeout),
    ("timed out", FailureKind::Timeout),
    ("deadline exceeded", FailureKind::Timeout),
    ("canceled", FailureKind::Timeout),
    ("cancelled", FailureKind::Timeout),
    ("terminated", FailureKind::Timeout),
    ("internal error", FailureKind::ServerError),
    ("rpc error", FailureKind::ServerError),
    ("unavailable", FailureKind::ServerError),
    ("connection re", FailureKind::ServerError),
    ("broken pipe", FailureKind::ServerError),
    ("unexpected eof", FailureKind::ServerError),
    ("engine is closed", FailureKind::ServerError),
    ("no such host", FailureKind::ServerError),
];

/// What the text of a failed query means: from an error table behind a 200, or from an error answer.
pub fn classify_query_text(message: &str) -> FailureKind {
    let text = message.trim().to_lowercase();
    if text.contains("organization") && text.ends_with("not found") {
        return FailureKind::NotFound;
    }
    if is_panic(&text) || SCRIPT_ERRORS.iter().any(|start| text.starts_with(start)) {
        return FailureKind::BadRequest;
    }
    QUERY_TEXTS
        .iter()
        .find(|(part, _)| text.contains(part))
        .map_or(FailureKind::BadRequest, |(_, kind)| *kind)
}
