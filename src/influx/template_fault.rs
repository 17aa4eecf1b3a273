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
    let Some(errors) = answer.get("errors") else { return Vec::new() };
    let faults = Vec::<TemplateFault>::deserialize(errors).unwrap_or_default();
    // What else calls its list so has faults of another form.
    faults.into_iter().filter(|fault| !fault.reason.is_empty()).collect()
}
