//! Which requests are hit, and how often.

use std::collections::VecDeque;

use super::fault::{Fault, StoreChange, When};
use crate::sim::data::store::BucketStore;
use crate::sim::http::queries::{script_of, statements_of};
use crate::sim::http::request::HttpRequest;

/// Which requests a rule looks at. Empty texts match everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matcher {
    /// Method, such as `POST`.
    pub method: String,
    /// Beginning of the path, such as `/api/v2/query`.
    pub path: String,
    /// Text inside the body, after JSON decoding for Flux; for InfluxQL text inside the statements, wherever they are.
    pub body: String,
    /// Matching requests that are let through first.
    pub skip: u32,
}

impl Matcher {
    /// Requests whose path begins with `path`.
    pub fn path(path: &str) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }

    /// The same, but only bodies that hold `text`.
    #[must_use]
    pub fn body(self, text: &str) -> Self {
        Self { body: text.to_owned(), ..self }
    }

    /// The same, but only after `requests` matching ones.
    #[must_use]
    pub fn skip(self, requests: u32) -> Self {
        Self { skip: requests, ..self }
    }

    fn matches(&self, request: &HttpRequest) -> bool {
        let method = self.method.is_empty() || self.method == request.method;
        let found = |text: &[u8]| memchr::memmem::find(text, self.body.as_bytes()).is_some();
        let body = || {
            self.body.is_empty()
                || found(&request.body)
                || script_of(&request.body).is_some_and(|script| found(&script))
                || statements_of(request).is_some_and(|text| found(&text))
        };
        method && request.path.starts_with(&self.path) && body()
    }
}

/// One fault for some requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Which requests.
    pub matcher: Matcher,
    /// How many of them.
    pub times: u32,
    /// What happens.
    pub fault: Fault,
}

/// Rules in order: the first one that matches and is not used up strikes.
#[derive(Debug, Clone, Default)]
pub struct FaultScript {
    rules: VecDeque<Rule>,
}

impl FaultScript {
    /// No faults.
    pub const fn none() -> Self {
        Self { rules: VecDeque::new() }
    }

    /// Adds a rule at the end.
    #[must_use]
    pub fn with(mut self, matcher: Matcher, times: u32, fault: Fault) -> Self {
        self.push(Rule { matcher, times, fault });
        self
    }

    /// Adds a rule at the end.
    pub fn push(&mut self, rule: Rule) {
        self.rules.push_back(rule);
    }

    /// True once no rule is left.
    pub fn is_used_up(&self) -> bool {
        self.rules.is_empty()
    }

    /// What strikes a request.
    pub(crate) fn strike(&mut self, request: &HttpRequest) -> Struck {
        let mut struck = Struck::default();
        let mut at = 0;
        while at < self.rules.len() {
            let rule = &mut self.rules[at];
            let changes = matches!(rule.fault, Fault::Change { .. });
            if !changes && struck.fault.is_some() || !rule.matcher.matches(request) {
                at += 1;
                continue;
            }
            if rule.matcher.skip > 0 {
                rule.matcher.skip -= 1;
                at += 1;
                continue;
            }
            rule.times = rule.times.saturating_sub(1);
            match rule.fault.clone() {
                Fault::Change { when, change } => struck.changes.push((when, change)),
                fault => struck.fault = Some(fault),
            }
            if rule.times == 0 {
                self.rules.remove(at);
            } else {
                at += 1;
            }
        }
        struck
    }
}

/// All that strikes one request.
#[derive(Debug, Default)]
pub(crate) struct Struck {
    pub(crate) fault: Option<Fault>,
    pub(crate) changes: Vec<(When, StoreChange)>,
}

impl Struck {
    /// Carries out what lies on that side of the request.
    pub(crate) fn apply(&self, when: When, store: &BucketStore) {
        self.changes.iter().filter(|(at, _)| *at == when).for_each(|(_, c)| c.apply(store));
    }

    /// A short name for records.
    pub(crate) fn name(&self) -> Option<&'static str> {
        let changed = (!self.changes.is_empty()).then_some("change");
        self.fault.as_ref().map(Fault::name).or(changed)
    }
}
