//! What the server finds wrong in a template.

use serde::Deserialize;
use serde_json::Value;

/// Something that the server does not accept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct TemplateFault {
    /// Of which kind of object.
    #[serde(default)]
    kind: String,
    /// Where in it.
    #[serde(default)]
    fields: Vec<String>,
    /// Why.
    #[serde(default)]
    reason: String,
}

impl TemplateFault {
    /// In one line.
    pub(crate) fn text(&self) -> String {
        format!("{} {}: {}", self.kind, self.fields.join("."), self.reason)
    }
}

/// Those that an answer tells of; its message tells nothing of them.
pub(super) fn faults_of(answer: &Value) -> Vec<TemplateFault> {
    let faults = answer.get("errors").cloned().unwrap_or_default();
    serde_json::from_value(faults).unwrap_or_default()
}
