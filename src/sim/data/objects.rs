//! Dashboards and variables of the organisation, and the stacks that some of them came in.

use serde_json::Value;

/// A dashboard or a variable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredObject {
    pub(crate) id: u64,
    /// `Dashboard` or `Variable`.
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) description: String,
    /// What a template says of it besides: charts, or a query.
    pub(crate) content: Value,
    /// The stack that it came in, and what the template calls it.
    pub(crate) origin: Option<(u64, String)>,
}

/// A stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredStack {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) description: String,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct ObjectStore {
    made: u64,
    pub(crate) objects: Vec<StoredObject>,
    pub(crate) stacks: Vec<StoredStack>,
}

impl ObjectStore {
    /// A new id.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.made += 1;
        0x11b8_a000_0000_0000 + self.made
    }

    /// A variable that came in no stack.
    pub(crate) fn add_variable(&mut self, name: &str) {
        let id = self.next_id();
        self.objects.push(StoredObject {
            id,
            kind: "Variable".to_owned(),
            name: name.to_owned(),
            description: String::new(),
            content: Value::Null,
            origin: None,
        });
    }

    /// Another name for a dashboard, and one cell less.
    pub(crate) fn change_dashboard(&mut self, name: &str, new: &str) {
        for object in &mut self.objects {
            if object.kind == "Dashboard" && object.name == name {
                new.clone_into(&mut object.name);
                if let Some(charts) = object.content["charts"].as_array_mut() {
                    charts.remove(0);
                }
            }
        }
    }

    /// What came in a stack.
    pub(crate) fn of_stack(&self, id: u64) -> impl Iterator<Item = &StoredObject> {
        self.objects
            .iter()
            .filter(move |object| object.origin.as_ref().is_some_and(|(stack, _)| *stack == id))
    }
}
