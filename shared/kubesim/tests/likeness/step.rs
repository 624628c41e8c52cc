//! A request of a case.

use std::fmt;

use serde_json::Value;

/// A request of a case. In paths and bodies `{ns}` stands for the namespace of the case, `{rv:N}` and `{uid:N}` for the
/// N-th version and uid that were seen in it.
#[derive(Debug, Clone)]
pub struct Step {
    pub method: &'static str,
    pub path: String,
    pub content: &'static str,
    pub body: Option<Value>,
    pub manager: String,
    pub strict: Strict,
    pub expect: Expect,
}

/// How closely answers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strict {
    /// In all.
    All,
    /// Refusals by code and reason: the text quotes what differs.
    Reason,
}

/// When a step is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// With its answer.
    Answer,
    /// When it is answered with this code: what the real server does behind a request takes it a moment.
    Until(u16),
    /// When its answer holds this text.
    UntilHolds(&'static str),
    /// As [`Self::Until`], and what is answered is not compared.
    Quietly(u16),
}

/// `v1:configmaps/a` in the namespace of the case, `apps/v1:deployments/a`, or a path as it is.
fn path(short: &str) -> String {
    match short.split_once(':') {
        Some((version, rest)) if !short.starts_with('/') => {
            let root = if version.contains('/') { "/apis" } else { "/api" };
            format!("{root}/{version}/namespaces/{{ns}}/{rest}")
        }
        _ => short.to_owned(),
    }
}

impl Step {
    fn new(method: &'static str, short: &str, content: &'static str, body: Option<Value>) -> Self {
        let (manager, strict, expect) = ("tester".to_owned(), Strict::All, Expect::Answer);
        Self { method, path: path(short), content, body, manager, strict, expect }
    }

    pub fn get(short: &str) -> Self {
        Self::new("GET", short, "", None)
    }

    pub fn post(short: &str, body: Value) -> Self {
        Self::new("POST", short, "application/json", Some(body))
    }

    pub fn put(short: &str, body: Value) -> Self {
        Self::new("PUT", short, "application/json", Some(body))
    }

    pub fn apply(short: &str, manager: &str, body: Value) -> Self {
        Self::new("PATCH", short, "application/apply-patch+yaml", Some(body)).by(manager)
    }

    pub fn force(short: &str, manager: &str, body: Value) -> Self {
        Self::apply(&with(short, "force=true"), manager, body)
    }

    pub fn merge(short: &str, body: Value) -> Self {
        Self::new("PATCH", short, "application/merge-patch+json", Some(body))
    }

    pub fn json(short: &str, body: Value) -> Self {
        Self::new("PATCH", short, "application/json-patch+json", Some(body))
    }

    pub fn strategic(short: &str, body: Value) -> Self {
        Self::new("PATCH", short, "application/strategic-merge-patch+json", Some(body))
    }

    pub fn delete(short: &str, body: Value) -> Self {
        Self::new("DELETE", short, "application/json", Some(body))
    }

    /// A deletion without a body.
    pub fn plain_delete(short: &str) -> Self {
        Self::new("DELETE", short, "", None)
    }

    /// All that is told in a second about a resource since a version.
    pub fn watch(short: &str, from: &str) -> Self {
        Self::get(&with(short, &format!("watch=1&timeoutSeconds=1&resourceVersion={from}")))
    }

    pub fn by(mut self, manager: &str) -> Self {
        self.manager = manager.to_owned();
        self
    }

    pub fn loosely(mut self) -> Self {
        self.strict = Strict::Reason;
        self
    }

    pub fn until(mut self, code: u16) -> Self {
        self.expect = Expect::Until(code);
        self
    }

    pub fn until_holds(mut self, text: &'static str) -> Self {
        self.expect = Expect::UntilHolds(text);
        self
    }

    pub fn quietly(mut self, code: u16) -> Self {
        self.expect = Expect::Quietly(code);
        self
    }

    /// The path with its parameters; writes name their manager.
    pub fn target(&self) -> String {
        if self.method == "GET" || self.manager.is_empty() {
            return self.path.clone();
        }
        with(&self.path, &format!("fieldManager={}", self.manager))
    }

    pub fn is_watch(&self) -> bool {
        self.path.contains("watch=1")
    }
}

/// A path with one more parameter.
pub fn with(path: &str, parameter: &str) -> String {
    format!("{path}{}{parameter}", if path.contains('?') { '&' } else { '?' })
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body.as_ref().map(ToString::to_string).unwrap_or_default();
        write!(f, "{} {} as {} {}\n{body}", self.method, self.path, self.manager, self.content)
    }
}
